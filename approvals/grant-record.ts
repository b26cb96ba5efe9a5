/**
 * A grant as the access log makes it: the state that machines enforce, published as it is, and what people want to
 * know beside it. The shape alone; the rules stand in grant-steps.ts.
 */
import type { GrantState, ReplayResult } from '../schemas/access-codecs.ts';
import type { HistoryLine } from './access-verdict.ts';

/** Review of an emergency grant: none before activation and for other grants. */
export type ReviewStateName = 'NONE' | 'DUE' | 'DONE' | 'OVERDUE';

export interface GrantReview {
  readonly state: ReviewStateName;
  /** 0 before activation. */
  readonly dueMs: number;
  readonly by: string | null;
  readonly justified: boolean | null;
}

export interface GrantRecord {
  /** Replaced as a whole at each change, never changed in place. */
  readonly grant: GrantState;
  readonly review: GrantReview;
  readonly revokedBy: string | null;
  /** What a replay has found; null before, and for other grants. */
  readonly replayed: ReplayResult | null;
  readonly history: readonly HistoryLine[];
}
