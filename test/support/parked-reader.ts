/**
 * A grantee who always has a Fetch waiting at the broker, reading uncommitted: one fetch after another, each held open
 * until there is something, to the end of the topic. What the last one got is what a revocation lets through.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import { fetchRecords } from '../../kafka/fetch.ts';
import { readRecordSet } from '../../kafka/record-set.ts';
import { TestPlane } from './kafka-plane.ts';
import { recordsOf } from './read-records.ts';

export interface ParkedAnswer {
  /** Kafka's error number; 0 for none. */
  readonly error: number;
  /** This machine's clock. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** Broker's times of append, of the records that came. */
  readonly appendsMs: readonly number[];
}

/** How long the broker may hold a fetch open. */
const HELD_MS = 20_000;
const PARTITION = 0;

export class ParkedReader {
  readonly answers: ParkedAnswer[] = [];
  readonly #topic: string;
  readonly #ended: Promise<void>;

  /** Begins at the beginning of partition 0 and goes on until the broker does not know the topic any more. */
  constructor(topic: string) {
    this.#topic = topic;
    this.#ended = this.#read();
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  async #read(): Promise<void> {
    const plane = new TestPlane();
    await plane.start();
    const connections = new BrokerConnections(plane.cluster);
    try {
      const { id: topicId, leaders } = (await plane.cluster.topic(this.#topic))!;
      const connection = await connections.to(leaders[PARTITION]!);
      for (let offset = 0, error = 0; error === 0;) {
        const sentMs = Date.now();
        const wanted = { topicId, partition: PARTITION, offset, maxBytes: 1_048_576, maxWaitMs: HELD_MS };
        const answer = await fetchRecords(connection, { ...wanted, readCommitted: false });
        const source = { topic: this.#topic, partition: PARTITION, fetchOffset: offset, aborted: [] };
        const set = readRecordSet(answer.records, { ...source, unpackedBytesMax: 100_000_000 });
        const records = recordsOf(set.batches).filter((record) => record.offset >= offset);
        const appendsMs = records.map(({ timestampMs }) => timestampMs);
        this.answers.push({ error: answer.error, sentMs, answeredMs: Date.now(), appendsMs });
        ({ error } = answer);
        offset = Math.max(offset, set.nextOffset);
      }
    } finally {
      connections.close();
      await plane.close();
    }
  }
}
