/**
 * Whom the records of a span are about, noted by lanes that have masked them and met the person on the way: the index
 * lane of the same partition, coming after, need not walk those records again. What nobody noted it finds itself, so a
 * token is the same whoever found it. It holds tokens: it goes with its span.
 */
import type { KeyedHash } from '../keys/audience-keys.ts';
import { Hidden } from '../keys/hidden.ts';
import { personCache } from '../processors/keyed-cache.ts';
import type { KeyedCache } from '../processors/keyed-cache.ts';
import type { MaskedPerson } from '../processors/transcoder.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';

/** 32-bit words of a token. */
export const SUBJECT_TOKEN_WORDS = SUBJECT_TOKEN_BYTES / 4;
/** A span of more offsets than this is of a compacted log: most of them are holes, and notes would take more than records. */
const OFFSETS_MAX = 65_536;

export class SpanSubjects extends Hidden {
  /** What tokens are made by. */
  readonly #hash: KeyedHash;
  readonly #cache: KeyedCache;
  readonly #firstOffset: number;
  /** By offset: 1 where it is known whom the record is about. */
  readonly #known: Uint8Array;
  readonly #tokens: Buffer;

  private constructor(hash: KeyedHash, firstOffset: number, offsets: number) {
    super();
    this.#hash = hash;
    this.#cache = personCache(hash, SUBJECT_TOKEN_WORDS);
    this.#firstOffset = firstOffset;
    this.#known = new Uint8Array(offsets);
    this.#tokens = Buffer.alloc(offsets * SUBJECT_TOKEN_BYTES);
  }

  /** For the offsets of a span; null where they are too many. */
  static of(hash: KeyedHash, firstOffset: number, nextOffset: number): SpanSubjects | null {
    const offsets = nextOffset - firstOffset;
    return offsets <= OFFSETS_MAX ? new SpanSubjects(hash, firstOffset, offsets) : null;
  }

  /** Notes whom the record at `offset` is about, of which every byte has been checked. */
  note(offset: number, { personInput, personView, personStart, personEnd }: MaskedPerson): void {
    const index = offset - this.#firstOffset;
    if (this.#known[index] !== 0) return;
    this.#known[index] = 1;
    // It names nobody: its token stays zeros.
    if (personEnd <= personStart) return;
    const from = this.#cache.find(personInput, personView, personStart, personEnd);
    const { bytes } = this.#cache;
    const at = index * SUBJECT_TOKEN_BYTES;
    for (let i = 0; i < SUBJECT_TOKEN_BYTES; i += 1) this.#tokens[at + i] = bytes[from + i]!;
  }

  /** Has anybody noted whom the record at `offset` is about, by that hash? */
  knows(offset: number, hash: KeyedHash): boolean {
    return hash === this.#hash && this.#known[offset - this.#firstOffset] === 1;
  }

  /** Writes the token of a record that it knows to out[at]. */
  tokenInto(offset: number, out: Buffer, at: number): void {
    const from = (offset - this.#firstOffset) * SUBJECT_TOKEN_BYTES;
    for (let i = 0; i < SUBJECT_TOKEN_BYTES; i += 1) out[at + i] = this.#tokens[from + i]!;
  }
}
