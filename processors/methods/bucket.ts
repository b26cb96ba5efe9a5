/**
 * bucket: a number becomes the range that it lies in. Ranges are of one size, or from edge to edge; what lies below the
 * first and above the last is one range each. A number that a double does not hold withholds the record.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { copySpan, writeInt } from '../avro-bytes.ts';
import { FAULT_RANGE } from '../fault.ts';
import {
  isPlainNumber,
  isWholeNumber,
  numberOf,
  numberReader,
  numberWriter,
  valueOfNumber,
} from '../number-leaf.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import type { Instruction } from '../plan.ts';

type Bucket = Extract<Instruction, { method: 'bucket' }>;

/** Ranges whose text is kept ready, per leaf; a text of more is made anew. */
const TEXTS_MAX = 4096;

const NUMBER = z.number().min(-1e15).max(1e15);

export const BUCKET: MaskingMethod<'bucket'> = {
  name: 'bucket',
  promise: 'Only the range is left that the number lies in.',
  parameters: z
    .strictObject({
      size: z.number().positive().max(1e15).optional(),
      lower: NUMBER.optional(),
      upper: NUMBER.optional(),
      edges: z.array(NUMBER).min(1).max(1000).optional(),
      as: z.enum(['range', 'number']).default('range'),
    })
    .refine(({ size, lower, upper, edges }) =>
      edges === undefined
        ? size !== undefined && (lower ?? -Infinity) < (upper ?? Infinity)
        : size === undefined && lower === undefined && upper === undefined && isAscending(edges),
    ),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 40,
  rows: [
    {
      type: 'int, long',
      comesOut: 'the range as text: `40-49`, `<18`, `90+`; with `as: number` its least number',
      derivedSchema: 'string; with `as: number` the type as it is',
    },
    {
      type: 'float, double',
      comesOut: 'the range as text: `36.5-<37`, `<18`, `90+`; with `as: number` its least number',
      derivedSchema: 'string; with `as: number` the type as it is',
    },
    { type: 'all others, and numbers with a logical type', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    { type: 'int', instruction: { method: 'bucket', size: 10 }, given: 43, gives: '40-49' },
    {
      type: 'int',
      instruction: { method: 'bucket', size: 10, lower: 20, upper: 90 },
      given: 93,
      gives: '90+',
    },
    { type: 'int', instruction: { method: 'bucket', edges: [18, 65] }, given: 17, gives: '<18' },
    { type: 'double', instruction: { method: 'bucket', size: 0.5 }, given: 36.7, gives: '36.5-<37' },
    { type: 'int', instruction: { method: 'bucket', size: 10, as: 'number' }, given: 43, gives: 40 },
  ],
  isAsStrict,
  needsPerson: false,
  accepts: (leaf, instruction) =>
    isPlainNumber(leaf) &&
    (instruction === undefined || !isWholeNumber(leaf) || numbersOf(instruction).every(Number.isSafeInteger)),
  derived: (leaf, { as }) => (as === 'number' ? leaf : { kind: 'string', logical: null, tags: [] }),

  maskValue(value, leaf, instruction) {
    const number = numberOf(value);
    const start = startOf(instruction, number);
    if (instruction.as === 'range') return rangeText(instruction, start, isWholeNumber(leaf));
    if (start === -Infinity) throw new GauzeError('ERR_MASK_RANGE');
    return valueOfNumber(start, leaf);
  },

  compile: (leaf, instruction) =>
    instruction.as === 'range' ? rangeMasker(leaf, instruction) : numberMasker(leaf, instruction),
};

function isAscending(edges: readonly number[]): boolean {
  return edges.every((edge, at) => at === 0 || edges[at - 1]! < edge);
}

function numbersOf({ size, lower, upper, edges }: Bucket): readonly number[] {
  return [size, lower, upper, ...(edges ?? [])].filter((each) => each !== undefined);
}

/** The least number of the range; -Infinity for the one below the first. */
function startOf({ size = 1, lower, upper, edges }: Bucket, number: number): number {
  if (edges) {
    let at = edges.length - 1;
    while (at >= 0 && edges[at]! > number) at -= 1;
    return at < 0 ? -Infinity : edges[at]!;
  }
  if (lower !== undefined && number < lower) return -Infinity;
  if (upper !== undefined && number >= upper) return upper;
  const origin = lower ?? 0;
  return origin + Math.floor((number - origin) / size) * size;
}

/** The least number above the range; Infinity for the last. */
function endOf({ size = 1, lower, upper, edges }: Bucket, start: number): number {
  if (edges) return edges[start === -Infinity ? 0 : edges.indexOf(start) + 1] ?? Infinity;
  if (start === -Infinity) return lower ?? Infinity;
  if (start === upper) return Infinity;
  return Math.min(start + size, upper ?? Infinity);
}

function rangeText(instruction: Bucket, start: number, isWhole: boolean): string {
  const end = endOf(instruction, start);
  if (start === -Infinity) return `<${end}`;
  if (end === Infinity) return `${start}+`;
  if (!isWhole) return `${start}-<${end}`;
  return end - start === 1 ? String(start) : `${start}-${end - 1}`;
}

function rangeMasker(leaf: AvroLeaf, instruction: Bucket): LeafMasker {
  const read = numberReader(leaf);
  const isWhole = isWholeNumber(leaf);
  const texts = new Map<number, Buffer>();
  return (input, start, end, out, at, state) => {
    const number = read(input, start, end, state);
    if (Number.isNaN(number)) return FAULT_RANGE;
    const range = startOf(instruction, number);
    let text = texts.get(range);
    if (text === undefined) {
      text = Buffer.from(rangeText(instruction, range, isWhole), 'latin1');
      if (texts.size < TEXTS_MAX) texts.set(range, text);
    }
    return copySpan(text, 0, text.length, out, writeInt(out, at, text.length));
  };
}

function numberMasker(leaf: AvroLeaf, instruction: Bucket): LeafMasker {
  const read = numberReader(leaf);
  const write = numberWriter(leaf);
  return (input, start, end, out, at, state) => {
    const number = read(input, start, end, state);
    if (Number.isNaN(number)) return FAULT_RANGE;
    const first = startOf(instruction, number);
    return first === -Infinity ? FAULT_RANGE : write(out, at, first, state);
  };
}

/** Every range of `a` is made of whole ranges of `b`. */
function isAsStrict(a: Bucket, b: Bucket): boolean {
  if (a.edges && b.edges) return a.edges.every((edge) => b.edges!.includes(edge));
  if (a.edges || b.edges) return false;
  const origin = a.lower ?? 0;
  if (a.lower !== b.lower || !isMultiple(a.size!, b.size!)) return false;
  if (b.upper === undefined) return a.upper === undefined || isMultiple(a.upper - origin, b.size!);
  if (a.upper === undefined) return false;
  return a.upper === b.upper || (a.upper < b.upper && isMultiple(a.upper - origin, b.size!));
}

/** Of whole numbers: of others, sums of steps need not meet. */
function isMultiple(a: number, b: number): boolean {
  return Number.isSafeInteger(a) && Number.isSafeInteger(b) && a % b === 0;
}
