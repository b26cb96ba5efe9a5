/**
 * The state of every grant, read from all partitions of gauze.grants and followed: committed records only, and never
 * back to an older one. Whoever acts on the absence of a grant asks `caughtUp` first.
 */
import { monotonicMs, sleep, timer } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { kafkaError } from '../kafka/kafka-errors.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { grantStateCodec } from '../schemas/access-codecs.ts';
import type { GrantState } from '../schemas/access-codecs.ts';

export interface GrantsFollowerOptions {
  readonly cluster: Cluster;
  /** gauze.grants. */
  readonly topic: string;
  readonly onTrouble: (error: GauzeError) => void;
}

/** Short, because `caughtUp` waits for a whole Fetch. */
const FOLLOW_WAIT_MS = 250;
const RETRY_MS = 200;

interface Follower {
  readonly reader: LogReader;
  /** Number of the last Fetch that ended at the high watermark. */
  endSeen: number;
  /** Number of the Fetch under way. */
  fetching: number;
  /** When it was last read to its end, by the monotonic clock. */
  readMs: number;
}

export class GrantsFollower {
  /** Counts changes of `states`. */
  revision = 0;
  /** Resolves with the reason once the state of grants can't be read any more and nothing may go on. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: GrantsFollowerOptions;
  private readonly grants = new Map<string, GrantState>();
  private readonly closing = new AbortController();
  private readonly waiters = new Set<() => void>();
  private followers: readonly Follower[] = [];
  private following: Promise<unknown> | null = null;

  constructor(options: GrantsFollowerOptions) {
    this.options = options;
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
  }

  /** Each grant as last written, by its id. */
  get states(): ReadonlyMap<string, GrantState> {
    return this.grants;
  }

  /** Reads all there is and follows from then on. Throws ERR_GRANT_STATE_CORRUPT and Kafka's errors. */
  async start(): Promise<void> {
    const { cluster, topic } = this.options;
    const metadata = await cluster.topic(topic);
    if (!metadata) throw kafkaError('Metadata', 3, { topic });
    this.followers = metadata.leaders.map((_, partition) => ({
      reader: new LogReader(cluster, topic, partition, 0),
      endSeen: 0,
      fetching: 0,
      readMs: monotonicMs(),
    }));
    for (const { reader } of this.followers)
      await reader.readToEnd((record) => this.take(reader, record), this.closing.signal);
    this.following = Promise.all(this.followers.map(async (follower) => await this.follow(follower)));
  }

  /** How long ago the partition that is furthest behind was last read to its end, in milliseconds. */
  get ageMs(): number {
    return monotonicMs() - Math.min(...this.followers.map(({ readMs }) => readMs));
  }

  /**
   * Resolves once everything is taken in that was there when this was called. Where a transaction hangs open it does
   * not: then nobody can say what the grants are.
   */
  async caughtUp(signal: AbortSignal): Promise<void> {
    // A Fetch under way may have looked before the call; one that begins later has not.
    const marks = this.followers.map(({ fetching }) => fetching + 1);
    while (this.followers.some(({ endSeen }, at) => endSeen < marks[at]!)) {
      signal.throwIfAborted();
      await this.wait(signal, RETRY_MS);
    }
  }

  /** Resolves when there is a change after `revision`, after `ms`, or when `signal` aborts. */
  async changed(signal: AbortSignal, revision: number, ms: number): Promise<void> {
    const deadline = monotonicMs() + ms;
    while (this.revision === revision && !signal.aborted && !this.closing.signal.aborted) {
      const left = deadline - monotonicMs();
      if (left <= 0) return;
      await this.wait(signal, left);
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    for (const { reader } of this.followers) reader.close();
    this.wake();
    await this.following;
  }

  private async follow(follower: Follower): Promise<void> {
    const { signal } = this.closing;
    const { reader } = follower;
    while (!signal.aborted) {
      try {
        const number = ++follower.fetching;
        const ends = await reader.read(FOLLOW_WAIT_MS, (record) => this.take(reader, record));
        if (reader.position >= ends.highWatermark) {
          follower.endSeen = number;
          follower.readMs = monotonicMs();
        }
        this.wake();
      } catch (error) {
        if (signal.aborted) return;
        const own = ownError(error);
        if (own.code === 'ERR_GRANT_STATE_CORRUPT') return this.reportFailure(own);
        this.options.onTrouble(own);
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  private take({ topic, partition }: LogReader, { offset, key, value }: LogRecord): void {
    const id = key?.toString('utf8') ?? '';
    if (!value) {
      if (this.grants.delete(id)) this.revision++;
      return;
    }
    const grant = decoded(value, { topic, partition, offset });
    if (grant.grant_id !== id) throw new GauzeError('ERR_GRANT_STATE_CORRUPT', { topic, partition, offset });
    const known = this.grants.get(id);
    // A writer that was fenced too late may repeat itself; it never puts an older state back.
    if (known && known.version >= grant.version) return;
    this.grants.set(id, grant);
    this.revision++;
  }

  private async wait(signal: AbortSignal, ms: number): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.waiters.delete(done);
        signal.removeEventListener('abort', done);
        late.cancel();
        resolve();
      };
      const late = timer(ms, done);
      this.waiters.add(done);
      signal.addEventListener('abort', done);
    });
  }

  private wake(): void {
    for (const done of this.waiters) done();
  }
}

function decoded(
  value: Buffer,
  place: { readonly topic: string; readonly partition: number; readonly offset: number },
): GrantState {
  try {
    return grantStateCodec.decode(value);
  } catch {
    throw new GauzeError('ERR_GRANT_STATE_CORRUPT', place);
  }
}
