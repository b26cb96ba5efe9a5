/**
 * Progress of running instances, seen from outside: committed offsets of all lanes at the broker, and what the kernel
 * counts of the processes. Figures of a window are differences of two marks, so start-up stays out where it should.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchSite, GauzeInstance } from './bench-site.ts';

const POLL_MS = 20;
/** Without any progress for so long, nothing more is to be expected. */
const STUCK_MS = 90_000;

/** A moment of a run. */
export interface Mark {
  /** Of performance.now(). */
  readonly atMs: number;
  /** Raw records done: committed offsets of all lanes, over lanes for each partition. */
  readonly records: number;
  /** Of each instance since its start. */
  readonly cpuSeconds: readonly number[];
}

/** What happened between two marks. */
export interface Window {
  readonly seconds: number;
  readonly recordsPerSecond: number;
  readonly cpuMicrosPerRecord: number;
  /** What each instance did of the processor time. */
  readonly shares: readonly number[];
}

/** The first moment at which `target` records or more are committed by all lanes together; throws if an instance ends or gets stuck. */
export async function reached(
  site: BenchSite,
  instances: readonly GauzeInstance[],
  lanes: readonly string[],
  target: number,
): Promise<Mark> {
  let last = { records: -1, atMs: performance.now() };
  for (;;) {
    const records = (await site.committed(lanes)) / lanes.length;
    if (records >= target) return await markNow(instances, records);
    if (records !== last.records) last = { records, atMs: performance.now() };
    else if (performance.now() - last.atMs > STUCK_MS) throw new Error(`stuck at ${records} of ${target}`);
    for (const instance of instances) await instance.assertAlive();
    await sleep(POLL_MS);
  }
}

export async function markNow(instances: readonly GauzeInstance[], records: number): Promise<Mark> {
  const atMs = performance.now();
  const cpuSeconds = await Promise.all(instances.map(async (instance) => await instance.cpuSeconds()));
  return { atMs, records, cpuSeconds };
}

/** What was done from one mark to the other; NaN where nothing was. */
export function between(from: Mark, to: Mark): Window {
  const seconds = (to.atMs - from.atMs) / 1000;
  const records = to.records - from.records;
  const spent = to.cpuSeconds.map((cpu, i) => cpu - (from.cpuSeconds[i] ?? 0));
  const total = spent.reduce((sum, cpu) => sum + cpu, 0);
  return {
    seconds,
    // Both marks at one glance are no window: nothing done is not a rate of nothing.
    recordsPerSecond: records > 0 ? records / seconds : Number.NaN,
    cpuMicrosPerRecord: (total * 1e6) / records,
    shares: spent.map((cpu) => cpu / total),
  };
}
