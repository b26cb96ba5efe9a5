/**
 * Finds what is already known of a record's person in a text: names, numbers, addresses, dates, in whatever case,
 * with or without diacritics, with any separators, over line breaks, with nicknames. Word by word: a short name must
 * never eat a part of a longer word. Costs time in proportion to the text, however many values are known.
 */
import { dateForms } from './date-forms.ts';
import type { CalendarDate } from './date-forms.ts';
import type { AddFinding, SurrogateKind } from './finding.ts';
import { nicknamesOf } from './nicknames.ts';
import type { WordLists } from './word-lists.ts';
import { folded } from './words.ts';

/** What sort of value it is; it decides in which forms it is looked for. */
export type KnownKind = 'name' | 'phone' | 'address' | SurrogateKind;

/** A value that is known: as text, or a date. */
export type KnownValue =
  | { readonly kind: KnownKind; readonly text: string }
  | { readonly kind: 'date'; readonly date: CalendarDate };

/** What stands for `kind` in the text. */
function surrogateOf(kind: KnownKind | 'date'): SurrogateKind {
  const words: Partial<Record<string, SurrogateKind>> = {
    name: 'NAME',
    phone: 'PHONE',
    address: 'ADDRESS',
    date: 'DATE',
  };
  return words[kind] ?? (kind as SurrogateKind);
}

/** How to treat a form that is an ordinary word as well. */
interface Form {
  readonly kind: SurrogateKind;
  /** Only with a capital, or beside another known name: `Rose` and not `rose`. */
  readonly needsCapital: boolean;
  /** Long enough to be somebody's in a text that has no capitals at all. */
  readonly isLong: boolean;
}

/** A run of letters or of digits. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly folded: string;
  readonly isCapital: boolean;
}

const PIECE = /[\p{L}\p{M}]+|\p{N}+/gu;
/** Scripts that are written without blanks between words: there, a value is looked for wherever it stands. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
/** What may stand between two pieces of one value. */
const GAP = /^[^\p{L}\p{N}]{0,6}$/u;
/** Between two parts of a name in lower case. */
const BESIDE = /^[\s-]{1,3}$/;
/** Pieces that one value is looked for over. */
const MOST_PIECES = 64;
/** A longer value is a text, not an identifier. */
const MOST_CHARACTERS = 200;
/** Digits below which a number alone is too common to be anybody's. */
const LEAST_DIGITS = 4;
/** Letters at least in a part of a street or a place; and in an identifier without digits. */
const LEAST_LETTERS = 3;
/** Words up to this level of the list of ordinary words are ordinary. */
const ORDINARY = 35;
/** Words of addresses that are nobody's. */
const ADDRESS_WORDS =
  /^(?:street|st|avenue|ave|road|rd|drive|dr|lane|ln|court|ct|boulevard|blvd|way|place|pl|terrace|circle|highway|parkway|trail|square|loop|apt|apartment|suite|ste|unit|floor|box|po|north|south|east|west|ne|nw|se|sw|the|of|and|us|usa|united|states)$/;

/** The forms of all that is known, ready to be looked for. Holds values: it must not outlive its record's turn, unless it is a dictionary's. */
export class KnownValues {
  readonly #forms = new Map<string, Form>();
  readonly #unspaced = new Map<string, SurrogateKind>();
  readonly #prefixes = new Set<string>();
  readonly #dayAndMonth = new Set<string>();
  readonly #lists: WordLists;
  /** Characters of the longest form. */
  #longest = 0;

  constructor(values: Iterable<KnownValue>, lists: WordLists) {
    this.#lists = lists;
    for (const value of values) {
      if (value.kind === 'date') this.#addDate(value.date);
      else this.#addText(value.kind, value.text);
    }
  }

  /** True where nothing is known that could be looked for. */
  get isEmpty(): boolean {
    return this.#forms.size === 0 && this.#unspaced.size === 0;
  }

