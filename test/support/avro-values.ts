/**
 * Values of an Avro schema with the place of each: encoded and decoded by avsc, walked by the schema's own tree.
 * Shares nothing with the transcoder.
 */
import avsc from 'avsc';
import { schemaJson, wrapName } from '../../processors/value-oracle.ts';
import { isLeaf } from '../../schemas/avro-schema.ts';
import type { AvroLeaf, AvroType } from '../../schemas/avro-schema.ts';
import {
  ROOT_PATH,
  branchPath,
  fieldPath,
  itemsPath,
  keyPath,
  valuesPath,
} from '../../schemas/field-path.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';

/** One value inside a record; `path` as policies write it. */
export interface Scalar {
  readonly path: string;
  readonly leaf: AvroLeaf;
  readonly value: unknown;
}

/** What stands where a value is asked for: called once for each leaf, in the order of the bytes. */
export type MakeScalar = (path: string, leaf: AvroLeaf) => unknown;

export class AvroValues {
  readonly schema: AvroType;
  readonly #type: avsc.Type;

  constructor(schemaText: string) {
    this.schema = parseAvroSchema(schemaText);
    this.#type = avsc.Type.forSchema(schemaJson(this.schema) as avsc.Schema, { wrapUnions: true });
  }

  /** Bytes of a value, behind the registry's prefix for `schemaId`. */
  encode(value: unknown, schemaId: number): Buffer {
    const prefix = Buffer.alloc(5);
    prefix.writeInt32BE(schemaId, 1);
    return Buffer.concat([prefix, this.#type.toBuffer(value)]);
  }

  /** All values in the bytes of a record with its prefix, enums and booleans too. */
  scalars(bytes: Buffer): readonly Scalar[] {
    const found: Scalar[] = [];
    visit(this.schema, this.#type.fromBuffer(bytes.subarray(5)), ROOT_PATH, found);
    return found;
  }

  /** A value whose leaves come from `make`; arrays and maps have two entries; `branch` picks in each union. */
  make(make: MakeScalar, branch: number): unknown {
    return made(this.schema, ROOT_PATH, make, branch);
  }
}

const MAP_KEY: AvroLeaf = { kind: 'string', logical: null, tags: [] };
type Wrapped = Readonly<Record<string, unknown>>;

function visit(type: AvroType, value: unknown, path: string, found: Scalar[]): void {
  if (value === null) return;
  if (isLeaf(type)) {
    found.push({ path, leaf: type, value });
    return;
  }
  switch (type.kind) {
    case 'record':
      for (const field of type.fields)
        visit(field.type, (value as Wrapped)[field.name], fieldPath(path, field.name), found);
      return;
    case 'array':
      for (const item of value as unknown[]) visit(type.items, item, itemsPath(path), found);
      return;
    case 'map':
      for (const [key, entry] of Object.entries(value as Wrapped)) {
        found.push({ path: keyPath(path), leaf: MAP_KEY, value: key });
        visit(type.values, entry, valuesPath(path), found);
      }
      return;
    case 'reference':
      throw new RangeError('values of records inside themselves are not made here');
    default: {
      const [[name, inner]] = Object.entries(value as Wrapped) as [[string, unknown]];
      const branch = type.branches.find((each) => wrapName(each) === name)!;
      visit(branch, inner, branchPath(path, type, branch), found);
    }
  }
}

function made(type: AvroType, path: string, make: MakeScalar, pick: number): unknown {
  if (isLeaf(type)) return type.kind === 'null' ? null : make(path, type);
  switch (type.kind) {
    case 'record':
      return Object.fromEntries(
        type.fields.map((field) => [field.name, made(field.type, fieldPath(path, field.name), make, pick)]),
      );
    case 'array':
      return [0, 1].map(() => made(type.items, itemsPath(path), make, pick));
    case 'map':
      return Object.fromEntries(
        [0, 1].map(() => [make(keyPath(path), MAP_KEY), made(type.values, valuesPath(path), make, pick)]),
      );
    case 'reference':
      throw new RangeError('values of records inside themselves are not made here');
    default: {
      const carrying = type.branches.filter(({ kind }) => kind !== 'null');
      const branch = carrying[pick % carrying.length]!;
      return { [wrapName(branch)]: made(branch, branchPath(path, type, branch), make, pick) };
    }
  }
}
