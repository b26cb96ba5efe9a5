/**
 * The event that is to be replayed, read from the audit topic and compared with what people decided about. Where it is
 * not exactly that event, nothing else is read.
 */
import { eventHash } from '../audit/audit-chain.ts';
import { isReplayable } from '../audit/replay-events.ts';
import type { ReplayableEvent } from '../audit/replay-events.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { TopicMetadata } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { MarkedBatches } from '../kafka/marked-batches.ts';
import type { TransactionMark } from '../kafka/marked-batches.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import type { ReplayResult, Scope, ScopeReplay } from '../schemas/access-codecs.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import { isSanitizedFrom } from '../schemas/topic-names.ts';
import type { GrantContext } from './grant-context.ts';
import { unverifiable } from './replay-result.ts';

/** The event, and what Kafka says of the transaction that it was written in. */
export interface ReplayedEvent {
  readonly event: ReplayableEvent;
  readonly mark: TransactionMark;
  /** The record's time in the audit topic. */
  readonly recordedMs: number;
}

interface FoundRecord {
  readonly value: Buffer;
  readonly mark: TransactionMark;
  readonly recordedMs: number;
}

/** The event, or why there is nothing to replay. Throws Kafka's errors. */
export async function replayedEvent(
  context: GrantContext,
  scope: Scope,
  replay: ScopeReplay,
): Promise<ReplayedEvent | ReplayResult> {
  const topic = await context.cluster.topic(context.names.auditEvents);
  const found = topic && (await recordAt(context, topic, replay.event_partition, replay.event_offset));
  if (!found) return unverifiable('EVENT_GONE');
  if (!eventHash(found.value).equals(replay.event_sha256)) return unverifiable('EVENT_OTHER');
  const event = auditEventCodec.decode(found.value);
  if (!isReplayable(event) || !isAsDecided(context, event, scope, replay)) return unverifiable('EVENT_OTHER');
  return { event, mark: found.mark, recordedMs: found.recordedMs };
}

async function recordAt(
  { cluster, names }: GrantContext,
  { id: topicId, leaders }: TopicMetadata,
  partition: number,
  offset: number,
): Promise<FoundRecord | null> {
  if (leaders[partition] === undefined) return null;
  const connections = new BrokerConnections(cluster);
  const batches = new MarkedBatches(cluster, { topic: names.auditEvents, topicId, partition });
  try {
    const earliest = await listOffset(cluster, connections, names.auditEvents, partition, 'earliest');
    const latest = await listOffset(cluster, connections, names.auditEvents, partition, 'latest');
    if (offset < earliest || offset >= latest) return null;
    const cursor = new RecordCursor();
    for (const { batch, producerId, epoch } of (await batches.read(offset)).batches) {
      cursor.open(batch);
      while (cursor.next()) {
        if (cursor.offset !== offset || cursor.valueStart < 0) continue;
        const value = cursor.bytes.subarray(cursor.valueStart, cursor.valueEnd);
        return { value, mark: { producerId, epoch }, recordedMs: cursor.timestampMs };
      }
    }
    return null;
  } finally {
    batches.close();
    connections.close();
  }
}

/** Whether the event says of itself what the asker said of it, and names the topic that its kind writes to. */
function isAsDecided(
  { names }: GrantContext,
  { range, policy, plan, recipient, grant, view, type }: ReplayableEvent,
  scope: Scope,
  replay: ScopeReplay,
): boolean {
  const [asked] = scope.partitions;
  const isOutputTopic = grant
    ? view.output_topic === names.grantTopic(grant.id)
    : isSanitizedFrom(view.output_topic, range.topic, policy.id);
  return (
    type === 'session.batch' &&
    range.cluster_id === scope.cluster_id &&
    range.topic === scope.topic &&
    range.topic_id?.toString('hex') === scope.topic_id &&
    range.partition === asked?.partition &&
    range.first_offset === asked.first_offset &&
    range.next_offset === asked.next_offset &&
    range.record_count <= scope.max_records &&
    policy.id === scope.base_audience &&
    policy.version === scope.policy_version &&
    policy.sha256.equals(scope.policy_sha256) &&
    plan.hash.equals(replay.plan_hash) &&
    plan.masking_key_epoch === replay.key_epoch &&
    recipient.id === replay.recipient &&
    (grant?.id ?? null) === replay.grant_id &&
    view.output_topic === replay.output_topic &&
    isOutputTopic
  );
}
