/**
 * One transactional id and its transactions: outputs and an offset, together or not at all.
 * Whenever an outcome is in doubt the producer is `unusable` until `initialize` has been called again, which
 * settles the open transaction at the broker. A fenced producer never initialises again: see ERR_KAFKA_FENCED.
 */
import { sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Connection } from './connection.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { produce } from './produce.ts';
import type { RecordBatchWriter, WrittenBatch } from './record-batch-writer.ts';
import { endTxn, fetchCommittedOffset, initProducerId, txnOffsetCommit } from './transaction-requests.ts';
import type { CommittedOffset, OffsetCommit, ProducerIdentity } from './transaction-requests.ts';

/** Everything that one transaction writes to one partition. */
export interface TransactionOutput {
  readonly topic: string;
  /** Must be the id of the topic as the lane knows it; another topic under the name is not written to. */
  readonly topicId: string;
  readonly partition: number;
  readonly writer: RecordBatchWriter;
}

export interface Appended {
  readonly output: TransactionOutput;
  /** Offset of the first record written there, and the one after the last. */
  readonly baseOffset: number;
  readonly nextOffset: number;
  /** Append time of the first batch, and of the last; -1 where the topic keeps producers' times. */
  readonly appendTimeMs: number;
  readonly lastAppendTimeMs: number;
}

/** Design bound: a transaction that is left open holds readers back for no longer than this. */
export const TRANSACTION_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_MS = 2;

/** Whose coordinator: of a group, or of a transactional id. */
type Coordinated = readonly [type: 'group' | 'transaction', key: string];

interface Sending {
  readonly output: TransactionOutput;
  readonly batch: WrittenBatch;
  readonly baseSequence: number;
  appended: { baseOffset: number; appendTimeMs: number } | null;
}

export class TransactionalProducer {
  readonly transactionalId: string;
  private readonly cluster: Cluster;
  private readonly connections: BrokerConnections;
  private identity: ProducerIdentity | null = null;
  private fenced = false;
  private readonly self: Coordinated;

  constructor(cluster: Cluster, transactionalId: string) {
    this.cluster = cluster;
    this.connections = new BrokerConnections(cluster);
    this.transactionalId = transactionalId;
    this.self = ['transaction', transactionalId];
  }

  /**
   * Takes the id over: fences the former owner and settles its open transaction.
   * Throws ERR_KAFKA_FENCED once this producer was fenced, rights and connection errors otherwise.
   */
  async initialize(signal: AbortSignal): Promise<void> {
    if (this.fenced) throw new GauzeError('ERR_KAFKA_FENCED', {});
    this.identity = null;
    for (;;) {
      signal.throwIfAborted();
      const connection = await this.toCoordinator(this.self, signal);
      const answer = await initProducerId(
        connection,
        this.transactionalId,
        TRANSACTION_TIMEOUT_MS,
        REQUEST_TIMEOUT_MS,
      );
      if (answer.error === 0) {
        this.identity = { producerId: answer.producerId, epoch: answer.epoch };
        return;
      }
      await this.retryOrThrow('InitProducerId', answer.error, this.self, signal, 20);
    }
  }

  /** The committed offset, read when no transaction can still move it; call after `initialize`. */
  async committed(
    group: string,
    topic: string,
    partition: number,
    signal: AbortSignal,
  ): Promise<CommittedOffset> {
    for (;;) {
      signal.throwIfAborted();
      const connection = await this.toCoordinator(['group', group], signal);
      const answer = await fetchCommittedOffset(connection, group, topic, partition, REQUEST_TIMEOUT_MS);
      if (answer.error === 0) return answer;
      await this.retryOrThrow('OffsetFetch', answer.error, ['group', group], signal, 10);
    }
  }

  /**
   * Writes everything and commits, with an offset where there is one. Resolves only when the commit is certain.
   * On any error nothing is committed or it is unknown: initialise again and read the offset back.
   * `beforeEnd`: a last look once everything is appended and nothing is committed; where it throws nothing will be.
   */
  async commit(
    outputs: readonly TransactionOutput[],
    offset: OffsetCommit | null,
    signal: AbortSignal,
    beforeEnd?: () => Promise<void>,
  ): Promise<readonly Appended[]> {
    const identity = this.identity;
    if (!identity) throw new GauzeError('ERR_KAFKA_OUTCOME_UNKNOWN', {});
    this.identity = null;
    try {
      const sendings = outputs.flatMap(sendingsOf);
      // Both are waited for even where one fails, so that nothing of this transaction is still under way when
      // the next one begins. A refused offset does not make EndTxn fail: outputs would commit without it.
      const settled = await Promise.allSettled([
        this.produceAll(sendings, identity, signal),
        offset ? this.commitOffset(offset, identity, signal) : null,
      ]);
      for (const result of settled) if (result.status === 'rejected') throw result.reason;
      await beforeEnd?.();
      this.identity = await this.end(identity, signal);
      return appendedOf(sendings);
    } catch (error) {
      if (error instanceof GauzeError && error.code === 'ERR_KAFKA_FENCED') this.fenced = true;
      throw error;
    }
  }

  close(): void {
    this.identity = null;
    this.connections.close();
  }

