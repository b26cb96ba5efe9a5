/**
 * What people can do with requests, grants and locks, whichever way they come: API, pages, commands. Each act becomes
 * an entry of the access log, and what the log says of it is the answer: nothing is decided here but who sees what,
 * and nothing that a person wrote goes anywhere but into the log.
 */
import { GauzeError } from '../platform/errors.ts';
import { random } from '../platform/clock.ts';
import type { AccessEventFacts } from '../audit/access-events.ts';
import type { AccessActor, AccessEntryKind, LockTarget, Scope } from '../schemas/access-codecs.ts';
import type { AccessLog, NewEntry } from './access-log.ts';
import type { GrantRecord, PlacedLock, RequestState, Verdict } from './access-state.ts';
import { assertNoIdentifier } from './free-text.ts';
import { PRIVACY_OFFICERS } from './access-rule.ts';
import { seesAll, seesGrant, seesRequest } from './people.ts';
import type { ReplayQuestion } from './replay-request.ts';
import type { Narrowing, RequestDraft, RequestQuestion } from './request-draft.ts';

/** The access log as far as it is used here. */
export type DeskLog = Pick<AccessLog, 'state' | 'append' | 'record'>;

/** Turns what people ask for into scopes; see submission.ts. */
export interface Drafting {
  /** Throws why it cannot be asked for. */
  draft(by: AccessActor, question: RequestQuestion): Promise<RequestDraft>;
  /** The same for a replay. */
  draftReplay(by: AccessActor, question: ReplayQuestion): Promise<RequestDraft>;
  /** The scope that an approver cuts out of `scope`. Throws ERR_ACCESS_NOT_NARROWER. */
  narrow(scope: Scope, narrowing: Narrowing): Promise<{ readonly scope: Scope; readonly sha256: Buffer }>;
  /** The value of a lock as the log takes it: a patient becomes a token. */
  lockValue(target: LockTarget, value: string): string;
}

/** One act of a person: who, and the key under which a repetition counts once. */
export interface Act {
  readonly by: AccessActor;
  readonly idempotencyKey: string | null;
}

export interface Decision {
  readonly approve: boolean;
  readonly scopeSha256: Buffer;
  readonly narrow: Narrowing | null;
  readonly reason: string;
}

/** Refusals by the log: their audit events are written by the writer of grants. */
const refusedByLog = new WeakSet<GauzeError>();

/** Has the log refused it, so that its event follows from the entry? */
export function isRefusalOfLog(error: GauzeError): boolean {
  return refusedByLog.has(error);
}

const ID_BYTES = 8;
const SCOPES_KEPT = 1_000;

export class AccessDesk {
  private readonly log: DeskLog;
  private readonly drafting: Drafting;
  private readonly onDecided: (approve: boolean) => void;
  /** By hash, those that were narrowed lately. */
  private readonly scopesSeen = new Map<string, Scope>();

  constructor(log: DeskLog, drafting: Drafting, onDecided: (approve: boolean) => void = () => undefined) {
    this.log = log;
    this.drafting = drafting;
    this.onDecided = onDecided;
  }

  /** Asks. Throws ERR_ACCESS_*; the first answer again for a repeated idempotency key. */
  async submit(act: Act, question: RequestQuestion): Promise<RequestState> {
    assertNoIdentifier(question.reason, 'reason');
    return await this.enter(act, question.reason, await this.drafting.draft(act.by, question));
  }

  /** Asks for a replay. Throws and repeats itself as `submit` does. */
  async submitReplay(act: Act, question: ReplayQuestion): Promise<RequestState> {
    assertNoIdentifier(question.reason, 'reason');
    return await this.enter(act, question.reason, await this.drafting.draftReplay(act.by, question));
  }

  private async enter(act: Act, reason: string, { request, events }: RequestDraft): Promise<RequestState> {
    const id = random(ID_BYTES).toString('hex');
    const verdict = await this.append(
      act,
      { kind: 'REQUESTED', request_id: id, reason, request },
      {
        type: request.emergency ? 'breakglass.submitted' : 'request.submitted',
        action: 'C',
        requestId: id,
        purpose: request.scope?.purpose ?? null,
        rule: { name: request.rule, sha256: request.rules_sha256 },
        ext: events,
      },
    );
    return this.knownRequest(verdict.requestId ?? id);
  }

