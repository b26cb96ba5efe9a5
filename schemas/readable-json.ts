/**
 * Records as people read them: Avro to JSON values, dates and times in ISO 8601, decimals and longs exact, bytes in
 * base64. For what an audience sees; a raw record never comes here.
 */
import avsc from 'avsc';
import { GauzeError } from '../platform/errors.ts';
import type { AvroLeaf, AvroType } from './avro-schema.ts';
import { ROOT_PATH, branchName } from './field-path.ts';
import { parseAvroSchema } from './parse-avro.ts';

const MS_PER_DAY = 86_400_000;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

type Wrapped = Readonly<Record<string, unknown>>;

/** Turns Avro bodies of one schema into JSON values. Throws ERR_SCHEMA_VALUE for bytes that are none of its records. */
export type ReadableDecoder = (body: Buffer) => unknown;

/** The decoder of a schema that refers to no other. */
export function readableDecoder(schemaText: string): ReadableDecoder {
  const tree = parseAvroSchema(schemaText);
  const type = exactType(schemaText);
  return (body) => readable(tree, decoded(type, body));
}

/** avsc's type of a schema: exact longs, every union wrapped, logical types left as they are stored. */
export function exactType(schemaText: string): avsc.Type {
  const json = JSON.parse(schemaText, asStored) as avsc.Schema;
  return avsc.Type.forSchema(json, { wrapUnions: true, registry: { long: EXACT_LONG } });
}

function decoded(type: avsc.Type, body: Buffer): unknown {
  try {
    return type.fromBuffer(body) as unknown;
  } catch {
    // avsc's own message would quote what it found.
    throw new GauzeError('ERR_SCHEMA_VALUE', { path: ROOT_PATH });
  }
}

/** Takes logical types off primitives: avsc's registry gives a type of ours only where the name stands alone. */
function asStored(_key: string, json: unknown): unknown {
  const isPrimitive = typeof json === 'object' && json !== null && 'logicalType' in json && !('name' in json);
  return isPrimitive ? (json as { type?: unknown }).type : json;
}

function readable(type: AvroType, value: unknown): unknown {
  switch (type.kind) {
    case 'record':
      return Object.fromEntries(
        type.fields.map((field) => [field.name, readable(field.type, (value as Wrapped)[field.name])]),
      );
    case 'array':
      return (value as unknown[]).map((item) => readable(type.items, item));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Wrapped).map(([key, entry]) => [key, readable(type.values, entry)]),
      );
    case 'union': {
      if (value === null) return null;
      const [name, inner] = Object.entries(value as Wrapped)[0]!;
      const branch = type.branches.find((each) => branchName(each) === name);
      return branch ? readable(branch, inner) : null;
    }
    default:
      return readableLeaf(type as AvroLeaf, value);
  }
}

function readableLeaf({ kind, logical }: AvroLeaf, value: unknown): unknown {
  if (Buffer.isBuffer(value))
    return logical?.name === 'decimal' ? decimalText(value, logical.scale ?? 0) : value.toString('base64');
  const isNumber = kind === 'int' || kind === 'long';
  if (!isNumber) return value;
  const number = value as number | bigint;
  if (logical?.name === 'date') return isoTime(Number(number) * MS_PER_DAY).slice(0, 10);
  if (logical?.name.endsWith('timestamp-millis')) return isoTime(Number(number));
  if (logical?.name.endsWith('timestamp-micros')) return isoTime(Number(number) / 1000);
  if (typeof number === 'number') return number;
  return number >= -SAFE && number <= SAFE ? Number(number) : number.toString();
}

function isoTime(ms: number): string {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? String(ms) : at.toISOString();
}

/** Avro 1.12, "Decimal": a two's complement number, big end first. */
function decimalText(bytes: Buffer, scale: number): string {
  const whole =
    bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
  if (scale === 0) return whole.toString();
  const digits = (whole < 0n ? -whole : whole).toString().padStart(scale + 1, '0');
  return `${whole < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Longs beyond 2^53 as they are, not refused. */
const EXACT_LONG = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(0),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: (value: unknown) => BigInt(String(value)),
  toJSON: (value: bigint) => value.toString(),
  isValid: (value: unknown) => typeof value === 'bigint' && value === BigInt.asIntN(64, value),
  compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
});
