/**
 * Rules on sensitive codes in a policy: what they say, what they refuse, what a change of them opens.
 */
import { describe, expect, test } from '@jest/globals';
import type { GauzeError } from '../../platform/errors.ts';
import { findOpenings } from '../../policy/openings.ts';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes, maskDecoded } from '../../processors/value-oracle.ts';
import type { CompiledPlan } from '../../policy/compile-plan.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { TOPIC, compile, field, mistakes, planned, policyWith, recordOf } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

const SUD = { tag: 'SENSITIVE_SUD', where: 'code', startsWith: ['F10'], reason: 'ICD-10-CM: alcohol' };
const REDACTED = { ...SUD, redact: ['code', 'text'] };
const SCHEMA = recordOf(
  field('mrn', 'string', ['PHI_MRN']),
  field('code', ['null', 'string'], ['PHI_NONE']),
  field('text', 'string', ['PHI_NONE'], { default: 'none', doc: 'what it is' }),
  field('kind', { type: 'enum', name: 'Kind', symbols: ['A', 'B'] }, ['PHI_NONE']),
);
const METHODS = { PHI_ID: 'drop', PHI_MRN: { method: 'pseudonym', domain: 'mrn' }, PHI_NONE: 'keep' };
const REDACT = { ...METHODS, SENSITIVE_SUD: 'redact' };

const withRules = (rules: readonly object[], methods: object = METHODS, regime = 'limited-data-set') =>
  policyWith({ regime, description: 'who: somewhere', methods, sensitive: { [TOPIC]: rules } });

/** What a record comes to, with the oracle's word for it. */
function masked(plan: CompiledPlan, value: object): unknown {
  const keys = testKeys();
  const { writer, derived } = avscTypes(plan);
  const input = writer.toBuffer({ mrn: 'MRN-1', code: null, text: 'synthetic', kind: 'A', ...value });
  const out = Buffer.alloc(1000);
  const end = compileTranscoder(plan, keys).mask(input, 0, input.length, out, 0, -1, NOWHERE);
  const oracle = (): unknown => maskDecoded(plan, writer.fromBuffer(input), keys, -1, NOWHERE);
  if (end < 0) {
    expect(oracle).toThrow(expect.objectContaining({ code: faultCode(end) }));
    return faultCode(end);
  }
  expect(derived.toBuffer(oracle()).toString('hex')).toBe(out.toString('hex', 0, end));
  return JSON.parse(JSON.stringify(derived.fromBuffer(out.subarray(0, end))));
}

const problems = (sensitive: object, methods: object = METHODS): string[] =>
  mistakes(() => policyWith({ methods, sensitive })).map(({ message }) => message);

const codes = (made: CompiledPlan | readonly { code: string }[]): unknown =>
  Array.isArray(made) ? made.map(({ code }) => code) : 'a plan';

describe('a record with a sensitive code', () => {
  test('is withheld where the policy says drop of the tag, or nothing', () => {
    for (const methods of [METHODS, { ...METHODS, SENSITIVE_SUD: 'drop' }]) {
      const plan = planned(compile(withRules([SUD], methods), SCHEMA));
      expect(masked(plan, { code: { string: 'f10.20' } })).toBe('ERR_WITHHELD_SENSITIVE');
      expect(masked(plan, { code: { string: 'E11.9' } })).toMatchObject({ text: 'synthetic' });
      expect(masked(plan, {})).toMatchObject({ text: 'synthetic', code: null });
    }
  });

  test('loses what the rule names where the policy says redact, and nothing else', () => {
    const plan = planned(compile(withRules([REDACTED], REDACT), SCHEMA));
    expect(masked(plan, { code: { string: 'F10.20' }, kind: 'B' })).toMatchObject({
      code: null,
      text: '',
      kind: 'B',
    });
    expect(masked(plan, { code: { string: 'E11.9' } })).toMatchObject({
      code: { string: 'E11.9' },
      text: 'synthetic',
    });
  });

  test('has the derived schema of all others, and a plan of its own', () => {
    const [without, withRule] = [[], [REDACTED]].map((rules) =>
      planned(compile(withRules(rules, REDACT), SCHEMA)),
    );
    expect(withRule!.derivedSchema).toBe(without!.derivedSchema);
    expect(withRule!.hash).not.toBe(without!.hash);
    expect(without).not.toHaveProperty('sensitive');
    const other = planned(compile(withRules([{ ...REDACTED, startsWith: ['F11'] }], REDACT), SCHEMA));
    expect(other.hash).not.toBe(withRule!.hash);
  });
});

