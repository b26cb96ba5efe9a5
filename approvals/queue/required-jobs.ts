/**
 * Which jobs the folded state requires right now: a pure function, so that lost or stale jobs can be made good from
 * the log at any time. Jobs hold ids alone: no name, no reason, no time that anybody would trust.
 */
import type { GrantState } from '../../schemas/access-codecs.ts';
import { nextOpening } from '../access-window.ts';
import { isLive } from '../terminal-states.ts';
import { hasHappened, presentStage } from './access-view.ts';
import type { AccessView, GrantView, RequestView } from './access-view.ts';

/** What is to be looked at, and in which regard. */
export type JobKind =
  'request' | 'remind' | 'escalate' | 'lapse' | 'end' | 'review-due' | 'review-overdue' | 'notice';

/** The queue of requests, the one of times to be kept, and the one of messages to people. */
export type QueueName = 'approvals' | 'timers' | 'notices';

export interface RequiredJob {
  readonly queue: QueueName;
  readonly kind: JobKind;
  /** The same for the same purpose, on every instance; no colon, no integer: BullMQ takes neither. */
  readonly id: string;
  readonly requestId: string;
  /** When it is to run, in milliseconds since the epoch; 0: now. */
  readonly dueMs: number;
  /** It runs once; others come again as long as the state requires them. */
  readonly isOnce: boolean;
}

/** All jobs that the state requires, by id. */
export function requiredJobs(state: AccessView, nowMs: number): ReadonlyMap<string, RequiredJob> {
  const jobs = new Map<string, RequiredJob>();
  for (const request of state.requests.values()) {
    if (request.state === 'PENDING') for (const job of pendingJobs(request)) jobs.set(job.id, job);
  }
  for (const grant of state.grants.values()) {
    for (const job of grantJobs(grant, nowMs)) jobs.set(job.id, job);
  }
  return jobs;
}

function pendingJobs(request: RequestView): readonly RequiredJob[] {
  const { id, submittedMs, pendingUntilMs } = request;
  const pendingMs = pendingUntilMs - submittedMs;
  const jobs = [requestJob(id, pendingUntilMs)];
  if (!presentStage(request)) return jobs;
  jobs.push(timer('remind', id, submittedMs + Math.floor(pendingMs / 2), true));
  if (!hasHappened(request.history, 'request.escalated')) {
    jobs.push(timer('escalate', id, submittedMs + Math.floor((pendingMs * 3) / 4)));
  }
  return jobs;
}

function grantJobs(view: GrantView, nowMs: number): readonly RequiredJob[] {
  const { grant } = view;
  const jobs: RequiredJob[] = [];
  if (grant.state === 'SCHEDULED') {
    const opens = opensAtMs(grant, nowMs);
    if (opens < grant.activate_before) {
      jobs.push(requestJob(grant.grant_id, opens <= nowMs ? 0 : opens));
    }
  }
  if (mayLapse(view)) jobs.push(timer('lapse', grant.grant_id, grant.activate_before));
  if (isRunning(view)) jobs.push(timer('end', grant.grant_id, grant.not_after));
  jobs.push(...reviewJobs(view));
  return jobs;
}

/** The next time, at `nowMs` or after it, when the grant may be activated; infinity when it never may. */
export function opensAtMs({ scope }: GrantState, nowMs: number): number {
  if (scope.window === null) return nowMs;
  const opening = nextOpening(scope.window, nowMs);
  return opening ? Math.max(opening.startMs, nowMs) : Number.POSITIVE_INFINITY;
}

/** Whether the grant ends by itself if it is not active in time: what was ordered and never made too. */
export function mayLapse({ grant }: GrantView): boolean {
  return isLive(grant.state) && grant.not_after === 0;
}

/** Whether the grant has a time at which it must end. */
export function isRunning({ grant }: GrantView): boolean {
  return (grant.state === 'ACTIVE' || grant.state === 'SUSPENDED') && grant.not_after > 0;
}

function reviewJobs({ grant, review }: GrantView): readonly RequiredJob[] {
  if (review.state !== 'DUE') return [];
  const half = grant.not_before + Math.floor((review.dueMs - grant.not_before) / 2);
  return [
    timer('review-due', grant.grant_id, half, true),
    timer('review-overdue', grant.grant_id, review.dueMs),
  ];
}

function requestJob(requestId: string, dueMs: number): RequiredJob {
  return { queue: 'approvals', kind: 'request', id: `request-${requestId}`, requestId, dueMs, isOnce: false };
}

function timer(kind: JobKind, requestId: string, dueMs: number, isOnce = false): RequiredJob {
  return { queue: 'timers', kind, id: `${kind}-${requestId}`, requestId, dueMs, isOnce };
}
