/**
 * encrypt: the value under AES-256-GCM-SIV, bound to the place where it stands; whoever holds the keyring opens it.
 * Nonces come from the place, so a record gives the same bytes again, and two values never share one: those of one path
 * in one record are numbered. A value that stands nowhere must never be encrypted.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import {
  contentOfValue,
  contentReader,
  encryptedAs,
  encryptedLeaf,
  encryptedText,
  writeEncrypted,
} from '../encrypted-content.ts';
import type { MaskingMethod } from '../method.ts';

export const ENCRYPT: MaskingMethod<'encrypt'> = {
  name: 'encrypt',
  promise:
    'Unreadable without the keyring, different each time, and of no use in any other field, record, topic or audience.',
  parameters: z.strictObject({}),
  oneToOne: true,
  keepsJoins: false,
  reversible: 'with the key',
  strictness: 25,
  rows: [
    {
      type: 'string, with any logical type',
      comesOut: 'base64url of 45 bytes more than the text has (60 characters and 4 for 3 bytes)',
      derivedSchema: 'string',
    },
    { type: 'bytes, fixed', comesOut: '45 bytes more', derivedSchema: 'bytes' },
    { type: 'fixed (uuid)', comesOut: 'as for its text', derivedSchema: 'string' },
    {
      type: 'int, long, with any logical type',
      comesOut: 'as for the decimal text of the number that is stored (days, milliseconds)',
      derivedSchema: 'string',
    },
    { type: 'float, double, boolean, enum', comesOut: 'as for its text', derivedSchema: 'string' },
  ],
  examples: [
    {
      type: 'string',
      instruction: { method: 'encrypt' },
      given: 'MRN-1',
      // 45 bytes and 5 of the text make 67 characters.
      gives: /^AQAAAA[\w-]{61}$/,
    },
    {
      type: { type: 'int', logicalType: 'date' },
      instruction: { method: 'encrypt' },
      given: '2026-03-02',
      gives: /^AQ/,
    },
  ],
  needsPerson: false,
  accepts: (leaf) => leaf.kind !== 'null',
  derived: encryptedLeaf,

  maskValue(value, leaf, _instruction, { keys, path, place, sealed }) {
    const text = keys.sealer().at(path).seal(place, sealed.next(path), contentOfValue(value, leaf));
    return encryptedAs(leaf) === 'bytes' ? Buffer.from(text) : Buffer.from(text).toString('base64url');
  },

  compile(leaf, _instruction, keys, { path }) {
    const sealer = keys.sealer().at(path);
    const read = contentReader(leaf);
    const isText = encryptedAs(leaf) === 'string';
    return (input, start, end, out, at, state) => {
      if (state.place === null) throw new GauzeError('ERR_INTERNAL', { causeName: 'NoPlace' });
      const sealed = sealer.seal(state.place, state.sealed.next(path), read(input, start, end, state));
      const written = isText ? encryptedText(sealed) : sealed;
      return writeEncrypted(written, 0, written.length, out, at);
    };
  },
};
