/**
 * pseudonym: a keyed stand-in for an identifier, stable inside one audience, domain and key epoch.
 * What is hashed is the identifier's text, whatever its Avro type, so that it has one pseudonym on all topics.
 * The value must never be written, and nothing of it is kept beside the bounded cache.
 */
import { z } from 'zod';
import { writeLongText } from '../avro-bytes.ts';
import { HEX_DISTANCE, keyedCache } from '../keyed-cache.ts';
import type { KeyedCache } from '../keyed-cache.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import { viewOf } from '../record-state.ts';
import type { RecordState } from '../record-state.ts';

const HASH_BYTES = 16;
/** Length of a pseudonym as text. */
const HEX_PSEUDONYM_BYTES = 32;
const HEX = Buffer.from('0123456789abcdef');
/** Where the dashes of a UUID's text stand: before these bytes. */
const DASH = 0x2d;
const UUID_TEXT_BYTES = 36;

/** How a pseudonym looks in one type. */
type Shape = 'hex' | 'uuid text' | 'bytes' | 'uuid bytes' | 'long';

function shapeOf(leaf: AvroLeaf): Shape | null {
  const logical = leaf.logical?.name;
  if (leaf.kind === 'string') return logical === 'uuid' ? 'uuid text' : 'hex';
  if (leaf.kind === 'long') return logical ? null : 'long';
  if (leaf.kind === 'bytes') return logical ? null : 'bytes';
  if (leaf.kind !== 'fixed' || leaf.size !== HASH_BYTES) return null;
  if (logical === 'uuid') return 'uuid bytes';
  return logical ? null : 'bytes';
}

export const PSEUDONYM: MaskingMethod<'pseudonym'> = {
  name: 'pseudonym',
  promise:
    'One identifier has one stand-in across all topics of the audience, and another one in every other audience.',
  parameters: z.strictObject({
    /** Which identifiers share their pseudonyms: `patient`, `mrn`. */
    domain: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  }),
  oneToOne: true,
  keepsJoins: true,
  reversible: 'no',
  strictness: 30,
  rows: [
    { type: 'string', comesOut: '32 lower-case hex digits', derivedSchema: 'string' },
    { type: 'string (uuid)', comesOut: 'a UUID of version 8 (RFC 9562)', derivedSchema: 'string (uuid)' },
    { type: 'bytes', comesOut: '16 bytes', derivedSchema: 'bytes' },
    { type: 'fixed of 16 bytes', comesOut: '16 bytes', derivedSchema: 'the type as it is' },
    { type: 'fixed of 16 bytes (uuid)', comesOut: 'a UUID of version 8', derivedSchema: 'the type as it is' },
    { type: 'long', comesOut: 'a number from 0 to 2^63 - 1', derivedSchema: 'long' },
    { type: 'all others', comesOut: 'refused: too few values, or no identifier', derivedSchema: '-' },
  ],
  examples: [
    {
      type: 'string',
      instruction: { method: 'pseudonym', domain: 'mrn' },
      given: 'MRN-1',
      gives: /^[0-9a-f]{32}$/,
    },
  ],
  needsPerson: false,
  accepts: (leaf) => shapeOf(leaf) !== null,

  maskValue(value, leaf, { domain }, { keys }) {
    const text = identifierText(value, leaf);
    const hash = Buffer.alloc(HASH_BYTES);
    keys.pseudonyms(domain).hashInto(text, 0, text.length, hash, 0);
    switch (shapeOf(leaf)) {
      case 'hex':
        return hash.toString('hex');
      case 'uuid text':
        return uuidText(versionEight(hash));
      case 'uuid bytes':
        return versionEight(hash);
      case 'long':
        return hash.readBigUInt64BE() & 0x7fff_ffff_ffff_ffffn;
      default:
        return hash;
    }
  },

  compile(leaf, { domain }, keys) {
    const cache = keyedCache(keys.pseudonyms(domain));
    switch (shapeOf(leaf)) {
      case 'hex':
        return hexMasker(cache);
      case 'uuid text':
        return uuidTextMasker(cache);
      case 'uuid bytes':
        return uuidBytesMasker(cache);
      case 'long':
        return longMasker(cache);
      default:
        return leaf.kind === 'bytes' ? bytesMasker(cache, true) : bytesMasker(cache, false);
    }
  },
};

