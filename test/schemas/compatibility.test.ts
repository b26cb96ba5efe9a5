/**
 * Whether readers of one schema read what was written by another: random pairs against avsc, which resolves schemas by
 * itself, and what avsc does not look at by example.
 */
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import type { Schema, Type as AvscType } from 'avsc';
import * as fc from 'fast-check';
import { readingBreaks, versionBreaks } from '../../schemas/compatibility.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';

const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): AvscType } };

const breaks = (reader: unknown, writer: unknown): readonly string[] =>
  readingBreaks(parseAvroSchema(JSON.stringify(reader)), parseAvroSchema(JSON.stringify(writer))).map(
    ({ path, what }) => `${path}: ${what}`,
  );

function resolves(reader: unknown, writer: unknown): boolean {
  try {
    Type.forSchema(reader as Schema).createResolver(Type.forSchema(writer as Schema));
    return true;
  } catch {
    return false;
  }
}

const primitive = fc.constantFrom('boolean', 'int', 'long', 'float', 'double', 'bytes', 'string');
const symbols = fc.subarray(['RED', 'BLUE', 'GREEN'], { minLength: 1 });
const unnamed: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: primitive },
  primitive.map((items) => ({ type: 'array', items })),
  primitive.map((values) => ({ type: 'map', values })),
);
const single: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 5, arbitrary: unnamed },
  fc.tuple(symbols, fc.boolean()).map(([names, has]) => ({
    type: 'enum',
    name: 'Colour',
    symbols: names,
    ...(has ? { default: names[0] } : {}),
  })),
  fc.constantFrom(2, 3).map((size) => ({ type: 'fixed', name: 'Hash', size })),
);
const union = fc
  .tuple(fc.boolean(), fc.uniqueArray(primitive, { minLength: 1, maxLength: 3 }))
  .map(([isNullable, branches]) => (isNullable ? ['null', ...branches] : branches));
const inner = fc.uniqueArray(fc.tuple(fc.constantFrom('x', 'y'), fc.oneof(unnamed, union), fc.boolean()), {
  selector: ([name]) => name,
  maxLength: 2,
});

const fields = (all: readonly (readonly [string, unknown, boolean])[]): object[] =>
  all.map(([name, type, hasDefault]) => ({ name, type, ...(hasDefault ? { default: fallback(type) } : {}) }));

/** A default that fits the type, or its first branch. */
function fallback(type: unknown): unknown {
  if (Array.isArray(type)) return fallback(type[0]);
  if (type === 'null') return null;
  if (type === 'boolean') return false;
  if (type === 'string' || type === 'bytes') return '';
  if (typeof type === 'string') return 0;
  return (type as { type: string }).type === 'array' ? [] : {};
}

const record = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b'), fc.oneof(unnamed, union), fc.boolean()), {
      selector: ([name]) => name,
      maxLength: 2,
    }),
    fc.option(single, { nil: undefined }),
    fc.option(inner, { nil: undefined }),
  )
  .map(([plain, one, nested]) => ({
    type: 'record',
    name: 'V',
    fields: [
      ...fields(plain),
      ...(one === undefined ? [] : [{ name: 'c', type: one }]),
      ...(nested === undefined
        ? []
        : [{ name: 'd', type: { type: 'record', name: 'In', fields: fields(nested) } }]),
    ],
  }));

describe('reading with another schema', () => {
  test('is possible exactly where avsc can resolve the two', () => {
    const seen = { yes: 0, no: 0 };
    fc.assert(
      fc.property(record, record, (reader, writer) => {
        const found = breaks(reader, writer);
        const can = resolves(reader, writer);
        seen[can ? 'yes' : 'no']++;
        expect({ reader, writer, found, can: found.length === 0 }).toEqual({ reader, writer, found, can });
      }),
      { numRuns: 1_000 },
    );
    expect(seen.yes).toBeGreaterThan(20);
    expect(seen.no).toBeGreaterThan(20);
  });

  test('is always possible with the schema of the writer', () => {
    fc.assert(
      fc.property(record, (same) => expect(breaks(same, same)).toEqual([])),
      { numRuns: 500 },
    );
  });

  test('goes into records inside themselves, and comes out again', () => {
    const tree = (...more: object[]): object => ({
      type: 'record',
      name: 'Node',
      fields: [{ name: 'children', type: { type: 'array', items: 'Node' } }, ...more],
    });
    const optional = { name: 'kind', type: 'string', default: '' };
    expect(breaks(tree(optional), tree())).toEqual([]);
    expect(breaks(tree({ name: 'kind', type: 'string' }), tree())).toEqual([
      'kind: a field without a default, which is not always written',
    ]);
  });

  test('is not possible where numbers would be taken for other numbers', () => {
    const of = (type: object): object => ({ type: 'record', name: 'V', fields: [{ name: 'f', type }] });
    const decimal = (precision: number, scale: number): object =>
      of({ type: 'bytes', logicalType: 'decimal', precision, scale });
    expect(breaks(decimal(9, 2), decimal(9, 3))).toEqual([
      'f: logical type decimal(9,3) instead of decimal(9,2)',
    ]);
    expect(breaks(decimal(9, 2), decimal(9, 2))).toEqual([]);
    expect(breaks(of({ type: 'long' }), of({ type: 'long', logicalType: 'timestamp-millis' }))).toEqual([]);
  });

  test('is told once for each place, over all versions that count', () => {
    const of = (type: string) =>
      parseAvroSchema(JSON.stringify({ type: 'record', name: 'V', fields: [{ name: 'f', type }] }));
    const versions = [of('string'), of('string'), of('int')];
    expect(versionBreaks('BACKWARD', of('long'), versions)).toEqual([]);
    expect(versionBreaks('BACKWARD_TRANSITIVE', of('long'), versions)).toEqual([
      { path: 'f', what: 'string instead of long' },
    ]);
    expect(versionBreaks('FORWARD', of('long'), versions)).toEqual([
      { path: 'f', what: 'long instead of int' },
    ]);
    expect(versionBreaks('FULL', of('int'), versions)).toEqual([]);
  });
});
