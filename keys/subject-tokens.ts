/**
 * Subject tokens: short keyed stand-ins for persons, found only in the index of persons, in audit events and in
 * approvals (design: never in a sanitized or grant record). They come from a root of their own, so that no token
 * is ever a pseudonym. Key bytes stay in this room; no token is ever printed.
 */
import { createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { deriveKeyedHash } from './derivation.ts';
import type { KeyedHash } from './audience-keys.ts';
import { Hidden } from './hidden.ts';

const TOKEN_BYTES = 8;
const HASH_BYTES = 16;

export interface SubjectTokens {
  /** Which epoch of the root key is in use; tokens of different epochs never meet. */
  readonly epoch: number;
  /**
   * Writes 8 bytes at `out[at]`: the token of the identifier input[start, end) in the identifier space `space`
   * (`patient`). Equal identifiers of one space have equal tokens, whatever topic they come from.
   */
  tokenInto(space: string, input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void;
  /** The keyed hash whose first 8 bytes are a token; the same object at each call, for those who remember hashes. */
  hash(space: string): KeyedHash;
}

/** The identifier space of persons (design: words). */
const PERSON_SPACE = 'patient';

/** The token of a person by an id as the records have it. */
export function tokenOf(tokens: SubjectTokens, id: string): Buffer {
  const text = Buffer.from(id, 'utf8');
  const token = Buffer.alloc(TOKEN_BYTES);
  tokens.tokenInto(PERSON_SPACE, text, 0, text.length, token, 0);
  return token;
}

/** The tokens under one root key (32 random bytes, wiped by the caller) and epoch. */
export class RootSubjectTokens extends Hidden implements SubjectTokens {
  readonly epoch: number;
  readonly #root: KeyObject;
  readonly #hashes = new Map<string, KeyedHash>();
  readonly #hash = new Uint8Array(HASH_BYTES);

  constructor(root: Uint8Array, epoch: number) {
    super();
    this.epoch = epoch;
    this.#root = createSecretKey(root);
  }

  tokenInto(space: string, input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
    this.hash(space).hashInto(input, start, end, this.#hash, 0);
    for (let i = 0; i < TOKEN_BYTES; i += 1) out[at + i] = this.#hash[i]!;
  }

  hash(space: string): KeyedHash {
    let hash = this.#hashes.get(space);
    if (!hash) {
      // Belongs to no audience: that is what lets the same person be found again in every topic.
      const context = { purpose: 'subject-token', audience: '', domain: space, epoch: this.epoch } as const;
      hash = deriveKeyedHash(this.#root, context);
      this.#hashes.set(space, hash);
    }
    return hash;
  }
}
