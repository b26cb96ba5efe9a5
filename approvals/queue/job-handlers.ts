/**
 * What is done when a job runs: look at the folded state, and append what the clock demands. A job that runs twice,
 * late, early, or was made up by somebody, does what a job that never ran would have left to the next one: nothing
 * that the state does not require. Never reads the job itself.
 */
import { nowMs } from '../../platform/clock.ts';
import type { AccessActor, AccessEntryKind } from '../../schemas/access-codecs.ts';
import { hasHappened, logNowMs } from './access-view.ts';
import type { GrantView, QueueLog, RequestView, VerdictView } from './access-view.ts';
import { isRunning, mayLapse, opensAtMs } from './required-jobs.ts';
import type { JobKind } from './required-jobs.ts';

/** What becomes of a job: it is done (with a word for the board), or runs again at `atMs` of the log's time. */
export type JobOutcome =
  { readonly kind: 'done'; readonly word: string } | { readonly kind: 'again'; readonly atMs: number };

/** What must come to its end even where there is no queue. */
export type EndKind = 'request' | 'lapse' | 'end' | 'review-overdue';

export interface JobHandlerOptions {
  readonly log: QueueLog;
  /** Who stands in the log for what the clock demanded. */
  readonly by: AccessActor;
  /** Tells people; for kinds that are nothing but a message. */
  readonly tell: (occasion: 'remind' | 'review-due', requestId: string) => Promise<void>;
  readonly clockMs?: () => number;
}

/** How long after a refusal that nobody expected the entry is tried again. */
const RETRY_MS = 30_000;
/** After the log has found a window closed that was open by the machine's clock. */
const WINDOW_RETRY_MS = 1_000;
/** Least time until an entry that came too early is tried again. */
const EARLY_RETRY_MS = 250;

export class JobHandlers {
  private readonly options: JobHandlerOptions;

  constructor(options: JobHandlerOptions) {
    this.options = options;
  }

  /** Does what the state requires in the regard of `kind`. Throws what the log throws. */
  async run(kind: Exclude<JobKind, 'notice'>, requestId: string): Promise<JobOutcome> {
    const { requests, grants } = this.options.log.state;
    const grant = grants.get(requestId);
    const request = requests.get(requestId);
    switch (kind) {
      case 'request':
        if (request?.state === 'PENDING') return await this.expire(request);
        return grant?.grant.state === 'SCHEDULED' ? await this.activate(grant) : done('no-need');
      case 'lapse':
        return grant ? await this.lapse(grant) : done('no-need');
      case 'end':
        return grant ? await this.end(grant) : done('no-need');
      case 'review-overdue':
        return grant ? await this.reviewOverdue(grant) : done('no-need');
      case 'escalate':
        return request ? await this.escalate(request) : done('no-need');
      case 'remind':
        return request?.state === 'PENDING' ? await this.told('remind', requestId) : done('no-need');
      default:
        return grant?.review.state === 'DUE' ? await this.told('review-due', requestId) : done('no-need');
    }
  }

  /** Ends what is over, and begins nothing: for when there is no queue. Throws what the log throws. */
  async endOnly(kind: EndKind, requestId: string): Promise<JobOutcome> {
    if (kind !== 'request') return await this.run(kind, requestId);
    const request = this.options.log.state.requests.get(requestId);
    return request?.state === 'PENDING' ? await this.expire(request) : done('no-need');
  }

  private async expire({ id, pendingUntilMs }: RequestView): Promise<JobOutcome> {
    if (this.now < pendingUntilMs) return again(pendingUntilMs);
    const verdict = await this.append('EXPIRED', 'request.expiry_attempted', id, null);
    const isOpen = this.options.log.state.requests.get(id)?.state === 'PENDING';
    return this.after(verdict, pendingUntilMs, isOpen);
  }

