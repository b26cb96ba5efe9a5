import { afterEach, describe, expect, test } from '@jest/globals';
import { Cluster } from '../../kafka/cluster.ts';
import { ProtocolReader } from '../../kafka/protocol-reader.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import type { TransactionOutput } from '../../kafka/sendings.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import {
  LOG_IN,
  ScriptedBroker,
  TOPIC_ID,
  coordinatorAnswer,
  metadataAnswer,
} from '../support/scripted-broker.ts';
import type { ReceivedRequest, ScriptedAnswer } from '../support/scripted-broker.ts';
import { eventually } from '../support/stack.ts';

const PRODUCE = 0;
const METADATA = 3;
const FIND_COORDINATOR = 10;
const INIT_PRODUCER_ID = 22;
const END_TXN = 26;
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45;
const CONCURRENT_TRANSACTIONS = 51;
const REQUEST_TIMED_OUT = 7;
const { signal } = new AbortController();
let ending: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ending) await end();
  ending = [];
});

interface Batch {
  readonly sequence: number;
  readonly count: number;
}

/** What the broker does with a batch: `error` beside `appended` is an append whose answer says otherwise. */
interface Fate {
  readonly error: number;
  readonly appended?: boolean;
  readonly baseOffset?: number;
}

/** A partition that takes batches as Kafka does: in the order of their sequences, and none of them twice. */
class Partition {
  readonly appended: (Batch & { readonly offset: number })[] = [];
  /** What becomes of a batch, by its sequence; without an entry, what Kafka would do. Each counts once. */
  readonly fates = new Map<number, Fate>();
  private nextSequence = 0;
  private nextOffset = 1_000;

  take(batch: Batch): { readonly error: number; readonly baseOffset: number } {
    const fate = this.fates.get(batch.sequence);
    this.fates.delete(batch.sequence);
    if (fate && fate.appended !== true && fate.error !== 0) return { error: fate.error, baseOffset: -1 };
    const known = this.appended.find(({ sequence }) => sequence === batch.sequence);
    if (known) return { error: 0, baseOffset: known.offset };
    if (batch.sequence !== this.nextSequence) return { error: OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1 };
    const offset = this.nextOffset;
    this.appended.push({ ...batch, offset });
    this.nextSequence += batch.count;
    this.nextOffset += batch.count;
    return { error: fate?.error ?? 0, baseOffset: fate?.baseOffset ?? offset };
  }
}

/** Base sequence and number of records of the one batch in a Produce v12 request. */
function batchIn({ body }: ReceivedRequest): Batch {
  const r = new ProtocolReader(body);
  r.compactString();
  r.int16();
  r.int32();
  r.unsignedVarint();
  r.compactString();
  r.unsignedVarint();
  r.int32();
  const records = r.compactBytes();
  return { sequence: records.readInt32BE(53), count: records.readInt32BE(57) };
}

function produceAnswer(error: number, baseOffset: number): ScriptedAnswer {
  const body = new ProtocolWriter();
  body.compactArray(['san'], (topic) => {
    body.compactString(topic).compactArray([0], (index) => {
      body.int32(index).int16(error).int64(baseOffset).int64(-1).int64(0);
      body.unsignedVarint(1).compactString(null).noTags();
    });
    body.noTags();
  });
  return { body: body.int32(0).noTags().done() };
}

function identityAnswer(epoch: number): ScriptedAnswer {
  return { body: new ProtocolWriter().int32(0).int16(0).int64(900).int16(epoch).noTags().done() };
}

async function start(): Promise<{
  broker: ScriptedBroker;
  partition: Partition;
  producer: TransactionalProducer;
}> {
  const partition = new Partition();
  const broker = await ScriptedBroker.start({});
  broker.script = {
    ...LOG_IN,
    [METADATA]: () => ({ body: metadataAnswer({ name: 'san', leaders: [1] }, broker.address) }),
    [FIND_COORDINATOR]: () => ({ body: coordinatorAnswer(broker.address) }),
    [INIT_PRODUCER_ID]: () => identityAnswer(7),
    [END_TXN]: () => identityAnswer(8),
    [PRODUCE]: (request) => {
      const { error, baseOffset } = partition.take(batchIn(request));
      return produceAnswer(error, baseOffset);
    },
  };
  const cluster = new Cluster(broker.endpoint());
  const producer = new TransactionalProducer(cluster, 'gauze.lane.research.raw.0');
  ending.push(
    () => producer.close(),
    async () => await cluster.close(),
    async () => await broker.close(),
  );
  await producer.initialize(signal);
  return { broker, partition, producer };
}

