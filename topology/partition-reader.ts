/**
 * Reads one raw partition for all its lanes: each fetch serves every lane that stands at the same place. A lane
 * that lags behind the shared window fetches for itself; the others wait for one that is near, but not for long.
 * Memory: at most `windowBytes` of the shared window, one fetch ahead, and one fetch of each lagging lane.
 */
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { fetchRecords } from '../kafka/fetch.ts';
import { kafkaError, kafkaErrorClass } from '../kafka/kafka-errors.ts';
import { readRecordSet } from '../kafka/record-set.ts';
import { Companions } from './companions.ts';
import type { LanePlace } from './companions.ts';
import { SpanSubjects } from './span-subjects.ts';
import type { KeyedHash } from '../keys/audience-keys.ts';
import { HeldSpan } from './held-span.ts';
import type { Span } from './held-span.ts';

export interface PartitionReaderOptions {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly fetchBytes: number;
  readonly unpackedBytesMax: number;
  /** How long the broker may wait for new records. */
  readonly maxWaitMs: number;
  /** What the shared window may hold, in bytes. Default: four fetches. */
  readonly windowBytes?: () => number;
}

/** Spans kept at least for lanes that are a little behind, counted in fetches. */
const WINDOW_FETCHES = 4;
/** Full fetches that wait for a lane that is far behind. */
const FAR_BEHIND_FETCHES = 4;

export class PartitionReader {
  private readonly cluster: Cluster;
  private readonly options: PartitionReaderOptions;
  private readonly shared: BrokerConnections;
  private window: HeldSpan[] = [];
  private windowEnd = -1;
  private fetching: Promise<HeldSpan | null> | null = null;
  /** Lanes that the fetch under way is for. */
  private waiting = 0;
  private readonly companions = new Companions();
  /** What the index lane makes tokens by; null while there is none. */
  private subjectHash: KeyedHash | null = null;
  /** High watermark as of the last fetch; for lag. */
  highWatermark = -1;

  constructor(cluster: Cluster, options: PartitionReaderOptions) {
    this.cluster = cluster;
    this.options = options;
    this.shared = new BrokerConnections(cluster);
  }

  get fetchBytes(): number {
    return this.options.fetchBytes;
  }

  /**
   * A private source for one lane; close it with the lane. `subjectHash`: of an index lane, what it makes tokens by;
   * the others note them for it.
   */
  lane(subjectHash: KeyedHash | null = null): LaneSource {
    this.subjectHash = subjectHash ?? this.subjectHash;
    return new LaneSource(this, new BrokerConnections(this.cluster), this.companions, subjectHash !== null);
  }

  close(): void {
    this.shared.close();
    this.emptyWindow();
  }

  /** From the shared window, held for the caller; `undefined` where the position lies before it. */
  async fromWindow(position: number): Promise<HeldSpan | null | undefined> {
    const known = this.window.find((span) => position >= span.firstOffset && position < span.nextOffset);
    if (known) {
      if (known === this.window.at(-1)) this.fetchAhead();
      return known.hold();
    }
    if (position > this.windowEnd && !this.fetching) {
      this.emptyWindow();
      this.windowEnd = position;
    }
    if (position !== this.windowEnd) return undefined;
    this.fetching ??= this.fetchShared();
    this.waiting++;
    return await this.fetching;
  }

  /** One fetch, held for the caller; null where there is nothing yet. Throws holds and outages as GauzeError. */
  async fetch(connections: BrokerConnections, offset: number): Promise<HeldSpan | null> {
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
    // What a lane notes in a span of its own, nobody reads.
    const hash = connections === this.shared ? this.subjectHash : null;
    const subjects = hash && SpanSubjects.of(hash, offset, nextOffset);
    return new HeldSpan(answer.records, batches, offset, nextOffset, subjects);
  }

  private fetchAhead(): void {
    if (this.fetching) return;
    this.fetching = this.fetchShared();
    // Whoever reads next sees the error; nobody may be waiting now.
    this.fetching.catch(() => undefined);
  }

