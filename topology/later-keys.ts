/**
 * Whether a later record of a raw partition has the key of a wanted one: then the wanted one must not be published
 * behind it in a compacted topic, where the last record of a key is what the key stands for. It keeps the keys of wanted
 * records only, in memory, for as long as one redrive takes.
 */
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import { abortable } from './abortable.ts';
import type { Span } from './held-span.ts';
import { PartitionReader } from './partition-reader.ts';
import type { PartitionReaderOptions } from './partition-reader.ts';
import type { WantedOffsets } from './wanted-offsets.ts';

/** What was read since it was last asked for. */
export interface KeysRead {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly records: number;
  /** Of the keys. */
  readonly bytes: number;
}

/** The judgement alone, record by record in offset order. */
export class KeySuccession {
  /** Wanted records with a later one of their key. */
  readonly superseded = new Set<number>();
  private readonly wanted: WantedOffsets;
  /** The wanted record that has a key, the last one. */
  private readonly holders = new Map<string, number>();

  constructor(wanted: WantedOffsets) {
    this.wanted = wanted;
  }

  /** `key`: null where the record has none, which no record succeeds. */
  take(offset: number, key: string | null): void {
    if (key === null) return;
    const holder = this.holders.get(key);
    if (holder !== undefined) this.superseded.add(holder);
    if (this.wanted.has(offset)) this.holders.set(key, offset);
    else if (holder !== undefined) this.holders.delete(key);
  }
}

export class LaterKeys {
  readonly succession: KeySuccession;
  private readonly reader: PartitionReader;
  private readonly connections: BrokerConnections;
  private readonly cursor = new RecordCursor();
  private position: number;
  private unsaid: { firstOffset: number; records: number; bytes: number };

  /** @param from offset of the first wanted record */
  constructor(cluster: Cluster, options: PartitionReaderOptions, wanted: WantedOffsets, from: number) {
    this.reader = new PartitionReader(cluster, options);
    this.connections = new BrokerConnections(cluster);
    this.succession = new KeySuccession(wanted);
    this.position = from;
    this.unsaid = { firstOffset: from, records: 0, bytes: 0 };
  }

  /** Reads on to the end of what is committed now. Throws holds and outages. */
  async readToEnd(signal: AbortSignal): Promise<void> {
    for (;;) {
      const span = await abortable(this.reader.fetch(this.connections, this.position), signal);
      signal.throwIfAborted();
      if (!span) return;
      this.take(span);
      this.position = span.nextOffset;
    }
  }

  /** What was read since the last time, to be put on record; null where that is nothing. */
  takeRead(): KeysRead | null {
    const read = { ...this.unsaid, nextOffset: this.position };
    this.unsaid = { firstOffset: this.position, records: 0, bytes: 0 };
    return read.nextOffset > read.firstOffset ? read : null;
  }

  close(): void {
    this.reader.close();
    this.connections.close();
  }

  private take({ batches }: Span): void {
    const { cursor, unsaid } = this;
    for (const batch of batches) {
      cursor.open(batch);
      while (cursor.next()) {
        if (cursor.offset < this.position) continue;
        const { keyStart, keyEnd, bytes } = cursor;
        // One character for each byte: a key of its own for each, whatever the bytes are.
        this.succession.take(cursor.offset, keyStart < 0 ? null : bytes.toString('latin1', keyStart, keyEnd));
        unsaid.records++;
        unsaid.bytes += Math.max(0, keyEnd - keyStart);
      }
    }
  }
}
