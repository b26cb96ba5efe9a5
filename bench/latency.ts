/**
 * How long a record takes from its append to the raw topic until another client reads it masked, at 10, 50 and 90 % of
 * what the instance can do. The feed keeps its rate whether or not gauze keeps up, so a queue shows as latency.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../platform/clock.ts';
import { BenchSite } from './bench-site.ts';
import type { GauzeInstance } from './bench-site.ts';
import { BENCH_POLICIES } from './end-to-end-policies.ts';
import { figureText, machineNote } from './figures.ts';
import { Plane } from './plane.ts';
import { percentiles } from './percentiles.ts';
import { Probe } from './probe.ts';
import { RawFeed } from './raw-feed.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { between, markNow, reached } from './window.ts';
import type { Mark } from './window.ts';

const TOPIC = 'latency.encounters';
const PARTITIONS = 4;
const PEOPLE = 200_000;
const LEVELS = [10, 50, 90] as const;
const PERCENTILES = [50, 99, 99.9] as const;
/** Lanes that are watched: one partition of each audience, so that the watcher takes little of the machine. */
const WATCHED = [
  { audience: 'research', partition: 0 },
  { audience: 'analytics', partition: 1 },
] as const;

interface Level {
  readonly percent: number;
  readonly offered: number;
  readonly percentiles: readonly number[];
  readonly longestMs: number;
  readonly cpuMicrosPerRecord: number;
  readonly feedBehindMs: number;
}

interface Rig {
  readonly site: BenchSite;
  readonly instance: GauzeInstance;
  readonly feed: RawFeed;
  readonly probe: Probe;
  /** By partition: what was appended, in order. */
  readonly appended: { records: number; atMs: number }[][];
}

export async function benchLatency(options: BenchOptions): Promise<BenchTable> {
  const plane = await Plane.open(await options.stack());
  const feed = await RawFeed.make(plane, { topic: TOPIC, partitions: PARTITIONS, people: PEOPLE });
  const site = await BenchSite.make(plane, { prefix: 'latency', topic: TOPIC, policies: BENCH_POLICIES });
  try {
    const { capacity, taken } = await capacityOf(site, feed, options);
    options.say(`latency: capacity ${Math.round(capacity)} records/s`);
    const levels: Level[] = [];
    for (const percent of LEVELS) {
      const level = await atLevel(plane, { percent, capacity, options });
      options.say(`latency at ${percent} %: ${level.percentiles.join(', ')} ms`);
      levels.push(level);
    }
    return tableOf(levels, capacity, taken, options);
  } finally {
    feed.close();
    await site.close();
    await plane.deleteTopics((topic) => topic === TOPIC);
    await plane.close();
  }
}

/** What the instance masks of a backlog while records come in at eight tenths of what it did without any. */
async function capacityOf(
  site: BenchSite,
  feed: RawFeed,
  { quick }: BenchOptions,
): Promise<{ capacity: number; taken: number }> {
  const backlog = quick ? 200_000 : 2_500_000;
  const perBatch = quick ? 500 : 2_000;
  await feed.fill(backlog, perBatch);
  const instance = await site.run();
  const lanes = site.lanes(true);
  /** So much of the backlog after a mark: of two glances, the later one may find far more done than was waited for. */
  const after = async (mark: Mark, share: number): Promise<Mark> => {
    const target = mark.records + share * backlog;
    if (target > feed.sent) await feed.fill(target - feed.sent, perBatch);
    return await reached(site, [instance], lanes, target);
  };
  const warm = await reached(site, [instance], lanes, backlog * 0.2);
  const alone = await after(warm, 0.2);
  const stop = new AbortController();
  const feeding = feed.atRate(between(warm, alone).recordsPerSecond * 0.8, stop.signal, () => {});
  // Awaited at the end; until then its failure must not end the whole run.
  feeding.catch(() => undefined);
  try {
    const from = await after(alone, 0.1);
    const to = await after(from, 0.4);
    return { capacity: between(from, to).recordsPerSecond, taken: to.records - from.records };
  } finally {
    stop.abort();
    await feeding;
    await instance.end();
  }
}

