/**
 * What one transcoder remembers while it walks one record: numbers only, one object per transcoder,
 * overwritten by the next record. It must never outlive the call it belongs to.
 */

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

  // ---- between the parts of a long generated function
  position = 0;
  keptFrom = 0;
  writeAt = 0;

  // ---- the record
  /** Days since 1970-01-01 at which ages are told. */
  asOfDay = 0;
  /** Where the person's identifier stands as text; an empty range where the record names nobody. */
  personInput: Uint8Array;
  personStart = 0;
  personEnd = 0;
  /** First 32 bits of the person's keyed hash, once asked for. */
  shiftWord = 0;
  shiftKnown = false;
  /** Holds the text of an identifier that is not text in the record. */
  readonly personText: Buffer = Buffer.alloc(64);
  readonly #planAsOfDay: number;

  constructor(planAsOfDay: number) {
    this.#planAsOfDay = planAsOfDay;
    this.personInput = this.personText;
  }

  /** Forgets the record before. `recordTimeMs` may be any number. */
  begin(recordTimeMs: number): void {
    this.emptyItems = 0;
    this.personStart = 0;
    this.personEnd = 0;
    this.shiftKnown = false;
    this.asOfDay = asOfDay(this.#planAsOfDay, recordTimeMs);
  }
}

/** The later of the plan's as-of day and the record's own, in days since 1970-01-01. */
export function asOfDay(planAsOfDay: number, recordTimeMs: number): number {
  const recordDay = Math.floor(Math.min(recordTimeMs / DAY_MS, LAST_DAY));
  return recordDay > planAsOfDay ? recordDay : planAsOfDay;
}
