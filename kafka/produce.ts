/**
 * Produce (API 0, version 12 or 13): whole record batches of one transaction, one per partition and request.
 * Version 13 names topics by id. From version 12 on the broker adds partitions to the transaction itself (KIP-890).
 */
import type { ApiSpec, Connection } from './connection.ts';
import { request } from './connection.ts';
import { ProtocolWriter } from './protocol-writer.ts';

export interface ProducePartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly records: Buffer;
}

export interface ProduceAnswer {
  readonly partition: number;
  /** Kafka's error number, 0 for none. */
  readonly error: number;
  readonly baseOffset: number;
  /** The broker's time of append; -1 where the topic keeps create times. */
  readonly appendTimeMs: number;
}

const ALL_REPLICAS = -1;

/** Sends one batch for each of `partitions`; answers stand in the same order. Rejects with connection errors only. */
export async function produce(
  connection: Connection,
  version: 12 | 13,
  transactionalId: string,
  partitions: readonly ProducePartition[],
  timeoutMs: number,
): Promise<readonly ProduceAnswer[]> {
  const api: ApiSpec = { key: 0, version, name: 'Produce', flexible: true };
  const parts: Uint8Array[] = [];
  const head = new ProtocolWriter().compactString(transactionalId).int16(ALL_REPLICAS).int32(timeoutMs);
  parts.push(head.unsignedVarint(partitions.length + 1).done());
  for (const { topic, topicId, partition, records } of partitions) {
    const before = new ProtocolWriter(96);
    if (version >= 13) before.uuid(topicId);
    else before.compactString(topic);
    parts.push(
      before
        .unsignedVarint(2)
        .int32(partition)
        .unsignedVarint(records.length + 1)
        .done(),
    );
    parts.push(records, Buffer.from([0, 0]));
  }
  parts.push(Buffer.from([0]));
  const found = await request(connection, api, parts, timeoutMs, (r) => {
    const answers = new Map<string, ProduceAnswer>();
    r.compactArray(() => {
      const topic = version >= 13 ? r.uuid() : r.compactString();
      r.compactArray(() => {
        const partition = r.int32();
        const error = r.int16();
        const baseOffset = r.offset();
        const appendTimeMs = r.offset();
        r.offset();
        r.compactArray(() => {
          r.int32();
          r.compactNullableString();
          r.tags();
        });
        r.compactNullableString();
        r.tags();
        answers.set(`${topic}/${partition}`, { partition, error, baseOffset, appendTimeMs });
      });
      r.tags();
    });
    return answers;
  });
  return partitions.map(({ topic, topicId, partition }) => {
    const answer = found.get(`${version >= 13 ? topicId : topic}/${partition}`);
    if (!answer) return { partition, error: -1, baseOffset: -1, appendTimeMs: -1 };
    return answer;
  });
}
