/**
 * The reducer of the access log: folds its entries, in log order and by their append times, to the state of every
 * request, grant and lock. Pure: no clock, no randomness, no I/O; the same log gives the same state everywhere.
 */
import type { AccessEntry, AccessLock } from '../schemas/access-codecs.ts';
import type { HistoryLine, Transition, Verdict } from './access-verdict.ts';
import type { GrantRecord } from './grant-record.ts';
import type { RequestState } from './request-state.ts';

export type { GrantRecord, HistoryLine, RequestState, Transition, Verdict };

/** A lock in force. */
export interface PlacedLock extends AccessLock {
  readonly by: string;
  readonly atMs: number;
  readonly offset: number;
  readonly reason: string | null;
}

export class AccessState {
  readonly requests: ReadonlyMap<string, RequestState> = new Map();
  readonly grants: ReadonlyMap<string, GrantRecord> = new Map();
  /** Locks in force, by id. */
  readonly locks: ReadonlyMap<string, PlacedLock> = new Map();
  /** Time of the log: the running maximum of append times; milliseconds since the epoch. */
  nowMs = 0;
  /** The offset after the last one folded. */
  endOffset = 0;

  /** Takes the next entry in; offsets must rise, with gaps. */
  fold(offset: number, appendTimeMs: number, entry: AccessEntry): Verdict {
    this.nowMs = Math.max(this.nowMs, appendTimeMs);
    this.endOffset = offset + 1;
    const { request_id: requestId, grant_id: grantId } = entry;
    return {
      offset,
      outcome: 'REFUSED',
      code: 'ERR_ACCESS_UNKNOWN',
      requestId,
      grantId,
      state: null,
      transitions: [],
    };
  }
}
