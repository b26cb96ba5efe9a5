/**
 * The pages of grants: what is open now and what has been, one grant with its end and its history, and the forms to
 * revoke, to let go on, and to review. And the locks.
 */
import { randomId } from '../../platform/clock.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { GrantRecord, PlacedLock, RequestState } from '../access-state.ts';
import { PRIVACY_OFFICERS } from '../access-rule.ts';
import { grantAnswer, moment } from '../http/answer-schemas.ts';
import { mayRevoke, maySupervise } from '../people.ts';
import { grantWords, timeWords } from '../request-words.ts';
import { isLive, isTerminal } from '../terminal-states.ts';
import { EMPTY_FORM, faultSummary, selectInput, textArea, textInput } from './forms.ts';
import type { FormState } from './forms.ts';
import type { Frame } from './frame.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { LOCK_TARGETS } from './page-words.ts';
import { REASON_HINT, fieldTable, formTo, historyTable, reasonForm, stateBadge, wordList } from './pieces.ts';
import { count } from './request-list.ts';

const ENDED_SHOWN = 50;

/** Grants that are open or coming, then those that have ended. */
export function grantList(by: AccessActor, grants: readonly GrantRecord[], skip: number): Html {
  const live = grants.filter(({ grant }) => !isTerminal(grant.state));
  const ended = grants.filter(({ grant }) => isTerminal(grant.state));
  const shown = ended.slice(skip, skip + ENDED_SHOWN);
  return html`<section>
      <h2>Open or coming</h2>
      ${cards(by, live, 'Nothing is open.')}
    </section>
    <section id="ended">
      <h2>Ended</h2>
      ${cards(by, shown, 'Nothing has ended yet.')}
      ${
        skip + ENDED_SHOWN < ended.length
          ? html`<p><a href="/grants?skip=${skip + ENDED_SHOWN}#ended">Older ones</a></p>`
          : null
      }
    </section>`;
}

function cards(by: AccessActor, grants: readonly GrantRecord[], nothing: string): Html {
  if (grants.length === 0) return html`<p class="muted">${nothing}</p>`;
  return html`<ul class="cards">
    ${grants.map(
      ({ grant, review }) =>
        html`<li>
          <h3>
            <a href="/grants/${grant.grant_id}">${grantTitle(grant.scope)}</a>
          </h3>
          <p>
            ${stateBadge(grant.state)}
            ${grant.not_after === 0 ? null : `until ${timeWords(moment(grant.not_after))}`}
            ${grant.emergency ? `emergency, review ${review.state.toLowerCase()}` : null}
          </p>
          <p class="muted">
            asked by
            ${grant.requester === by.id ? 'you' : grant.requester}${
              grant.approved_by.length > 0 ? `, approved by ${grant.approved_by.join(', ')}` : ''
            }
          </p>
        </li>`,
    )}
  </ul>`;
}

export interface GrantViewInput {
  readonly by: AccessActor;
  readonly frame: Frame;
  readonly record: GrantRecord;
  readonly request: RequestState | undefined;
  readonly topic: string;
  /** The form that was sent and did not fit. */
  readonly sent: { readonly act: 'revoke' | 'resume' | 'review'; readonly state: FormState } | null;
}

export function grantView(input: GrantViewInput): Html {
  const { by, record, topic } = input;
  const { grant } = record;
  return html`<p>
      ${stateBadge(grant.state)} <span class="muted">Grant <code>${grant.grant_id}</code></span>
    </p>
    <p><a href="/requests/${grant.request_id}">The request that it came of</a></p>
    <section>
      <h2>What it gives</h2>
      ${wordList(grantWords(grantAnswer(record, topic)))}
      ${
        grant.scope.replay
          ? null
          : fieldTable(grant.scope.base_audience, grant.scope.fields, null, 'Fields shown as they are')
      }
      ${mayExtend(by, record) ? extendLink(record) : null}
    </section>
    ${actions(input)} ${historyTable(record.history)}`;
}

function mayExtend(by: AccessActor, { grant }: GrantRecord): boolean {
  return isLive(grant.state) && grant.requester === by.id && !grant.emergency && !grant.scope.replay;
}

/** Who sees what, in a line. */
export function grantTitle({ beneficiary, fields, topic, replay }: GrantRecord['grant']['scope']): string {
  return replay
    ? `Replay of an audit event about ${topic}`
    : `${beneficiary}: ${count(fields.length, 'field')} of ${topic}`;
}

