import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import { lintSchema, suspectedTag, wordsOf } from '../../policy/lint.ts';
import type { AvroType } from '../../schemas/avro-schema.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { compile, field, policyWith, problems, recordOf } from '../support/policy-fixture.ts';

const DATA = new URL('../../../shared/data/', import.meta.url);
const withData = existsSync(DATA) ? test : test.skip;
const suspects = (schema: AvroType): (string | undefined)[] =>
  lintSchema(schema, {}).map((problem) => problem.context.path);

describe('a name', () => {
  test('is read word by word', () => {
    expect(wordsOf('patientSSNLast4')).toEqual(['patient', 'ssn', 'last', '4']);
    expect(wordsOf('MOTHERS_MAIDEN_NAME')).toEqual(['mothers', 'maiden', 'name']);
  });

  test.each([
    ['patientEmail', 'PHI_EMAIL'],
    ['date_of_birth', 'PHI_BIRTH_DATE'],
    ['ssn', 'PHI_SSN'],
    ['homePhone', 'PHI_PHONE'],
    ['contact.lastName', 'PHI_NAME'],
    ['subject.name', 'PHI_NAME'],
    ['FIRST', 'PHI_NAME'],
    ['addresses[].streetAddress', 'PHI_GEO'],
    ['clientIp', 'PHI_IP'],
    ['memberId', 'PHI_MEMBER_ID'],
    ['nurse_note', 'PHI_FREE_TEXT'],
    ['contacts{}.mobile', 'PHI_PHONE'],
  ])('%s looks like %s', (path, tag) => {
    expect(suspectedTag(path)).toBe(tag);
  });

  test.each([
    'chromaticityX',
    'restlessnessScoreQualifier',
    'unitName',
    'questionnaire.name',
    'lastUpdated',
    'firstSeen',
    'velocity',
    'shipment',
    'status',
    'version',
  ])('%s looks harmless', (path) => {
    expect(suspectedTag(path)).toBeNull();
  });
});

const decided = (method: string) =>
  policyWith({
    untagged: 'drop',
    fields: { 'clinical.tests': { patientEmail: { method, reason: 'reviewed by the owner' } } },
  });

describe('an untagged field', () => {
  test('is found, and a tagged or reviewed one is not', () => {
    const schema = recordOf(
      field('email', 'string'),
      field('phone', 'string', ['PHI_PHONE']),
      field('notes', 'string', ['PHI_NONE']),
      field('score', 'int'),
    );
    expect(suspects(schema)).toEqual(['email']);
  });

  test('is found where only PHI_NONE of a whole record covers it: it was added after the review', () => {
    const inner = {
      type: 'record',
      name: 'Meta',
      'confluent:tags': ['PHI_NONE'],
      fields: [field('feed', 'string'), field('patientEmail', 'string')],
    };
    expect(suspects(recordOf(field('meta', inner)))).toEqual(['meta.patientEmail']);
  });

  test('stops the plan also where untagged fields are dropped, until somebody decides', () => {
    const schema = recordOf(field('patientEmail', 'string'), field('score', 'int'));
    expect(problems(compile(policyWith({ untagged: 'drop' }), schema))).toEqual([
      'ERR_POLICY_LOOKS_LIKE_PHI patientEmail',
    ]);
    expect(problems(compile(decided('drop'), schema))).toEqual([]);
    expect(problems(compile(decided('keep'), schema))).toEqual(['ERR_POLICY_LOOKS_LIKE_PHI patientEmail']);
  });
});

describe('against real schemas (shared data)', () => {
  withData('flags few fields of a health platform that has no names in it', () => {
    const directory = new URL('radar-avro/', DATA);
    const files = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    const paths = files
      .filter((file) => file.endsWith('.avsc'))
      .flatMap((file) => leafPaths(directory, file));
    const flagged = paths.filter(([path, record]) => suspectedTag(path, record) !== null);
    expect(paths.length).toBeGreaterThan(500);
    // Users' ids, places and addresses of devices among them: those are right.
    expect(flagged.length / paths.length).toBeLessThan(0.03);
  });

  withData('finds the identifiers of a Synthea patient', () => {
    const header = readFileSync(new URL('synthea-smart/patients.csv', DATA), 'utf8').split('\n')[0]!;
    const harmless = header
      .trim()
      .split(',')
      .filter((name) => suspectedTag(name, 'Patient') === null);
    expect(harmless).toEqual(['MARITAL', 'RACE', 'ETHNICITY', 'GENDER', 'STATE', 'FHIR_VERSION']);
  });
});

/** Paths and root record of a schema; none where it refers to other files. */
function leafPaths(directory: URL, file: string): (readonly [string, string])[] {
  try {
    const schema = parseAvroSchema(readFileSync(new URL(file, directory), 'utf8'));
    const record = 'fullName' in schema ? schema.fullName.split('.').at(-1)! : '';
    return leavesOf(schema).map((leaf) => [leaf.path, record] as const);
  } catch (error) {
    if (error instanceof GauzeError) return [];
    throw error;
  }
}
