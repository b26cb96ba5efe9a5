/**
 * One target in a thread of its own, so that one that hangs or eats memory can be seen from outside.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BROKEN_TARGETS } from './broken-targets.ts';
import { runCases } from './target.ts';
import { TARGETS } from './targets.ts';

export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly cases: readonly [number, number];
  /** Two numbers that the outside reads: the case in work, and the cases begun. */
  readonly progress: Int32Array;
}

const { target: name, seed, cases, progress } = workerData as Job;
const target = [...TARGETS, ...BROKEN_TARGETS].find((each) => each.name === name)!;
const seen = new Map<string, number>();
const finding = await runCases(target, seed, cases, seen, (index) => {
  Atomics.store(progress, 0, index);
  Atomics.add(progress, 1, 1);
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort!.postMessage({ finding, seen });
