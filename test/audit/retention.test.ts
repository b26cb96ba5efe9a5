/**
 * Archives and prunings of made audit logs: what is copied is what was sealed, nothing goes that may not, and what is
 * left verifies by itself and together with the archive.
 */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { archiveAudit } from '../../audit/retention/archive-writer.ts';
import { AuditArchive } from '../../audit/retention/audit-archive.ts';
import { HoldScan, holdBody, releaseBody } from '../../audit/retention/legal-hold.ts';
import type { HoldWords } from '../../audit/retention/legal-hold.ts';
import { ArchivedSource } from '../../audit/retention/archived-source.ts';
import { declarationBody } from '../../audit/retention/declaration.ts';
import type { PruningDeclaration } from '../../audit/retention/declaration.ts';
import type { FindingName } from '../../audit/verify/finding.ts';
import type { VerifierState } from '../../audit/verify/verifier-state.ts';
import { verifyAudit } from '../../audit/verify/verifier.ts';
import type { VerifyResult } from '../../audit/verify/verifier.ts';
import { pruneAudit } from '../../audit/retention/pruning.ts';
import type { PruneCut, PruneOptions, PruneReport } from '../../audit/retention/pruning.ts';
import { removableBefore } from '../../audit/retention/retention-time.ts';
import { parseTrustFile } from '../../audit/trust-file.ts';
import type { SourcePartition, SourceRecord } from '../../audit/verify/audit-source.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { accessEvent } from '../../audit/access-events.ts';
import { MadeChain } from '../support/audit-log-chains.ts';
import { honestLog } from '../support/audit-log-maker.ts';
import type { AuditLogMaker } from '../support/audit-log-maker.ts';
import { MADE_ADMIN, madeChain, madeHand, madeRound, removeMade } from '../support/made-pruning.ts';
import { MemoryAuditSource } from '../support/memory-audit-source.ts';
import { sealPastFrontier } from '../support/tamper/declared-pruning.ts';

let folder: string;
let maker: AuditLogMaker;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-archive-'));
  maker = honestLog(100, 60);
  sealPastFrontier(maker);
});

afterEach(async () => await rm(folder, { recursive: true, force: true }));

/** Hands records out in small pieces, so that there is something to cut. */
class SmallPieces extends MemoryAuditSource {
  override async *records(place: SourcePartition, from: number): AsyncGenerator<readonly SourceRecord[]> {
    for await (const piece of super.records(place, from))
      for (let at = 0; at < piece.length; at += 7) yield piece.slice(at, at + 7);
  }
}

function trusted() {
  return parseTrustFile(maker.trustNote, maker.rootVkey);
}

async function archived(segmentBytes?: number) {
  const source = new SmallPieces(maker.audit);
  const options = { source, trust: trusted(), directory: folder };
  return await archiveAudit(segmentBytes === undefined ? options : { ...options, segmentBytes });
}

async function pruned(more: Partial<PruneOptions> = {}): Promise<PruneReport> {
  return await pruneAudit({
    source: new MemoryAuditSource(maker.audit),
    trust: trusted(),
    archive: folder,
    archiveUri: 's3://evidence/audit',
    before: { timeMs: maker.nowMs + 1 },
    retention: 'synthetic-data',
    reason: 'the time is over',
    actor: MADE_ADMIN,
    hand: madeHand(maker),
    isLane: (id) => id.startsWith('gauze.lane.'),
    sealPatienceMs: 0,
    ...more,
  });
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'done',
    (error: { code?: unknown }) => error.code,
  );
}

/** All record values of a kind, in the order of partitions. */
async function archivedValues(): Promise<readonly string[]> {
  const archive = await AuditArchive.open(folder);
  const values: string[] = [];
  for (const place of archive.partitions)
    for await (const piece of archive.records(place, place.firstOffset, place.nextOffset))
      values.push(
        ...piece.map(
          ({ offset, value }) => `${place.topic} ${place.partition} ${offset} ${value?.toString('base64')}`,
        ),
      );
  expect(archive.damage).toEqual([]);
  return values.toSorted();
}

