import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { assert, constantFrom, nat, property } from 'fast-check';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { leafInstructions } from '../../policy/compile-plan.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { PlanNode } from '../../processors/plan.ts';
import { METHODS } from '../../processors/method-table.ts';
import type { AvroRecord, AvroType } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { mapSiteTags } from '../../schemas/site-tags.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { TOPIC, compile, field, planned, policyWith, problems, recordOf } from '../support/policy-fixture.ts';

const person = field('patientId', 'string', ['PHI_ID'], { 'gauze:person': true });
const nullable = (type: unknown): unknown => ['null', type];
const date = { type: 'int', logicalType: 'date' };
const gender = { type: 'enum', name: 'Gender', symbols: ['female', 'male'] };
const fixture = policyWith();

/** The tree in short: kinds, and methods of leaves. */
function shape(node: PlanNode): unknown {
  switch (node.kind) {
    case 'leaf':
      return node.instruction.method;
    case 'record':
      return Object.fromEntries(node.fields.map((child, at) => [node.schema.fields[at]!.name, shape(child)]));
    case 'array':
      return [shape(node.items)];
    case 'map':
      return { '{key}': node.key.method, '{}': shape(node.values) };
    case 'union':
      return { union: node.branches.map(shape) };
    default:
      return node.kind;
  }
}
const shapeFor = (...fields: object[]): unknown => shape(planned(compile(fixture, recordOf(...fields))).root);
const problemsFor = (...fields: object[]): string[] => problems(compile(fixture, recordOf(...fields)));
const why = (plan: CompiledPlan): Record<string, string> =>
  Object.fromEntries(plan.leaves.map((leaf) => [leaf.path, `${leaf.instruction.method}: ${leaf.why}`]));

/** A regime that lets people decide about every tag. */
const REGIME_OF_PEOPLE = { regime: 'tpo' } as const;

describe('each leaf gets one instruction', () => {
  test('by its tag', () => {
    const plan = planned(compile(fixture, recordOf(person, field('zip', 'string', ['PHI_ZIP']))));
    expect(shape(plan.root)).toEqual({ patientId: 'pseudonym', zip: 'zip3' });
    expect(why(plan)).toEqual({ patientId: 'pseudonym: tag PHI_ID', zip: 'zip3: tag PHI_ZIP' });
    expect(plan.personPath).toEqual(['patientId']);
    expect(plan.key).toEqual({ method: 'pseudonym', domain: 'patient' });
  });

  test('by the strictest of several tags, where PHI_NONE never wins', () => {
    const schema = recordOf(
      field('a', 'string', ['PHI_ZIP', 'PHI_NAME']),
      field('b', 'string', ['PHI_NONE', 'PHI_MRN']),
      field('c', 'string', ['PHI_NONE', 'PHI_FREE_TEXT', 'PHI_ZIP']),
    );
    expect(shape(planned(compile(fixture, schema)).root)).toEqual({
      a: 'drop',
      b: 'pseudonym',
      c: 'empty',
    });
  });

  test('never by PHI_NONE beside another tag, whatever the policy says of PHI_NONE', () => {
    const schema = recordOf(field('a', 'string', ['PHI_NONE', 'PHI_MRN']));
    const mrn = { method: 'pseudonym', domain: 'mrn' };
    for (const none of [{}, { PHI_NONE: 'drop' }]) {
      const policy = policyWith({ methods: { PHI_ID: 'drop', PHI_MRN: mrn, ...none } });
      expect(shape(planned(compile(policy, schema)).root)).toEqual({ a: 'pseudonym' });
    }
  });

  test('by an entry under fields: before any tag, also for all that is below a path', () => {
    const policy = policyWith({
      fields: {
        [TOPIC]: {
          home: { method: 'redact', reason: 'not asked for' },
          'home.city': { method: 'keep', reason: 'the town may stay' },
        },
      },
    });
    const home = {
      type: 'record',
      name: 'Home',
      fields: [
        field('city', 'string', ['PHI_GEO']),
        field('street', 'string', ['PHI_GEO']),
        field('zip', 'string', ['PHI_ZIP']),
      ],
    };
    const plan = planned(compile(policy, recordOf(field('home', home))));
    expect(shape(plan.root)).toEqual({ home: { city: 'keep', street: 'empty', zip: 'empty' } });
    expect(plan.leaves[0]?.why).toBe('fields: the town may stay');
  });

  test('by untagged: drop where nothing else decides', () => {
    const policy = policyWith({ untagged: 'drop' });
    const plan = planned(compile(policy, recordOf(person, field('flag', 'boolean'))));
    expect(shape(plan.root)).toEqual({ patientId: 'pseudonym', flag: 'drop' });
    expect(plan.derivedSchema).not.toContain('flag');
  });

  test('by a tag that only an earlier version of the schema had', () => {
    const now = recordOf(field('ref', 'string', ['PHI_NONE']));
    const plan = planned(compile(fixture, now, { earlier: [recordOf(field('ref', 'string', ['PHI_SSN']))] }));
    expect(plan.leaves[0]?.instruction.method).toBe('drop');
  });

  test("by a site's own word", () => {
    const schema = recordOf(field('ref', 'string', ['PII']));
    const siteTags = mapSiteTags({ PII: 'PHI_ID' });
    expect(problems(compile(fixture, schema, { tagsInForce: new Map() }))).toEqual([
      'ERR_SCHEMA_TAG_UNKNOWN ref',
    ]);
    const plan = planned(compile(fixture, schema, { siteTags, tagsInForce: new Map() }));
    expect(plan.leaves[0]?.tags).toEqual(['PHI_ID']);
  });
});

