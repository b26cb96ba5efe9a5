import { describe, expect, test } from '@jest/globals';
import { failureOf } from '../../../approvals/http/problem.ts';
import {
  decisionOf,
  emergencyBody,
  lockOf,
  questionBody,
  reviewOf,
  stateAfter,
} from '../../../approvals/pages/form-bodies.ts';
import { formOf, formValues, linesOf, valueOf, valuesOf } from '../../../approvals/pages/forms.ts';
import type { FormValues } from '../../../approvals/pages/forms.ts';
import { GauzeError } from '../../../platform/errors.ts';
import { scopeOf } from '../access-fixture.ts';

const HASH = 'ab'.repeat(32);
const ASKED = {
  topic: 'clinical.encounters',
  fields: 'mrn',
  baseAudience: 'research',
  beneficiary: 'User:ana',
  purpose: 'TREAT',
  reason: 'follow-up of readmitted patients',
  durationMinutes: '60',
  maxRecords: '40',
};

function form(given: Readonly<Record<string, string | readonly string[]>>): FormValues {
  const search = new URLSearchParams();
  for (const [name, values] of Object.entries(given))
    for (const value of [values].flat()) search.append(name, value);
  return formOf(formValues(search.toString()));
}

/** The inputs that a form is refused for. */
function refusedFor(work: () => unknown, values: FormValues): readonly string[] {
  try {
    work();
  } catch (thrown) {
    const failure = failureOf(thrown);
    expect(failure.status).toBe(400);
    return [...(stateAfter(values, failure)?.faults.keys() ?? [])].toSorted();
  }
  return [];
}

describe('what a browser sends', () => {
  test('is a list of values for each name, whatever the names are', () => {
    const values = formValues('a=1&a=2&b=&__proto__=x&constructor=y&toString=z');
    expect(valuesOf(formOf(values), 'a')).toEqual(['1', '2']);
    expect(valueOf(formOf(values), 'b')).toBeUndefined();
    expect(valueOf({}, 'toString')).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('x');
    expect(valueOf(formOf(formValues('')), '__proto__')).toBeUndefined();
  });

  test('is cut off where it has more than any form of ours', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => `n${i}=1`).join('&');
    expect(Object.keys(formValues(many)).length).toBeLessThanOrEqual(100);
    expect(formValues('a=1&'.repeat(5_000))['a']?.length).toBeLessThanOrEqual(2_000);
  });

  test('may be no form at all', () => {
    for (const body of [undefined, null, 'text', 7, { a: 'text' }]) expect(formOf(body)).toEqual({});
  });

  test('has lines of any system, without those that are empty', () => {
    expect(linesOf(form({ persons: 'A-1\r\n\r\n  A-2 \nA-3\r' }), 'persons')).toEqual(['A-1', 'A-2', 'A-3']);
    expect(linesOf(form({ persons: ' \r\n ' }), 'persons')).toBeUndefined();
  });
});

describe('a request from a form', () => {
  test('is the one that the API takes', () => {
    const body = questionBody(
      form({
        ...ASKED,
        fields: ['mrn', 'notes[].text'],
        persons: 'A-1\nA-2',
        from: '2026-03-01T10:30',
        ticket: '',
      }),
    );
    expect(body).toEqual({
      ...ASKED,
      fields: ['mrn', 'notes[].text'],
      durationMinutes: 60,
      maxRecords: 40,
      persons: ['A-1', 'A-2'],
      from: '2026-03-01T10:30:00Z',
    });
  });

  test.each([
    ['no field', { fields: [] }, ['fields']],
    ['no reason', { reason: '  ' }, ['reason']],
    ['a number that is none', { maxRecords: '1e3' }, ['maxRecords']],
    [
      'several faults',
      { maxRecords: '0', durationMinutes: '', from: 'tomorrow' },
      ['durationMinutes', 'from', 'maxRecords'],
    ],
    ['a purpose that there is not', { purpose: 'FUN' }, ['purpose']],
  ])('is refused with %s, and each fault is tied to its input', (_what, given, names) => {
    const values = form({ ...ASKED, ...given });
    expect(refusedFor(() => questionBody(values), values)).toEqual(names);
  });

  test('of an emergency needs the kind of emergency', () => {
    const values = form({ ...ASKED, purpose: 'ETREAT' });
    expect(refusedFor(() => emergencyBody(values), values)).toEqual(['emergencyCode']);
    expect(emergencyBody(form({ ...ASKED, purpose: 'ETREAT', emergencyCode: 'RESUS' })).emergencyCode).toBe(
      'RESUS',
    );
  });
});

