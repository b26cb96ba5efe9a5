/**
 * What a change of a policy opens: each kind of opening by example, and the whole comparison against an oracle that
 * knows nothing of it but compiled plans.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { findOpenings } from '../../policy/openings.ts';
import type { KnownPlaces } from '../../policy/openings.ts';
import type { Policy } from '../../policy/policy.ts';
import { isAsStrict } from '../../policy/strictness.ts';
import type { Instruction } from '../../processors/plan.ts';
import type { AvroType } from '../../schemas/avro-schema.ts';
import { pathTags } from '../../schemas/tags.ts';
import type { PathTags, TagName } from '../../schemas/tags.ts';
import { compile, field, policyText, policyWith, recordOf, TOPIC } from '../support/policy-fixture.ts';

const SCHEMA = recordOf(
  field('mrn', 'string', ['PHI_MRN']),
  field('zip', 'string', ['PHI_ZIP']),
  field('note', ['null', 'string'], ['PHI_FREE_TEXT']),
  field('ward', 'string', ['PHI_NONE']),
  field('born', { type: 'int', logicalType: 'date' }, ['PHI_BIRTH_DATE']),
);
const KNOWN = knownOf(pathTags(SCHEMA));

function knownOf(tags: PathTags): KnownPlaces {
  return new Map([[TOPIC, tags]]);
}

type Settings = Readonly<Record<string, unknown>>;

/** What changing the fixture's policy by `after` opens; `before` changes it first. */
function opens(after: Settings, before: Settings = {}, known = KNOWN): readonly string[] {
  return findOpenings(
    { policy: policyWith(before), asOfDay: 20_000 },
    { policy: policyWith(after), asOfDay: 20_000 },
    known,
  );
}

/** The fixture's methods with others. */
function methods(more: Settings): Settings {
  const text = policyText();
  const line = text.split('\n').find((each) => each.startsWith('methods: '))!;
  const all = { ...(JSON.parse(line.slice('methods: '.length)) as Settings), ...more };
  return { methods: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) };
}

const TPO = { regime: 'tpo' };