const inner = (name: string, tag: string) =>
  field(name, {
    type: 'record',
    name: `In${name}`,
    fields: [field('x', 'string', [tag]), field('y', nullable('int'), [tag])],
  });

const either = (left: string, right: string) =>
  field('either', [
    'null',
    { type: 'string', 'confluent:tags': [left] },
    { type: 'int', 'confluent:tags': [right] },
  ]);

const table = (key: string, value: string) =>
  field('m', { type: 'map', values: { type: 'string', 'confluent:tags': [value] } }, [key]);

describe('subtrees become one node', () => {
  test('where all leaves are kept, dropped or redacted', () => {
    expect(shapeFor(inner('a', 'PHI_NONE'), inner('b', 'PHI_NAME'), inner('c', 'PHI_FREE_TEXT'))).toEqual({
      a: 'keep',
      b: 'drop',
      c: 'empty',
    });
  });

  test('a redacted list or map is emptied, a redacted nullable value is null, whatever its type', () => {
    expect(
      shapeFor(
        field('list', { type: 'array', items: gender }, ['PHI_FREE_TEXT']),
        field('table', { type: 'map', values: 'string' }, ['PHI_FREE_TEXT']),
        field('maybe', nullable('Gender'), ['PHI_FREE_TEXT']),
        field('choice', ['string', 'int'], ['PHI_FREE_TEXT']),
        field('n', 'int', ['PHI_NONE']),
      ),
    ).toEqual({ n: 'keep', list: 'empty', table: 'empty', maybe: 'empty', choice: 'empty' });
  });

  test('an enum or a fixed that must be there cannot be redacted', () => {
    expect(
      problemsFor(
        field('a', gender, ['PHI_FREE_TEXT']),
        field('b', { type: 'fixed', name: 'F', size: 2 }, ['PHI_FREE_TEXT']),
        field('c', ['string', 'Gender'], ['PHI_FREE_TEXT']),
      ),
    ).toEqual([
      'ERR_POLICY_METHOD_TYPE a',
      'ERR_POLICY_METHOD_TYPE b',
      'ERR_POLICY_METHOD_TYPE c<org.example.Gender>',
    ]);
  });

  test('a branch of a union cannot be dropped alone, all of them can', () => {
    expect(problemsFor(either('PHI_NAME', 'PHI_NONE'))).toEqual(['ERR_POLICY_UNION_DROP either<string>']);
    expect(shapeFor(either('PHI_NAME', 'PHI_NAME'))).toEqual({ either: 'drop' });
    expect(shapeFor(either('PHI_FREE_TEXT', 'PHI_NONE'))).toEqual({
      either: { union: ['keep', 'empty', 'keep'] },
    });
  });

  test('branches of a union that become variants of one type are refused, those of one type are one', () => {
    const uuid = { type: 'string', logicalType: 'uuid' };
    const compiledWith = (text: unknown): string[] => {
      const schema = recordOf(field('either', ['null', 'int', text], ['PHI_NONE']));
      const bucket = { method: 'bucket', size: 10, reason: 'ranges will do' };
      const policy = policyWith({ fields: { [TOPIC]: { 'either<int>': bucket } } });
      return problems(compile(policy, schema));
    };
    expect(compiledWith(uuid)).toEqual(['ERR_POLICY_UNION_TYPES either']);
    expect(compiledWith('string')).toEqual([]);
  });

  test('a map follows its keys', () => {
    expect(shapeFor(table('PHI_NONE', 'PHI_ZIP'))).toEqual({ m: { '{key}': 'keep', '{}': 'zip3' } });
    const keyed = policyWith({
      fields: { [TOPIC]: { 'm{key}': { method: 'drop', reason: 'keys are names of people' } } },
    });
    const plan = planned(compile(keyed, recordOf(table('PHI_NONE', 'PHI_ZIP'))));
    expect(shape(plan.root)).toEqual({ m: 'drop' });
    expect(plan.leaves.map((leaf) => leaf.instruction.method)).toEqual(['drop', 'drop']);
    const emptied = policyWith({
      fields: { [TOPIC]: { 'm{key}': { method: 'redact', reason: 'keys are names of people' } } },
    });
    const schema = recordOf(field('n', 'int', ['PHI_NONE']), table('PHI_NONE', 'PHI_ZIP'));
    expect(shape(planned(compile(emptied, schema)).root)).toEqual({ n: 'keep', m: 'empty' });
  });

  test('a map whose values are all dropped is dropped with its keys', () => {
    const values = { type: 'string', 'confluent:tags': ['PHI_NAME'] };
    expect(shapeFor(field('m', { type: 'map', values }, ['PHI_NONE']))).toEqual({ m: 'drop' });
  });

  test('a map key can only be kept or replaced', () => {
    expect(problemsFor(field('m', { type: 'map', values: 'string' }, ['PHI_ZIP']))).toEqual([
      'ERR_POLICY_METHOD_TYPE m{key}',
    ]);
  });

  test('what has no leaf and still tells something by its shape is dropped', () => {
    const empty = { type: 'record', name: 'Mark', fields: [] };
    expect(
      shapeFor(
        field('count', { type: 'array', items: 'null' }),
        field('isThere', nullable(empty)),
        field('nothing', 'null'),
      ),
    ).toEqual({ count: 'drop', isThere: 'drop', nothing: 'keep' });
  });

  test('a record that loses every field is left without fields; a value that is no record cannot be dropped', () => {
    expect(shapeFor(field('name', 'string', ['PHI_NAME']))).toEqual({ name: 'drop' });
    const text = parseAvroSchema('{"type":"string","confluent:tags":["PHI_NAME"]}');
    expect(problems(compile(fixture, text))).toEqual(['ERR_POLICY_METHOD_TYPE $']);
  });
});