describe('rules that cannot be followed', () => {
  const of = (rule: object, methods: object = METHODS, schema = SCHEMA): unknown =>
    codes(compile(withRules([rule], methods), schema));

  test('are problems: a leaf that is nowhere, that can hold no code, or that would still show it', () => {
    expect(of({ ...SUD, where: 'cody' })).toEqual(['ERR_POLICY_FIELD_UNKNOWN', 'ERR_POLICY_SENSITIVE_WHERE']);
    const withBytes = recordOf(field('code', 'bytes', ['PHI_NONE']));
    expect(of(SUD, METHODS, withBytes)).toEqual(['ERR_POLICY_METHOD_TYPE']);
    expect(of({ ...REDACTED, redact: ['text'] }, REDACT)).toEqual(['ERR_POLICY_SENSITIVE_SHOWN']);
    expect(of({ ...REDACTED, redact: ['code', 'kind'] }, REDACT)).toEqual(['ERR_POLICY_METHOD_TYPE']);
    expect(of({ ...REDACTED, redact: ['code', 'txt'] }, REDACT)).toEqual(['ERR_POLICY_FIELD_UNKNOWN']);
  });

  test('name the line of the rule', () => {
    const [problem] = compile(withRules([{ ...SUD, where: 'cody' }]), SCHEMA) as GauzeError[];
    expect(problem!.message).toMatch(/^fixture\.yaml:\d+: /);
  });

  test('hold a schema that has none of their leaves, unless they say that it passes', () => {
    const renamed = recordOf(
      field('diagnosis', 'string', ['PHI_NONE']),
      field('text', 'string', ['PHI_NONE']),
    );
    const compiled = (rule: object): unknown =>
      codes(compile(withRules([rule]), renamed, { earlier: [SCHEMA] }));
    expect(compiled(SUD)).toEqual(['ERR_POLICY_SENSITIVE_WHERE']);
    expect(compiled({ ...SUD, ifAbsent: 'pass' })).toBe('a plan');
    expect(compiled({ ...SUD, where: ['code', 'diagnosis'] })).toBe('a plan');
  });

  test('withhold where a schema lacks what they empty', () => {
    const shorter = recordOf(field('code', 'string', ['PHI_NONE']), field('note', 'string', ['PHI_NONE']));
    const plan = planned(compile(withRules([REDACTED], REDACT), shorter, { earlier: [SCHEMA] }));
    expect(plan.sensitive).toMatchObject([{ effect: 'withhold' }]);
  });

  test.each([
    ['a tag that is not sensitive', { ...SUD, tag: 'PHI_MRN' }, METHODS],
    ['no code', { ...SUD, startsWith: [] }, METHODS],
    ['a code without a letter or digit', { ...SUD, startsWith: ['.'] }, METHODS],
    ['a code as a number', { ...SUD, codes: [191816009] }, METHODS],
    ['letters beyond ASCII', { ...SUD, codes: ['Ｆ10'] }, METHODS],
    ['no reason', { ...SUD, reason: undefined }, METHODS],
    ['a setting that there is not', { ...SUD, startWith: ['F10'] }, METHODS],
    ['fields to empty while the record is withheld', REDACTED, METHODS],
    ['no fields to empty while the tag says redact', SUD, REDACT],
    ['a tag that is kept', SUD, { ...METHODS, SENSITIVE_SUD: 'keep' }],
    ['a topic that the policy does not have', null, METHODS],
  ])('are refused when the policy is read: %s', (_what, rule, methods) => {
    expect(problems(rule ? { [TOPIC]: [rule] } : { elsewhere: [SUD] }, methods)).not.toEqual([]);
    expect(problems({ [TOPIC]: [SUD] })).toEqual([]);
  });
});

