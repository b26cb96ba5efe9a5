/**
 * The words of messages: what came of a request or a grant and what its requester can do next; and how a message
 * reads as plain text. Holds no data of anybody.
 */
import type { Message, OutcomeText } from './message.ts';

const ASK_AGAIN = 'If you still need it, ask again.';

/** By the type of a line of a request's history, and `approved` for the last decision. */
export const REQUEST_TEXTS: Readonly<Record<string, OutcomeText>> = {
  approved: {
    title: 'Your request is approved.',
    next: 'Nothing for now: you are told when the data can be read.',
  },
  'decision.auto': {
    title: 'Your request is approved: the rules ask nobody for it.',
    next: 'Nothing for now: you are told when the data can be read.',
  },
  'decision.denied': {
    title: 'Your request is denied.',
    next: 'Read the reason on its page. A narrower request may be decided otherwise.',
  },
  'request.expired': {
    title: 'Nobody decided about your request in time: it has expired.',
    next: 'Ask again, and tell the approvers why it is urgent.',
  },
  'request.withdrawn': { title: 'Your request is withdrawn.', next: ASK_AGAIN },
  'request.cancelled': {
    title: 'Your request was cancelled.',
    next: 'Read the reason on its page, and talk to the privacy officers.',
  },
  'request.superseded': {
    title: 'The rules or the schema changed: your request cannot be decided any more.',
    next: ASK_AGAIN,
  },
};

/** By the type of a line of a grant's history. */
export const GRANT_TEXTS: Readonly<Record<string, OutcomeText>> = {
  'grant.activated': {
    title: 'Your grant is active.',
    next: 'Read its topic with your own log-in; it is deleted when the time is over.',
  },
  'grant.activation_failed': {
    title: 'Your grant could not be activated.',
    next: 'Nothing was opened. Tell the operators, then ask again.',
  },
  'grant.lapsed': { title: 'Your grant was not activated in time and has lapsed.', next: ASK_AGAIN },
  'grant.suspended': {
    title: 'Your grant is suspended: nothing more is delivered.',
    next: 'Talk to the privacy officers; its time goes on.',
  },
  'grant.resumed': { title: 'Your grant goes on.', next: 'Its end has not moved.' },
  'grant.exhausted': {
    title: 'Your grant has delivered all that it allows.',
    next: 'Read what is there before its end. If you need more, ask again.',
  },
  'grant.ended': { title: 'Your grant has ended and its topic is gone.', next: ASK_AGAIN },
  'grant.revoking': {
    title: 'A grant of yours is revoked: nothing more is delivered.',
    next: 'Read the reason on its page, and talk to whoever revoked it.',
  },
  'grant.revoked': {
    title: 'A grant of yours is revoked.',
    next: 'Read the reason on its page, and talk to whoever revoked it.',
  },
  'breakglass.reviewed': {
    title: 'Your use of break-glass was reviewed.',
    next: 'Read the verdict on its page.',
  },
};

export const REVIEW = 'Look at what was read and say whether it was justified.';

/** What the privacy officers are told of a grant, by the type of the line. */
export const OFFICER_TEXTS: Readonly<Record<string, OutcomeText>> = {
  'breakglass.review_due': { title: 'Break-glass was used: a review is due.', next: REVIEW },
  'breakglass.overdue': {
    title: 'A review of break-glass is overdue: that person cannot use it again until it is done.',
    next: REVIEW,
  },
  'grant.modified': {
    title: 'Rights or topic of a grant were changed by somebody else than gauze.',
    next: 'Find out who did it; revoke the grant if it should not be.',
  },
};

/** The message as plain text. `link`: the page of the request. */
export function messageText({ title, next, requestId, facts }: Message, link: string): string {
  const lines: (readonly [string, string | number | null])[] = [
    ['Request', requestId],
    ['Topic', facts.topic],
    ['Audience', facts.audience],
    ['Fields', facts.fields.length > 0 ? facts.fields.join(', ') : null],
    ['Purpose', facts.purpose],
    ['Records at most', facts.maxRecords],
    ['Persons at most', facts.maxPersons],
    ['Minutes', facts.minutes],
    ['Until', facts.untilMs === null ? null : new Date(facts.untilMs).toISOString()],
  ];
  const known = lines.filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}`);
  return [title, '', next, link, '', ...known, ''].join('\n');
}