/** The text that is hashed: strings and bytes as they are, longs in decimal, UUIDs of 16 bytes as their text. */
export function identifierText(value: unknown, leaf: AvroLeaf): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (typeof value === 'bigint') return Buffer.from(value.toString(), 'latin1');
  const bytes = value as Buffer;
  return leaf.logical?.name === 'uuid' ? Buffer.from(uuidText(bytes), 'latin1') : bytes;
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** RFC 9562, 5.8: version 8 in the high half of byte 6, variant 10 in the high bits of byte 8. */
function versionEight(hash: Buffer): Buffer {
  const bytes = Buffer.from(hash);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

// ---- the same on bytes

/** Byte `index` of the UUID of version 8 that is made of the hash at hashes[at]. */
function uuidByte(hashes: Uint8Array, at: number, index: number): number {
  const byte = hashes[at + index]!;
  if (index === 6) return (byte & 0x0f) | 0x80;
  return index === 8 ? (byte & 0x3f) | 0x80 : byte;
}

function hexMasker(cache: KeyedCache): LeafMasker {
  return (input, start, end, out, at, state) => {
    out[at] = HEX_PSEUDONYM_BYTES * 2;
    return writeHex(cache, cache.find(input, state.inputView, start, end), out, at + 1, state);
  };
}

/** Writes the hash at `from` in the cache as 32 hex digits at out[at]; returns the position after them. */
export function writeHex(
  cache: KeyedCache,
  from: number,
  out: Uint8Array,
  at: number,
  state: RecordState,
): number {
  const next = at + HEX_PSEUDONYM_BYTES;
  // A view throws beyond its end, where an array does nothing.
  if (next > out.length) return next;
  const { outView } = state;
  const { view } = cache;
  const text = from + HEX_DISTANCE;
  outView.setBigUint64(at, view.getBigUint64(text, true), true);
  outView.setBigUint64(at + 8, view.getBigUint64(text + 8, true), true);
  outView.setBigUint64(at + 16, view.getBigUint64(text + 16, true), true);
  outView.setBigUint64(at + 24, view.getBigUint64(text + 24, true), true);
  return next;
}

function uuidTextMasker(cache: KeyedCache): LeafMasker {
  const hashes = cache.bytes;
  return (input, start, end, out, at, state) => {
    const from = cache.find(input, state.inputView, start, end);
    out[at] = UUID_TEXT_BYTES * 2;
    let to = at + 1;
    for (let i = 0; i < HASH_BYTES; i += 1) {
      if (i === 4 || i === 6 || i === 8 || i === 10) out[to++] = DASH;
      const byte = uuidByte(hashes, from, i);
      out[to++] = HEX[byte >>> 4]!;
      out[to++] = HEX[byte & 0x0f]!;
    }
    return to;
  };
}

function bytesMasker(cache: KeyedCache, withLength: boolean): LeafMasker {
  const hashes = cache.bytes;
  return (input, start, end, out, at, state) => {
    const from = cache.find(input, state.inputView, start, end);
    let to = at;
    if (withLength) out[to++] = HASH_BYTES * 2;
    for (let i = 0; i < HASH_BYTES; i += 1) out[to++] = hashes[from + i]!;
    return to;
  };
}

function uuidBytesMasker(cache: KeyedCache): LeafMasker {
  const hashes = cache.bytes;
  const text = Buffer.alloc(UUID_TEXT_BYTES);
  const view = viewOf(text);
  return (input, start, _end, out, at) => {
    let length = 0;
    for (let i = 0; i < HASH_BYTES; i += 1) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text[length++] = DASH;
      const byte = input[start + i]!;
      text[length++] = HEX[byte >>> 4]!;
      text[length++] = HEX[byte & 0x0f]!;
    }
    const from = cache.find(text, view, 0, UUID_TEXT_BYTES);
    for (let i = 0; i < HASH_BYTES; i += 1) out[at + i] = uuidByte(hashes, from, i);
    return at + HASH_BYTES;
  };
}

function longMasker(cache: KeyedCache): LeafMasker {
  const hashes = cache.bytes;
  const text = Buffer.alloc(24);
  const view = viewOf(text);
  return (input, start, end, out, at, state) => {
    const from = cache.find(text, view, 0, writeLongText(input, start, end, text, state));
    // Zig-zag doubles the number: the highest of its 64 bits falls off, which leaves 63.
    let high = hashes.readUInt32BE(from);
    let low = hashes.readUInt32BE(from + 4);
    high = ((high << 1) | (low >>> 31)) >>> 0;
    low = (low << 1) >>> 0;
    let to = at;
    while (high > 0 || low > 0x7f) {
      out[to++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    out[to] = low;
    return to + 1;
  };
}
