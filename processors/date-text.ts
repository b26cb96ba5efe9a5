/**
 * Dates written as text: ISO 8601 (`2026-05-17`, `2026-05-17T10:15:00.5+02:00`) and HL7 version 2 (`20260517`,
 * `20260517101500.5+0200`), whole or partial (`2026`, `2026-05`, `202605`).
 * It must never take anything else for a date: a day that no month has, an hour 24 or a name of a month is none.
 */
import { daysInMonth, firstOfMonth, monthOfDay, yearOfDay } from './civil-date.ts';

const ZERO = 0x30;
const DASH = 0x2d;
const PLUS = 0x2b;
const COLON = 0x3a;
const POINT = 0x2e;
const COMMA = 0x2c;
const BLANK = 0x20;
const FRACTION_DIGITS_MAX = 12;

/** What was read last; overwritten by the next. */
export class DateText {
  year = 0;
  /** From 0; -1 where there is none. */
  month = -1;
  /** Of the month, from 1; 0 where there is none. */
  day = 0;
  /** `2026-05`, not `202605`. */
  hasDashes = false;
  /** Where time and zone begin. */
  rest = 0;
  #at = 0;
  #end = 0;
  #input: Uint8Array = EMPTY;

  /** Reads input[start, end); false where it is no date of these forms. */
  read(input: Uint8Array, start: number, end: number): boolean {
    this.#input = input;
    this.#at = start;
    this.#end = end;
    const isDate = this.#date();
    this.#input = EMPTY;
    return isDate;
  }

  /** Days since 1970-01-01 of a whole date. */
  get dayNumber(): number {
    return firstOfMonth(this.year, this.month) + this.day - 1;
  }