const topic = (key: object) => policyWith({ topics: { [TOPIC]: key } });

describe('refusals', () => {
  test('come all at once, each with file, line and what to do', () => {
    const found = compile(
      fixture,
      recordOf(
        field('flag', 'boolean'),
        field('url', 'string', ['PHI_URL']),
        field('zip', 'int', ['PHI_ZIP']),
        field('patientName', 'string'),
        field('code', 'string', ['PHI_ID', 'PHI_MRN']),
        field('when', date, ['PHI_DATE']),
      ),
    );
    expect(problems(found)).toEqual([
      'ERR_POLICY_LEAF_UNCOVERED flag',
      'ERR_POLICY_LEAF_UNCOVERED patientName',
      'ERR_POLICY_LOOKS_LIKE_PHI patientName',
      'ERR_POLICY_METHOD_TYPE zip',
      'ERR_POLICY_TAGS_UNORDERED code',
      'ERR_POLICY_TAG_WITHOUT_METHOD url',
      'ERR_SCHEMA_PERSON',
    ]);
    for (const problem of found as Exclude<typeof found, CompiledPlan>) {
      expect(problem.context.line).toBeGreaterThan(0);
      expect(problem.context.file).toBe('fixture.yaml');
      expect(problem.message + problem.action).not.toMatch(/[{}?]/);
    }
  });

  test('of a missing or impossible instruction for the record key', () => {
    const schema = recordOf(field('flag', 'boolean', ['PHI_NONE']));
    expect(problems(compile(topic({}), schema))).toEqual(['ERR_POLICY_KEY_MISSING']);
    expect(problems(compile(topic({ key: { tag: 'PHI_ZIP' } }), schema))).toEqual(['ERR_POLICY_KEY_METHOD']);
    expect(problems(compile(topic({ key: { tag: 'PHI_URL' } }), schema))).toEqual([
      'ERR_POLICY_TAG_WITHOUT_METHOD record key',
    ]);
  });

  test('of a topic that the policy does not name', () => {
    expect(problems(compile(fixture, recordOf(), { topic: 'clinical.other' }))).toEqual([
      'ERR_POLICY_ABSENT',
    ]);
  });

  test('of an exception for a path that no version has, but not for one that only an earlier version has', () => {
    const policy = policyWith({ fields: { [TOPIC]: { old: { method: 'drop', reason: 'free text' } } } });
    const schema = recordOf(field('older', 'boolean', ['PHI_NONE']));
    expect(problems(compile(policy, schema))).toEqual(['ERR_POLICY_FIELD_UNKNOWN old']);
    const earlier = [recordOf(field('old', 'string', ['PHI_NONE']))];
    expect(problems(compile(policy, schema, { earlier }))).toEqual([]);
  });

  test('of an exception that the regime does not allow', () => {
    const policy = policyWith({ fields: { [TOPIC]: { ssn: { method: 'keep', reason: 'wanted' } } } });
    expect(problems(compile(policy, recordOf(field('ssn', 'string', ['PHI_SSN']))))).toEqual([
      'ERR_POLICY_REGIME ssn',
    ]);
  });
});

