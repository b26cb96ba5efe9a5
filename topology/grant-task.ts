/**
 * One grant on the one instance that holds its partition of gauze.grants: sessions while it is active, an end to its
 * topic when it is not. A new state cuts a session off at once. Needs no approval service, no queue and no timer
 * but its own.
 */
import { nowMs, sleep } from '../platform/clock.ts';
import { ownError } from '../platform/errors.ts';
import type { ErrorCode, GauzeError } from '../platform/errors.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import { BrokerClock } from './broker-clock.ts';
import type { GrantContext } from './grant-context.ts';
import { removeGrantTopic, settle } from './grant-ending.ts';
import type { CutOff } from './grant-ending.ts';
import { isEnding, isLive, mayRun, stillAllows } from './grant-permission.ts';
import { GrantSession } from './grant-session.ts';
import { inspectTopics, openLedger } from './grant-setup.ts';
import { ReplaySession } from './replay-session.ts';

const WAIT_MIN_MS = 100;
const WAIT_MAX_MS = 5_000;

/** A session under way. */
interface Running {
  readonly begun: GrantState;
  readonly halt: AbortController;
  session: GrantSession | null;
}

export class GrantTask {
  readonly grantId: string;
  readonly partition: number;
  /** True once another instance has taken the grant over. */
  takenOver = false;
  private readonly context: GrantContext;
  private readonly draining = new AbortController();
  private readonly abandoned = new AbortController();
  private readonly clock = new BrokerClock();
  private state: GrantState | null;
  private running: Running | null = null;
  private cutOff: CutOff | null = null;
  /** Nothing more is delivered: the progress says so. */
  private isStopped = false;
  /** The topic is gone, and everything about its end is on record. */
  private isEnded = false;
  private heldCode: ErrorCode | null = null;
  private waitMs = WAIT_MIN_MS;
  private wake: () => void = () => undefined;
  private ended: Promise<void> = Promise.resolve();

  constructor(context: GrantContext, partition: number, state: GrantState) {
    this.context = context;
    this.partition = partition;
    this.grantId = state.grant_id;
    this.state = state;
  }

  start(): void {
    this.ended = this.run();
  }

  async finished(): Promise<void> {
    await this.ended;
  }

  /** A state that may be new; null where none is known any more. */
  update(state: GrantState | null): void {
    if (state === this.state) return;
    this.state = state;
    const { running } = this;
    if (running && !stillAllows(state, running.begun) && !running.halt.signal.aborted) {
      this.cutOff = { noticedMs: nowMs(), lastAppendMs: running.session?.lastAppendMs ?? null };
      running.halt.abort();
    }
    this.wake();
  }

  /** Finishes the lease at hand and ends. */
  async drain(): Promise<void> {
    this.draining.abort();
    this.wake();
    await this.ended;
  }

