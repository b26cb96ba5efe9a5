/**
 * What gauze.withheld says of one audience's records of one raw topic: which are withheld now, since when and why. The
 * newest entry about a record counts; entries of a topic that was made again are about other records.
 */
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { spread } from '../kafka/spread.ts';
import { GauzeError } from '../platform/errors.ts';
import { withheldCodec } from '../schemas/control-codecs.ts';
import type { WithheldRecord } from '../schemas/control-codecs.ts';

const NO_BYTES = Buffer.alloc(0);

/** Why a record is withheld, and when it was, by the broker's clock. */
export interface Standing {
  readonly code: string;
  readonly atMs: number;
}

export interface WithheldView {
  readonly audience: string;
  readonly topic: string;
  /** 32 hex digits. */
  readonly topicId: string;
}

/** The fold alone: entries in the order of their partition. */
export class WithheldState {
  private readonly view: WithheldView;
  private readonly partitions = new Map<number, Map<number, Standing>>();
  private last: Standing = { code: '', atMs: -1 };

  constructor(view: WithheldView) {
    this.view = view;
  }

  /** What is withheld of a raw partition, by offset. */
  of(partition: number): ReadonlyMap<number, Standing> {
    return this.partitions.get(partition) ?? new Map<number, Standing>();
  }

  /** How many are withheld, by code. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const standing of this.partitions.values())
      for (const { code } of standing.values()) counts.set(code, (counts.get(code) ?? 0) + 1);
    return counts;
  }

  fold(entry: WithheldRecord, atMs: number): void {
    const { audience, topic, topicId } = this.view;
    if (entry.audience !== audience || entry.topic !== topic || entry.topic_id !== topicId) return;
    const { partition, offset, code, outcome = 'WITHHELD' } = entry;
    const standing = this.partitions.get(partition) ?? new Map<number, Standing>();
    this.partitions.set(partition, standing);
    if (outcome === 'WITHHELD') standing.set(offset, this.standing(code, atMs));
    else if (outcome === 'PUBLISHED') standing.delete(offset);
    else for (const each of standing.keys()) if (each >= offset) standing.delete(each);
  }

  /** A million withheld together share one object. */
  private standing(code: string, atMs: number): Standing {
    if (this.last.code !== code || this.last.atMs !== atMs) this.last = { code, atMs };
    return this.last;
  }
}

/** The topic, read as far as somebody wants to know. */
export class WithheldLog {
  readonly state: WithheldState;
  private readonly cluster: Cluster;
  private readonly log: string;
  private readonly view: WithheldView;
  private readonly readers = new Map<number, LogReader>();

  constructor(cluster: Cluster, log: string, view: WithheldView) {
    this.cluster = cluster;
    this.log = log;
    this.view = view;
    this.state = new WithheldState(view);
  }

  /** What is withheld of a raw partition as of now. Throws ERR_WITHHELD_LOG_CORRUPT and Kafka's errors. */
  async upToNow(partition: number, signal?: AbortSignal): Promise<ReadonlyMap<number, Standing>> {
    const topic = await this.cluster.topic(this.log);
    if (!topic) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: this.log });
    const reader = await this.readerOf(spread(`${this.view.topic}/${partition}`, topic.leaders.length));
    await reader.readToEnd((record) => this.take(reader.partition, record), signal);
    return this.state.of(partition);
  }

  close(): void {
    for (const reader of this.readers.values()) reader.close();
  }

  private async readerOf(partition: number): Promise<LogReader> {
    const known = this.readers.get(partition);
    if (known) return known;
    const reader = new LogReader(this.cluster, this.log, partition);
    this.readers.set(partition, reader);
    await reader.skipRemoved();
    return reader;
  }

  private take(partition: number, { offset, value, timestampMs }: LogRecord): void {
    let entry: WithheldRecord;
    try {
      entry = withheldCodec.decode(value ?? NO_BYTES);
    } catch {
      throw new GauzeError('ERR_WITHHELD_LOG_CORRUPT', { topic: this.log, partition, offset });
    }
    this.state.fold(entry, timestampMs);
  }
}
