/**
 * Pseudonyms on the bytes of one leaf, for each shape that they have. They allocate nothing for identifiers in ASCII, and
 * share with the method on values no more than what defines a pseudonym.
 */
import type { AudienceKeys, KeyedHash } from '../keys/audience-keys.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import { writeInt, writeLongText } from './avro-bytes.ts';
import { identifierHash } from './identifier-hash.ts';
import { IdentifierReader } from './identifier-reader.ts';
import { keyedCache, personCache } from './keyed-cache.ts';
import type { KeyedCache } from './keyed-cache.ts';
import type { LeafMasker } from './method.ts';
import {
  HASH_BYTES,
  PseudonymWriter,
  UUID_TEXT_BYTES,
  uuidByte,
  writeHex,
  writeUuidOf,
  writeUuidText,
} from './pseudonym-text.ts';
import type { PseudonymInstruction } from './pseudonym-text.ts';
import { viewOf } from './record-state.ts';

/** How a pseudonym looks in one type. */
export type PseudonymShape = 'text' | 'uuid text' | 'bytes' | 'fixed' | 'uuid bytes' | 'long';

/** Masks leaves of one shape. */
export function pseudonymMasker(
  shape: PseudonymShape,
  leaf: AvroLeaf,
  instruction: PseudonymInstruction,
  keys: AudienceKeys,
  isPerson: boolean,
): LeafMasker {
  const keyed = identifierHash(keys, instruction);
  const cache = isPerson ? personCache(keyed) : keyedCache(keyed);
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

function hexMasker(cache: KeyedCache): LeafMasker {
  return (input, start, end, out, at, state) => {
    out[at] = 64;
    const from = cache.find(input, state.inputView, start, end);
    return writeHex(cache.bytes, from, out, at + 1);
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
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    out[at] = UUID_TEXT_BYTES * 2;
    return writeUuidText(cache.bytes, from, out, at + 1);
  };
}

function bytesMasker(cache: KeyedCache, reader: IdentifierReader): LeafMasker {
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    out[at] = HASH_BYTES * 2;
    for (let i = 0; i < HASH_BYTES; i += 1) out[at + 1 + i] = cache.bytes[from + i]!;
    return at + 1 + HASH_BYTES;
  };
}

function fixedMasker(
  cache: KeyedCache,
  reader: IdentifierReader,
  keyed: KeyedHash,
  size: number,
): LeafMasker {
  const counted = Buffer.alloc(HASH_BYTES + 2);
  const block = Buffer.alloc(HASH_BYTES);
  return (input, start, end, out, at, state) => {
    reader.read(input, state.inputView, start, end);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    const first = Math.min(size, HASH_BYTES);
    for (let i = 0; i < first; i += 1) out[at + i] = cache.bytes[from + i]!;
    if (size <= HASH_BYTES) return at + size;
    for (let i = 0; i < HASH_BYTES; i += 1) counted[i] = cache.bytes[from + i]!;
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
  const text = Buffer.alloc(UUID_TEXT_BYTES);
  const view = viewOf(text);
  return (input, start, _end, out, at) => {
    writeUuidOf(input, start, text);
    reader.read(text, view, 0, UUID_TEXT_BYTES);
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    for (let i = 0; i < HASH_BYTES; i += 1) out[at + i] = uuidByte(cache.bytes, from, i);
    return at + HASH_BYTES;
  };
}

function longMasker(cache: KeyedCache, reader: IdentifierReader): LeafMasker {
  const text = Buffer.alloc(24);
  const view = viewOf(text);
  return (input, start, end, out, at, state) => {
    reader.read(text, view, 0, writeLongText(input, start, end, text, state));
    const from = cache.find(reader.bytes, reader.view, reader.start, reader.end);
    // Zig-zag doubles the number: the highest of its 64 bits falls off, which leaves 63.
    let high = cache.bytes.readUInt32BE(from);
    let low = cache.bytes.readUInt32BE(from + 4);
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
