/**
 * Which HTTP status an error is answered with. Errors without a row are told by their kind: what waits for something
 * outside is 503, what is in doubt is 500, what a person can mend is 422.
 */
import type { ErrorCode, GauzeError } from '../../platform/errors.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  // ---- the request itself cannot be read
  ERR_HTTP_BODY_SYNTAX: 400,
  ERR_HTTP_INVALID: 400,
  ERR_HTTP_BAD_REQUEST: 400,
  ERR_HTTP_FORM_FIELD: 400,
  ERR_HTTP_NOT_FOUND: 404,
  ERR_HTTP_METHOD: 405,
  ERR_HTTP_TOO_LARGE: 413,
  ERR_HTTP_MEDIA_TYPE: 415,
  ERR_HTTP_RATE: 429,
  ERR_HTTP_CLOSING: 503,
  ERR_HTTP_PROXY: 503,
  ERR_ACCESS_LOG_CLOSED: 503,
  ERR_AUDIT_DESK_ABSENT: 503,
  // ---- who is it?
  ERR_HTTP_TOKEN_MISSING: 401,
  ERR_HTTP_LOGGED_OUT: 401,
  ERR_HTTP_LOG_IN: 401,
  ERR_HTTP_TOKEN_MALFORMED: 401,
  ERR_HTTP_TOKEN_ALGORITHM: 401,
  ERR_HTTP_TOKEN_SIGNATURE: 401,
  ERR_HTTP_TOKEN_ISSUER: 401,
  ERR_HTTP_TOKEN_AUDIENCE: 401,
  ERR_HTTP_TOKEN_EXPIRED: 401,
  ERR_HTTP_TOKEN_NOT_YET: 401,
  ERR_HTTP_TOKEN_TYPE: 401,
  ERR_HTTP_TOKEN_CLAIM: 401,
  ERR_HTTP_TOKEN_GROUPS: 401,
  ERR_HTTP_TOKEN_ROLES: 403,
  ERR_HTTP_FORGED: 403,
  ERR_HTTP_TOKEN_OWNER: 403,
  // ---- not for this person
  ERR_ACCESS_RULE_TOPIC: 403,
  ERR_ACCESS_RULE_REQUESTER: 403,
  ERR_ACCESS_RULE_EMERGENCY: 403,
  ERR_ACCESS_NOT_VISIBLE: 404,
  ERR_ACCESS_UNKNOWN: 404,
  ERR_ACCESS_SAMPLE_READER: 403,
  ERR_ACCESS_SELF: 403,
  ERR_ACCESS_ROLE: 403,
  ERR_AUDIT_ROLE: 403,
  ERR_ACCESS_DELEGATE: 403,
  ERR_ACCESS_NOT_HUMAN: 403,
  ERR_ACCESS_NOT_SYSTEM: 403,
  ERR_ACCESS_LOCKED: 403,
  ERR_ACCESS_REVIEW_OVERDUE: 403,
  // ---- not in this state
  ERR_ACCESS_LATE: 409,
  ERR_ACCESS_STATE: 409,
  ERR_ACCESS_SCOPE_STALE: 409,
  ERR_ACCESS_ALREADY_VOTED: 409,
  ERR_ACCESS_NOT_YET: 409,
  ERR_ACCESS_WINDOW: 409,
  ERR_ACCESS_ID_USED: 409,
  ERR_ACCESS_EMERGENCY_LIVE: 409,
  ERR_ACCESS_NO_REVIEW: 409,
};

/** The status for `error`. */
export function statusOf(error: GauzeError): number {
  const known = STATUS[error.code];
  if (known !== undefined) return known;
  if (error.kind === 'outage' || error.kind === 'hold') return 503;
  return error.kind === 'usage' ? 422 : 500;
}
