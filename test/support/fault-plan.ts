/**
 * What will be broken, in which order and when: made from a seed alone, so that a run that has failed can be had again.
 * It says nothing of how anything is broken.
 */
import { randomInt } from 'node:crypto';
import { Random } from '../fuzz/random.ts';

/** `kill`: kill -9 of a host; `freeze`: SIGSTOP, and SIGCONT once others have its work; `restart`: kill -9 of a broker and a new start. */
export type FaultKind = 'kill' | 'freeze' | 'restart' | 'reassign';

/** How often each kind comes. */
export type FaultCounts = Readonly<Record<FaultKind, number>>;

export interface Fault {
  readonly kind: FaultKind;
  /** Waited before it, after there is work again. */
  readonly delayMs: number;
  /** Chooses whom it meets: any whole number, taken modulo those there are. */
  readonly choice: number;
}

/** Names the seed of a run that is to be had again. */
export const SEED_VARIABLE = 'GAUZE_FAULT_SEED';

/** The seed asked for, or another one each time. */
export function faultSeed(): number {
  const asked = process.env[SEED_VARIABLE];
  return asked === undefined ? randomInt(2 ** 31) : Number(asked);
}

/** The same faults in the same order for the same seed and counts. */
export function faultPlan(seed: number, counts: FaultCounts): readonly Fault[] {
  const random = new Random(seed);
  const kinds = (Object.keys(counts) as FaultKind[]).flatMap((kind) =>
    Array.from({ length: counts[kind] }, () => kind),
  );
  // Fisher-Yates.
  for (let i = kinds.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [kinds[i], kinds[j]] = [kinds[j]!, kinds[i]!];
  }
  return kinds.map((kind) => ({ kind, delayMs: random.int(300), choice: random.int(1_000_000) }));
}
