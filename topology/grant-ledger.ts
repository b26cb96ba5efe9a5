/**
 * Puts the transactions of a grant task together. What is about to be delivered is leased first: the counters and
 * the event of the lease are committed before any output is sent, because a grantee may read what is not committed.
 * There is no way to send an output here without a lease that covers it.
 */
import { AuditChain } from '../audit/audit-chain.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { OffsetCommit } from '../kafka/transaction-requests.ts';
import type { Appended, TransactionOutput } from '../kafka/sendings.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { grantProgressCodec } from '../schemas/access-codecs.ts';
import type { GrantProgress, GrantState, GrantStopReason, ReplayResult } from '../schemas/access-codecs.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { GrantContext } from './grant-context.ts';
import { tokenBuffers } from './grant-selection.ts';
import { encodeLaneMetadata } from './lane-metadata.ts';
import { moment } from './moment.ts';

/** Where a partition of gauze's own is. */
export interface ControlPartition {
  readonly topicId: string;
  readonly partition: number;
}

export interface GrantControl {
  readonly audit: ControlPartition;
  readonly progress: ControlPartition;
  readonly policies: ControlPartition;
}

/** An offset range of a raw partition. */
export interface GrantRange {
  readonly partition: number;
  readonly firstOffset: number;
  readonly nextOffset: number;
}

interface Transaction {
  readonly events: readonly [EventBody, ...EventBody[]];
  readonly progress: GrantProgress;
  readonly policy: PolicyInForce;
  readonly entries?: readonly PolicyLogEntry[];
  readonly output?: TransactionOutput | null;
  /** Position to commit. */
  readonly position?: { readonly partition: number; readonly offset: number };
}

/** With more records than this, and no cap on persons, they are not remembered: the progress has to stay small. */
const RECORDS_WITH_PERSONS_MAX = 50_000;

export class GrantLedger {
  /** As committed. */
  progress: GrantProgress;
  private readonly context: GrantContext;
  private readonly state: GrantState;
  private readonly producer: TransactionalProducer;
  private readonly control: GrantControl;
  private readonly clock: BrokerClock;
  private readonly chain: AuditChain;
  private readonly chainKey: Buffer;
  private auditOffset = -1;

  constructor(
    context: GrantContext,
    state: GrantState,
    parts: {
      readonly producer: TransactionalProducer;
      readonly control: GrantControl;
      readonly clock: BrokerClock;
      readonly progress: GrantProgress;
    },
  ) {
    this.context = context;
    this.state = state;
    this.producer = parts.producer;
    this.control = parts.control;
    this.clock = parts.clock;
    this.progress = parts.progress;
    const { chain } = parts.progress;
    this.chain = new AuditChain({
      writerId: parts.producer.transactionalId,
      schemaId: context.schemaIds.auditEvent,
      key: context.auditKey,
      previous: chain && { chainId: chain.chain_id, seq: chain.seq, head: chain.head },
    });
    this.chainKey = Buffer.from(this.chain.head.chainId);
  }

  /** Are the persons of this grant remembered? */
  get countsPersons(): boolean {
    const { max_persons: personsMax, max_records: recordsMax } = this.state.scope;
    return personsMax !== null || recordsMax <= RECORDS_WITH_PERSONS_MAX;
  }

  /** Events that deliver nothing: a session begins or ends. */
  async note(
    events: readonly [EventBody, ...EventBody[]],
    policy: PolicyInForce,
    signal: AbortSignal,
  ): Promise<void> {
    await this.commit({ events, policy, progress: this.progress }, signal);
  }

  /** Records were read and none is delivered. */
  async pass(
    event: EventBody,
    range: GrantRange,
    policy: PolicyInForce,
    entries: readonly PolicyLogEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const progress = { ...this.progress, delivered: this.deliveredWith(range, 0) };
    const position = { partition: range.partition, offset: range.nextOffset };
    await this.commit({ events: [event], policy, progress, entries, position }, signal);
  }

  /** Counts records and persons before they are delivered. */
  async lease(
    event: EventBody,
    range: GrantRange,
    taken: { readonly records: number; readonly newPersons: ReadonlySet<bigint> },
    policy: PolicyInForce,
    entries: readonly PolicyLogEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const { progress } = this;
    const counted = this.countsPersons ? tokenBuffers(taken.newPersons) : [];
    const leased: GrantProgress = {
      ...progress,
      records: progress.records + taken.records,
      persons: [...progress.persons, ...counted],
      lease: {
        partition: range.partition,
        first_offset: range.firstOffset,
        next_offset: range.nextOffset,
        records: taken.records,
      },
    };
    await this.commit({ events: [event], policy, progress: leased, entries }, signal);
  }

  /**
   * Delivers what the lease covers; gives where it was appended, null where there was no record left to deliver.
   * Throws ERR_GRANT_LEASE where no committed lease covers it.
   */
  async deliver(
    event: EventBody,
    range: GrantRange,
    records: number,
    writer: RecordBatchWriter,
    policy: PolicyInForce,
    signal: AbortSignal,
  ): Promise<Appended | null> {
    this.assertLeased(range, records);
    const output = writer.isEmpty ? null : this.outputOf(range.partition, writer);
    const progress = { ...this.progress, lease: null, delivered: this.deliveredWith(range, records) };
    const position = { partition: range.partition, offset: range.nextOffset };
    const appended = await this.commit({ events: [event], policy, progress, output, position }, signal);
    const found = appended.find((each) => each.output === output) ?? null;
    if (found) this.noteOutputEnd(range.partition, found.nextOffset);
    return found;
  }

