/**
 * Who and what may move a grant on: one rule for each kind of entry about grants. Time has settled the grant before a
 * rule judges it, so a rule sees a live grant only while it really is one.
 */
import type { ErrorCode } from '../platform/errors.ts';
import type { AccessEntry, AccessEntryKind, ReplayResult } from '../schemas/access-codecs.ts';
import { grantOf, officerFault, PRIVACY_OFFICERS, requestOf, systemFault } from './access-tables.ts';
import type { HeldGrant, Rule, Step } from './access-tables.ts';
import { openingAt } from './access-window.ts';
import { activateGrant, changeGrant, changeReview, revokeGrant } from './grant-changes.ts';
import type { Lockable } from './locks.ts';
import { isLive, isTerminal } from './terminal-states.ts';

/** Causes for which a grant is ended before its time: what was approved is not what is there. */
const EARLY_ENDS: ReadonlySet<string | null> = new Set(['LATE_APPEND', 'TOPIC_CHANGED']);

/** What locks are held against. */
export function lockable({ grant, request }: HeldGrant): Lockable {
  return {
    requester: grant.requester,
    beneficiaryOwner: request.body.beneficiary_owner,
    scope: grant.scope,
  };
}

/** By system: SCHEDULED to ACTIVATING, while the window is open and no lock touches it. */
const orderActivation = bySystem((step, held) => {
  const { state, scope } = held.grant;
  if (state !== 'SCHEDULED') return 'ERR_ACCESS_STATE';
  if (step.tables.locks.forbids(lockable(held))) return 'ERR_ACCESS_LOCKED';
  if (scope.window && !openingAt(scope.window, step.nowMs)) return 'ERR_ACCESS_WINDOW';
  held.wasOrdered = true;
  return change(step, held, 'grant.activating', 'ACTIVATING');
});

/**
 * By system: its topic is there, so its time begins. Where the window has closed meanwhile it waits for the next, and
 * where it was suspended meanwhile it stays so; a resumed one is activated anew.
 */
const provision = bySystem((step, held) => {
  const { topic, by, cause } = step.entry;
  const { state, scope, not_before } = held.grant;
  if (!isTopicOf(held, topic)) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  const topicId = topic?.topic_id ?? null;
  const isSuspended = state === 'SUSPENDED' && not_before === 0 && held.wasOrdered;
  if (state !== 'ACTIVATING' && !isSuspended) return 'ERR_ACCESS_STATE';
  const patch = { grant_topic_id: topicId };
  if (isSuspended) changeGrant(step, held, { type: 'grant.provisioned', to: state, by, patch });
  else if (scope.window && !openingAt(scope.window, step.nowMs))
    changeGrant(step, held, {
      type: 'grant.scheduled',
      to: 'SCHEDULED',
      by,
      cause: cause ?? 'WINDOW_CLOSED',
      patch,
    });
  else activateGrant(step, held, topicId);
  return null;
});

/** A grant has a topic; a replay must not have one. */
function isTopicOf({ grant }: HeldGrant, topic: AccessEntry['topic']): boolean {
  return grant.scope.replay
    ? topic === null
    : topic !== null && topic.topic_id !== '' && topic.partitions > 0;
}

const failProvisioning = bySystem((step, held) => {
  const { state, not_before } = held.grant;
  const isSuspended = state === 'SUSPENDED' && not_before === 0 && held.wasOrdered;
  if (state !== 'ACTIVATING' && !isSuspended) return 'ERR_ACCESS_STATE';
  return change(step, held, 'grant.activation_failed', 'ACTIVATION_FAILED');
});

/** By system: a cap is reached. What was delivered stays readable until the end. */
const exhaust = bySystem((step, held) => {
  const { state, exhausted, not_before } = held.grant;
  if ((state !== 'ACTIVE' && state !== 'SUSPENDED') || not_before === 0 || exhausted)
    return 'ERR_ACCESS_STATE';
  const { by, cause } = step.entry;
  const patch = { exhausted: true };
  changeGrant(step, held, { type: 'grant.exhausted', to: state, by, cause: cause ?? 'QUOTA', patch });
  return null;
});

/** By system, or by a privacy officer, whoever is concerned: it only takes away. */
function suspend(step: Step): ErrorCode | null {
  const held = grantOf(step);
  if (!held) return 'ERR_ACCESS_UNKNOWN';
  const { by } = step.entry;
  const mayDo = by.kind === 'SYSTEM' || (by.kind === 'HUMAN' && by.roles.includes(PRIVACY_OFFICERS));
  if (!mayDo) return 'ERR_ACCESS_ROLE';
  if (!isLive(held.grant.state) || held.grant.state === 'SUSPENDED') return 'ERR_ACCESS_STATE';
  return suspendGrant(step, held, step.entry.cause ?? 'ORDERED');
}

/** Suspends a live grant that is not suspended yet. */
export function suspendGrant(step: Step, held: HeldGrant, cause: string): null {
  changeGrant(step, held, { type: 'grant.suspended', to: 'SUSPENDED', by: step.entry.by, cause });
  return null;
}

/** By a privacy officer who is not concerned: back to where it was, with the same end. */
function resume(step: Step): ErrorCode | null {
  const held = grantOf(step);
  if (!held) return 'ERR_ACCESS_UNKNOWN';
  const fault = officerFault(step, held.grant.requester, held.request.body.beneficiary_owner);
  if (fault) return fault;
  if (held.grant.state !== 'SUSPENDED') return 'ERR_ACCESS_STATE';
  if (step.tables.locks.forbids(lockable(held))) return 'ERR_ACCESS_LOCKED';
  return change(step, held, 'grant.resumed', held.grant.not_before === 0 ? 'SCHEDULED' : 'ACTIVE');
}

