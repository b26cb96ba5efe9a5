/**
 * Tells the access log what grant tasks have come to: a cap reached, tags that changed, a topic that is another one.
 * The task has stopped by itself by then; this makes it a fact that people see. Only the writer of grants does it.
 */
import { sleep } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { grantProgressCodec } from '../schemas/access-codecs.ts';
import type { AccessActor, GrantState, GrantStopReason, ReplayResult } from '../schemas/access-codecs.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import type { AccessLog, NewEntry } from './access-log.ts';

export interface ProgressWatchOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly log: AccessLog;
  /** Kafka principal of this service. */
  readonly principal: string;
  /** Is this the process that writes grants? */
  readonly isWriting: () => boolean;
  readonly onTrouble: (error: GauzeError) => void;
}

/** Why a task has stopped, and of a replay what it has found. */
interface Stop {
  readonly reason: GrantStopReason;
  readonly replayed: ReplayResult | null;
}

const FOLLOW_WAIT_MS = 500;
const RETRY_MS = 500;

export class ProgressWatch {
  private readonly options: ProgressWatchOptions;
  private readonly closing = new AbortController();
  private readonly stopped = new Map<string, Stop>();
  private running: Promise<void> = Promise.resolve();

  constructor(options: ProgressWatchOptions) {
    this.options = options;
  }

  start(): void {
    this.running = Promise.all([this.follow(), this.report()]).then(() => undefined);
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  /** Follows all partitions, each to its own end; outages are waited out. */
  private async follow(): Promise<void> {
    const { cluster, names } = this.options;
    await this.untilClosed(async (signal) => {
      const topic = await cluster.topic(names.grantProgress);
      if (!topic) return await sleep(RETRY_MS, signal);
      const readers = topic.leaders.map(
        (_, partition) => new LogReader(cluster, names.grantProgress, partition),
      );
      try {
        await Promise.all(readers.map(async (reader) => await this.read(reader, signal)));
      } finally {
        for (const reader of readers) reader.close();
      }
    });
  }

  private async read(reader: LogReader, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await reader.read(FOLLOW_WAIT_MS, (record) => this.take(record));
  }

  private take({ value }: LogRecord): void {
    if (!value) return;
    const { grant_id: id, stopped, replayed } = grantProgressCodec.decode(value);
    if (stopped) this.stopped.set(id, { reason: stopped, replayed: replayed ?? null });
    else this.stopped.delete(id);
  }

  private async report(): Promise<void> {
    await this.untilClosed(async (signal) => {
      await this.options.log.changed(signal, FOLLOW_WAIT_MS);
      if (!this.options.isWriting()) return;
      for (const [id, stop] of this.stopped) await this.reportOne(id, stop);
    });
  }

  private async reportOne(id: string, { reason, replayed }: Stop): Promise<void> {
    const { log, principal } = this.options;
    const grant = log.state.grants.get(id)?.grant;
    const kind = grant ? requiredEntry(grant, reason) : null;
    if (!kind) return;
    const by: AccessActor = { kind: 'SYSTEM', id: principal, roles: [], on_behalf_of: null, token_id: null };
    await log.append(
      { kind, by, grant_id: id, cause: reason, ...(replayed ? { replayed } : {}) },
      { type: 'grant.stopped', actor: by, ext: { cause: reason } },
    );
  }

  private async untilClosed(round: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await round(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.options.onTrouble(ownError(error));
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }
}

/** The entry that is still missing; null where the grant is what it should be. */
function requiredEntry(grant: GrantState, reason: GrantStopReason): NewEntry['kind'] | null {
  const isRunning = grant.state === 'ACTIVE';
  const isOpen = isRunning || grant.state === 'SUSPENDED';
  if (reason === 'RECORDS' || reason === 'PERSONS')
    return isOpen && !grant.exhausted ? 'QUOTA_REACHED' : null;
  if (reason === 'TAGS_CHANGED') return isRunning ? 'SUSPENDED' : null;
  if (reason === 'LATE_APPEND' || reason === 'TOPIC_CHANGED' || reason === 'REPLAYED')
    return isOpen ? 'END_ORDERED' : null;
  return null;
}
