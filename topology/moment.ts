/**
 * A moment to measure from, by two clocks: the monotonic one stands still while a machine sleeps, the other can be
 * set. What must not be exceeded is measured by whichever has run further.
 */
import { monotonicMs, nowMs } from '../platform/clock.ts';

export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function moment(): Moment {
  return { monotonicMs: monotonicMs(), wallMs: nowMs() };
}

/** Milliseconds since then, at the most. */
export function sinceMs(then: Moment): number {
  const now = moment();
  return Math.max(now.monotonicMs - then.monotonicMs, now.wallMs - then.wallMs, 0);
}
