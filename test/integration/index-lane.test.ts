/**
 * The index of persons on real parts: one token for each raw record, the same for one person in every topic, found
 * nowhere but in the index; through holes, records that name nobody, holds, and kill -9.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import { NOBODY, expectedTokens, indexFaults } from '../support/index-oracle.ts';
import type { ExpectedToken, IndexInput } from '../support/index-oracle.ts';
import { TestPlane } from '../support/kafka-plane.ts';
import { killRun } from '../support/kill-run.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { testStack, uniqueName, withAdmin } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';
import { siteTruth } from '../support/verify-site.ts';

const PATIENTS = 'clinical.patients';

/** All that the oracle needs, in one reading. */
async function indexInput(site: TestSite): Promise<IndexInput> {
  const { auditEvents, auditSubjects } = site.names;
  const raw = site.topics.map((topic) => site.raw(topic));
  const dump = await dumpTopics([...raw, auditEvents, auditSubjects]);
  return {
    keyringFile: site.keyringFile,
    raw: dump.filter(({ topic }) => raw.includes(topic)),
    subjects: dump.filter(({ topic }) => topic === auditSubjects),
    events: auditedEvents(dump.filter(({ topic }) => topic === auditEvents)),
  };
}

describe('the index of a hospital', () => {
  let site: TestSite;
  let input: IndexInput;
  let tokens: readonly ExpectedToken[];
  let sanitized: readonly DumpedRecord[];

  beforeAll(async () => {
    site = await TestSite.make({ partitions: 2 });
    await site.feed(generateHospital({ patients: 80, seed: 51 }));
    await site.apply();
    const instance = site.run();
    await site.caughtUp();
    // By now lanes that mask know their plans, and note for the index lane whom records are about.
    await site.feed(generateHospital({ patients: 80, seed: 52 }));
    await site.caughtUp();
    expect(await instance.end('SIGTERM')).toBe(0);
    input = await indexInput(site);
    tokens = await expectedTokens(input);
    sanitized = await dumpTopics(
      site.topics.flatMap((topic) => AUDIENCES.map((audience) => site.sanitized(topic, audience))),
    );
  }, 180_000);

  afterAll(async () => {
    await site.close();
  });

  test('has one token for each raw record, in offset order, as HMAC by hand gives it, committed to by its events', async () => {
    expect(input.subjects.length).toBeGreaterThan(0);
    expect(tokens.filter(({ token }) => token !== NOBODY)).toHaveLength(input.raw.length);
    expect(await indexFaults(input)).toEqual([]);
  });

  test('gives one person the same token in all four topics, and two persons two', () => {
    const byPerson = Map.groupBy(tokens, ({ person }) => person!);
    const inAllTopics = [...byPerson.values()].filter(
      (mine) => new Set(mine.map(({ topic }) => topic)).size === 4,
    );
    expect(inAllTopics.length).toBeGreaterThan(10);
    for (const mine of byPerson.values()) expect(new Set(mine.map(({ token }) => token)).size).toBe(1);
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(byPerson.size);
  });

  test('is the only place with tokens: no sanitized key, value or header holds one, as bytes, hex or base64', () => {
    const published = Buffer.concat(
      sanitized.flatMap(({ key, value, headers }) => [
        key ?? Buffer.alloc(0),
        value ?? Buffer.alloc(0),
        ...headers.flatMap(([name, content]) => [Buffer.from(name), content ?? Buffer.alloc(0)]),
      ]),
    );
    const index = Buffer.concat(input.subjects.map(({ value }) => value!));
    expect(published.length).toBeGreaterThan(100_000);
    for (const token of new Set(tokens.map((each) => each.token))) {
      const bytes = Buffer.from(token, 'hex');
      expect(index.includes(bytes)).toBe(true);
      expect(published.includes(bytes)).toBe(false);
      // Pseudonyms are hex: none of them begins with, or holds, a token.
      expect(published.includes(token)).toBe(false);
      expect(published.includes(bytes.toString('base64').slice(0, 10))).toBe(false);
    }
  });

  test('holds no identifier', () => {
    const index = Buffer.concat(
      input.subjects.map(({ value, key }) => Buffer.concat([key ?? Buffer.alloc(0), value!])),
    );
    for (const person of new Set(tokens.map((each) => each.person!)))
      expect(index.includes(person)).toBe(false);
  });

  test('is held to every record: its oracle notices one too few, and one of somebody else', async () => {
    const [first, ...rest] = input.raw;
    expect(await indexFaults({ ...input, raw: rest })).toHaveLength(1);
    const stranger = input.raw.find(({ topic, key }) => topic === first!.topic && !key!.equals(first!.key!))!;
    expect(
      await indexFaults({ ...input, raw: [{ ...first!, value: stranger.value }, ...rest] }),
    ).toHaveLength(1);
  });
});