  /** Nothing more is delivered, and why. */
  async stop(
    event: EventBody,
    reason: GrantStopReason,
    policy: PolicyInForce,
    signal: AbortSignal,
  ): Promise<void> {
    await this.commit({ events: [event], policy, progress: { ...this.progress, stopped: reason } }, signal);
  }

  /**
   * The end of a replay's session: the read of `range` (null: nothing was read), and the result, after which nothing
   * more is done (null: there is none, and a next session tries again).
   */
  async replay(
    [first, ...rest]: readonly EventBody[],
    replayed: ReplayResult | null,
    range: GrantRange | null,
    policy: PolicyInForce,
    signal: AbortSignal,
  ): Promise<void> {
    if (!first) return;
    const events: Transaction['events'] = [first, ...rest];
    const done = range ? { delivered: this.deliveredWith(range, 0) } : {};
    const found = replayed ? { stopped: 'REPLAYED' as const, replayed } : {};
    const progress: GrantProgress = { ...this.progress, ...done, ...found };
    const position = range && { partition: range.partition, offset: range.nextOffset };
    await this.commit({ events, policy, progress, ...(position ? { position } : {}) }, signal);
  }

  private assertLeased({ partition, firstOffset, nextOffset }: GrantRange, records: number): void {
    const { lease } = this.progress;
    const isCovered =
      lease?.partition === partition &&
      lease.first_offset === firstOffset &&
      lease.next_offset === nextOffset &&
      records <= lease.records;
    if (isCovered) return;
    const { grant_id: grant, scope } = this.state;
    throw new GauzeError('ERR_GRANT_LEASE', { grant, topic: scope.topic, partition });
  }

  private async commit(transaction: Transaction, signal: AbortSignal): Promise<readonly Appended[]> {
    const { names, schemaIds } = this.context;
    const linked = this.chain.link(transaction.events);
    const { chainId, seq, head } = linked.at(-1)!.head;
    const progress = { ...transaction.progress, chain: { chain_id: chainId, seq, head } };
    const audit: TransactionOutput = {
      topic: names.auditEvents,
      ...this.control.audit,
      writer: controlBatch(
        linked.map(({ value }) => value),
        this.chainKey,
      ),
    };
    const counters: TransactionOutput = {
      topic: names.grantProgress,
      ...this.control.progress,
      writer: controlBatch(
        [grantProgressCodec.encode(progress, schemaIds.grantProgress)],
        Buffer.from(this.state.grant_id),
      ),
    };
    const more = [...this.entriesOutput(transaction.entries ?? [])];
    if (transaction.output) more.push(transaction.output);
    const sent = moment();
    const offset = transaction.position ? this.offsetOf(transaction, linked.at(-1)!.head) : null;
    const appended = await this.producer.commit([audit, counters, ...more], offset, signal);
    this.chain.accept(linked);
    const first = appended.find(({ output }) => output === audit)!;
    this.auditOffset = first.baseOffset + linked.length - 1;
    this.clock.observe(first.appendTimeMs, sent);
    this.progress = progress;
    return appended;
  }

  private offsetOf({ position, policy }: Transaction, chain: AuditChain['head']): OffsetCommit {
    const { scope, grant_id: id, grant_topic_id: targetTopicId } = this.state;
    const metadata = encodeLaneMetadata({
      chain,
      auditPartition: this.control.audit.partition,
      auditOffset: this.auditOffset,
      rawTopicId: scope.topic_id,
      targetTopicId: targetTopicId ?? '',
      policyLogOffset: policy.policyLogOffset,
      policyVersion: policy.version,
      committedAtMs: nowMs(),
      held: null,
    });
    return { group: this.context.names.grantGroup(id), topic: scope.topic, ...position!, metadata };
  }

  private *entriesOutput(entries: readonly PolicyLogEntry[]): Generator<TransactionOutput> {
    if (entries.length === 0) return;
    const { names, schemaIds } = this.context;
    const values = entries.map((entry) => policyLogCodec.encode(entry, schemaIds.policyLog));
    yield { topic: names.policies, ...this.control.policies, writer: controlBatch(values, null) };
  }

  private outputOf(partition: number, writer: RecordBatchWriter): TransactionOutput {
    const { grant_id: id, grant_topic_id: topicId } = this.state;
    return { topic: this.context.names.grantTopic(id), topicId: topicId ?? '', partition, writer };
  }

  private deliveredWith(range: GrantRange, records: number): GrantProgress['delivered'] {
    const others = this.progress.delivered.filter(({ partition }) => partition !== range.partition);
    const known = this.progress.delivered.find(({ partition }) => partition === range.partition);
    const now = {
      partition: range.partition,
      next_offset: range.nextOffset,
      records: (known?.records ?? 0) + records,
      output_next_offset: known?.output_next_offset ?? 0,
    };
    return [...others, now].sort((a, b) => a.partition - b.partition);
  }

  /** Known only once it has been appended: the next transaction says it. */
  private noteOutputEnd(partition: number, outputNextOffset: number): void {
    const delivered = this.progress.delivered.map((each) =>
      each.partition === partition ? { ...each, output_next_offset: outputNextOffset } : each,
    );
    this.progress = { ...this.progress, delivered };
  }
}
