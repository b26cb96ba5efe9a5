/**
 * pseudonym: a keyed stand-in for an identifier, stable inside one audience, domain and key epoch.
 * What is hashed is the identifier's text, whatever its Avro type, so that it has one pseudonym on all topics.
 * The value must never be written, and nothing of it is kept beside the bounded cache.
 */
import { z } from 'zod';
import { writeInt, writeLongText } from '../avro-bytes.ts';
import { NORMALIZERS, identifierFormOf } from '../identifier-form.ts';
import { IdentifierReader } from '../identifier-reader.ts';
import { identifierHash } from '../identifier-hash.ts';
import { keyedCache } from '../keyed-cache.ts';
import type { KeyedCache } from '../keyed-cache.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import type { AudienceKeys, KeyedHash } from '../../keys/audience-keys.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import {
  HASH_BYTES,
  PseudonymWriter,
  UUID_TEXT_BYTES,
  pseudonymText,
  uuidByte,
  uuidText,
  versionEight,
  writeHex,
  writeUuidOf,
  writeUuidText,
} from '../pseudonym-text.ts';
import type { PseudonymInstruction } from '../pseudonym-text.ts';
import { viewOf } from '../record-state.ts';

const LONGEST_PREFIX = 16;
/** A fixed with fewer bytes holds too few pseudonyms: two people would soon share one. */
const FIXED_BYTES_MIN = 8;

/** How a pseudonym looks in one type. */
type Shape = 'text' | 'uuid text' | 'bytes' | 'fixed' | 'uuid bytes' | 'long';

function shapeOf(leaf: AvroLeaf): Shape | null {
  const logical = leaf.logical?.name;
  if (leaf.kind === 'string') return logical === 'uuid' ? 'uuid text' : 'text';
  if (leaf.kind === 'long') return logical ? null : 'long';
  if (leaf.kind === 'bytes') return logical ? null : 'bytes';
  if (leaf.kind !== 'fixed') return null;
  if (logical === 'uuid') return leaf.size === HASH_BYTES ? 'uuid bytes' : null;
  return logical || leaf.size < FIXED_BYTES_MIN ? null : 'fixed';
}

export const PSEUDONYM: MaskingMethod<'pseudonym'> = {
  name: 'pseudonym',
  promise:
    'One identifier has one stand-in across all topics of the audience, and another one in every other audience.',
  parameters: z.strictObject({
    /** Which identifiers share their pseudonyms: `patient`, `mrn`. */
    domain: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
    /** Stands before pseudonyms in strings: `pat_`. No secret, and no part of what is hashed. */
    prefix: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9._-]*$/)
      .max(LONGEST_PREFIX)
      .optional(),
    /** Of strings: 32 hex digits (default), or 26 characters of base32. */
    encoding: z.enum(['hex', 'base32']).optional(),
    /** What of the text does not say who is meant. */
    normalize: z.array(z.enum(NORMALIZERS)).min(1).optional(),
  }),
  oneToOne: true,
  keepsJoins: true,
  reversible: 'no',
  strictness: 30,
  rows: [
    {
      type: 'string',
      comesOut: '`prefix`, then 32 lower-case hex digits (128 bits), or 26 characters of base32',
      derivedSchema: 'string',
    },
    {
      type: 'string (uuid)',
      comesOut: 'a UUID of version 8 (RFC 9562): 122 bits',
      derivedSchema: 'string (uuid)',
    },
    { type: 'bytes', comesOut: '16 bytes', derivedSchema: 'bytes' },
    { type: 'fixed of 8 bytes or more', comesOut: 'as many bytes', derivedSchema: 'the type as it is' },
    {
      type: 'fixed of 16 bytes (uuid)',
      comesOut: 'a UUID of version 8: 122 bits',
      derivedSchema: 'the type as it is',
    },
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
    {
      type: 'string',
      instruction: { method: 'pseudonym', domain: 'patient', prefix: 'pat-', normalize: ['fhir-reference'] },
      given: 'Patient/123',
      gives: /^Patient\/pat-[0-9a-f]{32}$/,
    },
    {
      type: 'string',
      instruction: { method: 'pseudonym', domain: 'mrn', encoding: 'base32' },
      given: 'MRN-1',
      gives: /^[a-z2-7]{26}$/,
    },
  ],
  // What only changes how a pseudonym looks tells no more than before.
  isAsStrict: (a, b) => a.domain === b.domain && isSameList(a.normalize, b.normalize),
  needsPerson: false,
  accepts: (leaf) => shapeOf(leaf) !== null,

  maskValue(value, leaf, instruction, { keys }) {
    const { frame, id } = identifierFormOf(identifierText(value, leaf), instruction.normalize ?? []);
    const keyed = identifierHash(keys, instruction);
    const hash = Buffer.alloc(HASH_BYTES);
    keyed.hashInto(id, 0, id.length, hash, 0);
    switch (shapeOf(leaf)) {
      case 'text':
        return pseudonymText(hash, frame, instruction);
      case 'uuid text':
        return uuidText(versionEight(hash));
      case 'uuid bytes':
        return versionEight(hash);
      case 'long':
        return hash.readBigUInt64BE() & 0x7fff_ffff_ffff_ffffn;
      case 'fixed':
        return stretched(hash, keyed, (leaf as Extract<AvroLeaf, { kind: 'fixed' }>).size);
      default:
        return hash;
    }
  },

  compile: (leaf, instruction, keys) => compileShape(shapeOf(leaf), leaf, instruction, keys),
};

