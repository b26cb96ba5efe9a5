/**
 * Reads one partition record by record from an offset on: for control topics such as the policy log, where
 * each record is small and matters. Only committed records are handed out.
 */
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { fetchRecords } from './fetch.ts';
import type { FetchAnswer } from './fetch.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { listOffset } from './list-offsets.ts';
import { RecordCursor } from './record-cursor.ts';
import { readRecordSet } from './record-set.ts';

export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Where a log stands: the end of what exists, and the end of what is settled. */
export interface LogEnds {
  readonly logStartOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
}

const FETCH_BYTES = 1024 * 1024;
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
/** Transactions of gauze end by themselves after a third of that: what hides records for longer will not go away. */
const HIDDEN_MAX_MS = 30_000;
const HIDDEN_RECHECK_MS = 20;

export class LogReader {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read. */
  position: number;
  private readonly cluster: Cluster;
  private readonly connections: BrokerConnections;
  private readonly hiddenMaxMs: number;
  private topicId: string | null = null;

  /** `hiddenMaxMs`: how long `readToEnd` waits for a transaction that hides what comes next. */
  constructor(
    cluster: Cluster,
    topic: string,
    partition: number,
    from = 0,
    { hiddenMaxMs = HIDDEN_MAX_MS }: { hiddenMaxMs?: number } = {},
  ) {
    this.hiddenMaxMs = hiddenMaxMs;
    this.cluster = cluster;
    this.connections = new BrokerConnections(cluster);
    this.topic = topic;
    this.partition = partition;
    this.position = from;
  }

  /**
   * Hands out what there is from `position` on; waits at most `maxWaitMs` for the first record.
   * Throws ERR_KAFKA_TOPIC_MISSING, rights and connection errors.
   */
  async read(maxWaitMs: number, visit: (record: LogRecord) => void): Promise<LogEnds> {
    const answer = await this.fetch(maxWaitMs);
    const { batches, nextOffset } = readRecordSet(answer.records, {
      topic: this.topic,
      partition: this.partition,
      fetchOffset: this.position,
      aborted: answer.aborted,
      unpackedBytesMax: UNPACKED_BYTES_MAX,
    });
    const cursor = new RecordCursor();
    for (const batch of batches) {
      cursor.open(batch);
      while (cursor.next()) {
        if (cursor.offset < this.position) continue;
        visit({
          offset: cursor.offset,
          timestampMs: cursor.timestampMs,
          key: cursor.keyStart < 0 ? null : cursor.bytes.subarray(cursor.keyStart, cursor.keyEnd),
          value: cursor.valueStart < 0 ? null : cursor.bytes.subarray(cursor.valueStart, cursor.valueEnd),
        });
      }
    }
    this.position = nextOffset;
    return answer;
  }

  /** Goes on to the first offset that is left, where what stands at `position` was removed; gives the position. */
  async skipRemoved(): Promise<number> {
    const earliest = await listOffset(this.cluster, this.connections, this.topic, this.partition, 'earliest');
    this.position = Math.max(this.position, earliest);
    return this.position;
  }

  /**
   * Reads until everything that existed when the call began has been handed out, open transactions included.
   * Throws ERR_KAFKA_UNSETTLED where one of them stays open.
   */
  async readToEnd(visit: (record: LogRecord) => void, signal?: AbortSignal): Promise<void> {
    let target: number | null = null;
    let movedMs = monotonicMs();
    for (;;) {
      signal?.throwIfAborted();
      const before = this.position;
      const ends = await this.read(target === null ? 0 : 100, visit);
      target ??= ends.highWatermark;
      if (this.position >= target) return;
      if (this.position > before) movedMs = monotonicMs();
      else if (monotonicMs() - movedMs > this.hiddenMaxMs) throw this.unsettled();
      else await sleep(HIDDEN_RECHECK_MS, signal);
    }
  }

  close(): void {
    this.connections.close();
  }

  private unsettled(): GauzeError {
    const { topic, partition, hiddenMaxMs: limit } = this;
    return new GauzeError('ERR_KAFKA_UNSETTLED', { apiName: 'Fetch', topic, partition, limit });
  }

  private async fetch(maxWaitMs: number): Promise<FetchAnswer> {
    for (let attempt = 0; ; attempt++) {
      const topic =
        this.topicId && attempt === 0 ? await this.cluster.topic(this.topic) : await this.lookUp();
      const leader = topic?.leaders[this.partition] ?? -1;
      if (!topic || (this.topicId !== null && topic.id !== this.topicId)) {
        throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: this.topic, partition: this.partition });
      }
      this.topicId = topic.id;
      if (leader < 0) throw kafkaError('Metadata', 5, { topic: this.topic, partition: this.partition });
      const answer = await fetchRecords(await this.connections.to(leader), {
        topicId: topic.id,
        partition: this.partition,
        offset: this.position,
        maxBytes: FETCH_BYTES,
        maxWaitMs,
        readCommitted: true,
      });
      if (answer.error === 0) return answer;
      const cls = kafkaErrorClass(answer.error);
      const moved = cls === 'metadata' || cls === 'retry';
      if (!moved || attempt >= 20) {
        throw kafkaError('Fetch', answer.error, { topic: this.topic, partition: this.partition });
      }
      await sleep(50);
    }
  }

  private async lookUp() {
    return (await this.cluster.refresh([this.topic])).get(this.topic) ?? null;
  }
}
