/**
 * Turns what forms send into the bodies of the API, and has them checked by the same schemas. Each fault is tied to
 * the input that it is about. Nothing that was typed gets into an error.
 */
import type { z } from 'zod';
import { GauzeError, GauzeErrors } from '../../platform/errors.ts';
import type { Scope } from '../../schemas/access-codecs.ts';
import { lockBody, reasonBody, reviewBody } from '../http/grant-routes.ts';
import type { Failure } from '../http/problem.ts';
import { breakGlassBody, decisionBody, submitBody, withdrawBody } from '../http/request-bodies.ts';
import { linesOf, momentOf, numberOf, valueOf, valuesOf } from './forms.ts';
import type { FormState, FormValues } from './forms.ts';

/** What each input must hold, for people. */
const EXPECTED: Readonly<Record<string, string>> = {
  topic: 'Choose a topic.',
  baseAudience: 'Choose an audience.',
  fields: 'Tick at least one field.',
  beneficiary: 'Give the Kafka user that will read, as User: and its name.',
  purpose: 'Choose a purpose.',
  reason: 'Give a reason of at least 10 characters.',
  ticket: 'Give a reference of letters, digits and . _ # / -, or nothing.',
  durationMinutes: 'Give a whole number of minutes, 1 or more.',
  maxRecords: 'Give a whole number of records, 1 or more.',
  maxPersons: 'Give a whole number of persons, 1 or more, or nothing.',
  from: 'Give a date and a time (UTC), or nothing.',
  to: 'Give a date and a time (UTC), or nothing.',
  persons: 'Give one identifier in each line, at most 1,000.',
  extendsGrant: 'Give the id of a grant, 16 characters, or nothing.',
  emergencyCode: "Give the site's word for the emergency: capital letters, digits, - and _.",
  justified: 'Say whether it was justified.',
  target: 'Choose what to lock.',
  value: 'Give what to lock.',
  patient: 'Give the id of a patient, as the records hold it.',
  day: 'Give a day, such as 2026-06-12.',
  principal: 'Give a Kafka user as User: and its name, an audience, or the id of a person, without blanks.',
  grant: 'Give the id of a grant, 16 characters.',
  partition: 'Give the number of a partition.',
  offset: 'Give an offset.',
};

const MINUTE_MS = 60_000;

export function questionBody(form: FormValues): z.output<typeof submitBody> {
  return checked(submitBody, { ...asked(form), extendsGrant: valueOf(form, 'extendsGrant') });
}

export function emergencyBody(form: FormValues): z.output<typeof breakGlassBody> {
  return checked(breakGlassBody, { ...asked(form), emergencyCode: valueOf(form, 'emergencyCode') });
}

function asked(form: FormValues): object {
  return {
    topic: valueOf(form, 'topic'),
    fields: valuesOf(form, 'fields'),
    baseAudience: valueOf(form, 'baseAudience'),
    beneficiary: valueOf(form, 'beneficiary'),
    purpose: valueOf(form, 'purpose'),
    reason: valueOf(form, 'reason'),
    ticket: valueOf(form, 'ticket'),
    durationMinutes: numberOf(form, 'durationMinutes'),
    maxRecords: numberOf(form, 'maxRecords'),
    maxPersons: numberOf(form, 'maxPersons'),
    from: momentOf(form, 'from'),
    to: momentOf(form, 'to'),
    persons: linesOf(form, 'persons'),
  };
}

/** A decision about `scope`; what the form leaves as it is narrows nothing. A policy has no scope. */
export function decisionOf(form: FormValues, scope: Scope | null): z.output<typeof decisionBody> {
  const decision = valueOf(form, 'decision');
  const narrow = decision === 'approve' && scope ? narrowing(form, scope) : {};
  return checked(decisionBody, {
    decision,
    scopeHash: valueOf(form, 'scopeHash'),
    reason: valueOf(form, 'reason'),
    ...(Object.keys(narrow).length > 0 ? { narrow } : {}),
  });
}

