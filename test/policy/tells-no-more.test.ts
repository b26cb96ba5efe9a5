/**
 * A change of a policy about which nothing is said tells no more than before: random pairs of policies over all methods
 * and their parameters, against an order that is written down here a second time, and against values.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { readInstruction } from '../../policy/instruction.ts';
import { findOpenings } from '../../policy/openings.ts';
import type { Policy } from '../../policy/policy.ts';
import { isAsStrict } from '../../policy/strictness.ts';
import { METHODS, acceptsLeaf, maskLeafValue } from '../../processors/method-table.ts';
import type { Instruction, MethodName } from '../../processors/plan.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { pathTags } from '../../schemas/tags.ts';
import { AT } from '../support/plan-builder.ts';
import { compile, field, policyWith, recordOf, TOPIC } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

/** From nothing to everything. What shares a place cannot be ordered, but for parameters of one method. */
const ORDER: readonly (readonly MethodName[])[] = [
  ['drop'],
  ['redact'],
  ['fixed'],
  ['encrypt'],
  ['pseudonym'],
  ['encrypt-deterministic'],
  ['format-preserving'],
  ['mask', 'date-shift', 'date-truncate', 'age-cap', 'bucket', 'round', 'zip3', 'scrub'],
  ['keep'],
];

const rank = (method: MethodName): number => ORDER.findIndex((names) => names.includes(method));
const written: readonly unknown[] = [
  ...Object.values(METHODS).flatMap(({ examples }) => examples.map(({ instruction }) => instruction)),
  { method: 'date-shift', maxDays: 10 },
  { method: 'date-shift', maxDays: 182 },
  { method: 'date-truncate', unit: 'year' },
  { method: 'date-truncate', unit: 'month', over89: 'keep' },
  { method: 'age-cap', over: 80 },
  { method: 'mask', keepLast: 2 },
  { method: 'bucket', size: 20 },
  { method: 'bucket', size: 5 },
  { method: 'round', step: 20 },
  { method: 'round', step: 2 },
];
const INSTRUCTIONS: readonly Instruction[] = written.flatMap((each) => {
  const read = readInstruction(each);
  return 'method' in read ? [read] : [];
});

const TYPES: Readonly<Record<string, unknown>> = {
  text: 'string',
  day: { type: 'int', logicalType: 'date' },
  number: 'int',
  measure: 'double',
};
const leaf = (name: string): AvroLeaf => parseAvroSchema(JSON.stringify(TYPES[name])) as AvroLeaf;
/** What a leaf of each type may be given. */
const FITTING = new Map(
  Object.keys(TYPES).map((name) => [
    name,
    INSTRUCTIONS.filter(
      (each) => ['keep', 'drop', 'redact'].includes(each.method) || acceptsLeaf(leaf(name), each),
    ),
  ]),
);

const SCHEMA = recordOf(
  field('id', 'string', ['PHI_ID'], { 'gauze:person': true }),
  field('text', TYPES['text'], ['PHI_MRN']),
  field('day', TYPES['day'], ['PHI_DATE']),
  field('number', TYPES['number'], ['PHI_AGE']),
  field('measure', TYPES['measure'], ['PHI_DEVICE']),
);
const BY_TAG = { PHI_MRN: 'text', PHI_DATE: 'day', PHI_AGE: 'number', PHI_DEVICE: 'measure' } as const;

const one = (name: string): fc.Arbitrary<Instruction> => fc.constantFrom(...FITTING.get(name)!);
const methods = fc.record(Object.fromEntries(Object.entries(BY_TAG).map(([tag, name]) => [tag, one(name)])));
const exceptions = fc
  .subarray(Object.values(BY_TAG), { maxLength: 1 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, one(name)]))));
const wording = fc.record({ methods, exceptions });
type Wording = typeof wording extends fc.Arbitrary<infer T> ? T : never;

const BASE = policyWith({ regime: 'tpo' });

function policyOf({ methods: given, exceptions: fields }: Wording): Policy {
  const all = { PHI_ID: { method: 'drop' }, ...given } as Readonly<Record<string, Instruction>>;
  const decided = Object.entries(fields).map(
    ([path, instruction]) => [path, { instruction, reason: 'decided' }] as const,
  );
  return {
    ...BASE,
    methods: new Map(Object.entries(all)) as Policy['methods'],
    fields: new Map([[TOPIC, new Map(decided)]]),
  };
}

function planOf(policy: Policy): CompiledPlan | null {
  const plan = compile(policy, SCHEMA);
  return Array.isArray(plan) ? null : plan;
}

test('every method has its place in the order, and the table has the same order', () => {
  expect(ORDER.flat().sort()).toEqual(Object.keys(METHODS).sort());
  for (const a of ORDER.flat())
    for (const b of ORDER.flat()) {
      const table = Math.sign(METHODS[a].strictness - METHODS[b].strictness);
      expect({ a, b, order: table }).toEqual({ a, b, order: Math.sign(rank(a) - rank(b)) });
    }
});

