/**
 * The pages of approvals as a part of the server, for people who do not live in a terminal: HTML made here, no script,
 * a log-in by browser. Without Redis they say so and wait; the API goes on. The board of the queue is among them.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GauzeError } from '../../platform/errors.ts';
import { OPERATORS } from '../access-rule.ts';
import { knownCaller } from '../http/caller.ts';
import type { Failure } from '../http/problem.ts';
import type { Failed, ServerPart } from '../http/server.ts';
import { queueBoard } from '../queue/queue-board.ts';
import { auditPages } from './audit-pages.ts';
import { documentOf, sendPage } from './frame.ts';
import { grantPages } from './grant-pages.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { viewerOf } from './page-kit.ts';
import type { PageServices } from './page-kit.ts';
import { requestPages } from './request-pages.ts';
import { frameOf, loggedOutNotice, onlyVisitors, visitorRoutes } from './visitors.ts';
import type { VisitorOptions } from './visitors.ts';

/** The pages; `options` say how people log in. */
export function pagesPart(services: PageServices, options: VisitorOptions): ServerPart {
  return async (app, failed) => {
    answerWithPages(app, services, failed);
    await visitorRoutes(app, services, options);
    app.get('/', async (_request, reply) => {
      await reply.redirect('/requests', 303);
    });
    await app.register(async (inner) => {
      onlyVisitors(inner, services.http.perPerson);
      requestPages(inner, services);
      grantPages(inner, services);
      await inner.register(async (audit) => auditPages(audit, services));
      await queueBoard(inner, services.jobs.queues, {
        basePath: '/queue',
        guard: async (request) => assertOperator(request),
      });
    });
  };
}

function assertOperator(request: FastifyRequest): void {
  if (!viewerOf(request).roles.includes(OPERATORS)) throw new GauzeError('ERR_ACCESS_ROLE', {});
}

/** Failures as pages: that of what was tried, where it can be shown, with what is wrong; else one of its own. */
function answerWithPages(app: FastifyInstance, services: PageServices, failed: Failed): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    const failure = await failed(ownFault(thrown), request, reply);
    const page = await failurePage(request, reply, services, failure);
    await sendPage(reply, page, failure.status);
  });
}

/** The plugin that checks forms speaks in errors of its own. */
function ownFault(thrown: unknown): unknown {
  const { code } = (thrown ?? {}) as Partial<FastifyError>;
  return code?.startsWith('FST_CSRF_') ? new GauzeError('ERR_HTTP_FORGED', {}) : thrown;
}

async function failurePage(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
  failure: Failure,
): Promise<Html> {
  const { failurePage: again } = request.routeOptions.config;
  const isAboutPage = failure.status < 500 && failure.status !== 401 && failure.status !== 429;
  if (again && isAboutPage && failure.error.code !== 'ERR_HTTP_FORGED' && knownCaller(request)) {
    try {
      const page = await again(request, reply, failure);
      if (page) return page;
    } catch {
      // The page cannot be shown either: what is wrong is told on one of its own.
    }
  }
  return plainFailure(request, reply, services, failure);
}

function plainFailure(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
  failure: Failure,
): Html {
  const { error, status } = failure;
  const isLoggedOut = error.code === 'ERR_HTTP_LOGGED_OUT';
  const notice = isLoggedOut ? loggedOutNotice(request) : null;
  const frame = status >= 500 ? { visitor: null, csrf: '' } : frameOf(request, reply, services);
  const what = html`<div class="alert" role="alert"><p>${error.message} ${error.action}</p></div>`;
  const body = html`${isLoggedOut ? null : what}
    <p class="muted">${error.code}, ${request.id}</p>
    <p>
      ${frame.visitor ? html`<a href="/requests">To the requests</a>` : html`<a href="/login">Log in</a>`}
    </p>`;
  return documentOf(frame, { title: TITLES[status] ?? 'That was not done', notice, body });
}

const TITLES: Readonly<Record<number, string>> = {
  401: 'Please log in',
  403: 'Not for you',
  404: 'Not here',
  405: 'Not like this',
  429: 'Too many requests',
  500: 'Something failed',
  503: 'Not available now',
};
