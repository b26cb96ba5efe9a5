/**
 * The routes of the pages of grants and locks: look, revoke, resume, review, lock, lift. They turn forms into acts at
 * the desk and its answers into pages; they decide nothing. Each page of a grant is on record.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Act } from '../access-desk.ts';
import { lockOf, reasonOf, reviewOf } from './form-bodies.ts';
import { EMPTY_FORM } from './forms.ts';
import type { FormState, FormValues } from './forms.ts';
import { documentOf, sendPage } from './frame.ts';
import { grantList, grantTitle, grantView, lockView } from './grant-view.ts';
import type { GrantViewInput } from './grant-view.ts';
import type { Html } from './html.ts';
import { afterFailure, doneNotice, formAct, idOf, queryOf, sentForm, toPage, viewerOf } from './page-kit.ts';
import type { FailurePage, PageServices } from './page-kit.ts';
import { frameOf } from './visitors.ts';

type GrantAct = NonNullable<GrantViewInput['sent']>['act'];

/** What each form of a grant does, and what it is called when it is refused. */
const ACTS: Readonly<Record<GrantAct, { readonly refusal: string; readonly done: string }>> = {
  revoke: { refusal: 'grant.revoke_refused', done: 'revoked' },
  resume: { refusal: 'grant.resume_refused', done: 'resumed' },
  review: { refusal: 'breakglass.review_refused', done: 'reviewed' },
};

export function grantPages(app: FastifyInstance, services: PageServices): void {
  const { desk } = services;
  app.get('/grants', async (request, reply) => {
    const by = viewerOf(request);
    const skip = queryOf(request, 'skip') ?? '0';
    const body = grantList(by, desk.grants(by), /^\d{1,6}$/.test(skip) ? Number(skip) : 0);
    const page = documentOf(frameOf(request, reply, services), { title: 'Grants', at: '/grants', body });
    await sendPage(reply, page);
  });
  app.get('/grants/:id', async (request, reply) => {
    await sendPage(reply, await grantPage(request, reply, services, null, null));
  });
  for (const act of ['revoke', 'resume', 'review'] as const) grantForm(app, services, act);
  lockPages(app, services);
}

function grantForm(app: FastifyInstance, services: PageServices, act: GrantAct): void {
  const { refusal, done } = ACTS[act];
  const failurePage: FailurePage = async (request, reply, failure) => {
    const { state, notice } = afterFailure(request, failure);
    return await grantPage(request, reply, services, { act, state }, notice);
  };
  app.get(`/grants/:id/${act}`, async (request, reply) => {
    await toPage(reply, `/grants/${idOf(request)}`);
  });
  app.post(`/grants/:id/${act}`, { config: { refusal, failurePage } }, async (request, reply) => {
    const id = idOf(request);
    await runAct(services, act, formAct(request), id, sentForm(request));
    await toPage(reply, `/grants/${id}?done=${done}`);
  });
}

async function runAct(
  { desk }: PageServices,
  act: GrantAct,
  by: Act,
  id: string,
  form: FormValues,
): Promise<void> {
  if (act === 'review') {
    const { justified, reason } = reviewOf(form);
    await desk.review(by, id, justified, reason);
  } else if (act === 'resume') await desk.resume(by, id, reasonOf(form));
  else await desk.revoke(by, id, reasonOf(form));
}

/** The page of a grant, after it was put on record that somebody looks at it. */
async function grantPage(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
  sent: GrantViewInput['sent'],
  notice: Html | null,
): Promise<Html> {
  const { desk, log, names } = services;
  const by = viewerOf(request);
  const record = desk.grant(by, idOf(request));
  const { grant } = record;
  const { purpose } = grant.scope;
  await desk.record({ type: 'grant.viewed', actor: by, action: 'R', requestId: grant.request_id, purpose });
  const frame = frameOf(request, reply, services);
  const asked = log.state.requests.get(grant.request_id);
  const topic = names.grantTopic(grant.grant_id);
  const body = grantView({ by, frame, record, request: asked, topic, sent });
  const { beneficiary, topic: raw, replay } = grant.scope;
  const title = replay ? grantTitle(grant.scope) : `Grant for ${beneficiary} on ${raw}`;
  return documentOf(frame, { title, at: '/grants', notice: notice ?? doneNotice(request), body });
}

function lockPages(app: FastifyInstance, services: PageServices): void {
  const { desk } = services;
  const refusal = 'lock.refused';
  const failurePage: FailurePage = async (request, reply, failure) => {
    const { state, notice } = afterFailure(request, failure);
    return lockPage(request, reply, services, state, notice);
  };
  app.get('/locks', { config: { refusal } }, async (request, reply) => {
    await sendPage(reply, lockPage(request, reply, services, EMPTY_FORM, null));
  });
  app.post('/locks', { config: { refusal, failurePage } }, async (request, reply) => {
    const { target, value, reason } = lockOf(sentForm(request));
    await desk.lock(formAct(request), target, value, reason);
    await toPage(reply, '/locks?done=locked');
  });
  app.get('/locks/:id/lift', async (_request, reply) => {
    await toPage(reply, '/locks');
  });
  app.post('/locks/:id/lift', { config: { refusal, failurePage } }, async (request, reply) => {
    await desk.unlock(formAct(request), idOf(request));
    await toPage(reply, '/locks?done=unlocked');
  });
}

function lockPage(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
  state: FormState,
  notice: Html | null,
): Html {
  const by = viewerOf(request);
  const frame = frameOf(request, reply, services);
  const body = lockView(by, frame, services.desk.locks(by), state);
  return documentOf(frame, { title: 'Locks', at: '/locks', notice: notice ?? doneNotice(request), body });
}
