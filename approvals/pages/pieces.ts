/**
 * Pieces that several pages are made of: lines of words, states, histories, the fields of a scope, forms with one
 * reason. Text of people goes through the template like everything else, so it stays text.
 */
import type { Html, HtmlPart } from './html.ts';
import { html } from './html.ts';
import { tagWords } from '../askable.ts';
import type { HistoryLine } from '../access-state.ts';
import { moment } from '../http/answer-schemas.ts';
import type { PreviewAnswer } from '../http/preview-schema.ts';
import { timeWords } from '../request-words.ts';
import type { WordLine } from '../request-words.ts';
import { faultSummary, hidden, textArea } from './forms.ts';
import type { FormState } from './forms.ts';
import type { Frame } from './frame.ts';
import { stateWords, stepWords } from './page-words.ts';

export function wordList(lines: readonly WordLine[]): Html {
  return html`<dl class="words">
    ${lines.map(
      ([head, text]) =>
        html`<dt>${head}</dt>
          <dd>${text}</dd>`,
    )}
  </dl>`;
}

export function stateBadge(state: string): Html {
  return html`<span class="state">${stateWords(state)}</span>`;
}

/** A table that scrolls by itself where the screen is narrow, also by keyboard. */
export function table(caption: string, heads: readonly string[], rows: readonly Html[]): Html {
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${heads.map((head) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

export function historyTable(history: readonly HistoryLine[]): Html {
  const rows = history.map(
    ({ atMs, by, type, cause, reason }) =>
      html`<tr>
        <td>${timeWords(moment(atMs))}</td>
        <td>${by ?? 'gauze'}</td>
        <td>
          ${stepWords(type)}${cause ? ` (${cause})` : ''}
          ${reason ? html`<span class="said">${reason}</span>` : null}
        </td>
      </tr>`,
  );
  return html`<section>
    <h2>History</h2>
    ${table('What happened, oldest first', ['When', 'Who', 'What, and why'], rows)}
  </section>`;
}

/** The fields in clear, in words; with a preview also what the audience sees in their place. */
export function fieldTable(
  audience: string,
  fields: readonly { readonly path: string; readonly tags: readonly string[] }[],
  preview: PreviewAnswer | null,
  caption = 'Fields that would be shown as they are',
): Html {
  const instead = new Map(preview?.reveals.map((each) => [each.path, each.instead]));
  const rows = fields.map(
    ({ path, tags }) =>
      html`<tr>
        <th scope="row"><code>${path}</code></th>
        <td>
          ${tagWords(tags)}${tags.length > 0 ? html` <span class="muted">${tags.join(', ')}</span>` : null}
        </td>
        ${preview ? html`<td>${instead.get(path) ?? '-'}</td>` : null}
      </tr>`,
  );
  const heads = ['Field', 'What it is', ...(preview ? [`${audience} sees instead`] : [])];
  return table(caption, heads, rows);
}

export interface ActionForm {
  readonly action: string;
  readonly frame: Frame;
  /** Counts once, however often it is sent. */
  readonly key: string;
}

/** A form with what every form needs. */
export function formTo({ action, frame, key }: ActionForm, body: HtmlPart): Html {
  return html`<form method="post" action="${action}">
    ${hidden('_csrf', frame.csrf)}${hidden('key', key)}${body}
  </form>`;
}

/** A form with a reason and a button. */
export function reasonForm(
  to: ActionForm,
  state: FormState,
  { button, isDanger, hint, isOptional }: ReasonFormOptions,
): Html {
  return formTo(
    to,
    html`${faultSummary(state)}
      ${textArea(state, {
        name: 'reason',
        label: 'Reason',
        hint: hint ?? REASON_HINT,
        required: isOptional !== true,
      })}
      <div class="buttons">
        <button type="submit" class="${isDanger ? 'danger' : 'main'}">${button}</button>
      </div>`,
  );
}

export interface ReasonFormOptions {
  readonly button: string;
  readonly isDanger?: boolean;
  readonly hint?: string;
  readonly isOptional?: boolean;
}

export const REASON_HINT =
  'At least 10 characters. It is kept for ever and read by others: name no patient, no number, no date.';
