/**
 * Who is told what, as a pure function of what happened to a request or a grant. A message says ids, names of topics
 * and fields, codes and counts; never what a person wrote, who a record is about, or a value of a record.
 */
import type { AccessStage } from '../../schemas/access-codecs.ts';
import type { GrantView, HistoryView, RequestView } from '../queue/access-view.ts';
import { isRunning } from '../queue/required-jobs.ts';
import { GRANT_TEXTS, OFFICER_TEXTS, REQUEST_TEXTS, REVIEW } from './message-texts.ts';
import type { Message, MessageFacts, OutcomeText } from './message.ts';

/** Who locks, reviews and is told of every use of break-glass. */
const PRIVACY_OFFICERS = 'privacy-officers';

/** The timers whose running out is an occasion of its own. */
export const TIMER_OCCASIONS = ['remind', 'review-due'] as const;
export type TimerOccasion = (typeof TIMER_OCCASIONS)[number];

/** The stages of a rule as they stand in the rules: whom break-glass has passed over. */
export type StagesOfRule = (rule: string) => readonly AccessStage[];

/** What is told about one line of a request's history; the same each time it is asked. */
export function requestMessages(
  request: RequestView,
  line: HistoryView,
  stagesOfRule: StagesOfRule,
): readonly Message[] {
  const { body, requester } = request;
  const to = (role: string, title: string, next: string): Message =>
    message(request, line.type, { kind: 'role', role }, { title, next }, request.pendingUntilMs);
  if (line.type === 'request.submitted') {
    if (body.emergency) return skipped(request, line.type, stagesOfRule);
    const first = body.stages[0];
    return first ? [to(first.role, 'A request waits for your decision.', DECIDE)] : [];
  }
  if (line.type === 'request.escalated') {
    const roles = [stageAfter(request, line.offset)?.role, PRIVACY_OFFICERS];
    return distinct(roles).map((role) => to(role, 'A request is close to its end, undecided.', DECIDE));
  }
  if (APPROVALS.has(line.type)) {
    if (!isFirstOfOffset(request.history, line) || !completesStage(request, line.offset)) return [];
    const next = stageAfter(request, line.offset);
    if (next) return [to(next.role, 'A request waits for your decision.', DECIDE)];
    return [person(request, line.type, requester, REQUEST_TEXTS.approved)];
  }
  const text = REQUEST_TEXTS[line.type];
  return text ? [person(request, line.type, requester, text)] : [];
}

/** What is told about one line of a grant's history. */
export function grantMessages(request: RequestView, view: GrantView, line: HistoryView): readonly Message[] {
  const { grant, review } = view;
  const untilMs = isRunning(view) ? grant.not_after : null;
  const forOfficers = OFFICER_TEXTS[line.type];
  if (forOfficers) {
    return [officers(request, line.type, forOfficers, review.dueMs > 0 ? review.dueMs : untilMs)];
  }
  const text = GRANT_TEXTS[line.type];
  if (!text || (line.type === 'grant.revoked' && wasRevoking(view))) return [];
  const isRevoked = line.type === 'grant.revoking' || line.type === 'grant.revoked';
  const people = [request.requester, isRevoked ? request.body.beneficiary_owner : undefined];
  return distinct(people).map((id) => person(request, line.type, id, text, untilMs));
}

/** What is told when a timer has run out. */
export function timerMessages(
  occasion: TimerOccasion,
  request: RequestView,
  view: GrantView | undefined,
): readonly Message[] {
  if (occasion === 'review-due') {
    if (view?.review.state !== 'DUE') return [];
    const text = { title: 'A use of break-glass has not been reviewed yet.', next: REVIEW };
    return [officers(request, occasion, text, view.review.dueMs)];
  }
  const stage = request.body.stages[request.stage];
  if (!stage || request.state !== 'PENDING') return [];
  const text = { title: 'Half of the time to decide about a request is over.', next: DECIDE };
  return [message(request, occasion, { kind: 'role', role: stage.role }, text, request.pendingUntilMs)];
}

/** Both stand for one vote, where it narrows. */
const APPROVALS: ReadonlySet<string> = new Set(['decision.approved', 'decision.narrowed']);
const DECIDE = 'Look at what it would reveal, then approve, narrow or deny it.';

/** Everybody who would have had to decide, and the privacy officers. */
function skipped(request: RequestView, occasion: string, stagesOfRule: StagesOfRule): readonly Message[] {
  const stages = request.body.stages.length > 0 ? request.body.stages : stagesOfRule(request.body.rule);
  const text = {
    title: 'Break-glass was used: raw access was taken without your decision.',
    next: 'Look at it now; revoke it if it should not be.',
  };
  return distinct([...stages.map(({ role }) => role), PRIVACY_OFFICERS]).map((role) =>
    message(request, occasion, { kind: 'role', role }, text, null),
  );
}

/** The stage that was asked once the entry at `offset` was folded: the first without enough votes up to there. */
function stageAfter({ body, votes }: RequestView, offset: number): AccessStage | null {
  const open = body.stages.find(
    ({ count }, index) =>
      votes.filter((vote) => vote.stage === index && vote.offset <= offset).length < count,
  );
  return open ?? null;
}

function completesStage(request: RequestView, offset: number): boolean {
  return stageAfter(request, offset) !== stageAfter(request, offset - 1);
}

function isFirstOfOffset(history: readonly HistoryView[], line: HistoryView): boolean {
  return history.find(({ offset, type }) => offset === line.offset && APPROVALS.has(type)) === line;
}

function wasRevoking(view: GrantView): boolean {
  return view.history.some(({ type }) => type === 'grant.revoking');
}

function officers(
  request: RequestView,
  occasion: string,
  text: OutcomeText,
  untilMs: number | null,
): Message {
  return message(request, occasion, { kind: 'role', role: PRIVACY_OFFICERS }, text, untilMs);
}

function person(
  request: RequestView,
  occasion: string,
  id: string,
  text: OutcomeText | undefined,
  untilMs: number | null = null,
): Message {
  const words = text ?? { title: 'A request of yours has changed.', next: 'Look at it.' };
  return message(request, occasion, { kind: 'person', id }, words, untilMs);
}

function message(
  request: RequestView,
  occasion: string,
  recipient: Message['recipient'],
  { title, next }: OutcomeText,
  untilMs: number | null,
): Message {
  const { scope, body } = request;
  const facts: MessageFacts = {
    topic: scope?.topic ?? null,
    audience: scope?.base_audience ?? body.policy?.audience ?? null,
    fields: scope?.fields.map(({ path }) => path) ?? [],
    purpose: scope?.purpose ?? null,
    maxRecords: scope?.max_records ?? null,
    maxPersons: scope?.max_persons ?? scope?.persons?.length ?? null,
    minutes: scope ? Math.round(scope.duration_ms / 60_000) : null,
    untilMs,
  };
  return { recipient, occasion, requestId: request.id, title, next, facts };
}

function distinct(names: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}
