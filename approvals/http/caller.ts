/**
 * Who makes a request of the API, and under which idempotency key. A route below an authenticated scope runs only
 * with a caller; the token itself goes no further than to the function that checks it.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { Act } from '../access-desk.ts';
import { rateLimit } from './server.ts';

/** Checks the header `Authorization`; throws an error that is answered with 401 or 403. */
export type Authenticate = (authorization: string | undefined) => Promise<AccessActor>;

const callers = new WeakMap<FastifyRequest, AccessActor>();

/** A key of the caller's choice: the same key of the same person for the same path counts once. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{8,100}$/)
    .optional(),
});

/** From here on every route of `app` needs a caller, and each caller has so many requests in a minute. */
export function authenticated(app: FastifyInstance, authenticate: Authenticate, perPerson: number): void {
  app.addHook('onRequest', async (request, reply) => {
    try {
      callers.set(request, await authenticate(request.headers.authorization));
    } catch (error) {
      // RFC 6750, 3: an answer of 401 says how to log in.
      reply.header('www-authenticate', 'Bearer');
      throw error;
    }
  });
  app.addHook(
    'onRequest',
    rateLimit(app, perPerson, 'person', (request) => callerOf(request).id),
  );
}

/** Says who makes a request, where another log-in than the API's has found that out: that of the pages. */
export function identify(request: FastifyRequest, caller: AccessActor): void {
  callers.set(request, caller);
}

/** Who asks; only below `authenticated`, or after `identify`. */
export function callerOf(request: FastifyRequest): AccessActor {
  const caller = callers.get(request);
  if (!caller) throw new GauzeError('ERR_INTERNAL', { causeName: 'NoCaller' });
  return caller;
}

/** Who asks, or null where nobody has logged in (yet). */
export function knownCaller(request: FastifyRequest): AccessActor | null {
  return callers.get(request) ?? null;
}

/**
 * The caller's act. Of the key only a hash goes on: what the caller wrote into it is nobody's business.
 * @param key the idempotency key; that of the header where left out
 */
export function actOf(
  request: FastifyRequest,
  key: string | string[] | undefined = request.headers['idempotency-key'],
): Act {
  const text = typeof key === 'string' ? key : null;
  const path = `${request.method} ${request.routeOptions.url} ${JSON.stringify(request.params)}`;
  const digest = text === null ? null : createHash('sha256').update(`${path}\n${text}`).digest('hex');
  return { by: callerOf(request), idempotencyKey: digest?.slice(0, 32) ?? null };
}
