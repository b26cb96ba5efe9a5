/**
 * Instances that come, go, die and come back under steady load, and how long each partition's sanitized records were
 * not to be seen meanwhile: of those that moved to another process, and of those that stayed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { SteadyFeed } from './steady-feed.ts';
import { TestSite } from './test-site.ts';
import type { RunningInstance } from './test-site.ts';
import { VisibleGaps } from './visible-gaps.ts';

const TOPIC = 'clinical.patients';
const AUDIENCE = 'research';
const EVERY_MS = 50;
/** Steady load before each change, so that what comes before it does not count. */
const BEFORE_MS = 1_500;

/** What one change did to the partitions: the longest pause of each, in milliseconds. */
export interface Change {
  /** Their lanes were started anew, wherever. */
  readonly moved: readonly number[];
  readonly stayed: readonly number[];
}

export class PauseRun {
  readonly site: TestSite;
  readonly partitions: number;
  private readonly feed: SteadyFeed;
  private readonly gaps: VisibleGaps;
  private instances: RunningInstance[] = [];

  private constructor(site: TestSite, partitions: number, feed: SteadyFeed, gaps: VisibleGaps) {
    this.site = site;
    this.partitions = partitions;
    this.feed = feed;
    this.gaps = gaps;
  }

  /** `config`: lines added to that of the site. */
  static async start(partitions: number, config = ''): Promise<PauseRun> {
    const site = await TestSite.make({ topics: [TOPIC], partitions, config });
    const feed = await SteadyFeed.start(site, { topic: TOPIC, partitions, everyMs: EVERY_MS });
    await site.apply();
    const gaps = await VisibleGaps.start(site.sanitized(TOPIC, AUDIENCE), partitions);
    return new PauseRun(site, partitions, feed, gaps);
  }

  /** Starts an instance, named or not, with whatever else `gauze run` takes. */
  add(...args: readonly string[]): RunningInstance {
    const instance = this.site.run('topology', [], args);
    this.instances.push(instance);
    return instance;
  }

  /** Ends an instance; whoever is left is to share its partitions, unless it is started again. */
  async end(instance: RunningInstance, signal: NodeJS.Signals): Promise<void> {
    this.instances = this.instances.filter((other) => other !== instance);
    await instance.end(signal);
  }

  /** The change, until all partitions are shared evenly again and each shows new records. */
  async during(change: () => Promise<void> | void): Promise<Change> {
    await pause(BEFORE_MS);
    const fromMs = performance.now();
    const before = this.started();
    await change();
    await this.shared();
    const sharedMs = performance.now();
    await until(() => this.gaps.allSince(sharedMs));
    const longest = this.gaps.longest(fromMs);
    const after = this.started();
    const moved = (_: number, partition: number): boolean => after[partition]! > before[partition]!;
    return {
      moved: longest.filter(moved),
      stayed: longest.filter((ms, partition) => !moved(ms, partition)),
    };
  }

  /** Waits until the instances that run share all partitions as evenly as can be, and their lanes show something. */
  async shared(): Promise<void> {
    await until(() => {
      const counts = this.instances.map((instance) => assigned(instance).at(-1) ?? 0);
      const sum = counts.reduce((all, count) => all + count, 0);
      return sum === this.partitions && Math.max(...counts) - Math.min(...counts) <= 1;
    });
    const nowMs = performance.now();
    await until(() => this.gaps.allSince(nowMs));
  }

  /** No more load, and everything that was sent has been masked. */
  async finish(): Promise<Awaited<ReturnType<TestSite['caughtUp']>>> {
    await this.feed.stop();
    return await this.site.caughtUp();
  }

  async close(): Promise<void> {
    await this.feed.stop();
    await this.gaps.close();
    await this.site.close();
  }

  /** How often a lane of the audience was started on each partition, by anybody. */
  private started(): readonly number[] {
    const counts = Array.from({ length: this.partitions }, () => 0);
    for (const line of this.site.logLines(/"msg":"lane started"/)) {
      const { audience, partition } = JSON.parse(line) as { audience: string; partition: number };
      if (audience === AUDIENCE) counts[partition]! += 1;
    }
    return counts;
  }
}

/** Numbers of partitions that an instance was given, one for each assignment. */
export function assigned({ log }: RunningInstance): readonly number[] {
  return [...log.matchAll(/"count":(\d+),"msg":"partitions assigned"/g)].map((match) => Number(match[1]));
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 90_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come to that');
    await pause(10);
  }
}
