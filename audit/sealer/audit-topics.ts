/**
 * Reads what is new in the partitions of the audit topics, committed records in offset order, into the sealer's state.
 * It reads up to what was settled when it was asked, and gives no record to anybody else.
 */
import { GauzeError } from '../../platform/errors.ts';
import { monotonicMs } from '../../platform/clock.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import type { LogEnds } from '../../kafka/log-reader.ts';
import type { PartitionTree } from './partition-tree.ts';
import type { ReadSeal } from './seals-log.ts';
import type { SealState } from './seal-state.ts';

const OFFSET_OUT_OF_RANGE = 1;
const MORE_WAIT_MS = 100;
/** Longer than any transaction of gauze may stay open. */
const STALLED_MS = 30_000;

export class AuditTopics {
  private readonly cluster: Cluster;
  private readonly topics: readonly string[];
  private readonly state: SealState;
  private readonly readers = new Map<PartitionTree, LogReader>();
  /** Where an open transaction ends what can be read, and since when. */
  private readonly held = new Map<PartitionTree, { readonly at: number; readonly sinceMs: number }>();

  constructor(cluster: Cluster, topics: readonly string[], state: SealState) {
    this.cluster = cluster;
    this.topics = topics;
    this.state = state;
  }

  /**
   * Reads every partition to the end of what is settled; also partitions that were added since.
   * Throws ERR_SEAL_STATE where a topic was made again, or ends before what was sealed.
   */
  async readNew(signal: AbortSignal): Promise<void> {
    for (const tree of await this.trees()) {
      signal.throwIfAborted();
      await this.readTree(tree, signal);
    }
  }

  /**
   * Reads again what `seals`, the first of which the state was restored from, have sealed.
   * Throws ERR_SEAL_STATE where that gives another root than one of them has.
   */
  async readAgain(seals: readonly ReadSeal[], signal: AbortSignal): Promise<void> {
    for (const tree of await this.trees()) {
      const { topic, topicId, partition } = tree.place;
      const expected = seals.flatMap(({ seal }) =>
        seal.partitions.filter((each) => each.topic === topic && each.partition === partition),
      );
      if (expected.some((each) => each.topic_id.toString('hex') !== topicId)) throw changed(tree);
      for (const { tree_size: size, root, next_offset: end } of expected) {
        if (this.reader(tree).position < end) await this.read(tree, signal, { offset: end });
        if (tree.size !== size || !tree.root().equals(root)) throw changed(tree);
        tree.nextOffset = end;
      }
      tree.logStartOffset = expected.at(-1)?.log_start_offset ?? 0;
    }
  }

  close(): void {
    for (const reader of this.readers.values()) reader.close();
  }

  private async trees(): Promise<readonly PartitionTree[]> {
    const found = await this.cluster.refresh(this.topics);
    for (const topic of this.topics) {
      const metadata = found.get(topic);
      if (!metadata) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition: 0 });
      const other = this.state.trees.find(
        ({ place }) => place.topic === topic && place.topicId !== metadata.id,
      );
      if (other) throw changed(other);
      metadata.leaders.forEach((_, partition) => this.state.tree({ topic, topicId: metadata.id, partition }));
    }
    return this.state.trees;
  }

  private async readTree(tree: PartitionTree, signal: AbortSignal): Promise<void> {
    const ends = await this.read(tree, signal, 'settled');
    this.state.reached(tree, this.reader(tree).position, ends.logStartOffset);
    this.watchStall(tree, ends);
  }

  /** Reads up to an offset, or to the end of what was settled when the first answer came. */
  private async read(
    tree: PartitionTree,
    signal: AbortSignal,
    to: { readonly offset: number } | 'settled',
  ): Promise<LogEnds> {
    const reader = this.reader(tree);
    let end = to === 'settled' ? null : to.offset;
    for (let waitMs = 0; ; waitMs = MORE_WAIT_MS) {
      signal.throwIfAborted();
      const ends = await this.fetch(reader, tree, waitMs, end);
      end ??= ends.lastStableOffset;
      if (reader.position >= end) return ends;
    }
  }

  private async fetch(
    reader: LogReader,
    tree: PartitionTree,
    waitMs: number,
    end: number | null,
  ): Promise<LogEnds> {
    try {
      let stop: number | null = null;
      const ends = await reader.read(waitMs, (record) => {
        if (end !== null && record.offset >= end) stop ??= end;
        else this.state.take(tree, record);
      });
      // What lies behind the offset asked for is read another time.
      if (stop !== null) reader.position = stop;
      return ends;
    } catch (error) {
      const isGone = error instanceof GauzeError && error.context.kafkaError === OFFSET_OUT_OF_RANGE;
      throw isGone ? changed(tree) : error;
    }
  }

  private reader(tree: PartitionTree): LogReader {
    const { topic, partition } = tree.place;
    const known = this.readers.get(tree);
    if (known) return known;
    const reader = new LogReader(this.cluster, topic, partition, tree.nextOffset);
    this.readers.set(tree, reader);
    return reader;
  }

  private watchStall(tree: PartitionTree, { lastStableOffset: at, highWatermark }: LogEnds): void {
    const before = this.held.get(tree);
    if (at >= highWatermark) this.held.delete(tree);
    else if (before?.at !== at) this.held.set(tree, { at, sinceMs: monotonicMs() });
    else if (monotonicMs() - before.sinceMs > STALLED_MS) {
      const { topic, partition } = tree.place;
      this.state.alarms.raise('LOG_STALLED', `${topic} ${partition}`, `${at}`);
    }
  }
}

function changed({ place: { topic, partition } }: PartitionTree): GauzeError {
  return new GauzeError('ERR_SEAL_STATE', { topic, partition });
}
