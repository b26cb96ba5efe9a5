/**
 * Reading on a real broker: exactly the committed records, whatever the transactions around them, whoever wrote
 * and packed them, and from whichever offset a fetch begins. Kafka's own Java client is the witness.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CompressionTypes, ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { PartitionReader } from '../../topology/partition-reader.ts';
import type { LaneSource } from '../../topology/partition-reader.ts';
import { hasKafkaTools, produceLines } from '../support/kafka-tools.ts';
import { TestPlane, patience } from '../support/kafka-plane.ts';
import type { RawTransaction, TestTopic } from '../support/kafka-plane.ts';
import { connectionOf, eventually, uniqueName } from '../support/stack.ts';
import { dumpTopics } from '../support/topic-dump.ts';

/** int32 0: what the key of an abort marker looks like. */
const MARKER_KEY = Buffer.alloc(4);
let plane: TestPlane;
/** Closed at the end, also where a test fails: an open connection keeps the run from ending. */
const opened: { close(): void }[] = [];

beforeAll(async () => {
  plane = new TestPlane();
  await plane.start();
});

afterAll(async () => {
  for (const each of opened) each.close();
  await plane.close();
});

/** Steps of several producers in one partition; a step writes, or ends the producer's open transaction. */
type Step = readonly [producer: number, what: 'write' | 'commit' | 'abort'];

/** Carries the steps out; gives every record that counts, by offset. */
async function carryOut(topic: TestTopic, steps: readonly Step[]): Promise<Map<number, string>> {
  const producers = new Map<number, RawTransaction>();
  const open = new Map<number, Map<number, string>>();
  const committed = new Map<number, string>();
  for (const [index, [number, what]] of steps.entries()) {
    const producer = producers.get(number) ?? (await plane.openTransaction(uniqueName('interleaved')));
    producers.set(number, producer);
    const written = open.get(number) ?? new Map<number, string>();
    open.set(number, written);
    if (what === 'write') {
      const value = `step ${index} of producer ${number}`;
      written.set(await producer.write(topic, [[index % 2 === 0 ? MARKER_KEY : null, value]]), value);
      continue;
    }
    await producer.end(what);
    if (what === 'commit') for (const [offset, value] of written) committed.set(offset, value);
    open.delete(number);
  }
  return committed;
}

/** From every offset, in answers of every size: what is read must be what counts. */
async function expectEverywhere(topic: TestTopic, committed: ReadonlyMap<number, string>): Promise<void> {
  const { position: end } = await plane.readAll(topic);
  for (let from = 0; from < end; from++) {
    for (const maxBytes of [1, 1_048_576]) {
      const { records, position } = await plane.readAll(topic, 0, from, maxBytes);
      const read = records.map(({ offset, value }) => [offset, Buffer.from(value ?? '', 'hex').toString()]);
      const expected = [...committed].filter(([offset]) => offset >= from).sort(([a], [b]) => a - b);
      expect({ from, maxBytes, read }).toEqual({ from, maxBytes, read: expected });
      expect(position).toBe(end);
    }
  }
}

async function expectAsJava(topic: TestTopic, committed: ReadonlyMap<number, string>): Promise<void> {
  const seen = (await dumpTopics([topic.name])).map(({ offset, value }) => [offset, value?.toString()]);
  expect([...committed].sort(([a], [b]) => a - b)).toEqual(seen);
}

/** The text's bytes in hex. */
function hex(text: string | null): string | null {
  return text === null ? null : Buffer.from(text).toString('hex');
}

function logReaderOf(topic: TestTopic): LogReader {
  const reader = new LogReader(plane.cluster, topic.name, 0);
  opened.push(reader);
  return reader;
}

function laneOf(reader: PartitionReader): LaneSource {
  const lane = reader.lane();
  opened.push(lane);
  return lane;
}

function readerOf(topic: TestTopic, topicId = topic.id): PartitionReader {
  const reader = new PartitionReader(plane.cluster, {
    topic: topic.name,
    topicId,
    partition: 0,
    fetchBytes: 20_000,
    unpackedBytesMax: 1_000_000,
    maxWaitMs: 20,
  });
  opened.push(reader);
  return reader;
}

