/**
 * An hour's backlog: how long one instance takes to catch up while new records come in at the same rate as before, and
 * what memory it holds on the way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchSite } from './bench-site.ts';
import { BENCH_POLICIES } from './end-to-end-policies.ts';
import { figureText, machineNote } from './figures.ts';
import { Plane } from './plane.ts';
import { RawFeed } from './raw-feed.ts';
import type { BenchOptions, BenchTable } from './table.ts';

const TOPIC = 'backlog.encounters';
const PARTITIONS = 4;
const PEOPLE = 200_000;
/** Caught up: no more than this much of the feed is still to do. */
const CAUGHT_UP_SECONDS = 1;
const POLL_MS = 100;

interface Sample {
  readonly records: number;
  readonly seconds: number;
  readonly residentMiB: number;
  readonly cpuSeconds: number;
}

export async function benchBacklog(options: BenchOptions): Promise<BenchTable> {
  const backlog = options.quick ? 100_000 : 10_000_000;
  const rate = backlog / 3_600;
  const plane = await Plane.open(await options.stack());
  const feed = await RawFeed.make(plane, { topic: TOPIC, partitions: PARTITIONS, people: PEOPLE });
  const site = await BenchSite.make(plane, { prefix: 'backlog', topic: TOPIC, policies: BENCH_POLICIES });
  const stop = new AbortController();
  try {
    await feed.fill(backlog, options.quick ? 500 : 2_000);
    options.say(`backlog: ${feed.sent} records wait`);
    const feeding = feed.atRate(rate, stop.signal, () => {});
    // Awaited at the end; until then its failure must not end the whole run.
    feeding.catch(() => undefined);
    const samples = await catchUp(site, feed, rate);
    stop.abort();
    await feeding;
    return tableOf(samples, rate, backlog);
  } finally {
    stop.abort();
    feed.close();
    await site.close();
    await plane.deleteTopics((topic) => topic === TOPIC);
    await plane.close();
  }
}

async function catchUp(site: BenchSite, feed: RawFeed, rate: number): Promise<readonly Sample[]> {
  const lanes = site.lanes(true);
  const instance = await site.run();
  const samples: Sample[] = [];
  for (;;) {
    const records = (await site.committed(lanes)) / lanes.length;
    const seconds = (performance.now() - instance.startedMs) / 1000;
    const { residentMiB } = await instance.memory();
    const cpuSeconds = await instance.cpuSeconds();
    if (records > 0) samples.push({ records, seconds, residentMiB, cpuSeconds });
    if (records >= feed.sent - CAUGHT_UP_SECONDS * Math.max(rate, 1)) return samples;
    await instance.assertAlive();
    await sleep(POLL_MS);
  }
}

function tableOf(samples: readonly Sample[], rate: number, backlog: number): BenchTable {
  /** The samples around a share of the backlog: memory goes up and down with the collector. */
  const around = (share: number): { lowest: number; highest: number; cpu: number } => {
    const at = samples.findIndex(({ records }) => records >= share * backlog);
    const some = samples.slice(Math.max(0, at - 5), at + 6);
    const resident = some.map(({ residentMiB }) => residentMiB);
    const [first, last] = [some[0]!, some.at(-1)!];
    return {
      lowest: Math.min(...resident),
      highest: Math.max(...resident),
      cpu: ((last.cpuSeconds - first.cpuSeconds) * 1e6) / (last.records - first.records),
    };
  };
  const end = samples.at(-1)!;
  const shares = [0.1, 0.25, 0.5, 0.75, 0.95];
  return {
    title: "An hour's backlog: time to catch up, and memory on the way",
    columns: ['records done', 'after s', 'resident MiB', 'CPU us/record there'],
    rows: [
      ...shares.map((share) => {
        const { lowest, highest, cpu } = around(share);
        const after = samples.find(({ records }) => records >= share * backlog)!.seconds.toFixed(1);
        return [Math.round(share * backlog), after, `${lowest} to ${highest}`, figureText(cpu, 2)];
      }),
      [
        `caught up (${Math.round(end.records)})`,
        end.seconds.toFixed(1),
        `${end.residentMiB}`,
        ((end.cpuSeconds * 1e6) / end.records).toFixed(2),
      ],
    ],
    notes: [
      `${backlog} records wait, an hour of ${Math.round(rate)} records/s, and come in at that rate all the while; ${PEOPLE} people, ${PARTITIONS} partitions, two audiences and the index; one instance, new, start-up included. Caught up: less than a second of the feed is to be done by all lanes. One run.`,
      'Resident memory: lowest and highest of the samples of about a second around. CPU in the last row: of the whole run.',
      machineNote(),
    ],
    plots: [
      {
        name: 'memory',
        title: 'Resident memory by records masked',
        kind: 'lines',
        x: 'million records',
        y: 'MiB',
        series: [{ name: 'resident', points: thinned(samples, backlog) }],
      },
    ],
  };
}

/** About a hundred points of all samples. */
function thinned(samples: readonly Sample[], backlog: number): { x: number; y: number }[] {
  const step = backlog / 100;
  const points: { x: number; y: number }[] = [];
  let next = 0;
  for (const { records, residentMiB } of samples) {
    if (records < next) continue;
    points.push({ x: records / 1e6, y: residentMiB });
    next = records + step;
  }
  return points;
}
