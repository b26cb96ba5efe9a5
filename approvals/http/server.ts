/**
 * The HTTP server of approvals: what holds for every route. Sizes, rates, headers, problems, the log-in of the API
 * and the OpenAPI document are here; what the routes do is not. It never logs a body, a header or a path as sent.
 */
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { fastifyHelmet } from '@fastify/helmet';
import { fastifyRateLimit } from '@fastify/rate-limit';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { randomId } from '../../platform/clock.ts';
import { GauzeError, ownError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/log.ts';
import { BODY_BYTES_MAX, PROBLEM_JSON, failureOf, problemOf } from './problem.ts';
import type { Failure } from './problem.ts';

export interface TlsFiles {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface ServerOptions {
  readonly tls: TlsFiles | null;
  readonly log: Logger;
  /** Addresses and networks of proxies that are believed when they say for whom they ask, and how. */
  readonly trustedProxies?: readonly string[];
  /** Requests of one address in a minute, whoever asks. */
  readonly perAddress: number;
  /** Writes the audit event of a refusal before it is answered; throws where it cannot. */
  readonly refused: (request: FastifyRequest, reply: FastifyReply, failure: Failure) => Promise<void>;
}

/** Records and logs what was thrown, and says what is to be answered: for parts that answer in a form of their own. */
export type Failed = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => Promise<Failure>;

/** What is added to the server: routes of the API, pages, a board. Each in a scope of its own. */
export type ServerPart = (app: FastifyInstance, failed: Failed) => Promise<void>;

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
const RATE_WINDOW_MS = 60_000;
/** Addresses and people whose rates are kept in mind. */
const RATE_KEYS_MAX = 50_000;

/** A server with `parts`; it listens to nothing yet. */
export async function createApprovalServer(
  options: ServerOptions,
  parts: readonly ServerPart[],
): Promise<FastifyInstance> {
  const app = bareServer(options);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  acceptOnlyJson(app);
  answerInOurWords(app, options);
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: options.tls ? { maxAge: 31_536_000 } : false,
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
  });
  await app.register(fastifyRateLimit, { global: false, cache: RATE_KEYS_MAX });
  await limitAddresses(app, options.perAddress);
  const routes = listRoutes(app);
  const failed = failing(options);
  for (const part of parts) await app.register(async (scope) => await part(scope, failed));
  app.after(() => refuseOtherMethods(app, routes));
  await app.ready();
  return app;
}

function bareServer({ tls, trustedProxies = [] }: ServerOptions): FastifyInstance {
  return fastify({
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    serverFactory: (handler) => nodeServer(tls, handler),
    bodyLimit: BODY_BYTES_MAX,
    genReqId: () => randomId(),
    requestIdHeader: false,
    return503OnClosing: false,
    logger: false,
    clientErrorHandler: refuseBytes,
    // Before any route is found: a path that cannot be decoded, a parameter that is too long.
    frameworkErrors: (error, request, reply) =>
      void send(reply as FastifyReply, failureOf(error), request.id),
  });
}

function nodeServer(tls: TlsFiles | null, handler: RequestListener): Server {
  const timeouts = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
  const server: Server = tls
    ? createHttpsServer({ ...timeouts, cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' }, handler)
    : createHttpServer(timeouts, handler);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

/** What comes is no HTTP, or takes too long to come: there is no request to answer, so the socket gets the words. */
function refuseBytes(_error: Error, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const failure = failureOf(new GauzeError('ERR_HTTP_BAD_REQUEST', {}));
  const body = JSON.stringify(problemOf(failure, randomId()));
  const head = [
    'HTTP/1.1 400 Bad Request',
    `Content-Type: ${PROBLEM_JSON}`,
    `Content-Length: ${body.length}`,
  ];
  socket.end([...head, 'Connection: close', '', body].join('\r\n'));
}

/** One JSON value, or nothing: no other media type is parsed, so none gets past the schemas. */
function acceptOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body.toString(), done);
  });
}