  /** Finds every occurrence. */
  find(text: string, add: AddFinding): void {
    if (this.isEmpty) return;
    const pieces = piecesOf(text);
    // What is found for certain, and what is an ordinary word in lower case, each to its last piece.
    const isFound = new Uint8Array(pieces.length);
    const isWithoutCapitals = !/\p{Lu}/u.test(text);
    const heldTo = new Int32Array(pieces.length).fill(-1);
    const isHeld = new Uint8Array(pieces.length);
    for (let i = 0; i < pieces.length; i += 1) {
      const match = this.#longestAt(text, pieces, i);
      if (match === null) continue;
      const { to, form } = match;
      if (form.needsCapital && !pieces[i]!.isCapital && !(isWithoutCapitals && form.isLong)) {
        heldTo[i] = to;
        isHeld.fill(1, i, to + 1);
        continue;
      }
      add(pieces[i]!.start, pieces[to]!.end, form.kind);
      isFound.fill(1, i, to + 1);
    }
    // In lower case an ordinary word is a name beside another one: `rose brown`.
    const touches = (left: number, right: number, other: number): boolean =>
      (isFound[other] === 1 || isHeld[other] === 1) &&
      BESIDE.test(text.slice(pieces[left]!.end, pieces[right]!.start));
    heldTo.forEach((to, from) => {
      if (to >= 0 && (touches(from - 1, from, from - 1) || touches(to, to + 1, to + 1)))
        add(pieces[from]!.start, pieces[to]!.end, 'NAME');
    });
    this.#findUnspaced(text, add);
    this.#initials(text, pieces, isFound, add);
    this.#findDayAndMonth(text, add);
  }

  // ---- forms

