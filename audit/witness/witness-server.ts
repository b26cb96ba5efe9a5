/**
 * The HTTP side of a witness, on node:http: `POST /add-checkpoint` and `GET /<sha256 of the origin>/checkpoint`.
 * Requests are small, few and anonymous: sizes, times and connections are bounded, and an answer never repeats what
 * was sent.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GauzeError, foreignName, ownError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/log.ts';
import { MAX_REQUEST_BYTES } from './add-checkpoint.ts';
import type { Witness } from './witness.ts';

export interface WitnessServerOptions {
  readonly witness: Witness;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly log: Logger;
}

export interface WitnessServer {
  readonly url: string;
  /** Lets running requests end. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 8 * 1024;
const LATEST = /^\/([0-9a-f]{64})\/checkpoint$/;
const PLAIN = 'text/plain; charset=utf-8';

/** @throws GauzeError ERR_WITNESS_LISTEN */
export async function startWitnessServer(options: WitnessServerOptions): Promise<WitnessServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      keepAliveTimeout: 6 * TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => void respond(options, request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function listening(server: Server, { host, port }: WitnessServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new GauzeError('ERR_WITNESS_LISTEN', { host, port, causeName: foreignName(error) })),
    );
    server.listen(port, host, () => resolve());
  });
}

async function respond(
  { witness, log }: WitnessServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const path = request.url ?? '';
    const [, originHash] = LATEST.exec(path) ?? [];
    if (path === '/add-checkpoint') await add(witness, log, request, response);
    else if (originHash === undefined) send(response, 404, PLAIN, '');
    else if (request.method !== 'GET') send(response, 405, PLAIN, '');
    else {
      const note = witness.latest(originHash);
      send(response, note === null ? 404 : 200, PLAIN, note ?? '');
    }
  } catch (thrown) {
    log.error('a checkpoint was not cosigned', { error: ownError(thrown) });
    send(response, 500, PLAIN, '');
  }
}

async function add(
  witness: Witness,
  log: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') return send(response, 405, PLAIN, '');
  const body = await bodyOf(request);
  if (body === 'too long') return send(response, 413, PLAIN, '', 'close');
  if (body === 'cut off') return void request.destroy();
  const answer = await witness.add(body);
  log.info('checkpoint judged', { outcome: String(answer.status) });
  send(response, answer.status, answer.mediaType, answer.body);
}

function send(
  response: ServerResponse,
  status: number,
  mediaType: string,
  body: string,
  connection: 'keep-alive' | 'close' = 'keep-alive',
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': mediaType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    connection,
  });
  response.end(body);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | 'too long' | 'cut off'> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MAX_REQUEST_BYTES) return 'too long';
      parts.push(part);
    }
  } catch {
    return 'cut off';
  }
  return Buffer.concat(parts);
}
