/**
 * Makes and removes what grants need on the cluster: topics and rules. It follows the state of grants and compares it
 * with what is there, so it can be ended at any point and started again. It has no HTTP, reads no record, decides
 * nothing; in doubt it closes: what should not be readable is closed first and told afterwards.
 */
import { monotonicMs, nowMs } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import { GrantDrift } from './grant-drift.ts';
import type { GrantDriftOptions, SettledAs } from './grant-drift.ts';

export interface ProvisionerOptions extends GrantDriftOptions {
  /** How often the cluster is compared with the grants. */
  readonly sweepMs: number;
  /** Forgets the schemas of a grant topic that is gone. What fails here is told and left. */
  readonly forgetSchemas?: (topic: string) => Promise<void>;
  /** First pause after a failure; it doubles. */
  readonly retryMs?: number;
}

/** What a grant's state asks for. */
export type GrantTask = 'provision' | 'open' | 'close' | 'remove' | 'nothing';

/** Failures of one grant that are no outage, after which it is reported as failed. */
const ATTEMPTS = 5;
const RETRY_MS = 250;
const RETRY_MS_MAX = 10_000;
/** Pieces of work under way with which nothing more is opened, or closed: what opens never keeps out what closes. */
const OPENING_MAX = 8;
const CLOSING_MAX = 32;
/** Not the id of a grant. */
const SWEEP = '*';
const URGENCY: readonly GrantTask[] = ['close', 'remove', 'open', 'provision'];

interface Progress {
  version: number;
  /** The last task done under that version; null where none is. */
  done: GrantTask | null;
  doneAtMs: number;
  attempts: number;
  pauseMs: number;
  notBeforeMs: number;
  failure: GauzeError | null;
}

export class Provisioner {
  private readonly options: ProvisionerOptions;
  private readonly drift: GrantDrift;
  private readonly progress = new Map<string, Progress>();
  private readonly underWay = new Map<string, Promise<void>>();
  private sweepAtMs = 0;

  constructor(options: ProvisionerOptions) {
    this.options = options;
    this.drift = new GrantDrift(options);
  }

  /**
   * Works until `signal` aborts and what is under way has ended; outages are waited out. The grants' follower must have
   * been started. One slow grant holds up no other, and no removal.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { grants } = this.options;
    while (!signal.aborted) {
      const { revision } = grants;
      if (monotonicMs() >= this.sweepAtMs) this.begin(SWEEP, async () => await this.sweep(signal));
      for (const [grant, task] of this.due()) {
        const isOpening = task === 'open' || task === 'provision';
        if (this.underWay.size >= (isOpening ? OPENING_MAX : CLOSING_MAX)) continue;
        this.begin(grant.grant_id, async () => await this.settle(grant, task, signal));
      }
      await this.next(revision, signal);
    }
    await Promise.all(this.underWay.values());
  }

  /** Begins a piece of work that handles its own errors, unless one of that name is under way. */
  private begin(name: string, work: () => Promise<void>): void {
    if (this.underWay.has(name)) return;
    this.underWay.set(
      name,
      work().finally(() => this.underWay.delete(name)),
    );
  }

  /** Waits until a grant has changed since `revision`, a piece of work has ended, or the time for something has come. */
  private async next(revision: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const changed = this.options.grants.changed(
      AbortSignal.any([signal, enough.signal]),
      revision,
      this.pauseMs(),
    );
    await Promise.race([changed, ...this.underWay.values()]);
    enough.abort();
  }

  /** One comparison of the cluster with the grants, mending what differs. */
  private async sweep(signal: AbortSignal): Promise<void> {
    const { events, sweepMs } = this.options;
    const place = (grant: GrantState): string =>
      `${grant.grant_id} ${grant.version} ${this.settledAs(grant)}`;
    const before = new Set([...this.options.grants.states.values()].map(place));
    try {
      await this.drift.sweep(
        // What was still being worked at when the comparison began is left to that work.
        (grant) => (before.has(place(grant)) ? this.settledAs(grant) : 'not-yet'),
        signal,
      );
      this.sweepAtMs = monotonicMs() + sweepMs;
    } catch (error) {
      if (!signal.aborted) events.trouble(ownError(error));
      this.sweepAtMs = monotonicMs() + Math.min(sweepMs, RETRY_MS_MAX);
    }
  }

  /** Grants about which something is to be done now; what closes comes first. */
  private due(): readonly (readonly [GrantState, GrantTask])[] {
    const now = monotonicMs();
    const due: [GrantState, GrantTask][] = [];
    for (const grant of this.options.grants.states.values()) {
      const task = taskOf(grant, nowMs());
      if (task === 'nothing') this.progress.delete(grant.grant_id);
      else if (!this.underWay.has(grant.grant_id) && this.isDue(grant, task, now)) due.push([grant, task]);
    }
    return due.toSorted(([, one], [, other]) => URGENCY.indexOf(one) - URGENCY.indexOf(other));
  }

  private isDue(grant: GrantState, task: GrantTask, now: number): boolean {
    const progress = this.of(grant);
    if (progress.done === task) {
      // The report is in the log; where the state does not follow, it is told once more.
      const isAwaited = task === 'provision' || task === 'remove';
      return isAwaited && now >= progress.doneAtMs + this.options.sweepMs;
    }
    return now >= progress.notBeforeMs;
  }

  private of({ grant_id, version }: GrantState): Progress {
    const known = this.progress.get(grant_id);
    if (known?.version === version) return known;
    const fresh: Progress = {
      version,
      done: null,
      doneAtMs: 0,
      attempts: 0,
      pauseMs: 0,
      notBeforeMs: 0,
      failure: null,
    };
    this.progress.set(grant_id, fresh);
    return fresh;
  }

