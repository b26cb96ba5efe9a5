/**
 * Who may see what of approvals. Deciding is the log's matter; seeing is decided here: who asked, who answers for the
 * reader, who may decide, who supervises, who audits. To everybody else a request is not there.
 */
import type { AccessActor } from '../schemas/access-codecs.ts';
import { PRIVACY_OFFICERS } from './access-rule.ts';
import type { AccessState, GrantRecord, RequestState } from './access-state.ts';
import { isLive } from './terminal-states.ts';

/** See everything, change nothing. */
export const AUDITORS = 'auditors';

/** Sees every request and grant. */
export function seesAll(by: AccessActor): boolean {
  return by.roles.includes(PRIVACY_OFFICERS) || by.roles.includes(AUDITORS);
}

/** Has this person to do with the request? */
export function seesRequest(by: AccessActor, request: RequestState): boolean {
  const { body, requester, votes } = request;
  if (seesAll(by)) return true;
  if (requester === by.id || body.beneficiary_owner === by.id) return true;
  if (votes.some(({ human }) => human === by.id)) return true;
  return body.stages.some(({ role }) => by.roles.includes(role));
}

/** Has this person to do with the grant? */
export function seesGrant(by: AccessActor, record: GrantRecord, state: AccessState): boolean {
  const request = state.requests.get(record.grant.request_id);
  return request ? seesRequest(by, request) : seesAll(by);
}

/** Could this person end the grant? Only a hint for people: the log decides. */
export function mayRevoke(
  by: AccessActor,
  { grant }: GrantRecord,
  request: RequestState | undefined,
): boolean {
  return (
    isLive(grant.state) &&
    by.kind === 'HUMAN' &&
    (grant.requester === by.id ||
      request?.body.beneficiary_owner === by.id ||
      grant.approved_by.includes(by.id) ||
      by.roles.includes(PRIVACY_OFFICERS) ||
      (request?.body.stages ?? []).some(({ role }) => by.roles.includes(role)))
  );
}

/** Could this person let a suspended grant go on, or review emergency access? Only a hint: the log decides. */
export function maySupervise(
  by: AccessActor,
  { grant }: GrantRecord,
  request: RequestState | undefined,
): boolean {
  return (
    by.kind === 'HUMAN' &&
    by.on_behalf_of === null &&
    by.roles.includes(PRIVACY_OFFICERS) &&
    grant.requester !== by.id &&
    request?.body.beneficiary_owner !== by.id
  );
}

/** Could this person's decision count now? Only a hint for people: the log decides. */
export function mayDecide(by: AccessActor, request: RequestState): boolean {
  const stage = request.body.stages[request.stage];
  return (
    request.state === 'PENDING' &&
    by.kind === 'HUMAN' &&
    by.on_behalf_of === null &&
    stage !== undefined &&
    by.roles.includes(stage.role) &&
    by.id !== request.requester &&
    by.id !== request.body.beneficiary_owner &&
    !request.votes.some(({ human }) => human === by.id)
  );
}
