/**
 * The queue of approvals as the service starts and stops it: queues, workers, the reconciler and the notices. What
 * people decide becomes a grant through a job here and no other way; what must end ends with or without it.
 */
import type { Queue } from 'bullmq';
import { nowMs } from '../../platform/clock.ts';
import { ownError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/log.ts';
import type { Channel } from '../notify/message.ts';
import type { StagesOfRule } from '../notify/messages.ts';
import { NoticeDesk } from '../notify/notice-desk.ts';
import { clockActor, logNowMs } from './access-view.ts';
import type { QueueLog } from './access-view.ts';
import { JobHandlers } from './job-handlers.ts';
import { JobQueues } from './job-queues.ts';
import type { JobData } from './job-queues.ts';
import { JobWorkers } from './job-workers.ts';
import { Reconciler } from './reconciler.ts';
import type { RedisSettings } from './redis-link.ts';

export interface ApprovalJobsOptions {
  /** Started. */
  readonly log: QueueLog;
  readonly redis: RedisSettings;
  /** Before all keys in Redis: the prefix of the topics. */
  readonly prefix: string;
  /** Kafka principal of this service, `User:...`: who stands in the log for what the clock demanded. */
  readonly principal: string;
  readonly channels: readonly Channel[];
  /** Stages of a rule, for telling those whom break-glass has passed over. */
  readonly stagesOfRule: StagesOfRule;
  /** The page of a request, for messages. */
  readonly link: (requestId: string) => string;
  readonly logger: Logger;
  /** How often log and queue are compared when nothing changes. */
  readonly sweepMs?: number;
}

export class ApprovalJobs {
  private readonly options: ApprovalJobsOptions;
  private readonly jobQueues: JobQueues;
  private readonly handlers: JobHandlers;
  private readonly desk: NoticeDesk;
  private readonly reconciler: Reconciler;
  private workers: JobWorkers | null = null;

  constructor(options: ApprovalJobsOptions) {
    this.options = options;
    const { log, prefix, logger } = options;
    const by = clockActor(options.principal);
    const onError = (error: unknown): void => this.report(error);
    this.jobQueues = new JobQueues({
      ...options.redis,
      prefix,
      onError,
      onLost: (error) => logger.warn('Redis is away: nothing is activated until it is back', { error }),
      onReady: () => this.ready(),
    });
    this.desk = new NoticeDesk({ ...options, by, queues: this.jobQueues, onError });
    const tell: NoticeDesk['tell'] = async (occasion, id) => await this.desk.tell(occasion, id);
    this.handlers = new JobHandlers({ log, by, tell });
    this.reconciler = new Reconciler({
      log,
      queues: this.jobQueues,
      handlers: this.handlers,
      catchUp: async () => await this.desk.catchUp(),
      onError,
      ...(options.sweepMs === undefined ? {} : { sweepMs: options.sweepMs }),
    });
  }

  /** Begins to work; waits for nothing: Redis may come later. */
  start(): void {
    const { log, redis, prefix } = this.options;
    this.workers ??= new JobWorkers({
      ...redis,
      prefix,
      run: async (kind, id) => await this.handlers.run(kind, id),
      send: async (data, attempt, isLast) => await this.desk.send(data, attempt, isLast),
      logNowMs: () => logNowMs(log.state, nowMs()),
      isUp: () => this.isUp,
      onError: (error) => this.report(error),
    });
    this.reconciler.start();
  }

  /** For readiness: whether decisions can become grants now. */
  get isUp(): boolean {
    return this.jobQueues.link.isUp;
  }

  /** For the board. */
  get queues(): readonly Queue<JobData>[] {
    return this.jobQueues.all;
  }

  /** Ends after what is being done now, within a few seconds. */
  async close(): Promise<void> {
    await this.reconciler.close();
    await this.workers?.close();
    await this.jobQueues.close();
    for (const channel of this.options.channels) channel.close();
  }

  private ready(): void {
    this.options.logger.info('Redis is there: the queue is compared with the log');
    this.desk.forget();
    this.reconciler.forget();
  }

  /** While Redis is away every connection complains at every try; that it is away was said once. */
  private report(thrown: unknown): void {
    const { logger } = this.options;
    const error = ownError(thrown, 'ERR_REDIS_UNREACHABLE');
    const isKnown = !this.isUp && error.code === 'ERR_REDIS_UNREACHABLE';
    if (isKnown) logger.trace('Redis is still away', { error });
    else logger.warn('A job failed and is tried again', { error });
  }
}
