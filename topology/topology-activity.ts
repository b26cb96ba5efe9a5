/**
 * What a topology has done in the last half minute, whoever runs it: transactions and signs of life from the audit topic,
 * and what stands in the topic of withheld records. Coordinates, counts and codes; neither topic holds a value.
 */
import { HEARTBEAT } from '../audit/heartbeat.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { GauzeError } from '../platform/errors.ts';
import { auditEventCodec, withheldCodec } from '../schemas/control-codecs.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { WithheldState } from './withheld-log.ts';
import type { WithheldView } from './withheld-log.ts';

/** How far back transactions and signs of life are counted; an instance gives one every ten seconds. */
export const WINDOW_SECONDS = 30;

/** One instance, by its newest sign of life. */
export interface InstanceReport {
  /** Of this run of the process; another after every start. */
  readonly id: string;
  readonly lanes: number;
  readonly held: number;
  readonly grants: number;
  /** Resident memory; null of an instance that does not tell. */
  readonly memoryBytes: number | null;
}

export interface Activity {
  /** Transactions with records in them that lanes and grants have committed, as a mean over the window. */
  readonly transactionsPerSecond: number;
  readonly instances: readonly InstanceReport[];
}

/** Withheld records of one audience and topic with one code. */
export interface WithheldCount {
  readonly audience: string;
  readonly topic: string;
  readonly code: string;
  readonly count: number;
}

/** Throws what reading the audit topic throws. */
export async function readActivity(cluster: Cluster, names: TopicNames, nowMs: number): Promise<Activity> {
  const sinceMs = nowMs - WINDOW_SECONDS * 1_000;
  const instances = new Map<string, InstanceReport>();
  const heartbeatOf = names.heartbeatTransactionalId('');
  let transactions = 0;
  await readFrom(cluster, names.auditEvents, sinceMs, ({ value }) => {
    const { type, range, ext, writer_id: writer } = auditEventCodec.decode(value ?? Buffer.alloc(0));
    if (type === 'session.batch' && (range?.record_count ?? 0) > 0) transactions += 1;
    if (!writer.startsWith(heartbeatOf)) return;
    const id = writer.slice(heartbeatOf.length);
    if (type === 'session.closed') instances.delete(id);
    else if (type === HEARTBEAT) instances.set(id, instanceOf(id, ext));
  });
  return {
    transactionsPerSecond: Math.round((transactions / WINDOW_SECONDS) * 10) / 10,
    instances: [...instances.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1)),
  };
}

function instanceOf(id: string, ext: readonly { k: string; v: string }[]): InstanceReport {
  const told = new Map(ext.map(({ k, v }) => [k, Number(v)]));
  const count = (name: string): number => told.get(name) ?? 0;
  return {
    id,
    lanes: count('lanes'),
    held: count('held'),
    grants: count('grants'),
    memoryBytes: told.get('memory_bytes') ?? null,
  };
}

/**
 * Records that are withheld now, by audience, topic and code; null where this log-in may not read it.
 */
export async function readWithheld(
  cluster: Cluster,
  names: TopicNames,
): Promise<readonly WithheldCount[] | null> {
  const states = new Map<string, { readonly view: WithheldView; readonly state: WithheldState }>();
  try {
    await readFrom(cluster, names.withheld, null, ({ value, timestampMs }) => {
      const entry = withheldCodec.decode(value ?? Buffer.alloc(0));
      const { audience, topic, topic_id: topicId } = entry;
      const key = `${audience} ${topic} ${topicId}`;
      const view = { audience, topic, topicId };
      const known = states.get(key) ?? { view, state: new WithheldState(view) };
      states.set(key, known);
      known.state.fold(entry, timestampMs);
    });
  } catch (error) {
    if (error instanceof GauzeError && error.code === 'ERR_KAFKA_RIGHT_MISSING') return null;
    throw error;
  }
  const counts = new Map<string, WithheldCount>();
  for (const { view, state } of states.values())
    for (const [code, count] of state.counts()) {
      const { audience, topic } = view;
      const key = `${audience} ${topic} ${code}`;
      counts.set(key, { audience, topic, code, count: (counts.get(key)?.count ?? 0) + count });
    }
  return [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, count]) => count);
}

/** Everything that has been appended since a time, or all of it where that is null. */
async function readFrom(
  cluster: Cluster,
  topic: string,
  sinceMs: number | null,
  visit: (record: LogRecord) => void,
): Promise<void> {
  const found = (await cluster.refresh([topic])).get(topic);
  const connections = new BrokerConnections(cluster);
  try {
    await Promise.all(
      (found?.leaders ?? []).map(async (_, partition) => {
        const where = sinceMs === null ? 'earliest' : { atMs: sinceMs };
        const from = await listOffset(cluster, connections, topic, partition, where);
        // -1: nothing is as young.
        if (from >= 0) await readPartition(new LogReader(cluster, topic, partition, from), visit);
      }),
    );
  } finally {
    connections.close();
  }
}

async function readPartition(reader: LogReader, visit: (record: LogRecord) => void): Promise<void> {
  try {
    await reader.readToEnd(visit);
  } finally {
    reader.close();
  }
}
