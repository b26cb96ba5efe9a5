/**
 * Work that one process at a time does, with others standing by: whoever a consumer group gives the topic to works,
 * session after session, until the group takes it away. The group only says whose turn it is: what keeps two from
 * writing is the fenced transactional id that each session takes.
 */
import { monotonicMs, sleep } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { Cluster } from './cluster.ts';
import { GroupMember } from './group-member.ts';

/** One session of the work. */
export interface WorkSession {
  /** Works until `signal` aborts; throws where the session can't go on. */
  run(signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface SoleWorkerOptions {
  readonly cluster: Cluster;
  /** The consumer group of those who stand by. */
  readonly group: string;
  /** A topic of one partition; whoever holds it works. */
  readonly topic: string;
  /** So long a worker that died keeps the next one waiting. */
  readonly sessionTimeoutMs: number;
  readonly openSession: () => WorkSession;
  /** Errors after which nobody may go on before somebody has looked. */
  readonly isFatal: (error: GauzeError) => boolean;
  readonly onTrouble: (error: GauzeError) => void;
}

const RETRY_MS = 250;

export class SoleWorker {
  /** Resolves with the reason once the work must not go on. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: SoleWorkerOptions;
  private readonly member: GroupMember;
  private readonly stopping = new AbortController();
  private held: AbortController | null = null;
  private heldSinceMs = 0;
  private working: Promise<void> = Promise.resolve();

  constructor(options: SoleWorkerOptions) {
    this.options = options;
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
    const { cluster, group, topic, sessionTimeoutMs, onTrouble } = options;
    this.member = new GroupMember(cluster, {
      group,
      topics: () => [topic],
      sessionTimeoutMs,
      onAssigned: (partitions) => this.assigned(partitions.length > 0),
      onTrouble,
    });
  }

  /** Is this the process that works, as far as it knows? */
  get isWorking(): boolean {
    return this.held !== null && !this.held.signal.aborted;
  }

  /** Since when it works, by the monotonic clock; null for one that stands by. */
  get workingSinceMs(): number | null {
    return this.isWorking ? this.heldSinceMs : null;
  }

  /** Does its group know of it? One that is cut off is neither at work nor standing by. */
  get isInGroup(): boolean {
    return this.member.isConfirmed;
  }

  start(): void {
    this.member.start();
  }

  /** Ends when the session has; another process takes over at once. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.held?.abort();
    await this.working;
    await this.member.stop();
  }

  private assigned(isOurs: boolean): void {
    if (!isOurs) return this.giveUp();
    if (this.held || this.stopping.signal.aborted) return;
    const held = new AbortController();
    this.held = held;
    this.heldSinceMs = monotonicMs();
    const before = this.working;
    this.working = before.then(async () => await this.work(held.signal));
  }

  private async work(signal: AbortSignal): Promise<void> {
    const { openSession, isFatal, onTrouble } = this.options;
    while (!signal.aborted) {
      const session = openSession();
      try {
        await session.run(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = ownError(thrown);
        if (isFatal(error)) return this.reportFailure(error);
        onTrouble(error);
        await sleep(RETRY_MS, signal).catch(() => undefined);
        // Only a member in a live generation may take the id again: else two workers would fence each other.
        if (!signal.aborted && !(await this.stillHolds(signal))) return this.giveUp();
      } finally {
        session.close();
      }
    }
  }

  private async stillHolds(signal: AbortSignal): Promise<boolean> {
    return await this.member.stillHolds({ topic: this.options.topic, partition: 0 }, signal);
  }

  /** Begins again only with a new assignment. */
  private giveUp(): void {
    this.held?.abort();
    this.held = null;
  }
}
