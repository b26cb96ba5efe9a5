/**
 * The port of a process for those who watch it: `/metrics`, `/healthz`, `/readyz`. It takes no input but the path, and
 * answers with counts and the names of parts: no address, no error text, nothing of a record.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { sleep } from './clock.ts';
import { GauzeError, foreignName } from './errors.ts';
import type { MetricsText } from './metrics.ts';

/** `missing`: without it the process cannot do its work. `degraded`: something is late, nothing is lost. */
export type PartState = 'ok' | 'degraded' | 'missing';

/** The state of each part, by name. */
export type Parts = Readonly<Record<string, PartState>>;

export interface StatusPortOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: MetricsText;
  /** The parts that the process stands on. */
  readonly readiness: () => Parts | Promise<Parts>;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const JSON_TYPE_HEADER = { 'content-type': JSON_TYPE } as const;
const FAILED = JSON.stringify({ title: 'This cannot be told now.' });
const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than any part is asked for. */
const PARTS_WITHIN_MS = 4_000;

export class StatusPort {
  /** The port that is listened on. */
  readonly port: number;
  private readonly server: Server;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  /** Throws ERR_STATUS_LISTEN. */
  static async open(options: StatusPortOptions): Promise<StatusPort> {
    const { host, port } = options;
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      // Whoever asks must not be able to end the process, whatever is asked for and whatever cannot be told.
      answer(options, request, response).catch(() => response.writeHead(500, JSON_TYPE_HEADER).end(FAILED));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(new GauzeError('ERR_STATUS_LISTEN', { host, port, causeName: foreignName(error) }));
      });
      server.listen(port, host, resolve);
    });
    // Watching must never keep a process alive that has nothing else to do.
    server.unref();
    const address = server.address();
    return new StatusPort(server, typeof address === 'object' && address ? address.port : port);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
  }
}

async function answer(
  { metrics, readiness }: StatusPortOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (code: number, type: string, text: string): void => {
    response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(405, JSON_TYPE, JSON.stringify({ title: 'Only GET is answered here.' }));
  switch ((request.url ?? '/').split('?', 1)[0]) {
    case '/healthz':
      return send(200, JSON_TYPE, JSON.stringify({ alive: true }));
    case '/readyz': {
      const parts = await told(readiness);
      const ready = !Object.values(parts).includes('missing');
      return send(ready ? 200 : 503, JSON_TYPE, JSON.stringify({ ready, parts }));
    }
    case '/metrics':
      return send(200, metrics.contentType, await metrics.text());
    default:
      return send(404, JSON_TYPE, JSON.stringify({ title: 'There are /metrics, /healthz and /readyz.' }));
  }
}

/** A part that cannot be asked, or not in time, is not there. */
async function told(readiness: StatusPortOptions['readiness']): Promise<Parts> {
  const unknown: Parts = { readiness: 'missing' };
  const late = new AbortController();
  try {
    return await Promise.race([readiness(), sleep(PARTS_WITHIN_MS, late.signal).then(() => unknown)]);
  } catch {
    return unknown;
  } finally {
    late.abort();
  }
}
