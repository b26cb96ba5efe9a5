/**
 * Which requests are taken in, and how they end without a decision. What is refused here never gets before people;
 * what needs no people (emergency, fields that are no PHI) is approved here and nowhere else.
 */
import { ownError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { AccessEntry, RequestBody, Scope } from '../schemas/access-codecs.ts';
import { ACCESS_RULES } from './access-rule.ts';
import { line, personFault, PRIVACY_OFFICERS, requestOf } from './access-tables.ts';
import type { Doer, GrantFamily, OpenRequest, Step } from './access-tables.ts';
import { emergencyKeys, scheduleGrant, settleGrant } from './grant-changes.ts';
import { isUsableScope, isWithoutPhi } from './narrowing.ts';
import type { RequestStateName } from './request-state.ts';
import { scopeHash } from './scope-hash.ts';
import { isLive } from './terminal-states.ts';

const ID = /^[0-9a-f]{16}$/;

/** Causes for which a cancelled request counts as overtaken: what it asked for is not there any more as it was. */
const OVERTAKEN: ReadonlySet<string | null> = new Set([
  'SUPERSEDED',
  'POLICY_CHANGED',
  'SCHEMA_CHANGED',
  'TAGS_CHANGED',
  'TOPIC_CHANGED',
]);

/** REQUESTED */
export function submit(step: Step): ErrorCode | null {
  const { entry, tables } = step;
  const { request: body, request_id: id } = entry;
  if (!body || id === null || !ID.test(id) || entry.grant_id !== null) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (tables.requests.has(id)) return 'ERR_ACCESS_ID_USED';
  const fault =
    personFault(step) ??
    bodyFault(body, entry) ??
    rulesFault(step, body) ??
    lockFault(step, body) ??
    emergencyFault(step, body);
  if (fault) return fault;
  const extended = body.extends_grant === null ? null : extendedFamily(step, body);
  if (typeof extended === 'string') return extended;
  open(step, id, body, extended);
  return null;
}

/** WITHDRAWN: by the requester. */
export function withdraw(step: Step): ErrorCode | null {
  const request = requestOf(step);
  if (!request) return 'ERR_ACCESS_UNKNOWN';
  const { by, cause } = step.entry;
  if (by.kind !== 'HUMAN') return 'ERR_ACCESS_NOT_HUMAN';
  if (by.id !== request.requester) return 'ERR_ACCESS_ROLE';
  if (request.state !== 'PENDING') return 'ERR_ACCESS_LATE';
  endRequest(step, request, 'WITHDRAWN', by, cause);
  return null;
}

/** CANCELLED: by system or a privacy officer. */
export function cancel(step: Step): ErrorCode | null {
  const request = requestOf(step);
  if (!request) return 'ERR_ACCESS_UNKNOWN';
  const { by, cause } = step.entry;
  const mayDo = by.kind === 'SYSTEM' || (by.kind === 'HUMAN' && by.roles.includes(PRIVACY_OFFICERS));
  if (!mayDo) return 'ERR_ACCESS_ROLE';
  if (request.state !== 'PENDING') return 'ERR_ACCESS_LATE';
  endRequest(step, request, OVERTAKEN.has(cause) ? 'SUPERSEDED' : 'CANCELLED', by, cause);
  return null;
}

/** ESCALATED: a line in the history of what still waits for people. */
export function escalate(step: Step): ErrorCode | null {
  const request = requestOf(step);
  if (!request) return 'ERR_ACCESS_UNKNOWN';
  const { by, cause } = step.entry;
  if (by.kind !== 'SYSTEM') return 'ERR_ACCESS_NOT_SYSTEM';
  const { id, state } = request;
  const held = step.tables.grants.get(id);
  const isReview = held?.review.state === 'DUE' || held?.review.state === 'OVERDUE';
  if (state !== 'PENDING' && !isReview) return 'ERR_ACCESS_LATE';
  (held ?? request).history.push(line(step, by, 'request.escalated', cause));
  const now = held?.review.state ?? state;
  step.transitions.push({
    type: 'request.escalated',
    requestId: id,
    grantId: null,
    from: now,
    to: now,
    cause,
  });
  return null;
}

/** What time has done to a request by now. */
export function settleRequest(step: Step, request: OpenRequest): void {
  if (request.state === 'PENDING' && step.nowMs >= request.pendingUntilMs)
    endRequest(step, request, 'EXPIRED', null, 'TIME');
}

/** Ends a pending request without a grant, and gives back the time it had reserved. */
export function endRequest(
  step: Step,
  request: OpenRequest,
  to: Exclude<RequestStateName, 'PENDING' | 'APPROVED'>,
  by: Doer,
  cause: string | null,
): void {
  if (request.family && request.scope) request.family.usedMs -= request.scope.duration_ms;
  const type = to === 'DENIED' ? 'decision.denied' : `request.${to.toLowerCase()}`;
  closeRequest(step, request, to, by, type, cause);
}

/** Ends a pending request by approval, and makes its grant where it asks for access. */
export function approveRequest(step: Step, request: OpenRequest, by: Doer, type: string): void {
  closeRequest(step, request, 'APPROVED', by, type, null);
  const { scope, body } = request;
  if (body.policy?.audience === ACCESS_RULES) step.tables.rulesInForce = body.policy.sha256;
  if (scope) scheduleGrant(step, request, scope, body.extends_grant === null ? null : 'EXTENSION');
}

/** Puts a request through the transition to a final state. */
function closeRequest(
  step: Step,
  request: OpenRequest,
  to: RequestStateName,
  by: Doer,
  type: string,
  cause: string | null,
): void {
  const { id, requester, body, state: from } = request;
  request.state = to;
  step.tables.pendingOf.delete(requester, id);
  step.tables.pendingOf.delete(body.beneficiary_owner, id);
  request.history.push(line(step, by, type, cause));
  step.transitions.push({ type, requestId: id, grantId: null, from, to, cause });
}

function open(step: Step, id: string, body: RequestBody, family: GrantFamily | null): void {
  const { tables, entry, offset, nowMs } = step;
  // A site begins with the rules that it has; from then on other rules need a decision.
  if (body.subject === 'ACCESS') tables.rulesInForce ??= body.rules_sha256;
  if (family && body.scope) family.usedMs += body.scope.duration_ms;
  const request: OpenRequest = {
    id,
    offset,
    submittedMs: nowMs,
    requester: entry.by.id,
    body,
    scope: body.scope,
    scopeSha256: body.scope_sha256,
    state: 'PENDING',
    stage: 0,
    votes: [],
    pendingUntilMs: nowMs + body.pending_ms,
    reason: entry.reason,
    denial: null,
    history: [line(step, entry.by, 'request.submitted', entry.cause)],
    family,
  };
  tables.requests.set(id, request);
  tables.pendingOf.add(request.requester, id);
  tables.pendingOf.add(body.beneficiary_owner, id);
  const [type, to] = ['request.submitted', 'PENDING'];
  step.transitions.push({ type, requestId: id, grantId: null, from: null, to, cause: entry.cause });
  if (body.emergency) approveRequest(step, request, null, 'breakglass.started');
  else if (body.stages.length === 0) approveRequest(step, request, null, 'decision.auto');
}

/** What is wrong with a request by itself. */
function bodyFault(body: RequestBody, { reason }: AccessEntry): ErrorCode | null {
  if (reason === null || reason.trim() === '') return 'ERR_ACCESS_REASON_MISSING';
  const { stages, pending_ms, activation_ms } = body;
  const isComplete =
    body.beneficiary_owner !== '' &&
    pending_ms > 0 &&
    activation_ms > 0 &&
    stages.every(({ role, count }) => role !== '' && count > 0);
  if (!isComplete) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  return body.subject === 'POLICY' ? policyFault(body) : accessFault(body);
}

function policyFault({
  scope,
  policy,
  scope_sha256,
  stages,
  emergency,
  extends_grant,
}: RequestBody): ErrorCode | null {
  if (!policy || scope || emergency || extends_grant !== null) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (!scope_sha256.equals(policy.sha256)) return 'ERR_ACCESS_SCOPE_HASH';
  return stages.some(({ role }) => role === PRIVACY_OFFICERS) ? null : 'ERR_ACCESS_STAGES';
}

function accessFault(body: RequestBody): ErrorCode | null {
  const { scope, policy, emergency } = body;
  if (!scope || policy) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  // A replay can wait for people, and once it has found something there is nothing to prolong.
  if (scope.replay && (emergency || body.extends_grant !== null)) return 'ERR_ACCESS_SCOPE_INVALID';
  if (emergency && (emergency.code === '' || emergency.review_ms <= 0)) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  const fault = scopeFault(scope, body.scope_sha256);
  if (fault) return fault;
  if (body.stages.length === 0 && !emergency && !isWithoutPhi(scope)) return 'ERR_ACCESS_STAGES';
  return scope.duration_ms > body.rule_duration_ms ? 'ERR_ACCESS_DURATION' : null;
}

/** Why no grant can be made of a scope: it makes no sense, or its hash is another. */
export function scopeFault(scope: Scope, sha256: Buffer): ErrorCode | null {
  if (!isUsableScope(scope)) return 'ERR_ACCESS_SCOPE_INVALID';
  try {
    return scopeHash(scope).equals(sha256) ? null : 'ERR_ACCESS_SCOPE_HASH';
  } catch (error) {
    return ownError(error).code;
  }
}

/** Rules are changed by people's decision, like policies: until then nobody asks under other ones. */
function rulesFault({ tables }: Step, { subject, rules_sha256: sha256 }: RequestBody): ErrorCode | null {
  const { rulesInForce } = tables;
  if (subject === 'POLICY' || rulesInForce === null || rulesInForce.equals(sha256)) return null;
  return 'ERR_ACCESS_RULES_UNAPPROVED';
}

function lockFault({ tables, entry }: Step, { beneficiary_owner, scope }: RequestBody): ErrorCode | null {
  const asked = { requester: entry.by.id, beneficiaryOwner: beneficiary_owner, scope };
  return tables.locks.forbids(asked) ? 'ERR_ACCESS_LOCKED' : null;
}

/** An emergency prolongs nothing, comes once at a time, and not to those whose last one was not reviewed in time. */
function emergencyFault(step: Step, { emergency, extends_grant, scope }: RequestBody): ErrorCode | null {
  if (!emergency || !scope) return null;
  if (extends_grant !== null) return 'ERR_ACCESS_EMERGENCY_EXTENDS';
  const { tables, entry, nowMs } = step;
  const requester = entry.by.id;
  for (const id of tables.unreviewedOf.get(requester)) {
    const held = tables.grants.get(id);
    if (!held) continue;
    settleGrant(step, held);
    if (held.review.dueMs < nowMs) return 'ERR_ACCESS_REVIEW_OVERDUE';
  }
  for (const key of emergencyKeys(requester, scope)) {
    const held = tables.grants.get(tables.liveEmergencies.get(key) ?? '');
    if (!held) continue;
    settleGrant(step, held);
    if (isLive(held.grant.state)) return 'ERR_ACCESS_EMERGENCY_LIVE';
  }
  return null;
}

/** The family of the grant to be prolonged, or why it can't be. */
function extendedFamily(step: Step, body: RequestBody): GrantFamily | ErrorCode {
  const held = step.tables.grants.get(body.extends_grant ?? '');
  if (!held || !body.scope) return 'ERR_ACCESS_EXTENDS';
  settleGrant(step, held);
  const { state, scope, emergency } = held.grant;
  if (emergency) return 'ERR_ACCESS_EMERGENCY_EXTENDS';
  const isSame =
    scope.beneficiary === body.scope.beneficiary &&
    scope.topic === body.scope.topic &&
    scope.topic_id === body.scope.topic_id;
  if (!isLive(state) || !isSame) return 'ERR_ACCESS_EXTENDS';
  return held.family.usedMs + body.scope.duration_ms > body.rule_duration_ms
    ? 'ERR_ACCESS_DURATION'
    : held.family;
}
