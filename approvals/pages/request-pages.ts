/**
 * The routes of the pages of requests: inbox, one request, preview, decision, withdrawal, asking, emergency. They turn
 * forms into acts at the desk and its answers into pages; they decide nothing. Each page of a request is on record.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nowMs } from '../../platform/clock.ts';
import type { Failure } from '../http/problem.ts';
import type { PreviewAnswer } from '../http/preview-schema.ts';
import { narrowingOf, questionOf } from '../http/request-bodies.ts';
import { maySupervise } from '../people.ts';
import { isLive } from '../terminal-states.ts';
import { askForm, topicChoice } from './ask-view.ts';
import { decisionOf, emergencyBody, questionBody, withdrawalOf } from './form-bodies.ts';
import { EMPTY_FORM, valueOf } from './forms.ts';
import type { FormState } from './forms.ts';
import { documentOf, sendPage } from './frame.ts';
import type { Html } from './html.ts';
import { afterFailure, doneNotice, formAct, idOf, queryOf, sentForm, toPage, viewerOf } from './page-kit.ts';
import type { FailurePage, PageServices } from './page-kit.ts';
import { REQUEST_STATES, inbox, requestTitle } from './request-list.ts';
import { requestView } from './request-view.ts';
import { frameOf } from './visitors.ts';

export function requestPages(app: FastifyInstance, services: PageServices): void {
  const { desk } = services;
  app.get('/requests', async (request, reply) => {
    await sendPage(reply, inboxPage(request, reply, services));
  });
  askPages(app, services, false);
  askPages(app, services, true);
  app.get('/requests/:id', async (request, reply) => {
    await sendPage(reply, await requestPage(request, reply, services, {}));
  });
  for (const act of ['preview', 'decide', 'withdraw'])
    app.get(`/requests/:id/${act}`, async (request, reply) => {
      await toPage(reply, `/requests/${idOf(request)}`);
    });
  app.post(
    '/requests/:id/preview',
    { config: { refusal: 'request.preview_refused', failurePage: failureOf(services, 'decide') } },
    async (request, reply) => {
      const by = viewerOf(request);
      const isSample = valueOf(sentForm(request), 'sample') === 'true';
      const preview = await services.preview.of(by, desk.request(by, idOf(request)), isSample);
      await sendPage(reply, await requestPage(request, reply, services, { preview }));
    },
  );
  app.post(
    '/requests/:id/decide',
    { config: { refusal: 'decision.refused', failurePage: failureOf(services, 'decide') } },
    async (request, reply) => {
      const id = idOf(request);
      const { scope } = desk.request(viewerOf(request), id);
      const { decision, scopeHash, narrow, reason } = decisionOf(sentForm(request), scope);
      await desk.decide(formAct(request), id, {
        approve: decision === 'approve',
        scopeSha256: Buffer.from(scopeHash, 'hex'),
        narrow: narrow ? narrowingOf(narrow) : null,
        reason,
      });
      await toPage(reply, `/requests/${id}?done=${decision === 'approve' ? 'approved' : 'denied'}`);
    },
  );
  app.post(
    '/requests/:id/withdraw',
    { config: { refusal: 'request.withdraw_refused', failurePage: failureOf(services, 'withdraw') } },
    async (request, reply) => {
      const id = idOf(request);
      const { reason } = withdrawalOf(sentForm(request));
      await desk.withdraw(formAct(request), id, reason ?? null);
      await toPage(reply, `/requests/${id}?done=withdrawn`);
    },
  );
}

function inboxPage(request: FastifyRequest, reply: FastifyReply, services: PageServices): Html {
  const { desk, log } = services;
  const by = viewerOf(request);
  const state = queryOf(request, 'state');
  const before = queryOf(request, 'before');
  const body = inbox({
    by,
    requests: desk.requests(by),
    reviews: desk
      .grants(by)
      .filter(
        (record) =>
          (record.review.state === 'DUE' || record.review.state === 'OVERDUE') &&
          !isLive(record.grant.state) &&
          maySupervise(by, record, log.state.requests.get(record.grant.request_id)),
      ),
    nowMs: nowMs(),
    state: REQUEST_STATES.find((each) => each === state) ?? null,
    before: before !== null && /^\d{1,15}$/.test(before) ? Number(before) : null,
  });
  return documentOf(frameOf(request, reply, services), { title: 'Requests', at: '/requests', body });
}

interface RequestPageOptions {
  readonly preview?: PreviewAnswer;
  readonly notice?: Html | null;
  readonly decideForm?: FormState;
  readonly withdrawForm?: FormState;
}

/** The page of a request, after it was put on record that somebody looks at it. */
async function requestPage(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
  options: RequestPageOptions,
): Promise<Html> {
  const { desk, log } = services;
  const by = viewerOf(request);
  const found = desk.request(by, idOf(request));
  const { id, scope, body: asked } = found;
  await desk.record({
    type: 'request.viewed',
    actor: by,
    action: 'R',
    requestId: id,
    purpose: scope?.purpose ?? null,
    rule: { name: asked.rule, sha256: asked.rules_sha256 },
  });
  const frame = frameOf(request, reply, services);
  const { preview = null, notice, decideForm = EMPTY_FORM, withdrawForm = EMPTY_FORM } = options;
  const hasGrant = log.state.grants.has(id);
  const body = requestView({
    by,
    frame,
    request: found,
    nowMs: nowMs(),
    hasGrant,
    preview,
    decideForm,
    withdrawForm,
  });
  const title = requestTitle(found);
  return documentOf(frame, { title, at: '/requests', notice: notice ?? doneNotice(request), body });
}

