/**
 * Replays of audit events: what an audience or a grantee got is masked again inside the task of a grant and compared
 * with what was published; nothing is revealed, and what cannot be compared any more says why.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { controlBatch } from '../../kafka/control-batch.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { RecordCursor } from '../../kafka/record-cursor.ts';
import { readRecordSet } from '../../kafka/record-set.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { createKafkaJs } from '../../kafka/kafkajs-client.ts';
import { connectionOf, eventually, testStack, withAdmin } from '../support/stack.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { GrantState, ReplayResult, ScopeReplay } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { GrantBench } from '../support/grant-bench.ts';
import { deliveriesOf, replayRequest, replayResult } from '../support/replay-requests.ts';
import type { DeliveriesOf, Told } from '../support/replay-requests.ts';
import { TestSite } from '../support/test-site.ts';

const TOPIC = 'clinical.encounters';

let site: TestSite;
let bench: GrantBench;

beforeAll(async () => {
  site = await TestSite.make({ topics: [TOPIC], partitions: 1, config: 'limits: { batchBytes: 8192 }' });
  await site.feed(generateHospital({ patients: 30, seed: 9 }));
  await site.apply();
  site.run();
  await site.caughtUp();
  bench = new GrantBench(site);
  await bench.start();
}, 180_000);

afterAll(async () => {
  await bench.close();
  await site.close();
});

const deliveries = async (of: DeliveriesOf): Promise<readonly Told[]> => await deliveriesOf(bench, site, of);

const replayOf = async (event: Told, change: Partial<ScopeReplay> = {}): Promise<GrantState> =>
  await replayRequest(bench, TOPIC, event, change);

const resultOf = async (state: GrantState): Promise<ReplayResult> => await replayResult(bench, state);

describe('the replay of an honest event', () => {
  test('of an audience is equal to what stands in its topic, and is on record with its read', async () => {
    const events = await deliveries({ policy: 'research' });
    expect(events.length).toBeGreaterThan(2);
    const chosen = events[1]!;
    const state = await replayOf(chosen);
    const records = chosen.event.range!.delivered_count;
    expect(await resultOf(state)).toEqual({ outcome: 'EQUAL', code: null, records, differs_at: null });
    const own = await bench.events(state.grant_id);
    expect(own.map(({ type }) => type)).toEqual([
      'session.opened',
      'session.batch',
      'audit.replayed',
      'session.closed',
    ]);
    const { first_offset, next_offset, record_count } = chosen.event.range!;
    expect(own[1]).toMatchObject({
      recipient: null,
      view: null,
      range: { first_offset, next_offset, record_count, delivered_count: 0 },
    });
    expect(Object.fromEntries(own[2]!.ext.map(({ k, v }) => [k, v]))).toMatchObject({
      'replay.event': `${chosen.partition}/${chosen.offset}`,
      'replay.outcome': 'EQUAL',
    });
    // No topic was made, and the result is all that was written.
    const topic = site.names.grantTopic(state.grant_id);
    expect((await bench.plane.cluster.refresh([topic])).has(topic)).toBe(false);
  });

  test('of a grant is equal to the hash that the event bears, though its topic and its schema are gone', async () => {
    const raw = { partition: 0, first_offset: 0, next_offset: 40 };
    const fields = [{ path: 'accountNumber', tags: ['PHI_ACCOUNT'] }];
    const granted = await bench.active(TOPIC, { fields, partitions: [raw] });
    await bench.write(granted);
    await bench.untilStopped(granted.grant_id, 60_000);
    const [event] = await deliveries({ policy: 'research', grant: granted.grant_id });
    await bench.write(bench.next(granted, { state: 'REVOKING' }));
    await bench.untilGone(granted.grant_id, 60_000);
    const registry = new RegistryClient({ url: testStack().registryUrl });
    await registry.deleteSubject(`${site.names.grantTopic(granted.grant_id)}-value`);
    expect(event!.event.output_sha256).not.toBeNull();
    const records = event!.event.range!.delivered_count;
    const result = await resultOf(await replayOf(event!));
    expect(result).toEqual({ outcome: 'EQUAL', code: null, records, differs_at: null });
    // The same event with another hash is told from it.
    const forged = { ...event!.event, output_sha256: Buffer.alloc(32, 7) };
    const other = await append([forged]);
    expect(await resultOf(await replayOf(other))).toMatchObject({ outcome: 'DIFFERENT', code: 'HASH' });
  });
});

describe('a replay finds', () => {
  test('a published record that is not what the plan makes, and where it is', async () => {
    const { event } = (await deliveries({ policy: 'research' }))[0]!;
    const bodies = await publishedBy(event);
    expect(bodies).toHaveLength(event.range!.delivered_count);
    const same = await append([event], bodies);
    expect(await resultOf(await replayOf(same))).toMatchObject({ outcome: 'EQUAL' });
    const altered = bodies.map((body, i) => (i === 3 ? flipped(body) : body));
    const at = event.range!.first_offset + 3;
    expect(await resultOf(await replayOf(await append([event], altered)))).toMatchObject({
      outcome: 'DIFFERENT',
      code: 'BYTES',
      differs_at: at,
    });
    const fewer = bodies.filter((_, i) => i !== bodies.length - 1);
    expect(await resultOf(await replayOf(await append([event], fewer)))).toMatchObject({
      outcome: 'DIFFERENT',
      code: 'MISSING',
    });
  });

  test('that an event is not the one that people decided about, before it reads anything', async () => {
    const chosen = (await deliveries({ policy: 'research' }))[0]!;
    const state = await replayOf(chosen, { event_sha256: Buffer.alloc(32, 1) });
    expect(await resultOf(state)).toMatchObject({ outcome: 'UNVERIFIABLE', code: 'EVENT_OTHER' });
    const types = (await bench.events(state.grant_id)).map(({ type }) => type);
    expect(types).toEqual(['session.opened', 'audit.replayed', 'session.closed']);
    const gone = await replayOf({ ...chosen, offset: 1_000_000 });
    expect(await resultOf(gone)).toMatchObject({ outcome: 'UNVERIFIABLE', code: 'EVENT_GONE' });
  });

  test('that keys of an epoch, a policy or a plan cannot be had any more', async () => {
    const { event } = (await deliveries({ policy: 'research' }))[0]!;
    const doubles = [
      ['KEY_EPOCH', { ...event, plan: { ...event.plan!, masking_key_epoch: 9 } }],
      ['POLICY_GONE', { ...event, policy: { ...event.policy, sha256: Buffer.alloc(32, 3) } }],
      ['PLAN_OTHER', { ...event, plan: { ...event.plan!, hash: Buffer.alloc(32, 3) } }],
    ] as const;
    for (const [code, double] of doubles) {
      const result = await resultOf(await replayOf(await append([double])));
      expect(result).toMatchObject({ outcome: 'UNVERIFIABLE', code });
    }
  });

  // Last: what it deletes is gone.
  test('that retention has taken what was published, or what was read', async () => {
    const events = await deliveries({ policy: 'research' });
    const last = events.at(-1)!;
    const ends = async (topic: string): Promise<number> =>
      await withAdmin(async (admin) => Number((await admin.topicEndOffsets(topic))[0]!.high));
    const sanitized = site.sanitized(TOPIC, 'research');
    await deleteRecords(sanitized, 0, await ends(sanitized));
    const published = await resultOf(await replayOf(last));
    expect(published).toMatchObject({ outcome: 'UNVERIFIABLE', code: 'OUTPUT_RETENTION' });
    await deleteRecords(site.raw(TOPIC), 0, last.event.range!.first_offset + 1);
    const read = await resultOf(await replayOf(last));
    expect(read).toMatchObject({ outcome: 'UNVERIFIABLE', code: 'RAW_RETENTION', records: 0 });
  });
});

/** Puts events into the audit topic, with records of the sanitized topic in the same transaction; the first of them. */
async function append(events: readonly PhiAuditEvent[], bodies: readonly Buffer[] = []): Promise<Told> {
  const producer = new TransactionalProducer(bench.plane.cluster, `${site.namespace}.doubles`);
  try {
    await producer.initialize(new AbortController().signal);
    const values = events.map((event) => auditEventCodec.encode(event, 1));
    const partition = 3;
    const audit = {
      topic: site.names.auditEvents,
      topicId: await bench.topicId(site.names.auditEvents),
      partition,
      writer: controlBatch(values, null),
    };
    const sanitized = site.sanitized(TOPIC, 'research');
    const topicId = await bench.topicId(sanitized);
    const outputs =
      bodies.length === 0 ? [] : [{ topic: sanitized, topicId, partition: 0, writer: batchOf(bodies) }];
    const appended = await producer.commit([audit, ...outputs], null, new AbortController().signal);
    const { baseOffset: offset } = appended.find(({ output }) => output === audit)!;
    return { partition, offset, value: values[0]!, event: events[0]! };
  } finally {
    producer.close();
  }
}

