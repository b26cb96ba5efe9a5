/**
 * Everything a grant task has to find out before it may read a record: its own topics and progress, and that raw
 * topic, grant topic, offsets and tokens are still those that people decided about. Delivers nothing.
 */
import type { LaneIdentity } from '../audit/lane-events.ts';
import type { GrantFacts } from '../audit/grant-events.ts';
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { TopicMetadata } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { spread } from '../kafka/spread.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { GrantState, GrantStopReason } from '../schemas/access-codecs.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { GrantContext } from './grant-context.ts';
import { GrantLedger } from './grant-ledger.ts';
import type { GrantControl } from './grant-ledger.ts';
import { grantTokens } from './grant-persons.ts';
import { readProgress } from './grant-progress-log.ts';

/** Where a task stands in one raw partition. */
export interface GrantPartition {
  readonly partition: number;
  /** First offset that is not in the scope any more. */
  readonly end: number;
  /** Where it goes on. */
  readonly position: number;
  /** Where it would have gone on if retention had not taken the records; else the same. */
  readonly from: number;
}

/** What stands in the way for good, or what there is to do. */
export type GrantTopics =
  | { readonly fault: GrantStopReason }
  | {
      readonly fault: null;
      readonly messageBytesMax: number;
      readonly partitions: readonly GrantPartition[];
    };

/** Fences former owners, reads what the grant has taken, and opens a chain of its own. Throws Kafka's errors. */
export async function openLedger(
  context: GrantContext,
  state: GrantState,
  producer: TransactionalProducer,
  clock: BrokerClock,
  signal: AbortSignal,
): Promise<GrantLedger> {
  const { cluster, names } = context;
  await producer.initialize(signal);
  await cluster.refresh([names.auditEvents, names.grantProgress, names.policies]);
  const control = await controlPartitions(context, state.grant_id);
  const { partition } = control.progress;
  const progress = await readProgress(cluster, names.grantProgress, partition, state.grant_id, signal);
  return new GrantLedger(context, state, { producer, control, clock, progress });
}

async function controlPartitions(context: GrantContext, grantId: string): Promise<GrantControl> {
  const { names } = context;
  const audit = await topicNamed(context, names.auditEvents);
  const progress = await topicNamed(context, names.grantProgress);
  const policies = await topicNamed(context, names.policies);
  return {
    audit: { topicId: audit.id, partition: spread(names.grantGroup(grantId), audit.leaders.length) },
    progress: { topicId: progress.id, partition: spread(grantId, progress.leaders.length) },
    policies: { topicId: policies.id, partition: 0 },
  };
}

/**
 * Looks at the topics and offsets. Throws what ends by itself or by a person: ERR_KAFKA_TOPIC_MISSING,
 * ERR_LANE_TARGET_TIMESTAMPS, ERR_GRANT_POSITION, ERR_GRANT_TOKEN_EPOCH.
 */
export async function inspectTopics(
  context: GrantContext,
  state: GrantState,
  ledger: GrantLedger,
  producer: TransactionalProducer,
  signal: AbortSignal,
): Promise<GrantTopics> {
  const { cluster, names, keyring } = context;
  const { scope, grant_id: grant } = state;
  const outputTopic = names.grantTopic(grant);
  await cluster.refresh([scope.topic, outputTopic]);
  const raw = await topicNamed(context, scope.topic);
  const output = await topicNamed(context, outputTopic);
  const isOther = raw.id !== scope.topic_id || output.id !== state.grant_topic_id;
  if (isOther || cluster.clusterId !== scope.cluster_id) return { fault: 'TOPIC_CHANGED' };
  grantTokens(keyring, state);
  const { appendTime, messageBytesMax } = await context.targetSettings(outputTopic);
  // Without the broker's time in its answers nothing proves that a record was not appended too late.
  if (!appendTime) throw new GauzeError('ERR_LANE_TARGET_TIMESTAMPS', { topic: outputTopic, grant });
  const connections = new BrokerConnections(cluster);
  try {
    const partitions: GrantPartition[] = [];
    for (const { partition, first_offset: first, next_offset: end } of scope.partitions) {
      if (raw.leaders[partition] === undefined || output.leaders[partition] === undefined)
        throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: outputTopic, partition });
      const { offset } = await producer.committed(names.grantGroup(grant), scope.topic, partition, signal);
      const delivered = ledger.progress.delivered.find((each) => each.partition === partition);
      if (offset !== (delivered?.next_offset ?? -1))
        throw new GauzeError('ERR_GRANT_POSITION', { grant, topic: scope.topic, partition });
      const earliest = await listOffset(cluster, connections, scope.topic, partition, 'earliest');
      const from = Math.max(offset, first);
      partitions.push({ partition, end, from, position: Math.min(Math.max(from, earliest), end) });
    }
    return { fault: null, messageBytesMax, partitions };
  } finally {
    connections.close();
  }
}

/**
 * First record of the grant topic that was appended at or after the end of the grant; null where there is none, or no
 * such topic any more. To be asked after InitProducerId, when every transaction has its marker: a marker bears a time
 * too, so one late offset by itself is the end of a transaction, and a late record makes at least two.
 */
export async function firstLateRecord(
  context: GrantContext,
  { grant_id: grant, grant_topic_id: topicId, not_after: notAfter }: GrantState,
): Promise<{ readonly partition: number; readonly offset: number } | null> {
  const { cluster, names } = context;
  const name = names.grantTopic(grant);
  const topic = (await cluster.refresh([name])).get(name);
  if (!topic || topic.id !== topicId) return null;
  const connections = new BrokerConnections(cluster);
  try {
    for (const partition of topic.leaders.keys()) {
      const offset = await listOffset(cluster, connections, name, partition, { atMs: notAfter });
      const end = await listOffset(cluster, connections, name, partition, 'latest');
      if (offset >= 0 && end - offset > 1) return { partition, offset };
    }
    return null;
  } finally {
    connections.close();
  }
}

/** What the events of a grant say of one raw partition. */
export function grantIdentity(context: GrantContext, state: GrantState, partition: number): LaneIdentity {
  const { scope, grant_id: grant } = state;
  return {
    clusterId: context.cluster.clusterId,
    audience: scope.base_audience,
    recipient: scope.replay ? null : scope.beneficiary,
    group: context.names.grantGroup(grant),
    rawTopic: scope.topic,
    rawTopicId: scope.topic_id,
    partition,
    outputTopic: context.names.grantTopic(grant),
    principal: context.principal,
    purpose: [scope.purpose],
    accounting: 'UNDETERMINED',
  };
}

export function grantFacts(state: GrantState): GrantFacts {
  return {
    beneficiary: state.scope.replay ? null : state.scope.beneficiary,
    purpose: state.scope.purpose,
    grant: {
      id: state.grant_id,
      version: state.version,
      request_id: state.request_id,
      expires_at: state.not_after * 1000,
      approved_by: state.approved_by,
      emergency: state.emergency,
      scope_sha256: state.scope_sha256,
    },
  };
}

async function topicNamed({ cluster }: GrantContext, name: string): Promise<TopicMetadata> {
  const found = await cluster.topic(name);
  if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: name });
  return found;
}
