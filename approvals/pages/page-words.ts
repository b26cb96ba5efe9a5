/**
 * Words that pages have beside those of requests and grants: states, steps of a history, notices, targets of locks.
 * Codes become sentences here; what has no sentence is shown by its code.
 */

const STATES: Readonly<Record<string, string>> = {
  PENDING: 'Waiting for decisions',
  APPROVED: 'Approved',
  DENIED: 'Denied',
  EXPIRED: 'Expired without a decision',
  WITHDRAWN: 'Withdrawn',
  CANCELLED: 'Cancelled',
  SUPERSEDED: 'Overtaken',
  SCHEDULED: 'Approved, not active yet',
  ACTIVATING: 'Being activated',
  ACTIVE: 'Active',
  SUSPENDED: 'Suspended',
  ENDING: 'Being ended',
  REVOKING: 'Being revoked',
  LAPSED: 'Lapsed before it was activated',
  ACTIVATION_FAILED: 'Could not be activated',
  ENDED: 'Ended',
  EXHAUSTED: 'Ended, cap reached',
  REVOKED: 'Revoked',
};

/** A state of a request or grant. */
export function stateWords(state: string): string {
  return STATES[state] ?? state;
}

const STEPS: Readonly<Record<string, string>> = {
  'request.submitted': 'asked',
  'breakglass.submitted': 'asked in an emergency',
  'request.escalated': 'approvers were reminded',
  'request.withdrawn': 'withdrawn',
  'request.expired': 'time for decisions was over',
  'request.cancelled': 'cancelled',
  'decision.approved': 'approved',
  'decision.narrowed': 'narrowed',
  'decision.denied': 'denied',
  'grant.scheduled': 'grant made',
  'grant.activating': 'activation ordered',
  'grant.activated': 'active',
  'grant.exhausted': 'cap reached',
  'grant.suspended': 'suspended',
  'grant.resumed': 'resumed',
  'grant.revoking': 'revoked, being removed',
  'grant.revoked': 'revoked and removed',
  'grant.ending': 'time is over, being removed',
  'grant.ended': 'ended and removed',
  'grant.lapsed': 'lapsed',
  'breakglass.reviewed': 'emergency access reviewed',
};

/** A step of a history. */
export function stepWords(type: string): string {
  return STEPS[type] ?? type.replace(/[._]/g, ' ');
}

/** What was done, after a form was sent; by the word in the address. No other word says anything. */
export const DONE: Readonly<Record<string, string>> = {
  asked: 'Your request was sent. Those who decide about it have been told.',
  approved: 'Your approval counts.',
  denied: 'The request is denied.',
  withdrawn: 'The request is withdrawn.',
  emergency: 'You may go ahead. A privacy officer will review it.',
  revoked: 'The grant is revoked: nothing more is delivered.',
  resumed: 'The grant goes on. It still ends when it had to end.',
  reviewed: 'Your review is on record.',
  locked: 'The lock is placed. What it touches has stopped.',
  unlocked: 'The lock is lifted. What it suspended stays suspended until it is resumed.',
};

/** What can be locked. */
export const LOCK_TARGETS: Readonly<Record<string, string>> = {
  PERSON: 'A person: their requests, their decisions, their grants',
  PRINCIPAL: 'A Kafka user, as User: and its name',
  TOPIC: 'A raw topic',
  TAG: 'A tag: every field that has it',
  PATIENT: 'A patient: every grant that could show them',
};