/** One level on a topic of its own: records are matched by count, from the first on. */
async function atLevel(
  plane: Plane,
  { percent, capacity, options }: { percent: number; capacity: number; options: BenchOptions },
): Promise<Level> {
  const topic = `latency${percent}.encounters`;
  const feed = await RawFeed.make(plane, { topic, partitions: PARTITIONS, people: PEOPLE });
  const site = await BenchSite.make(plane, {
    prefix: `latency${percent}`,
    topic,
    policies: BENCH_POLICIES,
  });
  const watched = WATCHED.map(({ audience, partition }) => ({ topic: site.sanitized(audience), partition }));
  const probe = await Probe.start(plane.stack, watched);
  try {
    const appended = Array.from({ length: PARTITIONS }, () => []);
    const rig: Rig = { site, feed, probe, appended, instance: await site.run() };
    // Compiled and with caches filled before anything counts.
    await feedAt(rig, capacity / 2, options.quick ? 1_000 : 8_000);
    return { percent, ...(await measure(rig, (capacity * percent) / 100, options.quick ? 2_000 : 20_000)) };
  } finally {
    await probe.end();
    feed.close();
    await site.close();
    await plane.deleteTopics((name) => name === topic);
  }
}

/** Feeds for a time, and waits until all of it was seen; resolves to how far the feed was behind its clock. */
async function feedAt(
  { feed, probe, appended, instance }: Rig,
  rate: number,
  forMs: number,
): Promise<number> {
  const stop = AbortSignal.timeout(forMs);
  const behindMs = await feed.atRate(rate, stop, ({ partition, records, appendedMs }) => {
    appended[partition]!.push({ records, atMs: appendedMs });
  });
  const fed = (partition: number): number =>
    appended[partition]!.reduce((sum, { records }) => sum + records, 0);
  while (WATCHED.some(({ partition }, index) => probe.records[index]! < fed(partition))) {
    await instance.assertAlive();
    await sleep(20);
  }
  return behindMs;
}

async function measure(rig: Rig, rate: number, forMs: number): Promise<Omit<Level, 'percent'>> {
  const before = await markNow([rig.instance], rig.feed.sent);
  const fromMs = nowMs();
  const feedBehindMs = await feedAt(rig, rate, forMs);
  const after = await markNow([rig.instance], rig.feed.sent);
  const latencies = WATCHED.flatMap(({ partition }, index) =>
    rig.probe.latencies(index, rig.appended[partition]!, fromMs, Number.POSITIVE_INFINITY),
  );
  return {
    offered: ((after.records - before.records) * 1000) / forMs,
    percentiles: percentiles(latencies, PERCENTILES),
    longestMs: latencies.reduce((most, { ms }) => Math.max(most, ms), 0),
    cpuMicrosPerRecord: between(before, after).cpuMicrosPerRecord,
    feedBehindMs,
  };
}

function tableOf(
  levels: readonly Level[],
  capacity: number,
  taken: number,
  { quick }: BenchOptions,
): BenchTable {
  return {
    title: 'Latency: from append to the raw topic until visible masked',
    columns: [
      'load',
      'records/s',
      ...PERCENTILES.map((percent) => `p${percent} ms`),
      'longest ms',
      'CPU us/record',
    ],
    rows: levels.map((level) => [
      `${level.percent} %`,
      Math.round(level.offered),
      ...level.percentiles,
      level.longestMs,
      figureText(level.cpuMicrosPerRecord, 2),
    ]),
    notes: [
      `100 % is ${Math.round(capacity)} records/s: what one instance masked of a backlog (${Math.round(taken)} records) for both audiences and the index while records came in at eight tenths of its rate alone.`,
      `From the broker's append time of the raw record until Kafka's own consumer, reading committed, was handed the masked one: partition 0 of research and 1 of analytics, all their records, for ${quick ? 2 : 20} s after a time to warm up.`,
      `The feed keeps its rate whatever gauze does; it was behind its clock by ${Math.round(Math.max(...levels.map(({ feedBehindMs }) => feedBehindMs)))} ms at most. Batches of about 10 ms, ${PARTITIONS} partitions. Broker, feed, gauze and consumer share the cores.`,
      machineNote(),
    ],
    plots: [
      {
        name: 'latency',
        title: 'Latency by load',
        kind: 'bars',
        x: 'share of capacity',
        y: 'ms',
        isLog: true,
        series: PERCENTILES.map((percent, i) => ({
          name: `p${percent}`,
          points: levels.map((level) => ({ x: `${level.percent} %`, y: level.percentiles[i]! })),
        })),
      },
    ],
  };
}