test('a change about which nothing is said tells no more of any leaf, whatever the policies', () => {
  const known = new Map([[TOPIC, pathTags(SCHEMA)]]);
  let silent = 0;
  let moved = 0;
  fc.assert(
    fc.property(wording, wording, fc.nat(3), (before, other, kept) => {
      // Changed in one tag or in all: else hardly any pair would close everything.
      const tags = Object.keys(BY_TAG);
      const after =
        kept === 3
          ? other
          : { ...before, methods: { ...before.methods, [tags[kept]!]: other.methods[tags[kept]!]! } };
      const [was, is] = [policyOf(before), policyOf(after)];
      if (findOpenings({ policy: was, asOfDay: 1 }, { policy: is, asOfDay: 1 }, known).length > 0) return;
      const plans = [planOf(was), planOf(is)];
      if (!plans[0] || !plans[1]) return;
      silent++;
      for (const [at, { instruction: now, path }] of plans[1].leaves.entries()) {
        const { instruction: before } = plans[0].leaves[at]!;
        if (JSON.stringify(now) === JSON.stringify(before)) continue;
        moved++;
        expect({
          path,
          now,
          before,
          isLess: rank(now.method) < rank(before.method) || now.method === before.method,
        }).toMatchObject({ isLess: true });
        if (now.method === before.method) expectNoFiner(now, before, path);
      }
    }),
    { numRuns: 3_000, seed: 8 },
  );
  expect(silent).toBeGreaterThan(300);
  expect(moved).toBeGreaterThan(300);
});

/** Whoever adds a setting says here what it can open, and sees to it that the comparison finds it. */
const SETTINGS: Readonly<Record<string, 'compared' | 'tells nothing'>> = {
  audience: 'tells nothing',
  description: 'tells nothing',
  examples: 'tells nothing',
  fields: 'compared',
  file: 'tells nothing',
  keys: 'compared',
  lineOf: 'tells nothing',
  methods: 'compared',
  owner: 'tells nothing',
  persons: 'compared',
  readers: 'compared',
  regime: 'compared',
  sensitive: 'compared',
  sha256: 'tells nothing',
  text: 'tells nothing',
  timestamp: 'compared',
  topics: 'compared',
  untagged: 'compared',
};
const TOPIC_SETTINGS: typeof SETTINGS = {
  // What was published stays; tombstones tell that a record is gone, as compaction of the raw topic does.
  compact: 'tells nothing',
  // The same records under the same policy, from the beginning again or not.
  from: 'tells nothing',
  headers: 'compared',
  keyTag: 'compared',
  version: 'tells nothing',
};

test('every setting of a policy is compared, or tells nothing', () => {
  expect(Object.keys(BASE).sort()).toEqual(Object.keys(SETTINGS).sort());
  expect(Object.keys(BASE.topics.get(TOPIC)!).sort()).toEqual(Object.keys(TOPIC_SETTINGS).sort());
});

describe('of two instructions of one method, the one that counts as strict', () => {
  const pairs = Object.keys(TYPES).flatMap((name) =>
    FITTING.get(name)!.flatMap((a) =>
      FITTING.get(name)!
        .filter((b) => b.method === a.method && JSON.stringify(a) !== JSON.stringify(b) && isAsStrict(a, b))
        .map((b) => ({ name, a, b })),
    ),
  );

  test.each(pairs)('tells apart nothing of a $name that the other hides: $a and $b', ({ name, a, b }) => {
    expectNoFiner(a, b, name);
  });

  test('is there for most methods with parameters', () => {
    expect(new Set(pairs.map(({ a }) => a.method)).size).toBeGreaterThanOrEqual(4);
  });
});

const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  text: [
    'MRN-1234',
    'MRN-1235',
    'MRN-9934',
    'mrn-1234',
    '03601',
    '10001',
    '2020-01-31',
    '2020-02-01',
    '',
    'Ann Lee',
  ],
  day: [0, 1, 30, 31, 364, 365, 400, 7_300, 18_000, 19_000, 19_999],
  number: [0, 4, 5, 17, 18, 19, 64, 65, 79, 80, 81, 89, 90, 91, 104],
  measure: [0, 0.24, 0.25, 1, 1.04, 4.9, 5, 9.99, 10, 19.5, 20, 95.5],
};

/** Wherever `strict` gives two values apart, `other` does too: it adds nothing to what the other told. */
function expectNoFiner(strict: Instruction, other: Instruction, name: string): void {
  const keys = testKeys();
  const comes = (value: unknown, instruction: Instruction): string => {
    try {
      const out = maskLeafValue(value, leaf(name), instruction, {
        ...AT,
        keys,
        person: 'p-1',
        asOfDay: 20_000,
      });
      return String(out);
    } catch {
      return 'withheld';
    }
  };
  const byOther = Map.groupBy(VALUES[name]!, (value) => comes(value, other));
  for (const [hidden, values] of byOther) {
    if (hidden === 'withheld') continue;
    const told = new Set(values.map((value) => comes(value, strict)));
    told.delete('withheld');
    // More than one thing told of values that the other took for one.
    expect({ strict, other, values, told: told.size > 1 ? [...told] : [] }).toMatchObject({ told: [] });
  }
}
