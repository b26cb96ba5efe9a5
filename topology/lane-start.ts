/**
 * Where a lane goes on from, or why it must not: offset, metadata, topic ids, policy log and retention have to
 * agree. A pure decision over what was read; a person's resume settles a disagreement, once.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { LaneEntry, PolicyState } from '../policy/policy-log.ts';
import type { LaneResumedEntry, LaneStartedEntry } from '../schemas/control-codecs.ts';
import type { CommittedOffset } from '../kafka/transaction-requests.ts';
import { decodeLaneMetadata } from './lane-metadata.ts';
import type { LaneMetadata } from './lane-metadata.ts';

export interface LaneFacts {
  readonly audience: string;
  readonly topic: string;
  readonly partition: number;
  readonly rawTopicId: string;
  readonly targetTopicId: string;
  readonly committed: CommittedOffset;
  /** First offset of the raw partition that is still there. */
  readonly earliest: number;
  /** End of the raw partition. */
  readonly latest: number;
  readonly state: PolicyState;
}

export interface LaneStart {
  readonly position: number;
  /** The committed offset found; null where there was none. */
  readonly from: number | null;
  /** Metadata of the last commit; null at the very first start and after a lost offset. */
  readonly previous: LaneMetadata | null;
  /** Must be appended to the policy log in the first transaction: a first start, or an order now used up. */
  readonly started: boolean;
  /** What moves the lane; null where it goes on, or begins. */
  readonly order: LaneOrder | null;
  /** Where in the policy log the latest order to this lane stands; -1 for none. A later one ends the session. */
  readonly ordersSeen: number;
}

/** A person's resume, or a policy that gives the lane's topic a new version. */
export interface LaneOrder {
  readonly logOffset: number;
  readonly from: LaneResumedEntry['from'];
  /** Has a person looked at what disagrees, and decided all the same? */
  readonly settles: boolean;
}

/** Where in the policy log the latest order to a lane stands; -1 for none. */
export function latestOrder(
  state: PolicyState,
  lane: Pick<LaneFacts, 'audience' | 'topic' | 'partition'>,
): number {
  const resume = state.resumed.get(laneKey(lane))?.logOffset ?? -1;
  return Math.max(resume, state.versions.topicVersion(lane.audience, lane.topic)?.logOffset ?? -1);
}

/** What a resume from the audit topic needs to be told: the position after the last audited range. */
export type AuditPosition = () => Promise<number | null>;

/**
 * Decides. Throws the hold that applies: ERR_LANE_OFFSET_LOST, ERR_LANE_OFFSET_MOVED, ERR_LANE_RAW_RECREATED,
 * ERR_LANE_TARGET_RECREATED, ERR_LANE_RETENTION, ERR_POLICY_LOG_BEHIND.
 */
export async function decideStart(facts: LaneFacts, auditPosition: AuditPosition): Promise<LaneStart> {
  const key = laneKey(facts);
  const started = facts.state.started.get(key) ?? null;
  const previous = decodeLaneMetadata(facts.committed.metadata);
  if (previous && previous.policyLogOffset > facts.state.endOffset)
    throw held('ERR_POLICY_LOG_BEHIND', facts);
  const order = orderFor(facts, started);
  const ordersSeen = latestOrder(facts.state, facts);
  const from = facts.committed.offset < 0 ? null : facts.committed.offset;
  const begun = { from, previous, started: true, order, ordersSeen };
  if (order?.settles) return { ...begun, position: await resumed(order, facts, auditPosition) };
  if (!started && facts.committed.offset < 0) {
    return { position: facts.earliest, from, previous: null, started: true, order: null, ordersSeen };
  }
  const fault = disagreement(facts, previous, started);
  // A new version of the topic is another topic; everything else must agree as ever.
  if (fault && !(order && fault === 'ERR_LANE_TARGET_RECREATED')) throw held(fault, facts);
  if (order) return { ...begun, position: await resumed(order, facts, auditPosition) };
  return { position: facts.committed.offset, from, previous, started: false, order: null, ordersSeen };
}

/**
 * What the lane was told since its last start, the latest of it. A new version of its topic is an order only to a lane
 * that wrote to another topic before: so it is carried out once, and a topic that was made again stays a fault.
 */
function orderFor(facts: LaneFacts, started: LaneEntry<LaneStartedEntry> | null): LaneOrder | null {
  const { state, audience, topic, targetTopicId } = facts;
  const resume = state.resumed.get(laneKey(facts)) ?? null;
  const version = state.versions.topicVersion(audience, topic);
  const isMoved = started !== null && started.target_topic_id !== targetTopicId;
  const orders = [
    resume && { ...resume, settles: true },
    isMoved && version ? { ...version, settles: false } : null,
  ].filter((each) => each !== null);
  const since = orders.filter(({ logOffset }) => logOffset > (started?.logOffset ?? -1));
  return since.sort((a, b) => b.logOffset - a.logOffset)[0] ?? null;
}

function disagreement(
  facts: LaneFacts,
  previous: LaneMetadata | null,
  started: LaneEntry<LaneStartedEntry> | null,
): ErrorCode | null {
  const { offset } = facts.committed;
  // A broker forgets the offsets of a topic that is deleted; the policy log still knows which topic it was.
  if (offset < 0)
    return started?.topic_id === facts.rawTopicId ? 'ERR_LANE_OFFSET_LOST' : 'ERR_LANE_RAW_RECREATED';
  if (!started || !previous || offset > facts.latest) {
    if (previous && previous.rawTopicId !== facts.rawTopicId) return 'ERR_LANE_RAW_RECREATED';
    return 'ERR_LANE_OFFSET_MOVED';
  }
  if (previous.rawTopicId !== facts.rawTopicId) return 'ERR_LANE_RAW_RECREATED';
  if (offset < facts.earliest) return 'ERR_LANE_RETENTION';
  return previous.targetTopicId === facts.targetTopicId ? null : 'ERR_LANE_TARGET_RECREATED';
}

async function resumed(order: LaneOrder, facts: LaneFacts, auditPosition: AuditPosition): Promise<number> {
  const position = await positionOf(order, facts, auditPosition);
  // What people decide must still be possible: otherwise the lane goes on holding.
  if (position === null || position < 0) throw held('ERR_LANE_OFFSET_LOST', facts);
  if (position < facts.earliest) throw held('ERR_LANE_RETENTION', facts);
  if (position > facts.latest) throw held('ERR_LANE_OFFSET_MOVED', facts);
  return position;
}

async function positionOf(
  order: LaneOrder,
  facts: LaneFacts,
  auditPosition: AuditPosition,
): Promise<number | null> {
  switch (order.from) {
    case 'EARLIEST':
      return facts.earliest;
    case 'COMMITTED':
    case 'WITHHOLD':
      return facts.committed.offset;
    case 'AUDIT':
      return await auditPosition();
    default:
      return null;
  }
}

function held(code: ErrorCode, facts: LaneFacts): GauzeError {
  const { audience, topic, partition } = facts;
  return new GauzeError(code, { audience, topic, partition, offset: facts.committed.offset });
}
