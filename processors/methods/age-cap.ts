/**
 * age-cap: ages over the limit become one category, "limit + 1 or older" (45 CFR 164.514(b)(2)(i)(C): 90 or older).
 * Ages count whole years: what is beyond the point would tell a month of birth. It must never pass what is no age: a
 * negative number, or a text that is no number of years, withholds the record.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { copyBytes, intAt, longAt, writeInt } from '../avro-bytes.ts';
import { FAULT_DATE_TEXT, FAULT_RANGE } from '../fault.ts';
import { numberReader, numberWriter } from '../number-leaf.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';

/** Words behind a number of years, in lower case; HL7 and DICOM write `a`, `y` and `Y`. */
const YEARS = ['', 'a', 'y', 'yr', 'yrs', 'yo', 'y/o', 'year', 'years', 'year old', 'years old'];
const AGE_TEXT = new RegExp(`^(\\d{1,3})( ?(?:${YEARS.join('|')}))$`, 'i');

export const AGE_CAP: MaskingMethod<'age-cap'> = {
  name: 'age-cap',
  promise: 'An age is true up to `over` whole years; every higher one reads `over` + 1.',
  parameters: z.strictObject({ over: z.int().min(0).max(150).default(89) }),
  oneToOne: false,
  keepsJoins: true,
  reversible: 'no',
  strictness: 40,
  rows: [
    { type: 'int, long', comesOut: 'the age, at most over + 1', derivedSchema: 'the type as it is' },
    {
      type: 'float, double',
      comesOut: 'the age in whole years, at most over + 1',
      derivedSchema: 'the type as it is',
    },
    {
      type: 'string',
      comesOut:
        'of `93`, `93 years`, `093Y` the same with the age, at most over + 1; empty text stays; any other text withholds',
      derivedSchema: 'the type as it is',
    },
    { type: 'all others, and numbers with a logical type', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    { type: 'int', instruction: { method: 'age-cap' }, given: 93, gives: 90 },
    { type: 'int', instruction: { method: 'age-cap' }, given: 41, gives: 41 },
    { type: 'double', instruction: { method: 'age-cap' }, given: 41.75, gives: 41 },
    { type: 'string', instruction: { method: 'age-cap' }, given: '93 years', gives: '90 years' },
  ],
  isAsStrict: (a, b) => a.over <= b.over,
  needsPerson: false,
  accepts: (leaf) =>
    leaf.logical === null && ['int', 'long', 'float', 'double', 'string'].includes(leaf.kind),

  maskValue(value, leaf, { over }) {
    if (typeof value === 'string') return cappedText(value, over);
    if (leaf.kind === 'float' || leaf.kind === 'double') return cappedYears(value as number, over);
    const age = BigInt(value as number | bigint);
    if (age < 0n) throw new GauzeError('ERR_MASK_RANGE');
    const capped = age > BigInt(over) ? BigInt(over + 1) : age;
    return leaf.kind === 'int' ? Number(capped) : capped;
  },

  compile(leaf, { over }) {
    switch (leaf.kind) {
      case 'string':
        return textMasker(over);
      case 'int':
        return (input, start, _end, out, at) => {
          const age = intAt(input, start);
          return age < 0 ? FAULT_RANGE : writeInt(out, at, age > over ? over + 1 : age);
        };
      case 'long':
        return (input, start, end, out, at, state) => {
          longAt(input, start, end, state);
          const age = state.value;
          return age < 0 ? FAULT_RANGE : writeInt(out, at, age > over ? over + 1 : age);
        };
      default:
        return fractionMasker(leaf, over);
    }
  },
};

function cappedYears(value: number, over: number): number {
  if (!(value >= 0 && value < Infinity)) throw new GauzeError('ERR_MASK_RANGE');
  return Math.min(Math.floor(value), over + 1);
}

function cappedText(text: string, over: number): string {
  if (text === '') return text;
  const [, digits, word] = AGE_TEXT.exec(text) ?? [];
  if (digits === undefined) throw new GauzeError('ERR_MASK_DATE_TEXT');
  const age = Number(digits) > over ? String(over + 1).padStart(digits.length, '0') : digits;
  return age + word!;
}

function fractionMasker(leaf: AvroLeaf, over: number): LeafMasker {
  const read = numberReader(leaf);
  const write = numberWriter(leaf);
  return (input, start, end, out, at, state) => {
    const age = read(input, start, end, state);
    // NaN is not either.
    return age >= 0 ? write(out, at, Math.min(Math.floor(age), over + 1), state) : FAULT_RANGE;
  };
}

function textMasker(over: number): LeafMasker {
  const words = YEARS.map((word) => Buffer.from(word, 'latin1'));
  return (input, start, end, out, at) => {
    if (start === end) return writeInt(out, at, 0);
    let p = start;
    let age = 0;
    for (; p < end && p < start + 3 && isDigit(input[p]!); p += 1) age = age * 10 + input[p]! - 0x30;
    const digits = p - start;
    const word = p < end && input[p] === 0x20 ? p + 1 : p;
    if (digits === 0 || !isOneOf(words, input, word, end)) return FAULT_DATE_TEXT;
    const told = age > over ? over + 1 : age;
    const width = Math.max(digits, told > 99 ? 3 : told > 9 ? 2 : 1);
    let w = writeInt(out, at, width + end - p);
    for (let place = width - 1, rest = told; place >= 0; place -= 1, rest = Math.floor(rest / 10))
      out[w + place] = 0x30 + (rest % 10);
    w += width;
    return copyBytes(input, p, end, out, w);
  };
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isOneOf(words: readonly Buffer[], input: Uint8Array, at: number, end: number): boolean {
  for (const word of words) if (isWord(input, at, end, word)) return true;
  return false;
}

/** Is input[at, end) the word, in any case? */
function isWord(input: Uint8Array, at: number, end: number, word: Buffer): boolean {
  if (end - at !== word.length) return false;
  for (let i = 0; i < word.length; i += 1) {
    const byte = input[at + i]!;
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== word[i]) return false;
  }
  return true;
}
