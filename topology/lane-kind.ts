/**
 * In what lanes differ: an audience's lane masks records into a sanitized topic, the index lane notes whom they are
 * about. Positions, sessions, holds, chains and transactions are the same for all and stand in lane.ts and
 * lane-session.ts; nothing of them may be decided here.
 */
import type { EventBody } from '../audit/audit-chain.ts';
import type { LaneIdentity, PolicyInForce } from '../audit/lane-events.ts';
import type { KeyedHash } from '../keys/audience-keys.ts';
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import type { LaneName, TargetSettings } from './lane-context.ts';
import type { SessionSetup } from './lane-ledger.ts';
import type { Span } from './held-span.ts';
import type { Withheld } from './transaction-work.ts';
import type { WalkEnd } from './span-walk.ts';

/** The reserved audience of index lanes. */
export const INDEX_AUDIENCE = 'index';

/** The topic that a lane writes to, in the version that the policies in force have come to. */
export function outputTopicOf(
  names: TopicNames,
  { audience, topic }: Pick<LaneName, 'audience' | 'topic'>,
  { versions }: PolicyState,
): string {
  if (audience === INDEX_AUDIENCE) return names.auditSubjects;
  return sanitizedTopic(topic, audience, versions.topicVersion(audience, topic)?.version);
}

/** What a lane is, whatever session it is in. */
export interface LaneKind {
  /** By how much longer a transaction may collect while the lane is far behind, unless it is full before. */
  readonly farBehindLingers: number;
  /** The partition to write to, in an output topic of `partitions`. */
  outputPartition(partitions: number): number;
  /** Whom and what the lane's reads are for. Throws ERR_POLICY_ABSENT. */
  purpose(): Pick<LaneIdentity, 'recipient' | 'purpose' | 'accounting'>;
  /** Throws the hold that applies where the output topic, as it is set, must not be written to. */
  assertFits(outputTopic: string, settings: TargetSettings): void;
  /** The rules that the lane works by from now on. Throws ERR_POLICY_ABSENT. */
  inForce(): PolicyInForce;
  /** What tokens of persons are made by, for a lane that asks others to note them; else null. Throws ERR_KEY_MISSING. */
  subjectHash(): KeyedHash | null;
  /** The work of one session. */
  work(setup: SessionSetup): LaneWork;
}

/** What one session makes of the records it reads. */
export interface LaneWork {
  /** Whether the transaction under way should close. */
  readonly isFull: boolean;
  /** Does it note whom records are about, for an index lane that comes after? */
  readonly notesSubjects: boolean;
  /** Works on the records of `span` from `position` on, and adds to what is at hand. */
  run(span: Span, position: number): WalkEnd;
  /** Makes ready for records of a schema. Throws the hold or outage that stands in the way. */
  learn(schemaId: number): Promise<void>;
  /** Forgets what was made of older rules; called only while nothing is at hand. */
  refresh(): void;
  /** What is at hand, for the range [firstOffset, nextOffset) that it was read from. */
  finish(policy: PolicyInForce, firstOffset: number, nextOffset: number): FinishedWork;
  /** What was at hand has been committed, or is given up. */
  clear(): void;
  /** Gives back memory that an idle lane does not need. */
  shrink(): void;
}

/** One transaction's work. */
export interface FinishedWork {
  /** Says what was read; in the same transaction as all of it. */
  readonly event: EventBody;
  readonly output: RecordBatchWriter;
  readonly withheld: readonly Withheld[];
  readonly entries: readonly PolicyLogEntry[];
}