/** The request as it is now, and that nothing was done. */
function failureOf(services: PageServices, form: 'decide' | 'withdraw'): FailurePage {
  return async (request, reply, failure: Failure) => {
    const { state, notice } = afterFailure(request, failure);
    const forms = form === 'decide' ? { decideForm: state } : { withdrawForm: state };
    return await requestPage(request, reply, services, { notice, ...forms });
  };
}

/** Asking, and going ahead in an emergency. */
function askPages(app: FastifyInstance, services: PageServices, isEmergency: boolean): void {
  const { desk } = services;
  const path = isEmergency ? '/break-glass' : '/requests/new';
  app.get(path, async (request, reply) => {
    const page = await askPage(request, reply, services, isEmergency, {
      topic: queryOf(request, 'topic'),
      audience: queryOf(request, 'audience'),
      extendsGrant: queryOf(request, 'extends'),
    });
    await sendPage(reply, page);
  });
  const failurePage: FailurePage = async (request, reply, failure) => {
    const form = sentForm(request);
    const { state, notice } = afterFailure(request, failure);
    return await askPage(request, reply, services, isEmergency, {
      topic: valueOf(form, 'topic') ?? null,
      audience: valueOf(form, 'baseAudience') ?? null,
      extendsGrant: valueOf(form, 'extendsGrant') ?? null,
      // What was typed is worth keeping, whatever was wrong: nothing here was shown to be signed.
      state: { ...state, values: form },
      notice,
    });
  };
  const refusal = isEmergency ? 'breakglass.refused' : 'request.refused';
  app.post(path, { config: { refusal, failurePage } }, async (request, reply) => {
    const form = sentForm(request);
    const act = formAct(request);
    if (isEmergency) {
      const body = emergencyBody(form);
      const question = { ...questionOf(body), extendsGrant: null, emergencyCode: body.emergencyCode };
      const made = await desk.submit(act, question);
      return await toPage(reply, `/grants/${made.id}?done=emergency`);
    }
    const body = questionBody(form);
    const question = { ...questionOf(body), extendsGrant: body.extendsGrant ?? null, emergencyCode: null };
    const made = await desk.submit(act, question);
    return await toPage(reply, `/requests/${made.id}?done=asked`);
  });
}

interface AskPageOptions {
  readonly topic: string | null;
  readonly audience: string | null;
  readonly extendsGrant: string | null;
  readonly state?: FormState;
  readonly notice?: Html | null;
}

async function askPage(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
  isEmergency: boolean,
  { topic, audience, extendsGrant, state = EMPTY_FORM, notice }: AskPageOptions,
): Promise<Html> {
  const { askable, identity } = services;
  const by = viewerOf(request);
  const frame = frameOf(request, reply, services);
  const at = isEmergency ? '/break-glass' : '/requests/new';
  const title = isEmergency ? 'Go ahead in an emergency' : 'Ask for raw access';
  if (topic === null || audience === null) {
    const body = topicChoice(askable.topics(by, isEmergency), at);
    return documentOf(frame, { title, at, ...(notice ? { notice } : {}), body });
  }
  const offer = await askable.offer(by, topic, audience, isEmergency);
  const principals = identity.owners.principalsOf(by.id);
  const body = askForm({ frame, offer, state, principals, isEmergency, extendsGrant });
  const told = state.faults.size > 0 ? `Please correct: ${title}` : title;
  return documentOf(frame, { title: told, at, ...(notice ? { notice } : {}), body });
}
