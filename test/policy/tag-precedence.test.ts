/**
 * Several tags on one leaf, for random sets of tags and random policies: the strictest instruction wins, PHI_NONE never
 * wins over another tag, and what cannot be ordered is no plan until the policy decides it for the field.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { METHODS } from '../../processors/method-table.ts';
import type { Instruction } from '../../processors/plan.ts';
import { isAsStrict } from '../../policy/strictness.ts';
import { canonicalJson } from '../../policy/canonical-json.ts';
import { TOPIC, compile, field, policyWith, recordOf } from '../support/policy-fixture.ts';

/** Ways to treat a date: of every rank, some that can be ordered among themselves and some that cannot. */
const CHOICES = [
  'drop',
  'redact',
  'keep',
  { method: 'date-shift', maxDays: 30 },
  { method: 'date-shift', maxDays: 182 },
  { method: 'date-truncate', unit: 'year' },
  { method: 'date-truncate', unit: 'month' },
] as const;
const TAGS = ['PHI_DATE', 'PHI_BIRTH_DATE', 'PHI_DEATH_DATE', 'PHI_ID', 'PHI_NONE'] as const;

interface Case {
  readonly tags: readonly (typeof TAGS)[number][];
  readonly methods: Readonly<Record<string, (typeof CHOICES)[number]>>;
  /** Which of the tags stand on the record instead of the field. */
  readonly above: readonly boolean[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  tags: fc.uniqueArray(fc.constantFrom(...TAGS), { minLength: 1 }),
  methods: fc.record(Object.fromEntries(TAGS.map((tag) => [tag, fc.constantFrom(...CHOICES)]))),
  above: fc.array(fc.boolean(), { minLength: TAGS.length, maxLength: TAGS.length }),
});

function outcome({ tags, methods, above }: Case, fields?: object): Instruction | string {
  const policy = policyWith({
    regime: 'tpo',
    description: 'Treatment of inpatients',
    // The record key has no part in this.
    topics: { [TOPIC]: { key: { tag: 'PHI_ACCOUNT' } } },
    methods: { ...methods, PHI_ACCOUNT: 'drop' },
    fields: fields && { [TOPIC]: { 'in.value': { ...fields, reason: 'decided' } } },
  });
  const on = (isAbove: boolean): string[] => tags.filter((_, at) => above[at] === isAbove);
  const inner = {
    type: 'record',
    name: 'In',
    fields: [field('value', ['null', { type: 'int', logicalType: 'date' }], on(false))],
  };
  const schema = recordOf(
    field('id', 'string', ['PHI_ACCOUNT'], { 'gauze:person': true }),
    field('in', inner, on(true)),
  );
  const plan = compile(policy, schema);
  if (Array.isArray(plan)) return [...new Set(plan.map(({ code }) => code))].join();
  return plan.leaves.find(({ path }) => path === 'in.value')!.instruction;
}

describe('several tags on one leaf', () => {
  test('come to what tells no more than any of them asks for, wherever they stand; or to no plan', () => {
    let [decided, unordered] = [0, 0];
    fc.assert(
      fc.property(cases, (one) => {
        const policy = policyWith({
          regime: 'tpo',
          description: 'Treatment of inpatients',
          methods: { ...one.methods, PHI_ACCOUNT: 'drop' },
          topics: { [TOPIC]: { key: { tag: 'PHI_ACCOUNT' } } },
        });
        const counting = one.tags.filter((tag) => tag !== 'PHI_NONE' || one.tags.length === 1);
        const asked = counting.map((tag) => policy.methods.get(tag)!);
        const came = outcome(one);
        if (typeof came === 'string') {
          expect(came).toBe('ERR_POLICY_TAGS_UNORDERED');
          for (const each of asked) expect(asked.every((other) => isAsStrict(each, other))).toBe(false);
          // An entry for the field decides it.
          expect(outcome(one, { method: 'drop' })).toEqual({ method: 'drop' });
          unordered += 1;
          return;
        }
        expect(asked.map((each) => canonicalJson(each))).toContain(canonicalJson(came));
        for (const each of asked) expect(isAsStrict(came, each)).toBe(true);
        decided += 1;
      }),
      { numRuns: 200 },
    );
    expect(decided).toBeGreaterThan(60);
    expect(unordered).toBeGreaterThan(10);
  });

  test('come to the same in whatever order they are written', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const turned = {
          ...one,
          tags: one.tags.toReversed(),
          above: one.above.slice(0, one.tags.length).toReversed(),
        };
        expect(outcome(turned)).toEqual(outcome(one));
      }),
      { numRuns: 50 },
    );
  });

  test('with PHI_NONE among them come to the same as without it', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const others = one.tags.filter((tag) => tag !== 'PHI_NONE');
        fc.pre(others.length > 0);
        const bare = { ...one, above: TAGS.map(() => false) };
        expect(outcome({ ...bare, tags: [...others, 'PHI_NONE'] })).toEqual(
          outcome({ ...bare, tags: others }),
        );
      }),
      { numRuns: 50 },
    );
  });

  test('are ordered by strictness as methods declare it: drop, redact, then what changes a value, then keep', () => {
    const { drop, redact, fixed, encrypt, pseudonym, zip3, keep } = METHODS;
    const ranks = [drop, redact, fixed, encrypt, pseudonym, zip3, keep].map(({ strictness }) => strictness);
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(new Set(ranks).size).toBe(ranks.length);
  });
});
