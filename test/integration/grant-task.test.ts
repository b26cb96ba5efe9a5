/**
 * What a grantee gets of raw data, seen by a grantee who reads uncommitted: what was granted, to the record, and
 * nothing after the end.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { AvroValues } from '../support/avro-values.ts';
import type { Scalar } from '../support/avro-values.ts';
import { GrantBench, OPEN_END } from '../support/grant-bench.ts';
import type { GrantedRecord } from '../support/grant-bench.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';

const TOPIC = 'clinical.encounters';
const REVEALED = [
  { path: 'encounterId', tags: ['PHI_ACCOUNT'] },
  { path: 'accountNumber', tags: ['PHI_ACCOUNT'] },
];

let site: TestSite;
let bench: GrantBench;
let raw: readonly Decoded[];
let research: readonly Decoded[];

interface Decoded {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly scalars: readonly Scalar[];
}

const codecs = new Map<number, AvroValues>();

async function decode(
  records: readonly {
    partition: number;
    offset: number;
    key: Buffer | string | null;
    value: Buffer | null;
  }[],
): Promise<readonly Decoded[]> {
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const decoded: Decoded[] = [];
  for (const { partition, offset, key, value } of records) {
    const id = value!.readInt32BE(1);
    if (!codecs.has(id)) codecs.set(id, new AvroValues((await registry.schemaText(id)).text));
    const scalars = codecs.get(id)!.scalars(value!);
    decoded.push({ partition, offset, key: key?.toString() ?? null, scalars });
  }
  return decoded;
}

const at = (record: Decoded, path: string): unknown =>
  record.scalars.find((scalar) => scalar.path === path)?.value ?? null;
const sequence = (record: Decoded): number => at(record, 'feedSequence') as number;
const byPlace = (a: DumpedRecord | Decoded, b: DumpedRecord | Decoded): number =>
  a.partition - b.partition || a.offset - b.offset;

beforeAll(async () => {
  site = await TestSite.make({ topics: [TOPIC], config: 'limits: { batchBytes: 32768, lingerMs: 20 }' });
  await site.feed(generateHospital({ patients: 60, seed: 5 }));
  await site.apply();
  site.run();
  await site.caughtUp();
  bench = new GrantBench(site);
  await bench.start();
  const dump = await dumpTopics([site.raw(TOPIC), site.sanitized(TOPIC, 'research')]);
  raw = await decode(dump.filter(({ topic }) => topic === site.raw(TOPIC)).sort(byPlace));
  research = await decode(dump.filter(({ topic }) => topic !== site.raw(TOPIC)).sort(byPlace));
}, 180_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

/** Scope partitions that end where the records end now. */
function ranges(): { partition: number; first_offset: number; next_offset: number }[] {
  return [0, 1].map((partition) => ({
    partition,
    first_offset: 0,
    next_offset:
      1 + Math.max(...raw.filter((record) => record.partition === partition).map(({ offset }) => offset)),
  }));
}

async function eventsOf(grantId: string): Promise<readonly PhiAuditEvent[]> {
  const dump = await dumpTopics([site.names.auditEvents]);
  return dump.map(({ value }) => auditEventCodec.decode(value!)).filter(({ grant }) => grant?.id === grantId);
}

