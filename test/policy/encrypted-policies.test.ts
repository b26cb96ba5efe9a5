/**
 * Encryption in policies: which regime takes it, what can be a record key, what gets stricter and what opens, and that
 * examples of policies run over it.
 */
import { describe, expect, test } from '@jest/globals';
import { keyInstruction } from '../../policy/key-instruction.ts';
import { regimeObjection } from '../../policy/regimes.ts';
import { runExamples } from '../../policy/examples.ts';
import { isAsStrict } from '../../policy/strictness.ts';
import type { Instruction } from '../../processors/plan.ts';
import { TOPIC, compile, field, planned, policyWith, problems, recordOf } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

const ENCRYPT: Instruction = { method: 'encrypt' };
const MRN: Instruction = { method: 'encrypt-deterministic', domain: 'mrn' };
const ACCOUNT = {
  method: 'format-preserving',
  domain: 'account',
  alphabet: 'digits',
  separators: '-',
} as const;
const PSEUDONYM: Instruction = { method: 'pseudonym', domain: 'mrn' };

describe('regimes', () => {
  test('safe harbor takes no encrypted identifier, and says why: it is derived from it', () => {
    for (const tag of ['PHI_MRN', 'PHI_NAME', 'PHI_SSN', 'PHI_ID'] as const)
      for (const instruction of [ENCRYPT, MRN, ACCOUNT])
        expect(regimeObjection('safe-harbor', tag, instruction, true)?.paragraph).toMatch(
          /164\.514\(b\)\(2\)\(i\)\([A-R]\).*164\.514\(c\)\(1\)/,
        );
    for (const tag of ['PHI_ZIP', 'PHI_BIRTH_DATE', 'PHI_FREE_TEXT'] as const)
      expect(regimeObjection('safe-harbor', tag, ENCRYPT, true)).not.toBeNull();
  });

  test('a limited data set takes encryption where it takes pseudonyms; a lookalike only for numbers of ones own', () => {
    for (const instruction of [PSEUDONYM, ENCRYPT, MRN])
      for (const tag of ['PHI_MRN', 'PHI_SSN', 'PHI_PHONE'] as const)
        expect(regimeObjection('limited-data-set', tag, instruction, false)).toBeNull();
    expect(regimeObjection('limited-data-set', 'PHI_ACCOUNT', ACCOUNT, false)).toBeNull();
    for (const tag of ['PHI_SSN', 'PHI_PHONE', 'PHI_NAME'] as const)
      expect(regimeObjection('limited-data-set', tag, ACCOUNT, false)?.paragraph).toContain('164.514(e)(2)');
    for (const regime of ['expert-determination', 'tpo'] as const)
      expect(regimeObjection(regime, 'PHI_SSN', ACCOUNT, false)).toBeNull();
  });
});

describe('the order of strictness', () => {
  test('is encrypt, pseudonym, encrypt-deterministic, format-preserving, and no two domains are ordered', () => {
    const order = [ENCRYPT, PSEUDONYM, MRN, ACCOUNT, { method: 'keep' } as const];
    order.forEach((stricter, at) => {
      for (const laxer of order.slice(at + 1)) {
        expect(isAsStrict(stricter, laxer)).toBe(true);
        expect(isAsStrict(laxer, stricter)).toBe(false);
      }
      expect(isAsStrict(stricter, stricter)).toBe(true);
    });
    expect(isAsStrict(MRN, { ...MRN, domain: 'account' })).toBe(false);
    expect(isAsStrict(ACCOUNT, { ...ACCOUNT, separators: '' })).toBe(false);
  });
});

describe('record keys', () => {
  const topics = { [TOPIC]: { key: { tag: 'PHI_ID' } } };
  const withKey = (method: object) => policyWith({ topics, methods: { PHI_ID: method, PHI_NONE: 'keep' } });

  test('can be encrypted deterministically, which is one-to-one', () => {
    const method = { method: 'encrypt-deterministic', domain: 'patient' };
    expect(keyInstruction(withKey(method), TOPIC)).toEqual(method);
    const plan = planned(compile(withKey(method), recordOf(field('id', 'string', ['PHI_ID']))));
    expect(plan.key).toEqual(method);
    expect(JSON.parse(plan.derivedSchema)).toMatchObject({ fields: [{ name: 'id', type: 'string' }] });
  });

  test('cannot be what differs each time, nor what some keys have no format for', () => {
    for (const method of [ENCRYPT, ACCOUNT]) {
      expect(() => keyInstruction(withKey(method), TOPIC)).toThrow(
        expect.objectContaining({ code: 'ERR_POLICY_KEY_METHOD' }),
      );
      const found = problems(compile(withKey(method), recordOf(field('id', 'string', ['PHI_ID']))));
      expect(found.join()).toContain('ERR_POLICY_KEY_METHOD');
    }
  });
});

describe('plans', () => {
  const methods = {
    PHI_ID: PSEUDONYM,
    PHI_MRN: MRN,
    PHI_NAME: ENCRYPT,
    PHI_ACCOUNT: ACCOUNT,
    PHI_NONE: 'keep',
  };

  test('give text for numbers, bytes for bytes, and one branch for branches that become one type', () => {
    const schema = recordOf(
      field('mrn', ['null', 'string', 'long'], ['PHI_MRN']),
      field('born', { type: 'int', logicalType: 'date' }, ['PHI_NAME']),
      field('scan', 'bytes', ['PHI_NAME']),
      field('account', 'string', ['PHI_ACCOUNT']),
    );
    const { derivedSchema } = planned(compile(policyWith({ methods }), schema));
    expect((JSON.parse(derivedSchema) as { fields: object[] }).fields).toEqual([
      { name: 'mrn', type: ['null', 'string'] },
      { name: 'born', type: 'string' },
      { name: 'scan', type: 'bytes' },
      { name: 'account', type: 'string' },
    ]);
  });

  test('refuse types that a method cannot take', () => {
    const dates = recordOf(field('seen', { type: 'int', logicalType: 'date' }, ['PHI_MRN']));
    expect(problems(compile(policyWith({ methods }), dates)).join()).toContain('ERR_POLICY_METHOD_TYPE');
    const numbers = recordOf(field('account', 'long', ['PHI_ACCOUNT']));
    expect(problems(compile(policyWith({ methods }), numbers)).join()).toContain('ERR_POLICY_METHOD_TYPE');
  });

  test('run the examples of a policy: what is encrypted is another text, of the same format where that is promised', () => {
    const examples = [
      {
        topic: TOPIC,
        given: { mrn: 'MRN-1', account: '900-123-456' },
        expect: { mrn: { not: 'MRN-1' }, account: { not: '900-123-456' } },
      },
    ];
    const schema = recordOf(field('mrn', 'string', ['PHI_MRN']), field('account', 'string', ['PHI_ACCOUNT']));
    const run = (given: object, expected: object): string[] => {
      const policy = policyWith({ methods, examples: [{ ...examples[0], given, expect: expected }] });
      return runExamples(policy, planned(compile(policy, schema)), testKeys()).map(({ code }) => code);
    };
    expect(run(examples[0]!.given, examples[0]!.expect)).toEqual([]);
    // Too short for its format: nothing comes out, so the example is not met.
    expect(run({ account: '12-3' }, { account: { not: '12-3' } })).toEqual(['ERR_POLICY_EXAMPLE']);
  });
});
