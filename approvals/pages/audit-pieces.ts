/**
 * Pieces that the answers of auditors' pages are made of: lines of a table, times, fields, and the place of an event with
 * the way to its proof.
 */
import type { EventReference } from '../../audit/query/answer.ts';
import { html } from './html.ts';
import type { Html, HtmlPart } from './html.ts';
import { table } from './pieces.ts';
import { count } from './request-list.ts';

/** So many names of fields are shown without opening a list. */
const FIELDS_SHOWN = 3;

/** What stands in the way of a complete answer; null: nothing does. */
export function remarkList(remarks: readonly string[]): Html | null {
  if (remarks.length === 0) return null;
  return html`<div class="alert">
    <h3>This answer is not complete</h3>
    <ul>
      ${remarks.map((each) => html`<li>${each}</li>`)}
    </ul>
  </div>`;
}

export function row(...cells: readonly HtmlPart[]): Html {
  return html`<tr>
    ${cells.map((cell) => html`<td>${cell}</td>`)}
  </tr>`;
}

/** A table; null where it would be empty. */
export function lines(caption: string, heads: readonly string[], rows: readonly Html[]): Html | null {
  return rows.length > 0 ? table(caption, heads, rows) : null;
}

/** The words with commas; a dash for none. */
export function list(words: readonly string[]): string {
  return words.join(', ') || '-';
}

/** Where an event stands, as a way to its proof. */
export function place({ partition, offset }: Pick<EventReference, 'partition' | 'offset'>): Html {
  return html`<a href="/audit/event?at=${partition}-${offset}">${partition}/${offset}</a>`;
}

/** To the second, UTC. */
export function when(iso: string | null): string {
  return iso === null ? '-' : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** The same in a cell: a narrow one breaks it between date and time alone. */
export function whenCell(iso: string | null): Html {
  if (iso === null) return html`-`;
  return html`<span class="time">${iso.slice(0, 10)}</span> <span class="time">${iso.slice(11, 19)}</span>`;
}

/** Names of fields; many of them stay folded. */
export function fieldCell(fields: readonly string[]): Html {
  if (fields.length <= FIELDS_SHOWN) return html`${list(fields)}`;
  return html`<details>
    <summary>${count(fields.length, 'field')}</summary>
    <div class="long">${list(fields)}</div>
  </details>`;
}

/** Text of some length in a cell. */
export function longCell(text: string): Html {
  return html`<div class="long">${text}</div>`;
}
