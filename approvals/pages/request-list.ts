/**
 * The inbox: what waits for this person, what this person asked for, emergencies to look at, and what has been.
 * Shows what the desk lets the person see, and nothing beside it.
 */
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { GrantRecord, RequestState } from '../access-state.ts';
import { moment } from '../http/answer-schemas.ts';
import { mayDecide } from '../people.ts';
import { durationWords, purposeWords, timeWords } from '../request-words.ts';
import { EMPTY_FORM, selectInput } from './forms.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { stateWords } from './page-words.ts';
import { stateBadge } from './pieces.ts';

export const REQUEST_STATES = [
  'PENDING',
  'APPROVED',
  'DENIED',
  'EXPIRED',
  'WITHDRAWN',
  'CANCELLED',
  'SUPERSEDED',
] as const;

const MINUTE_MS = 60_000;
const MINE_SHOWN = 20;
const PAGE_LENGTH = 30;

export interface InboxInput {
  readonly by: AccessActor;
  /** All that the person sees, newest first. */
  readonly requests: readonly RequestState[];
  /** Emergency grants that wait for this person's review. */
  readonly reviews: readonly GrantRecord[];
  readonly nowMs: number;
  /** Of the history; null: all. */
  readonly state: string | null;
  /** Of the history: those before this offset. */
  readonly before: number | null;
}

export function inbox(input: InboxInput): Html {
  const { by, requests, reviews, nowMs } = input;
  const waiting = requests.filter((each) => mayDecide(by, each) && each.pendingUntilMs > nowMs);
  const isMine = ({ requester, body }: RequestState): boolean =>
    requester === by.id || body.beneficiary_owner === by.id;
  const mine = requests.filter((each) => isMine(each));
  return html`<section>
      <h2>Waiting for you</h2>
      ${cards(waiting, 'Nothing waits for your decision.')} ${reviewCards(reviews)}
    </section>
    <section>
      <h2>Yours</h2>
      ${cards(mine.slice(0, MINE_SHOWN), 'You have not asked for anything.')}
      <p><a class="button" href="/requests/new">Ask for raw access</a></p>
    </section>
    ${history(input)}`;
}

function history({ requests, state, before }: InboxInput): Html {
  const past = requests.filter(
    (each) => (state === null || each.state === state) && (before === null || each.offset < before),
  );
  const page = past.slice(0, PAGE_LENGTH);
  const next = past.length > page.length ? page.at(-1)?.offset : undefined;
  const filter = state === null ? '' : `&state=${state}`;
  const choices = REQUEST_STATES.map((each) => ({ value: each, text: stateWords(each) }));
  return html`<section id="history">
    <h2>History</h2>
    <form class="filter" method="get" action="/requests#history">
      ${selectInput(EMPTY_FORM, { name: 'state', label: 'State', choices, empty: 'All', value: state, required: true })}
      <button type="submit">Show</button>
    </form>
    ${cards(page, 'Nothing to show.')}
    ${next === undefined ? null : html`<p><a href="/requests?before=${next}${filter}#history">Older ones</a></p>`}
    ${before === null ? null : html`<p><a href="/requests${filter.replace('&', '?')}#history">Newest ones</a></p>`}
  </section>`;
}

function cards(requests: readonly RequestState[], nothing: string): Html {
  if (requests.length === 0) return html`<p class="muted">${nothing}</p>`;
  return html`<ul class="cards">
    ${requests.map(
      (request) =>
        html`<li>
          <h3><a href="/requests/${request.id}">${requestTitle(request)}</a></h3>
          <p>${stateBadge(request.state)} ${stateDetail(request)}</p>
          ${request.scope ? html`<p class="muted">${scopeLine(request)}</p>` : null}
        </li>`,
    )}
  </ul>`;
}

/** Who wants what, in one line. */
export function requestTitle({ requester, scope, body }: RequestState): string {
  if (!scope) return `${requester} asks to open audience ${body.policy?.audience ?? ''}`;
  if (scope.replay) return `${requester} asks for a replay of an audit event about ${scope.topic}`;
  const word = body.emergency ? 'went ahead in an emergency with' : 'asks for';
  return `${requester} ${word} ${count(scope.fields.length, 'field')} of ${scope.topic}`;
}

function stateDetail({ state, pendingUntilMs, submittedMs }: RequestState): string {
  const asked = `asked ${timeWords(moment(submittedMs))}`;
  return state === 'PENDING' ? `${asked}, until ${timeWords(moment(pendingUntilMs))}` : asked;
}

function scopeLine({ scope }: RequestState): string {
  if (!scope) return '';
  const { max_records, duration_ms, purpose, beneficiary, replay } = scope;
  const reader = replay ? 'nothing revealed' : beneficiary;
  return `${count(max_records, 'record')} at most, for ${durationWords(duration_ms / MINUTE_MS)}, ${reader}, ${purposeWords(purpose)}`;
}

function reviewCards(reviews: readonly GrantRecord[]): Html | null {
  if (reviews.length === 0) return null;
  return html`<h3>Emergency access to review</h3>
    <ul class="cards">
      ${reviews.map(
        ({ grant, review }) =>
          html`<li>
            <p>
              <a href="/grants/${grant.grant_id}">${grant.requester}, ${grant.scope.topic}</a>:
              ${review.state === 'OVERDUE' ? 'overdue since' : 'due'} ${timeWords(moment(review.dueMs))}
            </p>
          </li>`,
      )}
    </ul>`;
}

export function count(number: number, word: string): string {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;
}