describe('an archive', () => {
  test('holds what is sealed up to the newest seal with frontiers, byte for byte, in however many files', async () => {
    const first = await archived();
    expect(first.seal).toBe(100);
    const { seal } = maker.seals[100]!;
    const wanted = seal.partitions.flatMap(({ topic, partition, next_offset: end }) =>
      maker.audit.partitions
        .find((each) => each.topic === topic && each.partition === partition)!
        .records.filter(({ offset }) => offset < end)
        .map(({ offset, value }) => `${topic} ${partition} ${offset} ${value?.toString('base64')}`),
    );
    const found = await archivedValues();
    expect(found.filter((line) => !line.includes('.seals'))).toEqual(wanted.toSorted());
    expect(found.filter((line) => line.includes('.seals'))).toHaveLength(202);
    const one = new Map<string, string | null>();
    for (const place of (await AuditArchive.open(folder)).partitions)
      one.set(
        `${place.topic} ${place.partition}`,
        await (
          await AuditArchive.open(folder)
        ).digest(place, { from: place.firstOffset, to: place.nextOffset }),
      );
    await rm(folder, { recursive: true });
    await archived(4_000);
    const many = await AuditArchive.open(folder);
    expect(many.partitions.some(({ segments }) => segments.length > 2)).toBe(true);
    for (const place of many.partitions)
      expect(await many.digest(place, { from: place.firstOffset, to: place.nextOffset })).toBe(
        one.get(`${place.topic} ${place.partition}`),
      );
    expect(await archivedValues()).toEqual(found);
  });

  test('changes nothing when there is nothing new, and only adds when there is', async () => {
    await archived();
    const files = async () => (await readdir(folder, { recursive: true })).toSorted();
    const before = await files();
    expect(await archived()).toEqual({ seal: 100, records: 0, segments: 0 });
    expect(await files()).toEqual(before);
    while (maker.seals.length <= 200) madeRound(maker);
    expect((await archived()).seal).toBe(200);
    expect((await files()).filter((name) => before.includes(name))).toEqual(before);
    const archive = await AuditArchive.open(folder);
    for (const { kind, segments } of archive.partitions)
      if (kind !== 'subjects') expect(segments).toHaveLength(2);
  });

  test('goes on where a run was broken off', async () => {
    await archived(4_000);
    const whole = await archivedValues();
    const manifests = (await readdir(join(folder, 'manifests'))).toSorted();
    // As if it had been ended in the middle: what is not in a manifest does not count.
    for (const name of manifests.slice(3)) await rm(join(folder, 'manifests', name));
    expect((await AuditArchive.open(folder)).seal).toBeNull();
    expect((await archived(4_000)).seal).toBe(100);
    expect(await archivedValues()).toEqual(whole);
  });

  test('is refused for records that are not those that were sealed', async () => {
    const place = maker.partition('events', 1);
    const record = place.records[3]!;
    place.records[3] = { ...record, value: Buffer.from([...record.value!].with(40, 255)) };
    expect(await refusal(archived())).toBe('ERR_AUDIT_ARCHIVE_DIFFERS');
  });

  test('is refused where seals are not what was signed', async () => {
    const place = maker.partition('seals', 0);
    place.records.splice(20, 1);
    expect(await refusal(archived())).toBe('ERR_AUDIT_NOT_SOUND');
  });

  test('is refused in the folder of another log, and where a manifest was changed or removed', async () => {
    await archived(4_000);
    const mine = maker;
    maker = honestLog(7, 60);
    sealPastFrontier(maker);
    Object.assign(maker.audit, { clusterId: 'other' });
    expect(await refusal(archived())).toBe('ERR_AUDIT_ARCHIVE_OTHER');
    maker = mine;
    const file = join(folder, 'manifests', '00000001.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"archivedAtMs": 1', '"archivedAtMs": 2'));
    expect(await refusal(archived())).toBe('ERR_AUDIT_ARCHIVE');
    await rm(file);
    expect(await refusal(archived())).toBe('ERR_AUDIT_ARCHIVE');
  });
});