/** By system: at its time, which settling has seen to; before it only where something is wrong. */
function orderEnd(step: Step): ErrorCode | null {
  const held = grantOf(step);
  if (!held) return 'ERR_ACCESS_UNKNOWN';
  const { cause, replayed } = step.entry;
  if (replayed) return endReplay(step, held, replayed);
  if (cause === null || !EARLY_ENDS.has(cause)) return expire(step);
  const fault = systemFault(step);
  if (fault) return fault;
  if (!isLive(held.grant.state)) return 'ERR_ACCESS_STATE';
  revokeGrant(step, held, cause);
  return null;
}

/** By system: a replay is over when it has found something, whatever that is. */
function endReplay(step: Step, held: HeldGrant, replayed: ReplayResult): ErrorCode | null {
  const fault = systemFault(step);
  if (fault) return fault;
  const { state, scope, not_before } = held.grant;
  const isRunning = (state === 'ACTIVE' || state === 'SUSPENDED') && not_before > 0;
  if (!scope.replay || !isRunning) return 'ERR_ACCESS_STATE';
  held.replayed = replayed;
  changeGrant(step, held, {
    type: 'grant.ending',
    to: 'ENDING',
    by: step.entry.by,
    cause: `REPLAY_${replayed.outcome}`,
  });
  return null;
}

/** By system, when a time has come: whatever it does was done by settling. */
export function expire(step: Step): ErrorCode | null {
  const [request, held] = [requestOf(step), grantOf(step)];
  if (!request) return 'ERR_ACCESS_UNKNOWN';
  const fault = systemFault(step);
  if (fault) return fault;
  if (step.transitions.length > 0) return null;
  const waits =
    request.state === 'PENDING' || (held && (isLive(held.grant.state) || held.review.state === 'DUE'));
  return waits ? 'ERR_ACCESS_NOT_YET' : 'ERR_ACCESS_STATE';
}

function revoke(step: Step): ErrorCode | null {
  const held = grantOf(step);
  if (!held) return 'ERR_ACCESS_UNKNOWN';
  const { by, cause } = step.entry;
  if (by.kind === 'SERVICE') return 'ERR_ACCESS_NOT_HUMAN';
  if (by.kind === 'HUMAN' && !mayRevoke(held, by.id, by.roles)) return 'ERR_ACCESS_ROLE';
  if (!isLive(held.grant.state)) return 'ERR_ACCESS_STATE';
  revokeGrant(step, held, cause ?? 'REVOKED');
  return null;
}

function mayRevoke(
  { grant, request: { body } }: HeldGrant,
  human: string,
  roles: readonly string[],
): boolean {
  return (
    [grant.requester, body.beneficiary_owner, ...grant.approved_by].includes(human) ||
    roles.some((role) => role === PRIVACY_OFFICERS || body.stages.some((stage) => stage.role === role))
  );
}

/** By system: rights and topic are gone. What was never active has lapsed, whatever was made for it. */
const remove = bySystem((step, held) => {
  const { state, exhausted, not_before } = held.grant;
  const { by } = step.entry;
  if (state === 'REVOKING') changeGrant(step, held, { type: 'grant.revoked', to: 'REVOKED', by });
  else if (state !== 'ENDING') return 'ERR_ACCESS_STATE';
  else if (not_before === 0) changeGrant(step, held, { type: 'grant.lapsed', to: 'LAPSED', by });
  else changeGrant(step, held, { type: 'grant.ended', to: exhausted ? 'EXHAUSTED' : 'ENDED', by });
  return null;
});

/** By system: somebody else has changed its rights or its topic. The flag stays; further ones change nothing. */
const markModified = bySystem((step, held) => {
  const { state, externally_modified: isMarked } = held.grant;
  if (isTerminal(state) || isMarked) return 'ERR_ACCESS_STATE';
  const patch = { externally_modified: true };
  changeGrant(step, held, { type: 'grant.modified', to: state, by: step.entry.by, patch });
  return null;
});

/** By a privacy officer who is not concerned, about an emergency that is over. */
function review(step: Step): ErrorCode | null {
  const held = grantOf(step);
  if (!held) return 'ERR_ACCESS_UNKNOWN';
  const { justified } = step.entry;
  const fault = officerFault(step, held.grant.requester, held.request.body.beneficiary_owner);
  if (fault) return fault;
  if (justified === null) return 'ERR_ACCESS_ENTRY_INCOMPLETE';
  if (held.review.state !== 'DUE' && held.review.state !== 'OVERDUE') return 'ERR_ACCESS_NO_REVIEW';
  if (isLive(held.grant.state)) return 'ERR_ACCESS_NOT_YET';
  changeReview(step, held, 'DONE', justified);
  return null;
}

export const GRANT_RULES = {
  ACTIVATION_ORDERED: orderActivation,
  PROVISIONED: provision,
  PROVISION_FAILED: failProvisioning,
  QUOTA_REACHED: exhaust,
  SUSPENDED: suspend,
  RESUMED: resume,
  END_ORDERED: orderEnd,
  REVOKED: revoke,
  REMOVED: remove,
  EXTERNALLY_MODIFIED: markModified,
  REVIEWED: review,
} as const satisfies Partial<Record<AccessEntryKind, Rule>>;

function bySystem(rule: (step: Step, held: HeldGrant) => ErrorCode | null): Rule {
  return (step) => {
    const held = grantOf(step);
    if (!held) return 'ERR_ACCESS_UNKNOWN';
    return systemFault(step) ?? rule(step, held);
  };
}

function change(step: Step, held: HeldGrant, type: string, to: HeldGrant['grant']['state']): null {
  changeGrant(step, held, { type, to, by: step.entry.by, cause: step.entry.cause });
  return null;
}
