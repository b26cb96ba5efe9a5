/**
 * Promises of access rules: mistakes are told at once with their lines, and a request is allowed only where one rule
 * allows all of it.
 */
import { describe, expect, test } from '@jest/globals';
import { lintAccessRules } from '../../approvals/access-rules.ts';
import type { AccessRules, RuleQuestion } from '../../approvals/access-rules.ts';
import { parseAccessRules } from '../../approvals/access-rules-file.ts';
import type { RuleWords } from '../../approvals/access-rules-file.ts';
import { EMERGENCY_PURPOSES, PURPOSES } from '../../approvals/purposes.ts';
import { GauzeError, GauzeErrors } from '../../platform/errors.ts';

const WORDS: RuleWords = {
  roles: {
    clinicians: ['grp-clinicians'],
    'data-owners': ['grp-ehr-owners'],
    'privacy-officers': ['grp-privacy'],
    'emergency-physicians': ['grp-emergency'],
    nobody: [],
  },
  siteTags: new Map([['MEDICAL_RECORD', 'PHI_MRN']]),
};

const RULES = `rules:
  - name: encounters-raw
    topics: [clinical.encounters]
    fields: [MEDICAL_RECORD, PHI_BIRTH_DATE, PHI_ID, reasonText]
    requesters: [clinicians]
    stages:
      - { approvers: data-owners, count: 1 }
      - { approvers: privacy-officers, count: 2 }
    purposes: [TREAT, HOPERAT]
    pendingFor: 24h
    maxDuration: 8h
    maxRecords: 10000
    maxPersons: 500
    window: { zone: Europe/Berlin, days: [fri, mon], from: "22:00", to: "06:30" }
    breakGlass: { allowed: [emergency-physicians], maxDuration: 1h, reviewWithin: 2d }
  - name: departments
    topics: [clinical.encounters]
    fields: [PHI_NONE]
    requesters: [clinicians]
    purposes: [HOPERAT]
    pendingFor: 90m
    activateWithin: 30m
    maxDuration: 1h
    maxRecords: 100
    autoApprove: true
`;

function parse(text: string, words = WORDS): AccessRules {
  return parseAccessRules(text, 'access.yaml', words);
}

/** Code, line and what it is about of each problem. */
function problems(text: string): readonly (readonly [string, number | undefined, string | undefined])[] {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof GauzeErrors)) throw error;
    return error.errors.map(({ code, context }) => [code, context.line, context.setting]);
  }
  throw new Error('the rules were accepted');
}

/** The example with one text in place of another, which must be there. */
function changed(from: string, to: string): string {
  if (!RULES.includes(from)) throw new Error(`the example has no ${from}`);
  return RULES.replace(from, to);
}