const marked = (name: string, type: unknown) => field(name, type, ['PHI_ID'], { 'gauze:person': true });

describe('the person', () => {
  const shifted = field('when', date, ['PHI_DATE']);

  test('is found below records and where it may be null', () => {
    const inner = { type: 'record', name: 'Subject', fields: [marked('id', nullable('string'))] };
    const plan = planned(compile(fixture, recordOf(field('subject', inner), shifted)));
    expect(plan.personPath).toEqual(['subject', 'id']);
  });

  test('is needed where dates are shifted, and only there', () => {
    expect(problemsFor(shifted)).toEqual(['ERR_SCHEMA_PERSON']);
    expect(planned(compile(fixture, recordOf(field('n', 'int', ['PHI_NONE'])))).personPath).toBeNull();
  });

  test.each([
    ['two marks', [marked('a', 'string'), marked('b', 'string')]],
    [
      'a mark in a list',
      [field('l', { type: 'array', items: { type: 'record', name: 'I', fields: [marked('a', 'string')] } })],
    ],
    [
      'a mark in one of two branches',
      [field('u', ['string', { type: 'record', name: 'I', fields: [marked('a', 'string')] }], ['PHI_ID'])],
    ],
    [
      'a mark on a number with another meaning',
      [marked('a', { type: 'long', logicalType: 'timestamp-millis' })],
    ],
  ])('is refused with %s', (_, fields) => {
    const codes = problemsFor(...fields);
    expect(codes.filter((code) => code === 'ERR_SCHEMA_PERSON')).toHaveLength(1);
  });
});

