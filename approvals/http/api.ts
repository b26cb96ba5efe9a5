/**
 * The API as a part of the server: the OpenAPI document, health, and the routes below a log-in by bearer token. What
 * validates is what the document is made from.
 */
import { fastifySwagger } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Metrics } from '../../platform/metrics.ts';
import type { AccessDesk } from '../access-desk.ts';
import type { AuditDesk } from '../audit-desk.ts';
import type { Preview } from '../preview.ts';
import { BEARER, READING, answers } from './answers.ts';
import { apiSchemas, named } from './api-schemas.ts';
import { auditRoutes } from './audit-routes.ts';
import { authenticated, callerOf } from './caller.ts';
import type { Authenticate } from './caller.ts';
import { grantRoutes } from './grant-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { tidied } from './openapi-document.ts';
import type { Readiness } from './health-routes.ts';
import { requestRoutes } from './request-routes.ts';

export interface ApiServices {
  readonly desk: AccessDesk;
  readonly audit: AuditDesk;
  readonly preview: Preview;
  readonly authenticate: Authenticate;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: Metrics;
  /** The name of a grant's topic. */
  readonly grantTopic: (grantId: string) => string;
  /** Principals of which a person is the owner. */
  readonly principalsOf: (person: string) => readonly string[];
  /** Requests of one person in a minute. */
  readonly perPerson: number;
}

const meSchema = named(
  'Me',
  z.object({
    id: z.string(),
    kind: z.enum(['HUMAN', 'SERVICE', 'SYSTEM']),
    roles: z.array(z.string()),
    principals: z.array(z.string()).meta({ description: 'Kafka principals that this person answers for' }),
  }),
);

const namedSchemas = createJsonSchemaTransformObject({ schemaRegistry: apiSchemas });

/** Registers the API on `app`. */
export async function apiPart(app: FastifyInstance, services: ApiServices): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'gauze: raw access by approval',
        version: '1',
        description: 'Ask for fields in clear, decide, revoke, review. Problems are as RFC 9457 has them.',
      },
      components: {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    transform: createJsonSchemaTransform({ schemaRegistry: apiSchemas }),
    transformObject: (document) => tidied(namedSchemas(document)),
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  healthRoutes(app, services.readiness, services.metrics);
  await app.register(async (scope) => {
    authenticated(scope, services.authenticate, services.perPerson);
    meRoute(scope, services);
    requestRoutes(scope, services);
    grantRoutes(scope, services);
    auditRoutes(scope, services.audit);
  });
}

function meRoute(app: FastifyInstance, { principalsOf }: ApiServices): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/v1/me',
    schema: {
      operationId: 'me',
      summary: 'Who the caller is here',
      security: BEARER,
      response: answers(200, 'The caller.', meSchema, READING),
    },
    handler: async (request) => {
      const { id, kind, roles } = callerOf(request);
      return { id, kind, roles: [...roles], principals: [...principalsOf(id)] };
    },
  });
}
