/**
 * How long the first record waits that a lane has not reached: asked of the broker by time, which gives offsets and no
 * record. Raw bytes are read by lanes and grant tasks alone, so this must never fetch.
 */
import { listOffset } from '../kafka/list-offsets.ts';
import type { BrokerConnections, Cluster } from '../kafka/cluster.ts';

/** The first offset at or after a time in milliseconds since the epoch; -1 where no record is as young. */
export type OffsetAt = (atMs: number) => Promise<number>;

/** The search begins this far back and doubles. */
const FIRST_STEP_MS = 1_000;
/** It ends where two times lie within this, or this share of the delay. */
const FINEST_MS = 250;
const FINEST_SHARE = 0.05;

/**
 * Seconds from the newest record timestamp up to `position`, that record included, until now; at most 5 % or a quarter
 * of a second more. Timestamps are those of the raw topic, so clocks of producers count in where it does not stamp them
 * itself. Null where no time is known: the record is gone, or has none.
 */
export async function delaySeconds(
  position: number,
  nowMs: number,
  offsetAt: OffsetAt,
): Promise<number | null> {
  const isReached = async (agoMs: number): Promise<boolean> => {
    const offset = await offsetAt(nowMs - agoMs);
    return offset >= 0 && offset <= position;
  };
  let [later, earlier] = [0, FIRST_STEP_MS];
  while (!(await isReached(earlier))) {
    if (earlier >= nowMs) return null;
    [later, earlier] = [earlier, Math.min(earlier * 2, nowMs)];
  }
  while (earlier - later > Math.max(FINEST_MS, earlier * FINEST_SHARE)) {
    const middle = Math.floor((earlier + later) / 2);
    if (await isReached(middle)) earlier = middle;
    else later = middle;
  }
  return Math.round(earlier / 100) / 10;
}

/** Asks each time of a partition once, however many audiences read it. */
export class OffsetsByTime {
  readonly #cluster: Cluster;
  readonly #connections: BrokerConnections;
  readonly #known = new Map<string, Promise<number>>();

  constructor(cluster: Cluster, connections: BrokerConnections) {
    this.#cluster = cluster;
    this.#connections = connections;
  }

  of(topic: string, partition: number): OffsetAt {
    return async (atMs) => {
      const key = `${topic}/${partition} ${atMs}`;
      const known =
        this.#known.get(key) ?? listOffset(this.#cluster, this.#connections, topic, partition, { atMs });
      this.#known.set(key, known);
      return await known;
    };
  }
}
