/**
 * Remembers keyed hashes of identifiers, so that a person seen again costs no hash: flat tables keyed by the
 * identifier's bytes, without strings, maps or an object per entry. One per keyed hash, thus per audience and
 * domain: 65,536 slots of 96 bytes and a tag of 2 bytes for each, 6.13 MiB, never more.
 * A slot holds the hash twice, as bytes and as hex text: most readers want the text.
 * It holds identifiers: it must never be printed.
 */
import type { KeyedHash } from '../keys/audience-keys.ts';
import { Hidden } from '../keys/hidden.ts';

const SLOTS = 65_536;
/** Slots in which an identifier may stand; their tags lie side by side, so that a miss costs one memory access. */
const WAYS = 4;
/** A slot in 32-bit words: 4 of hash, 8 of its hex text, 1 of length, 11 of identifier. */
const SLOT_WORDS = 24;
const HASH_BYTES = 16;
const LENGTH_WORD = 12;
const IDENTIFIER_WORD = 13;
/** From a hash in `bytes` to its hex text. */
export const HEX_DISTANCE = HASH_BYTES;
const HEX = Buffer.from('0123456789abcdef');
/** The two hex digits of each byte, the first one in the low half. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => HEX[byte >>> 4]! | (HEX[byte & 0x0f]! << 8));
const LONGEST_IDENTIFIER = (SLOT_WORDS - IDENTIFIER_WORD) * 4;
/** The slot beyond the table where hashes of identifiers that are too long to be kept are computed. */
const PASSING_SLOT = SLOTS;

export class KeyedCache extends Hidden {
  readonly #hash: KeyedHash;
  /** 16 bits of each slot's identifier, other ones than its place tells; 0 where the slot is free. */
  readonly #tags = new Uint16Array(SLOTS);
  readonly #slots = new Int32Array((SLOTS + 1) * SLOT_WORDS);
  /** The slots as bytes: a hash stands at the position that `find` returns. */
  readonly bytes: Buffer = Buffer.from(this.#slots.buffer);
  /** The same as a view. */
  readonly view: DataView = new DataView(this.#slots.buffer);

  constructor(hash: KeyedHash) {
    super();
    this.#hash = hash;
  }

  /**
   * Position in `bytes` of the 16-byte hash of input[start, end); good until the next call.
   * `view` is a view of the whole `input`.
   */
  find(input: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST_IDENTIFIER) return this.#hashAt(PASSING_SLOT, input, start, end);
    // Load and mix in one pass. The last word overlaps the one before where the length is no multiple of four: with
    // the length beside them, the words are still those of one identifier only.
    const last = end - 4;
    let mixed = length;
    for (let position = start; position < last; position += 4) {
      mixed = Math.imul(mixed ^ view.getInt32(position, true), 0x85ebca6b);
    }
    const lastWord = last >= start ? view.getInt32(last, true) : shortWord(view, start, end);
    mixed = Math.imul(mixed ^ lastWord, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    mixed ^= mixed >>> 15;
    const home = mixed & (SLOTS - WAYS);
    const tag = mixed >>> 16 || 1;
    const tags = this.#tags;
    // Where all ways are taken, the one that the tag points at is taken over.
    let target = home + (tag & (WAYS - 1));
    for (let slot = home; slot < home + WAYS; slot += 1) {
      const found = tags[slot]!;
      if (found === tag && this.#holds(slot, view, start, last, length, lastWord))
        return slot * SLOT_WORDS * 4;
      if (found === 0) {
        target = slot;
        break;
      }
    }
    tags[target] = tag;
    const from = target * SLOT_WORDS;
    this.#slots[from + LENGTH_WORD] = length;
    let word = from + IDENTIFIER_WORD;
    for (let position = start; position < last; position += 4)
      this.#slots[word++] = view.getInt32(position, true);
    this.#slots[word] = lastWord;
    return this.#hashAt(target, input, start, end);
  }

  /** Whether the slot is that of the identifier. */
  #holds(
    slot: number,
    view: DataView,
    start: number,
    last: number,
    length: number,
    lastWord: number,
  ): boolean {
    const slots = this.#slots;
    const from = slot * SLOT_WORDS;
    if (slots[from + LENGTH_WORD] !== length) return false;
    let word = from + IDENTIFIER_WORD;
    for (let position = start; position < last; position += 4, word += 1) {
      if (slots[word] !== view.getInt32(position, true)) return false;
    }
    return slots[word] === lastWord;
  }

  #hashAt(slot: number, input: Uint8Array, start: number, end: number): number {
    const at = slot * SLOT_WORDS * 4;
    this.#hash.hashInto(input, start, end, this.bytes, at);
    for (let i = 0; i < HASH_BYTES; i += 2) {
      const pair = HEX_PAIRS[this.bytes[at + i]!]! | (HEX_PAIRS[this.bytes[at + i + 1]!]! << 16);
      this.view.setInt32(at + HEX_DISTANCE + 2 * i, pair, true);
    }
    return at;
  }
}

/** One to three bytes as a word. */
function shortWord(view: DataView, start: number, end: number): number {
  let word = 0;
  for (let position = start; position < end; position += 1) word = (word << 8) | view.getUint8(position);
  return word;
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
