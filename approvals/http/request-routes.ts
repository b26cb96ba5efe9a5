/**
 * The routes of requests: ask, look, preview, decide, withdraw, break the glass. They turn bodies into acts at the
 * desk and its answers into JSON; they decide nothing.
 */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AccessDesk } from '../access-desk.ts';
import type { Preview } from '../preview.ts';
import { historyAnswer, requestAnswer, requestSchema, requestWithHistorySchema } from './answer-schemas.ts';
import { BEARER, READING, WRITING, answers, idParams } from './answers.ts';
import { named } from './api-schemas.ts';
import { actOf, callerOf, idempotencyHeaders } from './caller.ts';
import { previewSchema } from './preview-schema.ts';
import {
  breakGlassBody,
  decisionBody,
  narrowingOf,
  questionOf,
  replayBody,
  replayOf,
  submitBody,
  withdrawBody,
} from './request-bodies.ts';

const PAGE_MAX = 500;

const listQuery = z.strictObject({
  state: requestSchema.shape.state.optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
  before: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .meta({ description: '`next` of the page before' }),
});
const requestList = named(
  'RequestList',
  z.object({ requests: z.array(requestSchema), next: z.int().nullable() }),
);

/** What the routes stand on. */
export interface RequestRouteServices {
  readonly desk: AccessDesk;
  readonly preview: Preview;
}

export function requestRoutes(app: FastifyInstance, { desk, preview }: RequestRouteServices): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.route({
    method: 'POST',
    url: '/v1/requests',
    schema: {
      operationId: 'submitRequest',
      summary: 'Ask for fields in clear',
      security: BEARER,
      headers: idempotencyHeaders,
      body: submitBody,
      response: answers(201, 'The request, as it now waits for decisions.', requestSchema, WRITING),
    },
    handler: async (request, reply) => {
      const { body } = request;
      const question = { ...questionOf(body), extendsGrant: body.extendsGrant ?? null, emergencyCode: null };
      const made = await desk.submit(actOf(request), question);
      return reply
        .code(201)
        .header('location', `/v1/requests/${made.id}`)
        .send(requestAnswer(made, callerOf(request)));
    },
  });
  api.route({
    method: 'POST',
    url: '/v1/break-glass',
    config: { refusal: 'breakglass.refused' },
    schema: {
      operationId: 'breakGlass',
      summary: 'Go ahead in an emergency; a privacy officer reviews it afterwards',
      security: BEARER,
      headers: idempotencyHeaders,
      body: breakGlassBody,
      response: answers(201, 'The request, approved; its grant has the same id.', requestSchema, WRITING),
    },
    handler: async (request, reply) => {
      const { emergencyCode } = request.body;
      const question = { ...questionOf(request.body), extendsGrant: null, emergencyCode };
      const made = await desk.submit(actOf(request), question);
      return reply
        .code(201)
        .header('location', `/v1/grants/${made.id}`)
        .send(requestAnswer(made, callerOf(request)));
    },
  });
  replayRoute(app, desk);
  readingRoutes(app, desk);
  decidingRoutes(app, desk);
  api.route({
    method: 'POST',
    url: '/v1/requests/:id/preview',
    config: { refusal: 'request.preview_refused' },
    schema: {
      operationId: 'previewRequest',
      summary: 'What it would reveal and to how many records and persons; reads no raw data',
      description: 'Each call is an audit event, written before the answer.',
      security: BEARER,
      params: idParams,
      querystring: z.strictObject({
        sample: z
          .enum(['true', 'false'])
          .default('false')
          .meta({ description: 'also up to 5 sanitized records' }),
      }),
      response: answers(200, 'Counts, fields, and what would do as well.', previewSchema, WRITING),
    },
    handler: async (request) => {
      const by = callerOf(request);
      const { sample } = request.query;
      return await preview.of(by, desk.request(by, request.params.id), sample === 'true');
    },
  });
}

function replayRoute(app: FastifyInstance, desk: AccessDesk): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/v1/replays',
    schema: {
      operationId: 'submitReplay',
      summary: 'Ask for the replay of an audit event: nothing is revealed, the result is a comparison',
      security: BEARER,
      headers: idempotencyHeaders,
      body: replayBody,
      response: answers(201, 'The request, as it now waits for decisions.', requestSchema, WRITING),
    },
    handler: async (request, reply) => {
      const made = await desk.submitReplay(actOf(request), replayOf(request.body));
      return reply
        .code(201)
        .header('location', `/v1/requests/${made.id}`)
        .send(requestAnswer(made, callerOf(request)));
    },
  });
}

function readingRoutes(app: FastifyInstance, desk: AccessDesk): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.route({
    method: 'GET',
    url: '/v1/requests',
    schema: {
      operationId: 'listRequests',
      summary: 'Requests that the caller asked for, decides about, supervises or audits; newest first',
      security: BEARER,
      querystring: listQuery,
      response: answers(200, 'A page of requests.', requestList, READING),
    },
    handler: async (request) => {
      const { state, limit, before } = request.query;
      const by = callerOf(request);
      const found = desk
        .requests(by)
        .filter((each) => (!state || each.state === state) && (before === undefined || each.offset < before));
      const page = found.slice(0, limit);
      const next = found.length > page.length ? (page.at(-1)?.offset ?? null) : null;
      return { requests: page.map((each) => requestAnswer(each, by)), next };
    },
  });
  api.route({
    method: 'GET',
    url: '/v1/requests/:id',
    schema: {
      operationId: 'getRequest',
      summary: 'One request with its history',
      security: BEARER,
      params: idParams,
      response: answers(200, 'The request.', requestWithHistorySchema, READING),
    },
    handler: async (request) => {
      const by = callerOf(request);
      const found = desk.request(by, request.params.id);
      return { ...requestAnswer(found, by), history: historyAnswer(found.history) };
    },
  });
}

function decidingRoutes(app: FastifyInstance, desk: AccessDesk): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  api.route({
    method: 'POST',
    url: '/v1/requests/:id/decisions',
    config: { refusal: 'decision.refused' },
    schema: {
      operationId: 'decide',
      summary: 'Approve, narrow or deny',
      security: BEARER,
      headers: idempotencyHeaders,
      params: idParams,
      body: decisionBody,
      response: answers(200, 'The request after the decision.', requestSchema, WRITING),
    },
    handler: async (request) => {
      const { decision, scopeHash, narrow, reason } = request.body;
      const decided = await desk.decide(actOf(request), request.params.id, {
        approve: decision === 'approve',
        scopeSha256: Buffer.from(scopeHash, 'hex'),
        narrow: narrow ? narrowingOf(narrow) : null,
        reason,
      });
      return requestAnswer(decided, callerOf(request));
    },
  });
  api.route({
    method: 'POST',
    url: '/v1/requests/:id/withdraw',
    config: { refusal: 'request.withdraw_refused' },
    schema: {
      operationId: 'withdraw',
      summary: 'Take a pending request back',
      security: BEARER,
      headers: idempotencyHeaders,
      params: idParams,
      body: withdrawBody,
      response: answers(200, 'The request, withdrawn.', requestSchema, WRITING),
    },
    handler: async (request) => {
      const withdrawn = await desk.withdraw(actOf(request), request.params.id, request.body.reason ?? null);
      return requestAnswer(withdrawn, callerOf(request));
    },
  });
}
