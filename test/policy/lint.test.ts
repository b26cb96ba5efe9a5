import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { hintLeaves, lintSchema, suspectedTag } from '../../policy/lint.ts';
import { plainWords, wordsOf } from '../../policy/name-words.ts';
import type { AvroType } from '../../schemas/avro-schema.ts';
import { TAGS, leavesOf } from '../../schemas/tags.ts';
import { compile, field, policyWith, problems, recordOf } from '../support/policy-fixture.ts';

const DATA = new URL('../../../shared/data/', import.meta.url);
const withData = existsSync(DATA) ? test : test.skip;
const suspects = (schema: AvroType): (string | undefined)[] =>
  lintSchema(schema, {}).map((problem) => problem.context.path);

describe('a name', () => {
  test('is read word by word', () => {
    expect(wordsOf('patientSSNLast4')).toEqual(['patient', 'ssn', 'last', '4']);
    expect(wordsOf('MOTHERS_MAIDEN_NAME')).toEqual(['mothers', 'maiden', 'name']);
    expect(plainWords('pt_addr1')).toEqual(['patient', 'address']);
    expect(plainWords('patientfirstnames')).toEqual(['patient', 'first', 'name']);
    expect(plainWords('restlessness')).toEqual(['restlessness']);
    expect(plainWords('candidateAddressed')).toEqual(['candidate', 'addressed']);
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
    ['pt_nm', 'PHI_NAME'],
    ['PAT_MRN_ID', 'PHI_MRN'],
    ['dateofbirth', 'PHI_BIRTH_DATE'],
    ['addr1', 'PHI_GEO'],
    ['mbr_id', 'PHI_MEMBER_ID'],
    ['ssnLast4', 'PHI_SSN'],
    ['appt_dttm', 'PHI_DATE'],
    ['visit_start_date', 'PHI_DATE'],
    ['noteDate', 'PHI_DATE'],
    ['orderingProviderName', 'PROVIDER_NAME'],
    ['renderingProviderNpi', 'PROVIDER_ID'],
    ['patientsByMrn{key}', 'PHI_MRN'],
    ['patients{key}', 'PHI_MRN'],
    ['emergencyContactPhoneNumber', 'PHI_PHONE'],
    ['phonesByMrn{}', 'PHI_PHONE'],
    ['accession_num', 'PHI_ID'],
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
    'addressType',
    'emailVerified',
    'hasPhone',
    'totalContacts',
    'numberOfNotes',
    'birthWeight',
    'birthOrder',
    'causeOfDeath',
    'visit_concept_id',
    'fileName',
    'callbackUrl',
    'daysSupply',
    'serverAddress',
    'lineItemNumber',
    'validity',
    'capacity',
    'addresses{key}',
  ])('%s looks harmless', (path) => {
    expect(suspectedTag(path)).toBeNull();
  });
});

describe('what is around a name', () => {
  const named = (name: string, ...fields: object[]) => ({ type: 'record', name, fields });
  const tagsOf = (schema: AvroType) => lintSchema(schema, {}).map(({ context }) => context.tag);

  test('says whose it is: a name of a patient, of a nurse, or of a questionnaire', () => {
    const within = (name: string) =>
      recordOf(field('of', named(name, field('name', 'string'), field('id', 'string'))));
    expect(tagsOf(within('Patient'))).toEqual(['PHI_NAME', 'PHI_ID']);
    expect(tagsOf(within('Nurse'))).toEqual(['PROVIDER_NAME', 'PROVIDER_ID']);
    expect(tagsOf(within('Questionnaire'))).toEqual([]);
  });

  test('says it of the type of a union branch, an array and a map too', () => {
    const point = named('ContactPoint', field('value', 'string'));
    const schema = recordOf(
      field('reach', ['null', { type: 'array', items: point }]),
      field('others', { type: 'map', values: 'ContactPoint' }),
    );
    expect(suspects(schema)).toEqual(['reach[].value', 'others{}.value']);
  });

  test('a type that cannot hold an identifier takes the suspicion away', () => {
    const gender = { type: 'enum', name: 'E', symbols: ['A', 'B'] };
    const schema = recordOf(
      field('patientName', 'boolean'),
      field('email', 'double'),
      field('mrn', gender),
      field('ssn', 'long'),
      field('note', { type: 'int', logicalType: 'date' }),
    );
    expect(lintSchema(schema, {}).map(({ context }) => [context.path, context.tag])).toEqual([
      ['ssn', 'PHI_SSN'],
      ['note', 'PHI_DATE'],
    ]);
  });

  test('names the tag, the words and the standard', () => {
    const [problem] = lintSchema(recordOf(field('patient_mrn_id', 'string')), {
      file: 'a.avsc',
      line: 3,
      topic: 'clinical.tests',
    });
    expect(problem?.message).toBe(
      'a.avsc:3: the field patient_mrn_id of clinical.tests is untagged and its name looks like PHI: ' +
        'PHI_MRN, by "mrn" (HIPAA 164.514(b)(2)).',
    );
  });
});

