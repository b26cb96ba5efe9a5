/**
 * Decisions about policies, as whoever enforces policies reads them out of gauze.access. Written a second time, apart
 * from the reducer of approvals and much smaller: it knows requests about policies only, and says yes to nothing that
 * is not plainly approved. Pure; the same log gives the same answer everywhere.
 */
import type { AccessActor, AccessEntry, AccessStage, RequestBody } from '../schemas/access-codecs.ts';
import type { PolicyApprovalEntry } from '../schemas/control-codecs.ts';
import { SeenEntries } from './seen-entries.ts';

/** The role whose people decide about policies. */
export const POLICY_DECIDERS = 'privacy-officers';

export type PolicyRequestState = 'PENDING' | 'APPROVED' | 'DENIED' | 'EXPIRED' | 'WITHDRAWN' | 'CANCELLED';

/** A question to people whether a policy may open what it opens. */
export interface PolicyRequest {
  readonly id: string;
  readonly audience: string;
  /** SHA-256 of the policy's text, hex. */
  readonly sha256: string;
  /** What people were told that it opens. */
  readonly opens: readonly string[];
  readonly requester: string;
  /** One that nobody touches stays PENDING here after its time. */
  readonly state: PolicyRequestState;
  /** Milliseconds since the epoch, in the time of the log. */
  readonly pendingUntilMs: number;
  /** Offset of the decision that completed the approval; null before it. */
  readonly decisionOffset: number | null;
}

interface Vote {
  readonly human: string;
  readonly stage: number;
}

interface OpenRequest extends PolicyRequest {
  state: PolicyRequestState;
  decisionOffset: number | null;
  readonly owner: string;
  readonly stages: readonly AccessStage[];
  votes: Vote[];
}

interface Lock {
  readonly isOnPerson: boolean;
  readonly value: string;
}

const ID = /^[0-9a-f]{16}$/;

export class PolicyApprovals {
  /** The offset after the last one folded. */
  endOffset = 0;
  private nowMs = 0;
  private readonly open = new Map<string, OpenRequest>();
  /** Ids that any request has, about a policy or not. */
  private readonly usedIds = new Set<string>();
  private readonly locks = new Map<string, Lock>();
  private readonly seen = new SeenEntries();

  get requests(): ReadonlyMap<string, PolicyRequest> {
    return this.open;
  }

  /** Takes in the entry at `offset`; `appendTimeMs` is the broker's. */
  fold(offset: number, appendTimeMs: number, entry: AccessEntry): void {
    this.endOffset = offset + 1;
    this.nowMs = Math.max(this.nowMs, appendTimeMs);
    if (this.seen.hasSeen(entry, this.nowMs)) return;
    const { request_id: id, grant_id: grantId } = entry;
    if (id !== null && grantId !== null && id !== grantId) return;
    if (entry.kind === 'REQUESTED') return this.submit(entry);
    if (entry.kind === 'LOCKED') return this.lock(entry);
    if (entry.kind === 'UNLOCKED') return this.unlock(entry);
    const request = this.open.get(id ?? grantId ?? '');
    if (!request) return;
    this.settle(request);
    if (request.state !== 'PENDING') return;
    if (entry.kind === 'DECIDED') this.decide(offset, entry, request);
    if (entry.kind === 'WITHDRAWN' && entry.by.kind === 'HUMAN' && entry.by.id === request.requester)
      request.state = 'WITHDRAWN';
    if (entry.kind === 'CANCELLED' && mayCancel(entry.by)) request.state = 'CANCELLED';
  }

  /** The request that was approved by exactly the decision that is named; null where there is none. */
  approved({ request_id: id, decision_offset: offset }: PolicyApprovalEntry): PolicyRequest | null {
    const request = this.open.get(id);
    return request?.state === 'APPROVED' && request.decisionOffset === offset ? request : null;
  }