function extendLink({ grant }: GrantRecord): Html {
  const { topic, base_audience } = grant.scope;
  return html`<p>
    <a href="/requests/new?topic=${topic}&amp;audience=${base_audience}&amp;extends=${grant.grant_id}"
      >Ask for more time</a
    >
  </p>`;
}

function actions({ by, frame, record, request, sent }: GrantViewInput): Html {
  const { grant, review } = record;
  const to = (act: string) => ({ action: `/grants/${grant.grant_id}/${act}`, frame, key: randomId() });
  const stateOf = (act: string): FormState => ({
    ...(sent?.act === act ? sent.state : EMPTY_FORM),
    prefix: `${act}-`,
  });
  const supervises = maySupervise(by, record, request);
  const isToReview = (review.state === 'DUE' || review.state === 'OVERDUE') && !isLive(grant.state);
  return html`${
    supervises && grant.state === 'SUSPENDED'
      ? html`<section id="resume">
          <h2>Let it go on</h2>
          ${reasonForm(to('resume'), stateOf('resume'), { button: 'Resume the grant' })}
        </section>`
      : null
  }
  ${
    supervises && isToReview
      ? html`<section id="review">
          <h2>Review the emergency</h2>
          ${formTo(to('review'), reviewInputs(stateOf('review')))}
        </section>`
      : null
  }
  ${
    mayRevoke(by, record, request)
      ? html`<section id="revoke">
          <h2>End it at once</h2>
          ${reasonForm(to('revoke'), stateOf('revoke'), { button: 'Revoke the grant', isDanger: true })}
        </section>`
      : null
  }`;
}

function reviewInputs(state: FormState): Html {
  return html`${faultSummary(state)}
    ${selectInput(state, {
      name: 'justified',
      label: 'Was it justified?',
      choices: [
        { value: 'yes', text: 'Yes, it was' },
        { value: 'no', text: 'No, it was not' },
      ],
      empty: 'Choose',
      required: true,
    })}
    ${textArea(state, { name: 'reason', label: 'Reason', hint: REASON_HINT, required: true })}
    <div class="buttons"><button type="submit" class="main">Put the review on record</button></div>`;
}

/** Locks in force, and for privacy officers the form to place one. */
export function lockView(
  by: AccessActor,
  frame: Frame,
  locks: readonly PlacedLock[],
  state: FormState,
): Html {
  const isOfficer = by.roles.includes(PRIVACY_OFFICERS);
  return html`<section>
      <h2>In force</h2>
      ${
        locks.length === 0
          ? html`<p class="muted">Nothing is locked.</p>`
          : html`<ul class="cards">
              ${locks.map((lock) => lockCard(lock, frame, isOfficer))}
            </ul>`
      }
    </section>
    ${
      isOfficer
        ? html`<section id="lock">
            <h2>Place a lock</h2>
            ${formTo({ action: '/locks', frame, key: randomId() }, lockInputs(state))}
          </section>`
        : null
    }`;
}

function lockCard(
  { id, target, value, by, atMs, reason }: PlacedLock,
  frame: Frame,
  isOfficer: boolean,
): Html {
  const what = target === 'PATIENT' ? 'a patient' : value;
  return html`<li>
    <h3>${target.toLowerCase()}: ${what}</h3>
    <p class="muted">by ${by}, ${timeWords(moment(atMs))}</p>
    <p>${reason}</p>
    ${
      isOfficer
        ? formTo(
            { action: `/locks/${id}/lift`, frame, key: randomId() },
            html`<div class="buttons">
              <button type="submit" aria-label="Lift the lock of ${target.toLowerCase()} ${what}">
                Lift
              </button>
            </div>`,
          )
        : null
    }
  </li>`;
}

function lockInputs(state: FormState): Html {
  return html`${faultSummary(state)}
    ${selectInput(state, {
      name: 'target',
      label: 'What',
      choices: Object.entries(LOCK_TARGETS).map(([value, text]) => ({ value, text })),
      empty: 'Choose',
      required: true,
    })}
    ${textInput(state, {
      name: 'value',
      label: 'Which one',
      hint: 'Of a patient the identifier, as the records hold it: it is turned into a token at once.',
      required: true,
    })}
    ${textArea(state, { name: 'reason', label: 'Reason', hint: REASON_HINT, required: true })}
    <div class="buttons"><button type="submit" class="danger">Place the lock</button></div>`;
}
