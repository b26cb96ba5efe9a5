/**
 * Refusals of the API in the words of the command line: what the API calls a member of a body is an option here, and what
 * the person typed wrongly is an argument. What no row names stays as the API says it.
 */
import { REASON_LENGTH } from '../approvals/http/api-schemas.ts';
import type { Problem } from '../approvals/http/problem.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { ApiRefusal } from './api-refusal.ts';

/** What stands for a member on the command line, and what completes "must be ...". */
type Argument = readonly [name: string, expected: string];

const FIELDS: Argument = ['--fields', 'at most 200 paths or tags of `gauze explain`, with commas between'];
const DURATION: Argument = ['--for', 'at most 366d'];
const RECORDS: Argument = ['--records', 'a whole number from 1 on'];
const PERSONS: Argument = ['--persons', 'a whole number from 1 on'];
const PERSON: Argument = ['--person', 'at most 1,000 ids, each at most 200 characters long'];
const FROM: Argument = ['--from', 'a time with its zone, such as 2026-03-01T08:00:00Z'];
const TO: Argument = ['--to', 'a time with its zone, such as 2026-03-01T08:00:00Z'];

/** By place in a request, without what stands below a member. */
export const ARGUMENTS: Readonly<Record<string, Argument>> = {
  'params/id': ['id', 'the 16 letters and digits that `gauze requests` and `gauze grants` show'],
  'querystring/state': ['--state', 'a state that `gauze requests` shows, such as pending'],
  'body/topic': ['topic', 'the name of a raw topic'],
  'body/fields': FIELDS,
  'body/baseAudience': ['--audience', 'the name of an audience that has a policy'],
  'body/beneficiary': ['--beneficiary', 'a Kafka principal, such as User:research-app'],
  'body/purpose': [
    '--purpose',
    'a code of HL7 PurposeOfUse, such as TREAT, HOPERAT or HRESCH; with --emergency ETREAT, ERTREAT or BTG',
  ],
  'body/reason': ['--reason', `${REASON_LENGTH.min} to ${REASON_LENGTH.max} characters long`],
  'body/ticket': ['--ticket', 'at most 64 letters, digits and . _ # / -'],
  'body/durationMinutes': DURATION,
  'body/maxRecords': RECORDS,
  'body/maxPersons': PERSONS,
  'body/from': FROM,
  'body/to': TO,
  'body/persons': PERSON,
  'body/extendsGrant': ['--extends', 'the id of a grant, as `gauze grants` shows it'],
  'body/emergencyCode': ['--emergency', 'a word of the site in capitals, such as MASS_CASUALTY'],
  'body/narrow/fields': FIELDS,
  'body/narrow/durationMinutes': DURATION,
  'body/narrow/maxRecords': RECORDS,
  'body/narrow/maxPersons': PERSONS,
};

/** Members that sentences of the table of errors name. */
const MEMBERS: Readonly<Record<string, string>> = {
  durationMinutes: '--for, in minutes',
  maxRecords: '--records',
  maxPersons: '--persons',
  persons: '--person',
};

/** The error for a refusal of what was sent: ERR_USAGE_ARGUMENT where all of it is about arguments. */
export function refusalOf(problem: Problem, body: Readonly<Record<string, unknown>> = {}): Error {
  const { code, errors = [] } = problem;
  const wrong = errors.map(({ at }) => argumentAt(at));
  const isKnown = wrong.length > 0 && wrong.every((each) => each !== null);
  if (code === 'ERR_HTTP_INVALID' && isKnown)
    return new GauzeErrors(
      [...new Map(wrong)].map(([setting, expected]) => {
        return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected });
      }),
    );
  return new ApiRefusal({ ...problem, title: inOurWords(problem, body['fields']) });
}

function argumentAt(place: string): Argument | null {
  for (let at = place; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    const argument = Object.hasOwn(ARGUMENTS, at) ? ARGUMENTS[at] : undefined;
    if (argument) return argument;
  }
  return null;
}

/** `fields[1]` is the second word behind --fields. */
function inOurWords({ code, title }: Problem, fields: unknown): string {
  if (code === 'ERR_ACCESS_RULE_CAP')
    return title.replace(/\b[a-z]+[A-Za-z]*(?=\.$)/, (member) => MEMBERS[member] ?? member);
  if (code === 'ERR_ACCESS_REASON_PHI') return title.replace(/^(?=(?:reason|ticket) )/, '--');
  if (code !== 'ERR_ACCESS_FIELD_UNKNOWN' || !Array.isArray(fields)) return title;
  return title.replace(/^fields\[(\d+)\]/, (place, at) => {
    const word: unknown = fields[Number(at)];
    return typeof word === 'string' ? word : place;
  });
}
