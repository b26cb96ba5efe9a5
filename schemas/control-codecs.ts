/**
 * Codecs of the topics that gauze itself writes: policy log, withheld records, audit events. Values carry the
 * registry's 5-byte prefix like everybody's. Decoding is strict: what does not decode raises RangeError.
 */
import { controlCodec, schemaFile } from './control-codec.ts';
import type { ControlCodec } from './control-codec.ts';

export type EntryKind =
  | 'POLICY_APPLIED'
  | 'POLICY_REMOVED'
  | 'TAGS_SEEN'
  | 'TAGS_RELEASED'
  | 'LANE_STARTED'
  | 'LANE_RESUMED'
  | 'APPROVALS_REQUIRED'
  | 'SAMPLE_ASKED'
  | 'SAMPLE_DONE'
  | 'REDRIVE_ORDERED';

export interface PolicyVersionEntry {
  readonly audience: string;
  readonly version: number;
  readonly sha256: Buffer;
  /** Days since 1970-01-01. */
  readonly as_of: number;
  readonly text: string;
}

export interface LaneStartedEntry {
  readonly audience: string;
  readonly topic: string;
  readonly topic_id: string;
  readonly target_topic_id: string;
  readonly partition: number;
  readonly start_offset: number;
}

export type ResumeFrom = 'COMMITTED' | 'EARLIEST' | 'AUDIT' | 'WITHHOLD';

export interface LaneResumedEntry {
  readonly audience: string;
  readonly topic: string;
  readonly partition: number;
  readonly from: ResumeFrom;
  readonly withhold_offset: number | null;
  readonly reason: string;
}

/** Where in gauze.access it was decided that a policy may open what it opens. */
export interface PolicyApprovalEntry {
  readonly request_id: string;
  /** Offset of the decision that completed the approval. */
  readonly decision_offset: number;
}

/** A question of `gauze check --sample`: what would a policy do to the newest records of a topic? */
export interface SampleAskEntry {
  readonly id: string;
  readonly topic: string;
  readonly audience: string;
  readonly text: string;
  readonly records: number;
  readonly quasi_identifiers: readonly string[];
}

/** Its answer: counts and codes, never a value. `code`: why there is none. */
export interface SampleResultEntry {
  readonly id: string;
  readonly code: string | null;
  readonly records: number;
  readonly published: number;
  readonly persons: number;
  readonly nobody: number;
  readonly withheld: Readonly<Record<string, number>>;
  readonly methods: Readonly<Record<string, number>>;
  readonly groups: number;
  readonly smallest: readonly number[];
  readonly below: Readonly<Record<string, number>>;
}

/** An order to read withheld records of one raw partition again. */
export interface RedriveOrderEntry {
  readonly audience: string;
  readonly topic: string;
  readonly topic_id: string;
  readonly partition: number;
  /** How many it is about. */
  readonly records: number;
  /** Only those withheld with this code. */
  readonly code: string | null;
  /** Only those withheld in [from, to), milliseconds since the epoch. */
  readonly from: number | null;
  readonly to: number | null;
  /** The person who asked, or the Kafka principal where nobody is known. */
  readonly by: string;
  readonly reason: string;
}

/** A tag of earlier versions of a subject that counts no longer at a place and below. */
export interface TagReleaseEntry {
  readonly subject: string;
  readonly path: string;
  readonly tag: string;
  /** The person who answers for it. */
  readonly by: string;
  readonly reason: string;
}

/** schemas/control/policy-log-entry.avsc */
export interface TopicVersionEntry {
  readonly topic: string;
  readonly version: number;
  readonly from: LaneResumedEntry['from'];
}

export interface PolicyLogEntry {
  readonly kind: EntryKind;
  readonly at: number;
  readonly by: string;
  readonly policy: PolicyVersionEntry | null;
  readonly tags: {
    readonly subject: string;
    readonly paths: readonly { readonly path: string; readonly tags: readonly string[] }[];
  } | null;
  readonly lane: LaneStartedEntry | null;
  readonly resume: LaneResumedEntry | null;
  /** Of POLICY_APPLIED, where it opens anything. */
  readonly approval?: PolicyApprovalEntry | null;
  /** Of POLICY_APPLIED: the raw topics whose sanitized topics get a new version by it. */
  readonly topic_versions?: readonly TopicVersionEntry[] | null;
  /** Of TAGS_RELEASED. */
  readonly release?: TagReleaseEntry | null;
  /** Of SAMPLE_ASKED. */
  readonly sample_ask?: SampleAskEntry | null;
  /** Of SAMPLE_DONE. */
  readonly sample_result?: SampleResultEntry | null;
  /** Of REDRIVE_ORDERED. */
  readonly redrive?: RedriveOrderEntry | null;
}

/**
 * What the newest entry about a record says of it. BEGUN_ANEW is about all records from its offset on: the lane reads
 * them again, and what was said of them before no longer counts.
 */
