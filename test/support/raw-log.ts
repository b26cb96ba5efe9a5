/**
 * The bytes of a topic's log as the broker keeps them, fetched batch by batch and taken apart by this file's own
 * reading of the format: for tests of what stands in headers of batches and records.
 * https://kafka.apache.org/documentation/#recordbatch
 */
import { BrokerConnections, Cluster } from '../../kafka/cluster.ts';
import { fetchRecords } from '../../kafka/fetch.ts';
import { parseAddress } from '../../kafka/login.ts';
import { loginOf, testStack } from './stack.ts';

/** One batch of data records; control batches are left out. */
export interface LogBatch {
  readonly baseOffset: number;
  readonly attributes: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly timestampDeltas: readonly number[];
  /** Names of the headers of each record. */
  readonly headerNames: readonly (readonly string[])[];
}

/** A started cluster client of one of the stack's users; close it. */
export async function clusterOf(username: string): Promise<Cluster> {
  const brokers = testStack().brokers.map((text) => parseAddress(text)!);
  const cluster = new Cluster({ brokers, ssl: false, login: loginOf(username), role: username });
  await cluster.start();
  return cluster;
}

/** All bytes of each partition's log, aborted transactions and markers too. */
export async function logBytes(topics: readonly string[]): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const cluster = await clusterOf('admin');
  const connections = new BrokerConnections(cluster);
  try {
    const logs = new Map<string, readonly Buffer[]>();
    for (const name of topics) {
      const topic = (await cluster.topic(name))!;
      const parts: Buffer[] = [];
      for (const [partition, leader] of topic.leaders.entries()) {
        parts.push(await partitionBytes(await connections.to(leader), topic.id, partition));
      }
      logs.set(name, parts);
    }
    return logs;
  } finally {
    connections.close();
    await cluster.close();
  }
}

async function partitionBytes(
  connection: Parameters<typeof fetchRecords>[0],
  topicId: string,
  partition: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let offset = 0; ;) {
    const answer = await fetchRecords(connection, {
      topicId,
      partition,
      offset,
      maxBytes: 8 * 1024 * 1024,
      maxWaitMs: 0,
      readCommitted: false,
    });
    if (answer.error !== 0) throw new Error(`Fetch was answered with ${answer.error}`);
    if (answer.records.length === 0 || offset >= answer.highWatermark) return Buffer.concat(chunks);
    let at = 0;
    while (at + 12 <= answer.records.length && endOf(answer.records, at) <= answer.records.length) {
      offset = Number(answer.records.readBigInt64BE(at)) + answer.records.readInt32BE(at + 23) + 1;
      at = endOf(answer.records, at);
    }
    chunks.push(Buffer.from(answer.records.subarray(0, at)));
  }
}

function endOf(bytes: Buffer, at: number): number {
  return at + 12 + bytes.readInt32BE(at + 8);
}

/** The data batches of one partition's log. */
export function dataBatches(log: Buffer): readonly LogBatch[] {
  const batches: LogBatch[] = [];
  for (let at = 0; at < log.length; at = endOf(log, at)) {
    const attributes = log.readInt16BE(at + 21);
    if (attributes & 0x20) continue;
    if (attributes & 0x07) throw new Error('a compressed batch');
    batches.push({
      baseOffset: Number(log.readBigInt64BE(at)),
      attributes,
      baseTimestampMs: Number(log.readBigInt64BE(at + 27)),
      maxTimestampMs: Number(log.readBigInt64BE(at + 35)),
      ...records(log.subarray(at + 61, endOf(log, at)), log.readInt32BE(at + 57)),
    });
  }
  return batches;
}

function records(bytes: Buffer, count: number): Pick<LogBatch, 'timestampDeltas' | 'headerNames'> {
  const timestampDeltas: number[] = [];
  const headerNames: string[][] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number((value >> 1n) ^ -(value & 1n));
    }
  };
  const skip = (): string => {
    const length = varint();
    at += Math.max(0, length);
    return bytes.toString('utf8', at - Math.max(0, length), at);
  };
  for (let i = 0; i < count; i++) {
    varint();
    at += 1;
    timestampDeltas.push(varint());
    varint();
    skip();
    skip();
    headerNames.push(
      Array.from({ length: varint() }, () => {
        const name = skip();
        skip();
        return name;
      }),
    );
  }
  if (at !== bytes.length) throw new Error('bytes after the last record of a batch');
  return { timestampDeltas, headerNames };
}
