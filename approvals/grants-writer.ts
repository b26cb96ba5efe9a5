/**
 * Writes the state of grants for the machines that enforce them. One process at a time: whoever holds the access log
 * in the approvals group, under one fenced transactional id; each transaction carries the changed grants, the audit
 * events of what became of each entry, and the position in the access log, together or not at all.
 */
import { sleep } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import { GroupMember } from '../kafka/group-member.ts';
import type { Cluster } from '../kafka/cluster.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { GrantsSession } from './grants-session.ts';

export interface GrantsWriterOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly schemaIds: { readonly grants: number; readonly auditEvent: number };
  /** Vouches for the audit events of this process. */
  readonly auditKey: AuditWriterKey;
  readonly onTrouble: (error: GauzeError) => void;
}

const RETRY_MS = 250;
/** The least that brokers allow by default: so long a writer that died keeps the next one waiting. */
const SESSION_TIMEOUT_MS = 6_000;

export class GrantsWriter {
  /** Resolves with the reason once the log can't be read any more and nothing may go on. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: GrantsWriterOptions;
  private readonly member: GroupMember;
  private readonly stopping = new AbortController();
  private held: AbortController | null = null;
  private working: Promise<void> = Promise.resolve();

  constructor(options: GrantsWriterOptions) {
    this.options = options;
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
    const { cluster, names, onTrouble } = options;
    this.member = new GroupMember(cluster, {
      group: names.approvalsGroup,
      topics: () => [names.access],
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      onAssigned: (partitions) => this.assigned(partitions.length > 0),
      onTrouble,
    });
  }

  /** Is this the process that writes, as far as it knows? */
  get isWriting(): boolean {
    return this.held !== null && !this.held.signal.aborted;
  }

  start(): void {
    this.member.start();
  }

  /** Ends after the transaction under way; another instance takes over at once. */
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
      const session = new GrantsSession(this.options);
      try {
        await session.run(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = ownError(thrown);
        if (error.code === 'ERR_ACCESS_LOG_CORRUPT') return this.reportFailure(error);
        this.options.onTrouble(error);
        // Only a member in a live generation may take the id again: else two writers would fence each other.
        if (error.code === 'ERR_KAFKA_FENCED' && !(await this.stillHolds())) return this.giveUp();
        await sleep(RETRY_MS, signal).catch(() => undefined);
      } finally {
        session.close();
      }
    }
  }

  private async stillHolds(): Promise<boolean> {
    return await this.member.stillHolds({ topic: this.options.names.access, partition: 0 });
  }

  /** Somebody newer writes; begins again only with a new assignment. */
  private giveUp(): void {
    this.held?.abort();
    this.held = null;
  }
}
