/**
 * Seals the audit topics. Any number of processes may stand by; whoever holds the topic of seals in the sealers' group
 * works, under one fenced transactional id, so that no two ever write a seal of the same number.
 */
import { sleep } from '../../platform/clock.ts';
import { ownError } from '../../platform/errors.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { GroupMember } from '../../kafka/group-member.ts';
import { SealingSession } from './sealing-session.ts';
import type { SealerOptions } from './sealing-session.ts';

const RETRY_MS = 250;
/** A sealer that is gone is replaced after this time: soon enough that its last seal has not gone stale. */
const SESSION_MS = 10_000;

export class Sealer {
  /** Resolves with the reason once nothing may be sealed any more before somebody has looked. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: SealerOptions;
  private readonly member: GroupMember;
  private readonly stopping = new AbortController();
  private held: AbortController | null = null;
  private working: Promise<void> = Promise.resolve();

  constructor(options: SealerOptions) {
    this.options = options;
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
    const { cluster, names, onTrouble } = options;
    this.member = new GroupMember(cluster, {
      group: names.sealerGroup,
      topics: () => [names.auditSeals],
      onAssigned: (partitions) => this.assigned(partitions.length > 0),
      onTrouble,
      sessionTimeoutMs: SESSION_MS,
    });
  }

  start(): void {
    this.member.start();
  }

  /** Ends at once; a transaction under way is settled by whoever comes next. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.held?.abort();
    await this.working;
    await this.member.stop();
  }

  private assigned(isOurs: boolean): void {
    if (!isOurs) {
      this.held?.abort();
      this.held = null;
      return;
    }
    if (this.held || this.stopping.signal.aborted) return;
    const held = new AbortController();
    this.held = held;
    const before = this.working;
    this.working = before.then(async () => await this.work(held.signal));
  }

  private async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const session = new SealingSession(this.options);
      try {
        await session.run(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = ownError(thrown);
        if (error.kind === 'stop' && /^ERR_(SEAL|AUDIT)_/.test(error.code)) return this.reportFailure(error);
        this.options.onTrouble(error);
        // Only a member in a live generation may take the id again: else two sealers would fence each other.
        if (error.code === 'ERR_KAFKA_FENCED' && !(await this.stillHolds())) return this.giveUp();
        await sleep(RETRY_MS, signal).catch(() => undefined);
      } finally {
        session.close();
      }
    }
  }

  private async stillHolds(): Promise<boolean> {
    return await this.member.stillHolds({ topic: this.options.names.auditSeals, partition: 0 });
  }

  /** Somebody newer seals; begins again only with a new assignment. */
  private giveUp(): void {
    this.held?.abort();
    this.held = null;
  }
}
