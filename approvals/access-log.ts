/**
 * gauze.access as approvals see it: the folded state, kept up to date, and the way to append. Whoever appends waits
 * until its own reader has folded the entry and is told what became of it: log order decides, not who asked first.
 */
import { monotonicMs, nowMs, sleep, timer, uuidV7 } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { AccessEventFacts } from '../audit/access-events.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { accessEntryCodec } from '../schemas/access-codecs.ts';
import type { AccessEntry } from '../schemas/access-codecs.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { AccessState } from './access-state.ts';
import type { Verdict } from './access-state.ts';
import { LogAppender } from './log-appender.ts';

/** An entry without what the log gives it; what is left out is null. */
export type NewEntry = Partial<AccessEntry> & Pick<AccessEntry, 'kind' | 'by'>;

export interface AccessLogOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  /** Random name of this process; part of its transactional id. */
  readonly instance: string;
  readonly schemaIds: { readonly access: number; readonly auditEvent: number };
  /** Vouches for the audit events of this process. */
  readonly auditKey: AuditWriterKey;
  readonly onTrouble: (error: GauzeError) => void;
}

const FOLLOW_WAIT_MS = 1_000;
const RETRY_MS = 200;
const CAUGHT_UP_POLL_MS = 5;
/** How long an append may wait for its verdict. */
const APPEND_DEADLINE_MS = 15_000;
/** Ids of entries folded lately: enough to find those of any transaction whose outcome was in doubt. */
const FOLDED_IDS_KEPT = 20_000;

export class AccessLog {
  readonly state = new AccessState();
  /** Resolves with the reason once the log can't be read any more and nothing may go on. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: AccessLogOptions;
  private readonly reader: LogReader;
  private readonly ends: BrokerConnections;
  private readonly appender: LogAppender;
  private readonly closing = new AbortController();
  private readonly verdictWaiters = new Map<string, (verdict: Verdict) => void>();
  private readonly changeWaiters = new Set<() => void>();
  private readonly folded = new Set<string>();
  private following: Promise<void> | null = null;
  private lastReadMs = 0;

  constructor(options: AccessLogOptions) {
    this.options = options;
    const { cluster, names } = options;
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
    this.reader = new LogReader(cluster, names.access, 0);
    this.ends = new BrokerConnections(cluster);
    this.appender = new LogAppender({
      ...options,
      transactionalId: names.approvalsTransactionalId(options.instance),
      caughtUp: async (signal) => await this.caughtUp(signal),
      isFolded: (id) => this.folded.has(id.toString('hex')),
    });
  }

  /** Reads the log to its end and follows it from then on. Throws ERR_ACCESS_LOG_CORRUPT and Kafka's errors. */
  async start(): Promise<void> {
    await this.reader.readToEnd((record) => this.take(record), this.closing.signal);
    this.lastReadMs = monotonicMs();
    this.following = this.follow();
  }

  /** How long ago the log was last read to where it then ended, in milliseconds: the age of `state`. */
  get ageMs(): number {
    return monotonicMs() - this.lastReadMs;
  }

  /**
   * Appends in one transaction with its audit event and waits for the verdict. The same `entry_id` counts once.
   * Throws ERR_ACCESS_LOG_UNAVAILABLE when there is none in time: the entry may be in the log all the same.
   */
  async append(entry: NewEntry, event: AccessEventFacts): Promise<Verdict> {
    const complete = completed(entry);
    const id = complete.entry_id.toString('hex');
    const verdict = new Promise<Verdict>((resolve) => this.verdictWaiters.set(id, resolve));
    try {
      const both = this.appender.append(complete, event).then(async () => await verdict);
      return await inTime(both);
    } finally {
      this.verdictWaiters.delete(id);
    }
  }

  /** An audit event alone, acknowledged before this resolves. Throws ERR_ACCESS_LOG_UNAVAILABLE. */
  async record(event: AccessEventFacts): Promise<void> {
    await inTime(this.appender.append(null, event));
  }

  /** Resolves at the next change of the state, after `ms`, or when `signal` aborts; leaves nothing behind. */
  async changed(signal: AbortSignal, ms?: number): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.changeWaiters.delete(done);
        signal.removeEventListener('abort', done);
        late?.cancel();
        resolve();
      };
      const late = ms === undefined ? null : timer(ms, done);
      this.changeWaiters.add(done);
      signal.addEventListener('abort', done);
    });
  }

  /** Resolves once everything is folded that is in the log now. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const { cluster, names } = this.options;
    const end = await listOffset(cluster, this.ends, names.access, 0, 'latest');
    while (this.reader.position < end) await sleep(CAUGHT_UP_POLL_MS, signal);
  }

  async close(): Promise<void> {
    await this.appender.close();
    this.closing.abort();
    this.reader.close();
    this.ends.close();
    await this.following;
    this.wake();
  }

  private async follow(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        const before = this.reader.position;
        const ends = await this.reader.read(FOLLOW_WAIT_MS, (record) => this.take(record));
        if (this.reader.position >= ends.highWatermark) this.lastReadMs = monotonicMs();
        if (this.reader.position > before) this.wake();
      } catch (error) {
        if (signal.aborted) return;
        const own = ownError(error);
        if (own.code === 'ERR_ACCESS_LOG_CORRUPT') return this.reportFailure(own);
        this.options.onTrouble(own);
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  private take(record: LogRecord): void {
    const entry = decodeEntry(record);
    const verdict = this.state.fold(record.offset, record.timestampMs, entry);
    const id = entry.entry_id.toString('hex');
    this.folded.add(id);
    if (this.folded.size > FOLDED_IDS_KEPT) {
      for (const oldest of this.folded) {
        this.folded.delete(oldest);
        break;
      }
    }
    this.verdictWaiters.get(id)?.(verdict);
  }

  private wake(): void {
    for (const done of this.changeWaiters) done();
  }
}

/** Reads an entry of gauze.access. Throws ERR_ACCESS_LOG_CORRUPT. */
export function decodeEntry(record: LogRecord): AccessEntry {
  try {
    return accessEntryCodec.decode(record.value ?? Buffer.alloc(0));
  } catch {
    throw new GauzeError('ERR_ACCESS_LOG_CORRUPT', { offset: record.offset });
  }
}

function completed(entry: NewEntry): AccessEntry {
  return {
    entry_id: uuidV7(),
    at: nowMs(),
    idempotency_key: null,
    request_id: null,
    grant_id: null,
    cause: null,
    reason: null,
    request: null,
    decision: null,
    topic: null,
    lock: null,
    justified: null,
    ...entry,
  };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = new AbortController();
  const deadline = sleep(APPEND_DEADLINE_MS, late.signal).then(
    () => {
      throw new GauzeError('ERR_ACCESS_LOG_UNAVAILABLE', {});
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, deadline]);
  } finally {
    late.abort();
  }
}