  #date(): boolean {
    this.month = -1;
    this.day = 0;
    this.year = this.#digits(4);
    if (this.year < 1) return false;
    this.hasDashes = this.#skip(DASH);
    if (this.#at === this.#end) return !this.hasDashes;
    this.month = this.#digits(2) - 1;
    if (this.month < 0 || this.month > 11) return false;
    if (this.#at === this.#end) return true;
    if (this.hasDashes && !this.#skip(DASH)) return false;
    this.day = this.#digits(2);
    if (this.day < 1 || this.day > daysInMonth(this.year, this.month)) return false;
    this.rest = this.#at;
    if (this.#at === this.#end) return true;
    return (this.hasDashes ? this.#isoTime() : this.#hl7Time()) && this.#at === this.#end;
  }

  #isoTime(): boolean {
    if (!this.#skipLetter('T') && !this.#skip(BLANK)) return false;
    if (!this.#isUpTo(23) || !this.#skip(COLON) || !this.#isUpTo(59)) return false;
    if (this.#skip(COLON) && !(this.#isUpTo(60) && this.#fraction())) return false;
    return this.#zone();
  }

  #hl7Time(): boolean {
    const hasLetter = this.#skipLetter('T');
    if (hasLetter || this.#isDigit()) {
      if (!this.#isUpTo(23)) return false;
      if (this.#isDigit()) {
        if (!this.#isUpTo(59)) return false;
        if (this.#isDigit() && !(this.#isUpTo(60) && this.#fraction())) return false;
      }
    }
    return this.#zone();
  }

  #fraction(): boolean {
    if (!this.#skip(POINT) && !this.#skip(COMMA)) return true;
    let digits = 0;
    for (; this.#isDigit(); digits += 1) this.#at += 1;
    return digits >= 1 && digits <= FRACTION_DIGITS_MAX;
  }

  /** None, `Z`, `+02`, `+0200` or `+02:00`. */
  #zone(): boolean {
    if (this.#at === this.#end || this.#skipLetter('Z')) return true;
    if (!this.#skip(PLUS) && !this.#skip(DASH)) return false;
    if (!this.#isUpTo(23)) return false;
    if (this.#at === this.#end) return true;
    this.#skip(COLON);
    return this.#isUpTo(59);
  }

  /** Reads so many digits; -1 where there are fewer. */
  #digits(count: number): number {
    if (this.#at + count > this.#end) return -1;
    let number = 0;
    for (const end = this.#at + count; this.#at < end; this.#at += 1) {
      const digit = this.#input[this.#at]! - ZERO;
      if (digit < 0 || digit > 9) return -1;
      number = number * 10 + digit;
    }
    return number;
  }

  #isUpTo(limit: number): boolean {
    const number = this.#digits(2);
    return number >= 0 && number <= limit;
  }

  #isDigit(): boolean {
    const digit = this.#at < this.#end ? this.#input[this.#at]! - ZERO : -1;
    return digit >= 0 && digit <= 9;
  }

  #skip(byte: number): boolean {
    const isThere = this.#at < this.#end && this.#input[this.#at] === byte;
    if (isThere) this.#at += 1;
    return isThere;
  }

  #skipLetter(letter: 'T' | 'Z'): boolean {
    const upper = letter.charCodeAt(0);
    return this.#skip(upper) || this.#skip(upper | 0x20);
  }
}

const EMPTY = new Uint8Array(0);

/** The bytes of a year, a month or a whole date: 4, or 6 or 7, or 8 or 10. */
export function datePartBytes(parts: 1 | 2 | 3, hasDashes: boolean): number {
  return 2 + 2 * parts + (hasDashes ? parts - 1 : 0);
}

/** Writes the year and as many parts after it as are asked for of a day; returns where they end. */
export function writeDatePart(
  out: Uint8Array,
  at: number,
  day: number,
  parts: 1 | 2 | 3,
  hasDashes: boolean,
): number {
  const year = yearOfDay(day);
  let w = writeTwo(out, writeTwo(out, at, Math.floor(year / 100)), year % 100);
  if (parts === 1) return w;
  const month = monthOfDay(day, year);
  if (hasDashes) out[w++] = DASH;
  w = writeTwo(out, w, month + 1);
  if (parts === 2) return w;
  if (hasDashes) out[w++] = DASH;
  return writeTwo(out, w, day - firstOfMonth(year, month) + 1);
}

function writeTwo(out: Uint8Array, at: number, number: number): number {
  out[at] = ZERO + Math.floor(number / 10);
  out[at + 1] = ZERO + (number % 10);
  return at + 2;
}

// ---- on values: by patterns and the platform's calendar, for the oracle

const ZONE = String.raw`(?:[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?`;
const SECONDS = String.raw`(?:[0-5]\d|60)(?:[.,]\d{1,12})?`;
const HOUR = String.raw`(?:[01]\d|2[0-3])`;
const ISO = new RegExp(
  `^(\\d{4})(?:-(\\d\\d)(?:-(\\d\\d)((?:[Tt ]${HOUR}:[0-5]\\d(?::${SECONDS})?${ZONE})?))?)?$`,
);
const HL7 = new RegExp(
  `^(\\d{4})(\\d\\d)(?:(\\d\\d)((?:[Tt]?${HOUR}(?:[0-5]\\d(?:${SECONDS})?)?)?${ZONE}))?$`,
);

export interface ParsedDate {
  readonly year: string;
  /** `01` to `12`; undefined where there is none. */
  readonly month: string | undefined;
  readonly day: string | undefined;
  /** Time and zone. */
  readonly rest: string;
  /** Between the parts. */
  readonly dash: '-' | '';
}

/** The parts of a date; null where the text is none. */
export function parsedDate(text: string): ParsedDate | null {
  const iso = ISO.exec(text);
  const [, year = '', month, day, rest = ''] = iso ?? HL7.exec(text) ?? [];
  if (!(Number(year) >= 1)) return null;
  const date = `${year}-${month ?? '01'}-${day ?? '01'}`;
  const time = Date.parse(`${date}T00:00:00Z`);
  // A day that no month has would come back as one of the next month.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(date)) return null;
  return { year, month, day, rest, dash: iso ? '-' : '' };
}