function narrowing(form: FormValues, scope: Scope): object {
  const fields = valuesOf(form, 'fields');
  const ticked = new Set(fields);
  const isAll = ticked.size === scope.fields.length && scope.fields.every(({ path }) => ticked.has(path));
  const caps = {
    maxRecords: scope.max_records,
    maxPersons: scope.max_persons,
    durationMinutes: scope.duration_ms / MINUTE_MS,
  };
  const changed = Object.entries(caps)
    .map(([name, present]) => ({ name, present, given: numberOf(form, name) }))
    .filter(({ present, given }) => given !== undefined && given !== present);
  return {
    ...(isAll ? {} : { fields }),
    ...Object.fromEntries(changed.map(({ name, given }) => [name, given])),
  };
}

export function withdrawalOf(form: FormValues): z.output<typeof withdrawBody> {
  return checked(withdrawBody, { reason: valueOf(form, 'reason') });
}

export function reasonOf(form: FormValues): string {
  return checked(reasonBody, { reason: valueOf(form, 'reason') }).reason;
}

export function reviewOf(form: FormValues): z.output<typeof reviewBody> {
  const word = valueOf(form, 'justified');
  const justified = word === 'yes' ? true : word === 'no' ? false : undefined;
  return checked(reviewBody, { justified, reason: valueOf(form, 'reason') });
}

export function lockOf(form: FormValues): z.output<typeof lockBody> {
  return checked(lockBody, {
    target: valueOf(form, 'target'),
    value: valueOf(form, 'value'),
    reason: valueOf(form, 'reason'),
  });
}

/** Throws GauzeErrors of ERR_HTTP_FORM_FIELD, each naming its input. */
export function checked<S extends z.ZodType>(schema: S, body: object): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const names = result.error.issues.map(({ path }) => inputOf(path));
  throw new GauzeErrors(
    [...new Set(names)].map((setting) => new GauzeError('ERR_HTTP_FORM_FIELD', { setting })),
  );
}

/** The input that a place of a body comes from; the name of a schema, never what was sent. */
function inputOf(path: readonly PropertyKey[]): string {
  const name = String(path[0] === 'narrow' ? (path[1] ?? 'fields') : path[0]);
  return Object.hasOwn(EXPECTED, name) ? name : 'form';
}

/** The input that a refusal of the rules is about. */
const INPUT_OF: Readonly<Record<string, string>> = {
  ERR_ACCESS_FIELD_UNKNOWN: 'fields',
  ERR_ACCESS_NOTHING_TO_REVEAL: 'fields',
  ERR_ACCESS_RULE_FIELD: 'fields',
  ERR_ACCESS_RULE_PURPOSE: 'purpose',
  ERR_ACCESS_OWNER_UNKNOWN: 'beneficiary',
  ERR_ACCESS_RANGE_EMPTY: 'from',
  ERR_ACCESS_LOCK_VALUE: 'value',
  ERR_ACCESS_EXTENDS: 'extendsGrant',
};

/** The form again: what was typed, and what of it is wrong; null where the failure is about no input. */
export function stateAfter(values: FormValues, { error, faults }: Failure): FormState | null {
  if (faults.length > 0 && error.code === 'ERR_HTTP_FORM_FIELD') {
    const texts = faults.map(({ at }) => [at, EXPECTED[at] ?? 'The form is not complete.'] as const);
    return { values, faults: new Map(texts) };
  }
  const { setting, expected } = error.context;
  const name = [INPUT_OF[error.code], setting, expected].find(
    (each) => each !== undefined && Object.hasOwn(EXPECTED, each),
  );
  const isUsage = error.kind === 'usage' && error.code.startsWith('ERR_ACCESS_');
  return name === undefined || !isUsage
    ? null
    : { values, faults: new Map([[name, sentence(`${error.message} ${error.action}`)]]) };
}

/** Messages that begin with the name of an input, as a sentence. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