function answerInOurWords(app: FastifyInstance, options: ServerOptions): void {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('cache-control', 'no-store');
    if (closing) throw new GauzeError('ERR_HTTP_CLOSING', {});
  });
  app.setNotFoundHandler(() => {
    throw new GauzeError('ERR_HTTP_NOT_FOUND', {});
  });
  const failed = failing(options);
  app.setErrorHandler(
    async (thrown, request, reply) => await send(reply, await failed(thrown, request, reply), request.id),
  );
  app.addHook('onResponse', async (request, reply) => {
    const durationMs = Math.round(reply.elapsedTime);
    options.log.debug('request answered', {
      ...where(request),
      outcome: String(reply.statusCode),
      durationMs,
    });
  });
}

function failing(options: ServerOptions): Failed {
  return async (thrown, request, reply) => {
    const failure = await answerable(failureOf(thrown), request, reply, options);
    if (failure.status >= 500)
      options.log.error('request failed', { ...where(request), error: failure.error });
    return failure;
  };
}

async function send(reply: FastifyReply, failure: Failure, requestId: string): Promise<void> {
  await reply.code(failure.status).type(PROBLEM_JSON).send(problemOf(failure, requestId));
}

/** The failure, or that its event could not be written: then not even the refusal is told. */
async function answerable(
  failure: Failure,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ServerOptions,
): Promise<Failure> {
  try {
    await options.refused(request, reply, failure);
    return failure;
  } catch (error) {
    return failureOf(ownError(error));
  }
}

/** The pattern of the route, never the path as sent. */
function where(request: FastifyRequest): { readonly stage: string; readonly jobId: string } {
  return { stage: `${request.method} ${request.routeOptions.url ?? 'no route'}`, jobId: request.id };
}

async function limitAddresses(app: FastifyInstance, perAddress: number): Promise<void> {
  const check = app.createRateLimit({ max: perAddress, timeWindow: RATE_WINDOW_MS });
  app.addHook('onRequest', async (request, reply) => {
    const rate = await check(request);
    if (!rate.isAllowed && rate.isExceeded) throw rateError(reply, rate.ttlInSeconds, perAddress, 'address');
  });
}

/** A limit of requests in a minute for each key that `keyOf` gives. */
export function rateLimit(
  app: FastifyInstance,
  perMinute: number,
  what: string,
  keyOf: (request: FastifyRequest) => string,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const check = app.createRateLimit({ max: perMinute, timeWindow: RATE_WINDOW_MS, keyGenerator: keyOf });
  return async (request, reply) => {
    const rate = await check(request);
    if (!rate.isAllowed && rate.isExceeded) throw rateError(reply, rate.ttlInSeconds, perMinute, what);
  };
}

function rateError(reply: FastifyReply, seconds: number, limit: number, setting: string): GauzeError {
  reply.header('retry-after', String(Math.max(1, seconds)));
  return new GauzeError('ERR_HTTP_RATE', { limit, setting });
}

function listRoutes(app: FastifyInstance): ReadonlyMap<string, ReadonlySet<string>> {
  const routes = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = routes.get(url) ?? new Set<string>();
    for (const each of [method].flat()) methods.add(each);
    routes.set(url, methods);
  });
  return routes;
}

/** 405 with the methods that a path takes (RFC 9110, 15.5.6), instead of a 404 that says it is not there. */
function refuseOtherMethods(app: FastifyInstance, routes: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, methods] of new Map(routes)) {
    if (url.includes('*')) continue;
    const taken = [...methods];
    // A route of a scope with a prefix stands there with and without a slash, and is told of once.
    const others = app.supportedMethods.filter(
      (method) => !methods.has(method) && !app.hasRoute({ method, url }),
    );
    if (others.length === 0) continue;
    app.route({
      method: others,
      url,
      schema: { hide: true },
      // Before a body is parsed: whatever comes with it, the method is what is wrong.
      onRequest: async (_request, reply) => {
        reply.header('allow', taken.join(', '));
        throw new GauzeError('ERR_HTTP_METHOD', {});
      },
      handler: async () => undefined,
    });
  }
}
