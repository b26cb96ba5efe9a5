import { describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import type { AvroRecord, AvroType } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { leavesOf } from '../../schemas/tags.ts';

const record = (fields: unknown[], rest: object = {}): string =>
  JSON.stringify({ type: 'record', name: 'R', namespace: 'org.example', fields, ...rest });

function problem(schema: unknown): GauzeError {
  try {
    parseAvroSchema(typeof schema === 'string' ? schema : JSON.stringify(schema));
  } catch (error) {
    if (error instanceof GauzeError) return error;
    throw error;
  }
  throw new Error('the schema was taken');
}

/** A record B with a field of this type. */
function inB(type: unknown): object {
  return { type: 'record', name: 'B', fields: [{ name: 'a', type }] };
}

function fieldTypes(text: string): Record<string, AvroType> {
  const root = parseAvroSchema(text) as AvroRecord;
  return Object.fromEntries(root.fields.map((field) => [field.name, field.type]));
}

describe('what a schema says', () => {
  test('keeps tags, person mark, defaults and unknown attributes of a field', () => {
    const [field] = (
      parseAvroSchema(
        record([
          {
            name: 'mrn',
            type: 'string',
            doc: 'number',
            default: '',
            aliases: ['chart'],
            'confluent:tags': ['PHI_MRN'],
            'gauze:person': true,
            order: 'ignore',
            'x-owner': { team: 'ehr' },
          },
        ]),
      ) as AvroRecord
    ).fields;
    expect(field).toEqual({
      name: 'mrn',
      type: { kind: 'string', logical: null, tags: [] },
      tags: ['PHI_MRN'],
      person: true,
      doc: 'number',
      hasDefault: true,
      default: '',
      aliases: ['chart'],
      attributes: { order: 'ignore', 'x-owner': { team: 'ehr' } },
    });
  });

  test('resolves names by the enclosing namespace, by full name, and in the referenced texts', () => {
    const address = JSON.stringify({
      type: 'record',
      name: 'Address',
      namespace: 'org.other',
      fields: [{ name: 'zip', type: 'string', 'confluent:tags': ['PHI_ZIP'] }],
    });
    const text = record([
      { name: 'inner', type: { type: 'fixed', name: 'Hash', size: 16 } },
      { name: 'again', type: 'Hash' },
      { name: 'full', type: 'org.example.Hash' },
      { name: 'home', type: 'org.other.Address' },
    ]);
    const root = parseAvroSchema(text, [address]) as AvroRecord;
    expect(root.fields.map((field) => ('fullName' in field.type ? field.type.fullName : ''))).toEqual([
      'org.example.Hash',
      'org.example.Hash',
      'org.example.Hash',
      'org.other.Address',
    ]);
    expect(leavesOf(root).find((leaf) => leaf.path === 'home.zip')?.tags).toEqual(new Set(['PHI_ZIP']));
    expect(problem(text).code).toBe('ERR_SCHEMA_SYNTAX');
  });

  test('takes a logical type only where it fits its base type', () => {
    const types = fieldTypes(
      record([
        { name: 'date', type: { type: 'int', logicalType: 'date' } },
        { name: 'wrong', type: { type: 'string', logicalType: 'date' } },
        { name: 'uuid', type: { type: 'string', logicalType: 'uuid' } },
        { name: 'money', type: { type: 'bytes', logicalType: 'decimal', precision: 8, scale: 2 } },
        { name: 'vast', type: { type: 'bytes', logicalType: 'decimal', precision: 2, scale: 8 } },
        {
          name: 'tight',
          type: { type: 'fixed', name: 'F', size: 2, logicalType: 'decimal', precision: 5 },
        },
        { name: 'own', type: { type: 'string', logicalType: 'toString' } },
      ]),
    );
    expect(Object.values(types).map((type) => type.logical)).toEqual([
      { name: 'date' },
      null,
      { name: 'uuid' },
      { name: 'decimal', precision: 8, scale: 2 },
      null,
      null,
      null,
    ]);
  });

  test('reads the type `error` as a record and a double nested type as the inner one', () => {
    const types = fieldTypes(
      record([
        { name: 'a', type: { type: 'error', name: 'E', fields: [{ name: 'x', type: 'int' }] } },
        { name: 'b', type: { type: { type: { type: 'array', items: 'int' } } } },
        { name: 'c', type: { type: ['null', 'int'], 'confluent:tags': ['PHI_AGE'] } },
      ]),
    );
    expect(types['a']?.kind).toBe('record');
    expect(types['b']?.kind).toBe('array');
    expect(types['c']).toMatchObject({ kind: 'union', tags: ['PHI_AGE'] });
  });
});

describe('what is no schema', () => {
  test.each([
    ['text that is not JSON', '{', '$'],
    ['a number', '7', '$'],
    ['a record without fields', { type: 'record', name: 'R' }, '$'],
    ['an unknown type', record([{ name: 'a', type: 'strng' }]), 'a'],
    ['an unknown type deep inside', record([{ name: 'a', type: { type: 'array', items: 'Q' } }]), 'a[]'],
    ['a field without a name', record([{ type: 'int' }]), '$'],
    ['a field name with a dot', record([{ name: 'a.b', type: 'int' }]), '$'],
    [
      'two fields of one name',
      record([
        { name: 'a', type: 'int' },
        { name: 'a', type: 'int' },
      ]),
      '$',
    ],
    ['an empty union', record([{ name: 'a', type: [] }]), 'a'],
    ['a union in a union', record([{ name: 'a', type: ['null', ['int']] }]), 'a'],
    ['a union with one branch twice', record([{ name: 'a', type: ['int', { type: 'int' }] }]), 'a'],
    ['an enum without symbols', { type: 'enum', name: 'E', symbols: [] }, '$'],
    ['an enum with a symbol twice', { type: 'enum', name: 'E', symbols: ['A', 'A'] }, '$'],
    ['an enum whose default is no symbol', { type: 'enum', name: 'E', symbols: ['A'], default: 'B' }, '$'],
    ['a fixed without a size', { type: 'fixed', name: 'F' }, '$'],
    ['a type named like a primitive', { type: 'fixed', name: 'string', size: 1 }, '$'],
    ['tags that are no list', record([{ name: 'a', type: 'int', 'confluent:tags': 'PHI_MRN' }]), 'a'],
    ['a person mark that is no boolean', record([{ name: 'a', type: 'int', 'gauze:person': 'yes' }]), 'a'],
  ])('refuses %s and says where', (_, schema, path) => {
    const error = problem(schema);
    expect([error.code, error.context.path]).toEqual(['ERR_SCHEMA_SYNTAX', path]);
  });

  test('refuses a name that is defined twice', () => {
    const fixed = { type: 'fixed', name: 'F', size: 1 };
    expect(
      problem(
        record([
          { name: 'a', type: fixed },
          { name: 'b', type: fixed },
        ]),
      ).context.path,
    ).toBe('b');
  });

  test('reads a record inside itself as a reference to the record around it', () => {
    const { again } = fieldTypes(record([{ name: 'again', type: ['null', { type: 'array', items: 'R' }] }]));
    expect(again).toMatchObject({
      branches: [
        { kind: 'null' },
        { kind: 'array', items: { kind: 'reference', fullName: 'org.example.R' } },
      ],
    });
  });

  test('writes a record out where the record that it refers to is not around it', () => {
    const inner = { type: 'record', name: 'B', fields: [{ name: 'a', type: ['null', 'A'] }] };
    const outer = { type: 'record', name: 'A', fields: [{ name: 'b', type: inner }] };
    const union = parseAvroSchema(JSON.stringify([outer, 'B']));
    if (union.kind !== 'union') throw new Error('a union was written');
    expect(union.branches[1]).toMatchObject({
      kind: 'record',
      fullName: 'B',
      fields: [
        {
          type: {
            branches: [
              { kind: 'null' },
              { kind: 'record', fullName: 'A', fields: [{ type: { kind: 'reference', fullName: 'B' } }] },
            ],
          },
        },
      ],
    });
  });

  test.each([
    ['a record that needs itself', record([{ name: 'again', type: 'R' }])],
    ['one that needs itself by another', record([{ name: 'b', type: inB('R') }])],
    ['a union of nothing else', record([{ name: 'b', type: [inB('R'), 'R'] }])],
  ])('refuses %s: no value of it ends', (_, text) => {
    expect(problem(text).context.expected).toContain('whose values can end');
  });

  test('refuses records that hold one another in more ways than can be walked, in no time', () => {
    const names = Array.from({ length: 30 }, (_, i) => `N${i}`);
    // Each around the next, and each with all of those around it: every way through them is another path.
    const nest = (at: number): object => ({
      type: 'record',
      name: names[at],
      fields: [
        ...names.slice(0, at).map((name) => ({ name: `to${name}`, type: ['null', name] })),
        ...(at + 1 < names.length ? [{ name: 'next', type: ['null', nest(at + 1)] }] : []),
      ],
    });
    const text = JSON.stringify([nest(0), ...names.slice(1)]);
    const before = performance.now();
    expect(problem(text).context.expected).toContain('levels are expected');
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  test('refuses a schema nested without end, instead of running out of stack', () => {
    const text = `${'{"type":"array","items":'.repeat(50_000)}"int"${'}'.repeat(50_000)}`;
    expect(problem(text).code).toBe('ERR_SCHEMA_SYNTAX');
  });

  test('refuses a short schema that unfolds to millions of fields', () => {
    const layers: object[] = [{ type: 'fixed', name: 'T0', size: 1 }];
    for (let n = 1; n < 30; n++)
      layers.push({
        type: 'record',
        name: `T${n}`,
        fields: ['a', 'b'].map((name) => ({ name, type: `T${n - 1}` })),
      });
    const fields = layers.map((type, n) => ({ name: `f${n}`, type }));
    expect(problem({ type: 'record', name: 'Root', fields }).code).toBe('ERR_SCHEMA_SYNTAX');
  });
});
