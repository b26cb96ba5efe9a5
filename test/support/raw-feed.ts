/**
 * Sends records to raw topics as a producer outside gauze does, byte for byte: sound ones, broken ones, ones with
 * headers and times of their own.
 */
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
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
