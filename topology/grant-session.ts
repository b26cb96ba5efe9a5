/**
 * One session of a grant task: reads its raw partitions, leases, asks for permission, delivers. Any doubt ends the
 * session; the next one reads from the log what has happened. Nothing is sent to the grant topic but by `deliver`.
 */
import type { EventBody } from '../audit/audit-chain.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { GrantStopReason } from '../schemas/access-codecs.ts';
import { abortable } from './abortable.ts';
import { GrantBatch } from './grant-batch.ts';
import type { GrantContext } from './grant-context.ts';
import { removeGrantTopic } from './grant-ending.ts';
import { GrantGate } from './grant-gate.ts';
import type { GrantGateParts } from './grant-gate.ts';
import type { GrantLedger } from './grant-ledger.ts';
import { GrantPlans } from './grant-plans.ts';
import { tokenSet } from './grant-selection.ts';
import { closedEvents, deliveryOf, leaseOf, openedEvents, stoppedEvent } from './grant-session-events.ts';
import type { GrantPartition } from './grant-setup.ts';
import { PartitionReader } from './partition-reader.ts';
import type { Span } from './held-span.ts';
import type { StopReason } from './span-walk.ts';

/** Bytes that a record batch with one record takes beside the record. */
const BATCH_OVERHEAD_BYTES = 128;
/** Records of one lease: their tokens stand in its events. */
const LEASE_RECORDS_MAX = 10_000;
const FETCH_WAIT_MS = 100;

export interface GrantSessionParts extends GrantGateParts {
  readonly ledger: GrantLedger;
  readonly partitions: readonly GrantPartition[];
  readonly messageBytesMax: number;
}

interface Reading extends GrantPartition {
  position: number;
  readonly reader: PartitionReader;
  readonly connections: BrokerConnections;
}

export class GrantSession {
  private readonly context: GrantContext;
  private readonly parts: GrantSessionParts;
  private readonly readings: readonly Reading[];
  private readonly persons: ReadonlySet<bigint> | null;
  private readonly rules: GrantPlans;
  private readonly gate: GrantGate;
  /** The broker's time when it appended the last record delivered; null before the first. */
  lastAppendMs: number | null = null;

  constructor(context: GrantContext, parts: GrantSessionParts) {
    this.context = context;
    this.parts = parts;
    this.readings = parts.partitions.map((each) => ({ ...each, ...this.readerOf(each.partition) }));
    this.persons = parts.state.scope.persons ? tokenSet(parts.state.scope.persons) : null;
    this.rules = new GrantPlans(context, parts.state);
    this.gate = new GrantGate(context, parts);
  }

  /**
   * Delivers until there is nothing left, a cap is reached, or `drain` aborts; gives the reason for which the grant
   * delivers nothing any more, null where it only pauses. Throws what ends the session.
   */
  async run(): Promise<GrantStopReason | null> {
    try {
      await this.open();
      const reason = await this.deliverAll();
      if (reason) await this.stop(reason);
      else await this.close();
      return reason;
    } finally {
      for (const { reader, connections } of this.readings) {
        reader.close();
        connections.close();
      }
    }
  }

  private async deliverAll(): Promise<GrantStopReason | null> {
    try {
      await this.redoLease();
      while (!this.parts.drain.aborted) {
        const open = this.readings.filter(({ position, end }) => position < end);
        if (open.length === 0) return 'COMPLETE';
        for (const reading of open) {
          if (this.parts.drain.aborted) return null;
          const reason = await this.turn(reading);
          if (reason) return reason;
        }
      }
      return null;
    } catch (thrown) {
      const { code } = ownError(thrown);
      if (code === 'ERR_GRANT_TAGS_CHANGED') return 'TAGS_CHANGED';
      if (code === 'ERR_GRANT_LATE_APPEND') return 'LATE_APPEND';
      // Its time is over: the session closes in order, and the task sees to the topic.
      if (code === 'ERR_GRANT_NOT_ALLOWED') return null;
      throw thrown;
    }
  }

  /** The session is on record before its first fetch. */
  private async open(): Promise<void> {
    const { state, ledger } = this.parts;
    const { chain } = ledger.progress;
    await this.note(openedEvents(this.context, state, this.rules.policy, this.readings, chain));
    this.context.events.grantOpened(state.grant_id);
  }

