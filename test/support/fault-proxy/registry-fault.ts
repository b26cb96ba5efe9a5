/**
 * Stands between gauze and the schema registry, passes requests on, and fails some of them: the n-th, or so many from
 * the n-th on. `refuse`: the connection ends before an answer; `cut`: within it; `error`: status 503; `slow`: late.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export const REGISTRY_FAULTS = ['refuse', 'cut', 'error', 'slow'] as const;

export interface RegistryRule {
  readonly kind: (typeof REGISTRY_FAULTS)[number];
  /** Counted from 1. */
  readonly nth: number;
  /** How many in a row; default 1. */
  readonly count?: number;
  /** For `slow`. */
  readonly delayMs?: number;
}

export class RegistryFault {
  /** The registry's address by way of here. */
  readonly url: string;
  /** Requests failed since the last `set`. */
  fired = 0;
  /** Requests since the last `set`. */
  seen = 0;
  readonly #server: http.Server;
  #rule: RegistryRule | null = null;

  private constructor(server: http.Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async open(registryUrl: string): Promise<RegistryFault> {
    const { origin, pathname } = new URL(registryUrl);
    const server = http.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const fault = new RegistryFault(server, `http://127.0.0.1:${port}${pathname}`);
    server.on('request', (request, answer) => {
      fault.#pass(origin, request, answer).catch(() => answer.destroy());
    });
    return fault;
  }

  /** Counts anew, and fails from now on what `rule` says; null: passes everything. */
  set(rule: RegistryRule | null): void {
    this.#rule = rule;
    this.fired = 0;
    this.seen = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #pass(origin: string, request: http.IncomingMessage, answer: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fault = this.#fault();
    if (fault?.kind === 'refuse') return void request.socket.destroy();
    if (fault?.kind === 'error') return void answer.writeHead(503).end();
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 0));
    const passed = await fetch(origin + request.url!, {
      method: request.method!,
      headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    const body = Buffer.from(await passed.arrayBuffer());
    answer.writeHead(passed.status, {
      'content-type': passed.headers.get('content-type') ?? 'application/json',
      'content-length': body.length,
    });
    if (fault?.kind !== 'cut') return void answer.end(body);
    answer.write(body.subarray(0, Math.floor(body.length / 2)), () => request.socket.destroy());
  }

  #fault(): RegistryRule | null {
    this.seen++;
    const rule = this.#rule;
    if (!rule || this.seen < rule.nth || this.seen >= rule.nth + (rule.count ?? 1)) return null;
    this.fired++;
    return rule;
  }
}
