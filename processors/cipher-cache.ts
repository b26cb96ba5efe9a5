/**
 * Remembers what deterministic ciphers gave for short contents: an identifier comes again and again, and a cipher costs
 * a hundred times as much as this look. Flat tables without an object per entry; one per use of a cipher: 16,384 slots
 * of 146 bytes and a tag of 2 bytes for each, 2.3 MiB, never more. It holds identifiers: it must never be printed.
 */
import { Hidden } from '../keys/hidden.ts';

const SLOTS = 16_384;
/** Slots in which a content may stand. */
const WAYS = 4;
const LONGEST_CONTENT = 48;
const LONGEST_RESULT = 96;
const RESULT_AT = 2 + LONGEST_CONTENT;
const SLOT_BYTES = RESULT_AT + LONGEST_RESULT;

/** What a content becomes; null where it cannot be taken, which is not remembered. */
export type Compute = (content: Uint8Array) => Uint8Array | null;

export class CipherCache extends Hidden {
  readonly #compute: Compute;
  /** 16 bits of each slot's content, other ones than its place tells; 0 where the slot is free. */
  readonly #tags = new Uint16Array(SLOTS);
  readonly #slots = new Uint8Array(SLOTS * SLOT_BYTES);
  /** Where the result of the last `find` stands: good until the next. */
  result: Uint8Array = this.#slots;
  start = 0;
  end = 0;

  constructor(compute: Compute) {
    super();
    this.#compute = compute;
  }

  /** Finds or computes the result of input[start, end); false where it cannot be taken. */
  find(input: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length > LONGEST_CONTENT) return this.#computed(input, start, end);
    let mixed = length;
    for (let i = start; i < end; i += 1) mixed = Math.imul(mixed ^ input[i]!, 0x01000193);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    mixed ^= mixed >>> 13;
    const home = mixed & (SLOTS - WAYS);
    const tag = mixed >>> 16 || 1;
    // Where all ways are taken, the one that the tag points at is taken over.
    let target = home + (tag & (WAYS - 1));
    for (let slot = home; slot < home + WAYS; slot += 1) {
      const found = this.#tags[slot]!;
      if (found === tag && this.#holds(slot, input, start, length)) return this.#pointAt(slot);
      if (found === 0) {
        target = slot;
        break;
      }
    }
    if (!this.#computed(input, start, end)) return false;
    if (this.end - this.start > LONGEST_RESULT) return true;
    const at = target * SLOT_BYTES;
    const slots = this.#slots;
    slots[at] = length;
    slots[at + 1] = this.end - this.start;
    for (let i = 0; i < length; i += 1) slots[at + 2 + i] = input[start + i]!;
    slots.set(this.result, at + RESULT_AT);
    this.#tags[target] = tag;
    return true;
  }

  #holds(slot: number, input: Uint8Array, start: number, length: number): boolean {
    const slots = this.#slots;
    const at = slot * SLOT_BYTES;
    if (slots[at] !== length) return false;
    for (let i = 0; i < length; i += 1) if (slots[at + 2 + i] !== input[start + i]) return false;
    return true;
  }

  #pointAt(slot: number): true {
    const at = slot * SLOT_BYTES;
    this.result = this.#slots;
    this.start = at + RESULT_AT;
    this.end = this.start + this.#slots[at + 1]!;
    return true;
  }

  #computed(input: Uint8Array, start: number, end: number): boolean {
    const result = this.#compute(input.subarray(start, end));
    if (result === null) return false;
    this.result = result;
    this.start = 0;
    this.end = result.length;
    return true;
  }
}

const caches = new WeakMap<object, Map<string, CipherCache>>();

/** The cache of one use of a cipher: the same at each call, so that all plans of an audience share it. */
export function cipherCache(cipher: object, use: string, compute: Compute): CipherCache {
  const uses = caches.get(cipher) ?? new Map<string, CipherCache>();
  caches.set(cipher, uses);
  const cache = uses.get(use) ?? new CipherCache(compute);
  uses.set(use, cache);
  return cache;
}
