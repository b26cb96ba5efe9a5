/**
 * Answers of the audit topics as tables for people, each line with the place of the events it follows from.
 * It shows what an answer holds and nothing else.
 */
import type { CutoffTimes, CutoffsAnswer, DoubleApprovalsAnswer } from '../audit/query/approval-questions.ts';
import type { EventReference } from '../audit/query/answer.ts';
import type { DayProof } from '../audit/query/day-proof.ts';
import type { ExportsAnswer } from '../audit/query/exports.ts';
import type { GrantAnswer, OverdueAnswer } from '../audit/query/grant-delivery.ts';
import { joinedWords } from '../audit/query/patient.ts';
import type { PrincipalAnswer } from '../audit/query/principal.ts';
import type { Viewer, WhoSawAnswer } from '../audit/query/who-saw.ts';
import { styled, table } from './terminal.ts';

export type Answer =
  | WhoSawAnswer
  | ExportsAnswer
  | PrincipalAnswer
  | GrantAnswer
  | OverdueAnswer
  | DoubleApprovalsAnswer
  | CutoffsAnswer;

/** `withEvents`: also each event of a person's sightings. */
export function answerLines(answer: Answer, withEvents: boolean): string[] {
  return [
    ...lines(answer, withEvents),
    ...answer.remarks.map((remark) => styled('yellow', `incomplete: ${remark}`)),
  ];
}

function lines(answer: Answer, withEvents: boolean): string[] {
  switch (answer.question) {
    case 'who-saw':
      return whoSawLines(answer, withEvents);
    case 'exports':
      return exportsLines(answer);
    case 'principal':
      return principalLines(answer);
    case 'grant':
      return grantLines(answer);
    case 'overdue-grants':
      return overdueLines(answer);
    case 'double-approvals':
      return doubleLines(answer);
    default:
      return cutoffLines(answer);
  }
}

/** `partition/offset` in gauze.audit.events. */
function place({ partition, offset }: EventReference): string {
  return `${partition}/${offset}`;
}

function words(list: readonly string[]): string {
  return list.join(' ') || '-';
}

function whoSawLines(
  { viewers, records, epochs, ids, ownReads }: WhoSawAnswer,
  withEvents: boolean,
): string[] {
  const total = `${records} records about this person under key epochs ${epochs.join(', ')}; ${ownReads} reads by gauze itself`;
  const head = [total, ...joinedWords(ids)];
  if (viewers.length === 0) return [...head, 'nobody was given any of them'];
  const rows = viewers.map(
    ({ through, name, recipient, purpose, times, records: seen, first, last, ...more }) => [
      `${through} ${name}`,
      recipient,
      words(purpose),
      times,
      seen,
      first,
      last,
      words(more.fieldsClear),
      more.isCertain ? 'yes' : 'at most',
    ],
  );
  const columns = [
    'through',
    'recipient',
    'purpose',
    'times',
    'records',
    'first',
    'last',
    'fields in clear',
    'certain',
  ];
  const events = withEvents
    ? viewers.flatMap(viewerLines)
    : ['(all other fields were masked; --events lists the events)'];
  return [...head, ...table(columns, rows), ...events];
}

function viewerLines({ through, name, sightings }: Viewer): string[] {
  const rows = sightings.map(({ event, topic, partition, offsets, fieldsClear, isCertain }) => [
    place(event),
    event.appended,
    `${topic}/${partition}`,
    offsets.join(','),
    words(fieldsClear),
    isCertain ? 'yes' : 'at most',
  ]);
  const columns = ['event', 'appended', 'raw', 'offsets', 'fields in clear', 'certain'];
  return ['', `${through} ${name}`, ...table(columns, rows)];
}

function exportsLines({ answer, from, to, deliveries, proof }: ExportsAnswer): string[] {
  if (answer === 'no') {
    const verdict = proof.isProved ? 'no' : 'none on record, which is NOT PROVED to be all';
    return [`patient identifiers in clear from ${from} to ${to}: ${verdict}`, ...proofLines(proof)];
  }
  const rows = deliveries.map(({ through, name, recipient, identifiers, events, records, first, last }) => [
    `${through} ${name}`,
    recipient ?? '-',
    words(identifiers),
    events,
    records,
    place(first),
    place(last),
  ]);
  const columns = ['through', 'recipient', 'identifiers', 'events', 'records', 'first event', 'last event'];
  return [
    `patient identifiers in clear from ${from} to ${to}: yes`,
    ...table(columns, rows),
    ...proofLines(proof),
  ];
}