/** Everything from `from` on, checked to be without gap; gives the number of records. */
async function drain(lane: LaneSource, end: number, from = 0): Promise<number> {
  let records = 0;
  const wait = patience('records');
  for (let position = from; position < end;) {
    wait();
    const span = await lane.read(position);
    if (!span) continue;
    expect(position).toBeGreaterThanOrEqual(span.firstOffset);
    expect(span.nextOffset).toBeGreaterThan(position);
    for (const { count, baseOffset } of span.batches) if (baseOffset >= position) records += count;
    position = span.nextOffset;
  }
  return records;
}

describe('aborted records are never handed out', () => {
  test('where a fetch begins inside two open aborted transactions', async () => {
    const topic = await plane.topic();
    const committed = await carryOut(topic, [
      [1, 'write'],
      [2, 'write'],
      [2, 'write'],
      [1, 'write'],
      [3, 'write'],
      [2, 'write'],
      [1, 'write'],
      [2, 'abort'],
      [1, 'write'],
      [1, 'abort'],
      [3, 'commit'],
    ]);
    expect(committed.size).toBe(1);
    await expectEverywhere(topic, committed);
  });

  test('where the later transaction is aborted first, so that the broker lists them out of order', async () => {
    const topic = await plane.topic();
    const committed = await carryOut(topic, [
      [1, 'write'],
      [2, 'write'],
      [3, 'write'],
      [3, 'abort'],
      [2, 'abort'],
      [1, 'write'],
      [1, 'abort'],
      [2, 'write'],
      [2, 'commit'],
    ]);
    const { answer } = await plane.fetch(topic, 0, 0);
    const firsts = answer.aborted.map(({ firstOffset }) => firstOffset);
    expect(firsts.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    await expectEverywhere(topic, committed);
  });

  test('where a record of theirs has the key of an abort marker', async () => {
    const topic = await plane.topic();
    const producer = await plane.openTransaction(uniqueName('lookalike'));
    await producer.write(topic, [[null, 'before']]);
    await producer.write(topic, [[MARKER_KEY, 'lookalike']]);
    await producer.write(topic, [[null, 'after']]);
    await producer.end('abort');
    const last = await producer.write(topic, [[MARKER_KEY, 'kept']]);
    await producer.end('commit');
    await expectEverywhere(topic, new Map([[last, 'kept']]));
  });

  test('in an interleaved history of four producers, just as the Java client sees it', async () => {
    const topic = await plane.topic();
    let seed = 20_261_121;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 16) % below;
    };
    const open = new Set<number>();
    const steps: Step[] = [];
    for (let i = 0; i < 40; i++) {
      const producer = next(4);
      const what = next(3) === 0 && open.has(producer) ? (next(2) === 0 ? 'abort' : 'commit') : 'write';
      if (what === 'write') open.add(producer);
      else open.delete(producer);
      steps.push([producer, what]);
    }
    for (const producer of open) steps.push([producer, 'abort']);
    const committed = await carryOut(topic, steps);
    expect(committed.size).toBeGreaterThan(3);
    await expectEverywhere(topic, committed);
    await expectAsJava(topic, committed);
  });
});

describe('records of other clients', () => {
  test('packed with gzip by an ordinary producer come out whole, with keys, headers and times', async () => {
    const topic = await plane.topic();
    const producer = ordinaryProducer(connectionOf('admin'));
    await producer.connect();
    const timestamp = 1_700_000_000_123;
    const gzip = CompressionTypes.GZIP;
    const messages = Array.from({ length: 50 }, (_, i) => ({
      key: i % 3 === 0 ? null : `key ${i}`,
      value: i % 7 === 0 ? null : `value ${i}`.repeat(i),
      headers: { feed: 'synthetic' },
      timestamp: String(timestamp + i),
    }));
    await producer.send({ topic: topic.name, messages, compression: gzip });
    await producer.disconnect();
    const { records } = await plane.readAll(topic);
    expect(records).toEqual(
      messages.map(({ key, value }, i) => ({
        offset: i,
        timestampMs: timestamp + i,
        key: hex(key),
        value: hex(value),
        headers: [['feed', hex('synthetic')]],
      })),
    );
    const { answer } = await plane.fetch(topic, 0, 0);
    expect(answer.records.readInt16BE(21) & 7).toBe(gzip);
  });

  test.each(['zstd', 'gzip', 'snappy', 'lz4', 'none'] as const)(
    'packed with %s by the JVM come out whole',
    async (codec) => {
      expect(hasKafkaTools()).toBe(true);
      const topic = await plane.topic();
      const lines = Array.from({ length: 300 }, (_, i) => `line ${i} ${'ä'.repeat(i)}`);
      await produceLines(topic.name, codec, lines);
      expect(await plane.values(topic)).toEqual(lines);
      const { answer } = await plane.fetch(topic, 0, 0);
      expect(answer.records.readInt16BE(21) & 7).toBe(
        { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }[codec],
      );
    },
  );
});

