/**
 * The forms to ask for raw access, and to go ahead in an emergency: what the rules let this person ask for is offered,
 * with the widest caps. Whether all of it together is allowed, the rules say when it is sent.
 */
import { randomId } from '../../platform/clock.ts';
import { tagWords } from '../askable.ts';
import type { AskableTopic, Offer } from '../askable.ts';
import { durationWords, purposeWords } from '../request-words.ts';
import { faultSummary, hidden, selectInput, textArea, textInput, ticks } from './forms.ts';
import type { FormState } from './forms.ts';
import type { Frame } from './frame.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { REASON_HINT, formTo } from './pieces.ts';

const MINUTE_MS = 60_000;
const DEFAULT_MINUTES = 60;
const DEFAULT_RECORDS = 100;

/** Which topic, and from the view of which audience. */
export function topicChoice(topics: readonly AskableTopic[], path: string): Html {
  const askable = topics.filter(({ audiences }) => audiences.length > 0);
  if (askable.length === 0)
    return html`<p>No rule lets you ask for anything here. Who writes the access rules can change that.</p>`;
  return html`<p>Choose what you need records of, and how everything else in them is to look.</p>
    <ul class="cards">
      ${askable.map(
        ({ topic, audiences }) =>
          html`<li>
            <h2>${topic}</h2>
            ${audiences.map(
              (audience) =>
                html`<p>
                  <a href="${path}?topic=${topic}&amp;audience=${audience}"
                    >${topic}, the rest as ${audience} sees it</a
                  >
                </p>`,
            )}
          </li>`,
      )}
    </ul>`;
}

export interface AskInput {
  readonly frame: Frame;
  readonly offer: Offer;
  readonly state: FormState;
  /** Kafka users that this person answers for. */
  readonly principals: readonly string[];
  readonly isEmergency: boolean;
  /** The grant that this one goes on from. */
  readonly extendsGrant: string | null;
}

export function askForm(input: AskInput): Html {
  const { frame, offer, state, isEmergency } = input;
  const action = isEmergency ? '/break-glass' : '/requests/new';
  const body = html`${faultSummary(state)} ${hidden('topic', offer.topic)}
    ${hidden('baseAudience', offer.audience)}
    <p>
      Records of <code>${offer.topic}</code>. What you do not tick, you get as ${offer.audience} sees it,
      under a key of its own.
    </p>
    ${ticks(state, {
      name: 'fields',
      label: 'Fields that you need as they are',
      choices: offer.fields.map(({ path, tags }) => ({
        value: path,
        text: html`<code>${path}</code>`,
        more: tagWords(tags),
      })),
      ticked: () => false,
    })}
    ${why(input)} ${howMuch(input)}
    <div class="buttons">
      <button type="submit" class="${isEmergency ? 'danger' : 'main'}">
        ${isEmergency ? 'Go ahead now' : 'Send the request'}
      </button>
    </div>`;
  return html`${
    isEmergency
      ? html`<p>
          You go ahead without asking. Everybody who would have decided is told at once, and a privacy officer
          reviews it. It cannot be extended.
        </p>`
      : null
  }
  ${formTo({ action, frame, key: randomId() }, body)}`;
}

function why({ offer, state, principals, isEmergency, extendsGrant }: AskInput): Html {
  return html`${textInput(state, {
    name: 'beneficiary',
    label: 'Kafka user that will read',
    hint: 'As User: and its name. Somebody must answer for it.',
    list: principals,
    value: principals[0] ?? '',
    required: true,
  })}
  ${selectInput(state, {
    name: 'purpose',
    label: 'Purpose',
    choices: offer.purposes.map((code) => ({ value: code, text: purposeWords(code) })),
    empty: 'Choose',
    required: true,
  })}
  ${
    isEmergency
      ? textInput(state, {
          name: 'emergencyCode',
          label: 'Kind of emergency',
          hint: "The site's word for it, in capital letters, such as RESUS.",
          required: true,
        })
      : null
  }
  ${textArea(state, { name: 'reason', label: 'Reason', hint: REASON_HINT, required: true })}
  ${textInput(state, {
    name: 'ticket',
    label: 'Reference',
    hint: 'Of a ticket, an incident or a protocol.',
  })}
  ${
    isEmergency || extendsGrant === null
      ? null
      : textInput(state, {
          name: 'extendsGrant',
          label: 'Goes on from the grant',
          value: extendsGrant,
        })
  }`;
}

function howMuch({ offer, state }: AskInput): Html {
  const minutes = Math.floor(offer.maxDurationMs / MINUTE_MS);
  return html`${textInput(state, {
    name: 'durationMinutes',
    label: 'Minutes from activation',
    hint: `At most ${minutes} (${durationWords(minutes)}).`,
    type: 'number',
    min: 1,
    max: minutes,
    value: Math.min(DEFAULT_MINUTES, minutes),
    required: true,
  })}
  ${textInput(state, {
    name: 'maxRecords',
    label: 'Records at most',
    hint: `At most ${offer.maxRecords.toLocaleString('en')}.`,
    type: 'number',
    min: 1,
    max: offer.maxRecords,
    value: Math.min(DEFAULT_RECORDS, offer.maxRecords),
    required: true,
  })}
  ${textInput(state, {
    name: 'maxPersons',
    label: 'Persons at most',
    ...(offer.maxPersons === null
      ? {}
      : { hint: `At most ${offer.maxPersons.toLocaleString('en')}.`, max: offer.maxPersons }),
    type: 'number',
    min: 1,
  })}
  ${textArea(state, {
    name: 'persons',
    label: 'Only records about these persons',
    hint: 'One identifier in each line, as the records hold it. They are turned into tokens at once; nobody sees them again.',
  })}
  ${textInput(state, {
    name: 'from',
    label: 'Records from (UTC)',
    hint: 'When they arrived; empty: from the first one.',
    type: 'datetime-local',
  })}
  ${textInput(state, {
    name: 'to',
    label: 'Records up to (UTC)',
    hint: 'Empty: up to now.',
    type: 'datetime-local',
  })}`;
}
