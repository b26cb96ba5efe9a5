/**
 * What all lanes of one instance share. Plain references; no lane may change any of it.
 */
import type { Cluster } from '../kafka/cluster.ts';
import type { ErrorCode, GauzeError } from '../platform/errors.ts';
import type { PolicyLog } from '../policy/policy-log.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import type { Dictionaries } from './dictionary-reader.ts';
import type { PartitionReader } from './partition-reader.ts';
import type { PlanStore } from './plan-store.ts';

/** Bounds that a lane keeps to; all from the config. */
export interface LaneLimits {
  /** Output at which a transaction closes. */
  readonly batchBytes: number;
  /** How long a transaction may collect before it closes, before stretching. */
  readonly lingerMs: number;
  /** Records at which a transaction closes even without output. */
  readonly recordsPerTransaction: number;
  readonly fetchBytes: number;
  readonly unpackedBytes: number;
  /** Transactions per second that all lanes of the instance keep under together. */
  readonly transactionsPerSecond: number;
  /** An idle or held lane commits its offset again after this, so that it never expires. */
  readonly renewMs: number;
  /** How often a held lane looks whether its hold has ended, and an idle one whether its offset is still there. */
  readonly recheckMs: number;
}

/** Registry ids of gauze's own schemas. */
export interface ControlSchemaIds {
  readonly policyLog: number;
  readonly withheld: number;
  readonly auditEvent: number;
  readonly subjectIndex: number;
}

/** What one transaction of a lane has come to. */
export interface CommittedTransaction {
  readonly records: number;
  /** Of them not published. */
  readonly withheld: readonly ErrorCode[];
  /** Bytes of the raw values. */
  readonly bytes: number;
  /** From its first record to its commit. */
  readonly durationMs: number;
  /** Time of its newest record, milliseconds since the epoch. */
  readonly newestMs: number;
}

export interface LaneEvents {
  /** A transaction with records in it is committed. */
  committed(lane: LaneName, transaction: CommittedTransaction): void;
  held(lane: LaneName, error: GauzeError): void;
  released(lane: LaneName): void;
  trouble(lane: LaneName, error: GauzeError): void;
}

/** What a lane must know of the topic it writes to. */
export interface TargetSettings {
  /** max.message.bytes */
  readonly messageBytesMax: number;
  /** Does the broker stamp records (LogAppendTime)? */
  readonly appendTime: boolean;
}

export interface LaneName {
  readonly audience: string;
  readonly topic: string;
  readonly partition: number;
}

export interface LaneContext {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly policyLog: PolicyLog;
  readonly plans: PlanStore;
  readonly keyring: Keyring;
  /** Vouches for every audit chain of this instance. */
  readonly auditKey: AuditWriterKey;
  readonly limits: LaneLimits;
  /** Does the index lane commit to the persons of each batch, for proofs to outsiders? */
  readonly membershipRoots: boolean;
  readonly schemaIds: ControlSchemaIds;
  /** Kafka principal of this instance, `User:gauze-topology`. */
  readonly principal: string;
  readonly events: LaneEvents;
  /** Person dictionaries that policies name. */
  readonly dictionaries: Dictionaries;
  /** Milliseconds a transaction collects, stretched by the number of lanes. */
  lingerMs(): number;
  /** Output at which a transaction of a lane closes: less than `limits.batchBytes` where lanes are many. */
  batchBytes(): number;
  /** The shared reader of a raw partition. */
  reader(topic: string, topicId: string, partition: number): PartitionReader;
  /** Settings of a sanitized topic, as they are now. */
  readonly targetSettings: (topic: string) => Promise<TargetSettings>;
  /**
   * Does this instance still hold the raw partition in a live group generation? Answers once that is known; no where
   * `signal` aborts before.
   */
  stillHolds(topic: string, partition: number, signal: AbortSignal): Promise<boolean>;
}
