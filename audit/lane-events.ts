/**
 * The events of a lane: what they say, before the chain gives them their place.
 * Built from coordinates, counts and names only.
 */
import type { Accounting, AuditRange } from '../schemas/control-codecs.ts';
import { previousExt } from './audit-chain.ts';
import type { ChainHead, EventBody } from './audit-chain.ts';
import { EXT_SUBJECTS_ROOT } from './membership-tree.ts';

/** What all events of one lane have in common. */
export interface LaneIdentity {
  readonly clusterId: string;
  readonly audience: string;
  /** Who gets what the lane writes; null where nobody outside does. */
  readonly recipient: string | null;
  readonly group: string;
  readonly rawTopic: string;
  readonly rawTopicId: string;
  readonly partition: number;
  readonly outputTopic: string;
  /** Kafka principal that reads and writes. */
  readonly principal: string;
  /** HL7 v3-ActReason codes of the audience's regime. */
  readonly purpose: readonly string[];
  readonly accounting: Accounting;
}

/** The policy version that a lane works by. */
export interface PolicyInForce {
  readonly version: number;
  /** Hex. */
  readonly sha256: string;
  /** Position of the policy log up to which this lane has read it. */
  readonly policyLogOffset: number;
  readonly keyEpoch: number;
}

/** What one transaction has read. */
export interface ReadFacts {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly recordCount: number;
  /** Bytes of the values. */
  readonly bytes: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface BatchFacts extends ReadFacts {
  readonly deliveredCount: number;
  /** One bit per data record, lowest first; null where all were delivered. */
  readonly delivered: Buffer | null;
  /** Schema id and plan hash (hex) of each plan used. */
  readonly plans: readonly { readonly schemaId: number; readonly hash: string }[];
  /** One hash for all plans used, hex. */
  readonly planHash: string;
  readonly fieldsClear: readonly string[];
  readonly dataClasses: readonly string[];
}

/** A session begins; its pointer closes the tail of the one before. */
export function sessionOpened(
  lane: LaneIdentity,
  policy: PolicyInForce,
  at: { nowMs: number; position: number; previous: ChainHead | null },
): EventBody {
  const { previous } = at;
  const ext = previous ? previousExt(previous) : [];
  return body(lane, policy, at.nowMs, { type: 'session.opened', ext, range: emptyRange(lane, at.position) });
}

/** A session ends in order. */
export function sessionClosed(
  lane: LaneIdentity,
  policy: PolicyInForce,
  nowMs: number,
  position: number,
): EventBody {
  return body(lane, policy, nowMs, { type: 'session.closed', range: emptyRange(lane, position) });
}

/** A sign of life from a lane without work; its transaction also keeps the committed offset from expiring. */
export function laneHeartbeat(
  lane: LaneIdentity,
  policy: PolicyInForce,
  nowMs: number,
  position: number,
): EventBody {
  return body(lane, policy, nowMs, { type: 'heartbeat', range: emptyRange(lane, position) });
}

/** A lane stops at an offset and alarms. */
export function laneHeld(
  lane: LaneIdentity,
  policy: PolicyInForce,
  at: { nowMs: number; position: number; code: string },
): EventBody {
  return {
    ...body(lane, policy, at.nowMs, { type: 'lane.held', range: emptyRange(lane, at.position) }),
    outcome: 'SERIOUS_FAILURE',
    outcome_reason: at.code,
  };
}

/** A person moved the lane's position: `from` is where it stood (null: unknown), `to` where it goes on. */
export function sessionSeek(
  lane: LaneIdentity,
  policy: PolicyInForce,
  at: { nowMs: number; from: number | null; to: number; resumeEntryOffset: number; how: string },
): EventBody {
  const ext = [
    { k: 'from_offset', v: at.from === null ? 'unknown' : String(at.from) },
    { k: 'how', v: at.how },
    { k: 'policy_log_entry', v: String(at.resumeEntryOffset) },
  ];
  return body(lane, policy, at.nowMs, { type: 'session.seek', ext, range: emptyRange(lane, at.to) });
}

/** What one transaction read and delivered. */
export function sessionBatch(
  lane: LaneIdentity,
  policy: PolicyInForce,
  nowMs: number,
  facts: BatchFacts,
): EventBody {
  const all = facts.deliveredCount === facts.recordCount;
  const plans = facts.plans.length > 1 ? facts.plans : [];
  return {
    ...body(lane, policy, nowMs, {
      type: 'session.batch',
      ext: plans.map(({ schemaId, hash }) => ({ k: `plan.${schemaId}`, v: hash })),
      range: {
        ...emptyRange(lane, facts.firstOffset),
        next_offset: facts.nextOffset,
        record_count: facts.recordCount,
        delivered_count: facts.deliveredCount,
        delivered: facts.delivered,
        bytes: facts.bytes,
      },
    }),
    outcome: all ? 'SUCCESS' : 'MINOR_FAILURE',
    outcome_reason: all ? null : 'withheld',
    occurred_from: facts.fromMs * 1000,
    occurred_to: facts.toMs * 1000,
    plan: {
      hash: Buffer.from(facts.planHash, 'hex'),
      policy_log_offset: policy.policyLogOffset,
      masking_key_epoch: policy.keyEpoch,
    },
    view: {
      masked: true,
      fields_clear: facts.fieldsClear,
      data_classes: facts.dataClasses,
      schema_fp: null,
      output_topic: lane.outputTopic,
    },
  };
}

/**
 * What one transaction read and indexed: `indexSha256` commits to the index of the same range, `subjectsRoot` to the
 * persons in it, so that each can be shown by itself.
 */
export function indexBatch(
  lane: LaneIdentity,
  policy: PolicyInForce,
  nowMs: number,
  facts: ReadFacts & {
    readonly distinct: number;
    readonly tokenBytes: number;
    readonly indexSha256: Buffer;
    readonly subjectsRoot: Buffer | null;
  },
): EventBody {
  return {
    ...body(lane, policy, nowMs, {
      type: 'session.batch',
      ext: facts.subjectsRoot ? [{ k: EXT_SUBJECTS_ROOT, v: facts.subjectsRoot.toString('hex') }] : [],
      range: {
        ...emptyRange(lane, facts.firstOffset),
        next_offset: facts.nextOffset,
        record_count: facts.recordCount,
        delivered_count: facts.recordCount,
        bytes: facts.bytes,
      },
    }),
    occurred_from: facts.fromMs * 1000,
    occurred_to: facts.toMs * 1000,
    view: {
      masked: true,
      fields_clear: [],
      data_classes: [],
      schema_fp: null,
      output_topic: lane.outputTopic,
    },
    subjects: {
      distinct: facts.distinct,
      key_epoch: policy.keyEpoch,
      token_len: facts.tokenBytes,
      index_sha256: facts.indexSha256,
      tokens: null,
    },
  };
}

function body(
  lane: LaneIdentity,
  policy: PolicyInForce,
  nowMs: number,
  parts: { type: string; range: AuditRange; ext?: readonly { k: string; v: string }[] },
): EventBody {
  return {
    type: parts.type,
    action: 'R',
    outcome: 'SUCCESS',
    outcome_reason: null,
    phase: 'COMMITTED',
    occurred_from: nowMs * 1000,
    occurred_to: nowMs * 1000,
    actor: systemActor(lane.principal),
    recipient: lane.recipient === null ? null : { id: lane.recipient, name: null, address: null },
    purpose: lane.purpose,
    accounting: lane.accounting,
    grant: null,
    policy: { id: lane.audience, version: policy.version, sha256: Buffer.from(policy.sha256, 'hex') },
    plan: null,
    range: parts.range,
    view: null,
    subjects: null,
    group: { id: lane.group, generation: -1, coverage: 'EXACT', offset_committed: true },
    trace_id: null,
    request_id: null,
    ext: parts.ext ?? [],
    output_sha256: null,
  };
}

function emptyRange(lane: LaneIdentity, position: number): AuditRange {
  return {
    cluster_id: lane.clusterId,
    topic: lane.rawTopic,
    topic_id: Buffer.from(lane.rawTopicId, 'hex'),
    partition: lane.partition,
    first_offset: position,
    next_offset: position,
    record_count: 0,
    delivered_count: 0,
    delivered: null,
    bytes: 0,
    records_sha256: null,
  };
}

function systemActor(principal: string): EventBody['actor'] {
  return {
    type: 'SYSTEM',
    id: principal,
    display: null,
    idp: null,
    org_id: null,
    roles: ['topology'],
    on_behalf_of: null,
    assurance: null,
    token_id: null,
    session_id: null,
    client_id: null,
    network_address: null,
  };
}
