/**
 * The answers of a route as its schema lists them: what it gives, and every problem that can come instead, so that
 * the OpenAPI document holds no answer back.
 */
import { z } from 'zod';
import { PROBLEM_JSON, problemSchema } from './problem.ts';

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request cannot be read, or does not fit its description.',
  401: 'There is no token, or it is not one that counts here.',
  403: 'This person may not do this.',
  404: 'There is nothing of that id, or it is not for this person to see.',
  409: 'The present state does not allow it; `state` says which that is.',
  413: 'The body is too large.',
  415: 'The body is not JSON.',
  422: 'It cannot be asked for or done like this; `code` says why.',
  429: 'Too many requests; Retry-After says how long to wait.',
  500: 'Something failed that should not.',
  503: 'Something that is needed does not answer now.',
};

/** Of every route. */
const ALWAYS = [400, 429, 500, 503] as const;
/** Of routes that need a log-in. */
export const READING = [401, 403, 404, 422] as const;
/** Of routes that take a body. */
export const WRITING = [...READING, 409, 413, 415] as const;

interface Answer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** `schema` under `status`, and the problems that may come instead. */
export function answers(
  status: 200 | 201,
  description: string,
  schema: z.ZodType,
  problems: readonly number[],
): Record<number, Answer> {
  const all = [...new Set([...ALWAYS, ...problems])].sort((a, b) => a - b);
  return {
    [status]: { description, content: { 'application/json': { schema } } },
    ...Object.fromEntries(all.map((each) => [each, problemAnswer(each)])),
  };
}

function problemAnswer(status: number): Answer {
  return {
    description: MEANINGS[status] ?? 'A problem.',
    content: { [PROBLEM_JSON]: { schema: problemSchema } },
  };
}

/** The path parameter of what has an id. */
export const idParams = z.object({ id: z.string().regex(/^[0-9a-f]{16}$/) });

/** What routes that need a log-in say in the document. */
export const BEARER = [{ bearer: [] }];
