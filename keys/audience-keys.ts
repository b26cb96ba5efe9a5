/**
 * What the rest of gauze may do with an audience's keys: verbs only, no key bytes.
 * Implemented by keyring.ts. Never prints or returns a key.
 */

/** A keyed hash over bytes: HMAC-SHA-256 truncated to 16 bytes, under a key derived for one purpose. */
export interface KeyedHash {
  /** Writes 16 bytes at `out[at]`: the hash of input[start, end). Allocates nothing. */
  hashInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void;
}

export interface AudienceKeys {
  readonly audience: string;
  /** Which epoch of the audience's root key is in use; part of the plan's context in the audit event. */
  readonly epoch: number;
  /** Keyed hash for pseudonyms of one identifier domain (`patient`, `mrn`); the same object at each call. */
  pseudonyms(domain: string): KeyedHash;
  /** Keyed hash that decides a person's date shift. */
  dateShifts(personSpace: string): KeyedHash;
}
