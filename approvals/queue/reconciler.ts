/**
 * Keeps queue and log together: whatever the folded state requires is in the queue, again and again. And without
 * Redis: what must end, ends, because overdue ends are appended from here; what is to begin waits for the queue.
 */
import { monotonicMs, nowMs, random, sleep } from '../../platform/clock.ts';
import { logNowMs } from './access-view.ts';
import type { AccessView, QueueLog } from './access-view.ts';
import type { EndKind, JobHandlers } from './job-handlers.ts';
import type { JobQueues } from './job-queues.ts';
import { isRunning, mayLapse, requiredJobs } from './required-jobs.ts';
import type { RequiredJob } from './required-jobs.ts';

export interface ReconcilerOptions {
  readonly log: QueueLog;
  readonly queues: Pick<JobQueues, 'ensure' | 'release'> & { readonly link: { readonly isUp: boolean } };
  readonly handlers: Pick<JobHandlers, 'endOnly'>;
  /** Puts notices in; called after each change. */
  readonly catchUp: () => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** How often everything is looked at, changed or not. */
  readonly sweepMs?: number;
  /** How long an end may be overdue before it is appended without the queue. */
  readonly overdueMs?: number;
}

const SWEEP_MS = 5_000;
const OVERDUE_MS = 3_000;
/** Changes are gathered for so long. */
const GATHER_MS = 50;
/** Instances wait differently long, so that mostly one of them appends. */
const SPREAD_MS = 1_500;
/** How soon an end that was not taken in is tried again. */
const END_RETRY_MS = 10_000;
/** Jobs looked at in one round trip. */
const PIPELINED = 100;

export class Reconciler {
  private readonly options: ReconcilerOptions;
  private readonly closing = new AbortController();
  private readonly spreadMs = (random(2).readUInt16BE() / 0x10000) * SPREAD_MS;
  /** Jobs that are known to be in the queue as they should be. */
  private readonly settled = new Map<string, RequiredJob>();
  private readonly endTriedMs = new Map<string, number>();
  private lastSweepMs = Number.NEGATIVE_INFINITY;
  private running: Promise<unknown> | null = null;

  constructor(options: ReconcilerOptions) {
    this.options = options;
  }

  start(): void {
    this.running ??= Promise.all([
      this.forever(async () => await this.reconcileQueue()),
      this.forever(async () => await this.endOverdue()),
    ]);
  }

  /** Redis is there again, and may hold anything: nothing is taken for granted. */
  forget(): void {
    this.settled.clear();
    this.lastSweepMs = Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  /** Makes sure of all jobs that are new or changed, and at each sweep of all. Throws ERR_REDIS_UNREACHABLE. */
  async reconcileQueue(): Promise<void> {
    const { log, queues, catchUp } = this.options;
    if (!queues.link.isUp) return;
    const now = logNowMs(log.state, nowMs());
    const required = requiredJobs(log.state, now);
    const isSweep = monotonicMs() - this.lastSweepMs >= (this.options.sweepMs ?? SWEEP_MS);
    const sweptMs = monotonicMs();
    const wanted = [...required.values()].filter((job) => isSweep || this.isNews(job));
    for (let at = 0; at < wanted.length; at += PIPELINED) {
      await Promise.all(wanted.slice(at, at + PIPELINED).map(async (job) => await this.ensure(job, now)));
    }
    for (const [id, job] of this.settled) {
      if (required.has(id)) continue;
      await queues.release(job);
      this.settled.delete(id);
    }
    if (isSweep) this.lastSweepMs = sweptMs;
    await catchUp();
  }

  /** Appends ends that are overdue; needs no Redis. */
  async endOverdue(): Promise<void> {
    const { log, handlers, onError } = this.options;
    const before = logNowMs(log.state, nowMs()) - (this.options.overdueMs ?? OVERDUE_MS) - this.spreadMs;
    for (const { kind, id } of overdueEnds(log.state, before)) {
      const triedMs = this.endTriedMs.get(id) ?? Number.NEGATIVE_INFINITY;
      if (monotonicMs() - triedMs < END_RETRY_MS) continue;
      this.endTriedMs.set(id, monotonicMs());
      await handlers.endOnly(kind, id).catch(onError);
    }
    for (const [id, triedMs] of this.endTriedMs) {
      if (monotonicMs() - triedMs >= END_RETRY_MS) this.endTriedMs.delete(id);
    }
  }

  private async ensure(job: RequiredJob, now: number): Promise<void> {
    const isNews = this.isNews(job);
    await this.options.queues.ensure(job, now, isNews);
    this.settled.set(job.id, job);
  }

  private isNews(job: RequiredJob): boolean {
    return this.settled.get(job.id)?.dueMs !== job.dueMs;
  }

  private async forever(pass: () => Promise<void>): Promise<void> {
    const { signal } = this.closing;
    const { log, onError, sweepMs } = this.options;
    while (!signal.aborted) {
      const changed = log.changed(signal, sweepMs ?? SWEEP_MS);
      await pass().catch(onError);
      await changed;
      await sleep(GATHER_MS, signal).catch(() => undefined);
    }
  }
}

/** What is over since before `beforeMs` and not ended yet. */
export function overdueEnds(
  { requests, grants }: AccessView,
  beforeMs: number,
): readonly { readonly kind: EndKind; readonly id: string }[] {
  const ends: { kind: EndKind; id: string }[] = [];
  for (const { id, state, pendingUntilMs } of requests.values()) {
    if (state === 'PENDING' && pendingUntilMs <= beforeMs) ends.push({ kind: 'request', id });
  }
  for (const view of grants.values()) {
    const { grant, review } = view;
    if (isRunning(view) && grant.not_after <= beforeMs) ends.push({ kind: 'end', id: grant.grant_id });
    if (mayLapse(view) && grant.activate_before <= beforeMs) ends.push({ kind: 'lapse', id: grant.grant_id });
    const isOverdue = review.state === 'DUE' && review.dueMs < beforeMs;
    if (isOverdue) ends.push({ kind: 'review-overdue', id: grant.grant_id });
  }
  return ends;
}
