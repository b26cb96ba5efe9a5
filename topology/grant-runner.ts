/**
 * The grant tasks of one instance: one for each live grant whose partition of gauze.grants it holds. Starts, informs
 * and ends them; never touches a record.
 */
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import { spread } from '../kafka/spread.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import type { GrantContext } from './grant-context.ts';
import { isLive } from './grant-permission.ts';
import { GrantStateLog } from './grant-state-log.ts';
import { GrantTask } from './grant-task.ts';

export interface GrantRunnerOptions extends Omit<GrantContext, 'states'> {
  readonly trouble: (error: GauzeError) => void;
}

export class GrantRunner {
  private readonly options: GrantRunnerOptions;
  private readonly states: GrantStateLog;
  private readonly context: GrantContext;
  private readonly tasks = new Map<string, GrantTask>();
  /** Grants that another instance has taken over; tried again only after a new assignment. */
  private readonly givenUp = new Set<string>();
  private assigned: ReadonlySet<number> = new Set();
  private partitionCount = 0;
  private isStopping = false;

  constructor(options: GrantRunnerOptions) {
    this.options = options;
    this.states = new GrantStateLog(options.cluster, options.names.grants, {
      changed: () => this.reconcile(),
      trouble: options.trouble,
    });
    this.context = { ...options, states: this.states };
  }

  /** Grants that have a task here. */
  get count(): number {
    return this.tasks.size;
  }

  /** The partitions of gauze.grants that this instance holds from now on. */
  assign(partitions: readonly number[]): void {
    if (this.isStopping) return;
    this.assigned = new Set(partitions);
    this.givenUp.clear();
    for (const task of this.tasks.values()) if (!this.assigned.has(task.partition)) void task.abort();
    if (partitions.length > 0) void this.countPartitions();
    this.states.follow(partitions);
    this.reconcile();
  }

  /** Finishes what is at hand; `abort` cuts that short. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all([...this.tasks.values()].map(async (task) => await task.drain()));
    await this.states.close();
  }

  async abort(): Promise<void> {
    this.isStopping = true;
    await Promise.all([...this.tasks.values()].map(async (task) => await task.abort()));
  }

  private async countPartitions(): Promise<void> {
    try {
      const topic = await this.options.cluster.topic(this.options.names.grants);
      this.partitionCount = topic?.leaders.length ?? 0;
      this.reconcile();
    } catch (error) {
      this.options.trouble(ownError(error));
    }
  }

  private reconcile(): void {
    if (this.isStopping) return;
    for (const task of this.tasks.values()) task.update(this.states.state(task.partition, task.grantId));
    for (const { partition, state } of this.states.states()) {
      if (this.isOurs(partition, state) && isLive(state)) this.startTask(partition, state);
    }
  }

  /** A state in a partition that its id does not go to is not the writer's: whoever holds the right one decides. */
  private isOurs(partition: number, { grant_id: id }: GrantState): boolean {
    const isRight = this.partitionCount > 0 && spread(id, this.partitionCount) === partition;
    return isRight && this.assigned.has(partition) && !this.tasks.has(id) && !this.givenUp.has(id);
  }

  private startTask(partition: number, state: GrantState): void {
    const task = new GrantTask(this.context, partition, state);
    this.tasks.set(state.grant_id, task);
    task.start();
    void this.afterEnd(task);
  }

  private async afterEnd(task: GrantTask): Promise<void> {
    await task.finished();
    this.tasks.delete(task.grantId);
    if (task.takenOver) this.givenUp.add(task.grantId);
    this.reconcile();
  }
}