describe('an index lane', () => {
  let site: TestSite;

  afterEach(async () => {
    await site.close();
  });

  test('writes zeros for records that name nobody, and keeps offsets where transactions leave holes', async () => {
    site = await TestSite.make({ topics: [PATIENTS], partitions: 1 });
    const raw = site.raw(PATIENTS);
    // Batches of transactions here bear no times: retention must not look at them.
    await withAdmin(async (admin) => await admin.replaceConfigs(raw, { 'retention.ms': '-1' }));
    const id = (await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic))).get(
      PATIENTS,
    )!;
    const people = [...generateHospital({ patients: 6, seed: 52 })].flatMap((record) =>
      record.topic === PATIENTS ? [encodeRecord(PATIENTS, id, record.value)] : [],
    );
    const send = async (...values: (Buffer | null)[]): Promise<void> =>
      await sendRaw(values.map((value) => ({ topic: raw, partition: 0, key: 'k', value })));
    await site.apply();
    await send(people[0]!, null, people[1]!);
    await send(
      Buffer.from('no Avro at all'),
      people[2]!.subarray(0, 40),
      Buffer.concat([people[3]!, people[0]!]),
    );
    await commitAndAbort(raw, people.slice(2, 5));
    await send(people[5]!, Buffer.alloc(3));
    site.run();
    const [lane] = (await site.caughtUp()).filter(({ audience }) => audience === 'index');
    const input = await indexInput(site);
    const tokens = await expectedTokens(input);
    expect(await indexFaults(input)).toEqual([]);
    expect(tokens.map(({ token }) => token === NOBODY)).toEqual([
      false,
      true,
      false,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
      true,
    ]);
    // The markers of both transactions and the aborted record.
    expect(lane!.position).toBe(tokens.length + 3);
  }, 120_000);

  test('holds where its offset is lost, until a person resumes it from the audit topic; the others go on', async () => {
    site = await TestSite.make({ topics: [PATIENTS], partitions: 1 });
    await site.feed(generateHospital({ patients: 30, seed: 53 }));
    await site.apply();
    const first = site.run();
    await site.caughtUp();
    expect(await first.end('SIGTERM')).toBe(0);
    await withAdmin(async (admin) => await admin.deleteGroups([site.names.audienceGroup('index')]));
    await site.feed(generateHospital({ patients: 30, seed: 54 }));
    site.run();
    await site.until((lanes) =>
      lanes.every(({ audience, code, lag }) =>
        audience === 'index' ? code === 'ERR_LANE_OFFSET_LOST' : lag === 0,
      ),
    );
    const { code } = await site.gauze(
      'resume',
      'index',
      site.raw(PATIENTS),
      '0',
      '--from-audit',
      '--reason',
      'lost',
    );
    expect(code).toBe(0);
    const truth = await siteTruth(site, await site.caughtUp());
    expect(truth.indexFaults).toEqual([]);
    expect(truth.auditFaults).toEqual([]);
    expect(truth.sequenceFaults).toEqual([]);
  }, 180_000);

  test('loses and doubles no token when it is killed inside its transactions', async () => {
    const run = await killRun({
      patients: 300,
      kills: 2,
      watched: ({ names }) => [names.auditSubjects],
    });
    ({ site } = run);
    expect(run.killsInsideTransaction).toBe(2);
    const truth = await siteTruth(site, run.lanes);
    expect(truth.indexFaults).toEqual([]);
    expect(truth.auditFaults).toEqual([]);
  }, 300_000);
});

/** One record in a transaction that is aborted, then `values` in one that is committed. */
async function commitAndAbort(topic: string, values: readonly Buffer[]): Promise<void> {
  const plane = new TestPlane();
  await plane.start();
  const producer = new TransactionalProducer(plane.cluster, uniqueName('raw'));
  try {
    const { id } = (await plane.cluster.topic(topic))!;
    const aborted = await plane.openTransaction(uniqueName('raw'));
    await aborted.write({ name: topic, id }, [[null, 'aborted']]);
    await aborted.end('abort');
    const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000 });
    for (const value of values) writer.record(null, value);
    const { signal } = new AbortController();
    await producer.initialize(signal);
    await producer.commit([{ topic, topicId: id, partition: 0, writer }], null, signal);
  } finally {
    producer.close();
    await plane.close();
  }
}