  /** The one step that needs the queue: what people have granted becomes a grant only by this job. */
  private async activate(view: GrantView): Promise<JobOutcome> {
    const { grant } = view;
    if (this.now >= grant.activate_before) return await this.lapse(view);
    const opens = opensAtMs(grant, this.now);
    if (opens >= grant.activate_before) return done('closed-until-it-lapses');
    if (opens > this.now) return again(opens);
    const id = grant.grant_id;
    const verdict = await this.append('ACTIVATION_ORDERED', 'grant.activation_attempted', id, id);
    if (verdict.code === 'ERR_ACCESS_WINDOW') {
      return again(Math.max(opensAtMs(grant, this.now), this.now + WINDOW_RETRY_MS));
    }
    return this.after(verdict, 0, this.grant(id)?.grant.state === 'SCHEDULED');
  }

  private async lapse(view: GrantView): Promise<JobOutcome> {
    return mayLapse(view) ? await this.endAt(view, view.grant.activate_before, mayLapse) : done('no-need');
  }

  private async end(view: GrantView): Promise<JobOutcome> {
    return isRunning(view) ? await this.endAt(view, view.grant.not_after, isRunning) : done('no-need');
  }

  private async reviewOverdue(view: GrantView): Promise<JobOutcome> {
    const isDue = ({ review }: GrantView): boolean => review.state === 'DUE';
    return isDue(view) ? await this.endAt(view, view.review.dueMs + 1, isDue) : done('no-need');
  }

  /** Has time settle the grant at `dueMs`; done once `isOpen` does not hold any more. */
  private async endAt(
    { grant }: GrantView,
    dueMs: number,
    isOpen: (view: GrantView) => boolean,
  ): Promise<JobOutcome> {
    if (this.now < dueMs) return again(dueMs);
    const id = grant.grant_id;
    const verdict = await this.append('END_ORDERED', 'grant.end_attempted', id, id);
    const present = this.grant(id);
    return this.after(verdict, dueMs, present !== undefined && isOpen(present));
  }

  private async escalate({
    id,
    state,
    history,
    submittedMs,
    pendingUntilMs,
  }: RequestView): Promise<JobOutcome> {
    if (state !== 'PENDING' || hasHappened(history, 'request.escalated')) return done('no-need');
    const dueMs = submittedMs + Math.floor(((pendingUntilMs - submittedMs) * 3) / 4);
    if (this.now < dueMs) return again(dueMs);
    const { log, by } = this.options;
    const entry = { kind: 'ESCALATED', by, request_id: id, idempotency_key: `escalate-${id}` } as const;
    const verdict = await log.append(entry, { type: 'request.escalate_attempted', actor: by, requestId: id });
    const request = log.state.requests.get(id);
    const isOpen = request?.state === 'PENDING' && !hasHappened(request.history, 'request.escalated');
    return this.after(verdict, dueMs, isOpen);
  }

  private async told(occasion: 'remind' | 'review-due', id: string): Promise<JobOutcome> {
    await this.options.tell(occasion, id);
    return done('told');
  }

  private async append(
    kind: AccessEntryKind,
    type: string,
    requestId: string,
    grantId: string | null,
  ): Promise<VerdictView> {
    const { log, by } = this.options;
    const entry = { kind, by, request_id: requestId, grant_id: grantId };
    return await log.append(entry, { type, actor: by, requestId });
  }

  /** Too early by the log's time: as long again as the log says is left. Otherwise done, unless it is still open. */
  private after({ outcome, code }: VerdictView, dueMs: number, isStillOpen: boolean): JobOutcome {
    if (code === 'ERR_ACCESS_NOT_YET') {
      const leftMs = Math.max(dueMs - this.options.log.state.nowMs, EARLY_RETRY_MS);
      return again(this.now + leftMs);
    }
    if (isStillOpen) return again(this.now + RETRY_MS);
    return done(outcome === 'ACCEPTED' ? 'done' : 'done-before');
  }

  private grant(id: string): GrantView | undefined {
    return this.options.log.state.grants.get(id);
  }

  private get now(): number {
    return logNowMs(this.options.log.state, (this.options.clockMs ?? nowMs)());
  }
}

function done(word: string): JobOutcome {
  return { kind: 'done', word };
}

function again(atMs: number): JobOutcome {
  return { kind: 'again', atMs };
}