  /** Requests that `by` sees, newest first. */
  requests(by: AccessActor): RequestState[] {
    const all = [...this.log.state.requests.values()].filter((request) => seesRequest(by, request));
    return all.sort((a, b) => b.offset - a.offset);
  }

  /** Throws ERR_ACCESS_NOT_VISIBLE. */
  request(by: AccessActor, id: string): RequestState {
    const request = this.log.state.requests.get(id);
    if (!request || !seesRequest(by, request)) throw new GauzeError('ERR_ACCESS_NOT_VISIBLE', {});
    return request;
  }

  async decide(act: Act, id: string, decision: Decision): Promise<RequestState> {
    assertNoIdentifier(decision.reason, 'reason');
    const request = this.request(act.by, id);
    const { approve, scopeSha256, narrow } = decision;
    // A stale hash is the log's to refuse: what would be narrowed is not what this person has seen.
    const seen = narrow && approve ? this.scopeSeen(request, scopeSha256) : null;
    const cut = narrow && seen ? await this.drafting.narrow(seen, narrow) : null;
    await this.append(
      act,
      {
        kind: 'DECIDED',
        request_id: id,
        reason: decision.reason,
        decision: {
          approve,
          scope_sha256: scopeSha256,
          narrowed: cut?.scope ?? null,
          narrowed_sha256: cut?.sha256 ?? null,
        },
      },
      {
        type: 'decision.submitted',
        requestId: id,
        purpose: request.scope?.purpose ?? null,
        rule: { name: request.body.rule, sha256: request.body.rules_sha256 },
        ext: { answer: approve ? 'approve' : 'deny', narrows: String(cut !== null) },
      },
    );
    this.onDecided(approve);
    return this.knownRequest(id);
  }

  /** The scope of that hash, also where it has been narrowed since: a repeated decision has to come out the same. */
  private scopeSeen(request: RequestState, sha256: Buffer): Scope | null {
    const key = sha256.toString('hex');
    const { scope, scopeSha256, body } = request;
    if (scope && scopeSha256.equals(sha256)) {
      if (this.scopesSeen.size >= SCOPES_KEPT) this.scopesSeen.clear();
      this.scopesSeen.set(key, scope);
      return scope;
    }
    return body.scope && body.scope_sha256.equals(sha256) ? body.scope : (this.scopesSeen.get(key) ?? null);
  }

  async withdraw(act: Act, id: string, reason: string | null): Promise<RequestState> {
    if (reason !== null) assertNoIdentifier(reason, 'reason');
    this.request(act.by, id);
    await this.append(
      act,
      { kind: 'WITHDRAWN', request_id: id, reason },
      {
        type: 'withdrawal.submitted',
        requestId: id,
      },
    );
    return this.knownRequest(id);
  }

  /** Grants that `by` sees, newest first. */
  grants(by: AccessActor): GrantRecord[] {
    const { state } = this.log;
    const all = [...state.grants.values()].filter((record) => seesGrant(by, record, state));
    const submitted = ({ grant }: GrantRecord): number => state.requests.get(grant.request_id)?.offset ?? 0;
    return all.sort((a, b) => submitted(b) - submitted(a));
  }

  /** Throws ERR_ACCESS_NOT_VISIBLE. */
  grant(by: AccessActor, id: string): GrantRecord {
    const record = this.log.state.grants.get(id);
    if (!record || !seesGrant(by, record, this.log.state)) throw new GauzeError('ERR_ACCESS_NOT_VISIBLE', {});
    return record;
  }

  async revoke(act: Act, id: string, reason: string): Promise<GrantRecord> {
    return await this.onGrant(act, id, reason, { kind: 'REVOKED' }, 'revocation.submitted');
  }