  private async fetchShared(): Promise<HeldSpan | null> {
    try {
      const room = this.windowBytesMax() - this.options.fetchBytes;
      if (this.window.length > 1 && this.windowBytes() > room)
        await this.companions.waitFor(this.window[0]!, this.windowEnd);
      const span = await this.fetch(this.shared, this.windowEnd);
      if (span) {
        this.window.push(span);
        // At once for all who wait: until they come to it, the window may have let go.
        for (let i = 0; i < this.waiting; i++) span.hold();
        this.windowEnd = span.nextOffset;
        this.trim();
      }
      return span;
    } finally {
      this.fetching = null;
      this.waiting = 0;
    }
  }

  private windowBytesMax(): number {
    const { windowBytes, fetchBytes } = this.options;
    return Math.max(windowBytes?.() ?? 0, WINDOW_FETCHES * fetchBytes);
  }

  private windowBytes(): number {
    return this.window.reduce((sum, span) => sum + span.bytes, 0);
  }

  private trim(): void {
    let bytes = this.windowBytes();
    const limit = this.windowBytesMax();
    while (this.window.length > 1 && bytes > limit) {
      const oldest = this.window.shift()!;
      bytes -= oldest.bytes;
      oldest.release();
    }
  }

  private emptyWindow(): void {
    for (const span of this.window) span.release();
    this.window = [];
  }
}

/** One lane's way to its records: the shared window where it can, its own fetches where it lags. */
export class LaneSource {
  private readonly reader: PartitionReader;
  private readonly connections: BrokerConnections;
  private readonly companions: Companions;
  private readonly place: LanePlace;
  private readonly indexes: boolean;
  private reading: { position: number; span: Promise<HeldSpan | null> } | null = null;
  private current: HeldSpan | null = null;
  private isClosed = false;

  constructor(
    reader: PartitionReader,
    connections: BrokerConnections,
    companions: Companions,
    indexes: boolean,
  ) {
    this.indexes = indexes;
    this.reader = reader;
    this.connections = connections;
    this.companions = companions;
    this.place = companions.join();
  }

  /**
   * The span that holds `position`, good until the next one is given out; null where there is nothing yet. Calling
   * again for the same position before it has answered waits for the same answer.
   */
  async read(position: number): Promise<Span | null> {
    if (this.reading?.position !== position) {
      this.companions.move(this.place, position);
      const span = this.find(position);
      span.catch(() => undefined);
      this.reading = { position, span };
    }
    const { reading } = this;
    try {
      const span = await reading.span;
      // Of two who waited for one answer, the first has taken it over.
      if (this.reading === reading) this.take(span);
      return span;
    } finally {
      if (this.reading === reading) this.reading = null;
    }
  }

  /** The lane has come to `position`, and has noted on the way whom records are about, or not. */
  reached(position: number, notes: boolean): void {
    this.place.notes = notes;
    this.companions.move(this.place, position);
  }

  /** Does much more wait than the last span? Fetches are full then, and several more of them stand in the log. */
  get isFarBehind(): boolean {
    const { current, reader } = this;
    if (!current || current.bytes < reader.fetchBytes / 2) return false;
    const records = current.nextOffset - current.firstOffset;
    return reader.highWatermark - current.nextOffset > FAR_BEHIND_FETCHES * records;
  }

  /** Lets go of the last span; nobody may look at it any more. */
  close(): void {
    this.isClosed = true;
    this.take(null);
    this.companions.leave(this.place);
    this.connections.close();
  }

  private take(span: HeldSpan | null): void {
    this.current?.release();
    this.current = span;
  }

  private async find(position: number): Promise<HeldSpan | null> {
    const shared = await this.reader.fromWindow(position);
    if (shared && this.indexes && !this.isClosed) await this.companions.noted(shared);
    const span = shared === undefined ? await this.reader.fetch(this.connections, position) : shared;
    if (!this.isClosed) return span;
    span?.release();
    return null;
  }
}
