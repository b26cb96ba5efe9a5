/**
 * age-cap: ages over the limit become one category, "limit + 1 or older" (45 CFR 164.514(b)(2)(i)(C): 90 or older).
 * It must never pass a number that is no age: a negative one withholds the record.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import { intAt, longAt, writeInt } from '../avro-bytes.ts';
import { FAULT_RANGE } from '../fault.ts';
import type { MaskingMethod } from '../method.ts';

export const AGE_CAP: MaskingMethod<'age-cap'> = {
  name: 'age-cap',
  promise: 'An age is true up to `over` years; every higher one reads `over` + 1.',
  parameters: z.strictObject({ over: z.int().min(0).max(150).default(89) }),
  oneToOne: false,
  keepsJoins: true,
  reversible: 'no',
  strictness: 40,
  rows: [
    { type: 'int, long', comesOut: 'the age, at most over + 1', derivedSchema: 'the type as it is' },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    { type: 'int', instruction: { method: 'age-cap' }, given: 93, gives: 90 },
    { type: 'int', instruction: { method: 'age-cap' }, given: 41, gives: 41 },
  ],
  isAsStrict: (a, b) => a.over <= b.over,
  needsPerson: false,
  accepts: (leaf) => (leaf.kind === 'int' || leaf.kind === 'long') && leaf.logical === null,

  maskValue(value, leaf, { over }) {
    const age = BigInt(value as number | bigint);
    if (age < 0n) throw new GauzeError('ERR_MASK_RANGE');
    const capped = age > BigInt(over) ? BigInt(over + 1) : age;
    return leaf.kind === 'int' ? Number(capped) : capped;
  },

  compile(leaf, { over }) {
    if (leaf.kind === 'int') {
      return (input, start, _end, out, at) => {
        const age = intAt(input, start);
        return age < 0 ? FAULT_RANGE : writeInt(out, at, age > over ? over + 1 : age);
      };
    }
    return (input, start, end, out, at, state) => {
      longAt(input, start, end, state);
      const age = state.value;
      return age < 0 ? FAULT_RANGE : writeInt(out, at, age > over ? over + 1 : age);
    };
  },
};
