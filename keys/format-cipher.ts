/**
 * Format-preserving encryption with FF1 (NIST SP 800-38G; revision 1, second public draft of February 2025, for the
 * least domain of one million, which the library does not enforce). Characters of the alphabet change, separators stay
 * in their places, anything else is refused. It is not authenticated: a changed text decrypts to another value.
 * Key bytes stay in this object: it must never print them, and never write a character that it could not encrypt.
 */
import { FF1 } from '@noble/ciphers/ff1.js';
import { GauzeError } from '../platform/errors.ts';
import type { FormatCipher, TextFormat } from './audience-keys.ts';
import { Hidden } from './hidden.ts';

/** SP 800-38G rev. 1, 5.1: radix^minlen >= 1,000,000. */
const LEAST_DOMAIN = 1_000_000;
/** FF1's time grows with the square of the length: more characters are no identifier. */
const MOST_NUMERALS = 512;
const AES_KEY_BYTES: readonly number[] = [16, 24, 32];
const FOREIGN = -1;
const SEPARATOR = -2;

export class Ff1Cipher extends Hidden implements FormatCipher {
  readonly #key: Uint8Array;
  readonly #tweak: Uint8Array;
  readonly #radix: number;
  readonly #leastNumerals: number;
  /** What each byte is: a numeral, a separator, or foreign. */
  readonly #numeralOf = new Int16Array(256).fill(FOREIGN);
  readonly #characters: Buffer;

  /** Keeps `key` (16, 24 or 32 bytes). Throws ERR_INTERNAL where the key or the format is none. */
  constructor(key: Uint8Array, tweak: Uint8Array, { alphabet, separators }: TextFormat) {
    super();
    if (!AES_KEY_BYTES.includes(key.length) || !isFormat(alphabet, separators))
      throw new GauzeError('ERR_INTERNAL', { causeName: 'FormatCipher' });
    this.#key = key;
    this.#tweak = tweak;
    this.#radix = alphabet.length;
    this.#leastNumerals = leastNumerals(alphabet.length);
    this.#characters = Buffer.from(alphabet, 'latin1');
    for (const byte of Buffer.from(separators, 'latin1')) this.#numeralOf[byte] = SEPARATOR;
    this.#characters.forEach((byte, numeral) => (this.#numeralOf[byte] = numeral));
  }

  encryptInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
    return this.#into('encrypt', input, start, end, out, at);
  }

  /** The other way; false for what encryptInto never wrote. */
  decryptInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
    return this.#into('decrypt', input, start, end, out, at);
  }

  #into(
    way: 'encrypt' | 'decrypt',
    input: Uint8Array,
    start: number,
    end: number,
    out: Uint8Array,
    at: number,
  ): boolean {
    const numerals: number[] = [];
    for (let i = start; i < end; i += 1) {
      const numeral = this.#numeralOf[input[i]!]!;
      if (numeral === FOREIGN || numerals.length > MOST_NUMERALS) return false;
      if (numeral !== SEPARATOR) numerals.push(numeral);
    }
    if (numerals.length < this.#leastNumerals || numerals.length > MOST_NUMERALS) return false;
    const changed = FF1(this.#radix, this.#key, this.#tweak)[way](numerals);
    numerals.fill(0);
    let next = 0;
    for (let i = start; i < end; i += 1) {
      const isSeparator = this.#numeralOf[input[i]!] === SEPARATOR;
      out[at + i - start] = isSeparator ? input[i]! : this.#characters[changed[next++]!]!;
    }
    return true;
  }
}

/** The fewest characters of an alphabet of `radix` ones that have a million values. */
export function leastNumerals(radix: number): number {
  let count = 0;
  for (let domain = 1; domain < LEAST_DOMAIN; domain *= radix) count += 1;
  return count;
}

/** Is it an alphabet of two or more printable ASCII characters, each once, with separators that are none of them? */
export function isFormat(alphabet: string, separators: string): boolean {
  const all = alphabet + separators;
  return alphabet.length >= 2 && /^[\x20-\x7e]+$/.test(all) && new Set(all).size === all.length;
}
