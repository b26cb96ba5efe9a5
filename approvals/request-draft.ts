/**
 * What people ask for, before and after it has been made exact. Types only; submission.ts turns one into the other.
 */
import type { RequestBody } from '../schemas/access-codecs.ts';

/** A request as a person writes it. */
export interface RequestQuestion {
  readonly topic: string;
  /** Paths or tags. */
  readonly fields: readonly string[];
  readonly baseAudience: string;
  /** Kafka principal that will read. */
  readonly beneficiary: string;
  readonly purpose: string;
  readonly reason: string;
  readonly ticket: string | null;
  readonly durationMs: number;
  readonly maxRecords: number;
  readonly maxPersons: number | null;
  /** Milliseconds since the epoch; null: from the first record that is still there. */
  readonly fromMs: number | null;
  /** Milliseconds since the epoch; null: up to the end as it is now. */
  readonly toMs: number | null;
  /** Identifiers as the records hold them; they go no further than to their tokens. */
  readonly persons: readonly string[] | null;
  readonly extendsGrant: string | null;
  /** Break-glass: the coded reason to go ahead and be reviewed afterwards; null: ask first. */
  readonly emergencyCode: string | null;
}

/** A part of a scope; what is left out stays as it is. */
export interface Narrowing {
  /** Paths or tags of the scope to keep. */
  readonly fields?: readonly string[];
  readonly persons?: readonly string[];
  readonly maxRecords?: number;
  readonly maxPersons?: number;
  readonly durationMs?: number;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** A request that the log can take. */
export interface RequestDraft {
  readonly request: RequestBody;
  /** For the audit event: names and counts. */
  readonly events: Readonly<Record<string, string>>;
}
