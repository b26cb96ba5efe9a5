/**
 * The queues of BullMQ and what is done to them: making sure that a job is there, at the right time. Jobs hold ids
 * alone; a job that is there already stays one job. Nothing read from here ever decides about a grant.
 */
import { Queue } from 'bullmq';
import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobsOptions } from 'bullmq';
import { RedisLink } from './redis-link.ts';
import type { RedisLinkOptions } from './redis-link.ts';
import type { QueueName, RequiredJob } from './required-jobs.ts';

/** All that stands in a job: which request to look at, and for a notice, which message. */
export interface JobData {
  readonly requestId: string;
  readonly occasion?: string;
  readonly offset?: number;
  readonly index?: number;
  readonly channel?: string;
}

export interface JobQueuesOptions extends RedisLinkOptions {
  /** Goes before all keys. */
  readonly prefix: string;
  readonly onError: (error: unknown) => void;
}

/** A notice is tried so often, with pauses that double from 2 s: for about half an hour. */
export const NOTICE_ATTEMPTS = 10;
const NOTICE_BACKOFF_MS = 2_000;
/** A finished job of a one-time kind is kept so long, so that it does not come again; s. */
const FINISHED_KEPT_S = 30 * 24 * 3600;
const FINISHED_KEPT_COUNT = 20_000;
/** A job that is so long overdue and still delayed was put in by somebody who knew less: it is promoted. */
const OVERDUE_MS = 45_000;

export class JobQueues {
  readonly link: RedisLink;
  private readonly prefix: string;
  private readonly byName: Readonly<Record<QueueName, Queue<JobData>>>;

  constructor(options: JobQueuesOptions) {
    this.link = new RedisLink(options);
    this.prefix = options.prefix;
    const open = (name: QueueName): Queue<JobData> => openQueue(name, this.link.client, options);
    this.byName = { approvals: open('approvals'), timers: open('timers'), notices: open('notices') };
  }

  /** For the board. */
  get all(): readonly Queue<JobData>[] {
    return Object.values(this.byName);
  }

  /**
   * Makes sure that `job` is there. With `isNews`, a job that waits for another time gets this one; without, it is
   * left as it is unless it is long overdue. Throws ERR_REDIS_UNREACHABLE.
   */
  async ensure(job: RequiredJob, nowMs: number, isNews: boolean): Promise<void> {
    const queue = this.byName[job.queue];
    const delay = Math.max(job.dueMs - nowMs, 0);
    await this.link.call(async () => {
      const state = await queue.getJobState(job.id);
      if (state === 'unknown') return await add(queue, job, delay);
      if (state === 'completed' || state === 'failed') {
        if (job.isOnce) return;
        await queue.remove(job.id);
        return await add(queue, job, delay);
      }
      if (state !== 'delayed') return;
      if (isNews || nowMs - job.dueMs > OVERDUE_MS) await reschedule(await queue.getJob(job.id), delay);
    });
  }

  /** Lets a job run now that nothing requires any more: it looks, finds nothing to do, and is done. */
  async release(job: RequiredJob): Promise<void> {
    await this.link.call(async () => {
      await reschedule(await this.byName[job.queue].getJob(job.id), 0);
    });
  }

  /** Puts in a notice, if it is not there. */
  async addNotice(id: string, data: JobData): Promise<void> {
    await this.link.call(async () => {
      const backoff = { type: 'exponential', delay: NOTICE_BACKOFF_MS };
      await this.byName.notices.add('notice', data, { ...options(id), attempts: NOTICE_ATTEMPTS, backoff });
    });
  }

  /** The offset of the access log up to which notices have been put in; null when Redis knows of none. */
  async noticesFrom(): Promise<number | null> {
    const text = await this.link.call(async (client) => await client.get(this.noticesKey));
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
  }

  async setNoticesFrom(offset: number): Promise<void> {
    await this.link.call(async (client) => await client.set(this.noticesKey, String(offset)));
  }

  /** Keeps nobody waiting: what is under way is put in again by the next one who reads the log. */
  async close(): Promise<void> {
    this.link.close();
    await Promise.allSettled(this.all.map(async (queue) => await queue.close()));
  }

  private get noticesKey(): string {
    return `${this.prefix}:notices-from`;
  }
}

/** No script waits for Redis here, and none asks it for its version: a queue is usable whenever the link is. */
function openQueue(
  name: QueueName,
  connection: Redis,
  { prefix, onError }: JobQueuesOptions,
): Queue<JobData> {
  const queue = new Queue<JobData>(name, {
    connection,
    prefix,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  });
  queue.on('error', onError);
  return queue;
}

async function add(queue: Queue<JobData>, job: RequiredJob, delay: number): Promise<void> {
  await queue.add(job.kind, { requestId: job.requestId }, { ...options(job.id), delay });
}

/** Another instance may do the same at the same time; whoever comes second finds it done. */
async function reschedule(job: Job<JobData> | undefined, delay: number): Promise<void> {
  if (!job || !(await job.isDelayed())) return;
  if (delay > 0) await job.changeDelay(delay);
  else await job.promote();
}

function options(jobId: string): JobsOptions {
  const keep = { age: FINISHED_KEPT_S, count: FINISHED_KEPT_COUNT };
  return { jobId, removeOnComplete: keep, removeOnFail: keep, stackTraceLimit: 0 };
}
