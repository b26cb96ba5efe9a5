/**
 * pseudonym: a keyed stand-in for an identifier, stable inside one audience, domain and key epoch.
 * What is hashed is the identifier's text, whatever its Avro type, so that it has one pseudonym on all topics.
 * The value must never be written, and nothing of it is kept beside the bounded cache.
 */
import { z } from 'zod';
import { NORMALIZERS, identifierFormOf } from '../identifier-form.ts';
import { identifierHash } from '../identifier-hash.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import type { KeyedHash } from '../../keys/audience-keys.ts';
import type { MaskingMethod } from '../method.ts';
import { pseudonymMasker } from '../pseudonym-masker.ts';
import type { PseudonymShape } from '../pseudonym-masker.ts';
import { HASH_BYTES, pseudonymText, uuidText, versionEight } from '../pseudonym-text.ts';

const LONGEST_PREFIX = 16;
/** A fixed with fewer bytes holds too few pseudonyms: two people would soon share one. */
const FIXED_BYTES_MIN = 8;

function shapeOf(leaf: AvroLeaf): PseudonymShape | null {
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

  compile: (leaf, instruction, keys, { isPerson }) =>
    pseudonymMasker(shapeOf(leaf)!, leaf, instruction, keys, isPerson),
};

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