  private submit(entry: AccessEntry): void {
    const { request: body, request_id: id, grant_id: grantId, reason } = entry;
    if (!body || id === null || !ID.test(id) || grantId !== null || this.usedIds.has(id)) return;
    if (body.subject !== 'POLICY') return void this.usedIds.add(id);
    const isSound = this.mayAct(entry.by) && !this.isLocked(body.beneficiary_owner) && isComplete(body);
    if (!isSound || (reason ?? '').trim() === '') return;
    this.usedIds.add(id);
    this.open.set(id, {
      id,
      audience: body.policy!.audience,
      sha256: body.policy!.sha256.toString('hex'),
      opens: body.policy!.opens,
      requester: entry.by.id,
      owner: body.beneficiary_owner,
      stages: body.stages,
      state: 'PENDING',
      pendingUntilMs: this.nowMs + body.pending_ms,
      decisionOffset: null,
      votes: [],
    });
  }

  private decide(offset: number, { by, decision }: AccessEntry, request: OpenRequest): void {
    const isTheirs = by.id === request.requester || by.id === request.owner;
    if (!decision || isTheirs || !this.mayAct(by)) return;
    if (decision.scope_sha256.toString('hex') !== request.sha256) return;
    // Votes of people who were locked since do not count, whatever becomes of this one.
    if (decision.approve) request.votes = request.votes.filter(({ human }) => !this.isLocked(human));
    // A policy is decided about as it is: there is nothing to narrow.
    if (decision.narrowed || decision.narrowed_sha256) return;
    if (decision.approve) this.vote(offset, by, request);
    else if (request.stages.some(({ role }) => by.roles.includes(role))) request.state = 'DENIED';
  }

  private vote(offset: number, by: AccessActor, request: OpenRequest): void {
    const stage = openStage(request);
    if (request.votes.some(({ human }) => human === by.id)) return;
    if (!by.roles.includes(request.stages[stage]!.role)) return;
    request.votes.push({ human: by.id, stage });
    if (openStage(request) < request.stages.length) return;
    request.state = 'APPROVED';
    request.decisionOffset = offset;
  }

  private lock({ by, lock }: AccessEntry): void {
    if (!lock || !this.mayAct(by) || !by.roles.includes(POLICY_DECIDERS)) return;
    const isSound = lock.id !== '' && lock.value !== '' && (lock.target !== 'PATIENT' || ID.test(lock.value));
    if (!isSound || this.locks.has(lock.id)) return;
    const isOnPerson = lock.target === 'PERSON';
    this.locks.set(lock.id, { isOnPerson, value: lock.value });
    if (!isOnPerson) return;
    for (const request of this.open.values()) {
      const isTheirs = request.requester === lock.value || request.owner === lock.value;
      if (!isTheirs) continue;
      this.settle(request);
      if (request.state === 'PENDING') request.state = 'CANCELLED';
    }
  }

  private unlock({ by, lock }: AccessEntry): void {
    if (lock && this.mayAct(by) && by.roles.includes(POLICY_DECIDERS)) this.locks.delete(lock.id);
  }

  /** What time has done to a request. */
  private settle(request: OpenRequest): void {
    if (request.state === 'PENDING' && this.nowMs >= request.pendingUntilMs) request.state = 'EXPIRED';
  }

  /** A human in their own name who is not locked. */
  private mayAct({ kind, id, on_behalf_of }: AccessActor): boolean {
    return kind === 'HUMAN' && on_behalf_of === null && !this.isLocked(id);
  }

  private isLocked(human: string): boolean {
    return [...this.locks.values()].some(({ isOnPerson, value }) => isOnPerson && value === human);
  }
}

function isComplete(body: RequestBody): boolean {
  const { policy, scope, emergency, extends_grant, stages, pending_ms, activation_ms } = body;
  return (
    policy !== null &&
    scope === null &&
    emergency === null &&
    extends_grant === null &&
    body.scope_sha256.equals(policy.sha256) &&
    body.beneficiary_owner !== '' &&
    pending_ms > 0 &&
    activation_ms > 0 &&
    stages.every(({ role, count }) => role !== '' && count > 0) &&
    stages.some(({ role }) => role === POLICY_DECIDERS)
  );
}

/** The first stage that is not satisfied; the number of stages where all are. */
function openStage({ stages, votes }: OpenRequest): number {
  const open = stages.findIndex(
    ({ count }, stage) => votes.filter((vote) => vote.stage === stage).length < count,
  );
  return open === -1 ? stages.length : open;
}

function mayCancel({ kind, roles }: AccessActor): boolean {
  return kind === 'SYSTEM' || (kind === 'HUMAN' && roles.includes(POLICY_DECIDERS));
}