function compileShape(
  shape: Shape | null,
  leaf: AvroLeaf,
  instruction: PseudonymInstruction,
  keys: AudienceKeys,
): LeafMasker {
  const keyed = identifierHash(keys, instruction);
  const cache = keyedCache(keyed);
  const reader = new IdentifierReader(instruction.normalize ?? []);
  switch (shape) {
    case 'text':
      return isPlain(instruction) ? hexMasker(cache) : textMasker(cache, reader, instruction);
    case 'uuid text':
      return uuidTextMasker(cache, reader);
    case 'uuid bytes':
      return uuidBytesMasker(cache, reader);
    case 'long':
      return longMasker(cache, reader);
    case 'fixed':
      return fixedMasker(cache, reader, keyed, (leaf as Extract<AvroLeaf, { kind: 'fixed' }>).size);
    default:
      return bytesMasker(cache, reader);
  }
}

/** 32 hex digits of the text as it is: nothing else to be done. */
function isPlain({ prefix, encoding = 'hex', normalize }: PseudonymInstruction): boolean {
  return prefix === undefined && encoding === 'hex' && normalize === undefined;
}

function isSameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((word) => b.includes(word));
}

/** The text that is hashed: strings and bytes as they are, longs in decimal, UUIDs of 16 bytes as their text. */
function identifierText(value: unknown, leaf: AvroLeaf): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (typeof value === 'bigint') return Buffer.from(value.toString(), 'latin1');
  const bytes = value as Buffer;
  return leaf.logical?.name === 'uuid' ? Buffer.from(uuidText(bytes), 'latin1') : bytes;
}

/** The first `size` bytes of hash, keyed(hash, 1), keyed(hash, 2) ...: as many as a fixed has. */
function stretched(hash: Buffer, keyed: KeyedHash, size: number): Buffer {
  const blocks = [hash];
  for (let counter = 1; blocks.length * HASH_BYTES < size; counter += 1) {
    const input = Buffer.concat([hash, Buffer.from([counter >>> 8, counter])]);
    const block = Buffer.alloc(HASH_BYTES);
    keyed.hashInto(input, 0, input.length, block, 0);
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, size);
}

// ---- the same on bytes

function hexMasker(cache: KeyedCache): LeafMasker {
  return (input, start, end, out, at, state) => {
    out[at] = 64;
    return writeHex(cache, cache.find(input, state.inputView, start, end), out, at + 1, state);
  };
}

function textMasker(
  cache: KeyedCache,
  reader: IdentifierReader,
  instruction: PseudonymInstruction,
): LeafMasker {
  const writer = new PseudonymWriter(instruction);
  const { text } = writer;
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    const length = writer.write(cache, from, reader.frame);
    const to = writeInt(out, at, length);
    for (let i = 0; i < length; i += 1) out[to + i] = text[i]!;
    return to + length;
  };
}

function uuidTextMasker(cache: KeyedCache, reader: IdentifierReader): LeafMasker {
  const hashes = cache.bytes;
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    out[at] = UUID_TEXT_BYTES * 2;
    return writeUuidText(hashes, from, out, at + 1);
  };
}

function bytesMasker(cache: KeyedCache, reader: IdentifierReader): LeafMasker {
  const hashes = cache.bytes;
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    out[at] = HASH_BYTES * 2;
    for (let i = 0; i < HASH_BYTES; i += 1) out[at + 1 + i] = hashes[from + i]!;
    return at + 1 + HASH_BYTES;
  };
}

function fixedMasker(
  cache: KeyedCache,
  reader: IdentifierReader,
  keyed: KeyedHash,
  size: number,
): LeafMasker {
  const hashes = cache.bytes;
  const counted = Buffer.alloc(HASH_BYTES + 2);
  const block = Buffer.alloc(HASH_BYTES);
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    const first = Math.min(size, HASH_BYTES);
    for (let i = 0; i < first; i += 1) out[at + i] = hashes[from + i]!;
    if (size <= HASH_BYTES) return at + size;
    for (let i = 0; i < HASH_BYTES; i += 1) counted[i] = hashes[from + i]!;
    for (let done = HASH_BYTES, counter = 1; done < size; done += HASH_BYTES, counter += 1) {
      counted.writeUInt16BE(counter & 0xffff, HASH_BYTES);
      keyed.hashInto(counted, 0, counted.length, block, 0);
      const length = Math.min(size - done, HASH_BYTES);
      for (let i = 0; i < length; i += 1) out[at + done + i] = block[i]!;
    }
    return at + size;
  };
}

function uuidBytesMasker(cache: KeyedCache, reader: IdentifierReader): LeafMasker {
  const hashes = cache.bytes;
  const text = Buffer.alloc(UUID_TEXT_BYTES);
  const view = viewOf(text);
  return (input, start, _end, out, at) => {
    writeUuidOf(input, start, text);
    reader.read(text, view, 0, UUID_TEXT_BYTES);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    for (let i = 0; i < HASH_BYTES; i += 1) out[at + i] = uuidByte(hashes, from, i);
    return at + HASH_BYTES;
  };
}

function longMasker(cache: KeyedCache, reader: IdentifierReader): LeafMasker {
  const hashes = cache.bytes;
  const text = Buffer.alloc(24);
  const view = viewOf(text);
  return (input, start, end, out, at, state) => {
    reader.read(text, view, 0, writeLongText(input, start, end, text, state));
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
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
