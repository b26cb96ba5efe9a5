/**
 * What folding one entry of the access log answers: the verdict on it, and the transitions it brought about.
 * Types only.
 */
import type { ErrorCode } from '../platform/errors.ts';

/** One step of a request, a grant, a review or a lock. `from` and `to` may be equal: a vote, a flag, a cap reached. */
export interface Transition {
  /** Audit type, such as `grant.activated`. */
  readonly type: string;
  readonly requestId: string | null;
  /** Set where the step is one of a grant; where its published state changed, there is always such a transition. */
  readonly grantId: string | null;
  readonly from: string | null;
  readonly to: string;
  /** A stable word. */
  readonly cause: string | null;
}

/**
 * What became of an entry. Transitions may come with a refusal too: time settles what the entry is about before the
 * entry itself is judged.
 */
export interface Verdict {
  readonly offset: number;
  readonly outcome: 'ACCEPTED' | 'REFUSED' | 'DUPLICATE';
  /** Why it was refused; of a duplicate, why the first was. */
  readonly code: ErrorCode | null;
  readonly requestId: string | null;
  readonly grantId: string | null;
  /** State of what the entry was about after it; of a duplicate, the state that the first one was told. */
  readonly state: string | null;
  readonly transitions: readonly Transition[];
}

/** A line of what happened to a request, a grant or a lock; `by` is null where time alone did it. */
export interface HistoryLine {
  readonly offset: number;
  readonly atMs: number;
  readonly by: string | null;
  /** Audit type, as in the transition. */
  readonly type: string;
  readonly cause: string | null;
  readonly reason: string | null;
}
