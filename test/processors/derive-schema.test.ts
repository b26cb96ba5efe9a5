import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Schema, Type as AvscType } from 'avsc';
import { deriveSchema } from '../../processors/derive-schema.ts';
import { derivedUnionBranches } from '../../processors/derived-unions.ts';
import type { PlanNode } from '../../processors/plan.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { compile, field, planned, policyWith, recordOf } from '../support/policy-fixture.ts';

const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): AvscType } };
const fixture = policyWith({
  methods: { PHI_ID: 'drop', PHI_FREE_TEXT: 'redact', PHI_ZIP: 'zip3', PHI_NONE: 'keep' },
});
type Derived = { fields: { name: string; type: unknown }[] } & Record<string, unknown>;

/** Derived schema of a record of these fields. */
function derived(...fields: object[]): Derived {
  const text = planned(compile(fixture, recordOf(...fields))).derivedSchema;
  // It must be valid Avro, whatever it says.
  Type.forSchema(JSON.parse(text) as Schema);
  return JSON.parse(text) as Derived;
}
const typeOf = (...fields: object[]): unknown => derived(...fields).fields[0]?.type;
const KEEP = ['PHI_NONE'];
const DROP = ['PHI_ID'];
const REDACT = ['PHI_FREE_TEXT'];
const nothing = field('n', 'int', KEEP);
const colour = { type: 'enum', name: 'Colour', symbols: ['RED', 'SECRET'] };

/** Full names of the types that a schema defines, in order. */
function namesIn(json: unknown): string[] {
  if (Array.isArray(json)) return json.flatMap(namesIn);
  if (typeof json !== 'object' || json === null) return [];
  const { name, namespace } = json as { name?: string; namespace?: string };
  const own = namespace === undefined ? [] : [`${namespace}.${name}`];
  return [...own, ...Object.values(json).flatMap(namesIn)];
}

const schema = () => recordOf(field('a', 'int', KEEP, { z: 1, a: { y: 1, b: 2 } }), nothing);

