/**
 * gauze.policies as a lane or a grant had read it when it wrote an event: the policy's text, and the tags that had been
 * seen by then. What came later counts for nothing.
 */
import { LogReader } from '../kafka/log-reader.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import { PolicyState } from '../policy/policy-log.ts';
import type { Policy } from '../policy/policy.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { LaneStartedEntry, PolicyLogEntry } from '../schemas/control-codecs.ts';
import type { ReplayResult } from '../schemas/access-codecs.ts';
import type { ReplayableEvent } from '../audit/replay-events.ts';
import type { GrantContext } from './grant-context.ts';
import { unverifiable } from './replay-result.ts';

export interface PastPolicy {
  readonly policy: Policy;
  readonly version: number;
  /** Days since 1970-01-01. */
  readonly asOfDay: number;
  /** The log as it had been read, for its tags. */
  readonly state: PolicyState;
  /** Id of the topic that the lane wrote to; null where the log names none. */
  readonly targetTopicId: string | null;
}

/** The policy that the event names. Throws ERR_POLICY_LOG_CORRUPT, Kafka's errors. */
export async function pastPolicy(
  { cluster, names, policyLog }: GrantContext,
  event: ReplayableEvent,
  signal: AbortSignal,
): Promise<PastPolicy | ReplayResult> {
  const past = new PastLog(event);
  const reader = new LogReader(cluster, names.policies, 0);
  try {
    await reader.readToEnd(({ offset, value }) => past.take(offset, entryOf(offset, value)), signal);
  } finally {
    reader.close();
  }
  const policy = past.policy();
  // A release was in force then if people had decided it, and they had before it was written.
  policy?.state.tags.countAs(policyLog.state.tags);
  return policy ?? unverifiable('POLICY_GONE');
}

class PastLog {
  private readonly event: ReplayableEvent;
  private readonly state = new PolicyState();
  private applied: NonNullable<PolicyLogEntry['policy']> | null = null;
  private started: LaneStartedEntry | null = null;
  private startedAt = -1;
  /** Where the policy stands that gave the lane's topic its version; -1 for none. */
  private versionAt = -1;

  constructor(event: ReplayableEvent) {
    this.event = event;
  }

  take(offset: number, entry: PolicyLogEntry): void {
    const isPast = offset < this.event.plan.policy_log_offset;
    const { policy, lane } = entry;
    if (policy && entry.kind === 'POLICY_APPLIED' && isPast && this.isMeant(policy)) this.applied = policy;
    if (isPast && this.raises(entry)) this.versionAt = offset;
    // The entry of a start that an order has led to stands in the log after the position that was read up to.
    if (lane && this.isLane(lane) && (isPast || this.startedAt <= this.versionAt)) {
      this.started = lane;
      this.startedAt = offset;
    }
    if (isPast) this.state.fold(offset, entry);
  }

  policy(): PastPolicy | null {
    const { applied } = this;
    const policy = applied && parsed(applied.text, applied.audience);
    if (!applied || !policy) return null;
    return {
      policy,
      version: applied.version,
      asOfDay: applied.as_of,
      state: this.state,
      targetTopicId: this.started?.target_topic_id ?? null,
    };
  }

  private raises({ policy, topic_versions: raised }: PolicyLogEntry): boolean {
    const { range, policy: applied } = this.event;
    const isAudience = policy?.audience === applied.id;
    return isAudience && (raised ?? []).some(({ topic }) => topic === range.topic);
  }

  private isMeant({ audience, version, sha256 }: NonNullable<PolicyLogEntry['policy']>): boolean {
    const { id, version: wanted, sha256: hash } = this.event.policy;
    return audience === id && version === wanted && sha256.equals(hash);
  }

  private isLane({ audience, topic, topic_id, partition }: LaneStartedEntry): boolean {
    const { range, policy } = this.event;
    return (
      audience === policy.id &&
      topic === range.topic &&
      topic_id === range.topic_id?.toString('hex') &&
      partition === range.partition
    );
  }
}

/** A policy that this version of gauze cannot read is one that it cannot work by. */
function parsed(text: string, audience: string): Policy | null {
  try {
    return parsePolicy(text, `${audience}.yaml`);
  } catch (error) {
    if (error instanceof GauzeError || error instanceof GauzeErrors) return null;
    throw error;
  }
}

function entryOf(offset: number, value: Buffer | null): PolicyLogEntry {
  try {
    return policyLogCodec.decode(value ?? Buffer.alloc(0));
  } catch {
    throw new GauzeError('ERR_POLICY_LOG_CORRUPT', { offset });
  }
}
