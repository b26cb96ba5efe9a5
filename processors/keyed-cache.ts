/**
 * Remembers keyed hashes of identifiers, so that a person seen again costs no hash: flat tables keyed by the
 * identifier's bytes, without strings, maps or an object per entry. One per keyed hash, thus per audience and
 * domain: 65,536 slots of 64 bytes and a tag of 4 bytes for each, 4.25 MiB, never more.
 * It holds identifiers: it must never be printed.
 */
import { inspect } from 'node:util';
import type { KeyedHash } from '../keys/audience-keys.ts';

const SLOTS = 65_536;
/** Slots in which an identifier may stand; their tags lie side by side, so that a miss costs one memory access. */
const WAYS = 4;
/** A slot in 32-bit words: 4 of hash, 1 of length, 11 of identifier. */
const SLOT_WORDS = 16;
const LENGTH_WORD = 4;
const IDENTIFIER_WORD = 5;
const LONGEST_IDENTIFIER = (SLOT_WORDS - IDENTIFIER_WORD) * 4;
/** The slot beyond the table where hashes of identifiers that are too long to be kept are computed. */
const PASSING_SLOT = SLOTS;
const HIDDEN = '[hidden]';

// One lookup runs at a time, so scratch is shared.
const words = new Int32Array(SLOT_WORDS - IDENTIFIER_WORD);

export class KeyedCache {
  readonly #hash: KeyedHash;
  /** 32 bits of each slot's identifier; 0 where the slot is free. */
  readonly #tags = new Int32Array(SLOTS);
  readonly #slots = new Int32Array((SLOTS + 1) * SLOT_WORDS);
  /** The slots as bytes: a hash stands at the position that `find` returns. */
  readonly bytes: Buffer = Buffer.from(this.#slots.buffer);

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  /**
   * Position in `bytes` of the 16-byte hash of input[start, end); good until the next call.
   * `view` is a view of the whole `input`.
   */
  find(input: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST_IDENTIFIER) return this.#hashAt(PASSING_SLOT, input, start, end);
    const count = loadWords(view, start, end);
    const tag = mix(count, length) || 1;
    const home = tag & (SLOTS - WAYS);
    const tags = this.#tags;
    // Where all ways are taken, the one that the tag points at is taken over.
    let target = home + ((tag >>> 16) & (WAYS - 1));
    for (let slot = home; slot < home + WAYS; slot += 1) {
      const found = tags[slot]!;
      if (found === tag && this.#holds(slot, count, length)) return slot * SLOT_WORDS * 4;
      if (found === 0) {
        target = slot;
        break;
      }
    }
    tags[target] = tag;
    const from = target * SLOT_WORDS;
    this.#slots[from + LENGTH_WORD] = length;
    for (let i = 0; i < count; i += 1) this.#slots[from + IDENTIFIER_WORD + i] = words[i]!;
    return this.#hashAt(target, input, start, end);
  }

  /** Whether the slot is that of the identifier in `words`. */
  #holds(slot: number, count: number, length: number): boolean {
    const slots = this.#slots;
    const from = slot * SLOT_WORDS;
    if (slots[from + LENGTH_WORD] !== length) return false;
    for (let i = 0; i < count; i += 1) {
      if (slots[from + IDENTIFIER_WORD + i] !== words[i]) return false;
    }
    return true;
  }

  #hashAt(slot: number, input: Uint8Array, start: number, end: number): number {
    const at = slot * SLOT_WORDS * 4;
    this.#hash.hashInto(input, start, end, this.bytes, at);
    return at;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/**
 * Loads the identifier into `words`; returns how many. The last word overlaps the one before where the length is
 * no multiple of four: with the length beside them, the words are still those of one identifier only.
 */
function loadWords(view: DataView, start: number, end: number): number {
  let count = 0;
  let position = start;
  for (; end - position >= 4; position += 4, count += 1) words[count] = view.getInt32(position, true);
  if (position === end) return count;
  words[count] = count > 0 ? view.getInt32(end - 4, true) : shortWord(view, start, end);
  return count + 1;
}

/** One to three bytes as a word. */
function shortWord(view: DataView, start: number, end: number): number {
  let word = 0;
  for (let position = start; position < end; position += 1) word = (word << 8) | view.getUint8(position);
  return word;
}

/** Spreads identifiers over the table; nothing rests on its strength but speed. */
function mix(count: number, length: number): number {
  let hash = length;
  for (let i = 0; i < count; i += 1) hash = Math.imul(hash ^ words[i]!, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

const caches = new WeakMap<KeyedHash, KeyedCache>();

/** The cache of a keyed hash: the same at each call, so that all plans of an audience share it. */
export function keyedCache(hash: KeyedHash): KeyedCache {
  let cache = caches.get(hash);
  if (!cache) {
    cache = new KeyedCache(hash);
    caches.set(hash, cache);
  }
  return cache;
}
