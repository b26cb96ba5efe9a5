/**
 * One run of gauze over a full topic, of which only the later part counts: what a service costs that is up.
 */
import { topicNames } from '../schemas/topic-names.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import { BenchSite } from './bench-site.ts';
import type { BenchPolicy } from './end-to-end-policies.ts';
import type { Plane } from './plane.ts';
import { between, reached } from './window.ts';
import type { Window } from './window.ts';

/** Share of the topic that is masked before anything counts. */
export const WARM_UP_SHARE = 0.3;

/** An instance gives few signs of life in the time of a run; its lanes write several events each. */
const LEAST_EVENTS = 20;

export interface WarmRun {
  readonly plane: Plane;
  readonly prefix: string;
  /** Full, and as long as `records`. */
  readonly topic: string;
  readonly records: number;
  readonly policies: readonly BenchPolicy[];
  /** Both on by default. */
  readonly without?: 'audit' | 'index';
}

/** Runs a new instance from the start of the topic to its end, and gives the window after its warm-up. */
export async function runWarm({
  plane,
  prefix,
  topic,
  records,
  policies,
  without,
}: WarmRun): Promise<Window> {
  const site = await BenchSite.make(plane, { prefix, topic, policies });
  try {
    const names = topicNames(site.options.prefix);
    const eventsBefore = await plane.endOf(names.auditEvents);
    const imports = without === undefined ? [] : [new URL(`without-${without}.ts`, import.meta.url)];
    const instance = await site.run(imports);
    const lanes = site.lanes(without !== 'index');
    const from = await reached(site, [instance], lanes, records * WARM_UP_SHARE);
    const to = await reached(site, [instance], lanes, records);
    const events = (await plane.endOf(names.auditEvents)) - eventsBefore;
    const indexed = await site.committed([INDEX_AUDIENCE]);
    // A switch that does nothing would make both arms the same without a word.
    const isAudited = events > LEAST_EVENTS;
    const isAsAsked = isAudited === (without !== 'audit') && indexed > 0 === (without !== 'index');
    if (!isAsAsked) throw new Error(`without ${without ?? 'nothing'}: ${events} events, ${indexed} indexed`);
    return between(from, to);
  } finally {
    await site.close();
  }
}