describe('a grant', () => {
  const reveal = (...tags: readonly string[]) => ({
    reveal: { grantId: 'g1', fields: new Map([['mrn', new Set(['PHI_MRN', ...tags])]]) },
  });

  test('never passes a sensitive record unless people decided about its tag', () => {
    for (const [rule, methods] of [
      [SUD, METHODS],
      [REDACTED, REDACT],
    ] as const) {
      const plan = planned(compile(withRules([rule], methods), SCHEMA, reveal()));
      expect(masked(plan, { code: { string: 'F10' } })).toBe('ERR_WITHHELD_SENSITIVE');
      expect(masked(plan, { code: { string: 'E11' } })).toMatchObject({ mrn: 'MRN-1' });
    }
  });

  test('of a leaf with the tag itself passes it, and what the rule empties stays empty', () => {
    const lifted = planned(compile(withRules([SUD]), SCHEMA, reveal('SENSITIVE_SUD')));
    expect(masked(lifted, { code: { string: 'F10' } })).toMatchObject({ mrn: 'MRN-1', text: 'synthetic' });
    const emptied = planned(compile(withRules([REDACTED], REDACT), SCHEMA, reveal('SENSITIVE_SUD')));
    expect(masked(emptied, { code: { string: 'F10' } })).toMatchObject({
      mrn: 'MRN-1',
      code: null,
      text: '',
    });
  });
});

describe('a change of the rules', () => {
  const openings = (
    before: readonly object[],
    after: readonly object[],
    methods: object = METHODS,
  ): readonly string[] =>
    findOpenings(
      { policy: withRules(before, methods), asOfDay: 1 },
      { policy: withRules(after, methods), asOfDay: 1 },
      new Map(),
    );

  test.each<[string, readonly object[], readonly object[], object]>([
    ['a rule is taken away', [SUD], [], METHODS],
    ['fewer codes count', [{ ...SUD, codes: ['F11'] }], [SUD], METHODS],
    ['a beginning becomes a whole code', [SUD], [{ ...SUD, startsWith: [], codes: ['F10'] }], METHODS],
    ['less is emptied', [REDACTED], [{ ...REDACTED, redact: ['code'] }], REDACT],
    ['other schemas pass', [SUD], [{ ...SUD, ifAbsent: 'pass' }], METHODS],
  ])('opens where %s', (_what, before, after, methods) => {
    expect(openings(before, after, methods)).toHaveLength(1);
    expect(openings(after, before, methods)).toEqual([]);
  });

  test('opens where a place is left out, and where one more makes schemas pass that were held', () => {
    const both = { ...SUD, where: ['code', 'text'] };
    expect(openings([both], [SUD])).toEqual([
      'research: clinical.tests: text: its codes make no record SENSITIVE_SUD any more',
    ]);
    expect(openings([SUD], [both])).toEqual([
      'research: clinical.tests: more schemas without the codes of SENSITIVE_SUD are published',
    ]);
  });

  test('opens nothing where rules are split, reordered or say more', () => {
    const all = { ...SUD, startsWith: ['F1', 'F55'] };
    expect(openings([{ ...SUD, startsWith: ['F10', 'F55'] }], [all])).toEqual([]);
    const split = [
      { ...SUD, startsWith: ['F55'] },
      { ...SUD, startsWith: ['F10', 'F11'] },
    ];
    expect(openings([{ ...SUD, startsWith: ['F10', 'F55'] }], split)).toEqual([]);
    expect(openings([], [SUD])).toEqual([]);
  });
});
