/**
 * What all routes of pages share: what was sent with a request, who is asked, and how a page is given. A failure comes
 * back to the page that it is about, with what was typed, where that page can be shown.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GauzeError } from '../../platform/errors.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { Act } from '../access-desk.ts';
import { actOf, callerOf } from '../http/caller.ts';
import type { Failure } from '../http/problem.ts';
import type { ApprovalServices } from '../service.ts';
import { stateAfter } from './form-bodies.ts';
import { EMPTY_FORM, formOf, valueOf } from './forms.ts';
import type { FormState, FormValues } from './forms.ts';
import { alert, told } from './frame.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { DONE } from './page-words.ts';

/** Gives the page that a failure is about; throws or answers null where it cannot be shown. */
export type FailurePage = (
  request: FastifyRequest,
  reply: FastifyReply,
  failure: Failure,
) => Promise<Html | null>;

declare module 'fastify' {
  interface FastifyContextConfig {
    failurePage?: FailurePage;
  }
}

export type PageServices = Pick<
  ApprovalServices,
  'desk' | 'audit' | 'preview' | 'log' | 'jobs' | 'identity' | 'askable' | 'names' | 'http' | 'redis'
>;

/** The id in the path. Throws ERR_ACCESS_NOT_VISIBLE for what is none. */
export function idOf(request: FastifyRequest): string {
  const { id } = request.params as { readonly id?: string };
  if (id === undefined || !/^[0-9a-f]{16}$/.test(id)) throw new GauzeError('ERR_ACCESS_NOT_VISIBLE', {});
  return id;
}

export function queryOf({ query }: FastifyRequest, name: string): string | null {
  const value = (query as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

export function sentForm(request: FastifyRequest): FormValues {
  return formOf(request.body);
}

export function viewerOf(request: FastifyRequest): AccessActor {
  return callerOf(request);
}

/** The act of a form: sent twice, it counts once. Throws ERR_HTTP_FORM_FIELD for a form without its key. */
export function formAct(request: FastifyRequest): Act {
  const key = valueOf(sentForm(request), 'key');
  if (key === undefined || !/^[0-9a-f-]{36}$/.test(key))
    throw new GauzeError('ERR_HTTP_FORM_FIELD', { setting: 'form' });
  return actOf(request, key);
}

/** What the page before has done; null where it has done nothing. */
export function doneNotice(request: FastifyRequest): Html | null {
  const word = queryOf(request, 'done');
  return word !== null && Object.hasOwn(DONE, word) ? told(DONE[word]!) : null;
}

/** The form as it was sent, with what is wrong; and above the page what has no place in the form. */
export function afterFailure(
  request: FastifyRequest,
  failure: Failure,
): { readonly state: FormState; readonly notice: Html | null } {
  const state = stateAfter(sentForm(request), failure);
  return state ? { state, notice: null } : { state: EMPTY_FORM, notice: failureNotice(failure) };
}

export function failureNotice({ error }: Failure): Html {
  return alert('That was not done', html`<p>${error.message} ${error.action}</p>`);
}

/** Throws away where an address of a form is opened as a page, after a log-in or by a reload. */
export async function toPage(reply: FastifyReply, path: string): Promise<void> {
  await reply.redirect(path, 303);
}