describe('a grant for three persons', () => {
  let records: readonly GrantedRecord[];
  let granted: readonly Decoded[];
  let expected: readonly Decoded[];
  let grantId: string;

  beforeAll(async () => {
    const names = [...new Set(raw.map((record) => at(record, 'patientId') as string))];
    const chosen = new Set([names[1]!, names[7]!, names[20]!]);
    const partitions = ranges();
    // Neither the first nor the last records of partition 0.
    partitions[0] = { ...partitions[0]!, first_offset: 5, next_offset: partitions[0]!.next_offset - 5 };
    const persons = await Promise.all([...chosen].map(async (name) => await bench.token(name)));
    expected = raw.filter((record) => {
      const { first_offset: first, next_offset: next } = partitions[record.partition]!;
      return record.offset >= first && record.offset < next && chosen.has(at(record, 'patientId') as string);
    });
    const state = await bench.active(TOPIC, { fields: REVEALED, partitions, persons, max_persons: 3 });
    grantId = state.grant_id;
    await bench.write(state);
    await bench.untilStopped(grantId);
    records = await bench.read(state);
    granted = await decode([...records].sort(byPlace2));
  }, 60_000);

  const byPlace2 = (a: GrantedRecord, b: GrantedRecord): number =>
    a.partition - b.partition || a.offset - b.offset;

  test('delivers exactly the records of those persons in the range, in order', () => {
    expect(expected.length).toBeGreaterThan(6);
    expect(granted.map((record) => [record.partition, sequence(record)])).toEqual(
      expected.map((record) => [record.partition, sequence(record)]),
    );
  });

  test('shows the granted fields as they are', () => {
    for (const [i, record] of granted.entries()) {
      for (const { path } of REVEALED) expect(at(record, path)).toEqual(at(expected[i]!, path));
    }
  });

  test('has no pseudonym, key or shifted date in common with the base audience', () => {
    const bySequence = new Map(research.map((record) => [sequence(record), record]));
    let compared = 0;
    for (const record of granted) {
      const base = bySequence.get(sequence(record))!;
      expect(at(record, 'patientId')).toMatch(/^[0-9a-f]{32}$/);
      expect(at(record, 'patientId')).not.toBe(at(base, 'patientId'));
      expect(record.key).not.toBe(base.key);
      for (const path of ['organization.organizationId', 'participants[].practitionerId']) {
        if (at(base, path) === null) continue;
        expect(at(record, path)).not.toBe(at(base, path));
        compared++;
      }
    }
    const all = new Set(research.flatMap(({ key, scalars }) => [key, ...scalars.map(({ value }) => value)]));
    const pseudonyms = granted.flatMap(({ key, scalars }) => [key, ...scalars.map(({ value }) => value)]);
    expect(pseudonyms.filter((text) => /^[0-9a-f]{32}$/.test(String(text)) && all.has(text))).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });

  test('never shows what was not granted, nor anybody else', () => {
    const bytes = Buffer.concat(
      records.map(({ value, key }) => Buffer.concat([value, Buffer.from(key ?? '')])),
    );
    const secret = new Set<string>();
    for (const record of raw) {
      secret.add(at(record, 'patientId') as string);
      for (const { path, value } of record.scalars) {
        const isHidden = /participants\[\]\.name|notes\[\]\.text|organization\.name|practitionerId|npi/.test(
          path,
        );
        if (isHidden && String(value).length > 5) secret.add(String(value));
      }
      if (!expected.includes(record)) {
        secret.add(at(record, 'encounterId') as string);
        const account = at(record, 'accountNumber');
        const isShared = expected.some((each) => at(each, 'accountNumber') === account);
        if (account !== null && !isShared) secret.add(account as string);
      }
    }
    expect(secret.size).toBeGreaterThan(100);
    expect([...secret].filter((text) => bytes.includes(text))).toEqual([]);
  });

  test('is leased before it is delivered, and audited for each partition, with whom it is about', async () => {
    const events = await eventsOf(grantId);
    const leases = events.filter(({ phase }) => phase === 'LEASE');
    const batches = events.filter(
      ({ type, range }) => type === 'session.batch' && range!.delivered_count > 0,
    );
    const place = ({ range }: PhiAuditEvent): unknown[] => [
      range!.partition,
      range!.first_offset,
      range!.next_offset,
    ];
    expect(leases.map(place)).toEqual(batches.map(place));
    expect(batches.reduce((sum, { range }) => sum + range!.delivered_count, 0)).toBe(expected.length);
    expect(leases.reduce((sum, { subjects }) => sum + subjects!.distinct, 0)).toBe(3);
    for (const { recipient, purpose, accounting, view, grant } of batches) {
      expect(recipient?.id).toBe('User:alice');
      expect(purpose).toEqual(['TREAT']);
      expect(accounting).toBe('EXEMPT_TPO');
      expect(view?.fields_clear).toEqual(expect.arrayContaining(['accountNumber', 'encounterId']));
      expect(grant).toMatchObject({
        approved_by: ['bob@example.org', 'carol@example.org'],
        emergency: false,
      });
    }
    expect(events.at(-1)).toMatchObject({ type: 'grant.stopped', outcome_reason: 'COMPLETE' });
  });
});

void OPEN_END;