describe('what a change opens', () => {
  test('is nothing where nothing changes but words', () => {
    expect(opens({})).toEqual([]);
    expect(opens({ description: 'Other words', owner: 'somebody@example.org' })).toEqual([]);
    expect(opens({ readers: [{ principal: 'User:research-app', reason: 'asked' }] })).toEqual([]);
  });

  test('is a new audience, with each reader, topic and place that is not dropped', () => {
    const after = { policy: policyWith(), asOfDay: 20_000 };
    expect(findOpenings(null, after, KNOWN)).toEqual([
      'research: User:research-app is a new reader',
      'research: a new audience, limited-data-set',
      'research: clinical.tests: a new topic',
      'research: clinical.tests: born: date-shift (maxDays 182) instead of nothing',
      'research: clinical.tests: mrn: pseudonym (domain mrn) instead of nothing',
      'research: clinical.tests: note: redact instead of nothing',
      'research: clinical.tests: record key: pseudonym (domain patient) instead of nothing',
      'research: clinical.tests: ward: keep instead of nothing',
      'research: clinical.tests: zip: zip3 instead of nothing',
    ]);
  });

  test('is a reader, a topic and a header', () => {
    expect(opens({ readers: ['User:research-app', 'User:vendor'] })).toEqual([
      'research: User:vendor is a new reader',
    ]);
    expect(
      opens({ topics: { [TOPIC]: { key: { tag: 'PHI_ID' } }, other: { key: { tag: 'PHI_NAME' } } } }),
    ).toEqual(['research: other: a new topic']);
    const kept = {
      topics: { [TOPIC]: { key: { tag: 'PHI_ID' }, headers: { feed: { keep: true, reason: 'a name' } } } },
    };
    expect(opens(kept)).toEqual(['research: clinical.tests: the header feed is kept']);
    expect(opens({}, kept)).toEqual([]);
    expect(opens({ readers: [] })).toEqual([]);
  });

  test('is a tag and each place that has it', () => {
    expect(opens({ ...methods({ PHI_ZIP: 'keep' }) })).toEqual([
      'research: PHI_ZIP: keep instead of zip3',
      'research: clinical.tests: zip: keep instead of zip3',
    ]);
    expect(opens({ ...methods({ PHI_ZIP: 'drop' }) })).toEqual([]);
    expect(opens({ ...methods({ PHI_MRN: { method: 'pseudonym', domain: 'patient' } }) })).toEqual([
      'research: PHI_MRN: pseudonym (domain patient) instead of pseudonym (domain mrn)',
      'research: clinical.tests: mrn: pseudonym (domain patient) instead of pseudonym (domain mrn)',
    ]);
  });

  test('is a parameter that tells more', () => {
    const shift = (maxDays: number): Settings =>
      methods({ PHI_BIRTH_DATE: { method: 'date-shift', maxDays } });
    expect(opens(shift(181))).toHaveLength(2);
    expect(opens(shift(183))).toEqual([]);
    const cut = (unit: string, over89: string): Settings =>
      methods({ PHI_BIRTH_DATE: { method: 'date-truncate', unit, over89 } });
    expect(opens(cut('month', 'cap'), cut('year', 'cap'))).toHaveLength(2);
    expect(opens(cut('year', 'keep'), cut('year', 'cap'))).toHaveLength(2);
    expect(opens(cut('year', 'cap'), cut('month', 'keep'))).toEqual([]);
    // One way stricter, the other way not.
    expect(opens(cut('year', 'keep'), cut('month', 'cap'))).toHaveLength(2);
    const age = (over: number): Settings => methods({ PHI_AGE: { method: 'age-cap', over } });
    expect(opens(age(90), age(89))).toEqual([
      'research: PHI_AGE: age-cap (over 90) instead of age-cap (over 89)',
    ]);
    expect(opens(age(80), age(89))).toEqual([]);
    // Shifting and cutting cannot be ordered.
    expect(opens(cut('year', 'cap'), shift(182))).toHaveLength(2);
  });

  test('is the key of records, times of records, a regime, an earlier day for ages', () => {
    const key = (tag: string): Settings => ({ topics: { [TOPIC]: { key: { tag } } } });
    expect(opens(key('PHI_NONE'))).toEqual([
      'research: clinical.tests: record key: keep instead of pseudonym (domain patient)',
    ]);
    expect(opens(key('PHI_NAME'))).toEqual([]);
    expect(opens(key('PHI_MRN'))).toHaveLength(1);
    expect(opens({ timestamp: 'keep' })).toHaveLength(1);
    expect(opens({ timestamp: 'append' }, { timestamp: 'keep' })).toEqual([]);
    expect(opens({ timestamp: 'shift' })).toHaveLength(1);
    expect(opens({ timestamp: 'keep' }, { timestamp: 'shift' })).toHaveLength(1);
    expect(opens({ timestamp: 'shift' }, { timestamp: 'keep' })).toEqual([]);
    expect(opens({ timestamp: 'append' }, { timestamp: 'shift' })).toEqual([]);
    expect(opens(TPO)).toEqual(['research: regime tpo instead of limited-data-set']);
    expect(opens({}, TPO)).toEqual(['research: regime limited-data-set instead of tpo']);
    const policy = policyWith();
    expect(findOpenings({ policy, asOfDay: 2 }, { policy, asOfDay: 1 }, KNOWN)).toHaveLength(1);
    expect(findOpenings({ policy, asOfDay: 2 }, { policy, asOfDay: 3 }, KNOWN)).toEqual([]);
  });

  test('is that merged persons come out as one, not by which file', () => {
    const persons = (more: object, sha = 'ab'): Settings => ({
      persons: { aliases: sha.repeat(32), ...more },
    });
    expect(opens(persons({ domains: ['mrn'] }))).toEqual([
      'research: dates of merged persons move alike',
      'research: identifiers of merged persons come out as one in mrn',
    ]);
    expect(opens(persons({ domains: ['mrn', 'patient'] }), persons({ domains: ['mrn'] }, 'cd'))).toEqual([
      'research: identifiers of merged persons come out as one in patient',
    ]);
    expect(opens(persons({ domains: ['mrn'] }), persons({ domains: ['mrn'] }, 'cd'))).toEqual([]);
    expect(opens({}, persons({ domains: ['mrn'] }))).toEqual([]);
  });

  test('is nothing where a leaf that was held is dropped, and something where it is anything else', () => {
    expect(opens({ untagged: 'drop' })).toEqual([]);
    expect(opens({ ...methods({ PHI_FAX: 'drop' }) })).toEqual([]);
    expect(opens({ ...methods({ PHI_FAX: 'redact' }) })).toHaveLength(1);
    expect(opens({ ...methods({ PHI_URL: { method: 'pseudonym', domain: 'url' } }) })).toHaveLength(1);
  });

  test('is an exception that tells more than the tags, or about a place that no schema has tagged', () => {
    const exception = (path: string, instruction: object): Settings => ({
      fields: { [TOPIC]: { [path]: { ...instruction, reason: 'decided' } } },
    });
    expect(opens(exception('zip', { method: 'keep' }))).toEqual([
      'research: clinical.tests: zip: keep instead of zip3',
    ]);
    expect(opens(exception('ward', { method: 'redact' }))).toEqual([]);
    expect(opens(exception('mrn', { method: 'redact' }))).toEqual([]);
    expect(opens(exception('ward', { method: 'pseudonym', domain: 'ward' }))).toEqual([]);
    expect(opens(exception('new', { method: 'pseudonym', domain: 'ward' }))).toEqual([
      'research: clinical.tests: new: pseudonym (domain ward) instead of nothing',
    ]);
    expect(opens(exception('new', { method: 'drop' }))).toEqual([]);
    expect(opens(exception('new', { method: 'redact' }))).toHaveLength(1);
    // Taken away again: the tags decide.
    expect(opens({}, exception('zip', { method: 'keep' }))).toEqual([]);
    expect(opens({}, exception('ward', { method: 'redact' }))).toHaveLength(1);
    expect(opens({}, exception('new', { method: 'redact' }))).toEqual([
      'research: clinical.tests: new: what its tags will say instead of redact',
    ]);
  });

  test('is what an exception opens that no schema tags, though it is written for the whole value', () => {
    const all = { fields: { [TOPIC]: { $: { method: 'keep', reason: 'decided' } } } };
    expect(opens(all, {}, new Map())).toEqual(['research: clinical.tests: $: keep instead of nothing']);
  });

  test('is a map whose key takes it away no longer', () => {
    const schema = recordOf(field('codes', { type: 'map', values: { type: 'string' } }, ['PHI_NONE']));
    const known = knownOf(pathTags(schema));
    const key = (method: string): Settings => ({
      fields: { [TOPIC]: { 'codes{key}': { method, reason: 'decided' } } },
    });
    expect(opens(key('keep'), key('drop'), known)).toEqual([
      'research: clinical.tests: codes{key}: keep instead of drop',
      'research: clinical.tests: codes{}: keep instead of drop',
    ]);
  });
});

