/**
 * Redrives the withheld records of one raw partition: a lane of its own, with a group, a transactional id and an audit
 * chain of its own, that reads what is wanted again, in raw order, and appends it to the sanitized topic. Output, new
 * outcome, audit event and position commit together, so what is published is wanted no more whatever happens after.
 */
import { keysRead, passedOver, redriven, underRedrive } from '../audit/redrive-events.ts';
import { laneHeartbeat, sessionClosed, sessionOpened, sessionSeek } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { monotonicMs, nowMs } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { abortable } from './abortable.ts';
import type { FinishedWork, LaneWork } from './lane-kind.ts';
import { LaneLedger } from './lane-ledger.ts';
import type { WithheldEntry } from './lane-ledger.ts';
import { latestOrder } from './lane-start.ts';
import type { Span } from './held-span.ts';
import type { RedriveParts } from './redrive-parts.ts';
import type { StopReason } from './span-walk.ts';

/** A stretch without a wanted record that is longer is passed over, and not read. */
const PASS_OVER_OFFSETS = 10_000;
/** Answers without a record, after which what is wanted there counts as gone: markers are all that is left. */
const EMPTY_FETCHES_MAX = 20;
/** How often the registry is asked for new versions of the schemas in use. */
const REGISTRY_REFRESH_MS = 30_000;

export class RedriveSession {
  private readonly parts: RedriveParts;
  private readonly ledger: LaneLedger;
  private readonly work: LaneWork;
  private policy: PolicyInForce;
  /** Where the next transaction begins. */
  private reached: number;
  private rulesVersion: number;
  private refreshedMs = monotonicMs();
  /** Order to the lane as of the beginning: a later one may have the same records read by the lane. */
  private readonly laneOrder: number;
  /** Of the transaction at hand. */
  private readonly written = new Set<number>();
  private readonly blocked = new Map<number, string>();
  private readonly blockedSchemas = new Map<number, ErrorCode>();
  private readonly untilDone = new AbortController().signal;
  /** Events that go before the next one. */
  private pending: EventBody[] = [];

  constructor(parts: RedriveParts) {
    const { context, setup, kind, producer, wanted, overridesOrders } = parts;
    this.parts = parts;
    this.ledger = new LaneLedger(context, setup, producer);
    const written = (offset: number): void => void this.written.add(offset);
    this.work = kind.workAgain(setup, { wanted, overridesOrders, written });
    this.policy = kind.inForce();
    this.rulesVersion = context.policyLog.state.rulesVersion;
    this.laneOrder = latestOrder(context.policyLog.state, setup.lane);
    this.reached = setup.start.position;
  }

  /** Until nothing is wanted any more, or `drain`. Throws what ends the session; all that is committed stays. */
  async run(): Promise<void> {
    await this.open();
    try {
      await this.findSuperseded();
      while (!this.parts.drain.aborted) {
        const next = this.parts.wanted.next(this.reached);
        if (next === null) break;
        await this.refresh();
        this.passOver(next);
        await this.transaction();
      }
      await this.close();
    } finally {
      this.work.clear();
    }
  }

  /** On record before the first fetch: from where it was to the first wanted record, by the order of a person. */
  private async open(): Promise<void> {
    const { setup, facts, wanted, earliest } = this.parts;
    const { identity, start } = setup;
    const gone = wanted.takeBelow(earliest);
    if (gone.length > 0) this.parts.outcome('gone', 'ERR_REDRIVE_GONE', gone.length);
    const from = start.from ?? start.position;
    this.reached = wanted.next(earliest) ?? Math.max(from, earliest);
    const opened = sessionOpened(identity, this.policy, {
      nowMs: nowMs(),
      position: from,
      previous: start.previous?.chain ?? null,
    });
    const seek = sessionSeek(identity, this.policy, {
      nowMs: nowMs(),
      from: start.from,
      to: this.reached,
      resumeEntryOffset: facts.logOffset,
      how: 'REDRIVE',
    });
    await this.commit([underRedrive(opened, facts), underRedrive(seek, facts)], null);
  }

