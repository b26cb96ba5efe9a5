/**
 * Answers about the audit topics as pages show them: a sentence that answers, then the lines it follows from, each with
 * the event it stands on. It shows what an answer holds and decides nothing.
 */
import type { CutoffTimes } from '../../audit/query/approval-questions.ts';
import type { DayProof, SealReference } from '../../audit/query/day-proof.ts';
import { joinedWords } from '../../audit/query/patient.ts';
import type { AnswerTo, AuditAnswer } from '../audit-question.ts';
import { disclosures, oneEvent } from './audit-account-view.ts';
import { fieldCell, lines, list, place, remarkList, row, when, whenCell } from './audit-pieces.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { table, wordList } from './pieces.ts';
import { count } from './request-list.ts';

export function answerView(answer: AuditAnswer): Html {
  return html`<section id="answer">
    <h2>Answer</h2>
    ${bodyOf(answer)} ${'remarks' in answer ? remarkList(answer.remarks) : null}
  </section>`;
}

function bodyOf(answer: AuditAnswer): Html {
  switch (answer.question) {
    case 'who-saw':
      return whoSaw(answer);
    case 'exports':
      return exportsOn(answer);
    case 'principal':
      return principalActs(answer);
    case 'grant':
      return grantDelivery(answer);
    case 'overdue-grants':
      return overdue(answer);
    case 'double-approvals':
      return doubles(answer);
    case 'cutoffs':
      return cutoffs(answer);
    case 'disclosures':
      return disclosures(answer);
    default:
      return oneEvent(answer);
  }
}

function whoSaw(answer: AnswerTo<'who-saw'>): Html {
  const { viewers, sightings, records, ids, ownReads, page } = answer;
  const joined = joinedWords(ids).map((each) => html`<p>${each}</p>`);
  const none = page.total === 0 ? html`<p><strong>Nobody was given any of them.</strong></p>` : null;
  return html`<p>
      ${count(records, 'record')} about this person; ${count(ownReads, 'read')} by gauze itself, given to
      nobody.
    </p>
    ${joined} ${none}
    ${lines(
      'Who was given records about this person',
      ['Through', 'Recipient', 'Purpose', 'Times', 'Records', 'First', 'Last', 'Fields in clear', 'Certain'],
      viewers.map((each) =>
        row(
          `${each.through} ${each.name}`,
          each.recipient,
          list(each.purpose),
          each.times,
          each.records,
          whenCell(each.first),
          whenCell(each.last),
          fieldCell(each.fieldsClear),
          each.isCertain ? 'yes' : 'at most',
        ),
      ),
    )}
    ${lines(
      'Each event',
      ['Event', 'When', 'Through', 'Raw records', 'Offsets', 'Fields in clear', 'Certain'],
      sightings.map((each) =>
        row(
          place(each.event),
          whenCell(each.event.appended),
          `${each.through} ${each.name}`,
          `${each.topic}/${each.partition}`,
          each.offsets.join(', '),
          fieldCell(each.fieldsClear),
          each.isCertain ? 'yes' : 'at most',
        ),
      ),
    )}
    ${none ? null : html`<p class="muted">All other fields were masked.</p>`}`;
}

function exportsOn({ answer, from, to, deliveries, proof }: AnswerTo<'exports'>): Html {
  const verdict =
    answer === 'yes'
      ? 'Yes: patient identifiers were delivered in clear.'
      : proof.isProved
        ? 'No, and that is proved.'
        : 'None is on record, which is NOT PROVED to be all.';
  return html`<p><strong>${verdict}</strong></p>
    <p>From ${when(from)} to ${when(to)} UTC.</p>
    ${lines(
      'Deliveries of identifiers in clear',
      ['Through', 'Recipient', 'Identifiers', 'Events', 'Records', 'First', 'Last'],
      deliveries.map((each) =>
        row(
          `${each.through} ${each.name}`,
          each.recipient ?? '-',
          list(each.identifiers),
          each.events,
          each.records,
          place(each.first),
          place(each.last),
        ),
      ),
    )}
    ${proofView(proof)}`;
}

function proofView({ before, after, domains, ranges, missing }: DayProof): Html {
  return html`<h3>What it rests on</h3>
    <p>
      ${count(ranges, 'audited range')} tile what was read by ${count(domains, 'reader')} between these seals.
      Whether the seals hold is for <a href="/audit">the verification</a> to say.
    </p>
    ${
      missing.length > 0
        ? html`<ul>
            ${missing.map((each) => html`<li>Not proved: ${each}</li>`)}
          </ul>`
        : null
    }
    ${[before, after].map((seal) => seal && sealView(seal))}`;
}

