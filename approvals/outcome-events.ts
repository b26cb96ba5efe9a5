/**
 * What became of an entry of the access log, as audit events: one for each transition, one for each refusal.
 */
import type { AccessEventFacts } from '../audit/access-events.ts';
import type { AuditGrant } from '../schemas/control-codecs.ts';
import type { AccessEntry, AccessEntryKind, GrantState } from '../schemas/access-codecs.ts';
import type { AccessState, Transition, Verdict } from './access-state.ts';

/** What an attempt is called that was refused or came too late (reference: audit event types). */
const REFUSALS: Readonly<Record<AccessEntryKind, string>> = {
  REQUESTED: 'request.refused',
  DECIDED: 'decision.refused',
  WITHDRAWN: 'request.withdraw_refused',
  EXPIRED: 'request.expire_refused',
  CANCELLED: 'request.cancel_refused',
  ESCALATED: 'request.escalate_refused',
  ACTIVATION_ORDERED: 'grant.activation_refused',
  PROVISIONED: 'grant.activation_refused',
  PROVISION_FAILED: 'grant.activation_refused',
  QUOTA_REACHED: 'grant.exhaust_refused',
  SUSPENDED: 'grant.suspend_refused',
  RESUMED: 'grant.resume_refused',
  END_ORDERED: 'grant.end_refused',
  REVOKED: 'grant.revoke_refused',
  REMOVED: 'grant.end_refused',
  EXTERNALLY_MODIFIED: 'grant.modified_refused',
  REVIEWED: 'breakglass.review_refused',
  LOCKED: 'lock.refused',
  UNLOCKED: 'lock.refused',
};

/** The events of one entry; `state` has folded it. */
export function outcomeEvents(
  state: AccessState,
  entry: AccessEntry,
  verdict: Verdict,
): readonly AccessEventFacts[] {
  const events = verdict.transitions.map((transition) => transitionEvent(state, entry, verdict, transition));
  if (verdict.outcome === 'ACCEPTED') return events;
  const isDuplicate = verdict.outcome === 'DUPLICATE';
  return [
    ...events,
    {
      ...common(state, entry, verdict.requestId, verdict.grantId),
      type: isDuplicate ? 'job.duplicate_ignored' : REFUSALS[entry.kind],
      outcome: 'MINOR_FAILURE',
      outcomeReason: verdict.code,
      ext: { ...placeOf(verdict), ...(verdict.state ? { state: verdict.state } : {}) },
    },
  ];
}

function transitionEvent(
  state: AccessState,
  entry: AccessEntry,
  verdict: Verdict,
  { type, requestId, grantId, from, to, cause }: Transition,
): AccessEventFacts {
  return {
    ...common(state, entry, requestId, grantId),
    type,
    ext: { ...placeOf(verdict), ...(from ? { from } : {}), to, ...(cause ? { cause } : {}) },
  };
}

function common(
  state: AccessState,
  entry: AccessEntry,
  requestId: string | null,
  grantId: string | null,
): Omit<AccessEventFacts, 'type'> {
  const grant = grantId === null ? undefined : state.grants.get(grantId)?.grant;
  const request = requestId === null ? undefined : state.requests.get(requestId);
  const purpose = grant?.scope.purpose ?? request?.scope?.purpose ?? null;
  const body = request?.body;
  return {
    actor: entry.by,
    requestId,
    grant: grant ? auditGrant(grant) : null,
    purpose,
    rule: body ? { name: body.rule, sha256: body.rules_sha256 } : null,
  };
}

/** Where in the access log the entry stands: what ties the event to its cause. */
function placeOf({ offset }: Verdict): Record<string, string> {
  return { access_offset: String(offset) };
}

/** A grant as audit events name it. */
export function auditGrant(grant: GrantState): AuditGrant {
  return {
    id: grant.grant_id,
    version: grant.version,
    request_id: grant.request_id,
    expires_at: grant.not_after * 1000,
    approved_by: [...grant.approved_by],
    emergency: grant.emergency,
    scope_sha256: grant.scope_sha256,
  };
}
