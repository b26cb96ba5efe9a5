/**
 * The tamper cases: whoever changes an audit log, with whatever keys but a witness's, is found and called by the right
 * name, and honest logs have no findings. Limits are held too: what cannot be seen is said, and is not seen.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ExportSource, writeRawExport } from '../../audit/raw-export.ts';
import { parseTrustFile } from '../../audit/trust-file.ts';
import type { AuditSource } from '../../audit/verify/audit-source.ts';
import type { FindingClass, FindingName } from '../../audit/verify/finding.ts';
import type { CountSource, FindPersons, SourcePersons } from '../../audit/verify/source-check.ts';
import { verifyAudit } from '../../audit/verify/verifier.ts';
import type { VerifyResult } from '../../audit/verify/verifier.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { honestLog } from '../support/audit-log-maker.ts';
import type { AuditLogMaker } from '../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../support/memory-audit-source.ts';
import { LIMITS, TAMPER_CASES } from '../support/tamper/cases.ts';
import type { TamperCase } from '../support/tamper/cases.ts';
import { pruneAtFrontier, sealPastFrontier } from '../support/tamper/declared-pruning.ts';
import { bitFlipAt } from '../support/tamper/event-mutations.ts';
import { asIfWrittenSo } from '../support/tamper/remaking.ts';
import { tamperScene } from '../support/tamper/tamper-scene.ts';
import { tamperExport } from '../support/tamper/tampered-export.ts';

/** What an auditor is to be told; written down here once more, so that no finding is made light of elsewhere. */
const CLASSES: Readonly<Partial<Record<FindingName, FindingClass>>> = {
  COVERAGE_GAP: 'INCOMPLETE',
  COVERAGE_OVERLAP: 'INCOMPLETE',
  COVERAGE_SHORT: 'INCOMPLETE',
  COVERAGE_BEYOND: 'INCOMPLETE',
  DELIVERY_NOT_LEASED: 'INCOMPLETE',
  NO_COSIGNATURE: 'INCOMPLETE',
  SOURCE_COUNT: 'INCOMPLETE',
  SOURCE_SUBJECTS: 'INCOMPLETE',
  TOPIC_CONFIG: 'INCOMPLETE',
  STALE_SEAL: 'STALE',
  PRUNED_BEFORE: 'UNVERIFIABLE',
  SCHEMA_OTHER: 'UNVERIFIABLE',
  TIME_SKEW: 'UNVERIFIABLE',
};

const scene = tamperScene();
const trust = parseTrustFile(scene.maker.trustNote, scene.maker.rootVkey);
const truth = new Map(
  scene
    .log()
    .events.flatMap(({ event: { range } }) => (range ? [[rangeKey(range), range.record_count]] : [])),
);
const countSource: CountSource = ({ topic, partition, from, to }) =>
  Promise.resolve(truth.get(`${topic} ${partition} ${from} ${to}`) ?? null);

const persons = new Map<string, SourcePersons>(
  scene.maker.audit.partitions
    .filter(({ kind }) => kind === 'subjects')
    .flatMap(({ records }) => records.map(({ value }) => subjectIndexCodec.decode(value!)))
    .map((index) => [
      rangeKey(index),
      { tokens: Buffer.from(index.tokens), offsets: index.offsets, passedOver: new Set() },
    ]),
);
const findPersons: FindPersons = ({ topic, partition, from, to }) =>
  Promise.resolve(persons.get(`${topic} ${partition} ${from} ${to}`) ?? null);

function rangeKey(range: {
  topic: string;
  partition: number;
  first_offset: number;
  next_offset: number;
}): string {
  return `${range.topic} ${range.partition} ${range.first_offset} ${range.next_offset}`;
}

async function verify(source: AuditSource, isCounted = false): Promise<VerifyResult> {
  return await verifyAudit(source, isCounted ? { trust, countSource, findPersons } : { trust });
}

function told({ findings }: VerifyResult): string[] {
  return findings.all
    .filter((finding) => finding.class !== 'DECLARED')
    .map(({ name, place, detail }) => `${name} ${JSON.stringify(place)} ${detail}`);
}

async function played({ mutation, isCounted = false }: TamperCase): Promise<VerifyResult> {
  const log = scene.log();
  mutation(log);
  return await verify(new MemoryAuditSource(log.audit), isCounted);
}

