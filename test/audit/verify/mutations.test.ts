/**
 * A first set of changes to honest logs, each found by the name that it should have. The log is the same throughout;
 * each test changes a copy.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NOTE_KEY, noteSigner } from '../../../audit/signed-note.ts';
import { formatCheckpoint } from '../../../audit/checkpoint.ts';
import { ed25519Signer, signNote } from '../../../audit/signed-note.ts';
import { parseTrustFile } from '../../../audit/trust-file.ts';
import { verifyAudit } from '../../../audit/verify/verifier.ts';
import { auditReport } from '../../../audit/verify/report.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { CHECKPOINT_KEY, checkpointCodec } from '../../../schemas/seal-codecs.ts';
import { MADE_ORIGIN, honestLog } from '../../support/audit-log-maker.ts';
import type { AuditLogMaker } from '../../support/audit-log-maker.ts';
import { MADE_SCHEMA_ID } from '../../support/audit-log-chains.ts';
import { MemoryAuditSource, copyAudit } from '../../support/memory-audit-source.ts';
import type { MemoryAudit, MemoryPartition } from '../../support/memory-audit-source.ts';

let maker: AuditLogMaker;

beforeAll(() => {
  maker = honestLog(19, 200);
});

async function findingsIn(change: (audit: MemoryAudit) => void): Promise<readonly string[]> {
  const audit = copyAudit(maker.audit);
  change(audit);
  const trust = parseTrustFile(maker.trustNote, maker.rootVkey);
  const result = await verifyAudit(new MemoryAuditSource(audit), { trust });
  const report = auditReport(result);
  return [
    report.verdict,
    ...report.findings.filter(({ class: c }) => c !== 'DECLARED').map(({ name }) => name),
  ];
}

function eventsOf(audit: MemoryAudit): MemoryPartition {
  return audit.partitions.find(({ kind, records }) => kind === 'events' && records.length > 40)!;
}

/** Where a batch of a lane stands, in the middle of the log, with the next event of its chain behind it. */
function batchIn({ records }: MemoryPartition): number {
  const events = records.map(({ value }) => auditEventCodec.decode(value!));
  return events.findIndex(
    (event, at) =>
      at > 10 &&
      event.type === 'session.batch' &&
      event.seq > 1 &&
      events.some(
        (later, i) => i > at && later.chain_id.equals(event.chain_id) && later.seq === event.seq + 1,
      ),
  );
}

function sealsOf(audit: MemoryAudit): MemoryPartition {
  return audit.partitions.find(({ kind }) => kind === 'seals')!;
}