/** Records from the length of their key to the end of their headers, in one batch. */
function batchOf(bodies: readonly Buffer[]): RecordBatchWriter {
  const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000 });
  for (const body of bodies) {
    writer.beginRecord(0, body.length + 16);
    writer.reserve(body.length);
    body.copy(writer.buffer, writer.position);
    writer.position += body.length;
    if (writer.endRecord() !== 'ok') throw new Error('too much for one batch');
  }
  return writer;
}

/** What the first transaction of the lane put into the sanitized topic. */
async function publishedBy(event: PhiAuditEvent): Promise<readonly Buffer[]> {
  const topic = { name: site.sanitized(TOPIC, 'research'), id: '' };
  topic.id = await bench.topicId(topic.name);
  const { answer } = await bench.plane.fetch(topic, 0, 0);
  const source = { topic: topic.name, partition: 0, fetchOffset: 0, unpackedBytesMax: 1e7, aborted: [] };
  const cursor = new RecordCursor();
  const bodies: Buffer[] = [];
  for (const batch of readRecordSet(answer.records, source).batches) {
    cursor.open(batch);
    while (cursor.next()) bodies.push(Buffer.from(cursor.bytes.subarray(cursor.bodyStart, cursor.end)));
  }
  return bodies.slice(0, event.range!.delivered_count);
}

/** The record with one bit of its value changed. */
function flipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const at = Math.floor(copy.length / 2);
  copy[at] = copy[at]! ^ 1;
  return copy;
}

/** Kafka's own request, as an admin may make it: what lies before `offset` is gone. */
async function deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
  const admin = createKafkaJs(connectionOf('admin')).admin();
  await admin.connect();
  try {
    // This client asks for leaders only where somebody has asked for the topic before.
    await eventually(async () => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    }, 60_000);
  } finally {
    await admin.disconnect();
  }
}
