/**
 * The account of disclosures and one event with its proof, as pages show them.
 */
import type { Disclosure } from '../../audit/accounting/disclosures.ts';
import type { AnswerTo, ProvenFacts } from '../audit-question.ts';
import { lines, longCell, place, remarkList, row, when, whenCell } from './audit-pieces.ts';
import { html } from './html.ts';
import type { Html, HtmlPart } from './html.ts';
import { wordList } from './pieces.ts';
import { count } from './request-list.ts';

/** The account of a patient. */
export function disclosures({ account }: AnswerTo<'disclosures'>): Html {
  const { from, to, form, series, research, counted, remarks } = account;
  const heads = ['Recipient', 'Address', 'What', 'Purpose', 'Class', 'Counted', 'Event'];
  const rest = (each: Disclosure): readonly HtmlPart[] => [
    each.recipient,
    each.address ?? 'not known',
    longCell(each.isCertain ? each.description : `at most ${each.description}`),
    each.purpose,
    each.accounting,
    each.isCounted ? 'yes' : 'no',
    place(each.event),
  ];
  return html`<p>
      <strong>${count(counted, 'disclosure')} ${counted === 1 ? 'counts' : 'count'}</strong>, from
      ${when(from)} to ${when(to)} UTC.
    </p>
    ${
      form === 'full'
        ? lines(
            'Disclosures',
            ['Date', ...heads],
            account.disclosures.map((each) => row(whenCell(each.date), ...rest(each))),
          )
        : lines(
            'Disclosures, by recipient and purpose',
            ['First', 'Times', 'Last', ...heads],
            series.map(({ first, count: times, last }) =>
              row(whenCell(first.date), times, whenCell(last), ...rest(first)),
            ),
          )
    }
    ${research.map(
      ({ protocol, recipient, description, first, last }) =>
        html`<h3>Research: ${protocol.name}</h3>
          <p>
            ${protocol.description} ${protocol.criteria} Kinds of data: ${description}. Disclosed to
            ${recipient} between ${when(first)} and ${when(last)} UTC. This person may or may not be among
            those whose data it was.
          </p>`,
    )}
    ${remarkList(remarks)}`;
}

/** An event, as its proof has it. */
export function oneEvent({ topic, partition, offset, event }: AnswerTo<'event'>): Html {
  return html`<p><strong>The proof holds.</strong></p>
    ${wordList([
      ['event', event.id],
      ['what', event.type],
      ['recorded', `${when(event.recorded)} UTC`],
      ['by', event.actor],
      ...(event.read === null ? [] : [['read', event.read] as const]),
      ['stands in', `${topic} partition ${partition} offset ${offset}, event ${event.index + 1} of it`],
      ['sealed', `${when(event.sealed)} UTC, seal ${event.seal} of ${event.origin}`],
      ['cosigned', cosigned(event)],
    ])}`;
}

function cosigned({ cosignedBy }: ProvenFacts): string {
  if (cosignedBy.length === 0) return 'by nobody: who holds all keys of the log could have rewritten it';
  return cosignedBy.map(({ witness, at }) => `by ${witness}, ${at === null ? '?' : when(at)} UTC`).join('\n');
}
