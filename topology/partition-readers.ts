/**
 * The readers of the raw partitions that an instance holds: one for each partition, whatever the number of its lanes.
 * A topic that was made again is another one; the reader of the one before is closed.
 */
import type { Cluster } from '../kafka/cluster.ts';
import type { LaneLimits } from './lane-context.ts';
import { PartitionReader } from './partition-reader.ts';

/** How long the broker may wait for new raw records. */
const FETCH_WAIT_MS = 500;
/** What the shared windows of all partitions may hold together, in bytes ... */
const ALL_WINDOWS_BYTES = 128 * 1024 * 1024;
/** ... and each of them: twice what lanes read for a large transaction, so that one that commits loses no one. */
const WINDOW_BYTES_MAX = 16 * 1024 * 1024;

export class PartitionReaders {
  private readonly cluster: Cluster;
  private readonly limits: Pick<LaneLimits, 'fetchBytes' | 'unpackedBytes'>;
  private readonly readers = new Map<string, PartitionReader>();

  constructor(cluster: Cluster, limits: Pick<LaneLimits, 'fetchBytes' | 'unpackedBytes'>) {
    this.cluster = cluster;
    this.limits = limits;
  }

  /** The shared reader of a raw partition; made when it is first asked for. */
  of(topic: string, topicId: string, partition: number): PartitionReader {
    const key = `${topic}/${partition}/${topicId}`;
    const known = this.readers.get(key);
    if (known) return known;
    for (const [other, reader] of this.readers) {
      if (!other.startsWith(`${topic}/${partition}/`)) continue;
      reader.close();
      this.readers.delete(other);
    }
    const { fetchBytes, unpackedBytes } = this.limits;
    const reader = new PartitionReader(this.cluster, {
      topic,
      topicId,
      partition,
      fetchBytes,
      unpackedBytesMax: unpackedBytes,
      maxWaitMs: FETCH_WAIT_MS,
      windowBytes: () => Math.min(WINDOW_BYTES_MAX, ALL_WINDOWS_BYTES / this.readers.size),
    });
    this.readers.set(key, reader);
    return reader;
  }

  /** End of the partition as of its last fetch; null while it is not known. */
  end(topic: string, partition: number): number | null {
    const mine = [...this.readers].filter(([key]) => key.startsWith(`${topic}/${partition}/`));
    const end = Math.max(-1, ...mine.map(([, { highWatermark }]) => highWatermark));
    return end < 0 ? null : end;
  }

  close(): void {
    for (const reader of this.readers.values()) reader.close();
  }
}
