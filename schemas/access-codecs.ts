/**
 * Codecs of the topics that approvals and grants live in: gauze.access, gauze.grants, gauze.grant-progress, and the
 * index of persons. Values carry the registry's 5-byte prefix; what does not decode raises RangeError.
 */
import { controlCodec, schemaFile, withoutFields } from './control-codec.ts';
import type { ControlCodec } from './control-codec.ts';

/** An offset range of one raw partition, frozen when it was asked for. */
export interface ScopePartition {
  readonly partition: number;
  readonly first_offset: number;
  readonly next_offset: number;
}

/** A leaf to be revealed and the tags in force on it when it was asked for. */
export interface ScopeField {
  readonly path: string;
  readonly tags: readonly string[];
}

/** When a grant may be active: minutes of the day in `zone`; `to_minute` before `from_minute` is on the next day. */
export interface AccessWindow {
  readonly zone: string;
  /** 1 is Monday, 7 is Sunday. */
  readonly days: readonly number[];
  readonly from_minute: number;
  readonly to_minute: number;
}

/** The audit event whose records are to be masked again; everything about it is checked before raw data is read. */
export interface ScopeReplay {
  readonly event_partition: number;
  readonly event_offset: number;
  /** As the chain has it. */
  readonly event_sha256: Buffer;
  /** Whom the event served: an audience, or the Kafka principal of a grant. */
  readonly recipient: string;
  /** null: a lane's event. */
  readonly grant_id: string | null;
  readonly plan_hash: Buffer;
  readonly key_epoch: number;
  readonly output_topic: string;
}

/** What a replay has found. */
export interface ReplayResult {
  readonly outcome: 'EQUAL' | 'DIFFERENT' | 'UNVERIFIABLE';
  /** Why; null where equal. */
  readonly code: string | null;
  /** Records masked again and compared. */
  readonly records: number;
  /** Offset of the first raw record whose published form differs; null where there is none, or it cannot be told. */
  readonly differs_at: number | null;
}

/** schemas/control/access-scope.avsc */
export interface Scope {
  readonly cluster_id: string;
  readonly topic: string;
  readonly topic_id: string;
  readonly base_audience: string;
  readonly policy_version: number;
  readonly policy_sha256: Buffer;
  readonly schemas: readonly { readonly schema_id: number; readonly fingerprint: Buffer }[];
  readonly fields: readonly ScopeField[];
  readonly partitions: readonly ScopePartition[];
  /** Subject tokens of 8 bytes; null: records about anybody. */
  readonly persons: readonly Buffer[] | null;
  readonly token_epoch: number;
  readonly beneficiary: string;
  readonly purpose: string;
  readonly max_records: number;
  readonly max_persons: number | null;
  readonly duration_ms: number;
  readonly window: AccessWindow | null;
  /** Absent or null: a grant of raw fields. */
  readonly replay?: ScopeReplay | null;
}

export type AccessEntryKind =
  | 'REQUESTED'
  | 'DECIDED'
  | 'WITHDRAWN'
  | 'EXPIRED'
  | 'CANCELLED'
  | 'ESCALATED'
  | 'ACTIVATION_ORDERED'
  | 'PROVISIONED'
  | 'PROVISION_FAILED'
  | 'QUOTA_REACHED'
  | 'SUSPENDED'
  | 'RESUMED'
  | 'END_ORDERED'
  | 'REVOKED'
  | 'REMOVED'
  | 'EXTERNALLY_MODIFIED'
  | 'REVIEWED'
  | 'LOCKED'
  | 'UNLOCKED';

export interface AccessActor {
  readonly kind: 'HUMAN' | 'SERVICE' | 'SYSTEM';
  readonly id: string;
  readonly roles: readonly string[];
  readonly on_behalf_of: string | null;
  readonly token_id: string | null;
}

export interface AccessStage {
  readonly role: string;
  readonly count: number;
}

export interface RequestBody {
  readonly subject: 'ACCESS' | 'POLICY';
  readonly beneficiary_owner: string;
  readonly rule: string;
  readonly rules_sha256: Buffer;
  readonly scope: Scope | null;
  readonly policy: {
    readonly audience: string;
    readonly sha256: Buffer;
    readonly opens: readonly string[];
  } | null;
  readonly scope_sha256: Buffer;
  readonly stages: readonly AccessStage[];
  readonly ticket: string | null;
  readonly pending_ms: number;
  readonly activation_ms: number;
  readonly rule_duration_ms: number;
  readonly extends_grant: string | null;
  readonly emergency: { readonly code: string; readonly review_ms: number } | null;
}

