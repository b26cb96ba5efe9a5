/**
 * Records inside themselves, from the schema's text to the masked bytes: the same treatment at every depth, tags that
 * reach them from anywhere, and an end for what is nested too deep.
 */
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import type { Schema, Type as AvscType } from 'avsc';
import { PersonFinder } from '../../processors/person-finder.ts';
import { faultCode } from '../../processors/fault.ts';
import { DEPTH_LIMIT } from '../../processors/walk-source.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { personField } from '../../policy/person-field.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { leavesOf, pathTags, tagsInForce } from '../../schemas/tags.ts';
import { TOPIC, compile, field, planned, policyWith, problems } from '../support/policy-fixture.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): AvscType } };

type Json = Readonly<Record<string, unknown>>;

const tree = (...more: object[]): Json => ({
  type: 'record',
  name: 'Node',
  fields: [
    field('name', 'string', ['PHI_NAME']),
    field('mrn', 'string', ['PHI_MRN']),
    field('kind', 'string', ['PHI_NONE']),
    field('children', { type: 'array', items: 'Node' }),
    ...more,
  ],
});

const leaf = (name: string, children: unknown[] = []): Json => ({
  name,
  mrn: `MRN-${name}`,
  kind: `kind-${name}`,
  children,
});

/** What readers get of a value; a code where it is withheld. */
function masked(schema: Json, plan: CompiledPlan, value: unknown): unknown {
  const bytes = Type.forSchema(schema as Schema).toBuffer(value);
  const out = Buffer.alloc(1 << 20);
  const end = compileTranscoder(plan, testKeys()).mask(bytes, 0, bytes.length, out, 0, 0, NOWHERE);
  if (end < 0) return faultCode(end);
  const derived = Type.forSchema(JSON.parse(plan.derivedSchema) as Schema);
  return JSON.parse(JSON.stringify(derived.fromBuffer(out.subarray(0, end)))) as unknown;
}

const parse = (schema: unknown): ReturnType<typeof parseAvroSchema> =>
  parseAvroSchema(JSON.stringify(schema));

const POLICY = {
  PHI_NAME: 'drop',
  PHI_MRN: { method: 'pseudonym', domain: 'mrn' },
  PHI_NONE: 'keep',
  PHI_ID: 'drop',
};
const policy = policyWith({ methods: POLICY, fields: undefined, examples: undefined });

