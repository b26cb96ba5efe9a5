/**
 * Whether the service is alive and whether it can do its work, and what it has counted. `/readyz` names the parts that are missing, and says
 * nothing else about them: no address, no error text. All answer without a log-in.
 */
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Metrics } from '../../platform/metrics.ts';
import type { PartState } from '../../platform/status-port.ts';
import { answers } from './answers.ts';
import { named } from './api-schemas.ts';

/**
 * The parts that the service stands on. `missing`: without it nothing can be asked or decided. `degraded`: something is
 * late or not shown, nothing is lost or wrongly granted.
 */
export interface Readiness {
  readonly kafka: PartState;
  /** The access log is followed. */
  readonly log: PartState;
  readonly registry: PartState;
  readonly identityProvider: PartState;
  readonly redis: PartState;
}

const partSchema = z.enum(['ok', 'degraded', 'missing']);
const readySchema = named(
  'Readiness',
  z.object({
    ready: z.boolean(),
    parts: z.object({
      kafka: partSchema,
      log: partSchema,
      registry: partSchema,
      identityProvider: partSchema,
      redis: partSchema,
    }),
  }),
);

export function healthRoutes(
  app: FastifyInstance,
  readiness: () => Promise<Readiness>,
  metrics: Metrics,
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  metricsRoute(app, metrics);
  api.route({
    method: 'GET',
    url: '/healthz',
    schema: {
      operationId: 'health',
      summary: 'Whether the process answers',
      response: answers(200, 'It does.', z.object({ alive: z.literal(true) }), []),
    },
    handler: async () => ({ alive: true as const }),
  });
  api.route({
    method: 'GET',
    url: '/readyz',
    schema: {
      operationId: 'readiness',
      summary: 'Whether requests can be taken, and which part is missing where not',
      response: readyAnswers(),
    },
    handler: async (_request, reply) => {
      const parts = await readiness();
      const ready = !Object.values(parts).includes('missing');
      return reply.code(ready ? 200 : 503).send({ ready, parts });
    },
  });
}

/** Counts for Prometheus: no name of a person, no value. */
function metricsRoute(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    return await reply.type(metrics.contentType).send(await metrics.text());
  });
}

/** Both answers have one form: who asks wants the parts, not a problem. */
function readyAnswers(): ReturnType<typeof answers> {
  const cannot = { description: 'They cannot.', content: { 'application/json': { schema: readySchema } } };
  return { ...answers(200, 'They can.', readySchema, []), 503: cannot };
}
