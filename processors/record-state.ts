/**
 * What one transcoder remembers while it walks one record: numbers only, one object per transcoder,
 * overwritten by the next record. It must never outlive the call it belongs to.
 */
import { yearOfDay } from './civil-date.ts';
import type { RecordPlace } from './method.ts';
import { PathCounts } from './path-counts.ts';
import type { KnownValues } from './text/known-values.ts';

const DAY_MS = 86_400_000;
/** 9999-12-31: a record time may be anything that a producer wrote. */
const LAST_DAY = 2_932_896;

export class RecordState {
  // ---- results of the varint readers
  /** Value of the last long or length read; exact only where `exact` says so. */
  value = 0;
  /** Whether `value` is within +-(2^53 - 1). */
  exact = true;
  /** Items of the last block header read. */
  count = 0;
  /** Where that block must end, or -1 where its header does not say. */
  blockEnd = -1;
  /** Items without a byte of their own met so far in this record. */
  emptyItems = 0;
  /** How many records inside themselves the walk is in. */
  depth = 0;

  // ---- between the parts of a long generated function
  position = 0;
  keptFrom = 0;
  writeAt = 0;

  // ---- the buffers, as views: eight bytes at a time are copied five times as fast as one by one
  inputView: DataView;
  outView: DataView;
  #input: Uint8Array;
  #out: Uint8Array;

  // ---- the record
  /** Bits of the sensitive rules that the record meets. */
  sensitive = 0;
  /** What the record says of its person; null where no leaf is scrubbed. */
  known: { readonly values: KnownValues } | null = null;
  /** Numbers of the values that are encrypted under a nonce. */
  readonly sealed = new PathCounts();
  /** Where the record stands in the raw log; null where only its person is looked for. */
  place: RecordPlace | null = null;
  /** The year in which ages are told. */
  asOfYear = 0;
  /** Where the person's identifier stands as text; an empty range where the record names nobody. */
  personInput: Uint8Array;
  personView: DataView;
  personStart = 0;
  personEnd = 0;
  /** First 32 bits of the person's keyed hash, once asked for. */
  shiftWord = 0;
  shiftKnown = false;
  /** Holds the text of an identifier that is not text in the record. */
  readonly personText: Buffer = Buffer.alloc(64);
  readonly personTextView: DataView = viewOf(this.personText);
  readonly #planAsOfDay: number;
  /** The as-of day that `asOfYear` was made of: records of one day follow one another. */
  #asOfDay: number;

  constructor(planAsOfDay: number) {
    this.#planAsOfDay = planAsOfDay;
    this.#asOfDay = planAsOfDay;
    this.asOfYear = yearOfDay(planAsOfDay);
    this.personInput = this.personText;
    this.personView = this.personTextView;
    this.#input = this.personText;
    this.#out = this.personText;
    this.inputView = viewOf(this.#input);
    this.outView = viewOf(this.#out);
  }

  /** Takes views of the buffers in use; cheap where they are those of the call before. */
  use(input: Uint8Array, out: Uint8Array): void {
    if (input !== this.#input) {
      this.#input = input;
      this.inputView = viewOf(input);
    }
    if (out !== this.#out) {
      this.#out = out;
      this.outView = viewOf(out);
    }
  }

  /** Forgets the record before. `recordTimeMs` may be any number. */
  begin(recordTimeMs: number, place: RecordPlace | null): void {
    this.place = place;
    this.emptyItems = 0;
    this.sealed.clear();
    this.depth = 0;
    this.personStart = 0;
    this.personEnd = 0;
    this.shiftKnown = false;
    const day = asOfDay(this.#planAsOfDay, recordTimeMs);
    if (day === this.#asOfDay) return;
    this.#asOfDay = day;
    this.asOfYear = yearOfDay(day);
  }
}

/** The later of the plan's as-of day and the record's own, in days since 1970-01-01. */
export function asOfDay(planAsOfDay: number, recordTimeMs: number): number {
  const recordDay = Math.floor(Math.min(recordTimeMs / DAY_MS, LAST_DAY));
  return recordDay > planAsOfDay ? recordDay : planAsOfDay;
}

/** A view of all of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