describe('a file of rules', () => {
  test('is read with every limit', () => {
    const [encounters, departments] = parse(RULES).rules;
    expect(encounters).toMatchObject({
      tags: new Set(['PHI_MRN', 'PHI_BIRTH_DATE', 'PHI_ID']),
      paths: new Set(['reasonText']),
      stages: [
        { role: 'data-owners', count: 1 },
        { role: 'privacy-officers', count: 2 },
      ],
      pendingMs: 86_400_000,
      activationMs: 86_400_000,
      maxDurationMs: 28_800_000,
      window: { zone: 'Europe/Berlin', days: [1, 5], from_minute: 1_320, to_minute: 390 },
      breakGlass: { maxDurationMs: 3_600_000, reviewMs: 172_800_000 },
      line: 2,
    });
    expect(departments).toMatchObject({
      stages: [],
      pendingMs: 5_400_000,
      activationMs: 1_800_000,
      maxPersons: null,
      autoApprove: true,
    });
  });

  test('has another hash after any change', () => {
    expect(parse(RULES).sha256).toHaveLength(32);
    expect(parse(changed('10000', '10001')).sha256).not.toEqual(parse(RULES).sha256);
  });

  test('is told all its problems at once, in the order of its lines', () => {
    const text = `rules:
  - name: Encounters
    topics: []
    fields: [PHI_MRNN, "not a path"]
    requesters: [clinician]
    stages: [{ approvers: owners, count: 0 }, { approvers: data-owners, cound: 1 }]
    purposes: [TREAT, WHY]
    pendingFor: 24 hours
    maxRecords: -1
    maxRows: 5
    window: { zone: "+01:00", days: [monday], from: 8, to: "25:00" }
  - 5
extra: {}
`;
    expect(problems(text)).toEqual([
      ['ERR_ACCESS_SETTING_WRONG', 2, 'rules.0.name'],
      ['ERR_ACCESS_SETTING_MISSING', 2, 'rules.0.maxDuration'],
      ['ERR_ACCESS_SETTING_WRONG', 3, 'rules.0.topics'],
      ['ERR_ACCESS_TAG_UNKNOWN', 4, 'rules.0.fields.0'],
      ['ERR_ACCESS_SETTING_WRONG', 4, 'rules.0.fields.1'],
      ['ERR_ACCESS_ROLE_UNKNOWN', 5, 'rules.0.requesters.0'],
      ['ERR_ACCESS_ROLE_UNKNOWN', 6, 'rules.0.stages.0.approvers'],
      ['ERR_ACCESS_SETTING_WRONG', 6, 'rules.0.stages.0.count'],
      ['ERR_ACCESS_SETTING_MISSING', 6, 'rules.0.stages.1.count'],
      ['ERR_ACCESS_SETTING_UNKNOWN', 6, 'rules.0.stages.1.cound'],
      ['ERR_ACCESS_PURPOSE_UNKNOWN', 7, 'rules.0.purposes.1'],
      ['ERR_ACCESS_SETTING_WRONG', 8, 'rules.0.pendingFor'],
      ['ERR_ACCESS_SETTING_WRONG', 9, 'rules.0.maxRecords'],
      ['ERR_ACCESS_SETTING_UNKNOWN', 10, 'rules.0.maxRows'],
      ['ERR_ACCESS_SETTING_WRONG', 11, 'rules.0.window.zone'],
      ['ERR_ACCESS_SETTING_WRONG', 11, 'rules.0.window.days.0'],
      ['ERR_ACCESS_SETTING_WRONG', 11, 'rules.0.window.from'],
      ['ERR_ACCESS_SETTING_WRONG', 11, 'rules.0.window.to'],
      ['ERR_ACCESS_SETTING_WRONG', 12, 'rules.1'],
      ['ERR_ACCESS_SETTING_UNKNOWN', 13, 'extra'],
    ]);
  });

  test.each([
    ['no rules', 'rules: []\n', 'ERR_ACCESS_SETTING_WRONG', 1, 'rules'],
    ['nothing about rules', 'roules: []\n', 'ERR_ACCESS_SETTING_MISSING', 1, 'rules'],
    ['broken YAML', 'rules: [\n', 'ERR_CONFIG_SYNTAX', 2, undefined],
    [
      'two rules of one name',
      changed('name: departments', 'name: encounters-raw'),
      'ERR_ACCESS_SETTING_WRONG',
      16,
      'rules.1.name',
    ],
    [
      'no stages',
      changed('autoApprove: true', 'autoApprove: false'),
      'ERR_ACCESS_SETTING_WRONG',
      16,
      'rules.1.stages',
    ],
    [
      'stages that would be passed over',
      changed('autoApprove: true', 'autoApprove: true\n    stages: [{ approvers: data-owners, count: 1 }]'),
      'ERR_ACCESS_SETTING_WRONG',
      26,
      'rules.1.stages',
    ],
    [
      'PHI approved by nobody',
      changed('[PHI_NONE]', '[PHI_NONE, PHI_ZIP]'),
      'ERR_ACCESS_AUTO_APPROVE',
      18,
      'rules.1.fields',
    ],
    [
      'PHI approved by nobody, by a word of the site',
      changed('[PHI_NONE]', '[MEDICAL_RECORD]'),
      'ERR_ACCESS_AUTO_APPROVE',
      18,
      'rules.1.fields',
    ],
    [
      'break-glass for longer than access',
      changed('maxDuration: 1h, review', 'maxDuration: 9h, review'),
      'ERR_ACCESS_SETTING_WRONG',
      15,
      'rules.0.breakGlass.maxDuration',
    ],
    [
      'a window of no length',
      changed('"06:30"', '"22:00"'),
      'ERR_ACCESS_SETTING_WRONG',
      14,
      'rules.0.window.to',
    ],
  ])('with %s is refused', (_, text, code, line, setting) => {
    expect(problems(text)).toContainEqual([code, line, setting]);
  });
});

const QUESTION: RuleQuestion = {
  requester: { id: 'alice', roles: ['clinicians'] },
  topic: 'clinical.encounters',
  fields: [
    { path: 'patientMrn', tags: ['PHI_MRN'] },
    { path: 'reasonText', tags: ['PHI_FREE_TEXT'] },
  ],
  purpose: 'TREAT',
  durationMs: 3_600_000,
  maxRecords: 40,
  maxPersons: null,
  namedPersons: null,
  emergency: false,
};

function find(change: Partial<RuleQuestion> = {}, rules = parse(RULES)) {
  return rules.find({ ...QUESTION, ...change });
}

