/**
 * Audit events by themselves, outside any other transaction: acknowledged before whoever wrote them goes on. Each
 * session has a transactional id to itself and a chain that begins and ends on record. It never drops an event and
 * never goes on as if one had been written: `write` rejects.
 */
import { GauzeError } from '../platform/errors.ts';
import { timer } from '../platform/clock.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import { spread } from '../kafka/spread.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { AuditChain, systemEvent } from './audit-chain.ts';
import type { EventBody } from './audit-chain.ts';

export interface AuditLogOptions {
  /** Started. */
  readonly cluster: Cluster;
  /** Name of the topic of events. */
  readonly topic: string;
  readonly transactionalId: string;
  /** Registry id of PhiAuditEvent. */
  readonly schemaId: number;
  readonly key: AuditWriterKey;
  /** Age at which a session key is replaced. */
  readonly rotateMs?: number;
}

interface Session {
  readonly producer: TransactionalProducer;
  readonly chain: AuditChain;
}

/** How long the last event may take when everything is to end. */
const CLOSING_MS = 2_000;

export class AuditLog {
  private readonly options: AuditLogOptions;
  private session: Session | null = null;
  private last: Promise<void> = Promise.resolve();

  constructor(options: AuditLogOptions) {
    this.options = options;
  }

  /**
   * Resolves once these are committed, in this order and in one transaction. Where it rejects, they may be in the
   * topic or not; the next write opens a new chain. Throws Kafka's errors, ERR_KAFKA_FENCED among them.
   */
  async write(events: readonly EventBody[], signal: AbortSignal): Promise<void> {
    const before = this.last;
    const mine = before.then(async () => await this.commit(events, signal));
    this.last = mine.catch(() => undefined);
    await mine;
  }

  /** Says that the session ends. Where that can't be written, the chain just ends, as with a killed process. */
  async close(): Promise<void> {
    await this.last;
    const { session } = this;
    if (!session) return;
    const late = new AbortController();
    const deadline = timer(CLOSING_MS, () => {
      late.abort();
      session.producer.close();
    });
    const by = { id: this.options.transactionalId, role: this.options.key.name };
    try {
      await this.commit([systemEvent('session.closed', by, [])], late.signal);
    } catch {
      // Who reads the topic sees a chain without an end, which is what there is.
    } finally {
      deadline.cancel();
      this.forget();
    }
  }

  private async commit(events: readonly EventBody[], signal: AbortSignal): Promise<void> {
    const { topic } = this.options;
    try {
      const { producer, chain } = (this.session ??= await this.open(signal));
      const found = await this.options.cluster.topic(topic);
      if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition: 0 });
      const linked = chain.link(events);
      const writer = controlBatch(
        linked.map(({ value }) => value),
        Buffer.from(chain.head.chainId),
      );
      const partition = spread(this.options.transactionalId, found.leaders.length);
      await producer.commit([{ topic, topicId: found.id, partition, writer }], null, signal);
      chain.accept(linked);
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  private async open(signal: AbortSignal): Promise<Session> {
    const { cluster, transactionalId, schemaId, key, rotateMs } = this.options;
    const producer = new TransactionalProducer(cluster, transactionalId);
    try {
      await producer.initialize(signal);
    } catch (error) {
      producer.close();
      throw error;
    }
    const rotation = rotateMs === undefined ? {} : { rotateMs };
    return { producer, chain: new AuditChain({ writerId: transactionalId, schemaId, key, ...rotation }) };
  }

  /** After a doubt nothing of the session is used again. */
  private forget(): void {
    this.session?.producer.close();
    this.session = null;
  }
}
