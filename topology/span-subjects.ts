/**
 * Whom the records of a span are about, noted by lanes that have masked them and met the person on the way: the index
 * lane of the same partition, coming after, need not walk those records again. What nobody noted it finds itself, so a
 * token is the same whoever found it. It holds tokens: it goes with its span.
 */
import type { KeyedHash } from '../keys/audience-keys.ts';
import { giveBackFrame, takeFrame } from '../kafka/frame-pool.ts';
import { Hidden } from '../keys/hidden.ts';
import { personCache } from '../processors/keyed-cache.ts';
import type { KeyedCache } from '../processors/keyed-cache.ts';
import type { MaskedPerson } from '../processors/transcoder.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';

/** 32-bit words of a token. */
export const SUBJECT_TOKEN_WORDS = SUBJECT_TOKEN_BYTES / 4;
/** Of each record: its time, its token, the length of its value, and that it is known. */
const NOTE_BYTES = 8 + SUBJECT_TOKEN_BYTES + 4 + 1;
/** A span of more offsets than this is of a compacted log: most of them are holes, and notes would take more than records. */
const OFFSETS_MAX = 65_536;

export class SpanSubjects extends Hidden {
  /** What tokens are made by. */
  readonly #hash: KeyedHash;
  readonly #cache: KeyedCache;
  readonly #firstOffset: number;
  #memory: Buffer;
  /** By offset, in milliseconds. */
  #timestampsMs: Float64Array;
  #valueBytes: Int32Array;
  #tokens: Int32Array;
  /** 1 where it is known whom the record is about. */
  #known: Uint8Array;
  #isWalked = false;

  private constructor(hash: KeyedHash, firstOffset: number, offsets: number) {
    super();
    this.#hash = hash;
    this.#cache = personCache(hash, SUBJECT_TOKEN_WORDS);
    this.#firstOffset = firstOffset;
    this.#memory = takeFrame(offsets * NOTE_BYTES);
    // One after the other, the widest first: so each begins where its width allows.
    const { buffer } = this.#memory;
    this.#timestampsMs = new Float64Array(buffer, 0, offsets);
    this.#tokens = new Int32Array(buffer, 8 * offsets, SUBJECT_TOKEN_WORDS * offsets);
    this.#valueBytes = new Int32Array(buffer, (8 + SUBJECT_TOKEN_BYTES) * offsets, offsets);
    this.#known = new Uint8Array(buffer, (NOTE_BYTES - 1) * offsets, offsets).fill(0);
  }

  /** For the offsets of a span; null where they are too many. */
  static of(hash: KeyedHash, firstOffset: number, nextOffset: number): SpanSubjects | null {
    const offsets = nextOffset - firstOffset;
    return offsets <= OFFSETS_MAX ? new SpanSubjects(hash, firstOffset, offsets) : null;
  }

  /** Notes whom the record at `offset` is about, of which every byte has been checked. */
  note(
    offset: number,
    { personInput, personView, personStart, personEnd }: MaskedPerson,
    timestampMs: number,
    valueBytes: number,
  ): void {
    const index = offset - this.#firstOffset;
    if (this.#known[index] !== 0) return;
    this.#known[index] = 1;
    this.#timestampsMs[index] = timestampMs;
    this.#valueBytes[index] = valueBytes;
    const at = index * SUBJECT_TOKEN_WORDS;
    // It names nobody.
    if (personEnd <= personStart) {
      this.#tokens.fill(0, at, at + SUBJECT_TOKEN_WORDS);
      return;
    }
    const from = this.#cache.find(personInput, personView, personStart, personEnd) / 4;
    const { words } = this.#cache;
    for (let i = 0; i < SUBJECT_TOKEN_WORDS; i += 1) this.#tokens[at + i] = words[from + i]!;
  }

  /** A lane has walked all batches of the span to their ends. */
  walked(): void {
    this.#isWalked = true;
  }

  /**
   * How many records follow one another from `offset` on, nothing between them, of which all has been noted by that
   * hash; `most` at most, and none before the whole span was walked: a batch whose end is wrong shows only there.
   */
  run(offset: number, most: number, hash: KeyedHash): number {
    if (hash !== this.#hash || !this.#isWalked) return 0;
    const from = offset - this.#firstOffset;
    const end = this.#known.indexOf(0, from);
    return Math.max(0, Math.min(most, (end < 0 ? this.#known.length : end) - from));
  }

  /** Has anybody noted whom the record at `offset` is about, by that hash? */
  knows(offset: number, hash: KeyedHash): boolean {
    return hash === this.#hash && this.#known[offset - this.#firstOffset] === 1;
  }

  /** Of a record that it knows. */
  timestampMs(offset: number): number {
    return this.#timestampsMs[offset - this.#firstOffset]!;
  }

  /** Of a record that it knows. */
  valueBytes(offset: number): number {
    return this.#valueBytes[offset - this.#firstOffset]!;
  }

  /** Writes the tokens of `count` records from `offset` on, all of which it knows, to `out` from `at` on. */
  tokensInto(offset: number, count: number, out: Buffer, at: number): void {
    const from = offset - this.#firstOffset;
    const { buffer, byteOffset } = this.#tokens.subarray(from * SUBJECT_TOKEN_WORDS);
    out.set(new Uint8Array(buffer, byteOffset, count * SUBJECT_TOKEN_BYTES), at);
  }

  /** Gives the memory back: from now on nothing is known, and nothing can be noted. */
  release(): void {
    const memory = this.#memory;
    this.#memory = Buffer.alloc(0);
    this.#isWalked = false;
    this.#known = new Uint8Array(0);
    this.#tokens = this.#valueBytes = new Int32Array(0);
    this.#timestampsMs = new Float64Array(0);
    giveBackFrame(memory);
  }
}
