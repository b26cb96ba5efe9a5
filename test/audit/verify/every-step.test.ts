/**
 * Each step of the verifier that no other test needs, with a log that only that step can tell from an honest one.
 */
import { describe, expect, test } from '@jest/globals';
import { parseTrustFile } from '../../../audit/trust-file.ts';
import { Findings } from '../../../audit/verify/finding.ts';
import type { FindingPlace } from '../../../audit/verify/finding.ts';
import { LeaseCheck } from '../../../audit/verify/lease-check.ts';
import { SubjectCheck } from '../../../audit/verify/subject-check.ts';
import { TilingCheck } from '../../../audit/verify/tiling-check.ts';
import { TimeCheck } from '../../../audit/verify/time-check.ts';
import { TreeCheck } from '../../../audit/verify/tree-check.ts';
import { verifyAudit } from '../../../audit/verify/verifier.ts';
import { subjectIndexCodec } from '../../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../../schemas/control-codecs.ts';
import { CHECKPOINT_KEY, checkpointCodec } from '../../../schemas/seal-codecs.ts';
import { AuditLogMaker } from '../../support/audit-log-maker.ts';
import type { MakerOptions } from '../../support/audit-log-maker.ts';
import { MADE_SCHEMA_ID } from '../../support/audit-log-chains.ts';
import { MemoryAuditSource } from '../../support/memory-audit-source.ts';
import type { MemoryPartition } from '../../support/memory-audit-source.ts';

/** Lanes, an index and a grant at work under eight seals. */
function made(options: MakerOptions = {}): AuditLogMaker {
  const maker = new AuditLogMaker({ rawPartitions: 1, auditPartitions: 1, ...options });
  for (const lane of maker.lanes) maker.open(lane);
  const grant = maker.grant('g1', 0, 0);
  maker.open(grant);
  for (let n = 0; n < 8; n++) {
    for (const lane of maker.lanes) {
      maker.tick(200);
      maker.batch(lane, 4);
    }
    maker.seal();
  }
  return maker;
}

async function verified(maker: AuditLogMaker, source = new MemoryAuditSource(maker.audit)) {
  const trust = parseTrustFile(maker.trustNote, maker.rootVkey);
  return async (state: Awaited<ReturnType<typeof verifyAudit>>['state'] | null = null) =>
    await verifyAudit(source, { trust, state });
}

async function namesIn(maker: AuditLogMaker): Promise<readonly string[]> {
  return (await (await verified(maker))()).findings.names();
}

function isCheckpoint({ key }: MemoryPartition['records'][number]): boolean {
  return key?.toString() === CHECKPOINT_KEY;
}

/** Events as they stand, in order. */
function eventsOf(maker: AuditLogMaker): readonly PhiAuditEvent[] {
  return maker.partition('events', 0).records.map(({ value }) => auditEventCodec.decode(value!));
}

function placed(event: PhiAuditEvent, offset: number, appendTimeMs = event.recorded_at / 1000) {
  const bytes = Buffer.alloc(32);
  return { event, value: bytes, leaf: bytes, topic: 't', partition: 0, offset, appendTimeMs };
}

test('an honest log has no finding', async () => {
  expect(await namesIn(made())).toEqual([]);
});

describe('of checkpoints and seals it tells', () => {
  const seals = (maker: AuditLogMaker): MemoryPartition => maker.partition('seals', 0);

  test('that there are none', async () => {
    const [without, empty] = [made(), made()];
    seals(without).records = seals(without).records.filter((each) => !isCheckpoint(each));
    without.audit.witnessNotes = [];
    expect(await namesIn(without)).toEqual(['NO_CHECKPOINT']);
    seals(empty).records = [];
    empty.audit.witnessNotes = [];
    expect(await namesIn(empty)).toEqual(['NO_SEALS']);
  });

  test('that no witness is named, or that none was asked', async () => {
    const unasked = made();
    unasked.audit.witnessNotes = null;
    expect(await namesIn(unasked)).toEqual(['WITNESS_NOT_ASKED']);
    expect(await namesIn(made({ witnessed: false }))).toEqual(['NO_WITNESS']);
  });

  test('that the last ones lack a checkpoint, or a cosignature', async () => {
    const [late, alone] = [made(), made()];
    const { records } = seals(late);
    seals(late).records = records.filter((each, at) => at < records.length - 8 || !isCheckpoint(each));
    expect(await namesIn(late)).toEqual(['STALE_NOTE', 'NO_COSIGNATURE']);
    for (let n = 0; n < 4; n++) alone.seal({ witnessed: false });
    expect(await namesIn(alone)).toEqual(['NO_COSIGNATURE']);
  });

  test('what is neither, and a checkpoint that is no note', async () => {
    const [broken, wordless] = [made(), made()];
    const { records } = seals(broken);
    records.push({ ...records[0]!, offset: seals(broken).endOffset++, value: Buffer.from('no seal') });
    expect(await namesIn(broken)).toEqual(['SEAL_MALFORMED']);
    const value = checkpointCodec.encode({ note: 'no note' }, MADE_SCHEMA_ID);
    const at = { offset: seals(wordless).endOffset++, appendTimeMs: wordless.nowMs };
    seals(wordless).records.push({ ...at, key: Buffer.from(CHECKPOINT_KEY), value });
    expect(await namesIn(wordless)).toEqual(['NOTE_MALFORMED']);
  });

  test('events that wait for too long, though seals come', async () => {
    const maker = made();
    maker.batch(maker.lanes[0]!, 3);
    maker.tick(60_000);
    // The sealer counts on, and leaves out what came.
    maker.audit.asOfMs = maker.nowMs;
    expect(await namesIn(maker)).toEqual(expect.arrayContaining(['STALE_SEAL', 'UNSEALED_TAIL']));
  });
});

