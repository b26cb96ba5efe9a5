/**
 * Deterministic authenticated encryption with AES-256-SIV (RFC 5297): the same content is the same text wherever it
 * stands, inside one audience, domain and key epoch, and never outside of them.
 * Key bytes stay in this object: it must never print them, and never give back what did not pass its check.
 *
 * Format, bytes: 1 version (0x02) | 4 key epoch | 16 synthetic IV | encrypted content.
 * Associated data, in this order: version and epoch, view, domain.
 */
import type { DeterministicCipher } from './audience-keys.ts';
import { Hidden } from './hidden.ts';
import { PREFIX_BYTES, writePrefix } from './sealer.ts';
import { sivDecrypt, sivEncrypt } from './siv-modes.ts';

const DETERMINISTIC_VERSION = 0x02;

export class SivCipher extends Hidden implements DeterministicCipher {
  readonly #key: Uint8Array;
  readonly #associated: readonly Uint8Array[];
  readonly #epoch: number;

  /** Keeps `key` (64 bytes); `view` is the audience, or `grant-<id>`. */
  constructor(key: Uint8Array, view: string, domain: string, epoch: number) {
    super();
    this.#key = key;
    this.#epoch = epoch;
    const prefix = new Uint8Array(PREFIX_BYTES);
    writePrefix(prefix, DETERMINISTIC_VERSION, epoch);
    this.#associated = [prefix, Buffer.from(view, 'utf8'), Buffer.from(domain, 'utf8')];
  }

  encrypt(content: Uint8Array): Uint8Array {
    const encrypted = sivEncrypt(this.#key, this.#associated, content);
    const out = new Uint8Array(PREFIX_BYTES + encrypted.length);
    writePrefix(out, DETERMINISTIC_VERSION, this.#epoch);
    out.set(encrypted, PREFIX_BYTES);
    return out;
  }

  /** The content; null unless the text was made by these keys for this domain. */
  decrypt(text: Uint8Array): Buffer | null {
    if (text.length < PREFIX_BYTES || text[0] !== DETERMINISTIC_VERSION) return null;
    return sivDecrypt(this.#key, this.#associated, text.subarray(PREFIX_BYTES));
  }
}