describe('a change of events is found', () => {
  test('one bit flipped', async () => {
    const found = await findingsIn((audit) => {
      const events = eventsOf(audit);
      const { value } = events.records[batchIn(events)]!;
      value![40] = value![40]! ^ 1;
    });
    expect(found[0]).toBe('broken');
    expect(found).toEqual(expect.arrayContaining(['ROOT_MISMATCH', 'PREV_HASH']));
  });

  test('one event deleted', async () => {
    const found = await findingsIn((audit) => {
      const events = eventsOf(audit);
      events.records.splice(batchIn(events), 1);
    });
    expect(found).toEqual(
      expect.arrayContaining([
        'SEQ_GAP',
        'PREV_HASH',
        'ROOT_MISMATCH',
        'SHORTER_THAN_SEALED',
        'COVERAGE_GAP',
      ]),
    );
  });

  test('two events of different chains swapped: only the tree can know', async () => {
    const found = await findingsIn((audit) => {
      const { records } = eventsOf(audit);
      const ids = records.map(({ value }) => auditEventCodec.decode(value!).chain_id);
      const at = ids.findIndex((id, i) => i > 5 && !id.equals(ids[i + 1]!) && isNewerSafe(records, i));
      const [one, other] = [records[at]!, records[at + 1]!];
      records[at] = { ...one, value: other.value };
      records[at + 1] = { ...other, value: one.value };
    });
    expect(found).toContain('ROOT_MISMATCH');
  });

  test('one event duplicated', async () => {
    const found = await findingsIn((audit) => {
      const events = eventsOf(audit);
      const at = batchIn(events);
      events.records.splice(at + 1, 0, { ...events.records[at]!, offset: events.records[at]!.offset });
    });
    expect(found).toEqual(expect.arrayContaining(['SEQ_DUPLICATE', 'COVERAGE_OVERLAP', 'ROOT_MISMATCH']));
  });

  test('the end cut off', async () => {
    const found = await findingsIn((audit) => {
      const events = eventsOf(audit);
      const cut = events.records.splice(-12);
      events.endOffset = cut[0]!.offset;
    });
    expect(found).toEqual(expect.arrayContaining(['SHORTER_THAN_SEALED', 'ROOT_MISMATCH']));
  });

  test('the beginning cut off without a word', async () => {
    const found = await findingsIn((audit) => {
      const events = eventsOf(audit);
      events.records.splice(0, 20);
      events.logStartOffset = events.records[0]!.offset;
    });
    expect(found).toContain('UNDECLARED_TRUNCATION');
  });

  test('an event moved to another partition', async () => {
    const found = await findingsIn((audit) => {
      const events = eventsOf(audit);
      const [moved] = events.records.splice(batchIn(events), 1);
      const other = audit.partitions.find((each) => each.kind === 'events' && each !== events)!;
      other.records.push({ ...moved!, offset: other.endOffset });
      other.endOffset += 1;
    });
    expect(found).toEqual(expect.arrayContaining(['CHAIN_IN_TWO_PARTITIONS', 'ROOT_MISMATCH']));
  });

  test('a topic that was made again', async () => {
    const found = await findingsIn((audit) => {
      eventsOf(audit).topicId = 'e'.repeat(32);
    });
    expect(found).toContain('TOPIC_RECREATED');
  });

  test('an index of persons altered', async () => {
    const found = await findingsIn((audit) => {
      const index = audit.partitions.find(({ kind, records }) => kind === 'subjects' && records.length > 3)!;
      const { value } = index.records[2]!;
      value![value!.length - 1]! ^= 1;
    });
    expect(found).toEqual(expect.arrayContaining(['SUBJECT_ROOT', 'ROOT_MISMATCH']));
  });
});

/** Not an opening or a closing on either side, so that no pointer between chains is crossed. */
function isNewerSafe(records: MemoryPartition['records'], at: number): boolean {
  return [at, at + 1].every(
    (i) => records[i] && auditEventCodec.decode(records[i].value!).type === 'session.batch',
  );
}

describe('what only the tiling knows is found', () => {
  test('a batch that the writer skipped', async () => {
    const gap = honestLog(12, 60);
    const lane = gap.lanes.find(({ session }) => session)!;
    lane.position += 5;
    gap.batch(lane, 7);
    gap.seal();
    const trust = parseTrustFile(gap.trustNote, gap.rootVkey);
    const { findings } = await verifyAudit(new MemoryAuditSource(gap.audit), { trust });
    expect(findings.names().filter((name) => name !== 'DECLARED_JUMP')).toEqual(['COVERAGE_GAP']);
  });

  test('a range read twice', async () => {
    const twice = honestLog(13, 60);
    const lane = twice.lanes.find(({ session, position }) => session && position > 5)!;
    lane.position -= 3;
    twice.batch(lane, 7);
    twice.seal();
    const trust = parseTrustFile(twice.trustNote, twice.rootVkey);
    const { findings } = await verifyAudit(new MemoryAuditSource(twice.audit), { trust });
    expect(findings.names().filter((name) => name !== 'DECLARED_JUMP')).toEqual(['COVERAGE_OVERLAP']);
  });

  test('a committed position beyond all events, and one behind them', async () => {
    const move = (by: number) => (audit: MemoryAudit) => {
      const [first, ...rest] = audit.committed!;
      audit.committed = [{ ...first!, offset: first!.offset + by }, ...rest];
    };
    expect(await findingsIn(move(4))).toEqual(['broken', 'COVERAGE_SHORT']);
    expect(await findingsIn(move(-4))).toEqual(['broken', 'COVERAGE_BEYOND']);
  });
});

