/**
 * What the approval service knows of the audit topics without being asked: the newest verification, how far the index
 * is, and what is amiss. Plain data that goes from one thread to another.
 */
import type { AuditReport } from '../audit/verify/report.ts';
import { GauzeError } from '../platform/errors.ts';

/** A verification that came to its end. */
export interface Verification {
  readonly report: AuditReport;
  /** Seals under the newest checkpoint that holds. */
  readonly checkpointSeals: number;
  /** Seals under the newest checkpoint that as many witnesses have cosigned as the trust file asks for. */
  readonly cosignedSeals: number;
  /** Cosignatures that the trust file asks for, and witnesses that it names; null without a trust file. */
  readonly quorum: number | null;
  readonly witnesses: number | null;
  readonly tookMs: number;
}

/** Something that does not work now; it is tried again by itself. */
export interface Trouble {
  readonly part: 'connection' | 'index' | 'verification';
  readonly code: string;
  readonly message: string;
  readonly action: string;
}

export interface AuditStatus {
  /** The newest one; null: none has come to its end since the service started. */
  readonly verification: Verification | null;
  /** How far the one that runs now is; null where none does. */
  readonly verifying: { readonly done: number; readonly all: number } | null;
  /** When the index last held everything, ISO 8601; null: not yet. */
  readonly indexed: string | null;
  /** Of the refresh that runs now. */
  readonly indexing: { readonly read: number; readonly of: number } | null;
  readonly troubles: readonly Trouble[];
}

export const NOTHING_KNOWN: AuditStatus = {
  verification: null,
  verifying: null,
  indexed: null,
  indexing: null,
  troubles: [],
};

/** The status with or without a trouble of one part. */
export function withTrouble(
  status: AuditStatus,
  part: Trouble['part'],
  error: GauzeError | null,
): AuditStatus {
  const others = status.troubles.filter((trouble) => trouble.part !== part);
  if (!error) return { ...status, troubles: others };
  const { code, message, action } = error;
  return { ...status, troubles: [...others, { part, code, message, action }] };
}