export interface DecisionBody {
  readonly approve: boolean;
  readonly scope_sha256: Buffer;
  readonly narrowed: Scope | null;
  readonly narrowed_sha256: Buffer | null;
}

export type LockTarget = 'PERSON' | 'PRINCIPAL' | 'TOPIC' | 'TAG' | 'PATIENT';

export interface AccessLock {
  readonly id: string;
  readonly target: LockTarget;
  readonly value: string;
}

/** schemas/control/access-entry.avsc */
export interface AccessEntry {
  readonly entry_id: Buffer;
  readonly kind: AccessEntryKind;
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly at: number;
  readonly by: AccessActor;
  readonly idempotency_key: string | null;
  readonly request_id: string | null;
  readonly grant_id: string | null;
  readonly cause: string | null;
  readonly reason: string | null;
  readonly request: RequestBody | null;
  readonly decision: DecisionBody | null;
  readonly topic: { readonly topic_id: string; readonly partitions: number } | null;
  readonly lock: AccessLock | null;
  readonly justified: boolean | null;
  /** Of END_ORDERED of a replay. */
  readonly replayed?: ReplayResult | null;
}

export type GrantStateName =
  | 'SCHEDULED'
  | 'ACTIVATING'
  | 'ACTIVE'
  | 'SUSPENDED'
  | 'ENDING'
  | 'REVOKING'
  | 'LAPSED'
  | 'ACTIVATION_FAILED'
  | 'ENDED'
  | 'EXHAUSTED'
  | 'REVOKED';

/** schemas/control/grant-state.avsc; times in milliseconds since the epoch. */
export interface GrantState {
  readonly grant_id: string;
  readonly request_id: string;
  readonly version: number;
  readonly access_offset: number;
  readonly state: GrantStateName;
  readonly cause: string | null;
  readonly exhausted: boolean;
  readonly externally_modified: boolean;
  readonly scope: Scope;
  readonly scope_sha256: Buffer;
  readonly requester: string;
  readonly approved_by: readonly string[];
  readonly emergency: boolean;
  readonly activate_before: number;
  /** 0 before activation. */
  readonly not_before: number;
  /** 0 before activation; set once. */
  readonly not_after: number;
  readonly grant_topic_id: string | null;
}

export type GrantStopReason =
  'COMPLETE' | 'RECORDS' | 'PERSONS' | 'TAGS_CHANGED' | 'LATE_APPEND' | 'TOPIC_CHANGED' | 'REPLAYED';

/** schemas/control/grant-progress.avsc */
export interface GrantProgress {
  readonly grant_id: string;
  readonly records: number;
  readonly persons: readonly Buffer[];
  readonly lease: {
    readonly partition: number;
    readonly first_offset: number;
    readonly next_offset: number;
    readonly records: number;
  } | null;
  readonly delivered: readonly {
    readonly partition: number;
    readonly next_offset: number;
    readonly records: number;
    readonly output_next_offset: number;
  }[];
  readonly stopped: GrantStopReason | null;
  readonly chain: { readonly chain_id: string; readonly seq: number; readonly head: string } | null;
  readonly replayed?: ReplayResult | null;
}

/** schemas/control/subject-index.avsc */
export interface PhiSubjectIndex {
  readonly topic: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly first_offset: number;
  readonly next_offset: number;
  readonly record_count: number;
  readonly key_epoch: number;
  readonly offsets: Buffer | null;
  /** 8 bytes for each record. */
  readonly tokens: Buffer;
}

/** Bytes of a subject token. */
export const SUBJECT_TOKEN_BYTES = 8;

const scopeText = schemaFile('access-scope');
/** The scope as versions before replays wrote it. */
const earlierScopeText = withoutFields(scopeText, ['replay']);
const entryText = schemaFile('access-entry');
const stateText = schemaFile('grant-state');

export const scopeCodec: ControlCodec<Scope> = controlCodec(scopeText);
export const accessEntryCodec: ControlCodec<AccessEntry> = controlCodec(
  withScope(entryText),
  [],
  [withScope(withoutFields(entryText, ['replayed']), earlierScopeText)],
);
export const grantStateCodec: ControlCodec<GrantState> = controlCodec(
  withScope(stateText),
  [],
  [withScope(stateText, earlierScopeText)],
);
export const grantProgressCodec: ControlCodec<GrantProgress> = controlCodec(schemaFile('grant-progress'), [
  'replayed',
]);
export const subjectIndexCodec: ControlCodec<PhiSubjectIndex> = controlCodec(schemaFile('subject-index'));

/** Puts the definition of the scope where it is named first: the registry takes each schema as one text. */
function withScope(text: string, scope = scopeText): string {
  return text.replace('"gauze.access.v1.Scope"', scope.trim());
}
