/**
 * How people decide: each in their own name, about somebody else's request, about the scope as it is now, once over
 * all stages. A denial is final; a stage is satisfied by at least as many distinct humans as it asks for.
 */
import type { ErrorCode } from '../platform/errors.ts';
import type { DecisionBody, Scope } from '../schemas/access-codecs.ts';
import { line, personFault, requestOf } from './access-tables.ts';
import type { OpenRequest, Step } from './access-tables.ts';
import { isWithin } from './narrowing.ts';
import { approveRequest, endRequest, scopeFault } from './request-rules.ts';

/** DECIDED */
export function decide(step: Step): ErrorCode | null {
  const request = requestOf(step);
  if (!request) return 'ERR_ACCESS_UNKNOWN';
  const { decision, by } = step.entry;
  if (!decision) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (request.state !== 'PENDING') return 'ERR_ACCESS_LATE';
  const fault = personFault(step);
  if (fault) return fault;
  if (by.id === request.requester || by.id === request.body.beneficiary_owner) return 'ERR_ACCESS_SELF';
  if (!decision.scope_sha256.equals(request.scopeSha256)) return 'ERR_ACCESS_SCOPE_STALE';
  return decision.approve ? approve(step, request, decision) : deny(step, request, decision);
}

/** By whoever holds a role of any stage; also by those who have approved and think better of it. */
function deny(
  step: Step,
  request: OpenRequest,
  { narrowed, narrowed_sha256 }: DecisionBody,
): ErrorCode | null {
  const { by, reason, cause } = step.entry;
  if (narrowed || narrowed_sha256) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (!request.body.stages.some(({ role }) => by.roles.includes(role))) return 'ERR_ACCESS_ROLE';
  request.denial = { human: by.id, atMs: step.nowMs, offset: step.offset, reason };
  endRequest(step, request, 'DENIED', by, cause);
  return null;
}

function approve(step: Step, request: OpenRequest, decision: DecisionBody): ErrorCode | null {
  dropVotes(step, request);
  const { by } = step.entry;
  const { stages } = request.body;
  if (request.votes.some(({ human }) => human === by.id)) return 'ERR_ACCESS_ALREADY_VOTED';
  if (!by.roles.includes(stages[request.stage]!.role)) return 'ERR_ACCESS_ROLE';
  const fault = narrowingFault(request, decision);
  if (fault) return fault;
  if (isForbidden(step, request, decision.narrowed ?? request.scope)) return 'ERR_ACCESS_LOCKED';
  if (decision.narrowed && decision.narrowed_sha256)
    narrow(step, request, decision.narrowed, decision.narrowed_sha256);
  vote(step, request);
  return null;
}

/** Votes of people who were locked since do not count: their stage has to be satisfied by somebody else. */
function dropVotes(step: Step, request: OpenRequest): void {
  const { locks } = step.tables;
  const dropped = request.votes.filter(({ human }) => locks.isLocked(human));
  if (dropped.length === 0) return;
  request.votes = request.votes.filter(({ human }) => !locks.isLocked(human));
  request.stage = openStage(request);
  for (const { human } of dropped) {
    const [type, cause] = ['decision.vote_dropped', 'LOCK'];
    request.history.push({ offset: step.offset, atMs: step.nowMs, by: human, type, cause, reason: null });
    pushVoteStep(step, request, type, cause);
  }
}

function narrowingFault(
  { scope }: OpenRequest,
  { narrowed, narrowed_sha256 }: DecisionBody,
): ErrorCode | null {
  if (!narrowed && !narrowed_sha256) return null;
  if (!narrowed || !narrowed_sha256) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (!scope || !isWithin(narrowed, scope)) return 'ERR_ACCESS_NOT_NARROWER';
  return scopeFault(narrowed, narrowed_sha256);
}

function isForbidden({ tables }: Step, { requester, body }: OpenRequest, scope: Scope | null): boolean {
  return tables.locks.forbids({ requester, beneficiaryOwner: body.beneficiary_owner, scope });
}

/** Earlier votes were for more, so they cover it; later ones sign the new hash. */
function narrow(step: Step, request: OpenRequest, scope: Scope, sha256: Buffer): void {
  if (sha256.equals(request.scopeSha256)) return;
  if (request.family && request.scope) request.family.usedMs -= request.scope.duration_ms - scope.duration_ms;
  request.scope = scope;
  request.scopeSha256 = sha256;
  request.history.push(line(step, step.entry.by, 'decision.narrowed', step.entry.cause));
  pushVoteStep(step, request, 'decision.narrowed', step.entry.cause);
}

function vote(step: Step, request: OpenRequest): void {
  const { by, reason, cause } = step.entry;
  const { stage, scopeSha256 } = request;
  request.votes.push({ human: by.id, stage, atMs: step.nowMs, offset: step.offset, scopeSha256, reason });
  request.stage = openStage(request);
  if (request.stage === request.body.stages.length)
    return approveRequest(step, request, by, 'decision.approved');
  request.history.push(line(step, by, 'decision.approved', cause));
  pushVoteStep(step, request, 'decision.approved', cause);
}

/** The first stage that is not satisfied; the number of stages where all are. */
function openStage({ body: { stages }, votes }: OpenRequest): number {
  const open = stages.findIndex(
    ({ count }, stage) => votes.filter((vote) => vote.stage === stage).length < count,
  );
  return open === -1 ? stages.length : open;
}

function pushVoteStep(step: Step, { id, state }: OpenRequest, type: string, cause: string | null): void {
  step.transitions.push({ type, requestId: id, grantId: null, from: state, to: state, cause });
}