  private async produceAll(
    sendings: readonly Sending[],
    identity: ProducerIdentity,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const round = nextRound(sendings);
      if (round.length === 0) return;
      signal.throwIfAborted();
      const byLeader = await this.groupByLeader(round);
      const errors = await Promise.all(
        [...byLeader].map(async ([leader, group]) => await this.produceTo(leader, group, identity)),
      );
      const retried = errors.flat().filter((error) => error !== null);
      if (retried.length > 0) await this.recover(retried, signal);
    }
  }

  private async produceTo(
    leader: number,
    group: readonly Sending[],
    identity: ProducerIdentity,
  ): Promise<readonly ({ readonly error: number; readonly sending: Sending } | null)[]> {
    const connection = await this.connections.to(leader);
    const partitions = group.map(({ output, batch, baseSequence }) => ({
      topic: output.topic,
      topicId: output.topicId,
      partition: output.partition,
      records: output.writer.stamp(batch, identity.producerId, identity.epoch, baseSequence),
    }));
    const { cluster, transactionalId: id } = this;
    const answers = await produce(connection, cluster.produceVersion, id, partitions, REQUEST_TIMEOUT_MS);
    return answers.map((answer, i) => {
      const sending = group[i]!;
      if (answer.error !== 0) return { error: answer.error, sending };
      sending.appended = answer;
      return null;
    });
  }

  /** Throws unless every error of the round goes away by asking again. */
  private async recover(
    failures: readonly { readonly error: number; readonly sending: Sending }[],
    signal: AbortSignal,
  ): Promise<void> {
    const stale = new Set<string>();
    for (const { error, sending } of failures) {
      const cls = kafkaErrorClass(error);
      const { topic, partition } = sending.output;
      if (cls === 'metadata') stale.add(topic);
      else if (cls !== 'retry') throw kafkaError('Produce', error, { topic, partition });
    }
    if (stale.size > 0) await this.cluster.refresh([...stale]);
    await sleep(stale.size > 0 ? 50 : RETRY_MS, signal);
  }

  private async commitOffset(
    offset: OffsetCommit,
    identity: ProducerIdentity,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const connection = await this.toCoordinator(['group', offset.group], signal);
      const error = await txnOffsetCommit(
        connection,
        this.transactionalId,
        identity,
        offset,
        REQUEST_TIMEOUT_MS,
      );
      if (error === 0) return;
      await this.retryOrThrow('TxnOffsetCommit', error, ['group', offset.group], signal, RETRY_MS);
    }
  }

  private async end(identity: ProducerIdentity, signal: AbortSignal): Promise<ProducerIdentity> {
    for (;;) {
      signal.throwIfAborted();
      const connection = await this.toCoordinator(this.self, signal);
      const answer = await endTxn(connection, this.transactionalId, identity, true, REQUEST_TIMEOUT_MS);
      if (answer.error === 0) return { producerId: answer.producerId, epoch: answer.epoch };
      await this.retryOrThrow('EndTxn', answer.error, this.self, signal, RETRY_MS);
    }
  }

  private async toCoordinator(coordinated: Coordinated, signal: AbortSignal): Promise<Connection> {
    const node = await this.cluster.coordinator(...coordinated, signal);
    try {
      return await this.connections.to(node);
    } catch (error) {
      this.cluster.forgetCoordinator(...coordinated);
      throw error;
    }
  }

  /** Waits where asking again can help, of the coordinator wherever it is by then; throws where it cannot. */
  private async retryOrThrow(
    apiName: string,
    error: number,
    coordinated: Coordinated,
    signal: AbortSignal,
    waitMs: number,
  ): Promise<void> {
    const cls = kafkaErrorClass(error);
    if (cls === 'coordinator') this.cluster.forgetCoordinator(...coordinated);
    if (cls !== 'coordinator' && cls !== 'retry') {
      if (cls === 'fenced') this.fenced = true;
      throw kafkaError(apiName, error);
    }
    await sleep(waitMs, signal);
  }

  private async groupByLeader(round: readonly Sending[]): Promise<Map<number, Sending[]>> {
    const groups = new Map<number, Sending[]>();
    for (const sending of round) {
      const { topic, topicId, partition } = sending.output;
      const metadata = await this.cluster.topic(topic);
      if (!metadata || metadata.id !== topicId) {
        throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition });
      }
      const leader = metadata.leaders[partition] ?? -1;
      if (leader < 0) throw kafkaError('Metadata', 5, { topic, partition });
      groups.set(leader, [...(groups.get(leader) ?? []), sending]);
    }
    return groups;
  }
}

/** One request takes one batch per partition: the first of each that is not yet appended, in order. */
function nextRound(sendings: readonly Sending[]): readonly Sending[] {
  const round = new Map<TransactionOutput, Sending>();
  for (const sending of sendings) {
    if (!sending.appended && !round.has(sending.output)) round.set(sending.output, sending);
  }
  return [...round.values()];
}

/** With transactions v2 each transaction has an epoch of its own, so sequences begin at 0 in each. */
function sendingsOf(output: TransactionOutput): readonly Sending[] {
  let baseSequence = 0;
  return output.writer.finish().map((batch) => {
    const sending: Sending = { output, batch, baseSequence, appended: null };
    baseSequence += batch.count;
    return sending;
  });
}

function appendedOf(sendings: readonly Sending[]): readonly Appended[] {
  const found = new Map<TransactionOutput, Appended>();
  for (const { output, batch, appended: last } of sendings.filter(({ appended }) => appended)) {
    const ends = { nextOffset: last!.baseOffset + batch.count, lastAppendTimeMs: last!.appendTimeMs };
    found.set(output, { ...(found.get(output) ?? { output, ...last! }), ...ends });
  }
  return [...found.values()];
}
