/**
 * Appends to gauze.access: each entry in one transaction with its audit event, many waiting ones together. Where an
 * outcome is in doubt it finds out what became of the entries before it tries again, so that none is counted twice.
 */
import { accessEvent } from '../audit/access-events.ts';
import type { AccessEventFacts } from '../audit/access-events.ts';
import { AuditChain, systemEvent } from '../audit/audit-chain.ts';
import type { ChainedEvent } from '../audit/audit-chain.ts';
import { nowMs, sleep, timer } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { controlBatch, keyedBatch } from '../kafka/control-batch.ts';
import { spread } from '../kafka/spread.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { TransactionOutput } from '../kafka/sendings.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { accessEntryCodec } from '../schemas/access-codecs.ts';
import type { AccessEntry } from '../schemas/access-codecs.ts';
import type { TopicNames } from '../schemas/topic-names.ts';

export interface LogAppenderOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly transactionalId: string;
  readonly schemaIds: { readonly access: number; readonly auditEvent: number };
  readonly auditKey: AuditWriterKey;
  /** Resolves once the own reader has seen everything that was in the log when it was called. */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>;
  /** Has this entry been read in the log? */
  readonly isFolded: (entryId: Buffer) => boolean;
  readonly onTrouble: (error: GauzeError) => void;
}

interface Pending {
  readonly entry: AccessEntry | null;
  readonly event: AccessEventFacts;
  readonly committed: () => void;
  readonly failed: (error: GauzeError) => void;
}

/** Entries of one transaction; more wait for the next. */
const ENTRIES_PER_TRANSACTION = 200;
const RETRY_MS = 200;
/** How long the last event may take when everything is to end. */
const CLOSING_MS = 2_000;

export class LogAppender {
  private readonly options: LogAppenderOptions;
  private readonly closing = new AbortController();
  private producer: TransactionalProducer | null = null;
  private chain: AuditChain | null = null;
  private waiting: Pending[] = [];
  private running: Promise<void> | null = null;

  constructor(options: LogAppenderOptions) {
    this.options = options;
  }

  /** Resolves when both are committed; an event alone where `entry` is null. Never rejects but by `close`. */
  async append(entry: AccessEntry | null, event: AccessEventFacts): Promise<void> {
    if (this.closing.signal.aborted) throw new GauzeError('ERR_ACCESS_LOG_CLOSED', {});
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ entry, event, committed: resolve, failed: reject });
      this.running ??= this.run();
    });
  }

  /** Ends after the transaction under way, and says so; what waits is rejected. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
    for (const { failed } of this.waiting) failed(new GauzeError('ERR_ACCESS_LOG_CLOSED', {}));
    this.waiting = [];
    await this.endChain();
    this.producer?.close();
  }

  /** The last event of the chain. Where that fails the chain just ends, as it does when a process is killed. */
  private async endChain(): Promise<void> {
    const { producer, chain } = this;
    if (!producer || !chain || chain.head.seq < 0) return;
    const late = new AbortController();
    const deadline = timer(CLOSING_MS, () => {
      late.abort();
      producer.close();
    });
    try {
      const by = { id: this.options.transactionalId, role: this.options.auditKey.name };
      const linked = chain.link([systemEvent('session.closed', by, [])]);
      await producer.commit([await this.auditOutput(chain, linked)], null, late.signal);
    } catch (error) {
      this.options.onTrouble(ownError(error));
    } finally {
      deadline.cancel();
    }
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    while (this.waiting.length > 0 && !signal.aborted) {
      const batch = this.waiting.slice(0, ENTRIES_PER_TRANSACTION);
      try {
        await this.commit(batch, signal);
        for (const { committed } of batch) committed();
        this.waiting = this.waiting.slice(batch.length);
      } catch (error) {
        if (signal.aborted) break;
        this.options.onTrouble(ownError(error));
        await this.settle(batch, signal);
      }
    }
    this.running = null;
  }

  private async commit(batch: readonly Pending[], signal: AbortSignal): Promise<void> {
    const { producer, chain } = await this.session(signal);
    const linked = chain.link(batch.map(({ event }) => accessEvent(event, nowMs())));
    const outputs = [await this.auditOutput(chain, linked)];
    const entries = batch.flatMap(({ entry }) => (entry ? [entry] : []));
    if (entries.length > 0) outputs.push(await this.accessOutput(entries));
    await producer.commit(outputs, null, signal);
    chain.accept(linked);
  }

  /** A session is a producer that holds its id, and a chain of its own. */
  private async session(
    signal: AbortSignal,
  ): Promise<{ producer: TransactionalProducer; chain: AuditChain }> {
    if (this.producer && this.chain) return { producer: this.producer, chain: this.chain };
    const { cluster, transactionalId, schemaIds } = this.options;
    const producer = new TransactionalProducer(cluster, transactionalId);
    try {
      await producer.initialize(signal);
    } catch (error) {
      producer.close();
      throw error;
    }
    this.producer = producer;
    this.chain = new AuditChain({
      writerId: transactionalId,
      schemaId: schemaIds.auditEvent,
      key: this.options.auditKey,
    });
    return { producer, chain: this.chain };
  }

  /** After a failure: settles the transaction, then takes those out of the queue that were committed after all. */
  private async settle(batch: readonly Pending[], signal: AbortSignal): Promise<void> {
    this.producer?.close();
    this.producer = null;
    this.chain = null;
    try {
      await sleep(RETRY_MS, signal);
      await this.session(signal);
      await this.options.caughtUp(signal);
      // One transaction: all of it is there, or nothing.
      const witness = batch.find(({ entry }) => entry !== null)?.entry;
      if (!witness || !this.options.isFolded(witness.entry_id)) return;
      for (const { committed } of batch) committed();
      this.waiting = this.waiting.slice(batch.length);
    } catch (error) {
      if (!signal.aborted) this.options.onTrouble(ownError(error));
    }
  }

  private async auditOutput(chain: AuditChain, linked: readonly ChainedEvent[]): Promise<TransactionOutput> {
    const values = linked.map(({ value }) => value);
    const { names, transactionalId } = this.options;
    const { id, leaders } = await this.topic(names.auditEvents);
    const key = Buffer.from(chain.head.chainId);
    const partition = spread(transactionalId, leaders.length);
    return { topic: names.auditEvents, topicId: id, partition, writer: controlBatch(values, key) };
  }

  private async accessOutput(entries: readonly AccessEntry[]): Promise<TransactionOutput> {
    const { names, schemaIds } = this.options;
    const { id } = await this.topic(names.access);
    const writer = keyedBatch(
      entries.map((entry) => ({
        key: Buffer.from(entry.request_id ?? entry.grant_id ?? entry.lock?.id ?? ''),
        value: accessEntryCodec.encode(entry, schemaIds.access),
      })),
    );
    return { topic: names.access, topicId: id, partition: 0, writer };
  }

  private async topic(name: string): Promise<{ readonly id: string; readonly leaders: readonly number[] }> {
    const found = await this.options.cluster.topic(name);
    if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: name, partition: 0 });
    return found;
  }
}
