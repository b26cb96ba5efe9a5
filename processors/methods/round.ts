/**
 * round: a number becomes the nearest multiple of a step, the greater of two that are as near.
 * It must never pass a number that cannot be rounded: one that a double does not hold withholds the record, and so does
 * a decimal that grows beyond its precision.
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

type Round = Extract<Instruction, { method: 'round' }>;

/** Bytes of the longest decimal that is rounded: 10 to the 76th. */
const DECIMAL_BYTES_MAX = 32;

export const ROUND: MaskingMethod<'round'> = {
  name: 'round',
  promise: 'Only the nearest multiple of the step is left.',
  parameters: z
    .strictObject({
      step: z.number().positive().max(1e15).optional(),
      digits: z.int().min(0).max(10).optional(),
    })
    .refine(({ step, digits }) => (step === undefined) !== (digits === undefined)),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 40,
  rows: [
    {
      type: 'int, long',
      comesOut: 'the nearest multiple of a whole `step`',
      derivedSchema: 'the type as it is',
    },
    {
      type: 'float, double',
      comesOut: 'the nearest multiple of `step`, or with so many `digits` after the point',
      derivedSchema: 'the type as it is',
    },
    {
      type: 'bytes, fixed (decimal)',
      comesOut: 'the same, where the step has no more digits than the scale',
      derivedSchema: 'the type as it is',
    },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    { type: 'int', instruction: { method: 'round', step: 5 }, given: 43, gives: 45 },
    { type: 'double', instruction: { method: 'round', digits: 1 }, given: 36.66, gives: 36.7 },
    { type: 'long', instruction: { method: 'round', step: 100 }, given: -149, gives: -100 },
    {
      type: { type: 'bytes', logicalType: 'decimal', precision: 6, scale: 2 },
      instruction: { method: 'round', step: 10 },
      // 123.45 is 12345 hundredths, 120.00 is 12000.
      given: '3039',
      gives: '2ee0',
    },
  ],
  // Halves of one step meet halves of the other only where it is an odd number of times as large.
  isAsStrict: ({ step: a = 0 }, { step: b = 0 }) =>
    a > 0 && b > 0 && Number.isInteger(a / b) && (a / b) % 2 === 1,
  needsPerson: false,
  accepts(leaf, instruction) {
    if (leaf.logical?.name === 'decimal')
      return instruction === undefined || decimalStep(leaf, instruction) !== null;
    if (!isPlainNumber(leaf)) return false;
    return instruction === undefined || !isWholeNumber(leaf) || Number.isSafeInteger(instruction.step);
  },

  maskValue(value, leaf, instruction) {
    if (leaf.logical?.name === 'decimal') {
      const rounded = roundedDecimal(value as Buffer, leaf, decimalStep(leaf, instruction)!);
      if (rounded === null) throw new GauzeError('ERR_MASK_RANGE');
      return rounded;
    }
    return valueOfNumber(rounded(numberOf(value), instruction), leaf);
  },

  compile: (leaf, instruction) =>
    leaf.logical?.name === 'decimal' ? decimalMasker(leaf, instruction) : numberMasker(leaf, instruction),
};

function rounded(number: number, { step, digits }: Round): number {
  if (step !== undefined) return Math.floor(number / step + 0.5) * step;
  const scale = 10 ** digits!;
  const scaled = number * scale;
  // Beyond 2^52 there is nothing after the point.
  return Math.abs(scaled) > 2 ** 52 ? number : Math.floor(scaled + 0.5) / scale;
}

function numberMasker(leaf: AvroLeaf, instruction: Round): LeafMasker {
  const read = numberReader(leaf);
  const write = numberWriter(leaf);
  return (input, start, end, out, at, state) => {
    const number = read(input, start, end, state);
    return Number.isNaN(number) ? FAULT_RANGE : write(out, at, rounded(number, instruction), state);
  };
}

// ---- decimals: whole numbers of any size in two's complement, first byte first; they are rare, and allocate

/** The step in units of the scale; null where it has more digits than that. */
function decimalStep(leaf: AvroLeaf, { step, digits }: Round): bigint | null {
  const scale = leaf.logical?.scale ?? 0;
  if (digits !== undefined) return digits > scale ? null : 10n ** BigInt(scale - digits);
  const [whole = '', rest = ''] = String(step).split('.');
  if (!/^\d+$/.test(whole) || !/^\d*$/.test(rest) || rest.length > scale) return null;
  return BigInt(whole + rest.padEnd(scale, '0'));
}

/** Null where it is no decimal that can be rounded. */
function roundedDecimal(bytes: Uint8Array, leaf: AvroLeaf, step: bigint): Buffer | null {
  if (bytes.length === 0 || bytes.length > DECIMAL_BYTES_MAX) return null;
  const hex = Buffer.from(bytes).toString('hex');
  const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
  const shifted = 2n * value + step;
  const rest = ((shifted % (2n * step)) + 2n * step) % (2n * step);
  const result = ((shifted - rest) / (2n * step)) * step;
  if (result.toString().replace('-', '').length > (leaf.logical?.precision ?? 0)) return null;
  return leaf.kind === 'fixed'
    ? twosComplement(result, leaf.size)
    : twosComplement(result, leastLength(result));
}

function leastLength(value: bigint): number {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length += 1;
  return length;
}

function twosComplement(value: bigint, length: number): Buffer | null {
  if (BigInt.asIntN(8 * length, value) !== value) return null;
  return Buffer.from(
    BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0'),
    'hex',
  );
}

function decimalMasker(leaf: AvroLeaf, instruction: Round): LeafMasker {
  const step = decimalStep(leaf, instruction)!;
  return (input, start, end, out, at) => {
    const bytes = roundedDecimal(input.subarray(start, end), leaf, step);
    if (bytes === null) return FAULT_RANGE;
    const from = leaf.kind === 'fixed' ? at : writeInt(out, at, bytes.length);
    return copySpan(bytes, 0, bytes.length, out, from);
  };
}