function sealView({ n, origin, sealed, checkpoint }: SealReference): Html {
  return html`<details>
    <summary>Seal ${n}, ${when(sealed)} UTC</summary>
    <p>Of the log ${origin}.</p>
    ${checkpoint === null ? html`<p>Without a checkpoint.</p>` : html`<pre>${checkpoint}</pre>`}
  </details>`;
}

function principalActs({ acts, principal }: AnswerTo<'principal'>): Html {
  if (acts.length === 0) return html`<p><strong>Nothing is on record of ${principal}.</strong></p>`;
  return html`${table(
    'What is on record, by kind',
    ['As', 'What', 'Under', 'Outcome', 'Events', 'Records', 'Fields in clear', 'First', 'Last'],
    acts.map((each) =>
      row(
        each.as,
        each.type,
        each.under,
        each.outcome,
        each.events,
        each.records,
        fieldCell(each.fieldsClear),
        html`${whenCell(each.first.appended)} ${place(each.first)}`,
        html`${whenCell(each.last.appended)} ${place(each.last)}`,
      ),
    ),
  )}`;
}

function grantDelivery(answer: AnswerTo<'grant'>): Html {
  const { recipient, purpose, approvedBy, emergency, expires, records, persons, fieldsClear } = answer;
  return html`${wordList([
    ['recipient', recipient ?? '-'],
    ['purpose', list(purpose)],
    ['approved by', `${list(approvedBy)}${emergency ? ' (break-glass)' : ''}`],
    ['ends', expires === null ? 'not activated' : `${when(expires)} UTC`],
    ['delivered', `${count(records, 'record')}; persons: ${persons ?? 'not told'}`],
    ['fields in clear', list(fieldsClear)],
  ])}
  ${lines(
    'Deliveries',
    ['Event', 'When', 'Raw records', 'Offsets', 'Records', 'Note'],
    answer.deliveries.map((each) =>
      row(
        place(each.event),
        whenCell(each.event.appended),
        `${each.topic}/${each.partition}`,
        `${each.first} to ${each.next - 1}`,
        each.records,
        [each.isLeaseOnly ? 'leased only' : '', each.isLate ? 'LATE' : ''].filter(Boolean).join(', ') || '-',
      ),
    ),
  )}
  ${lines(
    'Steps',
    ['Event', 'When', 'Step', 'By'],
    answer.steps.map(({ event, type, by }) => row(place(event), whenCell(event.appended), type, by)),
  )}`;
}

function overdue({ overdue: found, grants, page }: AnswerTo<'overdue-grants'>): Html {
  if (page.total === 0)
    return html`<p>
      <strong>None:</strong> no delivery after its grant's end, in ${count(grants, 'grant')}.
    </p>`;
  return html`${table(
    'Deliveries after the end',
    ['Grant', 'Ended', 'Event', 'When', 'What', 'Records'],
    found.map((each) =>
      row(
        each.grant,
        whenCell(each.expires),
        place(each.event),
        whenCell(each.event.appended),
        each.type,
        each.records,
      ),
    ),
  )}`;
}

function doubles({ doubles: found, requests, page }: AnswerTo<'double-approvals'>): Html {
  if (page.total === 0)
    return html`<p>
      <strong>None:</strong> nobody counts twice, in ${count(requests, 'request')} with votes.
    </p>`;
  return html`${table(
    'One human in two places',
    ['Request', 'Human', 'Votes', 'Events'],
    found.map(({ request, human, votes, events }) =>
      row(request, human, votes, html`${events.map((event) => html`${place(event)} `)}`),
    ),
  )}`;
}

function cutoffs(answer: AnswerTo<'cutoffs'>): Html {
  const { untilNoticed, untilLastAppend, withoutCause } = answer;
  const without =
    withoutCause > 0 ? html`<p>${count(withoutCause, 'cut-off')} without a cause on record.</p>` : null;
  if (untilNoticed === null || untilLastAppend === null)
    return html`<p><strong>No delivery was ever cut off.</strong></p>
      ${without}`;
  const times = (name: string, { count: number, min, median, p95, max }: CutoffTimes): Html =>
    row(name, number, min, median, p95, max);
  return html`${table(
    'Milliseconds from the order to the end',
    ['Until', 'Count', 'Least', 'Median', '95 of 100', 'Most'],
    [times('the task noticed', untilNoticed), times('the last record', untilLastAppend)],
  )}
  ${lines(
    'Each of them',
    ['Grant', 'Entry', 'Ordered', 'Noticed after ms', 'Last record after ms', 'Event'],
    answer.cutoffs.map((each) =>
      row(
        each.grant,
        each.entry,
        whenCell(each.ordered),
        each.noticedMs,
        each.lastAppendMs,
        place(each.event),
      ),
    ),
  )}
  ${without}`;
}
