/**
 * encrypt-deterministic: the value under AES-256-SIV; equal values of one domain are equal texts inside the audience,
 * so they join, and whoever holds the keyring reads them again. It tells who is the same, how often, and how long the
 * value is; it must never be given what has so few values that this tells which one it is.
 */
import { z } from 'zod';
import type { AudienceKeys } from '../../keys/audience-keys.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { cipherCache } from '../cipher-cache.ts';
import type { CipherCache } from '../cipher-cache.ts';
import {
  contentOfValue,
  contentReader,
  encryptedAs,
  encryptedLeaf,
  encryptedText,
  writeEncrypted,
} from '../encrypted-content.ts';
import type { EncryptedAs } from '../encrypted-content.ts';
import type { MaskingMethod } from '../method.ts';

export const ENCRYPT_DETERMINISTIC: MaskingMethod<'encrypt-deterministic'> = {
  name: 'encrypt-deterministic',
  promise:
    'Unreadable without the keyring; one value is one text in all topics of the audience, and another in every other.',
  parameters: z.strictObject({
    /** Which identifiers share their texts: `patient`, `mrn`. */
    domain: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  }),
  oneToOne: true,
  keepsJoins: true,
  reversible: 'with the key',
  // A pseudonym of the same value tells less: neither its length, nor to the holder of the key what it was.
  strictness: 32,
  rows: [
    {
      type: 'string, also uuid',
      comesOut: 'base64url of 21 bytes more than the text has (28 characters and 4 for 3 bytes)',
      derivedSchema: 'string',
    },
    { type: 'bytes, fixed', comesOut: '21 bytes more', derivedSchema: 'bytes' },
    { type: 'fixed (uuid)', comesOut: 'as for its text', derivedSchema: 'string' },
    { type: 'int, long', comesOut: 'as for its decimal text', derivedSchema: 'string' },
    {
      type: 'dates, times, decimals, float, double, boolean, enum',
      comesOut: 'refused: too few values, or no identifier',
      derivedSchema: '-',
    },
  ],
  examples: [
    {
      type: 'string',
      instruction: { method: 'encrypt-deterministic', domain: 'mrn' },
      given: 'MRN-1',
      // 21 bytes and 5 of the text make 35 characters.
      gives: /^AgAAAA[\w-]{29}$/,
    },
  ],
  needsPerson: false,
  accepts,
  derived: encryptedLeaf,

  maskValue(value, leaf, { domain }, { keys }) {
    const text = Buffer.from(keys.deterministic(domain).encrypt(contentOfValue(value, leaf)));
    return encryptedAs(leaf) === 'bytes' ? text : text.toString('base64url');
  },

  compile(leaf, { domain }, keys) {
    const cache = deterministicCache(keys, domain, encryptedAs(leaf));
    if (leaf.kind === 'string' || encryptedAs(leaf) === 'bytes')
      return (input, start, end, out, at) => {
        cache.find(input, start, end);
        return writeEncrypted(cache.result, cache.start, cache.end, out, at);
      };
    const read = contentReader(leaf);
    return (input, start, end, out, at, state) => {
      const content = read(input, start, end, state);
      cache.find(content, 0, content.length);
      return writeEncrypted(cache.result, cache.start, cache.end, out, at);
    };
  },
};

/** The cache of a domain's texts, shared by all plans of the audience and by its record keys. */
export function deterministicCache(keys: AudienceKeys, domain: string, as: EncryptedAs): CipherCache {
  const cipher = keys.deterministic(domain);
  return cipherCache(cipher, as, (content) =>
    as === 'string' ? encryptedText(cipher.encrypt(content)) : cipher.encrypt(content),
  );
}

function accepts(leaf: AvroLeaf): boolean {
  switch (leaf.kind) {
    case 'string':
    case 'fixed':
      return leaf.logical === null || leaf.logical.name === 'uuid';
    case 'bytes':
    case 'int':
    case 'long':
      return leaf.logical === null;
    default:
      return false;
  }
}