describe('a pruning', () => {
  test('removes up to the newest seal with frontiers, and a second one finds nothing to do', async () => {
    await archived();
    const hand = madeHand(maker);
    const { cuts, seal } = await pruned({ hand });
    expect(seal).toBe(100);
    const wanted = maker.seals[100]!.seal.partitions.map(({ next_offset: offset }) => offset);
    expect(hand.cuts.map(({ offset }) => offset)).toEqual(wanted);
    expect(cuts).toHaveLength(4);
    expect(await pruned()).toEqual({ seal: 100, cuts: [], declaredUnder: null });
  });

  test.each<[string, () => Promise<Partial<PruneOptions>>]>([
    ['ERR_AUDIT_RETENTION', async () => await Promise.resolve({ retention: 'six-years' })],
    ['ERR_AUDIT_RETENTION', async () => await Promise.resolve({ retention: 'for-ever' })],
    ['ERR_AUDIT_NOTHING_SEALED', async () => await Promise.resolve({ before: { timeMs: 1 } })],
    [
      'ERR_AUDIT_DECLARATION_UNSEALED',
      async () => await Promise.resolve({ hand: madeHand(maker, { isSealed: false }) }),
    ],
    ['ERR_AUDIT_ARCHIVE_SHORT', async () => await rm(folder, { recursive: true }).then(() => ({}))],
    ['ERR_AUDIT_LANE_END', async () => await Promise.resolve({ isLane: () => true })],
  ])('is refused, and removes nothing: %s', async (code, how) => {
    await archived();
    if (code === 'ERR_AUDIT_LANE_END') maker.audit.partitions.at(-1)!.records.splice(202);
    const more = await how();
    expect(await refusal(pruned(more))).toBe(code);
    expect(maker.audit.partitions.every(({ logStartOffset }) => logStartOffset === 0)).toBe(true);
  });

  test('goes no further than the cosignatures that the trust file asks for', async () => {
    maker = honestLog(100, 60);
    while (maker.seals.length <= 101) madeRound(maker, { witnessed: false });
    expect((await archived()).seal).toBe(0);
    expect(await pruned()).toEqual({ seal: 0, cuts: [], declaredUnder: null });
  });

  test('is refused over an archive of which one byte was changed', async () => {
    await archived();
    await changeOneByte(folder);
    expect(await refusal(pruned())).toBe('ERR_AUDIT_ARCHIVE');
  });

  test('is refused where the topic has other records than the archive', async () => {
    await archived();
    const place = maker.partition('subjects', 0);
    const record = place.records[2]!;
    place.records[2] = { ...record, appendTimeMs: record.appendTimeMs + 1 };
    expect(await refusal(pruned())).toBe('ERR_AUDIT_ARCHIVE_DIFFERS');
  });
});

/** Changes a byte in the middle of the first file of events. */
async function changeOneByte(archive: string): Promise<void> {
  const [name] = (await readdir(join(archive, 'events-0'))).toSorted();
  const file = join(archive, 'events-0', name!);
  const bytes = await readFile(file);
  const middle = bytes.length >> 1;
  bytes[middle] = bytes[middle]! ^ 1;
  await writeFile(file, bytes);
}

