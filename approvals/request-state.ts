/**
 * A request for raw access, or for a policy that opens something: what was asked, who has voted, what it has come to.
 * The shape alone; the rules stand in request-rules.ts and decision-rules.ts.
 */
import type { RequestBody, Scope } from '../schemas/access-codecs.ts';
import type { HistoryLine } from './access-verdict.ts';

export type RequestStateName =
  'PENDING' | 'APPROVED' | 'DENIED' | 'EXPIRED' | 'WITHDRAWN' | 'CANCELLED' | 'SUPERSEDED';

/** One human's approval in one stage. */
export interface Vote {
  readonly human: string;
  /** Index into the stages of the request. */
  readonly stage: number;
  readonly atMs: number;
  readonly offset: number;
  /** What the human has signed: the scope after narrowing, where the vote narrowed it. */
  readonly scopeSha256: Buffer;
  readonly reason: string | null;
}

/** Who has said no, and why. */
export interface Denial {
  readonly human: string;
  readonly atMs: number;
  readonly offset: number;
  readonly reason: string | null;
}

export interface RequestState {
  readonly id: string;
  /** Of the REQUESTED entry in gauze.access. */
  readonly offset: number;
  readonly submittedMs: number;
  /** The human who asked. */
  readonly requester: string;
  readonly body: RequestBody;
  /** As narrowed so far; null for a policy. */
  readonly scope: Scope | null;
  /** What a decision has to name. */
  readonly scopeSha256: Buffer;
  readonly state: RequestStateName;
  /** Index of the stage that is asked now; the number of stages once all are satisfied. */
  readonly stage: number;
  /** Approvals that count. */
  readonly votes: readonly Vote[];
  /** From then on nobody can decide any more. */
  readonly pendingUntilMs: number;
  /** What the requester wrote. */
  readonly reason: string | null;
  readonly denial: Denial | null;
  readonly history: readonly HistoryLine[];
}
