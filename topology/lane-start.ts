/**
 * Where a lane goes on from, or why it must not: offset, metadata, topic ids, policy log and retention have to
 * agree. A pure decision over what was read; a person's resume settles a disagreement, once.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { LaneEntry, PolicyState } from '../policy/policy-log.ts';
import type { LaneResumedEntry } from '../schemas/control-codecs.ts';
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
  /** Must be appended to the policy log in the first transaction: a first start, or a resume now used up. */
  readonly started: boolean;
  readonly resume: LaneEntry<LaneResumedEntry> | null;
  /** Where in the policy log the latest resume of this lane stands; -1 for none. A later one ends the session. */
  readonly resumesSeen: number;
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
  const resume = facts.state.resumed.get(key) ?? null;
  const resumesSeen = resume?.logOffset ?? -1;
  const from = facts.committed.offset < 0 ? null : facts.committed.offset;
  if (resume && resume.logOffset > (started?.logOffset ?? -1)) {
    return {
      position: await resumed(resume, facts, auditPosition),
      from,
      previous,
      started: true,
      resume,
      resumesSeen,
    };
  }
  if (!started && facts.committed.offset < 0) {
    return { position: facts.earliest, from, previous: null, started: true, resume: null, resumesSeen };
  }
  const fault = disagreement(facts, previous, started !== null);
  if (fault) throw held(fault, facts);
  return { position: facts.committed.offset, from, previous, started: false, resume: null, resumesSeen };
}

function disagreement(facts: LaneFacts, previous: LaneMetadata | null, started: boolean): ErrorCode | null {
  const { offset } = facts.committed;
  if (offset < 0) return 'ERR_LANE_OFFSET_LOST';
  if (!started || !previous || offset > facts.latest) {
    if (previous && previous.rawTopicId !== facts.rawTopicId) return 'ERR_LANE_RAW_RECREATED';
    return 'ERR_LANE_OFFSET_MOVED';
  }
  if (previous.rawTopicId !== facts.rawTopicId) return 'ERR_LANE_RAW_RECREATED';
  if (previous.targetTopicId !== facts.targetTopicId) return 'ERR_LANE_TARGET_RECREATED';
  return offset < facts.earliest ? 'ERR_LANE_RETENTION' : null;
}

async function resumed(
  resume: LaneEntry<LaneResumedEntry>,
  facts: LaneFacts,
  auditPosition: AuditPosition,
): Promise<number> {
  const position = await positionOf(resume, facts, auditPosition);
  // What people decide must still be possible: otherwise the lane goes on holding.
  if (position === null || position < 0) throw held('ERR_LANE_OFFSET_LOST', facts);
  if (position < facts.earliest) throw held('ERR_LANE_RETENTION', facts);
  if (position > facts.latest) throw held('ERR_LANE_OFFSET_MOVED', facts);
  return position;
}

async function positionOf(
  resume: LaneEntry<LaneResumedEntry>,
  facts: LaneFacts,
  auditPosition: AuditPosition,
): Promise<number | null> {
  switch (resume.from) {
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
