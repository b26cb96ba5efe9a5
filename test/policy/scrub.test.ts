/**
 * scrub in a policy: who may have it, which leaves the plan says are known, and that a plan holds what it depends on.
 */
import { describe, expect, test } from '@jest/globals';
import { runExamples } from '../../policy/examples.ts';
import { TEXT_TABLES_SHA256 } from '../../processors/text/word-lists.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { TOPIC, compile, field, planned, policyWith, problems, recordOf } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

const person = field('patientId', 'string', ['PHI_ID'], { 'gauze:person': true });
const note = field('note', ['null', 'string'], ['PHI_FREE_TEXT']);
const METHODS = {
  PHI_ID: { method: 'pseudonym', domain: 'patient' },
  PHI_NAME: 'drop',
  PHI_BIRTH_DATE: 'drop',
  PHI_GEO: 'drop',
  PHI_AGE: 'drop',
  PHI_FREE_TEXT: 'scrub',
  PHI_NONE: 'keep',
};
const schema = recordOf(
  person,
  note,
  field('names', { type: 'array', items: 'string' }, ['PHI_NAME', 'PHI_NONE']),
  field('born', { type: 'int', logicalType: 'date' }, ['PHI_BIRTH_DATE']),
  field('latitude', 'double', ['PHI_GEO']),
  field('age', 'int', ['PHI_AGE']),
  field('code', 'string', ['PHI_NONE']),
);

function tpo(settings: Readonly<Record<string, unknown>> = {}): CompiledPlan {
  return planned(compile(policyWith({ regime: 'tpo', methods: METHODS, ...settings }), schema));
}

describe('scrub', () => {
  test('knows every identifier of the record that a text can hold, dropped or not', () => {
    expect(tpo().known).toEqual([
      { path: 'patientId', kind: 'ID' },
      { path: 'names[]', kind: 'name' },
      { path: 'born', kind: 'date' },
    ]);
  });

  test('is in the plan with its lists, and the known leaves are part of its hash', () => {
    const plan = tpo();
    expect(plan.tables).toEqual({ scrub: TEXT_TABLES_SHA256 });
    const without = recordOf(person, note);
    const fewer = planned(compile(policyWith({ regime: 'tpo', methods: METHODS }), without));
    expect(fewer.known).toHaveLength(1);
    expect(fewer.hash).not.toBe(plan.hash);
  });

  test('costs a plan nothing where no leaf is scrubbed', () => {
    const plan = tpo({ methods: { ...METHODS, PHI_FREE_TEXT: 'redact' } });
    expect([plan.known, plan.tables]).toEqual([undefined, undefined]);
  });

  test('is refused under safe-harbor with the paragraph, also for one path with a reason', () => {
    const methods = { ...METHODS, PHI_ID: 'drop' };
    const said = (settings: Readonly<Record<string, unknown>>): string[] =>
      problems(compile(policyWith({ regime: 'safe-harbor', ...settings }), recordOf(person, note)));
    const mistaken = (): string[] => said({ methods });
    expect(mistaken).toThrow(/45 CFR 164\.514\(b\)\(2\)/);
    const byPath = said({
      methods: { ...methods, PHI_FREE_TEXT: 'redact' },
      fields: { [TOPIC]: { note: { method: 'scrub', reason: 'reviewed' } } },
    });
    expect(byPath.join('\n')).toMatch(/ERR_POLICY_REGIME/);
  });

  test('is for one path with a reason under limited-data-set', () => {
    const methods = { ...METHODS, PHI_FREE_TEXT: 'redact' };
    const limited = (fields: object): CompiledPlan =>
      planned(compile(policyWith({ regime: 'limited-data-set', methods, fields }), recordOf(person, note)));
    const scrubbed = limited({ [TOPIC]: { note: { method: 'scrub', reason: 'under the agreement' } } });
    expect(scrubbed.leaves.find(({ path }) => path.startsWith('note'))?.instruction.method).toBe('scrub');
  });

  test('takes one raw topic of the policy for its dictionary, where the person is marked', () => {
    const written = (dictionary: string): object => ({
      ...METHODS,
      PHI_FREE_TEXT: { method: 'scrub', dictionary },
    });
    const plan = tpo({ methods: written(TOPIC) });
    expect(plan.dictionary).toBe(TOPIC);
    expect(plan.hash).not.toBe(tpo().hash);
    const refused = (dictionary: string, of = schema): string[] =>
      problems(compile(policyWith({ regime: 'tpo', methods: written(dictionary) }), of));
    expect(refused('clinical.elsewhere').join('\n')).toMatch(/ERR_POLICY_DICTIONARY/);
    expect(refused(TOPIC, recordOf(note)).join('\n')).toMatch(/ERR_POLICY_DICTIONARY/);
  });

  test('runs in examples, with what the example itself says of its person', () => {
    const settings = (expected: string): Readonly<Record<string, unknown>> => ({
      regime: 'tpo',
      methods: METHODS,
      examples: [
        {
          topic: TOPIC,
          given: { patientId: 'zz-99', note: 'zz99 rested' },
          expect: { note: expected },
        },
      ],
    });
    const wrong = (expected: string): number => {
      const policy = policyWith(settings(expected));
      return runExamples(policy, planned(compile(policy, schema)), testKeys()).length;
    };
    expect([wrong('[ID] rested'), wrong('zz99 rested')]).toEqual([0, 1]);
  });
});
