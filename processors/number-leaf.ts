/**
 * Numbers of the Avro types that are plain ones, read and written for the methods that make them coarser.
 * It must never round a number on the way in: one that a double cannot hold is a fault.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import { intAt, longAt, writeInt, writeLong } from './avro-bytes.ts';
import { FAULT_RANGE } from './fault.ts';
import type { RecordState } from './record-state.ts';

const INT_MIN = -0x80000000;
const INT_MAX = 0x7fffffff;

/** Is it a number that means no more than its amount? */
export function isPlainNumber(leaf: AvroLeaf): boolean {
  return (isWholeNumber(leaf) || leaf.kind === 'float' || leaf.kind === 'double') && leaf.logical === null;
}

/** Does the type hold whole numbers only? */
export function isWholeNumber(leaf: AvroLeaf): boolean {
  return leaf.kind === 'int' || leaf.kind === 'long';
}

/** A decoded number as a double. Throws ERR_MASK_RANGE for one that a double does not hold, and for none. */
export function numberOf(value: unknown): number {
  const number = Number(value);
  if (typeof value === 'bigint' ? !Number.isSafeInteger(number) : !Number.isFinite(number))
    throw new GauzeError('ERR_MASK_RANGE');
  return number;
}

/** A number as the type's decoded value. Throws ERR_MASK_RANGE where the type does not hold it. */
export function valueOfNumber(number: number, leaf: AvroLeaf): number | bigint {
  switch (leaf.kind) {
    case 'int':
      if (number < INT_MIN || number > INT_MAX) throw new GauzeError('ERR_MASK_RANGE');
      return number;
    case 'long':
      if (!Number.isSafeInteger(number)) throw new GauzeError('ERR_MASK_RANGE');
      return BigInt(number);
    default: {
      const held = leaf.kind === 'float' ? Math.fround(number) : number;
      if (!Number.isFinite(held)) throw new GauzeError('ERR_MASK_RANGE');
      return held;
    }
  }
}

/** Reads the number of a leaf; NaN where a double does not hold it. */
export type NumberReader = (input: Uint8Array, start: number, end: number, state: RecordState) => number;
/** Writes a number as the leaf's type; returns the position after it, or a fault. */
export type NumberWriter = (out: Uint8Array, at: number, number: number, state: RecordState) => number;

export function numberReader({ kind }: AvroLeaf): NumberReader {
  switch (kind) {
    case 'int':
      return (input, start) => intAt(input, start);
    case 'long':
      return (input, start, end, state) => {
        longAt(input, start, end, state);
        return state.exact ? state.value : Number.NaN;
      };
    case 'float':
      return (_input, start, _end, state) => finite(state.inputView.getFloat32(start, true));
    default:
      return (_input, start, _end, state) => finite(state.inputView.getFloat64(start, true));
  }
}

export function numberWriter({ kind }: AvroLeaf): NumberWriter {
  switch (kind) {
    case 'int':
      return (out, at, number) =>
        number < INT_MIN || number > INT_MAX ? FAULT_RANGE : writeInt(out, at, number);
    case 'long':
      return (out, at, number) => (Number.isSafeInteger(number) ? writeLong(out, at, number) : FAULT_RANGE);
    case 'float':
      return (out, at, number, state) => {
        if (!Number.isFinite(Math.fround(number))) return FAULT_RANGE;
        if (at + 4 <= out.length) state.outView.setFloat32(at, number, true);
        return at + 4;
      };
    default:
      return (out, at, number, state) => {
        if (!Number.isFinite(number)) return FAULT_RANGE;
        if (at + 8 <= out.length) state.outView.setFloat64(at, number, true);
        return at + 8;
      };
  }
}

function finite(number: number): number {
  return Number.isFinite(number) ? number : Number.NaN;
}
