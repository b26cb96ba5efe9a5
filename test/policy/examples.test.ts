import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { runExamples } from '../../policy/examples.ts';
import { fromExample, toExample } from '../../policy/example-value.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { TOPIC, compile, field, planned, policyWith, recordOf } from '../support/policy-fixture.ts';
import { testKeys } from '../support/test-keys.ts';

const date = { type: 'int', logicalType: 'date' };
const schema = recordOf(
  field('patientId', 'string', ['PHI_ID'], { 'gauze:person': true }),
  field('zip', 'string', ['PHI_ZIP']),
  field('born', date, ['PHI_BIRTH_DATE']),
  field('age', 'int', ['PHI_AGE']),
  field('name', 'string', ['PHI_NAME']),
  field('note', ['null', 'string'], ['PHI_FREE_TEXT']),
  field('text', 'string', ['PHI_FREE_TEXT']),
  field('tags', { type: 'array', items: 'string' }, ['PHI_FREE_TEXT']),
  field('admitted', { type: 'long', logicalType: 'timestamp-millis' }, ['PHI_NONE']),
  field('score', ['null', 'double'], ['PHI_NONE']),
);
const given = {
  patientId: 'MRN-1',
  zip: '02139',
  born: '1931-02-03',
  age: 97,
  name: 'Ada Example',
  note: 'called',
  text: 'called',
  'tags[]': 'x',
  admitted: '2026-06-12T10:00:00Z',
  score: null,
};

function failing(expect: Record<string, unknown>, values: Record<string, unknown> = given): string[] {
  const policy = policyWith({ examples: [{ topic: TOPIC, given: values, expect }] });
  return runExamples(policy, planned(compile(policy, schema)), testKeys()).map(
    ({ code, context }) => `${code} ${context.path}`,
  );
}

test('what comes out is what the plan does', () => {
  expect(
    failing({
      patientId: { not: 'MRN-1' },
      zip: '021',
      born: { not: '1931-02-03' },
      age: 90,
      name: { absent: true },
      note: null,
      text: '',
      'tags[]': { absent: true },
      admitted: '2026-06-12T10:00:00Z',
      score: null,
    }),
  ).toEqual([]);
});

test.each([
  ['a pseudonym that should be the value', { patientId: 'MRN-1' }],
  ['a shifted date that should stay', { born: '1931-02-03' }],
  ['a value that should be gone', { zip: { absent: true } }],
  ['a dropped value that should be there', { name: 'Ada Example' }],
  ['a redacted value that should be there', { note: 'called' }],
  ['a kept value that should be another', { admitted: { not: '2026-06-12T10:00:00Z' } }],
  ['an age that should not be capped', { age: 97 }],
])('finds %s', (_, expect_) => {
  expect(failing(expect_)).toEqual([`ERR_POLICY_EXAMPLE ${Object.keys(expect_)[0]}`]);
});

test('an example that no record could have is a mistake', () => {
  expect(failing({ age: 90 }, { age: 'old' })).toEqual(['ERR_POLICY_EXAMPLE age']);
  expect(failing({ born: { not: '1931-02-31' } }, { ...given, born: '1931-02-31' })).toEqual([
    'ERR_POLICY_EXAMPLE born',
  ]);
});

test('an example that does not say whom it is about is about somebody', () => {
  expect(failing({ born: { not: '1931-02-03' } }, { born: '1931-02-03' })).toEqual([]);
  expect(failing({ born: '1931-02-03' }, { born: '1931-02-03' })).toEqual(['ERR_POLICY_EXAMPLE born']);
});

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test.each(['research', 'analytics', 'billing'])('the examples of the demo hold: %s', (audience) => {
  const policy = parsePolicy(read(`examples/hospital/policies/${audience}.yaml`), `${audience}.yaml`);
  const names = {
    patient: 'patients',
    encounter: 'encounters',
    observation: 'observations',
    claim: 'claims',
  };
  expect(policy.examples.length).toBeGreaterThan(0);
  for (const [name, topic] of Object.entries(names)) {
    const clinical = parseAvroSchema(read(`schemas/clinical/${name}.avsc`));
    const plan = planned(compile(policy, clinical, { topic: `clinical.${topic}` }));
    expect(runExamples(policy, plan, testKeys(audience)).map((each) => each.message)).toEqual([]);
  }
});

const leaf = (kind: string, logical: string | null = null): AvroLeaf =>
  ({ kind, logical: logical === null ? null : { name: logical }, tags: [] }) as AvroLeaf;

const round = (written: string | number, type: AvroLeaf) => toExample(fromExample(written, type), type);

describe('values', () => {
  test.each([
    ['1969-12-31', leaf('int', 'date'), -1],
    [7, leaf('int'), 7],
    ['9007199254740993', leaf('long'), 9_007_199_254_740_993n],
    ['1970-01-01T00:00:01Z', leaf('long', 'timestamp-micros'), 1_000_000n],
    ['1970-01-01T00:00:01', leaf('long', 'local-timestamp-millis'), 1_000n],
    ['ff00', leaf('bytes'), Buffer.from('ff00', 'hex')],
    [0.5, leaf('double'), 0.5],
    [true, leaf('boolean'), true],
  ])('%p is read', (written, type, expected) => {
    expect(fromExample(written, type)).toEqual(expected);
  });

  test('come back as they were written', () => {
    expect(round('2026-06-12', leaf('int', 'date'))).toBe('2026-06-12');
    expect(round('2026-06-12T10:00:00.5Z', leaf('long', 'timestamp-millis'))).toBe(
      '2026-06-12T10:00:00.500Z',
    );
    expect(round('9007199254740993', leaf('long'))).toBe('9007199254740993');
    expect(round(12, leaf('long'))).toBe(12);
    expect(round('ff00', leaf('bytes'))).toBe('ff00');
  });

  test('that do not fit their type are refused', () => {
    expect(() => fromExample('7', leaf('int'))).toThrow();
    expect(() => fromExample(7.5, leaf('int'))).toThrow();
    expect(() => fromExample('tomorrow', leaf('long', 'timestamp-millis'))).toThrow();
    expect(() => fromExample('fg', leaf('bytes'))).toThrow();
  });
});