// ---- properties

const TAGS = ['PHI_MRN', 'PHI_NAME', 'PHI_ZIP', 'PHI_DATE', 'PHI_NONE', 'SENSITIVE_HIV'] as const;
const PATHS = ['a', 'b', 'r', 'r.c', 'r.d', 'list', 'list[]', 'm', 'm{}', 'm{key}', 'gone'];

const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  fc.constantFrom<Instruction>(
    { method: 'keep' },
    { method: 'drop' },
    { method: 'redact' },
    { method: 'zip3' },
  ),
  fc.constantFrom('mrn', 'patient').map((domain): Instruction => ({ method: 'pseudonym', domain })),
  fc.constantFrom(10, 20).map((maxDays): Instruction => ({ method: 'date-shift', maxDays })),
  fc
    .tuple(
      fc.constantFrom('year' as const, 'month' as const),
      fc.constantFrom('cap' as const, 'keep' as const),
    )
    .map(([unit, over89]): Instruction => ({ method: 'date-truncate', unit, over89 })),
  fc.constantFrom(80, 89).map((over): Instruction => ({ method: 'age-cap', over })),
);

interface Wording {
  readonly methods: Readonly<Record<string, Instruction>>;
  readonly fields: Readonly<Record<string, Instruction>>;
  readonly untagged: 'hold' | 'drop';
  readonly keyTag: string;
}