describe('a change of seals is found', () => {
  test('a seal deleted', async () => {
    const found = await findingsIn((audit) => {
      sealsOf(audit).records.splice(4, 1);
    });
    expect(found).toEqual(expect.arrayContaining(['SEAL_SEQ', 'SEAL_PREV_HASH', 'NOTE_SIZE']));
  });

  test('a checkpoint signed by a wrong key', async () => {
    const found = await findingsIn((audit) => {
      const { records } = sealsOf(audit);
      const stranger = noteSigner(MADE_ORIGIN, NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 3)));
      const text = formatCheckpoint({ origin: MADE_ORIGIN, size: 1, root: Buffer.alloc(32) });
      const note = signNote(text, stranger);
      const value = checkpointCodec.encode({ note }, MADE_SCHEMA_ID);
      records[1] = { ...records[1]!, key: Buffer.from(CHECKPOINT_KEY), value };
    });
    expect(found).toEqual(['broken', 'NOTE_SIGNATURE']);
  });

  test('events and seals rolled back together: only the witness remembers', async () => {
    const early = honestLog(14, 100);
    const before = copyAudit(early.audit);
    early.tick(10_000);
    for (const lane of early.lanes) if (lane.session) early.heartbeat(lane);
    early.seal();
    before.witnessNotes = early.audit.witnessNotes;
    const trust = parseTrustFile(early.trustNote, early.rootVkey);
    const { findings } = await verifyAudit(new MemoryAuditSource(before), { trust });
    expect(findings.names().filter((name) => name !== 'DECLARED_JUMP')).toEqual(['OLDER_THAN_WITNESS']);
  });

  test('another history of the same length', async () => {
    const found = await findingsIn((audit) => {
      const root = Buffer.alloc(32, 5);
      audit.witnessNotes = [maker.note(maker.seals.length, root, true)];
    });
    expect(found).toEqual(['broken', 'FORK_VS_WITNESS']);
  });

  test('a sealer that has stopped', async () => {
    const found = await findingsIn((audit) => {
      audit.asOfMs += 40_000;
    });
    expect(found[0]).toBe('open');
    expect(found).toContain('STALE_SEAL');
  });
});

describe('a state file', () => {
  test('makes the next run read only what is new, and keeps what was found', async () => {
    const grown = honestLog(15, 120);
    const trust = parseTrustFile(grown.trustNote, grown.rootVkey);
    const first = new MemoryAuditSource(grown.audit);
    const one = await verifyAudit(first, { trust });
    grown.tick(9_000);
    for (const lane of grown.lanes) if (lane.session) grown.batch(lane, 3);
    grown.seal();
    const second = new MemoryAuditSource(grown.audit);
    const two = await verifyAudit(second, { trust, state: one.state });
    expect(two.findings.names().filter((name) => name !== 'DECLARED_JUMP')).toEqual([]);
    expect(second.read).toBeLessThan(first.read / 10);
    expect(two.totals.eventsInAll).toBeGreaterThan(one.totals.events);
    const whole = await verifyAudit(new MemoryAuditSource(grown.audit), { trust });
    expect(two.state.trees).toEqual(whole.state.trees);
    expect(two.state.notes.frontier).toEqual(whole.state.notes.frontier);
  });

  test('remembers more than a log that was rolled back', async () => {
    const grown = honestLog(16, 80);
    const before = copyAudit(grown.audit);
    grown.tick(5_000);
    grown.seal();
    const trust = parseTrustFile(grown.trustNote, grown.rootVkey);
    const { state } = await verifyAudit(new MemoryAuditSource(grown.audit), { trust });
    const { findings } = await verifyAudit(new MemoryAuditSource(before), { trust, state });
    expect(findings.names()).toContain('OLDER_THAN_STATE');
  });
});
