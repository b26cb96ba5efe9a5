/**
 * Reads along in a sanitized topic as its readers do (read_committed) and notes, for each partition, when something new
 * was to be seen: so how long each stood still can be said for any stretch of time.
 */
import type { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { clusterOf } from './raw-log.ts';

/** How long a fetch may wait for new records: shorter than any pause that counts. */
const WAIT_MS = 100;

export class VisibleGaps {
  /** Records seen, by partition. */
  readonly seen: number[];
  private readonly times: number[][];
  private readonly cluster: Cluster;
  private readonly ending = new AbortController();
  private readonly reading: Promise<unknown>;

  private constructor(cluster: Cluster, topic: string, partitions: number) {
    this.cluster = cluster;
    this.seen = Array.from({ length: partitions }, () => 0);
    this.times = Array.from({ length: partitions }, () => []);
    this.reading = Promise.all(this.seen.map(async (_, partition) => await this.follow(topic, partition)));
  }

  static async start(topic: string, partitions: number): Promise<VisibleGaps> {
    return new VisibleGaps(await clusterOf('admin'), topic, partitions);
  }

  /** The longest time, for each partition, in which nothing new was to be seen between `fromMs` and now. */
  longest(fromMs: number): readonly number[] {
    const nowMs = performance.now();
    return this.times.map((all) => {
      const moments = [fromMs, ...all.filter((moment) => moment > fromMs), nowMs];
      return Math.max(...moments.slice(1).map((moment, i) => moment - moments[i]!));
    });
  }

  /** Has every partition shown something new since? */
  allSince(fromMs: number): boolean {
    return this.times.every((all) => (all.at(-1) ?? 0) > fromMs);
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.reading;
    await this.cluster.close();
  }

  private async follow(topic: string, partition: number): Promise<void> {
    const reader = new LogReader(this.cluster, topic, partition);
    while (!this.ending.signal.aborted) {
      let count = 0;
      await reader.read(WAIT_MS, () => (count += 1));
      if (count > 0) this.times[partition]!.push(performance.now());
      this.seen[partition]! += count;
    }
    reader.close();
  }
}
