/**
 * What a grantee gets of raw data, seen by a grantee who reads uncommitted: what was granted, to the record, and
 * nothing after the end.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { noProgress } from '../../topology/grant-progress-log.ts';
import { AvroValues } from '../support/avro-values.ts';
import type { Scalar } from '../support/avro-values.ts';
import { GrantBench } from '../support/grant-bench.ts';
import type { GrantedRecord } from '../support/grant-bench.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import type { OrdinaryProducer } from '../../kafka/kafkajs-client.ts';
import { connectionOf, eventually, testStack } from '../support/stack.ts';
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
let rawRecords: readonly DumpedRecord[];

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
  rawRecords = dump.filter(({ topic }) => topic === site.raw(TOPIC)).sort(byPlace);
  raw = await decode(rawRecords);
  research = await decode(dump.filter(({ topic }) => topic !== site.raw(TOPIC)).sort(byPlace));
}, 180_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

/** Sends the same records again and again, a few at a time, as long as it is not stopped. */
class Traffic {
  private readonly producer: OrdinaryProducer;
  private isStopping = false;
  private running: Promise<void> = Promise.resolve();

  private constructor(producer: OrdinaryProducer) {
    this.producer = producer;
  }

  static async start(topic: string, records: readonly DumpedRecord[]): Promise<Traffic> {
    const traffic = new Traffic(ordinaryProducer(connectionOf('ehr-feed')));
    await traffic.producer.connect();
    traffic.running = traffic.run(topic, records);
    return traffic;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.running;
    await this.producer.disconnect();
  }

  private async run(topic: string, records: readonly DumpedRecord[]): Promise<void> {
    for (let i = 0; !this.isStopping; i += 3) {
      const messages = [0, 1, 2].map((more) => {
        const { key, value, partition } = records[(i + more) % records.length]!;
        return { key, value, partition };
      });
      await this.producer.send({ topic, acks: -1, messages });
    }
  }
}