describe('LogReader', () => {
  test('reads to the end of what was there, waiting for an open transaction to end', async () => {
    const topic = await plane.topic();
    const producer = await plane.openTransaction(uniqueName('open'));
    await producer.write(topic, [[null, 'settled']]);
    await producer.end('commit');
    await plane.readAll(topic);
    await producer.write(topic, [[null, 'open']]);
    const reader = logReaderOf(topic);
    const seen: string[] = [];
    let ended = false;
    const reading = reader
      .readToEnd(({ value }) => seen.push(value?.toString() ?? ''))
      .then(() => ({ knewOfEnd: ended }));
    // It has handed out what is settled, and asked again for the rest in vain.
    const wait = patience('the settled record');
    while (seen.length === 0) {
      wait();
      await plane.fetch(topic, 0, 0);
    }
    for (let i = 0; i < 20; i++) await plane.fetch(topic, 0, 0);
    expect(seen).toEqual(['settled']);
    ended = true;
    await producer.end('commit');
    expect(await reading).toEqual({ knewOfEnd: true });
    expect(seen).toEqual(['settled', 'open']);
    expect(reader.position).toBe(4);
  });

  test('ends where an open transaction aborts, and can be told to stop waiting', async () => {
    const topic = await plane.topic();
    const producer = await plane.openTransaction(uniqueName('open'));
    await producer.write(topic, [[null, 'never']]);
    const reader = logReaderOf(topic);
    const stop = new AbortController();
    const impatient = reader.readToEnd(() => undefined, stop.signal);
    stop.abort();
    await expect(impatient).rejects.toThrow();
    const seen: number[] = [];
    const reading = reader.readToEnd(({ offset }) => seen.push(offset));
    await producer.end('abort');
    await reading;
    expect(seen).toEqual([]);
    expect(reader.position).toBeGreaterThanOrEqual(1);
  });

  test('does not go on in a topic that was made again under its name', async () => {
    const topic = await plane.topic();
    const producer = await plane.openTransaction(uniqueName('once'));
    await producer.write(topic, [[null, 'x']]);
    await producer.end('commit');
    const reader = logReaderOf(topic);
    await reader.readToEnd(() => undefined);
    await plane.remake(topic);
    await expect(reader.read(0, () => undefined)).rejects.toMatchObject({ code: 'ERR_KAFKA_TOPIC_MISSING' });
  });
});

describe('PartitionReader', () => {
  test('gives every lane all records in order: those together, one that lags, and one that begins late', async () => {
    const topic = await plane.topic();
    const producer = await plane.openTransaction(uniqueName('many'));
    for (let i = 0; i < 40; i++) await producer.write(topic, [[null, 'x'.repeat(5_000)]]);
    await producer.end('commit');
    const { position: end } = await plane.readAll(topic);
    const reader = readerOf(topic);
    const lanes = [laneOf(reader), laneOf(reader), laneOf(reader)];
    expect(await Promise.all(lanes.map(async (lane) => await drain(lane, end)))).toEqual([40, 40, 40]);
    const late = laneOf(reader);
    expect(await drain(late, end)).toBe(40);
    expect(await drain(late, end, 35)).toBe(5);
    expect(reader.highWatermark).toBe(end);
    // At the end there is nothing yet; what comes then is seen by those who wait for it.
    expect(await late.read(end)).toBeNull();
    await producer.write(topic, [[null, 'new']]);
    await producer.end('commit');
    expect(await drain(late, end + 1, end)).toBe(1);
  });

  test('refuses a topic that was made again under its name, and an offset that is not there', async () => {
    const topic = await plane.topic();
    const reader = readerOf(topic, 'ab'.repeat(16));
    const lane = laneOf(reader);
    await expect(lane.read(0)).rejects.toMatchObject({ code: 'ERR_KAFKA_TOPIC_MISSING' });
    const beyond = readerOf(topic);
    const ahead = laneOf(beyond);
    // The broker may take a moment to lead a partition that is new.
    await eventually(async () => {
      await expect(ahead.read(99)).rejects.toMatchObject({
        code: 'ERR_KAFKA_ANSWER',
        context: { offset: 99, kafkaError: 1 },
      });
    });
  });
});
