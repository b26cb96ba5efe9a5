/**
 * How a grant is made and changed: each change counts its version up by one, names the entry that made it so, and
 * keeps the indexes right. Does not judge who may; a final state never changes, an end once set never moves.
 */
import type { GrantState, GrantStateName, Scope } from '../schemas/access-codecs.ts';
import { line } from './access-tables.ts';
import type { AccessTables, Doer, HeldGrant, OpenRequest, Step } from './access-tables.ts';
import { openingAt } from './access-window.ts';
import { isLive } from './terminal-states.ts';

/** What a change says beside the new state. */
interface Change {
  readonly type: string;
  readonly to: GrantStateName;
  /** null where time did it. */
  readonly by: Doer;
  /** Kept as it is when left out. */
  readonly cause?: string | null;
  readonly patch?: Partial<
    Pick<GrantState, 'exhausted' | 'externally_modified' | 'not_before' | 'not_after' | 'grant_topic_id'>
  >;
}

/** Makes the grant of a request that was approved just now. */
export function scheduleGrant(step: Step, request: OpenRequest, scope: Scope, cause: string | null): void {
  const { tables, offset, nowMs } = step;
  const { id, body } = request;
  const isEmergency = body.emergency !== null;
  const grant: GrantState = {
    grant_id: id,
    request_id: id,
    version: 1,
    access_offset: offset,
    state: 'SCHEDULED',
    cause,
    exhausted: false,
    externally_modified: false,
    scope,
    scope_sha256: request.scopeSha256,
    requester: request.requester,
    approved_by: request.votes.map(({ human }) => human),
    emergency: isEmergency,
    activate_before: nowMs + body.activation_ms,
    not_before: 0,
    not_after: 0,
    grant_topic_id: null,
  };
  const held: HeldGrant = {
    grant,
    review: { state: 'NONE', dueMs: 0, by: null, justified: null },
    revokedBy: null,
    replayed: null,
    history: [line(step, null, 'grant.scheduled', cause)],
    request,
    family: request.family ?? { usedMs: scope.duration_ms },
    wasOrdered: false,
  };
  tables.grants.set(id, held);
  tables.live.add(id);
  if (isEmergency)
    for (const key of emergencyKeys(request.requester, scope)) tables.liveEmergencies.set(key, id);
  step.transitions.push({
    type: 'grant.scheduled',
    requestId: id,
    grantId: id,
    from: null,
    to: 'SCHEDULED',
    cause,
  });
}

/** Takes a grant on by one version. */
export function changeGrant(step: Step, held: HeldGrant, { type, to, by, patch, ...change }: Change): void {
  const { grant } = held;
  const { grant_id: grantId, request_id: requestId, state: from } = grant;
  const cause = change.cause === undefined ? grant.cause : change.cause;
  held.grant = {
    ...grant,
    ...patch,
    state: to,
    cause,
    version: grant.version + 1,
    access_offset: step.offset,
  };
  held.history.push(line(step, by, type, cause));
  step.transitions.push({ type, requestId, grantId, from, to, cause });
  if (isLive(from) && !isLive(to)) forgetLive(step.tables, held);
}

/** What time has done to a grant by now: it lapsed, it ended, its review is overdue. */
export function settleGrant(step: Step, held: HeldGrant): void {
  const { state, not_after: notAfter, activate_before: activateBefore } = held.grant;
  if (isLive(state)) {
    if (notAfter === 0 && step.nowMs >= activateBefore) lapse(step, held);
    else if (notAfter !== 0 && step.nowMs >= notAfter)
      changeGrant(step, held, { type: 'grant.ending', to: 'ENDING', by: null, cause: 'TIME' });
  }
  if (held.review.state === 'DUE' && step.nowMs > held.review.dueMs)
    changeReview(step, held, 'OVERDUE', null);
}

/** Starts the time of a grant whose topic is there (null: a replay has none). Its end is set here, once. */
export function activateGrant(step: Step, held: HeldGrant, topicId: string | null): void {
  const { nowMs, entry } = step;
  const { scope, grant_id: id, requester } = held.grant;
  const opening = scope.window && openingAt(scope.window, nowMs);
  const notAfter = Math.min(nowMs + scope.duration_ms, opening?.endMs ?? Infinity);
  changeGrant(step, held, {
    type: 'grant.activated',
    to: 'ACTIVE',
    by: entry.by,
    cause: entry.cause,
    patch: { not_before: nowMs, not_after: notAfter, grant_topic_id: topicId },
  });
  const { emergency } = held.request.body;
  if (emergency === null) return;
  held.review = { ...held.review, dueMs: nowMs + emergency.review_ms };
  step.tables.unreviewedOf.add(requester, id);
  changeReview(step, held, 'DUE', null);
}

/** Takes a review on; when it is done, says how it came out. */
export function changeReview(
  step: Step,
  held: HeldGrant,
  to: 'DUE' | 'OVERDUE' | 'DONE',
  justified: boolean | null,
): void {
  const { grant_id: grantId, request_id: requestId, requester } = held.grant;
  const by = to === 'DONE' ? step.entry.by : null;
  const from = held.review.state;
  const type = { DUE: 'breakglass.review_due', OVERDUE: 'breakglass.overdue', DONE: 'breakglass.reviewed' }[
    to
  ];
  const cause = justified === null ? null : justified ? 'JUSTIFIED' : 'UNJUSTIFIED';
  held.review = { state: to, dueMs: held.review.dueMs, by: by?.id ?? null, justified };
  if (to === 'DONE') step.tables.unreviewedOf.delete(requester, grantId);
  held.history.push(line(step, by, type, cause));
  step.transitions.push({ type, requestId, grantId, from, to, cause });
}

/** Stops a live grant for good: at once where nothing of it was ever made, else as soon as it is removed. */
export function revokeGrant(step: Step, held: HeldGrant, cause: string): void {
  const { by } = step.entry;
  const change = held.wasOrdered
    ? ({ type: 'grant.revoking', to: 'REVOKING' } as const)
    : ({ type: 'grant.revoked', to: 'REVOKED' } as const);
  held.revokedBy = by.id;
  changeGrant(step, held, { ...change, by, cause });
}

/** Keys under which a live emergency grant bars another one. */
export function emergencyKeys(requester: string, { topic, beneficiary }: Scope): readonly string[] {
  return [
    JSON.stringify(['requester', requester, topic]),
    JSON.stringify(['beneficiary', beneficiary, topic]),
  ];
}

function lapse(step: Step, held: HeldGrant): void {
  const change = held.wasOrdered
    ? ({ type: 'grant.ending', to: 'ENDING' } as const)
    : ({ type: 'grant.lapsed', to: 'LAPSED' } as const);
  changeGrant(step, held, { ...change, by: null, cause: 'NOT_ACTIVATED' });
}

function forgetLive(tables: AccessTables, { grant }: HeldGrant): void {
  tables.live.delete(grant.grant_id);
  if (!grant.emergency) return;
  for (const key of emergencyKeys(grant.requester, grant.scope)) tables.liveEmergencies.delete(key);
}
