/**
 * Problems as RFC 9457 has them: every answer that is no success. What they say comes from the table of errors and
 * from the shape of our own schemas; never a text of somebody else's, never what the caller sent.
 */
import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ZodFastifySchemaValidationError } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { GauzeError, GauzeErrors, ownError } from '../../platform/errors.ts';
import { statusOf } from './problem-status.ts';
import { named } from './api-schemas.ts';

/** RFC 9457, 3: the media type of problems. */
export const PROBLEM_JSON = 'application/problem+json';

/** The largest body that is taken, in bytes. */
export const BODY_BYTES_MAX = 64 * 1024;

/** Faults that are listed one by one; a caller who sends thousands learns the first ones. */
const FAULTS_LISTED = 20;

export const problemSchema = named(
  'Problem',
  z.object({
    type: z.string().meta({ description: 'urn:gauze:error: and the code' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'what to do' }),
    instance: z.string().meta({ description: 'urn:uuid: and the id of the HTTP request' }),
    code: z.string().regex(/^ERR_[A-Z_0-9]+$/),
    state: z.string().optional().meta({ description: 'the present state of what it was about' }),
    errors: z
      .array(z.object({ at: z.string(), code: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: 'each fault of the request, by place' }),
  }),
);

export type Problem = z.infer<typeof problemSchema>;

/** A fault of one place of a request. `at` is made of names of our schemas and of numbers. */
export interface Fault {
  readonly at: string;
  readonly code: string;
  readonly detail: string;
}

/** What is answered for an error, and why for the log. */
export interface Failure {
  readonly error: GauzeError;
  readonly status: number;
  readonly faults: readonly Fault[];
}

/** Turns whatever was thrown into what is answered: foreign errors keep nothing but their kind. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof GauzeErrors && thrown.errors[0]) {
    const [error] = thrown.errors;
    const faults = thrown.errors.slice(0, FAULTS_LISTED).map((each) => faultOf(each));
    return { error, status: statusOf(error), faults };
  }
  if (hasZodFastifySchemaValidationErrors(thrown)) return invalid(thrown);
  const error = thrown instanceof GauzeError ? thrown : foreign(thrown);
  return { error, status: statusOf(error), faults: [] };
}

/** The body of the answer. */
export function problemOf({ error, status, faults }: Failure, requestId: string): Problem {
  const { state } = error.context;
  return {
    type: `urn:gauze:error:${error.code}`,
    title: error.message,
    status,
    detail: error.action,
    instance: `urn:uuid:${requestId}`,
    code: error.code,
    ...(state === undefined ? {} : { state }),
    ...(faults.length === 0 ? {} : { errors: [...faults] }),
  };
}

function faultOf(error: GauzeError): Fault {
  return { at: error.context.setting ?? error.context.path ?? '', code: error.code, detail: error.message };
}

function invalid(thrown: {
  readonly validation: readonly ZodFastifySchemaValidationError[];
  readonly validationContext?: string | undefined;
}): Failure {
  const { validation } = thrown;
  const error = new GauzeError('ERR_HTTP_INVALID', { count: validation.length });
  const part = thrown.validationContext ?? 'body';
  const faults = validation.slice(0, FAULTS_LISTED).map(({ instancePath, keyword, params }) => ({
    at: instancePath === '/' ? part : `${part}${instancePath}`,
    code: keyword,
    detail: expectation(keyword, params),
  }));
  return { error, status: statusOf(error), faults };
}

/** What was expected, of numbers and formats that our schemas name; the words of zod may repeat what was sent. */
function expectation(keyword: string, params: Readonly<Record<string, unknown>>): string {
  const { minimum, maximum, expected, format, origin } = params;
  const of = origin === 'string' ? ' characters long' : origin === 'array' ? ' entries' : '';
  if (keyword === 'invalid_type') return `must be of the type ${word(expected)}`;
  if (keyword === 'too_small') return `must be at least ${word(minimum)}${of}`;
  if (keyword === 'too_big') return `must be at most ${word(maximum)}${of}`;
  if (keyword === 'invalid_format') return `must have the form ${word(format)} that the description gives`;
  if (keyword === 'invalid_value') return 'must be one of the values that the description lists';
  if (keyword === 'unrecognized_keys') return 'has a member that the description does not have';
  return 'does not fit the description';
}

function word(value: unknown): string {
  return typeof value === 'number' || (typeof value === 'string' && /^[a-z0-9_-]{1,40}$/.test(value))
    ? String(value)
    : 'described';
}

/** Errors of the HTTP framework by their codes; whatever else is thrown is a fault of ours. */
function foreign(thrown: unknown): GauzeError {
  const { code, statusCode } = (thrown ?? {}) as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge();
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new GauzeError('ERR_HTTP_MEDIA_TYPE', { expected: 'application/json' });
  if (code?.startsWith('FST_ERR_CTP_')) return new GauzeError('ERR_HTTP_BODY_SYNTAX', {});
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH' || code === 'FST_ERR_NOT_FOUND')
    return new GauzeError('ERR_HTTP_NOT_FOUND', {});
  if (statusCode === 413) return tooLarge();
  if (statusCode === 400) return new GauzeError('ERR_HTTP_BODY_SYNTAX', {});
  return ownError(thrown);
}

function tooLarge(): GauzeError {
  return new GauzeError('ERR_HTTP_TOO_LARGE', { limit: BODY_BYTES_MAX });
}
