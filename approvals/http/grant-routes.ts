/**
 * The routes of grants and locks: look, revoke, review, resume, lock. They turn bodies into acts at the desk and its
 * answers into JSON; they decide nothing.
 */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AccessDesk } from '../access-desk.ts';
import type { GrantRecord } from '../access-state.ts';
import {
  grantAnswer,
  grantSchema,
  grantWithHistorySchema,
  historyAnswer,
  lockAnswer,
  lockSchema,
} from './answer-schemas.ts';
import { BEARER, READING, WRITING, answers, idParams } from './answers.ts';
import { named, reasonText } from './api-schemas.ts';
import { actOf, callerOf, idempotencyHeaders } from './caller.ts';

const PAGE_MAX = 500;

export const reasonBody = named('Reason', z.strictObject({ reason: reasonText }));
export const reviewBody = named('Review', z.strictObject({ justified: z.boolean(), reason: reasonText }));
export const lockBody = named(
  'NewLock',
  z.strictObject({
    target: lockSchema.shape.target,
    value: z.string().min(1).max(300).meta({
      description: 'a person, a principal User:..., a topic, a tag, or the identifier of a patient',
    }),
    reason: reasonText,
  }),
);
const listQuery = z.strictObject({
  state: grantSchema.shape.state.optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
  skip: z.coerce.number().int().min(0).max(1_000_000).default(0),
});
const grantList = named('GrantList', z.object({ grants: z.array(grantSchema), total: z.int() }));
const lockList = named('LockList', z.object({ locks: z.array(lockSchema) }));

export interface GrantRouteServices {
  readonly desk: AccessDesk;
  /** The name of a grant's topic. */
  readonly grantTopic: (grantId: string) => string;
}

export function grantRoutes(app: FastifyInstance, services: GrantRouteServices): void {
  const { desk } = services;
  const answer = (record: GrantRecord) => grantAnswer(record, services.grantTopic(record.grant.grant_id));
  readingRoutes(app, desk, answer);
  const api = app.withTypeProvider<ZodTypeProvider>();
  const writing = (operationId: string, summary: string) => ({
    operationId,
    summary,
    security: BEARER,
    headers: idempotencyHeaders,
    params: idParams,
    response: answers(200, 'The grant after it.', grantSchema, WRITING),
  });
  api.route({
    method: 'POST',
    url: '/v1/grants/:id/revoke',
    config: { refusal: 'grant.revoke_refused' },
    schema: { ...writing('revokeGrant', 'End a grant at once'), body: reasonBody },
    handler: async (request) =>
      answer(await desk.revoke(actOf(request), request.params.id, request.body.reason)),
  });
  api.route({
    method: 'POST',
    url: '/v1/grants/:id/resume',
    config: { refusal: 'grant.resume_refused' },
    schema: { ...writing('resumeGrant', 'Let a suspended grant go on'), body: reasonBody },
    handler: async (request) =>
      answer(await desk.resume(actOf(request), request.params.id, request.body.reason)),
  });
  api.route({
    method: 'POST',
    url: '/v1/grants/:id/review',
    config: { refusal: 'breakglass.review_refused' },
    schema: { ...writing('reviewGrant', 'Say whether emergency access was justified'), body: reviewBody },
    handler: async (request) => {
      const { justified, reason } = request.body;
      return answer(await desk.review(actOf(request), request.params.id, justified, reason));
    },
  });
  lockRoutes(app, desk);
}

function readingRoutes(
  app: FastifyInstance,
  desk: AccessDesk,
  answer: (record: GrantRecord) => z.infer<typeof grantSchema>,
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.route({
    method: 'GET',
    url: '/v1/grants',
    schema: {
      operationId: 'listGrants',
      summary: 'Grants that the caller has to do with; newest first',
      security: BEARER,
      querystring: listQuery,
      response: answers(200, 'Grants.', grantList, READING),
    },
    handler: async (request) => {
      const { state, limit, skip } = request.query;
      const found = desk.grants(callerOf(request)).filter(({ grant }) => !state || grant.state === state);
      return { grants: found.slice(skip, skip + limit).map((record) => answer(record)), total: found.length };
    },
  });
  api.route({
    method: 'GET',
    url: '/v1/grants/:id',
    schema: {
      operationId: 'getGrant',
      summary: 'One grant with its history',
      security: BEARER,
      params: idParams,
      response: answers(200, 'The grant.', grantWithHistorySchema, READING),
    },
    handler: async (request) => {
      const record = desk.grant(callerOf(request), request.params.id);
      return { ...answer(record), history: historyAnswer(record.history) };
    },
  });
}

function lockRoutes(app: FastifyInstance, desk: AccessDesk): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const config = { refusal: 'lock.refused' };
  api.route({
    method: 'POST',
    url: '/v1/locks',
    config,
    schema: {
      operationId: 'placeLock',
      summary: 'Stop every grant of a person, principal, topic, tag or patient',
      security: BEARER,
      headers: idempotencyHeaders,
      body: lockBody,
      response: answers(201, 'The lock.', lockSchema, WRITING),
    },
    handler: async (request, reply) => {
      const { target, value, reason } = request.body;
      const placed = await desk.lock(actOf(request), target, value, reason);
      return reply.code(201).send(lockAnswer(placed));
    },
  });
  api.route({
    method: 'GET',
    url: '/v1/locks',
    config,
    schema: {
      operationId: 'listLocks',
      summary: 'Locks in force',
      security: BEARER,
      response: answers(200, 'Locks.', lockList, READING),
    },
    handler: async (request) => ({
      locks: desk.locks(callerOf(request)).map((lock) => lockAnswer(lock)),
    }),
  });
  api.route({
    method: 'DELETE',
    url: '/v1/locks/:id',
    config,
    schema: {
      operationId: 'liftLock',
      summary: 'Lift a lock; what it suspended stays so until it is resumed',
      security: BEARER,
      headers: idempotencyHeaders,
      params: idParams,
      response: answers(200, 'The lock, lifted.', lockSchema, [...READING, 409]),
    },
    handler: async (request) => lockAnswer(await desk.unlock(actOf(request), request.params.id)),
  });
}