/** An output of `batches` batches, each of three records. */
function outputOf(batches: number): TransactionOutput {
  const writer = new RecordBatchWriter({ batchBytesMax: 3_300 });
  for (let i = 0; i < 3 * batches; i++)
    while (writer.record(null, Buffer.alloc(1_000)) !== 'ok') expect(writer.count).toBe(0);
  expect(writer.finish().map(({ count }) => count)).toEqual(Array.from({ length: batches }, () => 3));
  return { topic: 'san', topicId: TOPIC_ID, partition: 0, writer };
}

const sequencesSent = (broker: ScriptedBroker): number[] =>
  broker.received(PRODUCE).map((request) => batchIn(request).sequence);

describe('batches of one transaction', () => {
  test('are written without waiting for answers, five at most, in their order', async () => {
    const { broker, partition, producer } = await start();
    const take = broker.script[PRODUCE]!;
    const beforeAnswer: number[] = [];
    broker.script = {
      ...broker.script,
      [PRODUCE]: async (request) => {
        const whole = broker.received(PRODUCE).length > 5 ? 7 : 5;
        await eventually(async () => {
          expect(broker.received(PRODUCE)).toHaveLength(whole);
        });
        beforeAnswer.push(broker.received(PRODUCE).length);
        return await take(request);
      },
    };
    const [appended] = await producer.commit([outputOf(7)], null, signal);
    expect(sequencesSent(broker)).toEqual([0, 3, 6, 9, 12, 15, 18]);
    expect(beforeAnswer).toEqual([5, 5, 5, 5, 5, 7, 7]);
    expect(partition.appended.map(({ sequence }) => sequence)).toEqual([0, 3, 6, 9, 12, 15, 18]);
    expect(appended).toMatchObject({ baseOffset: 1_000, nextOffset: 1_021 });
  });

  test('are all sent again, in order, where the first has to wait', async () => {
    const { broker, partition, producer } = await start();
    partition.fates.set(0, { error: CONCURRENT_TRANSACTIONS });
    await producer.commit([outputOf(3)], null, signal);
    expect(sequencesSent(broker)).toEqual([0, 3, 6, 0, 3, 6]);
    expect(partition.appended.map(({ sequence }) => sequence)).toEqual([0, 3, 6]);
  });

  test('stand in the log once where one was appended and its answer said otherwise', async () => {
    const { broker, partition, producer } = await start();
    partition.fates.set(3, { error: REQUEST_TIMED_OUT, appended: true });
    const [appended] = await producer.commit([outputOf(3)], null, signal);
    expect(sequencesSent(broker)).toEqual([0, 3, 6, 3]);
    expect(partition.appended.map(({ sequence }) => sequence)).toEqual([0, 3, 6]);
    expect(appended).toMatchObject({ baseOffset: 1_000, nextOffset: 1_009 });
  });

  test('are not committed where one is out of order and none before it has failed', async () => {
    const { broker, partition, producer } = await start();
    partition.fates.set(3, { error: OUT_OF_ORDER_SEQUENCE_NUMBER });
    await expect(producer.commit([outputOf(3)], null, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_ANSWER',
      context: {
        apiName: 'Produce',
        kafkaErrorName: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
        topic: 'san',
        partition: 0,
      },
    });
    expect(broker.received(END_TXN)).toEqual([]);
  });

  test('are not committed where a later one stands before an earlier one', async () => {
    const { broker, partition, producer } = await start();
    partition.fates.set(3, { error: 0, baseOffset: 1_006 });
    partition.fates.set(6, { error: 0, baseOffset: 1_003 });
    await expect(producer.commit([outputOf(3)], null, signal)).rejects.toMatchObject({
      code: 'ERR_KAFKA_ANSWER',
      context: { kafkaErrorName: 'OUT_OF_ORDER_SEQUENCE_NUMBER' },
    });
    expect(broker.received(END_TXN)).toEqual([]);
  });
});
