/**
 * Two instances at work at once over the same full topic, one of them without a part of gauze: both have the same
 * machine in the same seconds, so what differs between them is that part. Runs one after the other differ by more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '../schemas/topic-names.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import { BenchSite } from './bench-site.ts';
import type { GauzeInstance } from './bench-site.ts';
import type { BenchPolicy } from './end-to-end-policies.ts';
import type { Plane } from './plane.ts';
import { WARM_UP_SHARE } from './run-warm.ts';
import { between, markNow } from './window.ts';
import type { Mark, Window } from './window.ts';

const POLL_MS = 50;
/** An instance gives few signs of life in the time of a run; each of its twelve lanes writes an event before it begins. */
const LEAST_EVENTS = 12;

/** What an instance goes without; null where it goes without nothing. */
export type Without = 'audit' | 'index' | null;

export interface SideBySide {
  readonly plane: Plane;
  readonly prefix: string;
  /** Full, and as long as `records`. */
  readonly topic: string;
  readonly records: number;
  readonly policies: readonly BenchPolicy[];
}

interface Side {
  readonly without: Without;
  readonly site: BenchSite;
  readonly instance: GauzeInstance;
}

/**
 * Runs new instances, the first of `withouts` started first, and gives the window of each from when both were warm until
 * one was through. Throws if an instance ends, or if what it should go without is there.
 */
export async function runSideBySide(
  { plane, prefix, topic, records, policies }: SideBySide,
  withouts: readonly Without[],
): Promise<readonly Window[]> {
  const sites: BenchSite[] = [];
  try {
    for (const [i] of withouts.entries())
      sites.push(await BenchSite.make(plane, { prefix: `${prefix}-${i}`, topic, policies }));
    const eventsBefore = await Promise.all(sites.map(async (site) => await eventsOf(plane, site)));
    const sides: Side[] = [];
    for (const [i, without] of withouts.entries()) {
      const imports = without === null ? [] : [new URL(`without-${without}.ts`, import.meta.url)];
      sides.push({ without, site: sites[i]!, instance: await sites[i]!.run(imports) });
    }
    const from = await marksWhen(sides, (marks) =>
      marks.every((mark) => mark.records >= records * WARM_UP_SHARE),
    );
    const to = await marksWhen(sides, (marks) => marks.some((mark) => mark.records >= records));
    for (const [i, side] of sides.entries()) await assertWithout(plane, side, eventsBefore[i]!);
    return from.map((mark, i) => between(mark, to[i]!));
  } finally {
    for (const site of sites) await site.close();
  }
}

async function marksWhen(
  sides: readonly Side[],
  isReached: (marks: readonly Mark[]) => boolean,
): Promise<readonly Mark[]> {
  for (;;) {
    const marks = await Promise.all(sides.map(markOf));
    if (isReached(marks)) return marks;
    for (const { instance } of sides) await instance.assertAlive();
    await sleep(POLL_MS);
  }
}

async function markOf({ site, instance, without }: Side): Promise<Mark> {
  const lanes = site.lanes(without !== 'index');
  return await markNow([instance], (await site.committed(lanes)) / lanes.length);
}

/** A switch that does nothing would make both the same without a word. */
async function assertWithout(plane: Plane, { site, without }: Side, eventsBefore: number): Promise<void> {
  const events = (await eventsOf(plane, site)) - eventsBefore;
  const indexed = await site.committed([INDEX_AUDIENCE]);
  const isAudited = events > LEAST_EVENTS;
  if (isAudited === (without !== 'audit') && indexed > 0 === (without !== 'index')) return;
  throw new Error(`without ${without ?? 'nothing'}: ${events} events, ${indexed} indexed`);
}

async function eventsOf(plane: Plane, site: BenchSite): Promise<number> {
  return await plane.endOf(topicNames(site.options.prefix).auditEvents);
}