  private async close(): Promise<void> {
    const closed = sessionClosed(this.parts.setup.identity, this.policy, nowMs(), this.reached);
    await this.commit([...this.takePending(), underRedrive(closed, this.parts.facts)], null);
  }

  /** In a compacted topic only the last record of a key may be published again. */
  private async findSuperseded(): Promise<void> {
    const { laterKeys, wanted, drain, outcome } = this.parts;
    if (!laterKeys) return;
    await laterKeys.readToEnd(drain);
    this.noteKeysRead();
    const { superseded } = laterKeys.succession;
    for (const offset of superseded) wanted.drop(offset);
    if (superseded.size > 0) outcome('superseded', 'ERR_REDRIVE_SUPERSEDED', superseded.size);
  }

  /** Reading keys is reading raw data: it is on record, with the next transaction. */
  private noteKeysRead(): void {
    const read = this.parts.laterKeys?.takeRead();
    if (!read) return;
    this.pending.push(keysRead(this.eventAt(read.firstOffset), read, this.parts.facts));
  }

  /** Between transactions: newer policies, tags and schemas are taken in, as lanes take them in. */
  private async refresh(): Promise<void> {
    const { context, kind, setup, turn } = this.parts;
    const { policyLog, plans } = context;
    await policyLog.readToEnd();
    turn.assertOurs();
    if (latestOrder(policyLog.state, setup.lane) > this.laneOrder)
      throw new GauzeError('ERR_REDRIVE_LANE_MOVED', { ...setup.lane });
    const { generation } = plans;
    if (policyLog.state.rulesVersion !== this.rulesVersion) plans.invalidate();
    this.rulesVersion = policyLog.state.rulesVersion;
    if (monotonicMs() - this.refreshedMs > REGISTRY_REFRESH_MS) {
      this.refreshedMs = monotonicMs();
      await plans.refreshSubjects();
    }
    this.policy = kind.inForce();
    if (plans.generation === generation) return;
    this.work.refresh();
    this.blockedSchemas.clear();
  }

  private passOver(next: number): void {
    if (next - this.reached <= PASS_OVER_OFFSETS) return;
    this.pending.push(passedOver(this.eventAt(this.reached), next, this.parts.facts));
    this.reached = next;
  }

  /** Reads on from `reached` until the transaction is full, or nothing near is wanted; then commits. */
  private async transaction(): Promise<void> {
    const { wanted, drain } = this.parts;
    const first = this.reached;
    let at = first;
    for (let empty = 0; !drain.aborted;) {
      const next = wanted.next(at);
      if (next === null || next - at > PASS_OVER_OFFSETS || this.work.isFull) break;
      const span = await this.fetch(at);
      const read = span ? await this.take(span, at) : at;
      empty = read > at ? 0 : empty + 1;
      at = read;
      // Nothing is left where something was: what is wanted before the end of the partition is gone.
      if (empty >= EMPTY_FETCHES_MAX) at = wanted.last + 1;
    }
    if (at > first) await this.finish(first, at);
  }

  private async fetch(offset: number): Promise<Span | null> {
    const { reader, connections, drain } = this.parts;
    return await abortable(reader.fetch(connections, offset), drain);
  }

  /** Works on a span as far as it goes; gives where to go on. */
  private async take(span: Span, from: number): Promise<number> {
    let at = from;
    for (;;) {
      const { position, stop } = this.work.run(span, at);
      at = position;
      if (stop.kind === 'corrupt') throw stop.error;
      if (stop.kind !== 'plan') return at;
      await this.learn(stop);
    }
  }