describe('what is left of a pruned log', () => {
  const names = ({ findings }: VerifyResult): readonly FindingName[] =>
    findings.names().filter((name) => name !== 'DECLARED_JUMP' && name !== 'SEEK_UNCHECKED');

  async function verified(state: VerifierState | null = null): Promise<VerifyResult> {
    return await verifyAudit(new MemoryAuditSource(maker.audit), { trust: trusted(), state });
  }

  async function withArchive(): Promise<VerifyResult> {
    const archive = await AuditArchive.open(folder);
    const source = new ArchivedSource(new MemoryAuditSource(maker.audit), archive);
    return await verifyAudit(source, { trust: trusted() });
  }

  test.each([100, 103])('verifies by itself and with the archive, run %i', async (seed) => {
    maker = honestLog(seed, 60);
    const { events: all } = (await verified()).totals;
    sealPastFrontier(maker);
    await archived();
    await pruned();
    const alone = await verified();
    expect(names(alone).filter((name) => name !== 'REFERS_TO_PRUNED')).toEqual(['DECLARED_PRUNING']);
    const [told] = alone.findings.all.filter(({ name }) => name === 'DECLARED_PRUNING');
    expect(told!.detail).toContain('archived at s3://evidence/audit');
    const whole = await withArchive();
    expect(names(whole)).toEqual(['DECLARED_PRUNING']);
    expect(whole.totals.events).toBeGreaterThan(all);
    expect(whole.totals.events).toBeGreaterThan(alone.totals.events + all - 1);
    const kept = await verifyAudit(new MemoryAuditSource(maker.audit), {
      trust: trusted(),
      state: alone.state,
    });
    expect(names(kept).filter((name) => name !== 'REFERS_TO_PRUNED')).toEqual(['DECLARED_PRUNING']);
  });

  test('verifies after a second pruning, whose cut the first declaration lies below', async () => {
    await archived();
    await pruned();
    while (maker.seals.length <= 201) madeRound(maker);
    await archived();
    expect((await pruned()).seal).toBe(200);
    expect(names(await verified()).filter((name) => name !== 'REFERS_TO_PRUNED')).toEqual([
      'DECLARED_PRUNING',
    ]);
    expect(names(await withArchive())).toEqual(['DECLARED_PRUNING']);
  });

  test('has no false alarm over a chain that was lost before the cut and comes back after it', async () => {
    const writer = maker.writers.get('topology')!;
    const chain = new MadeChain(Buffer.alloc(16, 0xee), 'gauze.lane.research.gone.0', writer);
    const body = (type: string) => accessEvent({ type, actor: MADE_ADMIN }, maker.nowMs);
    chain.link(body('session.opened'), maker.nowMs, { signed: true, ext: chain.opening });
    await archived();
    await pruned();
    const place = maker.partition('events', 0);
    const value = chain.link(body('heartbeat'), maker.nowMs, { signed: true });
    place.records.push({ offset: place.endOffset++, appendTimeMs: maker.nowMs, key: null, value });
    madeRound(maker);
    const { findings } = await verified();
    expect(findings.all.filter((each) => each.class === 'TAMPERED')).toEqual([]);
    expect(findings.names()).toContain('PRUNED_BEFORE');
  });

  test('has no false alarm over an index of persons whose event was sealed one seal later', async () => {
    maker = honestLog(100, 60, { auditPartitions: 1 });
    while (maker.seals.length < 100) madeRound(maker);
    const lane = maker.lanes.find(({ kind }) => kind === 'index')!;
    if (!lane.session) maker.open(lane);
    maker.batch(lane, 5);
    maker.seal({ behind: true });
    madeRound(maker);
    await archived();
    await pruned();
    const { findings } = await verified();
    expect([findings.count('SUBJECT_MISSING'), findings.count('SUBJECT_EXTRA')]).toEqual([0, 0]);
    expect(findings.count('REFERS_TO_PRUNED')).toBeGreaterThan(0);
  });

  test('is verified from its new beginning where the state of an earlier run ends before that', async () => {
    const early = honestLog(100, 60);
    const { state } = await verifyAudit(new MemoryAuditSource(early.audit), {
      trust: parseTrustFile(early.trustNote, early.rootVkey),
    });
    await archived();
    await pruned();
    const { findings, totals } = await verified({ ...state, rootVkey: maker.rootVkey });
    expect(findings.count('DECLARED_PRUNING')).toBe(4);
    expect(totals.eventsInAll).toBe(totals.events);
  });

  test('is called tampered with where more is gone than was declared, or it went before the seal', async () => {
    await archived();
    await pruned();
    madeRound(maker);
    const place = maker.partition('events', 1);
    removeMade(maker, [{ ...place, offset: place.records[1]!.offset }]);
    expect(names(await verified())).toContain('UNDECLARED_TRUNCATION');
    maker = honestLog(101, 60);
    sealPastFrontier(maker);
    const { seal } = maker.seals[100]!;
    const cuts = seal.partitions.map((each) => ({ ...each, offset: each.next_offset }));
    removeMade(maker, cuts);
    madeRound(maker);
    madeChain(
      maker,
      cuts.map((cut) => declarationOf(cut)),
    );
    madeRound(maker);
    expect(names(await verified())).toContain('UNDECLARED_TRUNCATION');
  });

  test('is called tampered with where the archive is not the one that was declared', async () => {
    await archived();
    await pruned();
    await changeOneByte(folder);
    expect(names(await withArchive())).toEqual(
      expect.arrayContaining(['EXPORT_DAMAGED', 'ARCHIVE_DIFFERS', 'ROOT_MISMATCH']),
    );
  });

  test('shows an archive that was made anew around a changed append time', async () => {
    const place = maker.partition('events', 0);
    const record = place.records[4]!;
    const other = await mkdtemp(join(tmpdir(), 'gauze-archive-'));
    try {
      await archived();
      const right = [...place.records];
      place.records[4] = { ...record, appendTimeMs: record.appendTimeMs + 1 };
      const source = new MemoryAuditSource(maker.audit);
      await archiveAudit({ source, trust: trusted(), directory: other });
      place.records = right;
      await pruned();
      const archive = await AuditArchive.open(other);
      const mended = new ArchivedSource(new MemoryAuditSource(maker.audit), archive);
      const result = await verifyAudit(mended, { trust: trusted() });
      expect(names(result)).toEqual(expect.arrayContaining(['ARCHIVE_DIFFERS', 'DECLARED_PRUNING']));
      expect(names(result)).toHaveLength(2);
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });

  test('says so where the archive does not reach the new beginning', async () => {
    await archived();
    await pruned();
    await rm(folder, { recursive: true });
    expect(names(await withArchive())).toEqual(
      expect.arrayContaining(['EXPORT_DAMAGED', 'DECLARED_PRUNING']),
    );
  });
});

/** What an admin says of one partition, with nothing archived. */
function declarationOf({ topic, partition, offset }: PruneCut) {
  const declaration: PruningDeclaration = {
    topic,
    partition,
    upToOffset: offset,
    upToSize: 0,
    seal: 100,
    archive: { uri: 's3://evidence/audit', from: 0, sha256: '00'.repeat(32) },
    retention: 'six-years',
    reason: 'the time is over',
  };
  return declarationBody(declaration, MADE_ADMIN, maker.nowMs);
}

describe('a legal hold', () => {
  const HOLD: HoldWords = {
    id: '00000000000000aa',
    scope: 'site',
    patient: null,
    fromMs: null,
    toMs: null,
    reason: 'litigation',
  };

  async function inForce(): Promise<readonly string[]> {
    const scan = new HoldScan(new MemoryAuditSource(maker.audit), trusted());
    await scan.goOn();
    return scan.inForce.map(({ id }) => id);
  }

  test('stops every pruning while it is in force, and none after an admin has ended it', async () => {
    await archived();
    madeChain(maker, [holdBody(HOLD, MADE_ADMIN, maker.nowMs)]);
    const hand = madeHand(maker);
    expect(await refusal(pruned({ hand }))).toBe('ERR_AUDIT_HELD');
    expect(hand.declarations).toBe(0);
    maker.tick(1_000);
    madeChain(maker, [releaseBody(HOLD.id, 'settled', MADE_ADMIN, maker.nowMs)]);
    madeRound(maker);
    expect((await pruned()).cuts).toHaveLength(4);
  });

  test('is placed by anybody, and ended by nobody but an admin, in a chain that holds', async () => {
    madeChain(maker, [holdBody(HOLD, MADE_ADMIN, maker.nowMs)], 'approvals');
    expect(await inForce()).toEqual([HOLD.id]);
    madeChain(maker, [releaseBody(HOLD.id, 'settled', MADE_ADMIN, maker.nowMs)], 'approvals');
    expect(await inForce()).toEqual([HOLD.id]);
    madeChain(maker, [releaseBody(HOLD.id, 'settled', MADE_ADMIN, maker.nowMs)]);
    const place = maker.partition('events', 0);
    // Without its signed end the word of an admin is nobody's.
    const end = place.records.pop()!;
    expect(await inForce()).toEqual([HOLD.id]);
    place.records.push(end);
    expect(await inForce()).toEqual([]);
  });

  test('is not ended by an admin whose word was changed', async () => {
    madeChain(maker, [holdBody(HOLD, MADE_ADMIN, maker.nowMs)]);
    madeChain(maker, [releaseBody('00000000000000bb', 'settled', MADE_ADMIN, maker.nowMs)]);
    const place = maker.partition('events', 0);
    const word = place.records.at(-2)!;
    const event = auditEventCodec.decode(word.value!);
    const ext = event.ext.map(({ k, v }) => ({ k, v: k === 'hold' ? HOLD.id : v }));
    const value = auditEventCodec.encode({ ...event, ext }, 7);
    place.records[place.records.length - 2] = { ...word, value };
    expect(await inForce()).toEqual([HOLD.id]);
  });

  test('on a time keeps what was appended in it, and lets the rest go', async () => {
    await archived();
    const afterAll = { ...HOLD, fromMs: maker.nowMs };
    madeChain(maker, [holdBody(afterAll, MADE_ADMIN, maker.nowMs)]);
    madeRound(maker);
    expect((await pruned()).cuts).toHaveLength(4);
  });

  test('that was placed below the cut is not removed while it is in force', async () => {
    maker = honestLog(3, 60);
    madeChain(maker, [holdBody({ ...HOLD, fromMs: maker.nowMs + 1e12 }, MADE_ADMIN, maker.nowMs)]);
    sealPastFrontier(maker);
    await archived();
    expect(await refusal(pruned())).toBe('ERR_AUDIT_HELD');
  });

  test('that comes while the declaration waits for its seal still stops the pruning', async () => {
    await archived();
    const hand = madeHand(maker);
    const late = {
      ...hand,
      declare: async (bodies: Parameters<typeof hand.declare>[0]) => {
        const at = await hand.declare(bodies);
        madeChain(maker, [holdBody(HOLD, MADE_ADMIN, maker.nowMs)]);
        return at;
      },
    };
    expect(await refusal(pruned({ hand: late }))).toBe('ERR_AUDIT_HELD');
    expect(hand.cuts).toEqual([]);
  });
});

test('what the law asks is six years by the calendar; only synthetic data have no minimum', () => {
  const now = Date.UTC(2026, 1, 28, 12);
  expect(removableBefore('six-years', now)).toBe(Date.UTC(2020, 1, 28, 12));
  expect(removableBefore('ten-years', now)).toBe(Date.UTC(2016, 1, 28, 12));
  expect([removableBefore('for-ever', now), removableBefore('synthetic-data', now)]).toEqual([null, now]);
});
