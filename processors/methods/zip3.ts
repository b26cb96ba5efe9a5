/**
 * zip3: the first three digits of a ZIP code where more than 20,000 people live under them, else "000"
 * (45 CFR 164.514(b)(2)(i)(B)). Whatever is not plainly a ZIP code must become "000", never pass.
 */
import { z } from 'zod';
import { POPULOUS_ZIP3, POPULOUS_ZIP3_SHA256 } from './zip3-table.ts';
import type { MaskingMethod } from '../method.ts';

const ZERO = 0x30;
const NINE = 0x39;
const WITHHELD = '000';
/** Five digits with anything after them, or the three digits alone. */
const ZIP = /^(?:(\d{3})\d{2}|(\d{3})$)/;

/** allowed[n] is 1 where the prefix n is populous. */
const allowed = new Uint8Array(1000);
for (const prefix of POPULOUS_ZIP3) allowed[Number(prefix)] = 1;

export const ZIP3: MaskingMethod<'zip3'> = {
  name: 'zip3',
  promise: 'Three digits of the ZIP code where more than 20,000 people share them, else "000".',
  parameters: z.strictObject({}),
  oneToOne: false,
  keepsJoins: true,
  reversible: 'no',
  strictness: 40,
  rows: [
    { type: 'string', comesOut: 'three digits: the prefix, or "000"', derivedSchema: 'string' },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    { type: 'string', instruction: { method: 'zip3' }, given: '90210', gives: '902' },
    { type: 'string', instruction: { method: 'zip3' }, given: '03601', gives: '000' },
  ],
  tableSha256: POPULOUS_ZIP3_SHA256,
  needsPerson: false,
  accepts: (leaf) => leaf.kind === 'string' && leaf.logical === null,

  maskValue(value) {
    const match = ZIP.exec(value as string);
    const prefix = match?.[1] ?? match?.[2];
    return prefix !== undefined && POPULOUS_ZIP3.has(prefix) ? prefix : WITHHELD;
  },

  compile() {
    return (input, start, end, out, at) => {
      const prefix = zipPrefix(input, start, end);
      const shown = allowed[prefix] === 1 ? prefix : 0;
      out[at] = 6;
      out[at + 1] = ZERO + Math.floor(shown / 100);
      out[at + 2] = ZERO + (Math.floor(shown / 10) % 10);
      out[at + 3] = ZERO + (shown % 10);
      return at + 4;
    };
  },
};

/** The first three digits as a number; 0, which no place has, where the text is no ZIP code. */
function zipPrefix(input: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length !== 3 && length < 5) return 0;
  const digits = length === 3 ? 3 : 5;
  let prefix = 0;
  for (let i = 0; i < digits; i += 1) {
    const digit = input[start + i]!;
    if (digit < ZERO || digit > NINE) return 0;
    if (i < 3) prefix = prefix * 10 + digit - ZERO;
  }
  return prefix;
}
