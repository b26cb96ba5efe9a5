/**
 * Remembers keyed hashes of identifiers, so that a person seen again costs no hash: a flat table keyed by the
 * identifier's bytes, without strings, maps or an object per entry. One table per keyed hash, thus per audience
 * and domain: 65,536 slots of 64 bytes, 4 MiB, never more. It holds identifiers: it must never be printed.
 */
import { inspect } from 'node:util';
import type { KeyedHash } from '../keys/audience-keys.ts';

const SLOTS = 65_536;
/** A slot in 32-bit words: 4 of hash, 1 of length + 1 (0: free), 11 of identifier. */
const SLOT_WORDS = 16;
const LENGTH_WORD = 4;
const IDENTIFIER_WORD = 5;
const LONGEST_IDENTIFIER = (SLOT_WORDS - IDENTIFIER_WORD) * 4;
/** Slots looked at before the home slot is taken over: bounds what chosen identifiers can cost. */
const WAYS = 4;

// One lookup runs at a time, so scratch is shared.
const words = new Int32Array(SLOT_WORDS - IDENTIFIER_WORD);

export class KeyedCache {
  readonly #hash: KeyedHash;
  readonly #words = new Int32Array((SLOTS + WAYS) * SLOT_WORDS);
  /** The table as bytes: a hash stands at the position that `find` returns. */
  readonly bytes: Buffer = Buffer.from(this.#words.buffer);

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  /** Position in `bytes` of the 16-byte hash of input[start, end); good until the next call. */
  find(input: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST_IDENTIFIER) return this.#hashAt(0, input, start, end, 0);
    const count = loadWords(input, start, end);
    const home = (mix(count, length) & (SLOTS - 1)) * SLOT_WORDS;
    const table = this.#words;
    let target = home;
    for (let slot = home, way = 0; way < WAYS; way += 1, slot += SLOT_WORDS) {
      const mark = table[slot + LENGTH_WORD]!;
      if (mark === 0) {
        target = slot;
        break;
      }
      if (mark !== length + 1) continue;
      let same = 0;
      while (same < count && table[slot + IDENTIFIER_WORD + same] === words[same]) same += 1;
      if (same === count) return slot * 4;
    }
    for (let i = 0; i < count; i += 1) table[target + IDENTIFIER_WORD + i] = words[i]!;
    return this.#hashAt(target, input, start, end, length + 1);
  }

  /** Hashes into the slot and marks it; mark 0 leaves it free, so that nothing is remembered. */
  #hashAt(slot: number, input: Uint8Array, start: number, end: number, mark: number): number {
    this.#words[slot + LENGTH_WORD] = mark;
    this.#hash.hashInto(input, start, end, this.bytes, slot * 4);
    return slot * 4;
  }

  toJSON(): string {
    return '[hidden]';
  }

  [inspect.custom](): string {
    return '[hidden]';
  }
}

/** Loads the identifier into `words`, the last one filled up with zeros; returns how many. */
function loadWords(input: Uint8Array, start: number, end: number): number {
  let count = 0;
  let position = start;
  for (; end - position >= 4; position += 4, count += 1) {
    words[count] =
      input[position]! |
      (input[position + 1]! << 8) |
      (input[position + 2]! << 16) |
      (input[position + 3]! << 24);
  }
  if (position === end) return count;
  let last = 0;
  for (let shift = 0; position < end; position += 1, shift += 8) last |= input[position]! << shift;
  words[count] = last;
  return count + 1;
}

/** Spreads identifiers over the table (the finaliser of MurmurHash3); nothing rests on its strength. */
function mix(count: number, length: number): number {
  let hash = length;
  for (let i = 0; i < count; i += 1) {
    hash = Math.imul(hash ^ words[i]!, 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
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