  private settledAs(grant: GrantState): SettledAs {
    const task = taskOf(grant, nowMs());
    const progress = this.progress.get(grant.grant_id);
    const isDone = progress?.version === grant.version && progress.done === task;
    // What is provisioned is open already, though the state does not say so yet.
    if (!isDone || task === 'provision') return 'not-yet';
    return task === 'open' ? 'open' : 'closed';
  }

  private async settle(grant: GrantState, task: GrantTask, signal: AbortSignal): Promise<void> {
    const progress = this.of(grant);
    try {
      if (task === 'provision' && progress.failure && progress.attempts >= ATTEMPTS)
        await this.giveUp(grant, progress.failure);
      else await this.act(grant, task, signal);
      progress.done = task;
      progress.doneAtMs = monotonicMs();
    } catch (error) {
      if (signal.aborted) return;
      const own = ownError(error);
      this.options.events.trouble(own);
      if (own.kind !== 'outage') {
        progress.attempts++;
        progress.failure = own;
      }
      progress.pauseMs = Math.min(RETRY_MS_MAX, progress.pauseMs * 2 || (this.options.retryMs ?? RETRY_MS));
      progress.notBeforeMs = monotonicMs() + progress.pauseMs;
    }
  }

  private async act(grant: GrantState, task: GrantTask, signal: AbortSignal): Promise<void> {
    if (grant.scope.replay) return await this.passOn(grant, task);
    const { grants, topics, events, report } = this.options;
    const { grant_id: grantId, cause } = grant;
    const { beneficiary } = grant.scope;
    if (task === 'close') await topics.close(grantId, beneficiary);
    if (task === 'open') await this.drift.open(grant);
    if (task === 'remove') {
      const brokers = await topics.remove(grantId, beneficiary);
      await this.forgetSchemas(grantId);
      await report({ kind: 'REMOVED', grantId, cause, topic: null, brokers });
      events.removed(grantId);
    }
    if (task === 'provision') {
      const made = await topics.make(grant, async () => await this.isStill(grant, signal));
      if (grants.states.get(grantId)?.version !== grant.version)
        throw new GauzeError('ERR_GRANT_NOT_ALLOWED', { grant: grantId });
      await topics.open(grant);
      await report({ kind: 'PROVISIONED', grantId, cause: null, topic: made, brokers: null });
      events.provisioned(grantId);
    }
  }

  /** A replay has no topic, no reader and no schema: there is nothing to make, and nothing to remove. */
  private async passOn({ grant_id: grantId, cause }: GrantState, task: GrantTask): Promise<void> {
    const { report } = this.options;
    const common = { grantId, topic: null, brokers: null };
    if (task === 'provision') await report({ ...common, kind: 'PROVISIONED', cause: null });
    if (task === 'remove') await report({ ...common, kind: 'REMOVED', cause });
  }

  private async forgetSchemas(grantId: string): Promise<void> {
    const { names, events, forgetSchemas } = this.options;
    try {
      await forgetSchemas?.(names.grantTopic(grantId));
    } catch (error) {
      events.trouble(ownError(error));
    }
  }

  /** Takes away what was made by halves, then says that it can't be done. */
  private async giveUp(grant: GrantState, failure: GauzeError): Promise<void> {
    const { topics, events, report } = this.options;
    const { grant_id: grantId, scope } = grant;
    if (!scope.replay) await topics.remove(grantId, scope.beneficiary);
    await report({ kind: 'PROVISION_FAILED', grantId, cause: failure.code, topic: null, brokers: null });
    events.failed(grantId, failure);
  }

  /** Whether the grant is as it was when the task was chosen, by all that is written now. */
  private async isStill({ grant_id, version }: GrantState, signal: AbortSignal): Promise<boolean> {
    const { grants } = this.options;
    await grants.caughtUp(signal);
    return grants.states.get(grant_id)?.version === version;
  }

  /** Until something is due that no change announces: a sweep, another try, the end of a grant. */
  private pauseMs(): number {
    const now = monotonicMs();
    const wall = nowMs();
    // A sweep under way sets its next time when it ends, and that ends the pause.
    let pause = this.underWay.has(SWEEP) ? this.options.sweepMs : this.sweepAtMs - now;
    for (const grant of this.options.grants.states.values()) {
      if (grant.state === 'ACTIVE' && grant.not_after > wall) pause = Math.min(pause, grant.not_after - wall);
      const progress = this.progress.get(grant.grant_id);
      if (progress && progress.notBeforeMs > now) pause = Math.min(pause, progress.notBeforeMs - now);
    }
    return Math.max(1, Math.ceil(pause));
  }
}

/**
 * What is to be on the cluster for a grant in its state. An active grant is closed when its time is over even if
 * nobody is there to write that down; a suspended one keeps its topic and shows nothing.
 */
export function taskOf(grant: GrantState, now: number): GrantTask {
  // Nothing was opened for a replay: its two reports are all there is to do.
  if (grant.scope.replay && (grant.state === 'ACTIVE' || grant.state === 'SUSPENDED')) return 'nothing';
  switch (grant.state) {
    case 'ACTIVATING':
      return 'provision';
    case 'ACTIVE':
      return now < grant.not_after ? 'open' : 'close';
    case 'SUSPENDED':
      return 'close';
    case 'ENDING':
    case 'REVOKING':
      return 'remove';
    default:
      return 'nothing';
  }
}
