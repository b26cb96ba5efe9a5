/**
 * fixed: one value for all, as the policy writes it. It must never depend on what was there; a value that does not fit
 * the type of the leaf is a mistake of the policy, found when the plan is made.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import { typeWord } from '../../schemas/avro-schema.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { copySpan, writeInt } from '../avro-bytes.ts';
import { ticksPerDay } from '../date-unit.ts';
import type { MaskingMethod } from '../method.ts';

type Written = string | number | boolean;

const AS_IT_IS = 'the type as it is';
const HEX = /^(?:[0-9a-f]{2})*$/;
const DIGITS = /^-?\d{1,19}$/;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const DAY_MILLIS = 86_400_000;

export const FIXED: MaskingMethod<'fixed'> = {
  name: 'fixed',
  promise: 'Every record has the same value here, the one that the policy names.',
  parameters: z.strictObject({ value: z.union([z.string(), z.number(), z.boolean()]) }),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'no',
  strictness: 20,
  rows: [
    { type: 'string, boolean, float, double', comesOut: 'the value', derivedSchema: AS_IT_IS },
    { type: 'int, long', comesOut: 'the value; a long also as digits in quotes', derivedSchema: AS_IT_IS },
    {
      type: 'int (date), long (timestamp-millis and the like)',
      comesOut: 'the value: a day such as "1900-01-01", or a number',
      derivedSchema: AS_IT_IS,
    },
    { type: 'bytes, fixed', comesOut: 'the value, written in hex', derivedSchema: AS_IT_IS },
    { type: 'enum', comesOut: 'the value, which need not be a symbol', derivedSchema: 'string' },
  ],
  examples: [
    { type: 'string', instruction: { method: 'fixed', value: 'withheld' }, given: 'Ada', gives: 'withheld' },
    {
      type: { type: 'int', logicalType: 'date' },
      instruction: { method: 'fixed', value: '1900-01-01' },
      given: '1984-07-19',
      gives: '1900-01-01',
    },
    {
      type: { type: 'enum', name: 'Gender', symbols: ['F', 'M'] },
      instruction: { method: 'fixed', value: 'unknown' },
      given: 'F',
      gives: 'unknown',
    },
  ],
  // One value tells as little as another.
  isAsStrict: () => true,
  needsPerson: false,
  accepts: (leaf, instruction) =>
    leaf.kind !== 'null' && (instruction === undefined || valueFor(leaf, instruction.value) !== undefined),
  derived: (leaf) => (leaf.kind === 'enum' ? { kind: 'string', logical: null, tags: [] } : leaf),

  maskValue: (_value, leaf, { value }) => fitting(leaf, value),

  compile(leaf, { value }) {
    const bytes = encoded(leaf, fitting(leaf, value));
    return (_input, _start, _end, out, at) => copySpan(bytes, 0, bytes.length, out, at);
  },
};

function fitting(leaf: AvroLeaf, written: Written): unknown {
  const value = valueFor(leaf, written);
  if (value === undefined)
    throw new GauzeError('ERR_POLICY_METHOD_TYPE', { method: 'fixed', actual: typeWord(leaf) });
  return value;
}

/** The decoded value; undefined where what is written does not fit the type. */
function valueFor(leaf: AvroLeaf, written: Written): unknown {
  switch (leaf.kind) {
    case 'string':
      if (leaf.logical?.name === 'uuid' && !UUID.test(String(written))) return undefined;
      return typeof written === 'string' ? written : undefined;
    case 'enum':
      return typeof written === 'string' ? written : undefined;
    case 'boolean':
      return typeof written === 'boolean' ? written : undefined;
    case 'float':
      return typeof written === 'number' ? Math.fround(written) : undefined;
    case 'double':
      return typeof written === 'number' ? written : undefined;
    case 'int': {
      const value = integer(leaf, written);
      return value === undefined || value !== BigInt.asIntN(32, value) ? undefined : Number(value);
    }
    case 'long': {
      const value = integer(leaf, written);
      return value === undefined || value !== BigInt.asIntN(64, value) ? undefined : value;
    }
    case 'bytes':
      return typeof written === 'string' && HEX.test(written) ? Buffer.from(written, 'hex') : undefined;
    case 'fixed':
      return typeof written === 'string' && HEX.test(written) && written.length === 2 * leaf.size
        ? Buffer.from(written, 'hex')
        : undefined;
    default:
      return undefined;
  }
}

function integer(leaf: AvroLeaf, written: Written): bigint | undefined {
  if (typeof written === 'number') return Number.isSafeInteger(written) ? BigInt(written) : undefined;
  if (typeof written !== 'string') return undefined;
  if (leaf.kind === 'long' && DIGITS.test(written)) return BigInt(written);
  const ticks = ticksPerDay(leaf);
  const ms = ticks !== null && /^\d{4}-\d{2}-\d{2}$/.test(written) ? Date.parse(written) : Number.NaN;
  if (ticks === null || Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(written)) return undefined;
  return BigInt(ms / DAY_MILLIS) * BigInt(ticks);
}

/** Avro bytes of a decoded value; an enum's is a string. */
function encoded(leaf: AvroLeaf, value: unknown): Buffer {
  const bytes = Buffer.alloc(10);
  switch (leaf.kind) {
    case 'boolean':
      return Buffer.from([value === true ? 1 : 0]);
    case 'float':
      bytes.writeFloatLE(value as number);
      return bytes.subarray(0, 4);
    case 'double':
      bytes.writeDoubleLE(value as number);
      return bytes.subarray(0, 8);
    case 'int':
      return bytes.subarray(0, writeInt(bytes, 0, value as number));
    case 'long':
      return longBytes(value as bigint);
    case 'fixed':
      return value as Buffer;
    default: {
      const content = Buffer.from(value as string | Buffer);
      return Buffer.concat([bytes.subarray(0, writeInt(bytes, 0, content.length)), content]);
    }
  }
}

function longBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}