describe('a hint', () => {
  const hints = (schema: AvroType) =>
    hintLeaves(leavesOf(schema), schema, {}).map(
      ({ code, context }) => `${code} ${context.path} ${context.tag}`,
    );
  const documented = (name: string, doc: string) => ({ ...field(name, 'string'), doc });

  test('comes from a doc, a logical type, words of free text and classes protected beyond HIPAA', () => {
    const schema = recordOf(
      documented('field7', "Patient's social security number, where known"),
      field('at', { type: 'long', logicalType: 'timestamp-millis' }),
      field('description', 'string'),
      field('hivStatus', 'string'),
      field('hospitalPhone', 'string'),
      field('score', 'int'),
      documented('label', 'What the screen shows'),
    );
    expect(hints(schema)).toEqual([
      'ERR_POLICY_MAY_BE_PHI field7 PHI_SSN',
      'ERR_POLICY_MAY_BE_PHI at PHI_DATE',
      'ERR_POLICY_MAY_BE_PHI description PHI_FREE_TEXT',
      'ERR_POLICY_MAY_BE_PHI hivStatus SENSITIVE_HIV',
      'ERR_POLICY_MAY_BE_PHI hospitalPhone PHI_PHONE',
    ]);
    expect(suspects(schema)).toEqual([]);
  });

  test('is silent about what is tagged, reviewed, or refused by its name already', () => {
    const schema = recordOf(
      field('description', 'string', ['PHI_FREE_TEXT']),
      field('reason', 'string', ['PHI_NONE']),
      documented('ssn', 'Social security number'),
    );
    expect(hints(schema)).toEqual([]);
  });

  test('stops no plan', () => {
    const schema = recordOf(field('description', 'string'), field('score', 'int', ['PHI_NONE']));
    expect(problems(compile(policyWith({ untagged: 'drop' }), schema))).toEqual([]);
  });
});

describe('any schema', () => {
  const name = fc.oneof(
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,30}$/),
    fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', 'mrn'),
    fc
      .array(fc.constantFrom('first', 'Name', '_', 'mrn', 'date', 'Of', 'by', 'is'), { minLength: 1 })
      .map((words) => `a${words.join('')}`),
  );

  test('is read without a fault, and what is said of it holds no text of its docs', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 6 }), fc.string(), (names, secret) => {
        const doc = `MRN ${secret}`;
        const schema = recordOf(...names.map((each) => ({ ...field(each, 'string'), doc })));
        const leaves = leavesOf(schema);
        for (const { context } of [...lintSchema(schema, {}), ...hintLeaves(leaves, schema, {})]) {
          expect(Object.keys(TAGS)).toContain(context.tag);
          expect(context.words).toMatch(
            /^"[a-z0-9 -]+"( (in|beside) \w+( \w+)*)?( in its doc)?( \([^()]*(\([^()]*\)[^()]*)*\))?$/,
          );
        }
      }),
    );
  });

  test('of very long names and docs is read in a moment', () => {
    const long = [field('a'.repeat(50_000), 'string'), field(`mrn_first_name_`.repeat(3_000), 'string')];
    const many = Array.from({ length: 500 }, (_, at) => ({
      ...field(`time_of_x${at}`, 'string'),
      doc: 'the note '.repeat(5_000),
    }));
    const schema = recordOf(...long, ...many);
    const started = performance.now();
    expect(lintSchema(schema, {}).length + hintLeaves(leavesOf(schema), schema, {}).length).toBe(501);
    expect(performance.now() - started).toBeLessThan(5_000);
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
  withData('finds the identifiers of a Synthea patient', () => {
    const header = readFileSync(new URL('synthea-smart/patients.csv', DATA), 'utf8').split('\n')[0]!;
    const harmless = header
      .trim()
      .split(',')
      .filter((name) => suspectedTag(name, 'Patient') === null);
    expect(harmless).toEqual(['MARITAL', 'RACE', 'ETHNICITY', 'GENDER', 'STATE', 'FHIR_VERSION']);
  });
});