/** The refusal as code and what it names. */
function refused(change: Partial<RuleQuestion>, rules?: AccessRules): Record<string, unknown> {
  try {
    find(change, rules);
  } catch (error) {
    if (error instanceof GauzeError) return { code: error.code, ...error.context };
    throw error;
  }
  throw new Error('the request was allowed');
}

describe('a request', () => {
  test('that a rule allows gets its stages, times and caps', () => {
    const rules = parse(RULES);
    expect(find({}, rules)).toEqual({
      rule: 'encounters-raw',
      rulesSha256: rules.sha256,
      stages: [
        { role: 'data-owners', count: 1 },
        { role: 'privacy-officers', count: 2 },
      ],
      pendingMs: 86_400_000,
      activationMs: 86_400_000,
      ruleDurationMs: 28_800_000,
      durationMs: 3_600_000,
      maxRecords: 40,
      maxPersons: 500,
      window: rules.rules[0]!.window,
      emergency: null,
    });
  });

  test('keeps a lower cap of persons, and never has a higher one than persons it names', () => {
    expect(find({ maxPersons: 7 }).maxPersons).toBe(7);
    expect(find({ maxPersons: 7, namedPersons: 3 }).maxPersons).toBe(3);
  });

  test.each<[string, Partial<RuleQuestion>, Record<string, unknown>]>([
    [
      'a topic without a rule',
      { topic: 'clinical.claims' },
      { code: 'ERR_ACCESS_RULE_TOPIC', topic: 'clinical.claims' },
    ],
    [
      'somebody without the role',
      { requester: { id: 'dan', roles: ['privacy-officers'] } },
      { code: 'ERR_ACCESS_RULE_REQUESTER', expected: 'clinicians' },
    ],
    [
      'a field of another tag',
      { fields: [{ path: 'zip', tags: ['PHI_ZIP'] }] },
      { code: 'ERR_ACCESS_RULE_FIELD', path: 'zip' },
    ],
    [
      'a field with one tag more than the rule has',
      { fields: [{ path: 'patientMrn', tags: ['PHI_MRN', 'SENSITIVE_HIV'] }] },
      { code: 'ERR_ACCESS_RULE_FIELD', path: 'patientMrn' },
    ],
    [
      'an untagged field',
      { fields: [{ path: 'other', tags: [] }] },
      { code: 'ERR_ACCESS_RULE_FIELD', path: 'other' },
    ],
    [
      'another purpose',
      { purpose: 'HMARKT' },
      { code: 'ERR_ACCESS_RULE_PURPOSE', expected: 'TREAT, HOPERAT' },
    ],
    [
      'a longer time',
      { durationMs: 28_800_001 },
      { code: 'ERR_ACCESS_RULE_CAP', expected: 'durationMinutes', limit: 480 },
    ],
    ['no time', { durationMs: 0 }, { code: 'ERR_ACCESS_RULE_CAP', expected: 'durationMinutes' }],
    [
      'more records',
      { maxRecords: 10_001 },
      { code: 'ERR_ACCESS_RULE_CAP', expected: 'maxRecords', limit: 10_000 },
    ],
    ['half a record', { maxRecords: 0.5 }, { code: 'ERR_ACCESS_RULE_CAP', expected: 'maxRecords' }],
    [
      'more persons',
      { maxPersons: 501 },
      { code: 'ERR_ACCESS_RULE_CAP', expected: 'maxPersons', limit: 500 },
    ],
    ['more names', { namedPersons: 501 }, { code: 'ERR_ACCESS_RULE_CAP', expected: 'persons', limit: 500 }],
  ])('for %s is refused, and told why', (_, change, expected) => {
    expect(refused(change)).toMatchObject(expected);
  });

  test('allows a field whose tags are all in the rule, PHI_NONE of an earlier version beside them', () => {
    const fields = [{ path: 'patientMrn', tags: ['PHI_MRN', 'PHI_NONE', 'PHI_ID'] }];
    expect(find({ fields }).rule).toBe('encounters-raw');
  });

  test('is decided by people unless everything it asks for was reviewed as no PHI', () => {
    const department = { path: 'department', tags: ['PHI_NONE'] };
    const asked = { purpose: 'HOPERAT', maxRecords: 10 };
    expect(find({ ...asked, fields: [department] })).toMatchObject({ rule: 'departments', stages: [] });
    expect(find({ ...asked, fields: [QUESTION.fields[0]!] }).rule).toBe('encounters-raw');
    expect(refused({ ...asked, fields: [department, QUESTION.fields[0]!] })).toMatchObject({
      code: 'ERR_ACCESS_RULE_FIELD',
    });
    const byPath = parse(changed('[PHI_NONE]', '[department]'));
    expect(find({ ...asked, fields: [department] }, byPath).rule).toBe('departments');
    const tagged = { path: 'department', tags: ['PHI_NONE', 'SENSITIVE_MENTAL'] };
    expect(refused({ ...asked, fields: [tagged] }, byPath)).toMatchObject({ code: 'ERR_ACCESS_RULE_FIELD' });
  });

  test('does not add rules up', () => {
    expect(
      refused({ maxRecords: 101, purpose: 'HOPERAT', fields: [{ path: 'd', tags: ['PHI_NONE'] }] }),
    ).toMatchObject({
      code: 'ERR_ACCESS_RULE_CAP',
      setting: 'departments',
    });
  });

  test('is refused where nobody can have the role that must decide', () => {
    const rules = parse(changed('approvers: data-owners', 'approvers: nobody'));
    expect(refused({}, rules)).toMatchObject({ code: 'ERR_ACCESS_APPROVERS_UNKNOWN', role: 'nobody' });
  });
});

