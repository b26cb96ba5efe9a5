/**
 * format-preserving: FF1 (NIST SP 800-38G) over the characters of an alphabet; length and separators stay. For systems
 * that take nothing but the old format. What has fewer than a million values, or another character, must never pass:
 * the record is withheld.
 */
import { z } from 'zod';
import type { AudienceKeys, FormatCipher, TextFormat } from '../../keys/audience-keys.ts';
import { GauzeError } from '../../platform/errors.ts';
import { cipherCache } from '../cipher-cache.ts';
import { writeEncrypted } from '../encrypted-content.ts';
import { FAULT_FORMAT } from '../fault.ts';
import type { MaskingMethod } from '../method.ts';
import type { Instruction } from '../plan.ts';

const DIGITS = '0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';

/** Alphabets by name: each name has a letter twice, so that none is an alphabet itself. */
const ALPHABETS: Readonly<Record<string, string>> = {
  digits: DIGITS,
  'upper-alphanumeric': DIGITS + UPPER,
  'lower-alphanumeric': DIGITS + LOWER,
  alphanumeric: DIGITS + UPPER + LOWER,
};
const ALPHABET_FORM =
  /^(?:digits|upper-alphanumeric|lower-alphanumeric|alphanumeric|(?!.*(.).*\1)[\x21-\x7e]{2,94})$/;
const SEPARATORS_FORM = /^(?!.*(.).*\1)[\x20-\x7e]{0,32}$/;

export const FORMAT_PRESERVING: MaskingMethod<'format-preserving'> = {
  name: 'format-preserving',
  promise:
    'Looks like the value: as long, of the same characters, separators in place; one value is one text in the audience.',
  parameters: z
    .strictObject({
      /** Which identifiers share their texts: `ssn`, `phone`. */
      domain: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
      /** Characters that change: a name, or two to 94 characters, each once. */
      alphabet: z.string().regex(ALPHABET_FORM).default('digits'),
      /** Characters that stay where they are. */
      separators: z.string().regex(SEPARATORS_FORM).default(' -./()+'),
    })
    .superRefine(({ alphabet, separators }, context) => {
      const characters = charactersOf(alphabet);
      if (separators.split('').some((each) => characters.includes(each)))
        context.addIssue({ code: 'custom', path: ['separators'], message: 'in the alphabet' });
    }),
  oneToOne: true,
  keepsJoins: true,
  reversible: 'with the key',
  // Beside what deterministic encryption tells, it tells the layout.
  strictness: 34,
  rows: [
    {
      type: 'string',
      comesOut:
        'as many characters of the same alphabet, separators in place; withheld with fewer than a million values, other characters, or more than 512',
      derivedSchema: 'string',
    },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    {
      type: 'string',
      instruction: { method: 'format-preserving', domain: 'ssn' },
      given: '900-12-3456',
      gives: /^\d{3}-\d{2}-\d{4}$/,
    },
    {
      type: 'string',
      instruction: { method: 'format-preserving', domain: 'mrn', separators: 'MRN-' },
      given: 'MRN-00012345',
      gives: /^MRN-\d{8}$/,
    },
  ],
  needsPerson: false,
  accepts: (leaf) => leaf.kind === 'string' && leaf.logical === null,

  maskValue(value, _leaf, instruction, { keys }) {
    const text = Buffer.from(value as string, 'utf8');
    if (!cipherOf(instruction, keys).encryptInto(text, 0, text.length, text, 0))
      throw new GauzeError('ERR_MASK_FORMAT');
    return text.toString('latin1');
  },

  compile(_leaf, instruction, keys) {
    const cipher = cipherOf(instruction, keys);
    const cache = cipherCache(cipher, 'text', (content) => {
      const out = new Uint8Array(content.length);
      return cipher.encryptInto(content, 0, content.length, out, 0) ? out : null;
    });
    return (input, start, end, out, at) =>
      cache.find(input, start, end)
        ? writeEncrypted(cache.result, cache.start, cache.end, out, at)
        : FAULT_FORMAT;
  },
};

/** The characters that an alphabet of a policy means: those of its name, or its own. */
export function charactersOf(alphabet: string): string {
  return ALPHABETS[alphabet] ?? alphabet;
}

type Formatted = Extract<Instruction, { method: 'format-preserving' }>;

function cipherOf({ domain, alphabet, separators }: Formatted, keys: AudienceKeys): FormatCipher {
  const format: TextFormat = { alphabet: charactersOf(alphabet), separators };
  return keys.formatPreserving(domain, format);
}
