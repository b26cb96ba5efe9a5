/**
 * A flat table of identifiers and of what keyed hashes made of them: without strings, maps or an object per entry. A row
 * is one cache line: an identifier, and beside it the words of one hash or of several. It has two lines once identifiers
 * come that are too long for one, where its owner allows that. Rows stand in the order in which identifiers came: those
 * that come most often come early, and lie together in few pages of memory. Where a row is, a table of places tells.
 * It holds identifiers: it must never be printed.
 */
import { Hidden } from '../keys/hidden.ts';

/** Places at which an identifier may be looked for; they lie side by side, so that a miss costs one memory access. */
export const WAYS = 4;
/** A place: above, bits of the identifier other than those that lead to it; below, the number of its row, from 1. 0: free. */
export const ROW_BITS = 20;
const ROW_MASK = (1 << ROW_BITS) - 1;
export const ROWS_MAX = 524_288;
const ROWS_MIN = 16_384;
const GROWTH = 4;
/** A cache line in 32-bit words. Of a row: 1 of its state, those of hashes, and the rest for the identifier. */
const LINE_WORDS = 16;
const FIRST_HASH_WORD = 1;
const PLACE_BYTES = 4;
/** The state of a row: the length of its identifier, and above it one bit for the first word of each hash that it has. */
const LENGTH_MASK = 0xff;
const FIRST_HASH_BIT = 8;
/** What all tables of this process may take before they stop growing, in bytes. */
const ALL_TABLES_BYTES_MAX = 256 * 1024 * 1024;

let allTablesBytes = 0;
const gone = new FinalizationRegistry<{ readonly bytes: number }>(({ bytes }) => (allTablesBytes -= bytes));

export class IdentifierTable extends Hidden {
  places = new Int32Array(0);
  /** The rows as words, and as bytes; others once the table has grown. */
  rows = new Int32Array(0);
  bytes: Buffer = Buffer.alloc(0);
  /** How many rows, and places, there are at most. */
  rowCount = 0;
  /** The row asked for last; -1 where there is none. */
  lastRow = -1;
  #used = 0;
  /** How many identifiers may still be put in before it is to be looked whether they come again. */
  room = 0;
  rowWords = LINE_WORDS;
  /** Longest identifier that has a place, in bytes. */
  longest = 0;
  readonly #identifierWord: number;
  readonly #longestEver: number;
  readonly #size = { bytes: 0 };

