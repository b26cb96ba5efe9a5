/**
 * Which records of a raw partition are to be read again: a set of offsets that is worked through in rising order.
 * It holds offsets and codes, and only ever gets smaller.
 */

/** Offsets to do, where records are read again for some of them. */
export interface WantedOffsets {
  has(offset: number): boolean;
  /** There is none behind it. */
  readonly last: number;
}

export class WantedRecords implements WantedOffsets {
  /** The code that each was withheld with. */
  private readonly codes: Map<number, string>;
  private readonly rising: Float64Array;
  private at = 0;
  private taken = 0;

  constructor(codes: ReadonlyMap<number, string>) {
    this.codes = new Map(codes);
    this.rising = Float64Array.from(codes.keys()).sort();
  }

  get size(): number {
    return this.codes.size;
  }

  get last(): number {
    return this.rising.at(-1) ?? -1;
  }

  has(offset: number): boolean {
    return this.codes.has(offset);
  }

  /** The code it was withheld with; null where it is not wanted. */
  codeOf(offset: number): string | null {
    return this.codes.get(offset) ?? null;
  }

  /** Not wanted any more. */
  drop(offset: number): void {
    this.codes.delete(offset);
  }

  /** The first one at or after `from`; null where there is none. `from` never goes back. */
  next(from: number): number | null {
    while (this.at < this.rising.length && (this.rising[this.at]! < from || !this.has(this.rising[this.at]!)))
      this.at++;
    return this.rising[this.at] ?? null;
  }

  /** Those below `end` that are still wanted, rising; they are wanted no more. `end` never goes back. */
  takeBelow(end: number): readonly number[] {
    const taken: number[] = [];
    for (; this.rising[this.taken]! < end; this.taken++) {
      const offset = this.rising[this.taken]!;
      if (this.codes.delete(offset)) taken.push(offset);
    }
    return taken;
  }
}