  #put(form: string, kind: SurrogateKind, needsCapital = false): void {
    if (form === '' || form.length > MOST_CHARACTERS) return;
    this.#longest = Math.max(this.#longest, form.length);
    const known = this.#forms.get(form);
    if (known && !(known.needsCapital && !needsCapital)) return;
    this.#forms.set(form, { kind, needsCapital, isLong: form.length > 2 });
    this.#prefixes.add(form.slice(0, 2));
  }

  #addDate(date: CalendarDate): void {
    for (const form of dateForms(date)) this.#put(form, 'DATE');
    this.#dayAndMonth.add(`${date.month}/${date.day}`);
  }

  #addText(kind: KnownKind, text: string): void {
    const whole = joined(text);
    if (whole === '') return;
    if (UNSPACED.test(text)) {
      for (const part of text.normalize('NFKC').split(/[^\p{L}\p{N}]+/u))
        if (part.length > 0) this.#unspaced.set(part.toLowerCase(), surrogateOf(kind));
    }
    if (kind === 'name') return this.#addName(text);
    if (kind === 'address') return this.#addAddress(text);
    if (kind === 'phone') return this.#addPhone(whole);
    const digits = whole.replaceAll(/\D/g, '');
    const isEnough =
      digits.length === whole.length ? digits.length >= LEAST_DIGITS : whole.length >= LEAST_LETTERS;
    if (isEnough) this.#put(whole, surrogateOf(kind), this.#isOrdinary(whole));
    // Leading zeros and prefixes of letters come and go between systems.
    const bare = digits.replace(/^0+/, '');
    if (/^[a-z]{0,5}\d+$/.test(whole) && bare.length >= LEAST_DIGITS + 1) this.#put(bare, surrogateOf(kind));
  }

  #addName(text: string): void {
    const parts = piecesOf(text).map((piece) => piece.folded);
    for (const part of text.split(/[\s,;/]+/u).map(joined)) this.#addNamePart(part);
    for (const part of parts) this.#addNamePart(part);
  }

  #addNamePart(part: string): void {
    if (
      part.length < 2 ||
      /^\p{N}+$/u.test(part) ||
      /^(?:mr|mrs|ms|dr|miss|jr|sr|ii|iii|iv|md|van|von|de|la|der|den|of|the)$/.test(part)
    )
      return;
    this.#put(part, 'NAME', this.#isOrdinary(part));
    // Synthetic people carry a number behind each name; so do log-in names.
    const letters = part.replace(/\d+$/, '');
    if (letters !== part && letters.length >= LEAST_LETTERS)
      this.#put(letters, 'NAME', this.#isOrdinary(letters));
    for (const nickname of nicknamesOf(letters)) this.#put(nickname, 'NAME', this.#isOrdinary(nickname));
  }

  #addAddress(text: string): void {
    const pieces = piecesOf(text).map((piece) => piece.folded);
    const whole = pieces.join('');
    if (pieces.length > 1 || whole.length > LEAST_LETTERS)
      this.#put(whole, 'ADDRESS', this.#isOrdinary(whole));
    // House number and street, whatever suffix comes after them.
    if (pieces.length > 2 && /^\p{N}/u.test(pieces[0]!)) this.#put(pieces[0]! + pieces[1]!, 'ADDRESS');
    for (const piece of pieces)
      if (piece.length >= LEAST_LETTERS && !/^\p{N}/u.test(piece) && !ADDRESS_WORDS.test(piece))
        this.#put(piece, 'ADDRESS', this.#isOrdinary(piece));
  }

  #addPhone(whole: string): void {
    const digits = whole.replace(/(?:x|ext|extension)\d{1,6}$/, '').replaceAll(/\D/g, '');
    if (digits.length < 7) return;
    this.#put(whole, 'PHONE');
    this.#put(digits, 'PHONE');
    const national = digits.replace(/^(?:00)?1(?=\d{10}$)/, '');
    if (national.length < 10) return;
    for (const form of [national, `1${national}`, `001${national}`, national.slice(-7)])
      this.#put(form, 'PHONE');
  }

  #isOrdinary(form: string): boolean {
    return form.length <= 2 || (this.#lists.ordinary.get(form) ?? 100) <= ORDINARY;
  }

  // ---- search

  #longestAt(text: string, pieces: readonly Piece[], from: number): { to: number; form: Form } | null {
    let run = '';
    let longest: { to: number; form: Form } | null = null;
    for (let to = from; to < pieces.length && to < from + MOST_PIECES; to += 1) {
      const piece = pieces[to]!;
      if (to > from && !GAP.test(text.slice(pieces[to - 1]!.end, piece.start))) break;
      run += piece.folded;
      if (run.length >= 2 && !this.#prefixes.has(run.slice(0, 2))) break;
      if (run.length > this.#longest) break;
      const form = this.#forms.get(run);
      if (form) longest = { to, form };
    }
    return longest;
  }

  #findUnspaced(text: string, add: AddFinding): void {
    if (this.#unspaced.size === 0) return;
    const lower = text.toLowerCase();
    for (const [form, kind] of this.#unspaced)
      for (let at = lower.indexOf(form); at >= 0; at = lower.indexOf(form, at + form.length))
        add(at, at + form.length, kind);
  }

  /** A single capital beside a known name is an initial of it. */
  #initials(text: string, pieces: readonly Piece[], isFound: Uint8Array, add: AddFinding): void {
    pieces.forEach((piece, i) => {
      if (piece.folded.length !== 1 || !piece.isCapital || isFound[i] === 1) return;
      const previous = pieces[i - 1];
      const next = pieces[i + 1];
      const afterName =
        previous && isFound[i - 1] === 1 && /^ {1,2}$/.test(text.slice(previous.end, piece.start));
      const beforeName =
        next && isFound[i + 1] === 1 && /^\.? {0,2}$/.test(text.slice(piece.end, next.start));
      const isPronoun = piece.folded === 'i' || piece.folded === 'a';
      if ((afterName === true && !isPronoun) || beforeName === true) add(piece.start, piece.end, 'NAME');
    });
  }

  /** 5/21 and 05/21, without a year. */
  #findDayAndMonth(text: string, add: AddFinding): void {
    if (this.#dayAndMonth.size === 0) return;
    for (const match of text.matchAll(/(?<![\d/.])(\d{1,2})[/-](\d{1,2})(?![\d/.]|-\d)/g))
      if (this.#dayAndMonth.has(`${Number(match[1])}/${Number(match[2])}`))
        add(match.index, match.index + match[0].length, 'DATE');
  }
}

function joined(text: string): string {
  return piecesOf(text)
    .map((piece) => piece.folded)
    .join('');
}

function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (const match of text.matchAll(PIECE)) {
    const first = match[0][0]!;
    pieces.push({
      start: match.index,
      end: match.index + match[0].length,
      folded: folded(match[0]),
      isCapital: first !== first.toLowerCase(),
    });
  }
  return pieces;
}
