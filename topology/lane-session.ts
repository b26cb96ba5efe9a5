/**
 * One session of a lane, from its first transaction to its last: reads spans, has them worked on, commits.
 * A session that has thrown is over; nothing of it is used again, and the committed offset says what happened.
 */
import { laneHeartbeat, laneHeld, sessionClosed, sessionOpened, sessionSeek } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { monotonicMs, nowMs, sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { abortable, within } from './abortable.ts';
import type { Span } from './held-span.ts';
import type { LaneContext } from './lane-context.ts';
import type { FinishedWork, LaneKind, LaneWork } from './lane-kind.ts';
import { LaneLedger } from './lane-ledger.ts';
import type { LaneTransaction, SessionSetup } from './lane-ledger.ts';
import type { LaneHold } from './lane-metadata.ts';
import { latestOrder } from './lane-start.ts';
import type { LaneSource } from './partition-reader.ts';

/** What a transaction commits of the work at hand. */
type CommittedWork = Omit<FinishedWork, 'event' | 'output' | 'withheld'> &
  Pick<LaneTransaction, 'output' | 'withheld'>;

const NOTHING_DONE: CommittedWork = { output: null, withheld: [], entries: [] };

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
  private readonly kind: LaneKind;
  private readonly work: LaneWork;
  private generation = -1;
  private policy: PolicyInForce;
  /** Where the work has got to; ahead of the committed position while a transaction collects. */
  private reached: number;
  private workOpenedMs = 0;
  private lastCommitMs = 0;
  private lastCheckMs = 0;

  constructor(
    context: LaneContext,
    kind: LaneKind,
    setup: SessionSetup,
    producer: TransactionalProducer,
    source: LaneSource,
    signals: SessionSignals,
  ) {
    this.context = context;
    this.kind = kind;
    this.setup = setup;
    this.producer = producer;
    this.source = source;
    this.signals = signals;
    this.ledger = new LaneLedger(context, setup, producer);
    this.reached = setup.start.position;
    this.policy = kind.inForce();
    this.work = kind.work(setup);
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
      // Told to go by the audit topic, whatever the offset says: that is where the one before ended.
      position: sameTopic && start.order?.from !== 'AUDIT' ? (start.from ?? start.position) : start.position,
      previous: start.previous?.chain ?? null,
    });
    const seek = start.order
      ? [
          sessionSeek(identity, this.policy, {
            nowMs: nowMs(),
            from: start.from,
            to: start.position,
            resumeEntryOffset: start.order.logOffset,
            how: start.order.from,
          }),
        ]
      : [];
    const entries = start.started ? [this.ledger.startedEntry()] : [];
    await this.commit([opened, ...seek], { ...NOTHING_DONE, entries, withheld: this.begunAnew() });
  }

  /** Ordered to go back: what was withheld from there on is decided again, and no redrive may publish it twice. */
  private begunAnew(): CommittedWork['withheld'] {
    const { order, from, position } = this.setup.start;
    const goesBack = order !== null && (from === null || position < from);
    if (!goesBack || this.setup.identity.recipient === null) return [];
    return [{ offset: position, code: '', outcome: 'BEGUN_ANEW' }];
  }

  /**
   * Works until `drain` aborts or a person resumes the lane; then commits what is at hand and closes.
   * Throws what ends the session.
   */
  async run(): Promise<void> {
    try {
      while (!this.isOver) await this.turn();
      await this.commitWork([sessionClosed(this.setup.identity, this.policy, nowMs(), this.reached)]);
    } finally {
      this.work.clear();
    }
  }

  private async turn(): Promise<void> {
    this.refreshPolicy();
    const span = await this.nextSpanOrHold();
    if (span) await this.workOn(span);
    if (this.hasWork) {
      const due = monotonicMs() - this.workOpenedMs >= this.lingerMs();
      if (due || this.work.isFull) await this.commitWork([]);
    } else if (!span) await this.idle();
  }

  /** Where much waits, nobody sees a record sooner for many small transactions: they only slow all of them down. */
  private lingerMs(): number {
    const { limits } = this.context;
    const longest = this.source.isFarBehind ? this.kind.farBehindLingers * limits.lingerMs : 0;
    return Math.max(this.context.lingerMs(), longest);
  }

  private get hasWork(): boolean {
    return this.reached > this.position;
  }

  /** Drained, or something has been ordered that only a new session can carry out. */
  private get isOver(): boolean {
    const order = latestOrder(this.context.policyLog.state, this.setup.lane);
    return this.signals.drain.aborted || order > this.setup.start.ordersSeen;
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
    if (!this.hasWork) return await abortable(this.source.read(this.reached), drain);
    const leftMs = this.lingerMs() - (monotonicMs() - this.workOpenedMs);
    if (leftMs <= 0) return null;
    return await abortable(within(this.source.read(this.reached), leftMs), drain);
  }

  private async workOn(span: Span): Promise<void> {
    while (!this.isOver) {
      this.refreshPolicy();
      if (!this.hasWork) this.workOpenedMs = monotonicMs();
      const { position, stop } = this.work.run(span, this.reached);
      this.reached = position;
      this.source.reached(position, this.work.notesSubjects);
      if (stop.kind === 'end') return this.release();
      if (stop.kind === 'corrupt') return await this.holdAtBatch(stop.error);
      if (stop.kind === 'full') await this.commitWork([]);
      else await this.learn(stop.schemaId);
    }
  }

  /** Finds out what a schema needs; where that cannot be, holds at that record, with all before it committed. */
  private async learn(schemaId: number): Promise<void> {
    const { plans, policyLog, limits } = this.context;
    while (!this.isOver) {
      // New rules are taken between transactions, so that each transaction names the policy version it used.
      if (this.generation !== plans.generation) await this.commitWork([]);
      this.refreshPolicy();
      try {
        await this.work.learn(schemaId);
        if (this.generation !== plans.generation) continue;
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
      laneHeld(this.setup.identity, this.policy, { nowMs: nowMs(), position: this.reached, code }),
    ]);
  }

  private release(): void {
    if (this.held) this.context.events.released(this.setup.lane);
    this.held = null;
  }

  /** Between transactions: newer policies or tags make everything be looked at again. */
  private refreshPolicy(): void {
    const { plans } = this.context;
    if (this.generation === plans.generation || this.hasWork) return;
    this.policy = this.kind.inForce();
    this.work.refresh();
    this.generation = plans.generation;
  }

  private async idle(): Promise<void> {
    this.work.shrink();
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
    const isDue = monotonicMs() - this.lastCommitMs >= this.context.limits.renewMs;
    if (!isDue && !this.ledger.isRotationDue) return;
    await this.commitWork([laneHeartbeat(this.setup.identity, this.policy, nowMs(), this.reached)]);
  }

  /** Commits the transaction under way, with `more` events after its batch event. */
  private async commitWork(more: readonly EventBody[]): Promise<void> {
    const done = this.hasWork ? this.work.finish(this.policy, this.position, this.reached) : null;
    const [first, ...rest] = done ? [done.event, ...more] : more;
    if (!first) return;
    await this.commit([first, ...rest], done ?? NOTHING_DONE);
    if (done) this.tell(done);
    this.work.clear();
  }

  private tell({ event, withheld }: FinishedWork): void {
    const { record_count: records = 0, bytes = 0 } = event.range ?? {};
    if (records === 0) return;
    this.context.events.committed(this.setup.lane, {
      records,
      withheld: withheld.map(({ code }) => code),
      bytes,
      durationMs: monotonicMs() - this.workOpenedMs,
      newestMs: event.occurred_to / 1000,
    });
  }

  private async commit(
    events: readonly [EventBody, ...EventBody[]],
    { output, withheld, entries }: CommittedWork,
  ): Promise<void> {
    const { policy, held, reached: position } = this;
    await this.ledger.commit(
      { events, position, policy, held, output, withheld, entries },
      this.signals.abandon,
    );
    this.lastCommitMs = this.lastCheckMs = monotonicMs();
  }
}
