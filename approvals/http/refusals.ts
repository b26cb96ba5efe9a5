/**
 * The audit events of what was refused, written before the answer. What the log itself refuses has its event from
 * the writer of grants. Of a flood one event tells for each sender and minute; it bears how many it stands for.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { monotonicMs } from '../../platform/clock.ts';
import type { AccessEventFacts } from '../../audit/access-events.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import { isRefusalOfLog } from '../access-desk.ts';
import { knownCaller } from './caller.ts';
import type { Failure } from './problem.ts';

/** What a route calls an attempt that was refused; `request.refused` where it says nothing. */
declare module 'fastify' {
  interface FastifyContextConfig {
    refusal?: string;
  }
}

const NOBODY: AccessActor = {
  kind: 'HUMAN',
  id: 'unknown',
  roles: [],
  on_behalf_of: null,
  token_id: null,
};
/** Answers that refuse a person; others say that the request cannot be read, or that something is amiss here. */
const REFUSED = new Set([401, 403, 404, 409, 422]);
const FLOOD_MS = 60_000;
const SENDERS_MAX = 10_000;

interface Flood {
  readonly untilMs: number;
  untold: number;
}

export class Refusals {
  private readonly record: (event: AccessEventFacts) => Promise<void>;
  private readonly floods = new Map<string, Flood>();

  constructor(record: (event: AccessEventFacts) => Promise<void>) {
    this.record = record;
  }

  /** Writes the event of a refusal; throws where it cannot be written. */
  async write(request: FastifyRequest, reply: FastifyReply, { error, status }: Failure): Promise<void> {
    if (status === 429) return await this.flood(request, error.code);
    if (!REFUSED.has(status) || isRefusalOfLog(error) || error.code === 'ERR_HTTP_NOT_FOUND') return;
    const caller = knownCaller(request);
    if (reply.sent) return;
    const { state } = error.context;
    await this.record({
      type:
        status === 401 || !caller
          ? 'auth.failed'
          : (request.routeOptions.config.refusal ?? 'request.refused'),
      actor: caller ?? NOBODY,
      outcome: 'MINOR_FAILURE',
      outcomeReason: error.code,
      requestId: idOf(request),
      ext: { ...whence(request), ...(state === undefined ? {} : { state }) },
    });
  }

  private async flood(request: FastifyRequest, code: string): Promise<void> {
    const caller = knownCaller(request);
    const sender = caller ? `person ${caller.id}` : `address ${request.ip}`;
    const now = monotonicMs();
    const known = this.floods.get(sender);
    if (known && now < known.untilMs) {
      known.untold++;
      return;
    }
    if (this.floods.size >= SENDERS_MAX) this.floods.clear();
    this.floods.set(sender, { untilMs: now + FLOOD_MS, untold: 0 });
    await this.record({
      type: 'http.flood',
      actor: caller ?? NOBODY,
      outcome: 'MINOR_FAILURE',
      outcomeReason: code,
      ext: { ...whence(request), untold_before: String(known?.untold ?? 0) },
    });
  }
}

function whence(request: FastifyRequest): Record<string, string> {
  return {
    address: request.ip,
    http_request: request.id,
    route: `${request.method} ${request.routeOptions.url ?? ''}`,
  };
}

/** The id in the path, where it has the form of one. */
function idOf(request: FastifyRequest): string | null {
  const { id } = (request.params ?? {}) as { readonly id?: unknown };
  return typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) ? id : null;
}