describe('a decision from a form', () => {
  const scope = scopeOf({ max_records: 40, duration_ms: 3_600_000, max_persons: 5 });
  const paths = scope.fields.map(({ path }) => path);
  const shown = {
    decision: 'approve',
    scopeHash: HASH,
    reason: 'agreed in the morning round',
    fields: paths,
    maxRecords: '40',
    maxPersons: '5',
    durationMinutes: '60',
  };

  test('narrows nothing where nothing was changed', () => {
    expect(decisionOf(form(shown), scope)).toEqual({
      decision: 'approve',
      scopeHash: HASH,
      reason: shown.reason,
    });
  });

  test('narrows by what was ticked off and lowered, and by nothing else', () => {
    expect(decisionOf(form({ ...shown, fields: paths.slice(0, 1), maxRecords: '7' }), scope).narrow).toEqual({
      fields: paths.slice(0, 1),
      maxRecords: 7,
    });
    expect(decisionOf(form({ ...shown, durationMinutes: '61' }), scope).narrow).toEqual({
      durationMinutes: 61,
    });
  });

  test('to deny narrows nothing, whatever is ticked', () => {
    expect(
      decisionOf(form({ ...shown, decision: 'deny', fields: [], maxRecords: '1' }), scope),
    ).not.toHaveProperty('narrow');
  });

  test('is refused without a field, without a reason, and without a word of yes or no', () => {
    for (const [given, name] of [
      [{ fields: [] }, 'fields'],
      [{ reason: 'short' }, 'reason'],
      [{ decision: '' }, 'form'],
      [{ scopeHash: 'x' }, 'form'],
    ] as const) {
      const values = form({ ...shown, ...given });
      expect(refusedFor(() => decisionOf(values, scope), values)).toEqual([name]);
    }
  });
});

test('a review says yes or no; a lock what it locks', () => {
  const reason = 'it was a resuscitation';
  expect(reviewOf(form({ justified: 'no', reason })).justified).toBe(false);
  const empty = form({ reason });
  expect(refusedFor(() => reviewOf(empty), empty)).toEqual(['justified']);
  expect(refusedFor(() => lockOf(empty), empty)).toEqual(['target', 'value']);
});

describe('a refusal by the rules', () => {
  test.each([
    [new GauzeError('ERR_ACCESS_REASON_PHI', { setting: 'reason', expected: 'a date' }), 'reason'],
    [
      new GauzeError('ERR_ACCESS_RULE_CAP', { setting: 'encounters', expected: 'maxRecords', limit: 9 }),
      'maxRecords',
    ],
    [new GauzeError('ERR_ACCESS_FIELD_UNKNOWN', { setting: 'fields[1]' }), 'fields'],
    [new GauzeError('ERR_ACCESS_OWNER_UNKNOWN', {}), 'beneficiary'],
  ])('is shown at the input that it is about', (error, name) => {
    expect([...(stateAfter({}, failureOf(error))?.faults.keys() ?? [])]).toEqual([name]);
  });

  test('that is about no input is not put to one', () => {
    for (const error of [
      new GauzeError('ERR_ACCESS_LATE', { state: 'DENIED' }),
      new GauzeError('ERR_REDIS_UNREACHABLE', { causeName: 'reason' }),
    ])
      expect(stateAfter({}, failureOf(error))).toBeNull();
  });
});