  /** Drops everything at once: for a grant that is somebody else's now. */
  async abort(): Promise<void> {
    this.draining.abort();
    this.abandoned.abort();
    this.wake();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.draining.signal.aborted) {
      const { state } = this;
      if (!state || !isLive(state)) return;
      const error = await this.step(state);
      if (this.draining.signal.aborted) return;
      if (error) {
        const holds = await this.stillHolds();
        if (this.draining.signal.aborted) return;
        this.takenOver = !holds;
        if (this.takenOver) return;
      }
      // A newer state has come meanwhile: that is what to act on.
      if (this.state !== state) continue;
      if (error) await this.waitAfter(error);
      else await this.untilChanged(state);
    }
  }

  /** Only a member in a live generation may take the id again: else two instances would fence each other. */
  private async stillHolds(): Promise<boolean> {
    const { names, stillHolds } = this.context;
    return await stillHolds(names.grants, this.partition, this.draining.signal);
  }

  /** Does what the state asks for; gives the error that prevented it. */
  private async step(state: GrantState): Promise<GauzeError | null> {
    try {
      if (isEnding(state.state) || this.isPast(state)) await this.end(state);
      else if (this.cutOff) await this.settle(state, false);
      else if (mayRun(state) && !this.isStopped) await this.session(state);
      this.heldCode = null;
      this.waitMs = WAIT_MIN_MS;
      return null;
    } catch (thrown) {
      return ownError(thrown);
    }
  }

  /** The topic goes first where people have ended the grant; by its own time, after a look for late records. */
  private async end(state: GrantState): Promise<void> {
    if (this.isEnded) return;
    if (state.state === 'REVOKING') await removeGrantTopic(this.context, this.grantId);
    const { cluster, names } = this.context;
    const topic = names.grantTopic(this.grantId);
    const isThere = (await cluster.refresh([topic])).has(topic);
    if (isThere || this.cutOff) await this.settle(state, true);
    this.isEnded = true;
  }

  private async settle(state: GrantState, isOver: boolean): Promise<void> {
    const { cutOff } = this;
    await settle(this.context, state, this.clock, { cutOff, isOver, signal: this.abandoned.signal });
    if (this.cutOff === cutOff) this.cutOff = null;
  }

  private async session(state: GrantState): Promise<void> {
    const { cluster, names } = this.context;
    const producer = new TransactionalProducer(cluster, names.taskTransactionalId(this.grantId));
    const running: Running = { begun: state, halt: new AbortController(), session: null };
    const abandon = AbortSignal.any([running.halt.signal, this.abandoned.signal]);
    const hangUp = (): void => producer.close();
    abandon.addEventListener('abort', hangUp);
    this.running = running;
    try {
      const ledger = await openLedger(this.context, state, producer, this.clock, abandon);
      if (ledger.progress.stopped) {
        this.isStopped = true;
        return;
      }
      const { replay } = state.scope;
      if (replay) {
        const gate = { state, statePartition: this.partition, clock: this.clock, hangUp, abandon };
        const parts = { ...gate, drain: this.draining.signal, ledger, replay };
        this.isStopped = await new ReplaySession(this.context, parts).run();
        return;
      }
      const topics = await inspectTopics(this.context, state, ledger, producer, abandon);
      const { messageBytesMax, partitions } = topics.fault ? { messageBytesMax: 0, partitions: [] } : topics;
      const common = { state, statePartition: this.partition, ledger, clock: this.clock, hangUp, abandon };
      const drain = this.draining.signal;
      const session = new GrantSession(this.context, { ...common, messageBytesMax, partitions, drain });
      running.session = session;
      if (topics.fault) await session.stop(topics.fault);
      const reason = topics.fault ?? (await session.run());
      this.isStopped = reason !== null;
    } finally {
      this.running = null;
      abandon.removeEventListener('abort', hangUp);
      producer.close();
    }
  }

  private async waitAfter(error: GauzeError): Promise<void> {
    const { events, limits } = this.context;
    if (error.kind === 'hold') {
      if (this.heldCode !== error.code) events.grantHeld(this.grantId, error);
      this.heldCode = error.code;
      return await this.untilWoken(limits.recheckMs);
    }
    if (error.code !== 'ERR_GRANT_NOT_ALLOWED') events.grantTrouble(this.grantId, error);
    await this.untilWoken(this.waitMs);
    this.waitMs = Math.min(this.waitMs * 2, WAIT_MAX_MS);
  }

  /** Until the state changes, or the time of the grant is over. */
  private async untilChanged(state: GrantState): Promise<void> {
    const leftMs = state.not_after > 0 && !this.isEnded ? state.not_after - this.timeMs() : WAIT_MAX_MS;
    await this.untilWoken(Math.min(Math.max(leftMs, 1), WAIT_MAX_MS));
  }

  private isPast({ not_after: notAfter }: GrantState): boolean {
    return notAfter > 0 && this.timeMs() >= notAfter;
  }

  /** The broker's time where one has told it, else this machine's. */
  private timeMs(): number {
    return this.clock.isSet ? this.clock.latestMs() : nowMs();
  }

  private async untilWoken(ms: number): Promise<void> {
    const woken = new AbortController();
    this.wake = () => woken.abort();
    if (this.draining.signal.aborted) return;
    await sleep(ms, woken.signal).catch(() => undefined);
    this.wake = () => undefined;
  }
}
