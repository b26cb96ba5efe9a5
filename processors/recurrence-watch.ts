/**
 * Watches a sample of identifiers for whether they come again, over a longer time than a small table remembers: by what a
 * table as large as may be would have known. It keeps 32 bits of a hash of each that it watches, and no identifier.
 */

/** One in so many is watched. */
const WATCHED_ONE_IN = 64;
const WATCHED_BITS = Math.log2(WATCHED_ONE_IN);
/** 2^32 over the golden ratio: spreads what is left of the hash once its lowest bits have chosen a slot. */
const SPREAD = 0x9e3779b1;

export class RecurrenceWatch {
  readonly #seen: Int32Array;
  readonly #indexBits: number;
  #watched = 0;
  #known = 0;

  /** `slots`: what the largest table holds; a power of two. */
  constructor(slots: number) {
    this.#seen = new Int32Array(slots / WATCHED_ONE_IN);
    this.#indexBits = Math.log2(this.#seen.length);
  }

  /** Notes an identifier by 32 bits of its hash, mixed well. */
  see(mixed: number): void {
    const spread = Math.imul(mixed, SPREAD);
    if (spread >>> (32 - WATCHED_BITS) !== 0) return;
    const at = (spread >>> (32 - WATCHED_BITS - this.#indexBits)) & (this.#seen.length - 1);
    this.#watched += 1;
    if (this.#seen[at] === mixed) this.#known += 1;
    else this.#seen[at] = mixed;
  }

  /** Which share of those watched since the last call had been seen before; 0 where none was watched. */
  takeShare(): number {
    const share = this.#watched === 0 ? 0 : this.#known / this.#watched;
    this.#watched = 0;
    this.#known = 0;
    return share;
  }
}