const wording: fc.Arbitrary<Wording> = fc.record({
  methods: fc.dictionary(fc.constantFrom(...TAGS), instruction, { maxKeys: 6 }),
  fields: fc.dictionary(fc.constantFrom(...PATHS), instruction, { maxKeys: 2 }),
  untagged: fc.constantFrom('hold', 'drop'),
  keyTag: fc.constantFrom(...TAGS),
});

const BASE = policyWith({ regime: 'tpo' });

/** A policy under a regime that allows everything. */
function policyOf({ methods: given, fields, untagged, keyTag }: Wording): Policy {
  const all = new Map(Object.entries({ PHI_ID: { method: 'drop' }, ...given })) as Policy['methods'];
  const exceptions = Object.entries(fields).map(
    ([path, each]) => [path, { instruction: each, reason: 'decided' }] as const,
  );
  const keyTagInForce = keyTag in given ? (keyTag as TagName) : 'PHI_ID';
  return {
    ...BASE,
    methods: all,
    topics: new Map([
      [TOPIC, { keyTag: keyTagInForce, headers: new Map(), version: 1, from: 'earliest', compact: false }],
    ]),
    fields: new Map([[TOPIC, new Map(exceptions)]]),
    untagged,
  };
}

/** Wordings under which most schemas compile: every tag has a method that takes every text. */
const forText = fc.constantFrom<Instruction>(
  { method: 'keep' },
  { method: 'drop' },
  { method: 'redact' },
  { method: 'zip3' },
  { method: 'pseudonym', domain: 'mrn' },
);
const compilable: fc.Arbitrary<Wording> = fc.record({
  methods: fc.record(Object.fromEntries(TAGS.map((tag) => [tag, forText]))),
  fields: fc.dictionary(fc.constantFrom(...PATHS.slice(0, -1)), forText, { maxKeys: 2 }),
  untagged: fc.constantFrom('hold', 'drop', 'drop', 'drop'),
  keyTag: fc.constant('PHI_ID'),
});

const tags = fc.subarray([...TAGS], { maxLength: 2 });
const schema: fc.Arbitrary<AvroType> = fc
  .tuple(tags, tags, tags, tags, tags, tags, tags)
  .map(([a, b, c, d, r, list, m]) =>
    recordOf(
      field('a', 'string', a),
      field('b', 'string', b),
      field(
        'r',
        {
          type: 'record',
          name: 'R',
          fields: [field('c', ['null', 'string'], c), field('d', 'string', d)],
        },
        r,
      ),
      field('list', { type: 'array', items: 'string' }, list),
      field('m', { type: 'map', values: 'string' }, m),
    ),
  );

function between(before: Wording | null, after: Wording, known: KnownPlaces): readonly string[] {
  return findOpenings(
    before && { policy: policyOf(before), asOfDay: 1 },
    { policy: policyOf(after), asOfDay: 1 },
    known,
  );
}

/** As the policy log knows them: places without tags are not in it. */
function tagged(all: PathTags): PathTags {
  return new Map([...all].filter(([, words]) => words.size > 0));
}

