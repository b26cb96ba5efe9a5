/**
 * Transactions on a real broker: together or not at all, one owner at a time, and no doubt that stays.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fetchCommittedOffset } from '../../kafka/transaction-requests.ts';
import type { OffsetCommit } from '../../kafka/transaction-requests.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { TestPlane, outputOf } from '../support/kafka-plane.ts';
import type { TestTopic } from '../support/kafka-plane.ts';
import { uniqueName } from '../support/stack.ts';

const { signal } = new AbortController();
let plane: TestPlane;
let stranger: TestPlane;
const producers: TransactionalProducer[] = [];

beforeAll(async () => {
  plane = new TestPlane();
  stranger = new TestPlane('research-app');
  await plane.start();
});

afterAll(async () => {
  for (const producer of producers) producer.close();
  await plane.close();
  await stranger.close();
});

function producerFor(transactionalId = uniqueName('lane')): TransactionalProducer {
  const producer = new TransactionalProducer(plane.cluster, transactionalId);
  producers.push(producer);
  return producer;
}

function offsetOf(topic: TestTopic, offset: number, more: Partial<OffsetCommit> = {}): OffsetCommit {
  return { group: `gauze.${topic.name}`, topic: topic.name, partition: 0, offset, metadata: '', ...more };
}

/** Enough of a long value to tell it from others. */
function short(value: string): string {
  return `${value.slice(0, 5)} of ${value.length}`;
}