const text = () => planned(compile(fixture, schema())).derivedSchema;

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the derived schema', () => {
  test('stands in a namespace of its audience, every named type of it', () => {
    const inner = { type: 'record', name: 'Inner', namespace: 'org.other', fields: [nothing] };
    const schema = recordOf(field('a', inner, KEEP), field('z', 'string', ['PHI_ZIP']));
    const text = planned(compile({ ...fixture, audience: 'data-science' }, schema)).derivedSchema;
    expect(JSON.parse(text)).toMatchObject({
      name: 'Visit',
      namespace: 'org.example.for_data_science',
      fields: [{ type: { name: 'Inner', namespace: 'org.other.for_data_science.in_a' } }, { type: 'string' }],
    });
  });

  test('of a type without a namespace stands in that of the audience alone', () => {
    const schema = parseAvroSchema(JSON.stringify({ type: 'record', name: 'V', fields: [nothing] }));
    expect(JSON.parse(deriveSchema({ kind: 'keep', schema }, 'research'))).toMatchObject({
      name: 'V',
      namespace: 'for_research',
    });
  });

  test('keeps doc, default, aliases and attributes of kept fields; of masked ones only that there is a default', () => {
    const said = { doc: 'secret doc', aliases: ['secretAlias'], 'x-owner': 'secret' };
    const schema = derived(
      field('kept', 'string', KEEP, { ...said, default: 'd' }),
      field('masked', 'string', ['PHI_ZIP'], { ...said, default: 'secret default' }),
      field('emptied', 'string', REDACT, { ...said, default: 'secret default' }),
      field('maybe', ['null', 'string'], REDACT, { ...said, default: null }),
    );
    expect(schema.fields).toEqual([
      {
        name: 'kept',
        type: 'string',
        doc: 'secret doc',
        default: 'd',
        aliases: ['secretAlias'],
        'x-owner': 'secret',
      },
      { name: 'masked', type: 'string', default: '' },
      { name: 'emptied', type: 'string', default: '' },
      { name: 'maybe', type: ['null', 'string'], default: null },
    ]);
  });

  test('shows no tag and no person mark', () => {
    const schema = recordOf(
      field('id', 'string', KEEP, { 'gauze:person': true }),
      field('t', { type: 'string', 'confluent:tags': KEEP }),
    );
    const text = planned(compile(fixture, schema)).derivedSchema;
    expect(text).not.toMatch(/confluent|gauze:/);
  });

  test('has no dropped field, and none whose leaves are all dropped', () => {
    const inner = { type: 'record', name: 'In', fields: [field('x', 'string', DROP)] };
    const names = derived(
      nothing,
      field('a', 'string', DROP),
      field('b', inner),
      field('c', { type: 'array', items: 'In' }),
      field('d', { type: 'map', values: 'In' }, KEEP),
      field('e', ['null', 'In']),
    ).fields.map((each) => each.name);
    expect(names).toEqual(['n']);
  });

  test('has the symbols of kept enums only', () => {
    const keeper = { type: 'record', name: 'K', fields: [field('c', 'Colour')] };
    expect(JSON.stringify(derived(field('c', colour, KEEP)))).toContain('SECRET');
    for (const emptied of [
      field('c', ['null', colour], REDACT),
      field('c', { type: 'array', items: colour }, REDACT),
      field('c', { type: 'map', values: ['null', colour] }, REDACT),
      field('c', ['null', { ...keeper, fields: [field('c', colour)] }], REDACT),
      field('c', [
        'null',
        { ...colour, 'confluent:tags': REDACT },
        { type: 'string', 'confluent:tags': KEEP },
      ]),
      field('c', colour, DROP),
    ])
      expect(JSON.stringify(derived(nothing, emptied))).not.toContain('SECRET');
  });

  test('leaves a union without the branch that names a redacted enum', () => {
    const mixed = [
      'null',
      { ...colour, 'confluent:tags': REDACT },
      { type: 'string', 'confluent:tags': KEEP },
    ];
    expect(typeOf(field('c', ['null', colour], REDACT), nothing)).toEqual(['null']);
    expect(typeOf(field('c', mixed))).toEqual(['null', 'string']);
  });

  test('drops a logical type that the empty value does not fit', () => {
    const uuid = { type: 'string', logicalType: 'uuid' };
    const date = { type: 'int', logicalType: 'date' };
    expect(typeOf(field('u', uuid, REDACT), nothing)).toBe('string');
    expect(typeOf(field('u', uuid, KEEP))).toEqual(uuid);
    expect(typeOf(field('d', date, REDACT), nothing)).toEqual(date);
  });

  test('names a record by where it stands, whatever is done to it there, and an enum by itself', () => {
    const address = {
      type: 'record',
      name: 'Address',
      fields: [field('code', 'string'), field('kind', { ...colour, symbols: ['A'] })],
    };
    const schema = derived(
      field('home', address, KEEP),
      field('work', ['null', { type: 'array', items: 'Address' }], ['PHI_NONE']),
      field('last', { type: 'record', name: 'Last', fields: [field('at', 'Address')] }, KEEP),
    );
    expect(namesIn(schema)).toEqual([
      'org.example.for_research.Visit',
      'org.example.for_research.in_home.Address',
      'org.example.for_research.Colour',
      'org.example.for_research.in_work.Address',
      'org.example.for_research.in_last.Last',
      'org.example.for_research.in_last.in_at.Address',
    ]);
  });

  test('is the same text for the same plan', () => {
    expect(text()).toBe(text());
    expect(text()).toContain('"a":{"b":2,"y":1},"z":1');
  });

  test.each(['research', 'analytics', 'billing'])(
    'of each clinical schema for %s is valid Avro',
    (audience) => {
      const policy = parsePolicy(read(`examples/hospital/policies/${audience}.yaml`), `${audience}.yaml`);
      const topics = {
        patient: 'patients',
        encounter: 'encounters',
        observation: 'observations',
        claim: 'claims',
      };
      for (const [name, topic] of Object.entries(topics)) {
        const schema = parseAvroSchema(read(`schemas/clinical/${name}.avsc`));
        const plan = planned(compile(policy, schema, { topic: `clinical.${topic}` }));
        const type = Type.forSchema(JSON.parse(plan.derivedSchema) as Schema);
        expect(type.name).toMatch(new RegExp(`^org\\.example\\.hospital\\.for_${audience}\\.`));
      }
    },
  );
});

describe('branches of a derived union', () => {
  const union = parseAvroSchema(JSON.stringify(['null', colour, 'string'])) as PlanNode['schema'] & {
    kind: 'union';
  };
  const [none, first, second] = union.branches;

  test('keep their place where all are written', () => {
    expect(derivedUnionBranches({ kind: 'keep', schema: union })).toEqual([0, 1, 2]);
  });

  test('close up behind one that is taken out', () => {
    const branches: PlanNode[] = [
      { kind: 'keep', schema: none! },
      { kind: 'empty', schema: first! },
      { kind: 'keep', schema: second! },
    ];
    expect(derivedUnionBranches({ kind: 'union', schema: union, branches })).toEqual([0, -1, 1]);
    expect(derivedUnionBranches({ kind: 'empty', schema: union })).toEqual([0, -1, 1]);
  });
});