describe('the plan', () => {
  const schema = recordOf(person, field('zip', 'string', ['PHI_ZIP']), field('n', 'int', ['PHI_NONE']));

  const hash = (more = {}, policy = fixture) => planned(compile(policy, schema, more)).hash;

  test('has the same hash for the same input, and another for anything that matters', () => {
    const others = [
      hash({ policyVersion: 2 }),
      hash({ asOfDay: 20_001 }),
      hash({ schemaId: 8 }),
      hash({}, policyWith({ methods: { PHI_ID: 'drop', PHI_ZIP: 'zip3', PHI_NONE: 'keep' } })),
      hash({}, policyWith({ timestamp: 'keep' })),
      hash({ earlier: [recordOf(field('n', 'int', ['PHI_AGE']))] }),
    ];
    expect(hash()).toMatch(/^[0-9a-f]{64}$/);
    expect(hash()).toBe(hash());
    expect(new Set([hash(), ...others]).size).toBe(others.length + 1);
  });

  test('tells of each leaf its type, tags, instruction and why', () => {
    expect(leafInstructions(planned(compile(fixture, schema)))[1]).toMatchObject({
      path: 'zip',
      type: 'string',
      tags: ['PHI_ZIP'],
      instruction: { method: 'zip3' },
      why: 'tag PHI_ZIP',
      emptied: null,
    });
  });

  test('names the headers that pass, and no others', () => {
    const headers = { b: { keep: true, reason: 'feed' }, a: { keep: true, reason: 'trace' } };
    const policy = policyWith({ topics: { [TOPIC]: { key: { tag: 'PHI_ID' }, headers } } });
    expect(planned(compile(policy, schema)).headers).toEqual(['a', 'b']);
  });
});

describe('the demo', () => {
  const root = new URL('../../', import.meta.url);
  const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
  const topics = {
    patient: 'patients',
    encounter: 'encounters',
    observation: 'observations',
    claim: 'claims',
  };

  test.each(['research', 'analytics', 'billing'])('%s compiles with each clinical schema', (audience) => {
    const policy = parsePolicy(read(`examples/hospital/policies/${audience}.yaml`), `${audience}.yaml`);
    for (const [name, topic] of Object.entries(topics)) {
      const schema = parseAvroSchema(read(`schemas/clinical/${name}.avsc`));
      const plan = planned(compile(policy, schema, { topic: `clinical.${topic}` }));
      expect(plan.leaves).toHaveLength(leavesOf(schema).length);
    }
  });

  test('analytics, being Safe Harbor, keeps nothing with a tag of the eighteen identifiers', () => {
    const policy = parsePolicy(read('examples/hospital/policies/analytics.yaml'), 'analytics.yaml');
    for (const [name, topic] of Object.entries(topics)) {
      const schema = parseAvroSchema(read(`schemas/clinical/${name}.avsc`));
      const plan = planned(compile(policy, schema, { topic: `clinical.${topic}` }));
      const kept = plan.leaves.filter((leaf) => leaf.instruction.method === 'keep');
      expect([...new Set(kept.flatMap((leaf) => leaf.tags))]).toEqual(['PHI_NONE']);
    }
  });
});

