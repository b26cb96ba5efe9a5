/**
 * Forms: what a browser has sent, read without trust, and the inputs of pages, each with its label, hint and fault
 * tied to it. Whatever was typed is shown again only to the one who typed it, and escaped.
 */
import { html } from './html.ts';
import type { Html, HtmlPart } from './html.ts';

/** What was sent: each name with its values, in order. */
export type FormValues = Readonly<Record<string, readonly string[]>>;

const NAMES_MAX = 100;
const VALUES_MAX = 2_000;

/** The values of a form of the type application/x-www-form-urlencoded. */
export function formValues(text: string): Record<string, string[]> {
  const values = Object.create(null) as Record<string, string[]>;
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > VALUES_MAX) break;
    const known = values[name];
    if (known) known.push(value);
    else if (Object.keys(values).length < NAMES_MAX) values[name] = [value];
  }
  return values;
}

/** What a request bears in its body, where that is a form. */
export function formOf(body: unknown): FormValues {
  if (typeof body !== 'object' || body === null) return {};
  const lists = Object.entries(body).filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
  return Object.fromEntries(lists);
}

/** All values of that name; empty ones are left out. */
export function valuesOf(form: FormValues, name: string): readonly string[] {
  const values = Object.hasOwn(form, name) ? form[name]! : [];
  return values.map((value) => value.replace(/\r\n?/g, '\n').trim()).filter((value) => value !== '');
}

/** The first value of that name; undefined where it was left empty. */
export function valueOf(form: FormValues, name: string): string | undefined {
  return valuesOf(form, name)[0];
}

