/**
 * Sends records to raw topics as a producer outside gauze does, byte for byte: sound ones, broken ones, ones with
 * headers and times of their own.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { produce } from '../../kafka/produce.ts';
import { clusterOf } from './raw-log.ts';
import { connectionOf } from './stack.ts';

export interface RawMessage {
  readonly topic: string;
  readonly partition?: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timestampMs?: number;
}

/** Sends them one after another, each topic's in order, with the log-in of the example feed. */
export async function sendRaw(messages: readonly RawMessage[]): Promise<void> {
  const producer = ordinaryProducer(connectionOf('ehr-feed'));
  await producer.connect();
  try {
    const topicMessages = [...Map.groupBy(messages, ({ topic }) => topic)].map(([topic, mine]) => ({
      topic,
      messages: mine.map(({ key, value, partition, headers, timestampMs }) => ({
        key,
        value,
        ...(partition === undefined ? {} : { partition }),
        ...(headers ? { headers: { ...headers } } : {}),
        ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }),
      })),
    }));
    await producer.sendBatch({ acks: -1, topicMessages });
  } finally {
    await producer.disconnect();
  }
}

/** Appends one record batch as it is, whatever its codec: what producers write that kafkajs cannot play. */
export async function sendRawBatch(topic: string, partition: number, batch: Buffer): Promise<void> {
  await sendRawBatches(topic, partition, [batch]);
}

/** Likewise several, one after another. */
export async function sendRawBatches(
  topic: string,
  partition: number,
  batches: readonly Buffer[],
): Promise<void> {
  const cluster = await clusterOf('ehr-feed');
  const connections = new BrokerConnections(cluster);
  try {
    const { id, leaders } = (await cluster.topic(topic))!;
    const connection = await connections.to(leaders[partition]!);
    for (const records of batches) {
      const target = { topic, topicId: id, partition, records };
      // The transactional id counts only where a batch is transactional, and these are not.
      const [answer] = await produce(connection, cluster.produceVersion, '', [target], 10_000);
      if (answer!.error !== 0) throw new Error(`Produce was answered with ${answer!.error}`);
    }
  } finally {
    connections.close();
    await cluster.close();
  }
}

/** An LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md) of one block that is stored as it is. */
export function lz4Frame(plain: Buffer): Buffer {
  const head = Buffer.from('04224d18604082', 'hex');
  const size = Buffer.alloc(4);
  size.writeUInt32LE((plain.length | 0x80000000) >>> 0);
  return Buffer.concat([head, size, plain, Buffer.alloc(4)]);
}

/** Snappy as Kafka frames it (xerial): one block that is one literal of at most 65,536 bytes. */
export function snappyFrame(plain: Buffer): Buffer {
  const head = Buffer.concat([
    Buffer.from([0x82]),
    Buffer.from('SNAPPY'),
    Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 1]),
  ]);
  const length = [(plain.length & 127) | 128, plain.length >> 7];
  const literal = Buffer.from([...length, 61 << 2, (plain.length - 1) & 255, (plain.length - 1) >> 8]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(literal.length + plain.length);
  return Buffer.concat([head, size, literal, plain]);
}
