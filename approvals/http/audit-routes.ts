/**
 * The routes of auditors: how the verification stands, and questions to the audit topics. They turn bodies into
 * questions at the audit desk and its answers into JSON; who may ask is decided there, and each question is on record
 * before its answer comes here.
 */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { AuditDesk } from '../audit-desk.ts';
import { assertAuditor } from '../audit-desk.ts';
import type { AuditAnswer, AuditQuestion } from '../audit-question.ts';
import { BEARER, READING, WRITING, answers } from './answers.ts';
import {
  disclosuresBody,
  disclosuresQuestion,
  eventBody,
  eventQuestion,
  exportsBody,
  exportsQuestion,
  generalBody,
  generalQuestion,
  grantBody,
  grantQuestion,
  principalBody,
  principalQuestion,
  whoSawBody,
  whoSawQuestion,
} from './audit-bodies.ts';
import {
  cutoffsSchema,
  disclosuresSchema,
  doublesSchema,
  eventSchema,
  exportsSchema,
  grantDeliverySchema,
  overdueSchema,
  principalSchema,
  whoSawSchema,
} from './audit-schemas.ts';
import { statusAnswer, statusSchema } from './audit-status-schema.ts';
import { callerOf } from './caller.ts';

/** How a refusal of one of these routes is called on record. */
export const AUDIT_REFUSAL = 'audit.refused';

/** One question as a route. */
interface QuestionRoute<B extends z.ZodType> {
  readonly operationId: string;
  readonly summary: string;
  readonly body: B;
  readonly question: (body: z.output<B>) => AuditQuestion;
  readonly answer: z.ZodType;
}

export function auditRoutes(app: FastifyInstance, desk: AuditDesk): void {
  statusRoute(app, desk);
  const ask = <B extends z.ZodType>(path: string, route: QuestionRoute<B>): void =>
    questionRoute(app, desk, path, route);
  ask('who-saw', {
    operationId: 'whoSaw',
    summary: 'Who saw a patient, through what, and which fields in clear',
    body: whoSawBody,
    question: whoSawQuestion,
    answer: whoSawSchema,
  });
  ask('exports', {
    operationId: 'exportsOn',
    summary: 'Did anybody get patient identifiers in clear on a day; a no with its proof',
    body: exportsBody,
    question: exportsQuestion,
    answer: exportsSchema,
  });
  ask('principal', {
    operationId: 'principalActs',
    summary: 'Everything that a principal or person did or was given',
    body: principalBody,
    question: principalQuestion,
    answer: principalSchema,
  });
  ask('grant', {
    operationId: 'grantDelivery',
    summary: 'What a grant delivered',
    body: grantBody,
    question: grantQuestion,
    answer: grantDeliverySchema,
  });
  ask('overdue-grants', {
    operationId: 'overdueGrants',
    summary: 'Deliveries after the end of their grant; must be none',
    body: generalBody,
    question: (body) => generalQuestion('overdue-grants', body),
    answer: overdueSchema,
  });
  ask('double-approvals', {
    operationId: 'doubleApprovals',
    summary: 'Approvals with one human twice; must be none',
    body: generalBody,
    question: (body) => generalQuestion('double-approvals', body),
    answer: doublesSchema,
  });
  ask('cutoffs', {
    operationId: 'cutoffs',
    summary: 'How long it took from an end ordered by people to the last delivery',
    body: generalBody,
    question: (body) => generalQuestion('cutoffs', body),
    answer: cutoffsSchema,
  });
  ask('disclosures', {
    operationId: 'disclosures',
    summary: 'Accounting of disclosures of one patient (45 CFR 164.528)',
    body: disclosuresBody,
    question: disclosuresQuestion,
    answer: disclosuresSchema,
  });
  ask('event', {
    operationId: 'auditEvent',
    summary: 'One audit event with its proof',
    body: eventBody,
    question: eventQuestion,
    answer: eventSchema,
  });
}

function questionRoute<B extends z.ZodType>(
  app: FastifyInstance,
  desk: AuditDesk,
  path: string,
  { operationId, summary, body, question, answer }: QuestionRoute<B>,
): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: `/v1/audit/${path}`,
    config: { refusal: AUDIT_REFUSAL },
    // Before the body is read: what is wrong with a body is told to auditors alone.
    preParsing: async (request) => assertAuditor(callerOf(request)),
    schema: {
      operationId,
      summary,
      security: BEARER,
      body,
      response: answers(200, 'The answer; the question is on record.', answer, WRITING),
    },
    handler: async (request): Promise<AuditAnswer> =>
      await desk.ask(callerOf(request), question(request.body as z.output<B>)),
  });
}

function statusRoute(app: FastifyInstance, desk: AuditDesk): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/audit/status',
    config: { refusal: AUDIT_REFUSAL },
    schema: {
      operationId: 'auditStatus',
      summary: 'How the newest verification of the audit topics came out',
      security: BEARER,
      response: answers(200, 'The status.', statusSchema, READING),
    },
    handler: async (request) => statusAnswer(desk.status(callerOf(request))),
  });
}