/** Lines of a text, without empty ones; undefined where there are none. */
export function linesOf(form: FormValues, name: string): readonly string[] | undefined {
  const lines = (valueOf(form, name) ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.length > 0 ? lines : undefined;
}

/** A number as typed; what is none is given on as text, for the schema to refuse. */
export function numberOf(form: FormValues, name: string): number | string | undefined {
  const text = valueOf(form, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/** A moment of an input of the type datetime-local, taken as UTC. */
export function momentOf(form: FormValues, name: string): string | undefined {
  const text = valueOf(form, name);
  return text !== undefined && /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? `${text}:00Z` : text;
}

/** What a form shows: what was typed before, and what is wrong with it. */
export interface FormState {
  readonly values: FormValues;
  /** By name of the input. */
  readonly faults: ReadonlyMap<string, string>;
  /** Before all ids: two forms of one page may have inputs of the same name. */
  readonly prefix?: string;
}

export const EMPTY_FORM: FormState = { values: {}, faults: new Map() };

/** The id of an input. */
function idOf({ prefix = '' }: FormState, name: string): string {
  return `${prefix}${name}`;
}

export interface InputOptions {
  readonly name: string;
  readonly label: string;
  readonly hint?: HtmlPart;
  readonly required?: boolean;
  /** Shown where nothing was typed. */
  readonly value?: string | number | null;
}

export interface TextInputOptions extends InputOptions {
  readonly type?: 'text' | 'number' | 'date' | 'datetime-local';
  readonly min?: number;
  readonly max?: number;
  /** Proposals. */
  readonly list?: readonly string[];
  readonly inputmode?: 'numeric' | 'text';
}

export function textInput(state: FormState, options: TextInputOptions): Html {
  const { name, type = 'text', required, min, max, list } = options;
  return field(
    state,
    options,
    html`<input
        id="${idOf(state, name)}"
        name="${name}"
        type="${type}"
        value="${shown(state, options)}"
        autocomplete="off"
        ${required ? html` required` : null}
        ${min === undefined ? null : html` min="${min}"`}
        ${max === undefined ? null : html` max="${max}"`}
        ${list ? html` list="${idOf(state, name)}-list"` : null}
        ${describing(state, options)}
      />${
        list
          ? html`<datalist id="${idOf(state, name)}-list">
              ${list.map((each) => html`<option value="${each}"></option>`)}
            </datalist>`
          : null
      }`,
  );
}

export function textArea(state: FormState, options: InputOptions): Html {
  const { name, required } = options;
  // No blank between tags and text: it would be part of the text.
  const text = html`<textarea
    id="${idOf(state, name)}"
    name="${name}"
    rows="3"
    ${required ? html` required` : null}
    ${describing(state, options)}
  >
${shown(state, options)}</textarea>`;
  return field(state, options, text);
}

export interface Choice {
  readonly value: string;
  readonly text: string;
}

export function selectInput(
  state: FormState,
  options: InputOptions & { readonly choices: readonly Choice[]; readonly empty?: string },
): Html {
  const { name, choices, empty, required } = options;
  const chosen = shown(state, options);
  return field(
    state,
    options,
    html`<select
      id="${idOf(state, name)}"
      name="${name}"
      ${required ? html` required` : null}
      ${describing(state, options)}
    >
      ${empty === undefined ? null : html`<option value="">${empty}</option>`}
      ${choices.map(
        ({ value, text }) =>
          html`<option value="${value}" ${value === chosen ? html` selected` : null}>${text}</option>`,
      )}
    </select>`,
  );
}

export interface Tick {
  readonly value: string;
  readonly text: HtmlPart;
  readonly more?: HtmlPart;
}

/** A group of boxes to tick; `ticked` says which are where nothing was sent yet. */
export function ticks(
  state: FormState,
  options: InputOptions & { readonly choices: readonly Tick[]; readonly ticked: (value: string) => boolean },
): Html {
  const { name, label, hint, choices } = options;
  const sent = Object.hasOwn(state.values, 'key') ? new Set(valuesOf(state.values, name)) : null;
  const fault = state.faults.get(name);
  return html`<fieldset id="${idOf(state, name)}" tabindex="-1" ${describing(state, options)}>
    <legend>${label}</legend>
    ${hint ? html`<p class="hint" id="${idOf(state, name)}-hint">${hint}</p>` : null}
    ${fault ? html`<p class="fault" id="${idOf(state, name)}-fault">${fault}</p>` : null}
    ${choices.map(
      ({ value, text, more }, i) =>
        html`<div class="tick">
          <input
            type="checkbox"
            id="${idOf(state, name)}-${i}"
            name="${name}"
            value="${value}"
            ${(sent ? sent.has(value) : options.ticked(value)) ? html` checked` : null}
          />
          <label for="${idOf(state, name)}-${i}">${text}${more ? html` <small>${more}</small>` : null}</label>
        </div>`,
    )}
  </fieldset>`;
}

export function hidden(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}" />`;
}

/** What is wrong, above the form, each fault with a link to its input. */
export function faultSummary(state: FormState): Html | null {
  const { faults } = state;
  if (faults.size === 0) return null;
  return html`<div class="alert" role="alert" tabindex="-1" autofocus>
    <h2>Nothing was sent on: please correct this</h2>
    <ul>
      ${[...faults].map(([name, text]) => html`<li><a href="#${idOf(state, name)}">${text}</a></li>`)}
    </ul>
  </div>`;
}

function field(state: FormState, { name, label, hint, required }: InputOptions, input: Html): Html {
  const fault = state.faults.get(name);
  return html`<div class="field">
    <label for="${idOf(state, name)}"
      >${label}${required ? null : html` <span class="muted">(may stay empty)</span>`}</label
    >
    ${hint ? html`<p class="hint" id="${idOf(state, name)}-hint">${hint}</p>` : null}
    ${fault ? html`<p class="fault" id="${idOf(state, name)}-fault">${fault}</p>` : null} ${input}
  </div>`;
}

function describing(state: FormState, { name, hint }: InputOptions): Html | null {
  const hasFault = state.faults.has(name);
  const id = idOf(state, name);
  const ids = [...(hint ? [`${id}-hint`] : []), ...(hasFault ? [`${id}-fault`] : [])].join(' ');
  if (ids === '') return null;
  return html`aria-describedby="${ids}"${hasFault ? html` aria-invalid="true"` : null}`;
}

function shown({ values }: FormState, { name, value }: InputOptions): string {
  return valueOf(values, name) ?? (Object.hasOwn(values, 'key') ? '' : String(value ?? ''));
}