describe('never a plan that misses a leaf', () => {
  const clinical = ['patient', 'encounter', 'observation', 'claim'].map((name) => {
    const text = readFileSync(new URL(`../../schemas/clinical/${name}.avsc`, import.meta.url), 'utf8');
    return { text, schema: parseAvroSchema(text) };
  });
  const research = readFileSync(
    new URL('../../examples/hospital/policies/research.yaml', import.meta.url),
    'utf8',
  );
  const topic = 'clinical.patients';

  test('drops what is sensitive where the policy says nothing of it, whatever else the field is tagged', () => {
    const schema = recordOf(
      field('code', 'string', ['PHI_NONE', 'SENSITIVE_SUD']),
      field('status', 'string', ['PHI_NONE']),
    );
    const leaves = planned(compile(policyWith(), schema)).leaves;
    expect(leaves.map(({ path, instruction }) => [path, instruction.method])).toEqual([
      ['code', 'drop'],
      ['status', 'keep'],
    ]);
    expect(leaves[0]?.why).toContain('SENSITIVE_SUD, sensitive');
    const said = {
      ...REGIME_OF_PEOPLE,
      methods: { PHI_ID: 'keep', PHI_NONE: 'keep', SENSITIVE_SUD: 'keep' },
    };
    const kept = planned(compile(policyWith(said), schema)).leaves;
    expect(kept[0]?.instruction.method).toBe('keep');
  });

  test('refuses when any row of methods: that a leaf needs is taken away', () => {
    const policy = parsePolicy(research, 'research.yaml');
    assert(
      property(constantFrom(...clinical), constantFrom(...policy.methods.keys()), ({ schema }, tag) => {
        const methods = new Map([...policy.methods].filter(([each]) => each !== tag));
        const isNeeded = leavesOf(schema).some(({ tags }) =>
          tag === 'PHI_NONE' ? tags.size === 1 && tags.has(tag) : tags.has(tag),
        );
        const result = compile({ ...policy, methods, fields: new Map() }, schema, { topic });
        const missing = problems(result).filter((each) => each.startsWith('ERR_POLICY_TAG_WITHOUT_METHOD'));
        const isRequired = (isNeeded || tag === 'PHI_ID') && !tag.startsWith('SENSITIVE_');
        expect(missing.length > 0).toBe(isRequired);
      }),
    );
  });

  test('refuses when an untagged field of any type is added anywhere', () => {
    const policy = { ...parsePolicy(research, 'research.yaml'), fields: new Map() };
    const types = [
      'string',
      'int',
      'bytes',
      ['null', 'long'],
      { type: 'array', items: 'double' },
      { type: 'map', values: 'boolean' },
    ];
    assert(
      property(constantFrom(...clinical), constantFrom(...types), nat(), ({ text }, type, choice) => {
        const before = problems(compile(policy, parseAvroSchema(text), { topic }));
        const json = JSON.parse(text) as Json;
        const records = untaggedRecords(json);
        (records[choice % records.length]!['fields'] as unknown[]).push({ name: 'addedLater', type });
        const after = problems(compile(policy, parseAvroSchema(JSON.stringify(json)), { topic }));
        expect(before.filter((each) => each.includes('addedLater'))).toEqual([]);
        expect(after.some((each) => each.startsWith('ERR_POLICY_LEAF_UNCOVERED'))).toBe(true);
      }),
    );
  });

  test('and a plan has as many leaves as the schema, each carried out in the tree as decided', () => {
    const policy = parsePolicy(research, 'research.yaml');
    for (const { schema } of clinical) {
      const result = compile({ ...policy, fields: new Map() }, schema, { topic });
      if (Array.isArray(result)) continue;
      expect(result.leaves.map((leaf) => leaf.path)).toEqual(leavesOf(schema).map((leaf) => leaf.path));
      expect(treeLeaves(result.root).kept).toBe(
        result.leaves.filter((leaf) => leaf.instruction.method === 'keep').length,
      );
      expect(treeLeaves(result.root).changed).toBe(
        result.leaves.filter(
          ({ instruction, mapKey }) => METHODS[instruction.method].compile !== null && !mapKey,
        ).length,
      );
    }
  });
});

type Json = { [key: string]: unknown };

/** Records in the JSON of a schema that no tag reaches: a field added there has no tag. */
function untaggedRecords(json: unknown): Json[] {
  if (Array.isArray(json)) return json.flatMap(untaggedRecords);
  if (typeof json !== 'object' || json === null || 'confluent:tags' in json) return [];
  const node = json as Json;
  const own = node['type'] === 'record' ? [node] : [];
  return [...own, ...Object.values(node).flatMap(untaggedRecords)];
}

interface LeafCount {
  readonly kept: number;
  readonly changed: number;
}

function sum(parts: readonly LeafCount[]): LeafCount {
  return {
    kept: parts.reduce((total, part) => total + part.kept, 0),
    changed: parts.reduce((total, part) => total + part.changed, 0),
  };
}

function treeLeaves(node: PlanNode): LeafCount {
  switch (node.kind) {
    case 'keep':
      return { kept: leavesOf(stripped(node.schema)).length, changed: 0 };
    case 'leaf':
      return { kept: 0, changed: 1 };
    case 'record':
      return sum(node.fields.map(treeLeaves));
    case 'array':
      return treeLeaves(node.items);
    case 'map':
      return sum([{ kept: node.key.method === 'keep' ? 1 : 0, changed: 0 }, treeLeaves(node.values)]);
    case 'union':
      return sum(node.branches.map(treeLeaves));
    default:
      return { kept: 0, changed: 0 };
  }
}

/** Wraps a type so that paths do not matter. */
function stripped(type: AvroType): AvroRecord {
  const wrapped = { name: 'x', type, tags: [], person: false, doc: null, hasDefault: false, default: null };
  return {
    kind: 'record',
    logical: null,
    tags: [],
    fullName: 'X',
    doc: null,
    fields: [{ ...wrapped, aliases: [], attributes: {} }],
  };
}