  private async close(): Promise<void> {
    await this.note(closedEvents(this.context, this.parts.state, this.rules.policy, this.readings));
  }

  private async note([first, ...rest]: readonly EventBody[]): Promise<void> {
    const { ledger, abandon } = this.parts;
    if (first) await ledger.note([first, ...rest], this.rules.policy, abandon);
  }

  /** Puts on record that nothing more is delivered. */
  async stop(reason: GrantStopReason): Promise<void> {
    const { state, ledger, abandon } = this.parts;
    if (reason === 'LATE_APPEND') await removeGrantTopic(this.context, state.grant_id);
    const event = stoppedEvent(this.context, state, this.rules.policy, this.readings, reason);
    await ledger.stop(event, reason, this.rules.policy, abandon);
    this.context.events.grantStopped(state.grant_id, reason);
  }

  /** One lease and its delivery, or a stretch without a record to deliver; a reason where a cap is reached. */
  private async turn(reading: Reading): Promise<GrantStopReason | null> {
    if (!(await this.gate.opens())) return null;
    this.rules.refresh();
    const batch = this.newBatch(reading);
    let stop: StopReason = { kind: 'end' };
    while (!batch.isAtEnd && !this.isClosing(batch, stop)) {
      const span = await this.fetch(reading, batch.position);
      if (!span) break;
      stop = await this.fill(batch, span);
    }
    if (!batch.isEmpty && !(await this.flush(reading, batch))) return null;
    // Leased and not delivered, because the drain came first: the next session goes on from there.
    if (this.parts.ledger.progress.lease) return null;
    if (batch.selection.reached) return batch.selection.reached;
    await this.standInTheWay(stop);
    return null;
  }

  private isClosing(batch: GrantBatch, stop: StopReason): boolean {
    const isFull = stop.kind !== 'end' || batch.selection.reached !== null;
    return isFull || batch.selection.count > 0 || batch.work.recordCount >= LEASE_RECORDS_MAX;
  }

  /** Takes in a span as far as plans are at hand, or can be had at once. */
  private async fill(batch: GrantBatch, span: Span): Promise<StopReason> {
    for (;;) {
      const stop = batch.take(span);
      if (stop.kind !== 'plan' || !(await this.rules.learn(stop.schemaId))) return stop;
    }
  }

  /** What a batch stopped at, after all before it is delivered: waits for a plan, or holds at a corrupt batch. */
  private async standInTheWay(stop: StopReason): Promise<void> {
    if (stop.kind === 'corrupt') throw stop.error;
    if (stop.kind !== 'plan') return;
    await this.rules.wait(stop.schemaId, AbortSignal.any([this.parts.drain, this.parts.abandon]));
    this.parts.abandon.throwIfAborted();
  }

  /** A lease whose delivery is not on record: the same range again, without counting it twice. */
  private async redoLease(): Promise<void> {
    const { lease } = this.parts.ledger.progress;
    if (!lease) return;
    const reading = this.readings.find(({ partition }) => partition === lease.partition);
    if (!reading || reading.position !== lease.first_offset) throw this.notAsLeased(lease.partition);
    while (this.parts.ledger.progress.lease) {
      if (!(await this.gate.opens()) || this.parts.drain.aborted) return;
      this.rules.refresh();
      const batch = this.newBatch(reading, { end: lease.next_offset, records: lease.records });
      while (!batch.isAtEnd) {
        const span = await this.fetch(reading, batch.position);
        if (!span) continue;
        const stop = await this.fill(batch, span);
        if (batch.selection.reached) throw this.notAsLeased(lease.partition);
        await this.standInTheWay(stop);
        if (this.parts.drain.aborted) return;
      }
      if (!this.rules.isOutdated) await this.deliver(reading, batch);
    }
  }

  private notAsLeased(partition: number): GauzeError {
    const { grant_id: grant, scope } = this.parts.state;
    return new GauzeError('ERR_GRANT_LEASE', { grant, topic: scope.topic, partition });
  }