describe('the order of instructions', () => {
  test('is reflexive, transitive, and has two as strict as each other only where they are the same', () => {
    fc.assert(
      fc.property(instruction, instruction, instruction, (a, b, c) => {
        expect(isAsStrict(a, a)).toBe(true);
        if (isAsStrict(a, b) && isAsStrict(b, c)) expect(isAsStrict(a, c)).toBe(true);
        if (isAsStrict(a, b) && isAsStrict(b, a)) expect(a).toEqual(b);
        expect(isAsStrict({ method: 'drop' }, a)).toBe(true);
        expect(isAsStrict(a, { method: 'keep' })).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the comparison of any two policies', () => {
  test('finds nothing opened by a policy that stays the same', () => {
    fc.assert(
      fc.property(wording, schema, (same, type) => {
        expect(between(same, same, knownOf(pathTags(type)))).toEqual([]);
        expect(between(same, same, knownOf(tagged(pathTags(type))))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('finds nothing opened where methods and exceptions become stricter, but what that ends a hold of', () => {
    fc.assert(
      fc.property(
        wording,
        schema,
        fc.array(instruction, { minLength: 8, maxLength: 8 }),
        (before, type, others) => {
          let at = 0;
          const stricter = (each: Instruction): Instruction => {
            const other = others[at++ % others.length]!;
            return isAsStrict(other, each) ? other : { method: 'drop' };
          };
          const mapped = (all: Readonly<Record<string, Instruction>>): Record<string, Instruction> =>
            Object.fromEntries(Object.entries(all).map(([name, each]) => [name, stricter(each)]));
          const after = { ...before, methods: mapped(before.methods), fields: mapped(before.fields) };
          for (const known of [pathTags(type), tagged(pathTags(type))]) {
            const sentences = between(before, after, knownOf(known));
            expect(sentences.filter((each) => !each.endsWith('instead of nothing'))).toEqual([]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('opens nothing over two steps that open nothing each', () => {
    fc.assert(
      fc.property(wording, wording, wording, schema, (a, b, c, type) => {
        const known = knownOf(pathTags(type));
        fc.pre(between(a, b, known).length === 0 && between(b, c, known).length === 0);
        expect(between(a, c, known)).toEqual([]);
      }),
      { numRuns: 60, maxSkipsPerRun: 2_000 },
    );
  });

  test('names every leaf that the new plan keeps and the old one did not, of schemas it has seen', () => {
    let named = 0;
    fc.assert(
      fc.property(compilable, compilable, schema, (before, after, type) => {
        const [was, is] = [plan(policyOf(before), type), plan(policyOf(after), type)];
        if (!is) return;
        const sentences = between(before, after, knownOf(pathTags(type)));
        const kept = new Set(was?.leaves.filter(isKept).map(({ path }) => path));
        for (const { path, mapKey } of is.leaves.filter(isKept)) {
          if (!was || kept.has(path) || mapKey) continue;
          expect(sentences).toContainEqual(expect.stringContaining(`: ${path}: keep instead of`));
          named++;
        }
      }),
      { numRuns: 500 },
    );
    expect(named).toBeGreaterThan(50);
  });

  test('finds something opened by the log of tags alone wherever a compiled plan becomes clearer', () => {
    let found = 0;
    fc.assert(
      fc.property(compilable, compilable, schema, (before, after, type) => {
        const [was, is] = [plan(policyOf(before), type), plan(policyOf(after), type)];
        if (!was || !is) return;
        const clearer = is.leaves.some((leaf, at) => isKept(leaf) && !isKept(was.leaves[at]!));
        if (!clearer) return;
        expect(between(before, after, knownOf(tagged(pathTags(type))))).not.toEqual([]);
        found++;
      }),
      { numRuns: 500 },
    );
    expect(found).toBeGreaterThan(50);
  });
});

function isKept(leaf: CompiledPlan['leaves'][number]): boolean {
  return leaf.instruction.method === 'keep';
}

function plan(policy: Policy, type: AvroType): CompiledPlan | null {
  const compiled = compile(policy, type);
  return Array.isArray(compiled) ? null : compiled;
}
