/**
 * mask: characters of a text are replaced by one sign, all or all but some at its ends. Counted are code points.
 * It must never keep a whole text because it is short, and never pass bytes that are no UTF-8: they withhold.
 */
import { z } from 'zod';
import { writeLong } from '../avro-bytes.ts';
import { FAULT_VALUE } from '../fault.ts';
import { codePointAt, codePointBytes } from '../utf8.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import type { Instruction } from '../plan.ts';

type Mask = Extract<Instruction, { method: 'mask' }>;

const COUNT = z.int().min(0).max(1000);

export const MASK: MaskingMethod<'mask'> = {
  name: 'mask',
  promise:
    'Only the characters that the policy keeps are left; a text that is no longer than those is replaced whole. Its length stays.',
  parameters: z
    .strictObject({
      character: z
        .string()
        .refine((text) => Array.from(text).length === 1)
        .default('*'),
      keepFirst: COUNT.default(0),
      keepLast: COUNT.default(0),
      count: COUNT.min(1).optional(),
      from: z.enum(['start', 'end']).optional(),
      ignore: z.string().max(32).default(''),
    })
    .refine(({ count, from, keepFirst, keepLast }) =>
      count === undefined ? from === undefined : keepFirst === 0 && keepLast === 0,
    ),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 40,
  rows: [
    {
      type: 'string, with any logical type',
      comesOut: 'the text with `character` for all but keepFirst and keepLast, or for `count` from one end',
      derivedSchema: 'string',
    },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    { type: 'string', instruction: { method: 'mask' }, given: 'Ada', gives: '***' },
    {
      type: 'string',
      instruction: { method: 'mask', keepLast: 4, ignore: '-' },
      given: '4111-1111-1111-1111',
      gives: '****-****-****-1111',
    },
    {
      type: 'string',
      instruction: { method: 'mask', count: 3, from: 'end', character: '#' },
      given: 'AB12345',
      gives: 'AB12###',
    },
    // No longer than what would be kept.
    { type: 'string', instruction: { method: 'mask', keepLast: 4 }, given: '1234', gives: '****' },
  ],
  isAsStrict: (a, b) =>
    a.keepFirst === b.keepFirst &&
    a.keepLast === b.keepLast &&
    (a.from ?? 'start') === (b.from ?? 'start') &&
    a.ignore === b.ignore &&
    (a.count === undefined) === (b.count === undefined) &&
    (a.count ?? 0) >= (b.count ?? 0),
  needsPerson: false,
  accepts: (leaf) => leaf.kind === 'string',
  derived: () => ({ kind: 'string', logical: null, tags: [] }),

  maskValue(value, _leaf, instruction) {
    const { character, ignore } = instruction;
    const characters = Array.from(value as string);
    const counted = characters.filter((each) => !ignore.includes(each));
    const [first, last] = maskedRange(instruction, counted.length);
    let index = -1;
    return characters
      .map((each) => {
        if (ignore.includes(each)) return each;
        index += 1;
        return index >= first && index < last ? character : each;
      })
      .join('');
  },

  compile(_leaf, instruction) {
    return masker(instruction);
  },
};

/** Which of `total` counted characters are masked: from the first number, up to the second. */
function maskedRange({ keepFirst, keepLast, count, from }: Mask, total: number): [number, number] {
  if (count === undefined) return total <= keepFirst + keepLast ? [0, total] : [keepFirst, total - keepLast];
  if (count >= total) return [0, total];
  return from === 'end' ? [total - count, total] : [0, count];
}

function masker(instruction: Mask): LeafMasker {
  const sign = Buffer.from(instruction.character, 'utf8');
  const ignored = Int32Array.from(Array.from(instruction.ignore, (each) => each.codePointAt(0)!));
  const { keepFirst, keepLast, count = -1, from } = instruction;
  return (input, start, end, out, at) => {
    let total = 0;
    for (let i = start; i < end; i += codePointBytes(input[i]!)) {
      const point = codePointAt(input, i, end);
      if (point < 0) return FAULT_VALUE;
      if (!ignored.includes(point)) total += 1;
    }
    let [first, last] = [0, total];
    if (count < 0 && total > keepFirst + keepLast) {
      first = keepFirst;
      last = total - keepLast;
    } else if (count >= 0 && count < total) {
      first = from === 'end' ? total - count : 0;
      last = first + count;
    }
    return write(input, start, end, out, at, ignored, sign, first, last);
  };
}

function write(
  input: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  ignored: Int32Array,
  sign: Buffer,
  first: number,
  last: number,
): number {
  let replacedBytes = 0;
  let index = 0;
  for (let i = start; i < end; i += codePointBytes(input[i]!)) {
    if (ignored.includes(codePointAt(input, i, end))) continue;
    if (index >= first && index < last) replacedBytes += codePointBytes(input[i]!);
    index += 1;
  }
  let w = writeLong(out, at, end - start - replacedBytes + (last - first) * sign.length);
  index = 0;
  for (let i = start; i < end;) {
    const length = codePointBytes(input[i]!);
    const isCounted = !ignored.includes(codePointAt(input, i, end));
    const isMasked = isCounted && index >= first && index < last;
    if (isCounted) index += 1;
    if (isMasked) for (let k = 0; k < sign.length; k += 1) out[w + k] = sign[k]!;
    else for (let k = 0; k < length; k += 1) out[w + k] = input[i + k]!;
    w += isMasked ? sign.length : length;
    i += length;
  }
  return w;
}
