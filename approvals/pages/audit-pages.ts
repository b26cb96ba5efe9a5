/**
 * The pages of auditors: how the verification stands, and each question with its answer. They turn forms into questions
 * at the audit desk and its answers into pages; to everybody else they are closed, which is on record.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { nowMs, randomId } from '../../platform/clock.ts';
import { ownError } from '../../platform/errors.ts';
import { assertAuditor } from '../audit-desk.ts';
import type { AuditAnswer, LinesShown } from '../audit-question.ts';
import { AUDIT_REFUSAL } from '../http/audit-routes.ts';
import { answerView } from './audit-answer-view.ts';
import { QUESTION_FORMS, wantedAs } from './audit-forms.ts';
import type { QuestionForm } from './audit-forms.ts';
import { statusView } from './audit-status-view.ts';
import { EMPTY_FORM, faultSummary, hidden } from './forms.ts';
import type { FormState, FormValues } from './forms.ts';
import { alert, documentOf, sendPage } from './frame.ts';
import type { Frame } from './frame.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { afterFailure, queryOf, sentForm, viewerOf } from './page-kit.ts';
import type { FailurePage, PageServices } from './page-kit.ts';
import { formTo } from './pieces.ts';
import { frameOf } from './visitors.ts';

const AT = '/audit';
/** Inputs of a form that are not part of the question. */
const NOT_ASKED: ReadonlySet<string> = new Set(['_csrf', 'key', 'as', 'skip']);

/** `app`: a scope of their own, for what holds for all of them. */
export function auditPages(app: FastifyInstance, services: PageServices): void {
  app.addHook('preHandler', async (request) => assertAuditor(viewerOf(request)));
  app.get(AT, { config: { refusal: AUDIT_REFUSAL } }, async (request, reply) => {
    await statusPage(request, reply, services);
  });
  for (const [name, form] of Object.entries(QUESTION_FORMS)) questionPages(app, services, name, form);
}

async function statusPage(
  request: FastifyRequest,
  reply: FastifyReply,
  services: PageServices,
): Promise<void> {
  const frame = frameOf(request, reply, services);
  try {
    const body = statusView(services.audit.status(viewerOf(request)), nowMs());
    await sendPage(reply, documentOf(frame, { title: 'Audit', at: AT, body }));
  } catch (thrown) {
    const { code, message, action } = ownError(thrown);
    if (code !== 'ERR_AUDIT_DESK_ABSENT') throw thrown;
    const body = alert('Not set up here', html`<p>${message} ${action}</p>`);
    await sendPage(reply, documentOf(frame, { title: 'Audit', at: AT, body }), 503);
  }
}

function questionPages(app: FastifyInstance, services: PageServices, name: string, form: QuestionForm): void {
  const path = `${AT}/${name}`;
  const failurePage: FailurePage = async (request, reply, failure) => {
    assertAuditor(viewerOf(request));
    const sent = sentForm(request);
    const { state, notice } = afterFailure(request, failure);
    const shown = notice ? { ...EMPTY_FORM, values: sent } : state;
    const frame = frameOf(request, reply, services);
    return await Promise.resolve(questionPage({ frame, path, form, state: shown, notice, answer: null }));
  };
  const config = { refusal: AUDIT_REFUSAL, failurePage };
  app.get(path, { config }, async (request, reply) => {
    const frame = frameOf(request, reply, services);
    const state = startOf(request);
    await sendPage(reply, questionPage({ frame, path, form, state, notice: null, answer: null }));
  });
  app.post(path, { config }, async (request, reply) => {
    const sent = sentForm(request);
    const answer = await services.audit.ask(viewerOf(request), form.question(sent));
    const file = fileOf(answer, wantedAs(sent));
    if (file) return await sendFile(reply, file);
    const frame = frameOf(request, reply, services);
    const state = { ...EMPTY_FORM, values: sent };
    return await sendPage(reply, questionPage({ frame, path, form, state, notice: null, answer }));
  });
}

/** The form as it is first shown: a link to an event names its place, which tells of nobody. */
function startOf(request: FastifyRequest): FormState {
  const [, partition, offset] = /^(\d{1,7})-(\d{1,15})$/.exec(queryOf(request, 'at') ?? '') ?? [];
  if (partition === undefined || offset === undefined) return EMPTY_FORM;
  return { ...EMPTY_FORM, values: { partition: [partition], offset: [offset] } };
}

interface QuestionPage {
  readonly frame: Frame;
  readonly path: string;
  readonly form: QuestionForm;
  readonly state: FormState;
  readonly notice: Html | null;
  readonly answer: AuditAnswer | null;
}

function questionPage({ frame, path, form, state, notice, answer }: QuestionPage): Html {
  const { title, about, inputs, files = [] } = form;
  const buttons = html`<div class="buttons">
    <button type="submit" class="main">Ask</button>
    ${files.map(([as, text]) => html`<button type="submit" name="as" value="${as}">${text}</button>`)}
  </div>`;
  const body = html`<p>${about}</p>
    ${formTo(
      { action: path, frame, key: randomId() },
      html`${faultSummary(state)} ${inputs(state)} ${buttons}`,
    )}
    ${answer ? answerView(answer) : null}
    ${answer && 'page' in answer ? otherLines(answer.page, path, frame, state.values) : null}
    <p><a href="${AT}">To the audit</a></p>`;
  return documentOf(frame, { title, at: AT, notice, body });
}

/** The same question for other lines of its answer; each is asked anew, and on record anew. */
function otherLines(
  { skip, limit, total }: LinesShown,
  path: string,
  frame: Frame,
  values: FormValues,
): Html | null {
  if (total <= limit && skip === 0) return null;
  const kept = Object.entries(values)
    .filter(([name]) => !NOT_ASKED.has(name))
    .flatMap(([name, all]) => all.map((value) => hidden(name, value)));
  const button = (from: number, text: string): Html =>
    html`<button type="submit" name="skip" value="${from}">${text}</button>`;
  return formTo(
    { action: path, frame, key: randomId() },
    html`${kept}
      <p>Lines ${Math.min(skip + 1, total)} to ${Math.min(skip + limit, total)} of ${total}.</p>
      <div class="buttons">
        ${skip > 0 ? button(Math.max(0, skip - limit), 'Lines before') : null}
        ${skip + limit < total ? button(skip + limit, 'More lines') : null}
      </div>`,
  );
}

interface DownloadFile {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

/** What is to be downloaded; null where the answer is to be shown. Names of files name nobody. */
function fileOf(answer: AuditAnswer, as: string): DownloadFile | null {
  if (answer.question === 'event' && as === 'proof')
    return { name: 'event.tlog-proof', type: 'text/plain; charset=utf-8', text: answer.proof };
  if (answer.question !== 'disclosures' || answer.file === null) return null;
  const type = as === 'csv' ? 'text/csv; charset=utf-8' : 'text/html; charset=utf-8';
  return { name: `accounting-of-disclosures.${as}`, type, text: answer.file };
}

async function sendFile(reply: FastifyReply, { name, type, text }: DownloadFile): Promise<void> {
  await reply.type(type).header('content-disposition', `attachment; filename="${name}"`).send(text);
}
