/**
 * One session of the writer of grants: takes the transactional id over, folds the log up to where the session before
 * has got, and goes on from there. A session that has thrown is over; nothing of it is used again.
 */
import { accessEvent } from '../audit/access-events.ts';
import type { AccessEventFacts } from '../audit/access-events.ts';
import { AuditChain } from '../audit/audit-chain.ts';
import type { ChainHead } from '../audit/audit-chain.ts';
import { nowMs, timer } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { controlBatch, keyedBatch } from '../kafka/control-batch.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { spread } from '../kafka/spread.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { TransactionOutput } from '../kafka/sendings.ts';
import { grantStateCodec } from '../schemas/access-codecs.ts';
import { decodeEntry } from './access-log.ts';
import { AccessState } from './access-state.ts';
import type { GrantsWriterOptions } from './grants-writer.ts';
import { outcomeEvents } from './outcome-events.ts';
import { isTerminal } from './terminal-states.ts';

const FOLLOW_WAIT_MS = 1_000;
const VERSION = 1;
/** How long the last event may take when everything is to end. */
const CLOSING_MS = 2_000;

export class GrantsSession {
  private readonly options: GrantsWriterOptions;
  private readonly producer: TransactionalProducer;
  private readonly reader: LogReader;
  private readonly state = new AccessState();
  private readonly chain: AuditChain;
  private readonly group: string;
  private changed = new Set<string>();
  private events: AccessEventFacts[] = [];
  private committed = 0;

  constructor(options: GrantsWriterOptions) {
    const { cluster, names, schemaIds } = options;
    this.options = options;
    this.producer = new TransactionalProducer(cluster, names.grantsTransactionalId);
    this.reader = new LogReader(cluster, names.access, 0);
    this.chain = new AuditChain({
      writerId: names.grantsTransactionalId,
      schemaId: schemaIds.auditEvent,
      key: options.auditKey,
    });
    this.group = `${names.approvalsGroup}.grants`;
  }

  /** Works until `signal` aborts. Throws what ends the session: ERR_KAFKA_FENCED, ERR_ACCESS_LOG_CORRUPT, outages. */
  async run(signal: AbortSignal): Promise<void> {
    const { names } = this.options;
    await this.producer.initialize(signal);
    const { offset, metadata } = await this.producer.committed(this.group, names.access, 0, signal);
    this.committed = Math.max(0, offset);
    await this.open(previousHead(metadata), signal);
    while (!signal.aborted) {
      await this.reader.read(FOLLOW_WAIT_MS, (record) => this.take(record));
      if (this.reader.position > this.committed || this.chain.isRotationDue) await this.commit(signal);
    }
    await this.end();
  }

  close(): void {
    this.producer.close();
    this.reader.close();
  }

  /**
   * The first transaction: on record before anything else. Live grants are written again, so that what enforces them
   * has them even where the topic was lost.
   */
  private async open(previous: ChainHead | null, signal: AbortSignal): Promise<void> {
    // What was told before is folded in silence; what came since is told below, a stretch at a time.
    while (this.reader.position < this.committed) {
      signal.throwIfAborted();
      const ends = await this.reader.read(FOLLOW_WAIT_MS, (record) => this.take(record));
      // A log that ends before what was told of it has lost entries.
      if (ends.highWatermark < this.committed)
        throw new GauzeError('ERR_ACCESS_LOG_CORRUPT', { offset: ends.highWatermark });
    }
    for (const [id, { grant }] of this.state.grants) if (!isTerminal(grant.state)) this.changed.add(id);
    this.events.unshift({
      type: 'session.opened',
      actor: this.actor(),
      ext: previous
        ? { prev_chain: previous.chainId, prev_head: previous.head, prev_seq: String(previous.seq) }
        : {},
    });
    await this.commit(signal);
  }

  /** The last event of the chain; whoever has taken the id over meanwhile makes it fail. */
  private async end(): Promise<void> {
    const late = new AbortController();
    const deadline = timer(CLOSING_MS, () => {
      late.abort();
      this.producer.close();
    });
    this.events.push({ type: 'session.closed', actor: this.actor() });
    try {
      await this.commit(late.signal);
    } finally {
      deadline.cancel();
    }
  }

  private actor(): AccessEventFacts['actor'] {
    const id = this.options.names.grantsTransactionalId;
    return { kind: 'SYSTEM', id, roles: ['approvals'], on_behalf_of: null, token_id: null };
  }

  /** Folds an entry; what lies before the committed position was told by a session before this one. */
  private take(record: LogRecord): void {
    const entry = decodeEntry(record);
    const verdict = this.state.fold(record.offset, record.timestampMs, entry);
    if (record.offset < this.committed) return;
    for (const { grantId } of verdict.transitions) if (grantId !== null) this.changed.add(grantId);
    this.events.push(...outcomeEvents(this.state, entry, verdict));
  }

  private async commit(signal: AbortSignal): Promise<void> {
    const { names } = this.options;
    const linked = this.chain.link(this.events.map((event) => accessEvent(event, nowMs())));
    const outputs: TransactionOutput[] = [];
    if (linked.length > 0) outputs.push(await this.auditOutput(linked.map(({ value }) => value)));
    outputs.push(...(await this.grantOutputs()));
    const head = linked.at(-1)?.head ?? this.chain.head;
    const offset = this.reader.position;
    const metadata = JSON.stringify({ v: VERSION, chain: head.chainId, seq: head.seq, head: head.head });
    await this.producer.commit(
      outputs,
      { group: this.group, topic: names.access, partition: 0, offset, metadata },
      signal,
    );
    this.chain.accept(linked);
    this.committed = offset;
    this.changed = new Set();
    this.events = [];
  }

  private async auditOutput(values: readonly Buffer[]): Promise<TransactionOutput> {
    const { names } = this.options;
    const { id, leaders } = await this.topic(names.auditEvents);
    const partition = spread(names.grantsTransactionalId, leaders.length);
    const writer = controlBatch(values, Buffer.from(this.chain.head.chainId));
    return { topic: names.auditEvents, topicId: id, partition, writer };
  }

  private async grantOutputs(): Promise<readonly TransactionOutput[]> {
    const { names, schemaIds } = this.options;
    if (this.changed.size === 0) return [];
    const { id: topicId, leaders } = await this.topic(names.grants);
    const byPartition = new Map<number, { key: Buffer; value: Buffer }[]>();
    for (const id of this.changed) {
      const partition = spread(id, leaders.length);
      const value = grantStateCodec.encode(this.state.grants.get(id)!.grant, schemaIds.grants);
      const records = byPartition.get(partition) ?? [];
      byPartition.set(partition, records);
      records.push({ key: Buffer.from(id), value });
    }
    return [...byPartition].map(([partition, records]) => ({
      topic: names.grants,
      topicId,
      partition,
      writer: keyedBatch(records),
    }));
  }

  private async topic(name: string): Promise<{ readonly id: string; readonly leaders: readonly number[] }> {
    const found = await this.options.cluster.topic(name);
    if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: name, partition: 0 });
    return found;
  }
}

/** Where the chain of the session before ends; null where there was none. */
function previousHead(metadata: string | null): ChainHead | null {
  try {
    const { v, chain, seq, head } = JSON.parse(metadata ?? '') as Record<string, unknown>;
    if (v !== VERSION || typeof chain !== 'string' || typeof head !== 'string') return null;
    return { chainId: chain, seq: Number(seq), head };
  } catch {
    return null;
  }
}
