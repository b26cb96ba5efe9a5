/**
 * gauze.grants as state: follows the partitions that this instance holds, and knows for each how old its knowledge
 * is. A partition in which a transaction does not end grows stale, and so does one that cannot be read: then no
 * grant in it may deliver. An older state never replaces a newer one.
 */
import { sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { grantStateCodec } from '../schemas/access-codecs.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import { moment, sinceMs } from './moment.ts';
import type { Moment } from './moment.ts';

export interface GrantStateLogEvents {
  /** Something is known now that was not known before. */
  changed(): void;
  trouble(error: GauzeError): void;
}

/** How long a broker may keep a fetch open; also how old fresh knowledge is at the most. */
const FETCH_WAIT_MS = 250;
const RETRY_MS = 250;

export class GrantStateLog {
  private readonly cluster: Cluster;
  private readonly topic: string;
  private readonly events: GrantStateLogEvents;
  private readonly partitions = new Map<number, FollowedPartition>();

  constructor(cluster: Cluster, topic: string, events: GrantStateLogEvents) {
    this.cluster = cluster;
    this.topic = topic;
    this.events = events;
  }

  /** Follows these partitions from now on and no others. */
  follow(partitions: readonly number[]): void {
    const wanted = new Set(partitions);
    for (const [partition, followed] of this.partitions) {
      if (wanted.has(partition)) continue;
      followed.close();
      this.partitions.delete(partition);
    }
    for (const partition of wanted) {
      if (this.partitions.has(partition)) continue;
      const followed = new FollowedPartition(this.cluster, this.topic, partition, this.events);
      this.partitions.set(partition, followed);
      followed.start();
    }
  }

  /** All states in partitions that have been read to their end once. */
  *states(): Generator<{ readonly partition: number; readonly state: GrantState }> {
    for (const [partition, { states, fresh }] of this.partitions) {
      if (fresh) for (const state of states.values()) yield { partition, state };
    }
  }

  /** The state of a grant; null where it is not known here. */
  state(partition: number, grantId: string): GrantState | null {
    return this.partitions.get(partition)?.states.get(grantId) ?? null;
  }

  /** Milliseconds since the partition's end was seen, with nothing open before it; infinite where never. */
  ageMs(partition: number): number {
    const fresh = this.partitions.get(partition)?.fresh;
    return fresh ? sinceMs(fresh) : Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    const followed = [...this.partitions.values()];
    this.partitions.clear();
    for (const each of followed) each.close();
    await Promise.all(followed.map(async (each) => await each.finished()));
  }
}

class FollowedPartition {
  readonly states = new Map<string, GrantState>();
  /** When a fetch was sent whose answer showed everything there was, all of it settled. */
  fresh: Moment | null = null;
  private readonly reader: LogReader;
  private readonly events: GrantStateLogEvents;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, topic: string, partition: number, events: GrantStateLogEvents) {
    this.reader = new LogReader(cluster, topic, partition);
    this.events = events;
  }

  start(): void {
    this.running = this.run();
  }

  close(): void {
    this.stopping.abort();
    this.fresh = null;
    this.reader.close();
  }

  async finished(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.readOnce(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = ownError(thrown);
        this.events.trouble(error);
        // What stands there can be a revocation: without it nothing in this partition is known any more.
        if (error.code === 'ERR_GRANT_STATE_CORRUPT') return this.forget();
        await sleep(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  private async readOnce(signal: AbortSignal): Promise<void> {
    const sent = moment();
    let changes = 0;
    const wait = this.fresh ? FETCH_WAIT_MS : 0;
    const { highWatermark, lastStableOffset } = await this.reader.read(wait, (record) => {
      if (foldGrantState(this.states, record, this.reader)) changes++;
    });
    if (signal.aborted) return;
    const isFirst = this.fresh === null;
    const isSettled = this.reader.position >= highWatermark && lastStableOffset === highWatermark;
    if (isSettled) this.fresh = sent;
    else if (isFirst) await sleep(RETRY_MS / 10, signal).catch(() => undefined);
    if (changes > 0 || (isFirst && isSettled)) this.events.changed();
  }

  private forget(): void {
    this.fresh = null;
    this.states.clear();
    this.events.changed();
  }
}

/**
 * Takes one record in; true where it changed something. A state with an older offset of gauze.access comes from a
 * writer that has been replaced: it never counts. Throws ERR_GRANT_STATE_CORRUPT.
 */
export function foldGrantState(
  states: Map<string, GrantState>,
  { key, value, offset }: Pick<LogRecord, 'key' | 'value' | 'offset'>,
  where: { readonly topic: string; readonly partition: number },
): boolean {
  const { topic, partition } = where;
  if (value === null) return key !== null && states.delete(key.toString());
  const state = decoded(value);
  if (state?.grant_id !== key?.toString() || !state) {
    throw new GauzeError('ERR_GRANT_STATE_CORRUPT', { topic, partition, offset });
  }
  const known = states.get(state.grant_id);
  if (known && known.access_offset > state.access_offset) return false;
  states.set(state.grant_id, state);
  return true;
}

function decoded(value: Buffer): GrantState | null {
  try {
    return grantStateCodec.decode(value);
  } catch {
    return null;
  }
}