  /** `hashWords`: 32-bit words of all hashes of an identifier together. `linesMax`: of a row. */
  constructor(hashWords: number, linesMax: number) {
    super();
    this.#identifierWord = FIRST_HASH_WORD + hashWords;
    this.longest = (LINE_WORDS - this.#identifierWord) * 4;
    this.#longestEver = (linesMax * LINE_WORDS - this.#identifierWord) * 4;
    gone.register(this, this.#size);
    this.#empty(ROWS_MIN);
  }

  /** Makes rows wide enough for identifiers of `length` bytes, and forgets all others. False where that is too much. */
  widen(length: number): boolean {
    if (length > this.#longestEver) return false;
    this.rowWords = Math.ceil((this.#identifierWord + length / 4) / LINE_WORDS) * LINE_WORDS;
    this.longest = (this.rowWords - this.#identifierWord) * 4;
    this.#empty(ROWS_MIN);
    return true;
  }

  /** Position in `bytes` of the hash that begins at a row's `word` of hashes. */
  hashAt(row: number, word: number): number {
    return (row * this.rowWords + FIRST_HASH_WORD + word) * 4;
  }

  /** Is `row` that of the identifier between `start` and its last word, at `last`, which is `lastWord`? */
  holds(row: number, view: DataView, start: number, last: number, length: number, lastWord: number): boolean {
    const { rows } = this;
    const from = row * this.rowWords;
    if ((rows[from]! & LENGTH_MASK) !== length) return false;
    let word = from + this.#identifierWord;
    for (let position = start; position < last; position += 4, word += 1) {
      if (rows[word] !== view.getInt32(position, true)) return false;
    }
    return rows[word] === lastWord;
  }

  /** Is the hash there that begins at the row's `word`? */
  has(row: number, word: number): boolean {
    return (this.rows[row * this.rowWords]! & (1 << (FIRST_HASH_BIT + word))) !== 0;
  }

  /** It is there now: only once all of it has been written. */
  mark(row: number, word: number): void {
    this.rows[row * this.rowWords]! |= 1 << (FIRST_HASH_BIT + word);
  }

  /** Puts an identifier at a place, instead of whatever was there, and gives its row; it has no hash yet. */
  put(
    place: number,
    tag: number,
    view: DataView,
    start: number,
    last: number,
    length: number,
    lastWord: number,
  ): number {
    const { rows } = this;
    this.room -= 1;
    const taken = this.places[place]!;
    const row = taken === 0 ? this.#used++ : rowAt(taken);
    this.places[place] = (tag << ROW_BITS) | (row + 1);
    let word = row * this.rowWords;
    rows[word] = length;
    word += this.#identifierWord;
    for (let position = start; position < last; position += 4) rows[word++] = view.getInt32(position, true);
    rows[word] = lastWord;
    return row;
  }

  /** Identifiers may be put in again, half as many as there are rows. */
  makeRoom(): void {
    this.room = this.rowCount >> 1;
  }

  /** False where it is as large as it may be. */
  grow(): boolean {
    const rowCount = Math.min(this.rowCount * GROWTH, ROWS_MAX);
    const more = this.#bytesOf(rowCount) - this.#size.bytes;
    if (more === 0 || allTablesBytes + more > ALL_TABLES_BYTES_MAX) return false;
    const rows = this.rows.subarray(0, this.#used * this.rowWords);
    this.#empty(rowCount);
    for (let from = 0; from < rows.length; from += this.rowWords) this.#take(rows, from);
    return true;
  }

  /** Forgets the hashes that lie in `words` words of each row from `word` on: their next owner has another key. */
  forget(word: number, words: number): void {
    const { rows, rowWords } = this;
    const kept = ~(((1 << words) - 1) << (FIRST_HASH_BIT + word));
    for (let at = 0; at < rows.length; at += rowWords) {
      rows[at]! &= kept;
      rows.fill(0, at + FIRST_HASH_WORD + word, at + FIRST_HASH_WORD + word + words);
    }
  }

  #bytesOf(rowCount: number): number {
    return rowCount * (this.rowWords * 4 + PLACE_BYTES);
  }

  #empty(rowCount: number): void {
    const bytes = this.#bytesOf(rowCount);
    allTablesBytes += bytes - this.#size.bytes;
    this.#size.bytes = bytes;
    this.rowCount = rowCount;
    this.makeRoom();
    this.#used = 0;
    this.lastRow = -1;
    this.places = new Int32Array(rowCount);
    // One row more: hashes of identifiers that are not kept are computed there.
    this.rows = new Int32Array((rowCount + 1) * this.rowWords);
    this.bytes = Buffer.from(this.rows.buffer);
  }

  /** Takes the row over that stands at `from` in those of a smaller table. */
  #take(rows: Int32Array, from: number): void {
    const length = rows[from]! & LENGTH_MASK;
    const words = Math.max(1, Math.ceil(length / 4));
    let mixed = length;
    for (let i = 0; i < words; i += 1) mixed = mixedWith(mixed, rows[from + this.#identifierWord + i]!);
    mixed = scrambled(mixed);
    const home = mixed & (this.rowCount - WAYS);
    let place = home;
    while (place < home + WAYS && this.places[place] !== 0) place += 1;
    // No way left: it will be hashed once more.
    if (place === home + WAYS) return;
    this.places[place] = (tagOf(mixed) << ROW_BITS) | (this.#used + 1);
    this.rows.set(rows.subarray(from, from + this.rowWords), this.#used * this.rowWords);
    this.#used += 1;
  }
}

/** The row that a place tells. */
export function rowAt(place: number): number {
  return (place & ROW_MASK) - 1;
}

export function mixedWith(mixed: number, word: number): number {
  return Math.imul(mixed ^ word, 0x85ebca6b);
}

export function scrambled(word: number): number {
  const mixed = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 15);
}

/** What a place keeps of an identifier: 12 bits with their sign. */
export function tagOf(mixed: number): number {
  return mixed >> ROW_BITS;
}
