/**
 * What is encrypted of a value of each Avro type, and what the encryption becomes: text stays text, bytes stay bytes,
 * everything else is taken as its text, so that whoever decrypts reads it without the schema, and so that an identifier
 * has one encryption whatever its type. Nothing of a value may stay here beyond the call.
 */
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import { intAt, writeInt, writeLongText } from './avro-bytes.ts';
import type { RecordState } from './record-state.ts';

const BASE64URL = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');

/** Strings of base64url come out of text, bytes out of bytes. */
export type EncryptedAs = 'string' | 'bytes';

export function encryptedAs(leaf: AvroLeaf): EncryptedAs {
  const isBytes = leaf.kind === 'bytes' || (leaf.kind === 'fixed' && leaf.logical?.name !== 'uuid');
  return isBytes ? 'bytes' : 'string';
}

/** The type that an encrypted leaf has. */
export function encryptedLeaf(leaf: AvroLeaf): AvroLeaf {
  return { kind: encryptedAs(leaf), logical: null, tags: [] };
}

/** A decoded value as it is encrypted: longs as bigint, bytes and fixed as Buffer, enums as symbol. */
export function contentOfValue(value: unknown, leaf: AvroLeaf): Buffer {
  if (!Buffer.isBuffer(value)) return Buffer.from(numberText(value as Scalar), 'utf8');
  return leaf.logical?.name === 'uuid' ? Buffer.from(uuidText(value), 'latin1') : value;
}

/** What is encrypted of the leaf in input[start, end), as masking methods get it. */
export type ContentReader = (input: Uint8Array, start: number, end: number, state: RecordState) => Uint8Array;

/** The reader of a leaf's type. A result may share memory with `input`, or with the one before. */
export function contentReader(leaf: AvroLeaf): ContentReader {
  switch (leaf.kind) {
    case 'int':
    case 'long': {
      const text = Buffer.alloc(24);
      return (input, start, end, state) => text.subarray(0, writeLongText(input, start, end, text, state));
    }
    case 'float':
      return (input, start) => Buffer.from(numberText(view(input).getFloat32(start, true)), 'latin1');
    case 'double':
      return (input, start) => Buffer.from(numberText(view(input).getFloat64(start, true)), 'latin1');
    case 'boolean':
      return (input, start) => Buffer.from(input[start] === 1 ? 'true' : 'false', 'latin1');
    case 'enum': {
      const symbols = leaf.symbols.map((symbol) => Buffer.from(symbol, 'utf8'));
      return (input, start) => symbols[intAt(input, start)]!;
    }
    case 'fixed':
      if (leaf.logical?.name === 'uuid')
        return (input, start, end) => Buffer.from(uuidText(input.subarray(start, end)), 'latin1');
  }
  return (input, start, end) => input.subarray(start, end);
}

/** Writes what was encrypted as a leaf of its type; returns the position after it, which may be beyond `out`. */
export function writeEncrypted(
  encrypted: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  const content = writeInt(out, at, end - start);
  for (let i = start; i < end; i += 1) out[content + i - start] = encrypted[i]!;
  return content + end - start;
}

/** Encrypted bytes as text: base64url without padding (RFC 4648, 5), in ASCII. */
export function encryptedText(encrypted: Uint8Array): Uint8Array {
  const whole = encrypted.length - (encrypted.length % 3);
  const text = new Uint8Array(Math.ceil((encrypted.length * 4) / 3));
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const bits = (encrypted[i]! << 16) | (encrypted[i + 1]! << 8) | encrypted[i + 2]!;
    text[at++] = BASE64URL[bits >>> 18]!;
    text[at++] = BASE64URL[(bits >>> 12) & 63]!;
    text[at++] = BASE64URL[(bits >>> 6) & 63]!;
    text[at++] = BASE64URL[bits & 63]!;
  }
  if (whole === encrypted.length) return text;
  const bits = (encrypted[whole]! << 16) | ((encrypted[whole + 1] ?? 0) << 8);
  text[at++] = BASE64URL[bits >>> 18]!;
  text[at++] = BASE64URL[(bits >>> 12) & 63]!;
  if (at < text.length) text[at] = BASE64URL[(bits >>> 6) & 63]!;
  return text;
}

type Scalar = string | number | bigint | boolean;

/** Text of a scalar: numbers in their shortest decimal form, minus zero told apart. */
function numberText(value: Scalar): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function view(input: Uint8Array): DataView {
  return new DataView(input.buffer, input.byteOffset, input.byteLength);
}
