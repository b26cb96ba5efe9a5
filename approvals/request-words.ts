/**
 * A request and a grant in whole sentences: what the decision would mean, for terminals, pages and messages alike.
 * Made of names, counts and times only.
 */
import type { GrantAnswer, RequestAnswer } from './http/answer-schemas.ts';
import { ACCESS_RULES } from './access-rule.ts';
import { PURPOSES } from './purposes.ts';

/** A line with its head word. */
export type WordLine = readonly [head: string, text: string];

type ScopeAnswer = NonNullable<RequestAnswer['scope']>;

/** What a request asks for and what it needs, line by line. */
export function requestWords(request: RequestAnswer): readonly WordLine[] {
  const { scope, policy } = request;
  return [
    ['asked by', `${request.requester}, ${timeWords(request.submittedAt)}`],
    ...(scope ? scopeWords(scope) : []),
    ...(policy ? policyWords(policy) : []),
    ['because', `${request.reason ?? '-'}${request.ticket ? ` (${request.ticket})` : ''}`],
    ...(request.emergency
      ? [['emergency', `break-glass, ${request.emergency.code}; to be reviewed`] as const]
      : []),
    ['needs', neededWords(request)],
    ...request.approvals.map(
      ({ by, at, reason }) => ['approved', `by ${by}, ${timeWords(at)}${quoted(reason)}`] as const,
    ),
    ...(request.denial
      ? [
          [
            'denied',
            `by ${request.denial.by}, ${timeWords(request.denial.at)}${quoted(request.denial.reason)}`,
          ] as const,
        ]
      : []),
    [
      'state',
      request.state === 'PENDING' ? `PENDING until ${timeWords(request.pendingUntil)}` : request.state,
    ],
  ];
}

/** What a grant gives, from when to when. */
export function grantWords(grant: GrantAnswer): readonly WordLine[] {
  return [
    [
      'state',
      `${grant.state}${grant.cause ? ` (${grant.cause})` : ''}${grant.exhausted ? ', cap reached' : ''}`,
    ],
    ...(grant.scope.replay ? [] : ([['topic', grant.grantTopic]] as const)),
    ...(grant.replayed ? ([['found', replayedWords(grant.replayed)]] as const) : []),
    ...scopeWords(grant.scope),
    [
      'from',
      grant.notBefore
        ? timeWords(grant.notBefore)
        : `not active yet; lapses ${timeWords(grant.activateBefore)}`,
    ],
    ['until', grant.notAfter ? timeWords(grant.notAfter) : '-'],
    ['approved', grant.approvedBy.length > 0 ? `by ${grant.approvedBy.join(', ')}` : 'by nobody beforehand'],
    ...(grant.review.state === 'NONE'
      ? []
      : [
          [
            'review',
            `${grant.review.state}${grant.review.due ? `, due ${timeWords(grant.review.due)}` : ''}`,
          ] as const,
        ]),
    ...(grant.externallyModified ? [['changed', 'somebody changed its rights by hand'] as const] : []),
  ];
}

/** Records that lie in the ranges asked for; markers and compaction can make it fewer. */
export function recordsInRange(scope: ScopeAnswer): number {
  return scope.ranges.reduce((sum, { firstOffset, nextOffset }) => sum + nextOffset - firstOffset, 0);
}

function scopeWords(scope: ScopeAnswer): readonly WordLine[] {
  if (scope.replay) return replayWords(scope, scope.replay);
  const count = scope.fields.length;
  const fields = scope.fields.map(({ path, tags }) =>
    tags.length > 0 ? `${path} (${tags.join(', ')})` : path,
  );
  const about = scope.persons === null ? 'about anybody' : `about ${plural(scope.persons, 'named person')}`;
  const persons = scope.maxPersons === null ? '' : `, about at most ${plural(scope.maxPersons, 'person')}`;
  return [
    ['who', scope.beneficiary],
    ['sees', `${plural(count, 'field')} of ${scope.topic} in clear: ${fields.join(', ')}`],
    ['the rest', `as ${scope.baseAudience} sees it, under a key of its own`],
    [
      'how much',
      `at most ${plural(scope.maxRecords, 'record')}${persons}, of about ${recordsInRange(scope)} in ${plural(
        scope.ranges.length,
        'partition',
      )}, ${about}`,
    ],
    ['how long', `${durationWords(scope.durationMinutes)} from activation${windowWords(scope.window)}`],
    ['purpose', purposeWords(scope.purpose)],
  ];
}

function replayWords(
  scope: ScopeAnswer,
  { event, recipient, grant, outputTopic, keyEpoch }: NonNullable<ScopeAnswer['replay']>,
): readonly WordLine[] {
  const [range] = scope.ranges;
  const where = range ? ` in partition ${range.partition}, from offset ${range.firstOffset}` : '';
  return [
    ['replay', `of audit event ${event}: what ${recipient} got${grant ? ` under grant ${grant}` : ''}`],
    ['reveals', 'nothing: it only says whether what was published is what the plan makes'],
    ['reads', `${plural(scope.maxRecords, 'record')} of ${scope.topic}${where}`],
    ['compares', `with ${outputTopic}, masked as for ${scope.baseAudience}, key epoch ${keyEpoch}`],
    ['how long', `${durationWords(scope.durationMinutes)} from activation${windowWords(scope.window)}`],
    ['purpose', purposeWords(scope.purpose)],
  ];
}

/** What a replay has found, in a sentence. */
export function replayedWords(replayed: NonNullable<GrantAnswer['replayed']>): string {
  const { outcome, code, records, differsAt } = replayed;
  const place = differsAt === null ? '' : `, first at raw offset ${differsAt}`;
  return `${outcome}${code ? ` (${code})` : ''}: ${plural(records, 'record')} masked again${place}`;
}

function policyWords(policy: NonNullable<RequestAnswer['policy']>): readonly WordLine[] {
  return [
    [
      'policy',
      policy.audience === ACCESS_RULES
        ? 'a change of the access rules'
        : `a change of audience ${policy.audience}`,
    ],
    ...policy.opens.map((line) => ['opens', line] as const),
  ];
}

function neededWords({ stages, stage, state }: RequestAnswer): string {
  if (stages.length === 0) return 'nobody: no identifier is revealed';
  return stages
    .map(({ role, count }, i) => {
      const done = i < stage || state === 'APPROVED' ? ' (done)' : '';
      return `${count} of ${role}${done}`;
    })
    .join(', then ');
}

/** A purpose by code and display. */
export function purposeWords(code: string): string {
  const row = Object.hasOwn(PURPOSES, code) ? PURPOSES[code as keyof typeof PURPOSES] : null;
  return row ? `${code}, ${row.display}` : code;
}

/** A moment of an answer as people read it: to the minute, UTC. */
export function timeWords(moment: string): string {
  return moment.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*$/, '$1 $2 UTC');
}

/** Minutes as people say them. */
export function durationWords(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  const rest = Math.round(minutes % 60);
  const parts = [
    ...(hours > 0 ? [plural(hours, 'hour')] : []),
    ...(rest > 0 ? [plural(rest, 'minute')] : []),
  ];
  return parts.length > 0 ? parts.join(' ') : 'less than a minute';
}

function windowWords(window: ScopeAnswer['window']): string {
  if (!window) return '';
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
  const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const days = window.days.length === 7 ? 'every day' : window.days.map((day) => names[day - 1]).join(' ');
  return `, only ${days} ${clock(window.fromMinute)}-${clock(window.toMinute)} ${window.zone}`;
}

function quoted(text: string | null): string {
  return text ? `: "${text}"` : '';
}

function plural(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}
