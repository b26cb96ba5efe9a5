/**
 * Remembers keyed hashes of identifiers, so that a person seen again costs no hash: flat tables keyed by the
 * identifier's bytes, without strings, maps or an object per entry. One per keyed hash, thus per audience and domain.
 * A slot takes 66 bytes. A table begins with 16,384 slots (1.03 MiB) and grows while identifiers come again, to 524,288
 * (33 MiB); all tables of a process together take 256 MiB at most, and then grow no more. Where identifiers hardly ever
 * come again, as those of encounters do, most are hashed without being kept: keeping them would cost more than it saves.
 * Whether they do is told by a sample of them (recurrence-watch.ts), not by the table, which may be too small to see it.
 * It holds identifiers: it must never be printed.
 */
import type { KeyedHash } from '../keys/audience-keys.ts';
import { Hidden } from '../keys/hidden.ts';
import { RecurrenceWatch } from './recurrence-watch.ts';

const SLOTS_MIN = 16_384;
const SLOTS_MAX = 524_288;
const GROWTH = 4;
/** Slots in which an identifier may stand; their tags lie side by side, so that a miss costs one memory access. */
const WAYS = 4;
/** A slot in 32-bit words, one cache line: 4 of hash, 1 of length, 11 of identifier. */
const SLOT_WORDS = 16;
const SLOT_BYTES = SLOT_WORDS * 4;
const TAG_BYTES = 2;
const LENGTH_WORD = 4;
const IDENTIFIER_WORD = 5;
const LONGEST_IDENTIFIER = (SLOT_WORDS - IDENTIFIER_WORD) * 4;
/** What all tables of this process may take before they stop growing, in bytes. */
const ALL_TABLES_BYTES_MAX = 256 * 1024 * 1024;
/** Identifiers come again often enough where at least this share of them does. */
const KNOWN_SHARE_MIN = 1 / 16;
/** How many are hashed without being kept before it is looked again whether they come again: some 500 of them are watched. */
const UNKEPT = 32_768;

let allTablesBytes = 0;
const gone = new FinalizationRegistry<{ readonly bytes: number }>(({ bytes }) => (allTablesBytes -= bytes));

export class KeyedCache extends Hidden {
  readonly #hash: KeyedHash;
  readonly #size = { bytes: 0 };
  #slotCount = 0;
  /** 16 bits of each slot's identifier, other ones than its place tells; 0 where the slot is free. */
  #tags = new Uint16Array(0);
  #slots = new Int32Array(0);
  /** The slots as bytes: a hash stands at the position that `find` returned last. Another buffer after each `find`. */
  bytes: Buffer = Buffer.alloc(0);
  readonly #watch = new RecurrenceWatch(SLOTS_MAX);
  /** How many may still be put in before it is looked whether they come again. */
  #putIn = 0;
  /** How many are still to be hashed without being kept. */
  #unkept = 0;

  constructor(hash: KeyedHash) {
    super();
    this.#hash = hash;
    gone.register(this, this.#size);
    this.#empty(SLOTS_MIN);
  }

  /**
   * Position in `bytes` of the 16-byte hash of input[start, end); good until the next call.
   * `view` is a view of the whole `input`.
   */
  find(input: Uint8Array, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST_IDENTIFIER) return this.#hashAt(this.#slotCount, input, start, end);
    // Load and mix in one pass. The last word overlaps the one before where the length is no multiple of four: with
    // the length beside them, the words are still those of one identifier only.
    const last = end - 4;
    let mixed = length;
    for (let position = start; position < last; position += 4) {
      mixed = Math.imul(mixed ^ view.getInt32(position, true), 0x85ebca6b);
    }
    const lastWord = last >= start ? view.getInt32(last, true) : shortWord(view, start, end);
    mixed = scrambled(Math.imul(mixed ^ lastWord, 0x85ebca6b));
    this.#watch.see(mixed);
    if (this.#unkept > 0) {
      this.#unkept -= 1;
      if (this.#unkept === 0) this.#keepOrNot();
      return this.#hashAt(this.#slotCount, input, start, end);
    }
    const home = mixed & (this.#slotCount - WAYS);
    const tag = tagOf(mixed);
    const tags = this.#tags;
    // Where all ways are taken, the one that the tag points at is taken over.
    let target = home + (tag & (WAYS - 1));
    for (let slot = home; slot < home + WAYS; slot += 1) {
      const found = tags[slot]!;
      if (found === tag && this.#holds(slot, view, start, last, length, lastWord)) return slot * SLOT_BYTES;
      if (found === 0) {
        target = slot;
        break;
      }
    }
    if (this.#putIn === 0 && this.#lookAgain()) return this.find(input, view, start, end);
    this.#putIn -= 1;
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
    const at = slot * SLOT_BYTES;
    this.#hash.hashInto(input, start, end, this.bytes, at);
    return at;
  }

  /** As many identifiers as half of the slots have been put in: what now? True where the table is another one. */
  #lookAgain(): boolean {
    this.#putIn = this.#slotCount >> 1;
    return this.#keepOrNot() && this.#grow();
  }

  /** Do identifiers come again often enough to be kept? */
  #keepOrNot(): boolean {
    const comeAgain = this.#watch.takeShare() >= KNOWN_SHARE_MIN;
    this.#unkept = comeAgain ? 0 : UNKEPT;
    return comeAgain;
  }

  #grow(): boolean {
    const slotCount = Math.min(this.#slotCount * GROWTH, SLOTS_MAX);
    const more = tableBytes(slotCount) - this.#size.bytes;
    if (more === 0 || allTablesBytes + more > ALL_TABLES_BYTES_MAX) return false;
    const [tags, slots] = [this.#tags, this.#slots];
    this.#empty(slotCount);
    for (let slot = 0; slot < tags.length; slot += 1) if (tags[slot] !== 0) this.#take(slots, slot);
    return true;
  }

  #empty(slotCount: number): void {
    allTablesBytes += tableBytes(slotCount) - this.#size.bytes;
    this.#size.bytes = tableBytes(slotCount);
    this.#slotCount = slotCount;
    this.#putIn = slotCount >> 1;
    this.#tags = new Uint16Array(slotCount);
    // One slot more: hashes of identifiers that are not kept are computed there.
    this.#slots = new Int32Array((slotCount + 1) * SLOT_WORDS);
    this.bytes = Buffer.from(this.#slots.buffer);
  }

  /** Takes a slot over from a smaller table. */
  #take(slots: Int32Array, slot: number): void {
    const from = slot * SLOT_WORDS;
    const length = slots[from + LENGTH_WORD]!;
    const words = Math.max(1, Math.ceil(length / 4));
    let mixed = length;
    for (let i = 0; i < words; i += 1)
      mixed = Math.imul(mixed ^ slots[from + IDENTIFIER_WORD + i]!, 0x85ebca6b);
    mixed = scrambled(mixed);
    const home = mixed & (this.#slotCount - WAYS);
    let target = home;
    while (target < home + WAYS && this.#tags[target] !== 0) target += 1;
    // No way left: it will be hashed once more.
    if (target === home + WAYS) return;
    this.#tags[target] = tagOf(mixed);
    this.#slots.set(slots.subarray(from, from + SLOT_WORDS), target * SLOT_WORDS);
  }
}

function tableBytes(slotCount: number): number {
  return slotCount * (SLOT_BYTES + TAG_BYTES);
}

function scrambled(word: number): number {
  const mixed = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 15);
}

function tagOf(mixed: number): number {
  return mixed >>> 16 || 1;
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