describe('break-glass', () => {
  const emergency = {
    requester: { id: 'erin', roles: ['emergency-physicians'] },
    purpose: 'ETREAT',
    emergency: true,
    durationMs: 1_800_000,
  };

  test('is for those named beforehand, with a review, without a window, and tells who was skipped', () => {
    expect(find(emergency)).toMatchObject({
      emergency: { reviewMs: 172_800_000 },
      ruleDurationMs: 3_600_000,
      window: null,
      stages: [{ role: 'data-owners' }, { role: 'privacy-officers' }],
    });
  });

  test.each<[string, Partial<RuleQuestion>, Record<string, unknown>]>([
    ['somebody else', { requester: QUESTION.requester }, { code: 'ERR_ACCESS_RULE_EMERGENCY' }],
    [
      'no emergency',
      { purpose: 'TREAT' },
      { code: 'ERR_ACCESS_RULE_PURPOSE', expected: EMERGENCY_PURPOSES.join(', ') },
    ],
    ['longer than its own cap', { durationMs: 3_600_001 }, { code: 'ERR_ACCESS_RULE_CAP', limit: 60 }],
    ['other fields', { fields: [{ path: 'zip', tags: ['PHI_ZIP'] }] }, { code: 'ERR_ACCESS_RULE_FIELD' }],
  ])('is refused to %s', (_, change, expected) => {
    expect(refused({ ...emergency, ...change })).toMatchObject(expected);
  });

  test('gives no right to ask in the ordinary way', () => {
    expect(refused({ requester: emergency.requester })).toMatchObject({ code: 'ERR_ACCESS_RULE_REQUESTER' });
  });

  test('is refused where nobody could review it', () => {
    const rules = parse(RULES, { ...WORDS, roles: { ...WORDS.roles, 'privacy-officers': [] } });
    expect(refused(emergency, rules)).toMatchObject({
      code: 'ERR_ACCESS_APPROVERS_UNKNOWN',
      role: 'privacy-officers',
    });
  });
});

describe('the lint', () => {
  test('finds roles that nobody can have and topics that no policy covers', () => {
    const roles = { ...WORDS.roles, 'privacy-officers': [] };
    const found = lintAccessRules(parse(RULES), { roles, topics: new Set(['clinical.claims']) });
    expect(found.map(({ code, context: { line, role, topic } }) => [code, line, role ?? topic])).toEqual([
      ['ERR_ACCESS_APPROVERS_UNKNOWN', 2, 'privacy-officers'],
      ['ERR_ACCESS_RULE_UNCOVERED', 2, 'clinical.encounters'],
      ['ERR_ACCESS_RULE_UNCOVERED', 16, 'clinical.encounters'],
    ]);
  });

  test('finds nothing in rules that fit their site, and asks for no topics where they are not known', () => {
    expect(
      lintAccessRules(parse(RULES), { roles: WORDS.roles, topics: new Set(['clinical.encounters']) }),
    ).toEqual([]);
    expect(lintAccessRules(parse(RULES), { roles: WORDS.roles, topics: null })).toEqual([]);
  });
});

test('purposes are codes of HL7, those of break-glass marked', () => {
  expect(Object.keys(PURPOSES)).toEqual(
    expect.arrayContaining(['TREAT', 'HPAYMT', 'HOPERAT', 'HRESCH', 'HLEGAL']),
  );
  expect(EMERGENCY_PURPOSES).toEqual(['ETREAT', 'ERTREAT', 'BTG']);
});
