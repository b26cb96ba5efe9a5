/**
 * Who looks at a page: cookies, sessions, log-in and log-out, and the checks that a form was sent from a page of ours
 * by the person who was given it. A page below `onlyVisitors` runs for nobody else.
 */
import { fastifyCookie } from '@fastify/cookie';
import { fastifyCsrfProtection } from '@fastify/csrf-protection';
import { fastifyFormbody } from '@fastify/formbody';
import { fastifySession } from '@fastify/session';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nowMs, random } from '../../platform/clock.ts';
import { GauzeError } from '../../platform/errors.ts';
import { identify } from '../http/caller.ts';
import { BODY_BYTES_MAX } from '../http/problem.ts';
import { rateLimit } from '../http/server.ts';
import { RedisLink } from '../queue/redis-link.ts';
import type { ApprovalServices } from '../service.ts';
import { formOf, formValues, valueOf } from './forms.ts';
import { STYLES_PATH, alert, documentOf, pageHeaders, sendPage } from './frame.ts';
import type { Frame } from './frame.ts';
import { html } from './html.ts';
import { localPath } from './local-path.ts';
import { LogIn } from './log-in.ts';
import type { PagesClient } from './log-in.ts';
import { LOG_IN_MS, SessionStore } from './session-store.ts';
import type { PendingLogIn, SessionPerson } from './session-store.ts';
import { STYLESHEET } from './styles.ts';

export interface VisitorOptions {
  readonly client: PagesClient;
  /** Signs cookies; null: made anew at each start. */
  readonly sessionSecret: string | null;
}

export type VisitorServices = Pick<
  ApprovalServices,
  'identity' | 'http' | 'redis' | 'names' | 'askable' | 'desk'
>;

/** Log-ins of one browser that may be under way at a time: one for each window. */
const PENDING_MAX = 5;
const SECRET_BYTES = 32;

/** Cookies, sessions and forms for all routes of `app`; log-in and log-out. */
export async function visitorRoutes(
  app: FastifyInstance,
  services: VisitorServices,
  options: VisitorOptions,
): Promise<void> {
  const { http, identity } = services;
  const base = (): string => baseOf(app, http);
  app.addHook('onRequest', async (request, reply) => {
    pageHeaders(reply);
    if (isWriting(request)) assertSameOrigin(request, new URL(base()).origin);
  });
  app.removeContentTypeParser('application/json');
  await app.register(fastifyFormbody, { bodyLimit: BODY_BYTES_MAX, parser: formValues });
  await sessions(app, services, options);
  // The token of the session must be in every form.
  app.addHook('preHandler', (request, reply, done) => {
    if (isWriting(request)) app.csrfProtection(request, reply, done);
    else done();
  });
  app.get(STYLES_PATH, async (_request, reply) => {
    await reply
      .type('text/css; charset=utf-8')
      .header('cache-control', 'private, max-age=600')
      .send(STYLESHEET);
  });
  logInRoutes(app, new LogIn(options.client, identity), base, http.publicUrl === null);
}

async function sessions(
  app: FastifyInstance,
  { http, redis, names }: VisitorServices,
  { sessionSecret }: VisitorOptions,
): Promise<void> {
  const link = new RedisLink(redis);
  app.addHook('onClose', async () => link.close());
  const isSecure = isHttps(http);
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: sessionSecret ?? random(SECRET_BYTES).toString('base64url'),
    // RFC 6265bis, 4.1.3.2: a name that only we can set, where there is https.
    cookieName: isSecure ? '__Host-gauze' : 'gauze',
    cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: isSecure },
    store: new SessionStore(link, names.prefix),
    saveUninitialized: false,
    rolling: false,
  });
  await app.register(fastifyCsrfProtection, {
    sessionPlugin: '@fastify/session',
    getToken: (request) => valueOf(formOf(request.body), '_csrf'),
  });
}