function proofLines({ before, after, domains, ranges, missing }: DayProof): string[] {
  const seals = [before, after].flatMap((seal) =>
    seal
      ? [
          `seal ${seal.n} of ${seal.origin}, ${seal.sealed}, offset ${seal.offset}`,
          ...(seal.checkpoint ?? '').trimEnd().split('\n'),
        ]
      : [],
  );
  const tiled = `${ranges} audited ranges looked at in ${domains} tiling domains`;
  const reasons = missing.map((reason) => styled('yellow', `not proved: ${reason}`));
  return ['', ...seals, tiled, ...reasons, 'whether these seals hold: gauze audit verify'];
}

function principalLines({ principal, acts }: PrincipalAnswer): string[] {
  if (acts.length === 0) return [`nothing is on record of ${principal}`];
  const rows = acts.map(({ as, type, under, outcome, events, records, fieldsClear, first, last }) => [
    as,
    type,
    under,
    outcome,
    events,
    records,
    words(fieldsClear),
    first.appended,
    `${place(first)} to ${place(last)}`,
  ]);
  const columns = [
    'as',
    'what',
    'under',
    'outcome',
    'events',
    'records',
    'fields in clear',
    'first',
    'events at',
  ];
  return table(columns, rows);
}

function grantLines(answer: GrantAnswer): string[] {
  const { grant, recipient, purpose, approvedBy, expires, records, persons, fieldsClear, deliveries, steps } =
    answer;
  const facts = [
    ['grant', grant],
    ['recipient', recipient ?? '-'],
    ['purpose', words(purpose)],
    ['approved by', words(approvedBy) + (answer.emergency ? ' (break-glass)' : '')],
    ['ends', expires ?? 'not activated'],
    ['delivered', `${records} records, persons: ${persons ?? 'not told'}`],
    ['fields in clear', words(fieldsClear)],
  ];
  const delivered = deliveries.map((each) => [
    place(each.event),
    each.event.appended,
    `${each.topic}/${each.partition}`,
    `${each.first}-${each.next - 1}`,
    each.records,
    [each.isLeaseOnly ? 'leased only' : '', each.isLate ? 'LATE' : ''].join(' ').trim(),
  ]);
  const taken = steps.map(({ event, type, by }) => [place(event), event.appended, type, by]);
  return [
    ...table(['fact', 'value'], facts),
    '',
    ...table(['event', 'appended', 'raw', 'offsets', 'records', 'note'], delivered),
    '',
    ...table(['event', 'appended', 'step', 'by'], taken),
  ];
}

function overdueLines({ overdue, grants }: OverdueAnswer): string[] {
  if (overdue.length === 0) return [`none: no delivery after its grant's end, in ${grants} grants`];
  const rows = overdue.map(({ grant, expires, event, type, records }) => [
    grant,
    expires ?? 'never active',
    place(event),
    event.appended,
    type,
    records,
  ]);
  return table(['grant', 'ended', 'event', 'appended', 'what', 'records'], rows);
}

function doubleLines({ doubles, requests }: DoubleApprovalsAnswer): string[] {
  if (doubles.length === 0) return [`none: nobody counts twice, in ${requests} requests with votes`];
  const rows = doubles.map(({ request, human, votes, events }) => [
    request,
    human,
    votes,
    events.map(place).join(' '),
  ]);
  return table(['request', 'human', 'votes', 'events'], rows);
}

function cutoffLines({ cutoffs, untilNoticed, untilLastAppend, withoutCause }: CutoffsAnswer): string[] {
  if (untilNoticed === null || untilLastAppend === null)
    return [
      `no delivery was ever cut off${withoutCause > 0 ? `; ${withoutCause} without a cause on record` : ''}`,
    ];
  const row = (name: string, { count, min, median, p95, max }: CutoffTimes): (string | number)[] => [
    name,
    count,
    min,
    median,
    p95,
    max,
  ];
  return [
    ...table(
      ['ms from the entry in the access log', 'count', 'min', 'median', 'p95', 'max'],
      [row('until the task noticed', untilNoticed), row('until the last append', untilLastAppend)],
    ),
    '',
    ...table(
      ['grant', 'entry', 'ordered', 'noticed ms', 'last append ms', 'event'],
      cutoffs.map(({ grant, entry, ordered, noticedMs, lastAppendMs, event }) => [
        grant,
        entry,
        ordered,
        noticedMs,
        lastAppendMs,
        place(event),
      ]),
    ),
  ];
}