export type WithheldOutcome = 'WITHHELD' | 'PUBLISHED' | 'BEGUN_ANEW';

/** schemas/control/withheld-record.avsc */
export interface WithheldRecord {
  readonly topic: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: number;
  readonly audience: string;
  readonly code: string;
  readonly outcome?: WithheldOutcome;
}

/** schemas/control/phi-audit-event.avsc; times in microseconds since the epoch. */
export interface PhiAuditEvent {
  readonly event_id: Buffer;
  readonly type: string;
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  readonly outcome: 'SUCCESS' | 'MINOR_FAILURE' | 'SERIOUS_FAILURE' | 'MAJOR_FAILURE';
  readonly outcome_reason: string | null;
  readonly phase: 'COMMITTED' | 'BEFORE_RELEASE' | 'LEASE' | 'OBSERVED';
  readonly occurred_from: number;
  readonly occurred_to: number;
  readonly recorded_at: number;
  readonly actor: AuditActor;
  readonly recipient: {
    readonly id: string;
    readonly name: string | null;
    readonly address: string | null;
  } | null;
  readonly purpose: readonly string[];
  readonly accounting: Accounting;
  readonly grant: AuditGrant | null;
  readonly policy: { readonly id: string; readonly version: number; readonly sha256: Buffer };
  readonly plan: {
    readonly hash: Buffer;
    readonly policy_log_offset: number;
    readonly masking_key_epoch: number;
  } | null;
  readonly range: AuditRange | null;
  readonly view: {
    readonly masked: boolean;
    readonly fields_clear: readonly string[];
    readonly data_classes: readonly string[];
    readonly schema_fp: string | null;
    readonly output_topic: string | null;
  } | null;
  readonly subjects: AuditSubjects | null;
  readonly group: {
    readonly id: string;
    readonly generation: number;
    readonly coverage: 'EXACT' | 'AT_LEAST';
    readonly offset_committed: boolean;
  } | null;
  readonly trace_id: Buffer | null;
  readonly request_id: string | null;
  readonly ext: readonly { readonly k: string; readonly v: string }[];
  readonly output_sha256: Buffer | null;
  readonly writer_id: string;
  readonly chain_id: Buffer;
  readonly seq: number;
  readonly prev_hash: Buffer;
  readonly key_epoch: number;
  readonly sig: Buffer | null;
}

/** The grant that an event belongs to; `expires_at` in microseconds since the epoch, 0 while it is not active. */
export interface AuditGrant {
  readonly id: string;
  readonly version: number;
  readonly request_id: string | null;
  readonly expires_at: number;
  readonly approved_by: readonly string[];
  readonly emergency: boolean;
  readonly scope_sha256: Buffer | null;
}

/** Whom an event is about. */
export interface AuditSubjects {
  readonly distinct: number;
  readonly key_epoch: number;
  readonly token_len: number;
  /** SHA-256 of the PhiSubjectIndex value of the same range. */
  readonly index_sha256: Buffer | null;
  readonly tokens: Buffer | null;
}

export interface AuditActor {
  readonly type: 'SYSTEM' | 'SERVICE' | 'USER' | 'AGENT';
  readonly id: string;
  readonly display: string | null;
  readonly idp: string | null;
  readonly org_id: string | null;
  readonly roles: readonly string[];
  readonly on_behalf_of: string | null;
  readonly assurance: string | null;
  readonly token_id: string | null;
  readonly session_id: string | null;
  readonly client_id: string | null;
  readonly network_address: string | null;
}

export type Accounting =
  | 'NOT_PHI'
  | 'EXEMPT_TPO'
  | 'EXEMPT_INDIVIDUAL'
  | 'EXEMPT_AUTHORIZATION'
  | 'EXEMPT_LIMITED_DATA_SET'
  | 'EXEMPT_OTHER'
  | 'REQUIRED'
  | 'UNDETERMINED';

export interface AuditRange {
  readonly cluster_id: string;
  readonly topic: string;
  readonly topic_id: Buffer | null;
  readonly partition: number;
  readonly first_offset: number;
  readonly next_offset: number;
  readonly record_count: number;
  readonly delivered_count: number;
  readonly delivered: Buffer | null;
  readonly bytes: number;
  readonly records_sha256: Buffer | null;
}

export const policyLogCodec: ControlCodec<PolicyLogEntry> = controlCodec(schemaFile('policy-log-entry'), [
  'approval',
  'release',
  'topic_versions',
  'sample_ask',
  'sample_result',
  'redrive',
]);
export const withheldCodec: ControlCodec<WithheldRecord> = controlCodec(schemaFile('withheld-record'), [
  'outcome',
]);
export const auditEventCodec: ControlCodec<PhiAuditEvent> = controlCodec(schemaFile('phi-audit-event'));
