/**
 * How a keyed hash looks as text: prefix and encoding as the policy says, inside the frame that the identifier came in.
 * On strings for the oracle, on bytes for the transcoder. It sees hashes and frames of closed lists, never a value.
 */
import type { KeyedCache } from './keyed-cache.ts';
import { URN_OID, URN_UUID } from './identifier-reader.ts';
import type { Instruction } from './plan.ts';

export type PseudonymInstruction = Extract<Instruction, { method: 'pseudonym' }>;

export const HASH_BYTES = 16;
export const UUID_TEXT_BYTES = 36;
/** Length of a pseudonym as hex text. */
const HEX = Buffer.from('0123456789abcdef');
/** The two hex digits of each byte, the first one in the low half. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => HEX[byte >>> 4]! | (HEX[byte & 0x0f]! << 8));
/** RFC 4648, 6, in small letters and without padding: 26 characters for 128 bits. */
const BASE32 = Buffer.from('abcdefghijklmnopqrstuvwxyz234567');
const DASH = 0x2d;
/** OIDs made of UUIDs: ITU-T X.667, 7. */
const UUID_ARC = '2.25.';
/** Longest text: a frame of 34 bytes, a prefix of 16, 32 digits. */
const TEXT_BYTES_MAX = 128;

/** Text of a pseudonym. `hash`: 16 bytes; `frame`: what the identifier came in, empty for nothing. */
export function pseudonymText(hash: Buffer, frame: string, instruction: PseudonymInstruction): string {
  if (frame === 'urn:uuid:') return frame + uuidText(versionEight(hash));
  if (frame === 'urn:oid:') return `${frame}${UUID_ARC}${BigInt(`0x${versionEight(hash).toString('hex')}`)}`;
  const { prefix = '', encoding = 'hex' } = instruction;
  return frame + prefix + (encoding === 'hex' ? hash.toString('hex') : base32(hash));
}

function base32(hash: Buffer): string {
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g)!.map((group) => Number.parseInt(group.padEnd(5, '0'), 2));
  return groups.map((group) => String.fromCodePoint(BASE32[group]!)).join('');
}

export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** RFC 9562, 5.8: version 8 in the high half of byte 6, variant 10 in the high bits of byte 8. */
export function versionEight(hash: Buffer): Buffer {
  const bytes = Buffer.from(hash);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

// ---- the same on bytes

/** Byte `index` of the UUID of version 8 that is made of the hash at hashes[at]. */
export function uuidByte(hashes: Uint8Array, at: number, index: number): number {
  const byte = hashes[at + index]!;
  if (index === 6) return (byte & 0x0f) | 0x80;
  return index === 8 ? (byte & 0x3f) | 0x80 : byte;
}

/** Writes the hash at hashes[from] as 32 hex digits at out[at]; returns the position after them. */
export function writeHex(hashes: Uint8Array, from: number, out: Uint8Array, at: number): number {
  let to = at;
  for (let i = from; i < from + HASH_BYTES; i += 1, to += 2) {
    const pair = HEX_PAIRS[hashes[i]!]!;
    out[to] = pair & 0xff;
    out[to + 1] = pair >>> 8;
  }
  return to;
}

/** Writes the hash at `from` as the text of a UUID of version 8; returns the position after it. */
export function writeUuidText(hashes: Uint8Array, from: number, out: Uint8Array, at: number): number {
  let to = at;
  for (let i = 0; i < HASH_BYTES; i += 1) {
    if (i === 4 || i === 6 || i === 8 || i === 10) out[to++] = DASH;
    const byte = uuidByte(hashes, from, i);
    out[to++] = HEX[byte >>> 4]!;
    out[to++] = HEX[byte & 0x0f]!;
  }
  return to;
}

/** Writes 16 bytes as the text of a UUID, as they are. */
export function writeUuidOf(input: Uint8Array, start: number, out: Uint8Array): void {
  let to = 0;
  for (let i = 0; i < HASH_BYTES; i += 1) {
    if (i === 4 || i === 6 || i === 8 || i === 10) out[to++] = DASH;
    const byte = input[start + i]!;
    out[to++] = HEX[byte >>> 4]!;
    out[to++] = HEX[byte & 0x0f]!;
  }
}

/** Makes the text in a buffer of its own, for what is more than 32 hex digits. */
export class PseudonymWriter {
  readonly text: Buffer = Buffer.alloc(TEXT_BYTES_MAX);
  readonly #prefix: Buffer;
  readonly #encoding: 'hex' | 'base32';

  constructor({ prefix = '', encoding = 'hex' }: PseudonymInstruction) {
    this.#prefix = Buffer.from(prefix, 'latin1');
    this.#encoding = encoding;
  }

  /** Makes the text of the hash at `from` in the cache; returns its length in `text`. */
  write(cache: KeyedCache, from: number, frame: Buffer): number {
    const { text } = this;
    const { bytes } = cache;
    let to = copy(frame, text, 0);
    if (frame === URN_UUID) return writeUuidText(bytes, from, text, to);
    if (frame === URN_OID) return to + this.#writeOid(bytes, from, to);
    to = copy(this.#prefix, text, to);
    if (this.#encoding === 'base32') return writeBase32(bytes, from, text, to);
    return writeHex(bytes, from, text, to);
  }

  /** Allocates: nobody but PACS and document feeds writes identifiers so. */
  #writeOid(bytes: Buffer, from: number, to: number): number {
    const uuid = versionEight(bytes.subarray(from, from + HASH_BYTES));
    return this.text.write(`${UUID_ARC}${BigInt(`0x${uuid.toString('hex')}`)}`, to, 'latin1');
  }
}

function copy(bytes: Buffer, out: Buffer, at: number): number {
  for (let i = 0; i < bytes.length; i += 1) out[at + i] = bytes[i]!;
  return at + bytes.length;
}

function writeBase32(hashes: Uint8Array, from: number, out: Buffer, at: number): number {
  let to = at;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < HASH_BYTES; i += 1) {
    held = (held << 8) | hashes[from + i]!;
    for (bits += 8; bits >= 5; bits -= 5) out[to++] = BASE32[(held >>> (bits - 5)) & 31]!;
    held &= (1 << bits) - 1;
  }
  out[to++] = BASE32[(held << (5 - bits)) & 31]!;
  return to;
}
