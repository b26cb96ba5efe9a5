/**
 * DeleteRecords (API 21, version 2): moves the beginning of a partition, so that everything below is gone. Nothing else
 * removes records; who may do it is the broker's to say (DELETE on the topic).
 */
import type { BrokerConnections, Cluster } from './cluster.ts';
import { request } from './connection.ts';
import type { ApiSpec } from './connection.ts';
import { kafkaError } from './kafka-errors.ts';
import { ProtocolWriter } from './protocol-writer.ts';

const DELETE_RECORDS: ApiSpec = { key: 21, version: 2, name: 'DeleteRecords', flexible: true };
const BROKER_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const NOT_LEADER = 6;

/**
 * Removes all records below `offset`; resolves when every replica in sync has. Gives the offset that the partition
 * begins with now. Throws ERR_KAFKA_TOPIC_MISSING, rights and connection errors.
 */
export async function deleteRecords(
  cluster: Cluster,
  connections: BrokerConnections,
  topic: string,
  partition: number,
  offset: number,
): Promise<number> {
  const leader = (await cluster.topic(topic))?.leaders[partition];
  if (leader === undefined) throw kafkaError('DeleteRecords', 3, { topic, partition });
  if (leader < 0) throw kafkaError('DeleteRecords', NOT_LEADER, { topic, partition });
  const body = new ProtocolWriter();
  body.compactArray([topic], (name) => {
    body.compactString(name).compactArray([partition], (index) => {
      body.int32(index).int64(offset).noTags();
    });
    body.noTags();
  });
  body.int32(BROKER_TIMEOUT_MS).noTags();
  const connection = await connections.to(leader);
  const found = await request(connection, DELETE_RECORDS, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    r.int32();
    let answer = { error: -1, lowWatermark: -1 };
    r.compactArray(() => {
      r.compactString();
      r.compactArray(() => {
        r.int32();
        const lowWatermark = r.offset();
        answer = { error: r.int16(), lowWatermark };
        r.tags();
      });
      r.tags();
    });
    return answer;
  });
  if (found.error !== 0) {
    await cluster.refresh([topic]);
    throw kafkaError('DeleteRecords', found.error, { topic, partition });
  }
  return found.lowWatermark;
}
