/**
 * What the rest of gauze may do with an audience's keys: verbs only, no key bytes.
 * Implemented by keyring.ts. Never prints or returns a key.
 */

/** A keyed hash over bytes: HMAC-SHA-256 truncated to 16 bytes, under a key derived for one purpose. */
export interface KeyedHash {
  /** Writes 16 bytes at `out[at]`: the hash of input[start, end). Allocates nothing. */
  hashInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void;
}

/** Where a raw record stands. */
export interface RecordCoordinates {
  /** Kafka's id of the raw topic, 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
}

/** Encryption under a nonce that is made of the place, AES-256-GCM-SIV: no two values under one, the same on replay. */
export interface Sealer {
  /** For values at one path of the audience's records. */
  at(path: string): PlaceSealer;
}

export interface PlaceSealer {
  /** The sealed value. `ordinal`: its number among the values of its path in the record, from 0; none may come twice. */
  seal(coordinates: RecordCoordinates, ordinal: number, content: Uint8Array): Uint8Array;
}

/** Deterministic encryption, AES-256-SIV: the same content gives the same text inside an audience, domain and epoch. */
export interface DeterministicCipher {
  encrypt(content: Uint8Array): Uint8Array;
}

/** What a text that keeps its format is made of. */
export interface TextFormat {
  /** Two or more printable ASCII characters, each once: those that are encrypted. */
  readonly alphabet: string;
  /** Printable ASCII characters that stay as they are, where they are. */
  readonly separators: string;
}

/** Encryption that keeps length, alphabet and separators, FF1. */
export interface FormatCipher {
  /**
   * Writes the encryption of the ASCII text input[start, end) at out[at], as long as it. False, and nothing written,
   * where the text has another character than its format, fewer than a million values, or more than 512 characters.
   */
  encryptInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean;
}

/**
 * How a caller writes identifiers before they are hashed. It changes no hash: it lets merged identifiers be found,
 * which are on record as the records have them.
 */
export interface IdentifierText {
  /** The same name, the same writing. */
  readonly name: string;
  of(text: string): string;
}

export interface AudienceKeys {
  readonly audience: string;
  /** Which epoch of the audience's root key is in use; part of the plan's context in the audit event. */
  readonly epoch: number;
  /** Keyed hash for pseudonyms of one identifier domain (`patient`, `mrn`); the same object at each call. */
  pseudonyms(domain: string, text?: IdentifierText): KeyedHash;
  /** Keyed hash that decides a person's date shift. */
  dateShifts(personSpace: string): KeyedHash;
  /** Encryption bound to the place of a value; the same object at each call. */
  sealer(): Sealer;
  /** Deterministic encryption of one identifier domain; the same object at each call. */
  deterministic(domain: string): DeterministicCipher;
  /** Format-preserving encryption of one identifier domain; the same object at each call. */
  formatPreserving(domain: string, format: TextFormat): FormatCipher;
}
