/**
 * The reducer of the access log: folds its entries, in log order and by their append times, to the state of every
 * request, grant and lock. Pure: no clock, no randomness, no I/O; the same log gives the same state everywhere.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { AccessEntry, AccessEntryKind } from '../schemas/access-codecs.ts';
import { AccessTables, grantOf, requestOf, subjectId } from './access-tables.ts';
import type { Rule, Step } from './access-tables.ts';
import type { HistoryLine, Transition, Verdict } from './access-verdict.ts';
import { decide } from './decision-rules.ts';
import { settleGrant } from './grant-changes.ts';
import type { GrantRecord } from './grant-record.ts';
import { expire, GRANT_RULES } from './grant-steps.ts';
import { liftLock, placeLock } from './lock-rules.ts';
import type { PlacedLock } from './locks.ts';
import { RememberedEntries } from './remembered-entries.ts';
import { cancel, escalate, settleRequest, submit, withdraw } from './request-rules.ts';
import type { RequestState } from './request-state.ts';

export type { GrantRecord, HistoryLine, PlacedLock, RequestState, Transition, Verdict };

const RULES: Readonly<Record<AccessEntryKind, Rule>> = {
  ...GRANT_RULES,
  REQUESTED: submit,
  DECIDED: decide,
  WITHDRAWN: withdraw,
  CANCELLED: cancel,
  ESCALATED: escalate,
  EXPIRED: expire,
  LOCKED: placeLock,
  UNLOCKED: liftLock,
};

export class AccessState {
  /** Time of the log: the running maximum of append times; milliseconds since the epoch. */
  nowMs = 0;
  /** The offset after the last one folded. */
  endOffset = 0;
  private readonly tables = new AccessTables();
  private readonly remembered = new RememberedEntries();

  /** By id. A request that nobody touches stays PENDING here after its time: compare `pendingUntilMs` with the time. */
  get requests(): ReadonlyMap<string, RequestState> {
    return this.tables.requests;
  }

  /** By id. A grant that nobody touches keeps its state here after its time: compare `not_after` with the time. */
  get grants(): ReadonlyMap<string, GrantRecord> {
    return this.tables.grants;
  }

  /** Hash of the access rules under which people may ask; null before the first request. */
  get rulesInForce(): Buffer | null {
    return this.tables.rulesInForce;
  }

  /** Locks in force, by id. */
  get locks(): ReadonlyMap<string, PlacedLock> {
    return this.tables.locks.placed;
  }

  /**
   * Takes the next entry in: `appendTimeMs` is the broker's. Time settles first what the entry is about, and votes of
   * people who were locked since are dropped where a decision counts them; what is then
   * refused has changed nothing else. Throws ERR_ACCESS_LOG_ORDER where `offset` was passed already.
   */
  fold(offset: number, appendTimeMs: number, entry: AccessEntry): Verdict {
    if (offset < this.endOffset)
      throw new GauzeError('ERR_ACCESS_LOG_ORDER', { offset, expected: String(this.endOffset) });
    this.endOffset = offset + 1;
    this.nowMs = Math.max(this.nowMs, appendTimeMs);
    const seen = this.remembered.find(entry, this.nowMs);
    if (seen?.first) return { ...seen.first, offset, outcome: 'DUPLICATE', transitions: [] };
    const step: Step = { tables: this.tables, entry, offset, nowMs: this.nowMs, transitions: [] };
    const verdict = seen ? verdictOf(step, 'ERR_ACCESS_KEY_REUSED') : judge(step);
    this.remembered.keep(entry, verdict, this.nowMs);
    return verdict;
  }
}

function judge(step: Step): Verdict {
  const { request_id: requestId, grant_id: grantId, kind } = step.entry;
  if (requestId !== null && grantId !== null && requestId !== grantId)
    return verdictOf(step, 'ERR_ACCESS_ENTRY_INCOMPLETE');
  if (kind !== 'REQUESTED') settle(step);
  return verdictOf(step, RULES[kind](step));
}

function settle(step: Step): void {
  const [request, held] = [requestOf(step), grantOf(step)];
  if (request) settleRequest(step, request);
  if (held) settleGrant(step, held);
}

function verdictOf(step: Step, code: ErrorCode | null): Verdict {
  const { offset, entry, transitions } = step;
  const id = subjectId(entry);
  return {
    offset,
    outcome: code === null ? 'ACCEPTED' : 'REFUSED',
    code,
    requestId: id,
    grantId: grantOf(step) ? id : null,
    state: stateOf(step),
    transitions,
  };
}

/** The state of what the entry is about: of the request until it is approved, of the grant from then on. */
function stateOf(step: Step): string | null {
  const { kind, lock } = step.entry;
  if (kind === 'LOCKED' || kind === 'UNLOCKED') {
    if (!lock) return null;
    if (step.tables.locks.placed.has(lock.id)) return 'PLACED';
    return step.transitions.length > 0 ? 'LIFTED' : null;
  }
  const [request, held] = [requestOf(step), grantOf(step)];
  if (kind === 'REVIEWED' && held) return held.review.state;
  const isAboutRequest = ABOUT_REQUESTS.has(kind) || !held;
  return (isAboutRequest ? request?.state : held.grant.state) ?? null;
}

const ABOUT_REQUESTS: ReadonlySet<AccessEntryKind> = new Set([
  'REQUESTED',
  'DECIDED',
  'WITHDRAWN',
  'CANCELLED',
]);
