/**
 * Codecs of the topics that gauze itself writes: policy log, withheld records, audit events. Values carry the
 * registry's 5-byte prefix like everybody's. Decoding is strict: what does not decode raises RangeError.
 */
import { readFileSync } from 'node:fs';
import avsc from 'avsc';

export type EntryKind =
  'POLICY_APPLIED' | 'POLICY_REMOVED' | 'TAGS_SEEN' | 'TAGS_RELEASED' | 'LANE_STARTED' | 'LANE_RESUMED';

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

/** schemas/control/policy-log-entry.avsc */
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
}

/** schemas/control/withheld-record.avsc */
export interface WithheldRecord {
  readonly topic: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: number;
  readonly audience: string;
  readonly code: string;
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
  readonly grant: null;
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
  readonly subjects: null;
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

/** Encodes and decodes one kind of value. */
export interface ControlCodec<T> {
  /** Schema as registered. */
  readonly schemaText: string;
  /** With the registry's prefix for `schemaId`. Throws RangeError where the value does not fit the schema. */
  encode(value: T, schemaId: number): Buffer;
  /** Throws RangeError where the bytes are no such value. */
  decode(bytes: Buffer): T;
}

/** Bytes of magic byte and schema id before each value. */
export const REGISTRY_PREFIX_BYTES = 5;

export const policyLogCodec: ControlCodec<PolicyLogEntry> = controlCodec('policy-log-entry');
export const withheldCodec: ControlCodec<WithheldRecord> = controlCodec('withheld-record');
export const auditEventCodec: ControlCodec<PhiAuditEvent> = controlCodec('phi-audit-event');

function controlCodec<T>(name: string): ControlCodec<T> {
  const schemaText = readFileSync(new URL(`control/${name}.avsc`, import.meta.url), 'utf8');
  const type = avsc.Type.forSchema(JSON.parse(schemaText) as avsc.Schema, { noAnonymousTypes: false });
  return {
    schemaText,
    encode(value, schemaId) {
      // avsc's own message would quote the value that does not fit.
      const encoded = attempt(() => type.toBuffer(value));
      const bytes = Buffer.allocUnsafe(REGISTRY_PREFIX_BYTES + encoded.length);
      bytes[0] = 0;
      bytes.writeInt32BE(schemaId, 1);
      encoded.copy(bytes, REGISTRY_PREFIX_BYTES);
      return bytes;
    },
    decode(bytes) {
      if (bytes.length < REGISTRY_PREFIX_BYTES || bytes[0] !== 0) throw new RangeError('no registry prefix');
      return attempt(() => type.fromBuffer(bytes.subarray(REGISTRY_PREFIX_BYTES)) as T);
    },
  };
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch {
    throw new RangeError('value does not fit its schema');
  }
}