function logInRoutes(app: FastifyInstance, logIn: LogIn, base: () => string, isDirect: boolean): void {
  app.get('/login', async (request, reply) => {
    const returnTo = localPath(queryOf(request, 'return'));
    if (personOf(request)) return await reply.redirect(returnTo, 303);
    const address = new URL(base());
    // By another name of this machine the browser would come back without its cookie.
    if (isDirect && request.host !== address.host)
      return await reply.redirect(`${base()}/login?return=${encodeURIComponent(returnTo)}`, 303);
    if (address.protocol === 'https:' && request.protocol !== 'https')
      throw new GauzeError('ERR_HTTP_PROXY', {});
    const { pending, address: there } = await logIn.begin(base(), returnTo);
    const known = (request.session.logIns ?? []).filter((each) => isFresh(each));
    request.session.logIns = [...known, pending].slice(-PENDING_MAX);
    return await reply.redirect(there, 303);
  });
  app.get('/callback', async (request, reply) => {
    const state = queryOf(request, 'state');
    const pending = request.session.logIns?.find((each) => each.state === state && isFresh(each));
    if (!pending) throw new GauzeError('ERR_HTTP_LOG_IN', { causeName: 'UnknownState' });
    // Whatever comes of it, this state counts once.
    request.session.logIns = request.session.logIns?.filter((each) => each !== pending) ?? [];
    const person = await logIn.finish(new URL(request.url, `${base()}/`), pending);
    // A session that somebody else may have planted in this browser ends here.
    await request.session.regenerate();
    request.session.person = person;
    reply.generateCsrf();
    return await reply.redirect(pending.returnTo, 303);
  });
  app.post('/logout', async (request, reply) => {
    if (request.session.person) await request.session.destroy();
    return await reply.redirect('/logged-out', 303);
  });
  app.get('/logged-out', async (_request, reply) => {
    const there = await logIn.endAddress(base());
    const body = html`<p>Your session here has ended.</p>
      ${
        there
          ? html`<p>
              At the identity provider you may still be logged in: <a href="${there}">log out there, too</a>.
            </p>`
          : null
      }
      <p><a href="/login">Log in again</a></p>`;
    await sendPage(reply, documentOf(NOBODY, { title: 'Logged out', body }));
  });
}

const NOBODY: Frame = { visitor: null, csrf: '' };

/** From here on every route of `app` needs somebody who is logged in: others are sent to log in, and come back. */
export function onlyVisitors(app: FastifyInstance, perPerson: number): void {
  app.addHook('onRequest', async (request, reply) => {
    const person = personOf(request);
    if (person) return identify(request, person.actor);
    if (isWriting(request)) throw new GauzeError('ERR_HTTP_LOGGED_OUT', {});
    return await reply.redirect(`/login?return=${encodeURIComponent(request.url)}`, 303);
  });
  app.addHook(
    'onRequest',
    rateLimit(app, perPerson, 'person', (request) => personOf(request)?.actor.id ?? request.ip),
  );
}

/** What a page needs to know of the request it answers. */
export function frameOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { askable }: Pick<VisitorServices, 'askable'>,
): Frame {
  const person = personOf(request);
  if (!person) return NOBODY;
  const { actor, name } = person;
  const mayBreakGlass = askable.topics(actor, true).length > 0;
  return { visitor: { actor, name, mayBreakGlass }, csrf: reply.generateCsrf() };
}

/** Of a form, where the log-in has ended meanwhile. */
export function loggedOutNotice(request: FastifyRequest): ReturnType<typeof alert> {
  const page = request.url.replace(/\?.*$/, '').replace(/^(\/[^/]+\/[0-9a-f]{16})\/.*$/, '$1');
  return alert(
    'Your log-in has ended',
    html`<p>
      Nothing was done. <a href="/login?return=${encodeURIComponent(page)}">Log in again</a>, then send the
      form once more.
    </p>`,
  );
}

function personOf(request: FastifyRequest): SessionPerson | null {
  // Where Redis is away there is no session at all, and hooks have thrown before.
  const person = (request.session as typeof request.session | null)?.person;
  return person && person.expiresMs > nowMs() ? person : null;
}

function isFresh({ startedMs }: PendingLogIn): boolean {
  return nowMs() - startedMs < LOG_IN_MS;
}

function isWriting({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

/** Browsers say where a form comes from; who says nothing, or somebody else's page, sends no form of ours. */
function assertSameOrigin({ headers }: FastifyRequest, own: string): void {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const isForeign =
    (origin !== undefined && origin !== own) || (site !== undefined && site !== 'same-origin');
  if (isForeign || (origin === undefined && site === undefined)) throw new GauzeError('ERR_HTTP_FORGED', {});
}

function queryOf({ query }: FastifyRequest, name: string): string | undefined {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : undefined;
}

function isHttps({ publicUrl, tls }: VisitorServices['http']): boolean {
  return publicUrl === null ? tls !== null : publicUrl.startsWith('https://');
}

/** The address of the pages, without a slash at its end. */
function baseOf(app: FastifyInstance, { publicUrl, tls, host }: VisitorServices['http']): string {
  if (publicUrl !== null) return publicUrl.replace(/\/$/, '');
  const { port } = app.server.address() as AddressInfo;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
