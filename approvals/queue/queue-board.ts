/**
 * The board of the queues (bull-board) for operators: to look at, never to change anything, and only past the guard
 * that the caller hands in. Shows ids of requests and states of jobs; there is nothing else in a job.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GauzeError, ownError } from '../../platform/errors.ts';
import type { JobData } from './job-queues.ts';

export interface QueueBoardOptions {
  /** Path of the board, such as `/queue`. */
  readonly basePath: string;
  /** Throws, or answers by itself, for whoever may not look. Runs before every route of the board. */
  readonly guard: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
}

/** Scripts and data come from here alone; the board's library of widgets sets styles of its own. */
const BOARD_CONTENT =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** Mounts the board of `queues` in `app`. What is not a look is refused with 405. */
export async function queueBoard(
  app: FastifyInstance,
  queues: readonly Queue<JobData>[],
  { basePath, guard }: QueueBoardOptions,
): Promise<void> {
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false })),
    serverAdapter: adapter,
    options: {
      uiConfig: { boardTitle: 'gauze', hideRedisDetails: true, showWorkers: false, hideDocsLink: true },
    },
  });
  // Its own would show the text of whatever failed.
  adapter.setErrorHandler(() => ({ status: 500, body: { error: 'ERR_INTERNAL' } }));
  adapter.setBasePath(basePath);
  await app.register(
    async (board) => {
      board.addHook('onRequest', async (request, reply) => {
        try {
          await guard(request, reply);
          if (!reply.sent && !isLook(request)) throw new GauzeError('ERR_HTTP_METHOD', {});
          reply.header('content-security-policy', BOARD_CONTENT);
        } catch (error) {
          // Answered as everywhere in the service, not by the board's own handler.
          const answered: unknown = app.errorHandler.call(app, ownError(error), request, reply);
          await answered;
        }
        return reply.sent ? reply : undefined;
      });
      await board.register(adapter.registerPlugin(), {});
    },
    { prefix: basePath },
  );
}

function isLook({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}
