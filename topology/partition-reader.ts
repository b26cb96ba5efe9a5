/**
 * Reads one raw partition for all its lanes: each fetch serves every lane that stands at the same place. A lane
 * that lags behind the shared window fetches for itself, so a slow one never holds the others back.
 * Memory: at most `windowBytes` of the shared window, one fetch ahead, and one fetch of each lagging lane.
 */
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { fetchRecords } from '../kafka/fetch.ts';
import { kafkaError, kafkaErrorClass } from '../kafka/kafka-errors.ts';
import { readRecordSet } from '../kafka/record-set.ts';
import type { DataBatch } from '../kafka/record-set.ts';

/** What one fetch brought: everything in [firstOffset, nextOffset). */
export interface Span {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly batches: readonly DataBatch[];
  /** Memory it holds. */
  readonly bytes: number;
}

export interface PartitionReaderOptions {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly fetchBytes: number;
  readonly unpackedBytesMax: number;
  /** How long the broker may wait for new records. */
  readonly maxWaitMs: number;
}

/** Spans kept for lanes that are a little behind, counted in fetches. */
const WINDOW_FETCHES = 4;

export class PartitionReader {
  private readonly cluster: Cluster;
  private readonly options: PartitionReaderOptions;
  private readonly shared: BrokerConnections;
  private window: Span[] = [];
  private windowEnd = -1;
  private fetching: Promise<Span | null> | null = null;
  /** High watermark as of the last fetch; for lag. */
  highWatermark = -1;

  constructor(cluster: Cluster, options: PartitionReaderOptions) {
    this.cluster = cluster;
    this.options = options;
    this.shared = new BrokerConnections(cluster);
  }

  /** A private source for one lane; close it with the lane. */
  lane(): LaneSource {
    return new LaneSource(this, new BrokerConnections(this.cluster));
  }

  close(): void {
    this.shared.close();
    this.window = [];
  }

  /** From the shared window; `undefined` where the position lies before it. */
  async fromWindow(position: number): Promise<Span | null | undefined> {
    const known = this.window.find((span) => position >= span.firstOffset && position < span.nextOffset);
    if (known) {
      if (known === this.window.at(-1)) this.fetchAhead();
      return known;
    }
    if (position > this.windowEnd && !this.fetching) {
      this.window = [];
      this.windowEnd = position;
    }
    if (position !== this.windowEnd) return undefined;
    this.fetching ??= this.fetchShared();
    return await this.fetching;
  }

  /** One fetch; null where there is nothing yet. Throws holds and outages as GauzeError. */
  async fetch(connections: BrokerConnections, offset: number): Promise<Span | null> {
    const { topic, topicId, partition, fetchBytes, maxWaitMs, unpackedBytesMax } = this.options;
    const where = { topic, partition, offset };
    const metadata = await this.cluster.topic(topic);
    if (!metadata || metadata.id !== topicId) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', where);
    const leader = metadata.leaders[partition] ?? -1;
    if (leader < 0) {
      await this.cluster.refresh([topic]);
      throw kafkaError('Metadata', 5, where);
    }
    const answer = await fetchRecords(await connections.to(leader), {
      topicId,
      partition,
      offset,
      maxBytes: fetchBytes,
      maxWaitMs,
      readCommitted: true,
    });
    // An offset out of range ends the session too; the next one finds out which end it lies beyond, and holds.
    if (answer.error !== 0) {
      if (kafkaErrorClass(answer.error) !== 'right') await this.cluster.refresh([topic]);
      throw kafkaError('Fetch', answer.error, where);
    }
    this.highWatermark = answer.highWatermark;
    const { batches, nextOffset } = readRecordSet(answer.records, {
      topic,
      partition,
      fetchOffset: offset,
      aborted: answer.aborted,
      unpackedBytesMax,
    });
    if (nextOffset === offset) return null;
    return { firstOffset: offset, nextOffset, batches, bytes: memoryOf(answer.records, batches) };
  }

  private fetchAhead(): void {
    if (this.fetching) return;
    this.fetching = this.fetchShared();
    // Whoever reads next sees the error; nobody may be waiting now.
    this.fetching.catch(() => undefined);
  }

  private async fetchShared(): Promise<Span | null> {
    try {
      const span = await this.fetch(this.shared, this.windowEnd);
      if (span) {
        this.window.push(span);
        this.windowEnd = span.nextOffset;
        this.trim();
      }
      return span;
    } finally {
      this.fetching = null;
    }
  }

  private trim(): void {
    let bytes = this.window.reduce((sum, span) => sum + span.bytes, 0);
    const limit = WINDOW_FETCHES * this.options.fetchBytes;
    while (this.window.length > 1 && bytes > limit) bytes -= this.window.shift()!.bytes;
  }
}

/** One lane's way to its records: the shared window where it can, its own fetches where it lags. */
export class LaneSource {
  private readonly reader: PartitionReader;
  private readonly connections: BrokerConnections;
  private reading: { position: number; span: Promise<Span | null> } | null = null;

  constructor(reader: PartitionReader, connections: BrokerConnections) {
    this.reader = reader;
    this.connections = connections;
  }

  /**
   * The span that holds `position`; null where there is nothing yet. Calling again for the same position before
   * it has answered waits for the same answer.
   */
  async read(position: number): Promise<Span | null> {
    if (this.reading?.position !== position) {
      const span = this.find(position);
      span.catch(() => undefined);
      this.reading = { position, span };
    }
    try {
      return await this.reading.span;
    } finally {
      this.reading = null;
    }
  }

  close(): void {
    this.connections.close();
  }

  private async find(position: number): Promise<Span | null> {
    const shared = await this.reader.fromWindow(position);
    return shared === undefined ? await this.reader.fetch(this.connections, position) : shared;
  }
}

function memoryOf(records: Buffer, batches: readonly DataBatch[]): number {
  let bytes = records.length;
  for (const batch of batches) if (batch.bytes !== records) bytes += batch.bytes.length;
  return bytes;
}
