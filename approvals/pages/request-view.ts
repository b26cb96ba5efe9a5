/**
 * The page of one request: who, what, why, how much, what exactly is revealed, what a preview counts, what happened,
 * and the forms to decide or to take it back. The hash of what is shown stands in the form: that is what is signed.
 */
import { randomId } from '../../platform/clock.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { RequestState } from '../access-state.ts';
import { requestAnswer } from '../http/answer-schemas.ts';
import type { PreviewAnswer } from '../http/preview-schema.ts';
import { mayDecide } from '../people.ts';
import { requestWords, timeWords } from '../request-words.ts';
import { tagWords } from '../askable.ts';
import { faultSummary, hidden, textArea, textInput, ticks } from './forms.ts';
import type { FormState } from './forms.ts';
import type { Frame } from './frame.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import {
  REASON_HINT,
  fieldTable,
  formTo,
  historyTable,
  reasonForm,
  stateBadge,
  table,
  wordList,
} from './pieces.ts';
import { count } from './request-list.ts';

const MINUTE_MS = 60_000;

export interface RequestViewInput {
  readonly by: AccessActor;
  readonly frame: Frame;
  readonly request: RequestState;
  readonly nowMs: number;
  /** Of the grant that it became. */
  readonly hasGrant: boolean;
  readonly preview: PreviewAnswer | null;
  readonly decideForm: FormState;
  readonly withdrawForm: FormState;
}

export function requestView(input: RequestViewInput): Html {
  const { by, request, preview, nowMs, hasGrant } = input;
  const { scope, id } = request;
  const isOver = request.state === 'PENDING' && request.pendingUntilMs <= nowMs;
  return html`<p>
      ${stateBadge(isOver ? 'EXPIRED' : request.state)} <span class="muted">Request <code>${id}</code></span>
    </p>
    ${hasGrant ? html`<p><a class="button" href="/grants/${id}">See the grant that came of it</a></p>` : null}
    <section>
      <h2>What is asked</h2>
      ${wordList(requestWords(requestAnswer(request, by)))}
    </section>
    ${
      scope && !scope.replay
        ? html`<section>
              <h2>What is revealed</h2>
              ${fieldTable(scope.base_audience, scope.fields, preview)}
            </section>
            <section id="preview">
              <h2>Preview</h2>
              ${preview ? previewResult(preview) : null} ${previewForm(input)}
            </section>`
        : null
    }
    ${isOver ? null : decideSection(input)} ${isOver ? null : withdrawSection(input)}
    ${historyTable(request.history)}`;
}

function previewForm({ frame, request }: RequestViewInput): Html {
  const to = { action: `/requests/${request.id}/preview#preview`, frame, key: randomId() };
  return formTo(
    to,
    html`<p class="muted">
        Counts records and persons. No raw record is read. That you looked is put on record.
      </p>
      <div class="tick">
        <input type="checkbox" id="sample" name="sample" value="true" />
        <label for="sample"
          >with up to 5 masked records
          <small>Only for people whose own Kafka user reads ${request.scope?.base_audience}.</small></label
        >
      </div>
      <div class="buttons"><button type="submit">Count</button></div>`,
  );
}

function previewResult({ at, records, persons, index, staysMasked, narrower, sample }: PreviewAnswer): Html {
  const about =
    persons.atMost === null
      ? 'persons are not counted yet'
      : `about at most ${count(persons.atMost, 'person')}`;
  return html`<p role="status">
      As of ${timeWords(at)}: a grant could deliver at most ${count(records.atMost, 'record')}, ${about}.
      ${count(records.inRange, 'record')} at most lie in the range; ${count(staysMasked, 'field')} that the
      audience does not see in clear would stay masked.
    </p>
    ${
      persons.named === null || persons.namedFound === null
        ? null
        : html`<p>Of ${count(persons.named, 'named person')} ${persons.namedFound} occur in the range.</p>`
    }
    ${
      index.complete
        ? null
        : html`<p>The index of persons has not got through all of the range: counts of persons may rise.</p>`
    }
    ${
      narrower.length === 0
        ? null
        : html`<p>Less would do:</p>
            <ul>
              ${narrower.map(
                ({ change, to, because }) => html`<li>${NARROWER[change]} could be ${to}. ${because}</li>`,
              )}
            </ul>`
    }
    ${sample ? sampleTable(sample) : null}`;
}

const NARROWER: Readonly<Record<PreviewAnswer['narrower'][number]['change'], string>> = {
  maxRecords: 'The number of records',
  maxPersons: 'The number of persons',
  persons: 'The number of named persons',
};

function sampleTable(sample: NonNullable<PreviewAnswer['sample']>): Html {
  const rows = sample.map(
    ({ partition, offset, json }) =>
      html`<tr>
        <th scope="row">${partition}:${offset}</th>
        <td><pre>${json}</pre></td>
      </tr>`,
  );
  return table('Masked records, as the audience sees them', ['Place', 'Record'], rows);
}

function decideSection({ by, frame, request, decideForm }: RequestViewInput): Html | null {
  if (!mayDecide(by, request)) return null;
  const { scope, id, scopeSha256 } = request;
  const to = { action: `/requests/${id}/decide`, frame, key: randomId() };
  const body = html`${faultSummary(decideForm)}${hidden('scopeHash', scopeSha256.toString('hex'))}
    ${scope ? narrowing(decideForm, scope) : null}
    ${textArea(decideForm, { name: 'reason', label: 'Reason', hint: REASON_HINT, required: true })}
    <div class="buttons">
      <button type="submit" name="decision" value="approve" class="main">
        ${scope ? 'Approve what is ticked' : 'Approve'}
      </button>
      <button type="submit" name="decision" value="deny" class="danger">Deny</button>
    </div>`;
  return html`<section id="decide">
    <h2>Your decision</h2>
    ${formTo(to, body)}
  </section>`;
}

/** What can be lowered and ticked off; nothing can be added. */
function narrowing(state: FormState, scope: NonNullable<RequestState['scope']>): Html {
  const { fields, max_records, max_persons, duration_ms } = scope;
  const minutes = Math.floor(duration_ms / MINUTE_MS);
  return html`<p>You can only make it less: untick fields, lower numbers.</p>
    ${ticks(state, {
      name: 'fields',
      label: 'Fields to reveal',
      choices: fields.map(({ path, tags }) => ({
        value: path,
        text: html`<code>${path}</code>`,
        more: tagWords(tags),
      })),
      ticked: () => true,
    })}
    ${textInput(state, {
      name: 'maxRecords',
      label: 'Records at most',
      type: 'number',
      min: 1,
      max: max_records,
      value: max_records,
      required: true,
    })}
    ${textInput(state, {
      name: 'maxPersons',
      label: 'Persons at most',
      type: 'number',
      min: 1,
      ...(max_persons === null ? {} : { max: max_persons, required: true }),
      value: max_persons,
    })}
    ${textInput(state, {
      name: 'durationMinutes',
      label: 'Minutes from activation',
      type: 'number',
      min: 1,
      max: Math.max(1, minutes),
      value: minutes,
      required: true,
    })}`;
}

function withdrawSection({ by, frame, request, withdrawForm }: RequestViewInput): Html | null {
  if (request.requester !== by.id || request.state !== 'PENDING') return null;
  const to = { action: `/requests/${request.id}/withdraw`, frame, key: randomId() };
  return html`<section id="withdraw">
    <h2>Take it back</h2>
    ${reasonForm(to, withdrawForm, { button: 'Withdraw the request', isDanger: true, isOptional: true })}
  </section>`;
}