  /** Lets a suspended grant go on. */
  async resume(act: Act, id: string, reason: string): Promise<GrantRecord> {
    return await this.onGrant(act, id, reason, { kind: 'RESUMED' }, 'resumption.submitted');
  }

  /** The verdict on emergency access. */
  async review(act: Act, id: string, justified: boolean, reason: string): Promise<GrantRecord> {
    return await this.onGrant(act, id, reason, { kind: 'REVIEWED', justified }, 'review.submitted');
  }

  /** Locks in force. Throws ERR_ACCESS_ROLE for all but those who supervise or audit. */
  locks(by: AccessActor): PlacedLock[] {
    if (!seesAll(by)) throw new GauzeError('ERR_ACCESS_ROLE', {});
    return [...this.log.state.locks.values()].sort((a, b) => b.offset - a.offset);
  }

  /** Throws ERR_ACCESS_ROLE before it looks at the value: who may not lock learns nothing by trying. */
  async lock(act: Act, target: LockTarget, value: string, reason: string): Promise<PlacedLock> {
    assertPrivacyOfficer(act.by);
    assertNoIdentifier(reason, 'reason');
    const id = random(ID_BYTES).toString('hex');
    const lock = { id, target, value: this.drafting.lockValue(target, value) };
    await this.append(
      act,
      { kind: 'LOCKED', lock, reason },
      {
        type: 'lock.submitted',
        action: 'C',
        ext: { lock: id, target },
      },
    );
    const placed = this.log.state.locks.get(id) ?? this.sameLock(target, lock.value);
    if (!placed) throw new GauzeError('ERR_ACCESS_STATE', {});
    return placed;
  }

  async unlock(act: Act, id: string): Promise<PlacedLock> {
    assertPrivacyOfficer(act.by);
    const lock = this.log.state.locks.get(id);
    if (!lock) throw new GauzeError('ERR_ACCESS_NOT_VISIBLE', {});
    const { target, value } = lock;
    await this.append(
      act,
      { kind: 'UNLOCKED', lock: { id, target, value } },
      {
        type: 'unlock.submitted',
        action: 'D',
        ext: { lock: id, target },
      },
    );
    return lock;
  }

  /** An audit event alone, written before this resolves. */
  async record(event: AccessEventFacts): Promise<void> {
    await this.log.record(event);
  }

  private async onGrant(
    act: Act,
    id: string,
    reason: string,
    entry: { readonly kind: AccessEntryKind; readonly justified?: boolean },
    type: string,
  ): Promise<GrantRecord> {
    assertNoIdentifier(reason, 'reason');
    const { grant } = this.grant(act.by, id);
    await this.append(
      act,
      { ...entry, grant_id: id, reason },
      {
        type,
        requestId: grant.request_id,
        purpose: grant.scope.purpose,
      },
    );
    const record = this.log.state.grants.get(id);
    if (!record) throw new GauzeError('ERR_INTERNAL', { causeName: 'GrantGone' });
    return record;
  }

  /** A repeated idempotency key: the lock stands under the id of the first attempt. */
  private sameLock(target: LockTarget, value: string): PlacedLock | undefined {
    return [...this.log.state.locks.values()].find((lock) => lock.target === target && lock.value === value);
  }

  private async append(
    act: Act,
    entry: Omit<NewEntry, 'by'>,
    event: Omit<AccessEventFacts, 'actor'>,
  ): Promise<Verdict> {
    const verdict = await this.log.append(
      { ...entry, by: act.by, idempotency_key: act.idempotencyKey },
      { ...event, actor: act.by },
    );
    if (verdict.code === null) return verdict;
    const error = new GauzeError(verdict.code, verdict.state === null ? {} : { state: verdict.state });
    refusedByLog.add(error);
    throw error;
  }

  private knownRequest(id: string): RequestState {
    const request = this.log.state.requests.get(id);
    if (!request) throw new GauzeError('ERR_INTERNAL', { causeName: 'RequestGone' });
    return request;
  }
}

function assertPrivacyOfficer(by: AccessActor): void {
  if (!by.roles.includes(PRIVACY_OFFICERS)) throw new GauzeError('ERR_ACCESS_ROLE', {});
}
