/**
 * The parts of `/readyz` of the sealer and of the provisioner: what they stand on, and whether it is there. Nothing is
 * asked here; who cannot reach Kafka must not be able to say that all is well.
 */
import { logState } from '../approvals/readiness.ts';
import { monotonicMs } from '../platform/clock.ts';
import type { Parts } from '../platform/status-port.ts';

/** So many rounds without a seal are too many; */
const ROUNDS_LATE = 3;
/** and an open transaction of a dead writer may hold one up for so long. */
const OPEN_MAX_MS = 30_000;

/** What is asked of a sealer. */
export interface SealerAtWork {
  readonly isInGroup: boolean;
  /** By the monotonic clock; null for one that stands by. */
  readonly workingSinceMs: number | null;
}

/**
 * `group`: Kafka knows this sealer, as the one that works or as one that stands by. `seals`: the one that has to seal
 * gets to it; one that stands by has nothing to be late with. `sealedMs`: when it has last sealed, by the monotonic clock.
 */
export function sealerParts(
  { isInGroup, workingSinceMs }: SealerAtWork,
  sealedMs: number,
  intervalMs: number,
): Parts {
  const lateMs = ROUNDS_LATE * intervalMs + OPEN_MAX_MS;
  const isLate = workingSinceMs !== null && monotonicMs() - Math.max(workingSinceMs, sealedMs) > lateMs;
  return { group: isInGroup ? 'ok' : 'missing', seals: isLate ? 'missing' : 'ok' };
}

/** `log` and `grants`: how far behind it is in what people have decided, and in what grants have become of that. */
export function provisionerParts(log: { readonly ageMs: number }, grants: { readonly ageMs: number }): Parts {
  return { log: logState(log.ageMs), grants: logState(grants.ageMs) };
}
