/**
 * One session of a lane, from its first transaction to its last: reads spans, masks them, commits.
 * A session that has thrown is over; nothing of it is used again, and the committed offset says what happened.
 */
import { laneHeartbeat, laneHeld, sessionClosed, sessionOpened, sessionSeek } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { monotonicMs, nowMs, sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import { abortable, within } from './abortable.ts';
import { batchEvent } from './batch-event.ts';
import type { LaneContext } from './lane-context.ts';
import { LaneLedger } from './lane-ledger.ts';
import type { SessionSetup } from './lane-ledger.ts';
import type { LaneHold } from './lane-metadata.ts';
import type { LaneSource, Span } from './partition-reader.ts';
import type { CompiledPlan, UnseenTags } from './plan-store.ts';
import { SpanMasker, TransactionWork } from './span-masker.ts';

/** Bytes that a record batch with one record takes beside the record. */
const BATCH_OVERHEAD_BYTES = 128;

/** `drain`: finish what is at hand and close. `abandon`: drop everything at once. */
export interface SessionSignals {
  readonly drain: AbortSignal;
  readonly abandon: AbortSignal;
}

export class LaneSession {
  held: LaneHold | null = null;
  private readonly context: LaneContext;
  private readonly setup: SessionSetup;
  private readonly producer: TransactionalProducer;
  private readonly source: LaneSource;
  private readonly ledger: LaneLedger;
  private readonly signals: SessionSignals;
  private readonly plans = new Map<number, CompiledPlan>();
  private writer: RecordBatchWriter;
  private masker: SpanMasker | null = null;
  private generation = -1;
  private policy: PolicyInForce;
  private unseen: UnseenTags | null = null;
  private work = new TransactionWork();
  /** Where masking has got to; ahead of the committed position while a transaction collects. */
  private masked: number;
  private workOpenedMs = 0;
  private lastCommitMs = 0;
  private lastCheckMs = 0;

  constructor(
    context: LaneContext,
    setup: SessionSetup,
    producer: TransactionalProducer,
    source: LaneSource,
    signals: SessionSignals,
  ) {
    this.context = context;
    this.setup = setup;
    this.producer = producer;
    this.source = source;
    this.signals = signals;
    this.ledger = new LaneLedger(context, setup, producer);
    this.masked = setup.start.position;
    this.writer = this.newWriter();
    this.policy = this.context.plans.inForce(this.setup.lane);
  }

  /** The committed position. */
  get position(): number {
    return this.ledger.position;
  }

  /** The first transaction: the session is on record before its first fetch. */
  async open(): Promise<void> {
    const { start, identity } = this.setup;
    // Opened where the one before ended, then moved by the seek: so ranges tile but for what a person ordered.
    const sameTopic = start.previous?.rawTopicId === this.setup.rawTopicId;
    const opened = sessionOpened(identity, this.policy, {
      nowMs: nowMs(),
      position: sameTopic ? (start.from ?? start.position) : start.position,
      previous: start.previous?.chain ?? null,
    });
    const seek = start.resume
      ? [
          sessionSeek(identity, this.policy, {
            nowMs: nowMs(),
            from: start.from,
            to: start.position,
            resumeEntryOffset: start.resume.logOffset,
            how: start.resume.from,
          }),
        ]
      : [];
    await this.commit([opened, ...seek], start.started ? [this.ledger.startedEntry()] : []);
  }

  /**
   * Works until `drain` aborts or a person resumes the lane; then commits what is at hand and closes.
   * Throws what ends the session.
   */
  async run(): Promise<void> {
    while (!this.isOver) {
      this.refreshPolicy();
      const span = await this.nextSpanOrHold();
      if (span) await this.maskSpan(span);
      if (this.hasWork) {
        const due = monotonicMs() - this.workOpenedMs >= this.context.lingerMs();
        if (due || this.isFull) await this.commitWork([]);
      } else if (!span) await this.idle();
    }
    await this.commitWork([sessionClosed(this.setup.identity, this.policy, nowMs(), this.masked)]);
  }

  private get hasWork(): boolean {
    return this.masked > this.position;
  }

  private get isFull(): boolean {
    const { batchBytes, recordsPerTransaction } = this.context.limits;
    return this.writer.bytesWritten >= batchBytes || this.work.recordCount >= recordsPerTransaction;
  }

  /** Drained, or a resume has been ordered that only a new session can carry out. */
  private get isOver(): boolean {
    const resume = this.context.policyLog.state.resumed.get(laneKey(this.setup.lane));
    return this.signals.drain.aborted || (resume?.logOffset ?? -1) > this.setup.start.resumesSeen;
  }

  /** A batch that cannot be read holds the lane where it is, with all before it committed. */
  private async nextSpanOrHold(): Promise<Span | null> {
    try {
      return await this.nextSpan();
    } catch (thrown) {
      const error = ownError(thrown);
      if (!error.code.startsWith('ERR_BATCH_')) throw error;
      await this.holdAtBatch(error);
      return null;
    }
  }

  private async holdAtBatch({ code, context }: GauzeError): Promise<void> {
    const { topic, partition } = this.setup.lane;
    await this.hold(new GauzeError(code, { ...context, topic, partition }));
    await sleep(this.context.limits.recheckMs, this.signals.drain).catch(() => undefined);
  }

  /** Waits for records, but no longer than the transaction under way may stay open. */
  private async nextSpan(): Promise<Span | null> {
    const { drain } = this.signals;
    if (!this.hasWork) return await abortable(this.source.read(this.masked), drain);
    const leftMs = this.context.lingerMs() - (monotonicMs() - this.workOpenedMs);
    if (leftMs <= 0) return null;
    return await abortable(within(this.source.read(this.masked), leftMs), drain);
  }

  private async maskSpan(span: Span): Promise<void> {
    while (!this.isOver) {
      this.refreshPolicy();
      if (!this.hasWork) this.workOpenedMs = monotonicMs();
      const { position, stop } = this.currentMasker().run(span, this.masked, this.work);
      this.masked = position;
      if (stop.kind === 'end') return this.release();
      if (stop.kind === 'corrupt') return await this.holdAtBatch(stop.error);
      if (stop.kind === 'full') await this.commitWork([]);
      else await this.needPlan(stop.schemaId);
    }
  }

  /** Finds the plan for a schema; where there is none, holds at that record, with all before it committed. */
  private async needPlan(schemaId: number): Promise<void> {
    const { audience, topic } = this.setup.lane;
    const { plans, policyLog, limits } = this.context;
    while (!this.isOver) {
      // A plan is taken between transactions, so that each transaction names the policy version it used.
      if (this.generation !== plans.generation) await this.commitWork([]);
      this.refreshPolicy();
      try {
        const plan = await plans.plan(audience, topic, schemaId);
        if (this.generation !== plans.generation) continue;
        this.unseen = await plans.unseenTags(topic);
        this.plans.set(schemaId, plan);
        this.release();
        return;
      } catch (thrown) {
        const error = ownError(thrown);
        if (error.kind !== 'hold') throw error;
        await this.hold(error);
        await policyLog.changed(this.signals.drain, limits.recheckMs);
        await plans.refreshSubjects();
      }
    }
  }

  private async hold(error: GauzeError): Promise<void> {
    const { code, context } = error;
    const path = context.path ?? null;
    const schemaId = context.schemaId ?? null;
    const isKnown = this.held?.code === code && this.held.path === path && this.held.schemaId === schemaId;
    if (isKnown) return await this.renewIfDue();
    this.held = { code, sinceMs: nowMs(), path, schemaId };
    this.context.events.held(this.setup.lane, error);
    await this.commitWork([
      laneHeld(this.setup.identity, this.policy, { nowMs: nowMs(), position: this.masked, code }),
    ]);
  }

  private release(): void {
    if (this.held) this.context.events.released(this.setup.lane);
    this.held = null;
  }

  private currentMasker(): SpanMasker {
    const { lane, messageBytesMax } = this.setup;
    const { limits, policyLog, plans } = this.context;
    this.masker ??= new SpanMasker({
      writer: this.writer,
      rules: plans.topicRules(lane.audience, lane.topic),
      plans: this.plans,
      ordered: policyLog.state.withhold.get(laneKey(lane)) ?? new Set(),
      outputBytesMax: limits.batchBytes,
      recordsMax: limits.recordsPerTransaction,
      recordBytesMax: messageBytesMax - BATCH_OVERHEAD_BYTES,
    });
    return this.masker;
  }

  /** Between transactions: newer policies or tags make every plan be looked at again. */
  private refreshPolicy(): void {
    const { plans } = this.context;
    if (this.generation === plans.generation || this.hasWork) return;
    this.policy = this.context.plans.inForce(this.setup.lane);
    this.plans.clear();
    this.writer = this.newWriter();
    this.masker = null;
    this.generation = plans.generation;
  }

  private newWriter(): RecordBatchWriter {
    const policy = this.context.plans.policy(this.setup.lane.audience);
    return new RecordBatchWriter({
      batchBytesMax: this.setup.messageBytesMax,
      keepTimestamps: policy?.timestamp === 'keep',
    });
  }

  private async idle(): Promise<void> {
    this.writer.shrink();
    await this.renewIfDue();
    if (monotonicMs() - this.lastCheckMs < this.context.limits.recheckMs) return;
    this.lastCheckMs = monotonicMs();
    await this.checkOffset();
  }

  /** An offset that somebody deleted or moved while this lane stood still must not be overwritten unnoticed. */
  private async checkOffset(): Promise<void> {
    const { group } = this.setup.identity;
    const { topic, partition, audience } = this.setup.lane;
    const committed = await this.producer.committed(group, topic, partition, this.signals.abandon);
    if (committed.offset === this.position) return;
    const code = committed.offset < 0 ? 'ERR_LANE_OFFSET_LOST' : 'ERR_LANE_OFFSET_MOVED';
    throw new GauzeError(code, { audience, topic, partition, offset: this.position });
  }

  private async renewIfDue(): Promise<void> {
    if (monotonicMs() - this.lastCommitMs < this.context.limits.renewMs) return;
    await this.commitWork([laneHeartbeat(this.setup.identity, this.policy, nowMs(), this.masked)]);
  }

  /** Commits the transaction under way, with `more` events after its batch event. */
  private async commitWork(more: readonly EventBody[]): Promise<void> {
    const [first, ...rest] = this.hasWork
      ? [batchEvent(this.setup.identity, this.policy, this.work, this.position, this.masked), ...more]
      : more;
    if (!first) return;
    await this.commit([first, ...rest], this.unseen ? [this.ledger.tagsEntry(this.unseen)] : []);
    this.unseen = null;
    this.work = new TransactionWork();
    this.writer.reset();
  }

  private async commit(
    events: readonly [EventBody, ...EventBody[]],
    entries: readonly PolicyLogEntry[],
  ): Promise<void> {
    const { policy, held, writer } = this;
    const { withheld } = this.work;
    const position = this.masked;
    await this.ledger.commit(
      { events, position, policy, held, output: writer, withheld, entries },
      this.signals.abandon,
    );
    this.lastCommitMs = this.lastCheckMs = monotonicMs();
  }
}
