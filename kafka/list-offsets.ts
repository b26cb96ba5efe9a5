/**
 * ListOffsets (API 2, version 7): where a partition begins and ends.
 */
import type { BrokerConnections, Cluster } from './cluster.ts';
import { request } from './connection.ts';
import type { ApiSpec } from './connection.ts';
import { kafkaError } from './kafka-errors.ts';
import { ProtocolWriter } from './protocol-writer.ts';

const LIST_OFFSETS: ApiSpec = { key: 2, version: 7, name: 'ListOffsets', flexible: true };
const EARLIEST = -2;
const LATEST = -1;
const REQUEST_TIMEOUT_MS = 10_000;

/** The first offset still there, the high watermark, or the first record appended at or after a time. */
export type Whereabouts = 'earliest' | 'latest' | { readonly atMs: number };

/**
 * The offset asked for; -1 where no record is as young as the time given.
 * Throws ERR_KAFKA_TOPIC_MISSING, rights and connection errors.
 */
export async function listOffset(
  cluster: Cluster,
  connections: BrokerConnections,
  topic: string,
  partition: number,
  which: Whereabouts,
): Promise<number> {
  const metadata = await cluster.topic(topic);
  const leader = metadata?.leaders[partition];
  if (leader === undefined) throw kafkaError('ListOffsets', 3, { topic, partition });
  const body = new ProtocolWriter().int32(-1).int8(0);
  body.compactArray([topic], (name) => {
    body.compactString(name).compactArray([partition], (index) => {
      body.int32(index).int32(-1).int64(timestampOf(which)).noTags();
    });
    body.noTags();
  });
  const connection = await connections.to(leader);
  const found = await request(connection, LIST_OFFSETS, [body.noTags().done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    let answer = { error: -1, offset: -1 };
    r.compactArray(() => {
      r.compactString();
      r.compactArray(() => {
        r.int32();
        const error = r.int16();
        r.int64();
        answer = { error, offset: r.offset() };
        r.int32();
        r.tags();
      });
      r.tags();
    });
    return answer;
  });
  if (found.error !== 0) {
    await cluster.refresh([topic]);
    throw kafkaError('ListOffsets', found.error, { topic, partition });
  }
  return found.offset;
}

function timestampOf(which: Whereabouts): number {
  if (typeof which === 'object') return which.atMs;
  return which === 'earliest' ? EARLIEST : LATEST;
}
