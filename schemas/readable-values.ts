/**
 * The way back from JSON as people write it to Avro bytes: dates and times in ISO 8601, bytes in base64, unions without
 * a wrapper, fields with a default left out. For records that people make up to try a policy.
 */
import avsc from 'avsc';
import { GauzeError } from '../platform/errors.ts';
import type { AvroField, AvroLeaf, AvroType } from './avro-schema.ts';
import { ROOT_PATH, branchName, fieldPath, itemsPath, valuesPath } from './field-path.ts';
import { parseAvroSchema } from './parse-avro.ts';
import { exactType } from './readable-json.ts';

const MS_PER_DAY = 86_400_000;

/** Turns JSON values into Avro bodies of one schema. Throws ERR_SCHEMA_VALUE with the path of what does not fit. */
export type ReadableEncoder = (value: unknown) => Buffer;

/** The encoder of a schema that refers to no other. */
export function readableEncoder(schemaText: string): ReadableEncoder {
  const tree = parseAvroSchema(schemaText);
  const type: avsc.Type = exactType(schemaText);
  return (value) => {
    const written = writable(tree, value, ROOT_PATH);
    try {
      return type.toBuffer(written);
    } catch {
      // avsc's own message would quote what it found.
      throw new GauzeError('ERR_SCHEMA_VALUE', { path: ROOT_PATH });
    }
  };
}

function writable(type: AvroType, value: unknown, path: string): unknown {
  switch (type.kind) {
    case 'record': {
      const record = asObject(value, path);
      const strange = Object.keys(record).find((name) => !type.fields.some((field) => field.name === name));
      if (strange !== undefined) throw unfit(fieldPath(path, strange));
      return Object.fromEntries(
        type.fields.map((field) => [field.name, ofField(field, record, fieldPath(path, field.name))]),
      );
    }
    case 'array':
      if (!Array.isArray(value)) throw unfit(path);
      return value.map((item) => writable(type.items, item, itemsPath(path)));
    case 'map':
      return Object.fromEntries(
        Object.entries(asObject(value, path)).map(([key, entry]) => [
          key,
          writable(type.values, entry, valuesPath(path)),
        ]),
      );
    case 'union':
      return ofUnion(type.branches, value, path);
    case 'reference':
      // A record inside itself is made up by hand too rarely.
      throw unfit(path);
    default:
      return ofLeaf(type, value, path);
  }
}

function ofField(field: AvroField, record: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(record, field.name)) return writable(field.type, record[field.name], path);
  if (field.hasDefault) return writable(field.type, field.default, path);
  const isNullable = field.type.kind === 'union' && field.type.branches.some(({ kind }) => kind === 'null');
  if (isNullable) return null;
  throw unfit(path);
}

/** The first branch that the value fits. */
function ofUnion(branches: readonly AvroType[], value: unknown, path: string): unknown {
  if (value === null && branches.some(({ kind }) => kind === 'null')) return null;
  for (const branch of branches) {
    if (branch.kind === 'null') continue;
    try {
      return { [branchName(branch)]: writable(branch, value, path) };
    } catch (error) {
      if (!(error instanceof GauzeError)) throw error;
    }
  }
  throw unfit(path);
}

function ofLeaf(leaf: AvroLeaf, value: unknown, path: string): unknown {
  switch (leaf.kind) {
    case 'string':
    case 'enum':
      if (typeof value === 'string') return value;
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'float':
    case 'double':
      if (typeof value === 'number') return value;
      break;
    case 'int':
    case 'long': {
      const number = wholeNumber(leaf, value);
      if (number !== null) return leaf.kind === 'int' ? Number(number) : number;
      break;
    }
    case 'bytes':
    case 'fixed':
      if (typeof value === 'string') return Buffer.from(value, 'base64');
      break;
    default:
      if (value === null) return null;
  }
  throw unfit(path);
}

function wholeNumber({ logical }: AvroLeaf, value: unknown): bigint | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  if (typeof value !== 'string') return null;
  if (/^-?\d{1,19}$/.test(value)) return BigInt(value);
  const ms = Date.parse(value);
  if (Number.isNaN(ms) || !logical) return null;
  if (logical.name === 'date') return BigInt(Math.floor(ms / MS_PER_DAY));
  return logical.name.endsWith('micros') ? BigInt(ms) * 1000n : BigInt(ms);
}

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unfit(path);
  return value as Readonly<Record<string, unknown>>;
}

function unfit(path: string): GauzeError {
  return new GauzeError('ERR_SCHEMA_VALUE', { path });
}
