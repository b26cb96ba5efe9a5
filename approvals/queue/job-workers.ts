/**
 * The workers of BullMQ: they take jobs and call the handlers. What a job holds is only used where it has the form
 * of an id. Nothing foreign is stored with a job, and an outage is waited out, never counted against it.
 */
import { DelayedError, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { nowMs, sleep } from '../../platform/clock.ts';
import { ownError } from '../../platform/errors.ts';
import type { JobOutcome } from './job-handlers.ts';
import type { JobData } from './job-queues.ts';
import { workerConnection } from './redis-link.ts';
import type { RedisSettings } from './redis-link.ts';
import type { JobKind, QueueName } from './required-jobs.ts';

export interface JobWorkersOptions extends RedisSettings {
  readonly prefix: string;
  readonly run: (kind: Exclude<JobKind, 'notice'>, requestId: string) => Promise<JobOutcome>;
  /** Sends a notice; throws to have it tried again. `isLast`: there is no further attempt. */
  readonly send: (data: JobData, attempt: number, isLast: boolean) => Promise<JobOutcome>;
  /** The log's time now, in milliseconds since the epoch. */
  readonly logNowMs: () => number;
  /** Whether Redis answers. */
  readonly isUp: () => boolean;
  readonly onError: (error: unknown) => void;
}

const CONCURRENCY = 8;
/** After the log or Redis has failed a job. */
const OUTAGE_RETRY_MS = 5_000;
const LEAST_DELAY_MS = 50;
const CLOSE_TIMEOUT_MS = 3_000;
/** How soon a job whose worker died is taken up by another, twice that at most. */
const STALLED_CHECK_MS = 10_000;
const KINDS: ReadonlySet<string> = new Set([
  'request',
  'remind',
  'escalate',
  'lapse',
  'end',
  'review-due',
  'review-overdue',
]);

export class JobWorkers {
  private readonly options: JobWorkersOptions;
  private isClosing = false;
  private readonly workers: readonly Worker<JobData>[];

  constructor(options: JobWorkersOptions) {
    this.options = options;
    this.workers = [
      this.worker('approvals', async (job) => await this.state(job)),
      this.worker('timers', async (job) => await this.state(job)),
      this.worker('notices', async (job) => await this.notice(job)),
    ];
  }

  /** Ends after what is being done now; gives up waiting where Redis is away: such jobs run again elsewhere. */
  async close(): Promise<void> {
    this.isClosing = true;
    await Promise.all(this.workers.map(async (worker) => await ended(worker, !this.options.isUp())));
  }

  private worker(name: QueueName, work: (job: Job<JobData>) => Promise<JobOutcome>): Worker<JobData> {
    const { prefix, onError } = this.options;
    const worker = new Worker<JobData>(
      name,
      async (job: Job<JobData>, token?: string) => await this.carryOut(job, token, work),
      {
        connection: workerConnection(this.options, () => this.isClosing),
        prefix,
        concurrency: CONCURRENCY,
        stalledInterval: STALLED_CHECK_MS,
        drainDelay: 2,
        runRetryDelay: 1_000,
      },
    );
    worker.on('error', onError);
    return worker;
  }

  private async carryOut(
    job: Job<JobData>,
    token: string | undefined,
    work: (job: Job<JobData>) => Promise<JobOutcome>,
  ): Promise<string> {
    const outcome = await work(job);
    if (outcome.kind === 'done') return outcome.word;
    const delayMs = Math.max(outcome.atMs - this.options.logNowMs(), LEAST_DELAY_MS);
    await job.moveToDelayed(nowMs() + delayMs, token);
    throw new DelayedError();
  }

  private async state(job: Job<JobData>): Promise<JobOutcome> {
    const { requestId } = job.data;
    if (!isKind(job.name) || !isId(requestId)) return { kind: 'done', word: 'unreadable' };
    try {
      return await this.options.run(job.name, requestId);
    } catch (error) {
      this.options.onError(error);
      return { kind: 'again', atMs: this.options.logNowMs() + OUTAGE_RETRY_MS };
    }
  }

  private async notice(job: Job<JobData>): Promise<JobOutcome> {
    const attempt = job.attemptsMade + 1;
    try {
      return await this.options.send(job.data, attempt, attempt >= (job.opts.attempts ?? 1));
    } catch (error) {
      throw ownError(error, 'ERR_NOTIFY_SEND');
    }
  }
}

/** Where Redis is away an orderly end would wait for it, and keep the process alive. */
async function ended(worker: Worker<JobData>, isForced: boolean): Promise<void> {
  const late = new AbortController();
  const orderly = worker.close(isForced).then(() => true);
  const timeout = sleep(CLOSE_TIMEOUT_MS, late.signal).then(() => false);
  const isEnded = await Promise.race([orderly, timeout.catch(() => true)]);
  late.abort();
  if (!isEnded) void worker.disconnect().catch(() => undefined);
}

function isKind(name: string): name is Exclude<JobKind, 'notice'> {
  return KINDS.has(name);
}

/** The form of a request's id; anything else was not put in by us. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{16}$/.test(text);
}