describe('a transaction', () => {
  test('makes outputs, offset and metadata visible together, in several topics and partitions', async () => {
    const [raw, out, audit] = [await plane.topic(), await plane.topic({}, 3), await plane.topic()];
    const producer = producerFor();
    await producer.initialize(signal);
    const metadata = `{"v":1,"ä":"${'x'.repeat(3_000)}"}`;
    for (const round of [1, 2, 3]) {
      const outputs = [
        outputOf(out, [`a${round}`, `b${round}`], 0),
        outputOf(out, [`c${round}`], 2),
        outputOf(audit, [`event ${round}`]),
      ];
      const appended = await producer.commit(outputs, offsetOf(raw, round * 10, { metadata }), signal);
      expect(appended.map(({ output, baseOffset }) => [output.partition, baseOffset])).toEqual([
        [0, (round - 1) * 3],
        [2, (round - 1) * 2],
        [0, (round - 1) * 2],
      ]);
      expect(await producer.committed(`gauze.${raw.name}`, raw.name, 0, signal)).toMatchObject({
        offset: round * 10,
        metadata,
      });
    }
    expect(await plane.values(out, 0)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
    expect(await plane.values(out, 1)).toEqual([]);
    expect(await plane.values(out, 2)).toEqual(['c1', 'c2', 'c3']);
    expect(await plane.values(audit)).toEqual(['event 1', 'event 2', 'event 3']);
  });

  test('hands on an epoch of its own, which the next one uses', async () => {
    const topic = await plane.topic();
    const raw = await plane.openTransaction(uniqueName('raw'));
    const { producerId, epoch } = raw.identity;
    await raw.write(topic, [[null, 'one']]);
    expect(await raw.end('commit')).toEqual({ producerId, epoch: epoch + 1 });
    await raw.write(topic, [[null, 'two']]);
    expect(await raw.end('abort')).toEqual({ producerId, epoch: epoch + 2 });
    await raw.write(topic, [[null, 'three']]);
    expect(await raw.end('commit')).toEqual({ producerId, epoch: epoch + 3 });
    expect(await plane.values(topic)).toEqual(['one', 'three']);
  });

  test('left open by a former owner is settled by taking the id over: nothing of it is ever seen', async () => {
    const [raw, out] = [await plane.topic(), await plane.topic()];
    const id = uniqueName('lane');
    const former = await plane.openTransaction(id);
    await former.write(out, [[null, 'never']]);
    await former.addOffset(offsetOf(raw, 99));
    const producer = producerFor(id);
    await producer.initialize(signal);
    const group = `gauze.${raw.name}`;
    expect((await producer.committed(group, raw.name, 0, signal)).offset).toBe(-1);
    await producer.commit([outputOf(out, ['seen'])], offsetOf(raw, 5), signal);
    expect(await plane.values(out)).toEqual(['seen']);
    expect((await producer.committed(group, raw.name, 0, signal)).offset).toBe(5);
    await expect(former.end('commit')).rejects.toThrow(/answered (47|48|90)/);
  });

  test('whose offset is refused commits nothing at all', async () => {
    const [raw, out] = [await plane.topic(), await plane.topic()];
    const producer = producerFor();
    await producer.initialize(signal);
    await producer.commit([outputOf(out, ['before'])], offsetOf(raw, 1), signal);
    const tooLong = offsetOf(raw, 2, { metadata: 'x'.repeat(4_097) });
    await expect(producer.commit([outputOf(out, ['never'])], tooLong, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_ANSWER',
      context: { apiName: 'TxnOffsetCommit', kafkaErrorName: 'OFFSET_METADATA_TOO_LARGE' },
    });
    await expect(producer.commit([], offsetOf(raw, 2), signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_OUTCOME_UNKNOWN',
    });
    await producer.initialize(signal);
    expect((await producer.committed(`gauze.${raw.name}`, raw.name, 0, signal)).offset).toBe(1);
    await producer.commit([outputOf(out, ['after'])], offsetOf(raw, 2), signal);
    expect(await plane.values(out)).toEqual(['before', 'after']);
  });

  test('of which one output is refused commits nothing at all', async () => {
    const [raw, out, small] = [
      await plane.topic(),
      await plane.topic(),
      await plane.topic({ 'max.message.bytes': '500' }),
    ];
    const producer = producerFor();
    await producer.initialize(signal);
    const outputs = [outputOf(out, ['never']), outputOf(small, ['x'.repeat(2_000)])];
    await expect(producer.commit(outputs, offsetOf(raw, 7), signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_ANSWER',
      context: { apiName: 'Produce', topic: small.name, kafkaErrorName: 'MESSAGE_TOO_LARGE' },
    });
    await producer.initialize(signal);
    expect((await producer.committed(`gauze.${raw.name}`, raw.name, 0, signal)).offset).toBe(-1);
    await producer.commit([outputOf(out, ['seen'])], offsetOf(raw, 7), signal);
    expect(await plane.values(out)).toEqual(['seen']);
    expect(await plane.values(small)).toEqual([]);
  });
});

describe('ownership', () => {
  test('a former owner is fenced, gives up, and does the new one no harm', async () => {
    const [raw, out] = [await plane.topic(), await plane.topic()];
    const id = uniqueName('lane');
    const [former, next] = [producerFor(id), producerFor(id)];
    await former.initialize(signal);
    await former.commit([outputOf(out, ['former'])], offsetOf(raw, 1), signal);
    await next.initialize(signal);
    const fenced = { code: 'ERR_KAFKA_FENCED' };
    await expect(former.commit([outputOf(out, ['zombie'])], offsetOf(raw, 2), signal)).rejects.toMatchObject(
      fenced,
    );
    await expect(former.initialize(signal)).rejects.toMatchObject(fenced);
    await expect(former.commit([], offsetOf(raw, 3), signal)).rejects.toMatchObject({ kind: 'stop' });
    await next.commit([outputOf(out, ['next'])], offsetOf(raw, 2), signal);
    expect(await plane.values(out)).toEqual(['former', 'next']);
  });

  test('an offset is not told while a transaction is open that may move it', async () => {
    const raw = await plane.topic();
    const group = `gauze.${raw.name}`;
    const other = await plane.openTransaction(uniqueName('other'));
    await other.addOffset(offsetOf(raw, 42, { metadata: 'of the other' }));
    const producer = producerFor();
    await producer.initialize(signal);
    let ended = false;
    const waiting = producer
      .committed(group, raw.name, 0, signal)
      .then((committed) => ({ ...committed, knewOfEnd: ended }));
    const connection = await plane.connections.to(await plane.cluster.coordinator('group', group));
    for (let asked = 0; asked < 20; asked++) {
      expect(await fetchCommittedOffset(connection, group, raw.name, 0, 10_000)).toMatchObject({ error: 88 });
    }
    ended = true;
    await other.end('commit');
    expect(await waiting).toMatchObject({ offset: 42, metadata: 'of the other', knewOfEnd: true });
  });

  test('reading to the end of a log waits for an open transaction, but not for ever', async () => {
    const out = await plane.topic();
    const other = await plane.openTransaction(uniqueName('other'));
    await other.write(out, [[null, 'hidden']]);
    const readerFor = (hiddenMaxMs: number): LogReader =>
      new LogReader(plane.cluster, out.name, 0, 0, { hiddenMaxMs });
    const read: (string | undefined)[] = [];
    const [hasty, patient] = [readerFor(300), readerFor(30_000)];
    await expect(hasty.readToEnd(({ value }) => read.push(value?.toString()))).rejects.toMatchObject({
      code: 'ERR_KAFKA_UNSETTLED',
      context: { apiName: 'Fetch', topic: out.name, partition: 0, limit: 300 },
    });
    expect(read).toEqual([]);
    const whole = patient.readToEnd(({ value }) => read.push(value?.toString()));
    await other.end('commit');
    await whole;
    expect(read).toEqual(['hidden']);
    hasty.close();
    patient.close();
  });

  test('a principal without the right to an id is refused', async () => {
    await stranger.start();
    const producer = new TransactionalProducer(stranger.cluster, uniqueName('lane'));
    producers.push(producer);
    await expect(producer.initialize(signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_RIGHT_MISSING',
      context: { apiName: expect.any(String) },
    });
  });
});

describe('outputs', () => {
  test('larger than max.message.bytes go out in several batches, in order, each within it', async () => {
    const [raw, out] = [await plane.topic(), await plane.topic({ 'max.message.bytes': '2000' })];
    const producer = producerFor();
    await producer.initialize(signal);
    const values = Array.from({ length: 40 }, (_, i) => `${i}:${'x'.repeat(300)}`);
    const writer = new RecordBatchWriter({ batchBytesMax: 2_000 });
    for (const value of values) while (writer.record(null, Buffer.from(value)) === 'full');
    expect(writer.finish().length).toBeGreaterThan(5);
    const output = { topic: out.name, topicId: out.id, partition: 0, writer };
    const [appended] = await producer.commit([output], offsetOf(raw, 40), signal);
    expect(appended?.baseOffset).toBe(0);
    expect((await plane.values(out)).map(short)).toEqual(values.map(short));
  });

  test('of a topic that stamps records keep base time and deltas 0, and readers see the append time', async () => {
    const [raw, out] = [
      await plane.topic(),
      await plane.topic({ 'message.timestamp.type': 'LogAppendTime' }),
    ];
    const producer = producerFor();
    await producer.initialize(signal);
    const before = Date.now();
    const [appended] = await producer.commit([outputOf(out, ['a', 'b'])], offsetOf(raw, 2), signal);
    const { records } = await plane.readAll(out);
    const { answer } = await plane.fetch(out, 0, 0);
    const { appendTimeMs } = appended!;
    expect(appendTimeMs).toBeGreaterThanOrEqual(before);
    expect(answer.records.readBigInt64BE(27)).toBe(0n);
    expect(answer.records.readBigInt64BE(35)).toBe(BigInt(appendTimeMs));
    expect(answer.records.readInt16BE(21)).toBe(0x18);
    // Length, attributes, timestamp delta of the first record.
    expect([...answer.records.subarray(62, 64)]).toEqual([0, 0]);
    expect(records.map(({ timestampMs }) => timestampMs)).toEqual([appendTimeMs, appendTimeMs]);
  });

  test('do not land in a topic that was made again under its name', async () => {
    const raw = await plane.topic();
    const old = await plane.topic();
    const producer = producerFor();
    await producer.initialize(signal);
    await producer.commit([outputOf(old, ['old'])], offsetOf(raw, 1), signal);
    const made = await plane.remake(old);
    expect(made.id).not.toBe(old.id);
    const missing = { code: 'ERR_KAFKA_TOPIC_MISSING', context: { topic: old.name } };
    await expect(producer.commit([outputOf(old, ['lost'])], offsetOf(raw, 2), signal)).rejects.toMatchObject(
      missing,
    );
    expect((await plane.fetch(old, 0, 0)).answer.error).toBe(100);
    expect(await plane.produceError(old)).toBe(100);
    expect(await plane.values(made)).toEqual([]);
  });
});