describe('of what an earlier run saw it tells', () => {
  test.each(['seals', 'events'] as const)('that %s were rolled back, or made again', async (kind) => {
    const maker = made();
    const { state } = await (await verified(maker))();
    const place = maker.partition(kind, 0);
    const { topicId, endOffset, records } = place;
    const found = async (): Promise<readonly string[]> =>
      (await (await verified(maker))(state)).findings.all
        .filter((finding) => finding.place.topic === place.topic && finding.place.seal === undefined)
        .map(({ name, detail }) => `${name} ${/since the last verification|was checked/.test(detail)}`);
    expect(await found()).toEqual([]);
    place.topicId = 'f'.repeat(32);
    expect(await found()).toContain('TOPIC_RECREATED true');
    place.topicId = topicId;
    const cut = records[records.length - 3]!.offset;
    place.records = records.filter(({ offset }) => offset < cut);
    place.endOffset = cut;
    expect(await found()).toContain('OLDER_THAN_STATE true');
    Object.assign(place, { records, endOffset });
  });
});

describe('of records it tells', () => {
  test('what is no event, and what is no index', async () => {
    for (const [kind, name] of [
      ['events', 'UNDECODABLE_EVENT'],
      ['subjects', 'SUBJECT_EXTRA'],
    ] as const) {
      const maker = made();
      const place = maker.partition(kind, 0);
      const value = Buffer.from('none');
      place.records.push({ offset: place.endOffset++, appendTimeMs: maker.nowMs, key: null, value });
      expect(await namesIn(maker)).toEqual([name]);
    }
  });

  test('an index that is not there, or belongs to nothing', async () => {
    const [without, alone] = [made(), made()];
    const index = without.lanes.find(({ kind }) => kind === 'index')!;
    without.batch(index, 3);
    without.partition('subjects', 0).records.pop();
    expect(await namesIn(without)).toEqual(['SUBJECT_MISSING']);
    const { records } = alone.partition('subjects', 0);
    const last = subjectIndexCodec.decode(records.at(-1)!.value!);
    const value = subjectIndexCodec.encode({ ...last, first_offset: 900, next_offset: 904 }, MADE_SCHEMA_ID);
    records.push({ ...records.at(-1)!, offset: alone.partition('subjects', 0).endOffset++, value });
    expect(await namesIn(alone)).toEqual(['SUBJECT_EXTRA']);
  });

  test('an index with other counts than its bytes, or than its event', () => {
    const maker = made();
    const { value } = maker.partition('subjects', 0).records[0]!;
    const index = subjectIndexCodec.decode(value!);
    const events = eventsOf(maker).filter(({ subjects }) => subjects?.index_sha256);
    const found = (
      change: (event: PhiAuditEvent) => PhiAuditEvent,
      tokens = index.tokens,
    ): readonly string[] => {
      const findings = new Findings();
      const check = new SubjectCheck(findings);
      check.acceptEvent(placed(change(events[0]!), 0));
      check.acceptIndex(subjectIndexCodec.encode({ ...index, tokens }, MADE_SCHEMA_ID), {});
      return findings.names();
    };
    expect(found((event) => event)).toEqual([]);
    expect(found((event) => ({ ...event, range: { ...event.range!, record_count: 3 } }))).toEqual([
      'SUBJECT_COUNT',
    ]);
    expect(found((event) => event, index.tokens.subarray(8))).toEqual(['SUBJECT_COUNT', 'SUBJECT_ROOT']);
  });

  test('those behind a transaction that does not end', async () => {
    const maker = made();
    const place = { topic: 'gauze.audit.events', partition: 0, offset: 9 };
    const source = Object.assign(new MemoryAuditSource(maker.audit), { unsettled: () => [place] });
    const { findings } = await (await verified(maker, source))();
    expect(findings.all).toMatchObject([{ name: 'UNSETTLED', place }]);
  });
});

