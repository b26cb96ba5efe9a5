/**
 * The code of a TypeScript file alone: comments and the insides of strings and regular expressions become
 * blanks, so that a word in a sentence is not taken for a call. Offsets and lines stay as they are.
 * A reader of tokens, not of grammar: enough for the habits checked here.
 */

/** `text` with comments blanked, and strings too unless `strings` is 'keep'. */
export function codeText(text: string, strings: 'keep' | 'blank' = 'blank'): string {
  return new CodeReader(text, strings).read();
}

/** After one of these a `/` begins a regular expression. */
const BEFORE_REGEX = /(^|[(,=:[!&|?{};+\-*%~^<>\n]|\b(return|typeof|case|in|of|do|else))\s*$/;

class CodeReader {
  readonly #text: string;
  readonly #blanksStrings: boolean;
  #at = 0;
  #out = '';

  constructor(text: string, strings: 'keep' | 'blank') {
    this.#text = text;
    this.#blanksStrings = strings === 'blank';
  }

  read(): string {
    this.#code('');
    return this.#out;
  }

  /** Reads code up to the end, or up to the `}` that ends an interpolation. */
  #code(end: '' | '}'): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (end === '}' && char === '}' && depth === 0) return;
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      this.#token(char);
    }
  }

  #token(char: string): void {
    const rest = this.#text.slice(this.#at, this.#at + 2);
    if (rest === '//') this.#blank(this.#until('\n', 0));
    else if (rest === '/*') this.#blank(this.#until('*/', 2));
    else if (char === "'" || char === '"') this.#string(this.#quotedEnd(char));
    else if (char === '`') this.#template();
    else if (char === '/' && BEFORE_REGEX.test(this.#out.slice(-40))) this.#string(this.#regexEnd());
    else this.#keep(this.#at + 1);
  }

  #template(): void {
    this.#keep(this.#at + 1);
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === '`') return this.#keep(this.#at + 1);
      if (char === '\\') this.#inside(this.#at + 2);
      else if (this.#text.startsWith('${', this.#at)) {
        this.#keep(this.#at + 2);
        this.#code('}');
        this.#keep(this.#at + 1);
      } else this.#inside(this.#at + 1);
    }
  }

  /** Quotes stay, what is between them goes. */
  #string(end: number): void {
    this.#keep(this.#at + 1);
    this.#inside(end - 1);
    this.#keep(end);
  }

  #quotedEnd(quote: string): number {
    let at = this.#at + 1;
    while (at < this.#text.length && this.#text[at] !== quote) at += this.#text[at] === '\\' ? 2 : 1;
    return at + 1;
  }

  #regexEnd(): number {
    let at = this.#at + 1;
    let inClass = false;
    while (at < this.#text.length && (inClass || this.#text[at] !== '/')) {
      if (this.#text[at] === '[') inClass = true;
      if (this.#text[at] === ']') inClass = false;
      at += this.#text[at] === '\\' ? 2 : 1;
    }
    return at + 1;
  }

  #until(mark: string, from: number): number {
    const found = this.#text.indexOf(mark, this.#at + from);
    if (found === -1) return this.#text.length;
    return mark === '\n' ? found : found + mark.length;
  }

  #keep(end: number): void {
    this.#out += this.#text.slice(this.#at, end);
    this.#at = end;
  }

  #inside(end: number): void {
    if (this.#blanksStrings) this.#blank(end);
    else this.#keep(end);
  }

  #blank(end: number): void {
    this.#out += this.#text.slice(this.#at, end).replace(/[^\n]/g, ' ');
    this.#at = end;
  }
}