describe('a tampered audit log', () => {
  test.each(TAMPER_CASES)('shows case $id, $what ($mutation.means)', async (tamperCase) => {
    const { findings } = await played(tamperCase);
    const names = findings.names();
    expect(names).toEqual(expect.arrayContaining([...tamperCase.finds]));
    const { finds, also = [] } = tamperCase;
    expect(names.filter((name) => !finds.includes(name) && !also.includes(name))).toEqual([]);
    for (const each of findings.all.filter(({ name }) => finds.includes(name)))
      expect([each.name, each.class]).toEqual([each.name, CLASSES[each.name] ?? 'TAMPERED']);
  });

  test('has a case for each number of the reference', () => {
    const numbers = new Set([...TAMPER_CASES, ...LIMITS].map(({ id }) => Number.parseInt(id, 10)));
    for (let number = 1; number <= 32; number++) expect(numbers).toContain(number);
  });

  test('shows a flipped bit wherever it is', async () => {
    for (let back = 0; back < 640; back += 7) {
      const log = scene.log();
      bitFlipAt(back, back % 8)(log);
      const { findings } = await verify(new MemoryAuditSource(log.audit));
      expect([back, findings.count('ROOT_MISMATCH')]).toEqual([back, 1]);
    }
  }, 60_000);

  test.each(LIMITS)('does not show $id, $what: a limit that is known', async (limit) => {
    expect(told(await played(limit))).toEqual([]);
  });

  test('leaves the sealed past safe from a live writer under control', async () => {
    const before = scene.maker.seals.length;
    const { totals } = await played(LIMITS.find(({ id }) => id === 'L1')!);
    expect([totals.seals, totals.cosignedSeals]).toEqual([before, before]);
  });

  test.each(['25', '26'])(
    'without the source does not show what only the source shows: %s',
    async (wanted) => {
      const tamperCase = TAMPER_CASES.find(({ id }) => id === wanted)!;
      expect(told(await played({ ...tamperCase, isCounted: false }))).toEqual([]);
    },
  );
});

describe('an honest audit log', () => {
  test('has no findings where the cases are played', async () => {
    expect(told(await verify(new MemoryAuditSource(scene.maker.audit), true))).toEqual([]);
  });

  test('has none when the tamper tool makes everything anew and changes nothing', async () => {
    const log = scene.log();
    asIfWrittenSo(log);
    expect(log.audit.partitions).not.toEqual(scene.maker.audit.partitions);
    expect(told(await verify(new MemoryAuditSource(log.audit), true))).toEqual([]);
  });

  const seeds = Array.from({ length: 20 }, (_, at) => 100 + at);

  test.each(seeds)('has none but what was declared, when its beginning is pruned: run %i', async (seed) => {
    const maker = prunable(seed);
    pruneAtFrontier(maker, { isDeclared: true });
    const { findings } = await verifyMade(maker);
    const names = findings.names().filter((name) => name !== 'DECLARED_JUMP');
    // The sessions before the first that is left, and the events of an index, were in what is gone.
    expect(names.filter((name) => name !== 'PRUNED_BEFORE')).toEqual(['DECLARED_PRUNING']);
  });

  test('is called tampered with where the same was not declared', async () => {
    const maker = prunable(100);
    pruneAtFrontier(maker, { isDeclared: false });
    expect((await verifyMade(maker)).findings.names()).toContain('UNDECLARED_TRUNCATION');
  });
});

function prunable(seed: number): AuditLogMaker {
  const maker = honestLog(seed, 60);
  sealPastFrontier(maker);
  return maker;
}

async function verifyMade(maker: AuditLogMaker): Promise<VerifyResult> {
  const made = parseTrustFile(maker.trustNote, maker.rootVkey);
  return await verifyAudit(new MemoryAuditSource(maker.audit), { trust: made });
}

describe('a tampered export', () => {
  let directory = '';
  const honest = (): string => join(directory, 'honest');

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gauze-tamper-'));
    await writeRawExport(new MemoryAuditSource(scene.maker.audit), honest());
  });

  afterAll(async () => await rm(directory, { recursive: true, force: true }));

  test.each(TAMPER_CASES)('shows case $id, $what, with a manifest made to fit', async (tamperCase) => {
    const { id, mutation, finds, isCounted = false } = tamperCase;
    const changed = join(directory, id);
    await tamperExport(honest(), changed, mutation, scene.log().keys);
    const { findings } = await verify(await ExportSource.open(changed), isCounted);
    expect(findings.names()).toEqual(expect.arrayContaining([...finds]));
    expect(findings.names()).not.toContain('EXPORT_DAMAGED');
  });

  test('shows a file that its manifest does not fit', async () => {
    const changed = join(directory, 'damaged');
    await writeRawExport(new MemoryAuditSource(scene.maker.audit), changed);
    const file = join(changed, 'subjects-0.segment');
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await writeFile(file, bytes);
    const { findings } = await verify(await ExportSource.open(changed));
    expect(findings.names()).toEqual(expect.arrayContaining(['EXPORT_DAMAGED', 'SUBJECT_ROOT']));
  });
});
