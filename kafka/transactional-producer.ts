/**
 * One transactional id and its transactions: outputs and an offset, together or not at all.
 * Whenever an outcome is in doubt the producer is `unusable` until `initialize` has been called again, which
 * settles the open transaction at the broker. A fenced producer never initialises again: see ERR_KAFKA_FENCED.
 */
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Connection } from './connection.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { produce } from './produce.ts';
import { appendedOf, firstFailures, nextRounds, outOfOrder, sendingsOf } from './sendings.ts';
import type { Appended, FailedSending, Sending, TransactionOutput } from './sendings.ts';
import { endTxn, fetchCommittedOffset, initProducerId, txnOffsetCommit } from './transaction-requests.ts';
import type { CommittedOffset, OffsetCommit, ProducerIdentity } from './transaction-requests.ts';

/** Design bound: a transaction that is left open holds readers back for no longer than this. */
export const TRANSACTION_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_MS = 2;

/** Transactions end by themselves before that: an offset that is hidden for longer needs a push; see `settle`. */
const SETTLE_AFTER_MS = 2 * TRANSACTION_TIMEOUT_MS;
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45;
const UNSTABLE_OFFSET_COMMIT = 88;

/** Whose coordinator: of a group, or of a transactional id. */
type Coordinated = readonly [type: 'group' | 'transaction', key: string];

export class TransactionalProducer {
  readonly transactionalId: string;
  private readonly cluster: Cluster;
  private readonly connections: BrokerConnections;
  private identity: ProducerIdentity | null = null;
  private fenced = false;
  private readonly self: Coordinated;
  private readonly settleAfterMs: number;

  /** `settleAfterMs`: how long an offset may be hidden by an open transaction before it gets a push. */
  constructor(cluster: Cluster, transactionalId: string, settleAfterMs = SETTLE_AFTER_MS) {
    this.settleAfterMs = settleAfterMs;
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
    const startedMs = monotonicMs();
    let hasSettled = false;
    for (;;) {
      signal.throwIfAborted();
      const connection = await this.toCoordinator(['group', group], signal);
      const answer = await fetchCommittedOffset(connection, group, topic, partition, REQUEST_TIMEOUT_MS);
      if (answer.error === 0) return answer;
      const waitedMs = monotonicMs() - startedMs;
      const limit = 2 * this.settleAfterMs;
      if (waitedMs > limit)
        throw new GauzeError('ERR_KAFKA_UNSETTLED', { apiName: 'OffsetFetch', topic, partition, limit });
      if (answer.error === UNSTABLE_OFFSET_COMMIT && waitedMs > this.settleAfterMs && !hasSettled) {
        hasSettled = true;
        await this.settle({ group, topic, partition, offset: 0, metadata: '' }, signal);
      }
      await this.retryOrThrow('OffsetFetch', answer.error, ['group', group], signal, 10);
    }
  }

  /**
   * A transaction with nothing in it but an offset, which is aborted: a coordinator that has missed the end of an earlier
   * one of this producer, as Kafka 4.3.1 may when it is restarted, then lets go of both. The offset never counts.
   */
  private async settle(offset: OffsetCommit, signal: AbortSignal): Promise<void> {
    const identity = this.takeIdentity();
    await this.commitOffset(offset, identity, signal);
    this.identity = await this.end(identity, 'abort', signal);
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
    const identity = this.takeIdentity();
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
      this.identity = await this.end(identity, 'commit', signal);
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
      const rounds = nextRounds(sendings);
      if (rounds.length === 0) break;
      signal.throwIfAborted();
      const requests: { connection: Connection; group: readonly Sending[] }[] = [];
      for (const round of rounds)
        for (const [leader, group] of await this.groupByLeader(round))
          requests.push({ connection: await this.connections.to(leader), group });
      // All are written before the first answer is waited for: nothing that waits may come between them.
      const failures = await Promise.all(
        requests.map(async ({ connection, group }) => await this.produceTo(connection, group, identity)),
      );
      const first = firstFailures(failures.flat());
      if (first.length > 0) await this.recover(first, signal);
    }
    const wrong = outOfOrder(sendings);
    if (!wrong) return;
    const { topic, partition } = wrong.output;
    throw kafkaError('Produce', OUT_OF_ORDER_SEQUENCE_NUMBER, { topic, partition });
  }

  private async produceTo(
    connection: Connection,
    group: readonly Sending[],
    identity: ProducerIdentity,
  ): Promise<readonly FailedSending[]> {
    const partitions = group.map(({ output, batch, baseSequence }) => ({
      topic: output.topic,
      topicId: output.topicId,
      partition: output.partition,
      records: output.writer.stamp(batch, identity.producerId, identity.epoch, baseSequence),
    }));
    const { cluster, transactionalId: id } = this;
    const answers = await produce(connection, cluster.produceVersion, id, partitions, REQUEST_TIMEOUT_MS);
    return answers.flatMap((answer, i) => {
      const sending = group[i]!;
      if (answer.error !== 0) return [{ error: answer.error, sending }];
      sending.appended = answer;
      return [];
    });
  }

  /** Throws unless every error of the round goes away by asking again. */
  private async recover(failures: readonly FailedSending[], signal: AbortSignal): Promise<void> {
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

  private async end(
    identity: ProducerIdentity,
    how: 'commit' | 'abort',
    signal: AbortSignal,
  ): Promise<ProducerIdentity> {
    for (;;) {
      signal.throwIfAborted();
      const connection = await this.toCoordinator(this.self, signal);
      const answer = await endTxn(
        connection,
        this.transactionalId,
        identity,
        how === 'commit',
        REQUEST_TIMEOUT_MS,
      );
      if (answer.error === 0) return { producerId: answer.producerId, epoch: answer.epoch };
      await this.retryOrThrow('EndTxn', answer.error, this.self, signal, RETRY_MS);
    }
  }

  /** For one transaction; until that has ended well there is none. Throws ERR_KAFKA_OUTCOME_UNKNOWN. */
  private takeIdentity(): ProducerIdentity {
    const { identity } = this;
    if (!identity) throw new GauzeError('ERR_KAFKA_OUTCOME_UNKNOWN', {});
    this.identity = null;
    return identity;
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