/** Scope partitions that end where the records end now. */
function ranges(): { partition: number; first_offset: number; next_offset: number }[] {
  return [0, 1].map((partition) => ({
    partition,
    first_offset: 0,
    next_offset:
      1 + Math.max(...raw.filter((record) => record.partition === partition).map(({ offset }) => offset)),
  }));
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
    const events = await bench.events(grantId);
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

/** Person of each raw record by its feed sequence. */
const personOf = (record: Decoded): unknown =>
  at(
    raw.find((each) => sequence(each) === sequence(record))!,
    'patientId',
  );

describe('caps', () => {
  test('on records hold over all partitions, to the record', async () => {
    const state = await bench.active(TOPIC, { partitions: ranges(), max_records: 137 });
    await bench.write(state);
    const progress = await bench.untilStopped(state.grant_id);
    expect(progress).toMatchObject({ stopped: 'RECORDS', records: 137, lease: null });
    expect(await bench.read(state)).toHaveLength(137);
  }, 60_000);

  test('on persons hold over all partitions', async () => {
    const state = await bench.active(TOPIC, { partitions: ranges(), max_persons: 17 });
    await bench.write(state);
    const progress = await bench.untilStopped(state.grant_id);
    expect(progress.stopped).toBe('PERSONS');
    expect(progress.persons).toHaveLength(17);
    const records = await decode(await bench.read(state));
    expect(new Set(records.map(personOf)).size).toBe(17);
  }, 60_000);

  test('hold through kill -9, and what was leased is delivered once more at the most', async () => {
    const caps = { max_records: 150, max_persons: 40 };
    const state = await bench.active(TOPIC, { partitions: ranges(), ...caps });
    const grantee = bench.grantee(state).follow();
    await bench.write(state);
    for (let kill = 1; kill <= 2; kill++) {
      await bench.untilProgress(state.grant_id, ({ records }) => records >= kill * 30);
      await site.lastInstance().end('SIGKILL');
      site.run();
    }
    const progress = await bench.untilStopped(state.grant_id, 60_000);
    await grantee.stop();
    await grantee.readToEnd();
    const seen = await decode(grantee.records);
    expect(new Set(seen.map(sequence)).size).toBeLessThanOrEqual(progress.records);
    expect(progress.records).toBeLessThanOrEqual(caps.max_records);
    expect(new Set(seen.map(personOf)).size).toBeLessThanOrEqual(caps.max_persons);
    // The same record again, from an aborted transaction, is the same to the byte.
    const bytes = Map.groupBy(grantee.records, (_, i) => String(sequence(seen[i]!)));
    for (const same of bytes.values())
      expect(new Set(same.map(({ value, key }) => `${key} ${value.toString('hex')}`)).size).toBe(1);
    const leased = (await bench.events(state.grant_id)).filter(({ phase }) => phase === 'LEASE');
    const sum = leased.reduce((total, { range }) => total + range!.delivered_count, 0);
    expect(sum).toBe(progress.records);
  }, 120_000);
});

describe('a lease whose delivery is not on record', () => {
  /** A grant for partition 0 of which the first ten offsets were leased by a task that is dead. */
  async function leased(records: number) {
    const [first] = ranges();
    const state = await bench.active(TOPIC, { partitions: [first!] });
    await bench.writeProgress({
      ...noProgress(state.grant_id),
      records,
      lease: { partition: 0, first_offset: 0, next_offset: 10, records },
    });
    return { state, inRange: raw.filter(({ partition }) => partition === 0) };
  }

  test('is delivered as it was leased, and counted once', async () => {
    const { state, inRange } = await leased(10);
    await bench.write(state);
    const progress = await bench.untilStopped(state.grant_id);
    expect(progress).toMatchObject({ stopped: 'COMPLETE', records: inRange.length, lease: null });
    const seen = await decode(await bench.read(state));
    expect(seen.map(sequence)).toEqual(inRange.map(sequence));
    const [batch] = (await bench.events(state.grant_id)).filter(({ type }) => type === 'session.batch');
    expect(batch?.range).toMatchObject({ first_offset: 0, next_offset: 10, delivered_count: 10 });
  }, 60_000);

  test('is not delivered where it now holds more than was counted', async () => {
    const { state } = await leased(9);
    await bench.write(state);
    await eventually(async () => {
      const progress = await bench.progress(state.grant_id);
      expect(progress).toMatchObject({ records: 9, stopped: null });
      expect(
        site.logLines(new RegExp(`ERR_GRANT_LEASE.*${state.grant_id}|${state.grant_id}.*ERR_GRANT_LEASE`)),
      ).not.toEqual([]);
    });
    expect(await bench.read(state)).toEqual([]);
  }, 60_000);

  test('is not delivered any more once the grant is over', async () => {
    const { state } = await leased(10);
    const grantee = bench.grantee(state).follow();
    await bench.write({ ...state, state: 'REVOKING' });
    await grantee.ended();
    expect(grantee.records).toEqual([]);
    expect(await bench.progress(state.grant_id)).toMatchObject({ records: 10 });
  }, 60_000);
});

describe('what people have not decided about', () => {
  test('is not delivered: a field that has got another tag stops the grant', async () => {
    const fields = [{ path: 'encounterId', tags: ['PHI_NONE'] }];
    const state = await bench.active(TOPIC, { fields, partitions: ranges() });
    await bench.write(state);
    expect(await bench.untilStopped(state.grant_id)).toMatchObject({ stopped: 'TAGS_CHANGED', records: 0 });
    expect(await bench.read(state)).toEqual([]);
    const stopped = (await bench.events(state.grant_id)).at(-1);
    expect(stopped).toMatchObject({ type: 'grant.stopped', outcome: 'SERIOUS_FAILURE' });
  }, 60_000);

  test('is not delivered: another topic under the name of the raw topic, or of the grant topic', async () => {
    const raws = await bench.active(TOPIC, { partitions: ranges(), topic_id: 'ab'.repeat(16) });
    const grants = await bench.active(TOPIC, { partitions: ranges() });
    await bench.write(raws);
    await bench.write({ ...grants, grant_topic_id: 'ab'.repeat(16) });
    for (const state of [raws, grants]) {
      const progress = await bench.untilStopped(state.grant_id);
      expect(progress).toMatchObject({ stopped: 'TOPIC_CHANGED', records: 0 });
      expect(await bench.read(state)).toEqual([]);
    }
  }, 60_000);

  test('is not delivered: persons under tokens of another epoch', async () => {
    const persons = [await bench.token('somebody')];
    const state = await bench.active(TOPIC, { partitions: ranges(), persons, token_epoch: 2 });
    await bench.write(state);
    await eventually(async () => {
      await bench.progress(state.grant_id);
      const held = site.logLines(/ERR_GRANT_TOKEN_EPOCH/).filter((line) => line.includes(state.grant_id));
      expect(held).not.toEqual([]);
    });
    expect(await bench.read(state)).toEqual([]);
  }, 60_000);
});

describe('a fetch that a broker holds open over a revocation', () => {
  test('gets nothing, whatever is fed afterwards', async () => {
    const state = await bench.active(TOPIC, {});
    await bench.write(state);
    const ends = ranges().map(({ next_offset: next }) => next);
    await bench.untilProgress(state.grant_id, ({ delivered }) =>
      ends.every((end, partition) =>
        delivered.some((each) => each.partition === partition && each.next_offset >= end),
      ),
    );
    const places = (await bench.read(state)).filter(({ partition }) => partition === 0);
    const end = Math.max(...places.map(({ offset }) => offset)) + 2;
    const { answer } = await bench.parkedFetch(state, 0, end, 8_000);
    await bench.write(bench.next(state, { state: 'REVOKING', cause: 'REQUESTER' }));
    const traffic = await Traffic.start(site.raw(TOPIC), rawRecords);
    const { error, records } = await answer;
    await traffic.stop();
    expect(records).toHaveLength(0);
    expect([3, 100]).toContain(error);
  }, 60_000);
});

describe('an end', () => {
  let traffic: Traffic;

  beforeAll(async () => {
    traffic = await Traffic.start(site.raw(TOPIC), rawRecords);
  });

  afterAll(async () => {
    await traffic.stop();
  });

  test('by time: nothing is appended at or after it, and the topic goes', async () => {
    const state = await bench.active(TOPIC, { lastsMs: 10_000 });
    const grantee = bench.grantee(state).follow();
    await bench.write(state);
    const goneMs = await bench.untilGone(state.grant_id);
    await grantee.ended();
    const last = grantee.lastAppendMs;
    expect(grantee.records.length).toBeGreaterThan(50);
    expect(last).toBeLessThan(state.not_after);
    // Not because it had stopped long before.
    expect(last).toBeGreaterThan(state.not_after - 8_000);
    expect(goneMs).toBeLessThan(state.not_after + 20_000);
    const events = await bench.events(state.grant_id);
    expect(events.filter(({ outcome }) => outcome === 'SERIOUS_FAILURE')).toEqual([]);
    expect(events.at(-1)?.type).toBe('session.closed');
  }, 60_000);

  // How soon is measured elsewhere: here it must not be the grant's own end that stops it.
  test('by revocation: nothing is appended once it has been taken up', async () => {
    const cutOffs: number[] = [];
    for (let round = 0; round < 5; round++) {
      const state = await bench.active(TOPIC, {});
      const grantee = bench.grantee(state).follow();
      await bench.write(state);
      await grantee.until(() => grantee.records.length > 20);
      const revokedMs = await bench.write(bench.next(state, { state: 'REVOKING', cause: 'REQUESTER' }));
      await bench.untilGone(state.grant_id);
      await grantee.ended();
      cutOffs.push(grantee.lastAppendMs - revokedMs);
    }
    expect(Math.max(...cutOffs)).toBeLessThan(5_000);
  }, 120_000);

  test('by suspension, and no end at all for what is resumed', async () => {
    const state = await bench.active(TOPIC, {});
    const grantee = bench.grantee(state).follow();
    await bench.write(state);
    await grantee.until(() => grantee.records.length > 20);
    const suspended = bench.next(state, { state: 'SUSPENDED' });
    const suspendedMs = await bench.write(suspended);
    const killed = await eventually(async () => {
      const found = (await bench.events(state.grant_id)).find(({ type }) => type === 'session.killed');
      if (!found) throw new Error('no event of the cut');
      return found;
    }, 30_000);
    expect(killed.ext).toContainEqual({ k: 'state', v: 'SUSPENDED' });
    expect(grantee.lastAppendMs).toBeLessThan(suspendedMs + 5_000);
    const before = grantee.records.length;
    await bench.write(bench.next(suspended, { state: 'ACTIVE' }));
    await grantee.until(() => grantee.records.length > before);
    await grantee.stop();
  }, 120_000);

  test('for as long as nobody knows the state, because a transaction in it does not end', async () => {
    const state = await bench.active(TOPIC, {});
    const grantee = bench.grantee(state).follow();
    await bench.write(state);
    await grantee.until(() => grantee.records.length > 20);
    const hungMs = Date.now();
    const hung = await bench.hang(state.grant_id);
    // A revocation that stands behind it cannot be seen either.
    await grantee.until(() => Date.now() - grantee.lastAppendMs > 2_000);
    expect(grantee.lastAppendMs - hungMs).toBeLessThan(10_000);
    const before = grantee.records.length;
    await hung.end('abort');
    await grantee.until(() => grantee.records.length > before);
    await grantee.stop();
  }, 120_000);
});
