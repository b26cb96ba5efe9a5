/**
 * Asks for permission to deliver, again and again: before each lease, before each delivery, and while one is on its
 * way. It only ever takes permission away.
 */
import { sleep, timer } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { GrantContext } from './grant-context.ts';
import { refusal, validForMs } from './grant-permission.ts';
import type { PermissionFacts, Refusal } from './grant-permission.ts';

const STALE_WAIT_MS = 50;

export interface GrantGateParts {
  readonly state: GrantState;
  /** The number of the partition of gauze.grants that the grant is in. */
  readonly statePartition: number;
  readonly clock: BrokerClock;
  readonly drain: AbortSignal;
  readonly abandon: AbortSignal;
  /** Ends the connections of the transaction under way, so that nothing of it is sent any more. */
  readonly hangUp: () => void;
}

export class GrantGate {
  private readonly context: GrantContext;
  private readonly parts: GrantGateParts;

  constructor(context: GrantContext, parts: GrantGateParts) {
    this.context = context;
    this.parts = parts;
  }

  /** Why not now; null where it is allowed. */
  refused(): Refusal | null {
    return refusal(this.facts());
  }

  /**
   * Waits while nobody knows the state of the grant; gives false where a drain came first.
   * Throws ERR_GRANT_NOT_ALLOWED once the grant is over.
   */
  async opens(): Promise<boolean> {
    const { state, abandon, drain } = this.parts;
    const grant = state.grant_id;
    for (let isTold = false; ;) {
      abandon.throwIfAborted();
      const why = this.refused();
      if (why === null) return true;
      if (why !== 'stale') throw new GauzeError('ERR_GRANT_NOT_ALLOWED', { grant });
      if (drain.aborted) return false;
      if (!isTold)
        this.context.events.grantTrouble(grant, new GauzeError('ERR_GRANT_STATE_STALE', { grant }));
      isTold = true;
      await sleep(STALE_WAIT_MS, abandon);
    }
  }

  /** A signal that aborts, and hangs up, as soon as what is allowed now would have to be asked again. */
  permit(): { readonly signal: AbortSignal; cancel(): void } {
    const expired = new AbortController();
    const expire = (): void => {
      expired.abort();
      this.parts.hangUp();
    };
    const expiry = timer(Math.max(0, validForMs(this.facts())), expire);
    if (this.refused() !== null) expire();
    const signal = AbortSignal.any([expired.signal, this.parts.abandon]);
    return { signal, cancel: () => expiry.cancel() };
  }

  private facts(): PermissionFacts {
    const { state: begun, statePartition, clock } = this.parts;
    const { states } = this.context;
    return {
      begun,
      state: states.state(statePartition, begun.grant_id),
      stateAgeMs: states.ageMs(statePartition),
      brokerMs: clock.latestMs(),
    };
  }
}