  /** Leases and delivers what a batch holds; false where it has to be put together again under newer rules. */
  private async flush(reading: Reading, batch: GrantBatch): Promise<boolean> {
    const { ledger, abandon } = this.parts;
    if (this.rules.isOutdated) return false;
    if (batch.selection.count === 0) {
      await ledger.pass(this.event(batch), batch.range, this.rules.policy, this.rules.entries, abandon);
      this.rules.entries = [];
      reading.position = batch.position;
      return true;
    }
    const { count: records, newPersons } = batch.selection;
    const lease = leaseOf(this.context, this.parts.state, this.rules.policy, batch);
    await ledger.lease(
      lease,
      batch.range,
      { records, newPersons },
      this.rules.policy,
      this.rules.entries,
      abandon,
    );
    this.rules.entries = [];
    await this.deliver(reading, batch);
    return true;
  }

  private async deliver(reading: Reading, batch: GrantBatch): Promise<void> {
    const { ledger, state } = this.parts;
    if (!(await this.gate.opens())) return;
    const permit = this.gate.permit();
    try {
      const { range, selection, writer } = batch;
      const { signal } = permit;
      const appended = await ledger.deliver(
        this.event(batch),
        range,
        selection.count,
        writer,
        this.rules.policy,
        signal,
      );
      reading.position = batch.position;
      // The broker's own time of append, in its answer, is what counts; where it gave none, nothing is proved.
      this.lastAppendMs = appended?.lastAppendTimeMs ?? this.lastAppendMs;
      const times = appended ? [appended.appendTimeMs, appended.lastAppendTimeMs] : [];
      if (times.some((time) => time < 0 || time >= state.not_after))
        throw new GauzeError('ERR_GRANT_LATE_APPEND', { grant: state.grant_id, partition: range.partition });
    } finally {
      permit.cancel();
    }
  }

  private event(batch: GrantBatch): EventBody {
    return deliveryOf(this.context, this.parts.state, this.rules.policy, batch);
  }

  /** An empty batch at the position of a partition; of a `lease`, with what that one has counted already. */
  private newBatch(reading: Reading, lease?: { readonly end: number; readonly records: number }): GrantBatch {
    const { state, ledger, messageBytesMax } = this.parts;
    const { rules } = this;
    const { batchBytes } = this.context.limits;
    const { scope } = state;
    const counted = tokenSet(ledger.progress.persons);
    const { partition, position } = reading;
    return new GrantBatch({
      partition,
      firstOffset: position,
      source: { topicId: scope.topic_id, partition },
      writer: new RecordBatchWriter({ batchBytesMax: messageBytesMax }),
      rules: rules.rules(),
      plans: rules.plans,
      tokenizers: rules.tokenizers,
      ordered: rules.ordered(partition),
      outputBytesMax: lease ? Number.POSITIVE_INFINITY : batchBytes,
      recordsMax: lease ? Number.POSITIVE_INFINITY : LEASE_RECORDS_MAX,
      recordBytesMax: messageBytesMax - BATCH_OVERHEAD_BYTES,
      limits: {
        endOffset: lease?.end ?? reading.end,
        persons: this.persons,
        counted,
        recordsLeft: lease?.records ?? scope.max_records - ledger.progress.records,
        survivors: rules.survivors,
        personsMax: lease && scope.max_persons !== null ? 0 : scope.max_persons,
      },
    });
  }

  private async fetch({ reader, connections }: Reading, offset: number): Promise<Span | null> {
    const { abandon, drain } = this.parts;
    abandon.throwIfAborted();
    const span = await abortable(reader.fetch(connections, offset), AbortSignal.any([abandon, drain]));
    abandon.throwIfAborted();
    return span;
  }

  private readerOf(partition: number): { reader: PartitionReader; connections: BrokerConnections } {
    const { cluster, limits } = this.context;
    const { topic, topic_id: topicId } = this.parts.state.scope;
    const { fetchBytes, unpackedBytes: unpackedBytesMax } = limits;
    const options = { topic, topicId, partition, fetchBytes, unpackedBytesMax, maxWaitMs: FETCH_WAIT_MS };
    return { reader: new PartitionReader(cluster, options), connections: new BrokerConnections(cluster) };
  }
}
