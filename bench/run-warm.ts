/**
 * One run of gauze over a full topic, of which only the later part counts: what a service costs that is up.
 */
import { BenchSite } from './bench-site.ts';
import type { BenchPolicy } from './end-to-end-policies.ts';
import type { Plane } from './plane.ts';
import { between, reached } from './window.ts';
import type { Window } from './window.ts';

/** Share of the topic that is masked before anything counts. */
export const WARM_UP_SHARE = 0.3;

export interface WarmRun {
  readonly plane: Plane;
  readonly prefix: string;
  /** Full, and as long as `records`. */
  readonly topic: string;
  readonly records: number;
  readonly policies: readonly BenchPolicy[];
}

/** Runs a new instance from the start of the topic to its end, and gives the window after its warm-up. */
export async function runWarm({ plane, prefix, topic, records, policies }: WarmRun): Promise<Window> {
  const site = await BenchSite.make(plane, { prefix, topic, policies });
  try {
    const instance = await site.run();
    const lanes = site.lanes(true);
    const from = await reached(site, [instance], lanes, records * WARM_UP_SHARE);
    const to = await reached(site, [instance], lanes, records);
    return between(from, to);
  } finally {
    await site.close();
  }
}
