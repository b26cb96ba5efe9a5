/**
 * Promises of refusals in the terminal: what the API refuses of a call is told as an argument of the verb, in sentences of
 * the table of errors; no member of a body, no status, no list named `errors`. The API is the real one.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failureOf, problemOf, problemSchema } from '../../approvals/http/problem.ts';
import { breakGlassBody, submitBody } from '../../approvals/http/request-bodies.ts';
import { ARGUMENTS, refusalOf } from '../../cli/refused-call.ts';
import { ApiRefusal } from '../../cli/api-refusal.ts';
import { GauzeError, GauzeErrors } from '../../platform/errors.ts';
import { ANA, BEN, DORA } from '../approvals/access-fixture.ts';
import { TestApi, questionOf } from '../approvals/api-fixture.ts';

let api: TestApi;

beforeEach(async () => {
  api = await TestApi.make();
});
afterEach(async () => {
  await api.server.close();
});

/** What the terminal tells of a refused call, one text for each error: message, then what to do. */
async function told(
  method: 'GET' | 'POST',
  url: string,
  body?: object,
  by = ANA,
): Promise<readonly string[]> {
  const answer = await api.send(by, method, url, body);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  const problem = problemSchema.parse(answer.body);
  const error = refusalOf(problem, { ...body });
  if (error instanceof GauzeErrors) return error.errors.map(({ message, action }) => `${message} ${action}`);
  expect(error).toBeInstanceOf(ApiRefusal);
  return [`${error.message}\n${(error as ApiRefusal).action}`];
}

/** The same of what a rule refuses, as the API answers it. */
function refused(thrown: Error, body: Readonly<Record<string, unknown>> = {}): string {
  const error = refusalOf(problemOf(failureOf(thrown), 'a1'), body);
  return `${error.message}\n${(error as ApiRefusal).action}`;
}

const asked = async (given: object): Promise<readonly string[]> =>
  await told('POST', '/v1/requests', questionOf(given));

describe('what was typed wrongly', () => {
  test.each([
    [{ reason: 'short' }, 'The argument --reason must be 10 to 2000 characters long.'],
    [{ durationMinutes: 1_000_000 }, 'The argument --for must be at most 366d.'],
    [{ fields: ['mrn', '1;'] }, 'The argument --fields must be at most 200 paths or tags'],
    [{ purpose: 'FUN' }, 'The argument --purpose must be a code of HL7 PurposeOfUse'],
    [{ baseAudience: 'Research' }, 'The argument --audience must be the name of an audience'],
    [
      { beneficiary: 'ana' },
      'The argument --beneficiary must be a Kafka principal, such as User:research-app.',
    ],
    [{ from: 'yesterday' }, 'The argument --from must be a time with its zone'],
    [{ extendsGrant: 'x' }, 'The argument --extends must be the id of a grant'],
  ])('is told as an argument: %j', async (given, sentence) => {
    expect(await asked(given)).toEqual([expect.stringContaining(sentence)]);
  });

  test('is told all at once, each argument once', async () => {
    const all = await asked({ reason: '', fields: ['1', '2'], persons: ['', ''] });
    expect(all.map((text) => /--\w+/.exec(text)?.[0] ?? '').toSorted()).toEqual([
      '--fields',
      '--person',
      '--reason',
    ]);
  });

  test('is told of an id that is none', async () => {
    for (const path of ['requests', 'grants'])
      expect(await told('GET', `/v1/${path}/${encodeURIComponent('not/an id')}`)).toEqual([
        expect.stringContaining('The argument id must be the 16 letters and digits'),
      ]);
  });

  test('has a row for every member that the verbs send', () => {
    const members = [submitBody, breakGlassBody].flatMap(({ shape }) => Object.keys(shape));
    for (const member of members) expect(Object.keys(ARGUMENTS)).toContain(`body/${member}`);
  });
});

describe('what is refused by rules and states', () => {
  test('names options and words that were typed, not members of a body', () => {
    const rule = { setting: 'encounters-raw', limit: 480 };
    const cap = (expected: string): string =>
      refused(new GauzeError('ERR_ACCESS_RULE_CAP', { ...rule, expected }));
    expect(cap('durationMinutes')).toBe(
      'The rule encounters-raw allows from 1 to 480 as --for, in minutes.\nAsk for less.',
    );
    for (const [member, option] of [
      ['maxRecords', '--records'],
      ['maxPersons', '--persons'],
      ['persons', '--person'],
    ] as const)
      expect(cap(member)).toContain(` as ${option}.`);
    const field = new GauzeError('ERR_ACCESS_FIELD_UNKNOWN', { setting: 'fields[1]' });
    expect(refused(field, { fields: ['mrn', 'shoeSize'] })).toMatch(
      /^shoeSize is neither a field of the topic/,
    );
    const phi = new GauzeError('ERR_ACCESS_REASON_PHI', { setting: 'reason', expected: 'a phone number' });
    expect(refused(phi)).toMatch(/^--reason holds what looks like an identifier of a patient/);
  });

  test('tells the state that it is in, in a sentence', async () => {
    const { id, scopeHash } = await api.asked();
    const reason = 'agreed in the morning round';
    await api.send(DORA, 'POST', `/v1/requests/${id}/decisions`, { decision: 'deny', scopeHash, reason });
    const body = { decision: 'approve', scopeHash, reason };
    const [late] = await told('POST', `/v1/requests/${id}/decisions`, body, BEN);
    expect(late).toMatch(/^[A-Z].*\.\n[A-Z].*\.\nIts state is DENIED\.$/);
  });

  test('is whole sentences throughout', async () => {
    const several = [
      new GauzeError('ERR_ACCESS_RULE_FIELD', { setting: 'encounters-raw', path: 'ssn' }),
      new GauzeError('ERR_ACCESS_RULE_FIELD', { setting: 'encounters-raw', path: 'mrn' }),
    ];
    const calls = [
      ...(await told('GET', '/v1/requests/0123456789abcdef')),
      ...(await told('POST', '/v1/grants/0123456789abcdef/revoke', { reason: 'no longer needed' })),
      refused(new GauzeErrors(several)),
      refused(new GauzeError('ERR_ACCESS_TOPIC_UNKNOWN', {})),
    ];
    expect(calls[2]?.match(/does not let \w+ be asked for/g)).toHaveLength(2);
    for (const text of calls) {
      for (const line of text.split('\n')) expect(line).toMatch(/[.`]$/);
      expect(text).not.toMatch(/`errors`|openapi|\b[45]\d\d\b|body\/|durationMinutes|maxRecords/);
    }
  });
});
