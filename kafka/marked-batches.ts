/**
 * Data batches together with the mark of the transaction that wrote them: producer id and epoch. With transactions v2
 * (KIP-890) each transaction has an epoch of its own, so equal marks in two partitions mean one transaction.
 * Only committed records are handed out.
 */
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { fetchRecords } from './fetch.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, readRecordSet } from './record-set.ts';
import type { DataBatch } from './record-set.ts';
import { GauzeError } from '../platform/errors.ts';
import { sleep } from '../platform/clock.ts';

/** Which transaction wrote a batch. */
export interface TransactionMark {
  readonly producerId: bigint;
  readonly epoch: number;
}

export interface MarkedBatch extends TransactionMark {
  readonly batch: DataBatch;
  /** Number of the batch's first record among all that the transaction wrote to the partition. */
  readonly firstSequence: number;
}

export interface MarkedRead {
  readonly batches: readonly MarkedBatch[];
  /** Where to go on. */
  readonly nextOffset: number;
  /** Nothing at or after it is settled, or there is nothing. */
  readonly lastStableOffset: number;
}

export interface MarkedPlace {
  readonly topic: string;
  /** Another topic under the name is not read. */
  readonly topicId: string;
  readonly partition: number;
}

const FETCH_BYTES = 1024 * 1024;
const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;
const ATTEMPTS = 20;
const RETRY_MS = 50;

export class MarkedBatches {
  private readonly cluster: Cluster;
  private readonly connections: BrokerConnections;
  private readonly place: MarkedPlace;

  constructor(cluster: Cluster, place: MarkedPlace) {
    this.cluster = cluster;
    this.connections = new BrokerConnections(cluster);
    this.place = place;
  }

  /**
   * The batches from `offset` on that one fetch brings; the first one may begin before it.
   * Throws ERR_KAFKA_TOPIC_MISSING, ERR_KAFKA_ANSWER (the offset is out of range), rights and connection errors.
   */
  async read(offset: number): Promise<MarkedRead> {
    const { topic, partition } = this.place;
    const { records, aborted, lastStableOffset } = await this.fetch(offset);
    const { batches, nextOffset } = readRecordSet(records, {
      topic,
      partition,
      fetchOffset: offset,
      aborted,
      unpackedBytesMax: UNPACKED_BYTES_MAX,
    });
    const marks = marksOf(records);
    return {
      batches: batches.map((batch) => ({ batch, ...marks.get(batch.baseOffset)! })),
      nextOffset,
      lastStableOffset,
    };
  }

  close(): void {
    this.connections.close();
  }

  private async fetch(offset: number) {
    const { topic, topicId, partition } = this.place;
    for (let attempt = 0; ; attempt++) {
      const found = (await this.cluster.topic(topic)) ?? (await this.cluster.refresh([topic])).get(topic);
      if (!found || found.id !== topicId)
        throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition });
      const leader = found.leaders[partition] ?? -1;
      const answer = await fetchRecords(await this.connections.to(leader), {
        topicId,
        partition,
        offset,
        maxBytes: FETCH_BYTES,
        maxWaitMs: 0,
        readCommitted: true,
      });
      if (answer.error === 0) return answer;
      const cls = kafkaErrorClass(answer.error);
      const mayPass = cls === 'metadata' || cls === 'retry';
      if (!mayPass || attempt >= ATTEMPTS)
        throw kafkaError('Fetch', answer.error, { topic, partition, offset });
      await this.cluster.refresh([topic]);
      await sleep(RETRY_MS);
    }
  }
}

/** By base offset: what the headers of the batches say (fields at 43, 51 and 53 of a batch in format 2). */
function marksOf(records: Buffer): ReadonlyMap<number, Omit<MarkedBatch, 'batch'>> {
  const marks = new Map<number, Omit<MarkedBatch, 'batch'>>();
  for (let at = 0; at + BATCH_HEADER_BYTES <= records.length;) {
    marks.set(Number(records.readBigInt64BE(at)), {
      producerId: records.readBigInt64BE(at + 43),
      epoch: records.readInt16BE(at + 51),
      firstSequence: records.readInt32BE(at + 53),
    });
    at += BATCH_PREFIX_BYTES + records.readInt32BE(at + 8);
  }
  return marks;
}