  /** What holds a lane does not hold a redrive: the record stays withheld as it was, and the next one is looked at. */
  private async learn({ schemaId, offset }: Extract<StopReason, { kind: 'plan' }>): Promise<void> {
    let code = this.blockedSchemas.get(schemaId) ?? null;
    if (code === null) {
      try {
        return await this.work.learn(schemaId);
      } catch (thrown) {
        const error = ownError(thrown);
        if (error.kind !== 'hold') throw error;
        ({ code } = error);
        this.blockedSchemas.set(schemaId, code);
      }
    }
    this.blocked.set(offset, code);
    this.parts.wanted.drop(offset);
  }

  private async finish(first: number, next: number): Promise<void> {
    const { laterKeys, facts } = this.parts;
    const done = this.work.finish(this.policy, first, next);
    const batch = redriven(done.event, facts, done.withheld.length);
    const lookAgain =
      laterKeys && this.written.size > 0 ? async () => await this.assertStillLast() : undefined;
    const before = this.takePending();
    const outcomes = this.outcomesOf(done);
    await this.commit([...before, batch], { ...done, withheld: outcomes.entries }, next, lookAgain);
    outcomes.tell();
    this.noteKeysRead();
    this.written.clear();
    this.blocked.clear();
    this.work.clear();
  }

  /**
   * With the outputs appended and not committed: whatever the lane has put before them was in the raw topic by now. A
   * later record with a key of them means that the lane may have been faster.
   */
  private async assertStillLast(): Promise<void> {
    const laterKeys = this.parts.laterKeys!;
    // Half a transaction is committed or given up, never left to a signal.
    await laterKeys.readToEnd(this.untilDone);
    const { superseded } = laterKeys.succession;
    if ([...this.written].some((offset) => superseded.has(offset)))
      throw new GauzeError('ERR_REDRIVE_SUPERSEDED', { ...this.parts.setup.lane });
  }

  /** What the newest entries say of the records of this transaction from now on, and what is told of them. */
  private outcomesOf({ withheld }: FinishedWork): {
    readonly entries: readonly WithheldEntry[];
    readonly tell: () => void;
  } {
    const { wanted, outcome } = this.parts;
    const entries: WithheldEntry[] = [];
    const published: string[] = [];
    for (const offset of this.written) {
      const code = wanted.codeOf(offset) ?? '';
      published.push(code);
      entries.push({ offset, code, outcome: 'PUBLISHED' });
      wanted.drop(offset);
    }
    for (const { offset, code } of withheld) {
      if (wanted.codeOf(offset) !== code) entries.push({ offset, code });
      wanted.drop(offset);
    }
    entries.sort((a, b) => a.offset - b.offset);
    const blocked = [...this.blocked.values()];
    return {
      entries,
      tell: () => {
        for (const code of published) outcome('published', code, 1);
        for (const { code } of withheld) outcome('withheld', code, 1);
        for (const code of blocked) outcome('blocked', code, 1);
        const gone = wanted.takeBelow(this.reached);
        if (gone.length > 0) outcome('gone', 'ERR_REDRIVE_GONE', gone.length);
      },
    };
  }

  private takePending(): readonly EventBody[] {
    const { pending } = this;
    this.pending = [];
    return pending;
  }

  /** An event about no record, at an offset. */
  private eventAt(offset: number): EventBody {
    return laneHeartbeat(this.parts.setup.identity, this.policy, nowMs(), offset);
  }

  private async commit(
    events: readonly EventBody[],
    work: (Pick<FinishedWork, 'output' | 'entries'> & { readonly withheld: readonly WithheldEntry[] }) | null,
    position = this.reached,
    beforeEnd?: () => Promise<void>,
  ): Promise<void> {
    const [first, ...rest] = events;
    const { output = null, entries = [], withheld = [] } = work ?? {};
    await this.ledger.commit(
      { events: [first!, ...rest], position, policy: this.policy, held: null, output, withheld, entries },
      // A transaction that has begun is ended; it takes no longer than its timeout.
      this.untilDone,
      beforeEnd,
    );
    this.reached = position;
  }
}