describe('of ranges it tells', () => {
  function found(change: (range: NonNullable<PhiAuditEvent['range']>) => object): readonly string[] {
    const findings = new Findings();
    const check = new TilingCheck(findings);
    const batch = eventsOf(made()).find(({ type, grant }) => type === 'session.batch' && grant === null)!;
    check.accept(placed({ ...batch, range: { ...batch.range!, ...change(batch.range!) } }, 0));
    check.gaps();
    return findings.names();
  }

  test('those that make no sense', () => {
    expect(found(() => ({}))).toEqual([]);
    expect(found(({ first_offset: first }) => ({ next_offset: first - 1 }))).toEqual(['RANGE_MALFORMED']);
    expect(found(({ first_offset: first }) => ({ next_offset: first + 1 }))).toEqual(['RANGE_MALFORMED']);
    expect(found(({ record_count: count }) => ({ delivered_count: count + 1 }))).toEqual(['RANGE_MALFORMED']);
    expect(found(() => ({ first_offset: -4 }))).toEqual(['RANGE_MALFORMED']);
  });

  test('that positions are unknown', async () => {
    const maker = made();
    maker.audit.committed = null;
    expect(await namesIn(maker)).toEqual(['COMMITTED_UNKNOWN']);
  });

  test('a position that was set back between two seals', () => {
    const maker = made();
    const findings = new Findings();
    const check = new TilingCheck(findings);
    for (const [offset, event] of eventsOf(maker).entries()) check.accept(placed(event, offset));
    const { coverage } = maker.seals.at(-1)!.seal;
    const lower = coverage.map((each) => ({ ...each, committed_offset: each.committed_offset - 2 }));
    check.seal(0, coverage, 0);
    check.seal(1, coverage, 1_000);
    expect(findings.names()).toEqual([]);
    check.seal(2, lower, 2_000);
    expect(findings.count('COVERAGE_BEYOND')).toBe(coverage.length);
  });
});

describe('of leases it tells', () => {
  function found(order: readonly ('LEASE' | 'COMMITTED')[], delivered = 4): readonly string[] {
    const findings = new Findings();
    const check = new LeaseCheck(findings);
    const ofGrant = eventsOf(made()).filter(({ grant, range }) => grant && (range?.delivered_count ?? 0) > 0);
    for (const [offset, phase] of order.entries()) {
      const event = ofGrant.find((each) => each.phase === phase)!;
      const range = { ...event.range!, delivered_count: phase === 'LEASE' ? 4 : delivered };
      check.accept(placed({ ...event, range }, offset));
    }
    check.finish(false);
    return findings.all.map(({ name, detail }) => `${name} ${detail}`);
  }

  test('those that stand behind their delivery, or are of less', () => {
    expect(found(['LEASE', 'COMMITTED'])).toEqual([]);
    expect(found(['LEASE', 'COMMITTED'], 3)).toEqual([]);
    expect(found(['COMMITTED', 'LEASE'])).toEqual(['DELIVERY_NOT_LEASED its lease stands behind it']);
    expect(found(['LEASE', 'COMMITTED'], 5)).toEqual(['DELIVERY_NOT_LEASED 5 records, leased 4']);
  });
});

test('a grant passes over what retention took, and jumps nowhere else', async () => {
  const maker = made();
  const grant = maker.lanes.find(({ kind }) => kind === 'grant')!;
  maker.close(grant);
  maker.open(grant, grant.position + 2);
  expect(await namesIn(maker)).toEqual(['DECLARED_JUMP']);
  maker.close(grant);
  maker.open(grant, grant.position - 2);
  expect(await namesIn(maker)).toContain('SEEK_NOT_ORDERED');
});

describe('of times it tells', () => {
  const MINUTE_MS = 60_000;

  test.each<[string, number, number | null, readonly string[]]>([
    ['between its seals', 1, 2, []],
    ['long after the seal that covers it', 20, 2, ['TIME_OUTSIDE_SEALS']],
    ['long before the seal before', -20, 2, ['TIME_OUTSIDE_SEALS']],
    ['after the last seal', 20, null, []],
  ])('an event %s', (_where, appendedMinute, untilMinute, names) => {
    const findings = new Findings();
    const event = eventsOf(made())[0]!;
    const atMs = event.recorded_at / 1000;
    const check = new TimeCheck(findings, atMs);
    const recorded = { ...event, recorded_at: (atMs + appendedMinute * MINUTE_MS) * 1000 };
    check.accept(placed(recorded, 0), untilMinute === null ? null : atMs + untilMinute * MINUTE_MS);
    expect(findings.names()).toEqual(names);
  });
});

test('a tree goes on from no frontier that does not give the sealed root', () => {
  const maker = made();
  const sealed = maker.seals[0]!.seal.partitions[0]!;
  const place = { ...maker.partition('events', 0), logStartOffset: 1 };
  const found = (frontier: readonly Buffer[] | null): readonly FindingPlace[] => {
    const findings = new Findings();
    const tree = new TreeCheck(place, findings);
    tree.compare(0, { ...sealed, frontier: frontier && [...frontier] });
    return findings.all.map(({ place: at }) => at);
  };
  expect(sealed.frontier!.length).toBeGreaterThan(0);
  expect(found(sealed.frontier)).toEqual([]);
  expect(found(sealed.frontier!.map(() => Buffer.alloc(32)))).toHaveLength(1);
});