describe('a record inside itself', () => {
  test('has one set of leaves for all depths', () => {
    expect(leavesOf(parse(tree())).map(({ path }) => path)).toEqual(['name', 'mrn', 'kind']);
  });

  test('is masked at every depth as at the first', () => {
    const plan = planned(compile(policy, parse(tree())));
    const value = leaf('a', [leaf('b', [leaf('c'), leaf('d')]), leaf('e')]);
    const text = JSON.stringify(masked(tree(), plan, value));
    expect(text).not.toMatch(/"name"|MRN-/);
    expect(text.match(/kind-[a-e]/g)).toEqual(['kind-a', 'kind-b', 'kind-c', 'kind-d', 'kind-e']);
    expect(new Set(text.match(/"mrn":"[^"]+"/g)).size).toBe(5);
  });

  test('passes unchanged where all of it is kept, and is gone where all of it is dropped', () => {
    const schema = {
      type: 'record',
      name: 'Outer',
      fields: [
        field('kept', tree(), ['PHI_NONE']),
        field('id', 'string', ['PHI_NONE']),
        field('gone', 'Node', ['PHI_NAME']),
      ],
    };
    const all = (tags: unknown): unknown =>
      JSON.parse(
        JSON.stringify(schema).replaceAll(
          /"PHI_(NAME|MRN)"(?=\]\},\{"name":"(mrn|kind)")/g,
          JSON.stringify(tags),
        ),
      );
    const kept = all('PHI_NONE') as Json;
    const plan = planned(compile(policy, parse(kept)));
    const value = leaf('a', [leaf('b')]);
    expect(masked(kept, plan, { kept: value, id: 'x', gone: value })).toEqual({ kept: value, id: 'x' });
    expect(plan.derivedSchema).not.toContain('gone');
  });

  test('is emptied as a whole, lists and choices of itself too', () => {
    const schema = tree(field('next', ['null', 'Node']));
    const redacting = policyWith({
      methods: { PHI_ID: 'drop', PHI_NAME: 'redact', PHI_MRN: 'redact', PHI_NONE: 'redact' },
      fields: undefined,
      examples: undefined,
    });
    const plan = planned(compile(redacting, parse(schema)));
    const value = {
      ...leaf('a', [{ ...leaf('b'), next: null }]),
      next: { ...leaf('c'), next: null },
    };
    expect(masked(schema, plan, value)).toEqual({ name: '', mrn: '', kind: '', children: [], next: null });
  });

  test('is taken away by an exception for it alone; nothing else can be said of it alone', () => {
    const exception = (method: string): ReturnType<typeof policyWith> =>
      policyWith({
        methods: POLICY,
        fields: { [TOPIC]: { children: { method, reason: 'not needed' } } },
        examples: undefined,
      });
    const plan = planned(compile(exception('drop'), parse(tree())));
    expect(masked(tree(), plan, leaf('a', [leaf('b')]))).toMatchObject({ kind: 'kind-a' });
    expect(plan.derivedSchema).not.toContain('children');
    expect(problems(compile(exception('redact'), parse(tree())))).toEqual([
      'ERR_POLICY_METHOD_TYPE children[]',
    ]);
  });

  test('may hold itself by another record, in maps, unions and lists, whichever is the outer one', () => {
    const inner = {
      type: 'record',
      name: 'Link',
      fields: [
        field('label', 'string', ['PHI_NONE']),
        field('to', { type: 'map', values: 'Node' }, ['PHI_ID']),
      ],
    };
    const node = tree(field('link', ['null', inner]));
    const value = {
      ...leaf('a'),
      link: { label: 'l', to: { secret: { ...leaf('b'), link: null } } },
    };
    const keysKept = { ...POLICY, PHI_ID: { method: 'pseudonym', domain: 'mrn' } };
    const plan = planned(
      compile(policyWith({ methods: keysKept, fields: undefined, examples: undefined }), parse(node)),
    );
    const text = JSON.stringify(masked(node, plan, value));
    expect(text).toMatch(/^\{"mrn".*"kind".*"to":\{"[0-9a-f]{32}":\{"mrn"/);
    expect(text).not.toMatch(/secret|MRN-|kind-|"name"/);
    // PHI_ID reaches everything below `to`, so kind is a pseudonym there, and everywhere: one set of leaves.
    expect(leavesOf(parse(node)).map(({ path, tags }) => [path, [...tags].sort().join()])).toEqual([
      ['name', 'PHI_ID,PHI_NAME'],
      ['mrn', 'PHI_ID,PHI_MRN'],
      ['kind', 'PHI_ID,PHI_NONE'],
      ['link.label', 'PHI_ID,PHI_NONE'],
      ['link.to{key}', 'PHI_ID'],
    ]);
  });

  test('is withheld where it is nested deeper than the limit, masked, kept or dropped', () => {
    const nested = (depth: number): Json => leaf(`${depth}`, depth === 0 ? [] : [nested(depth - 1)]);
    for (const methods of [POLICY, { PHI_ID: 'keep', PHI_NAME: 'keep', PHI_MRN: 'keep', PHI_NONE: 'keep' }]) {
      const open = policyWith({
        regime: 'tpo',
        description: 'Treatment of inpatients',
        methods,
        fields: undefined,
        examples: undefined,
      });
      const plan = planned(compile(open, parse(tree())));
      expect(masked(tree(), plan, nested(DEPTH_LIMIT))).toMatchObject({ kind: `kind-${DEPTH_LIMIT}` });
      expect(masked(tree(), plan, nested(DEPTH_LIMIT + 1))).toBe('ERR_DECODE_DEPTH');
    }
    const transcoder = compileTranscoder(planned(compile(policy, parse(tree()))), testKeys());
    const bytes = Buffer.alloc(1 << 20, Buffer.from([0, 0, 0, 2]));
    const end = transcoder.mask(bytes, 0, bytes.length, Buffer.alloc(1 << 20), 0, 0, NOWHERE);
    expect(faultCode(end)).toBe('ERR_DECODE_DEPTH');
  });

  test('cannot hold the field that says whom the record is about', () => {
    const marked = tree(field('id', 'string', ['PHI_ID'], { 'gauze:person': true }));
    expect(personField(parse(marked))).toEqual({ count: 1, path: null });
    const around: Json = {
      type: 'record',
      name: 'Around',
      fields: [field('tree', tree(), []), field('id', 'string', ['PHI_ID'], { 'gauze:person': true })],
    };
    expect(personField(parse(around)).path).toEqual(['id']);
    const bytes = Type.forSchema(around as Schema).toBuffer({
      tree: leaf('a', [leaf('b')]),
      id: 'P-1',
    });
    const finder = new PersonFinder(parse(around), ['id']);
    expect(finder.find(bytes, 0, bytes.length)).toBe(0);
    expect(Buffer.from(finder.text.subarray(finder.start, finder.end)).toString()).toBe('P-1');
  });
});

describe('tags and records inside themselves', () => {
  const tagsAt = (leaves: ReturnType<typeof leavesOf>): Record<string, string> =>
    Object.fromEntries(leaves.map(({ path, tags }) => [path, [...tags].sort().join()]));

  test('a tag that reaches the reference reaches all leaves of the record, over several records too', () => {
    const b = {
      type: 'record',
      name: 'B',
      fields: [field('x', 'string', ['PHI_NONE']), field('a', ['null', 'A'], ['PHI_MRN'])],
    };
    const a = { type: 'record', name: 'A', fields: [field('y', 'string'), field('b', ['null', b])] };
    expect(tagsAt(leavesOf(parse(a)))).toEqual({ y: 'PHI_MRN', 'b.x': 'PHI_MRN,PHI_NONE' });
  });

  test('PHI_NONE on a place inside says nothing of the record around it', () => {
    const a = {
      type: 'record',
      name: 'A',
      fields: [field('y', 'string'), field('next', ['null', 'A'], ['PHI_NONE'])],
    };
    expect(tagsAt(leavesOf(parse(a)))).toEqual({ y: '' });
  });

  const recursive = {
    type: 'record',
    name: 'A',
    fields: [field('y', 'string'), field('next', ['null', 'A'])],
  };
  const child = { type: 'record', name: 'C', fields: [field('y', 'string', ['PHI_MRN'])] };
  const flat = { type: 'record', name: 'A', fields: [field('y', 'string'), field('next', ['null', child])] };
  const taggedTree = {
    type: 'record',
    name: 'A',
    fields: [field('y', 'string', ['PHI_MRN']), field('next', ['null', 'A'])],
  };
  const plain = JSON.parse(
    JSON.stringify(flat).replace('"confluent:tags":["PHI_MRN"]', '"doc":""'),
  ) as object;

  test('a tag of a version before the record held itself reaches it afterwards', () => {
    expect(tagsAt(tagsInForce(parse(recursive), pathTags(parse(flat))))).toEqual({ y: 'PHI_MRN' });
  });

  test('a tag of a record that held itself reaches what it became, at every depth', () => {
    expect(tagsAt(tagsInForce(parse(plain), pathTags(parse(taggedTree))))).toEqual({
      y: 'PHI_MRN',
      'next.y': 'PHI_MRN',
    });
  });

  test('the tags of other leaves of the record are not spread over all of them', () => {
    const schema = parse(tree());
    expect(tagsAt(tagsInForce(schema, pathTags(schema)))).toEqual(tagsAt(leavesOf(schema)));
  });

  test('the plan of a recursive schema has a hash, the same each time', () => {
    const [first, second] = [0, 1].map(() => compile(policy, parse(tree())) as CompiledPlan);
    expect(first!.hash).toBe(second!.hash);
    expect(JSON.parse(JSON.stringify(first!.root))).toEqual(first!.root);
  });
});
