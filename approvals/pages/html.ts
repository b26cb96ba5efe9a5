/**
 * HTML as a tagged template that escapes whatever is put in, unless it was made by this template itself. There is no
 * way around it: no other text becomes HTML. Attributes must be written in double quotes.
 */

/** Text that is HTML already. Made here alone. */
class HtmlText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Html = HtmlText;

/** What can stand in a template: nothing for null, undefined and false. */
export type HtmlPart = Html | string | number | false | null | undefined | readonly HtmlPart[];

/** A piece of HTML; parts are escaped, pieces of HTML and lists of them stand as they are. */
export function html(strings: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  let text = strings[0]!;
  for (const [i, part] of parts.entries()) text += textOf(part) + strings[i + 1]!;
  return new HtmlText(text);
}

function textOf(part: HtmlPart): string {
  if (part instanceof HtmlText) return part.toString();
  if (part === null || part === undefined || part === false) return '';
  if (Array.isArray(part)) return part.map((each: HtmlPart) => textOf(each)).join('');
  return escaped(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Of control characters only line end and tab are shown; those that turn the direction of text are not. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .replace(/[&<>"'`]/g, (character) => ENTITIES[character]!);
}
