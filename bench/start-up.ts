/**
 * How long a new process takes until another client reads the first record that it has masked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../platform/clock.ts';
import { BenchSite } from './bench-site.ts';
import { BENCH_POLICIES } from './end-to-end-policies.ts';
import { machineNote, spreadText } from './figures.ts';
import { Plane } from './plane.ts';
import { Probe } from './probe.ts';
import { RawFeed } from './raw-feed.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { median } from './table.ts';

const TOPIC = 'start.encounters';
const PARTITIONS = 4;
/** Waiting for each start. */
const RECORDS = 400;

interface Start {
  readonly milliseconds: number;
  readonly cpuSeconds: number;
}

export async function benchStartUp(options: BenchOptions): Promise<BenchTable> {
  const starts: Start[] = [];
  const plane = await Plane.open(await options.stack());
  const feed = await RawFeed.make(plane, { topic: TOPIC, partitions: PARTITIONS, people: 1_000 });
  const site = await BenchSite.make(plane, { prefix: 'start', topic: TOPIC, policies: BENCH_POLICIES });
  const watched = BENCH_POLICIES.flatMap(({ audience }) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: site.sanitized(audience), partition })),
  );
  const probe = await Probe.start(plane.stack, watched);
  try {
    for (let round = 0; round < (options.quick ? 1 : 7); round++) {
      await feed.fill(RECORDS, RECORDS / PARTITIONS);
      starts.push(await startOnce(site, probe, feed.sent * BENCH_POLICIES.length));
    }
  } finally {
    await probe.end();
    feed.close();
    await site.close();
    await plane.deleteTopics((topic) => topic === TOPIC);
    await plane.close();
  }
  const times = starts.map(({ milliseconds }) => milliseconds);
  const cpu = starts.map(({ cpuSeconds }) => cpuSeconds);
  return {
    title: 'Start-up: from the start of the process until the first masked record is visible',
    columns: ['starts', 'ms', '(lowest to highest)', 'CPU s', '(lowest to highest)'],
    rows: [
      [
        starts.length,
        Math.round(median(times)),
        spreadText(times, 0),
        median(cpu).toFixed(2),
        spreadText(cpu, 2),
      ],
    ],
    notes: [
      `gauze run with TypeScript as it is, ${RECORDS} records waiting in ${PARTITIONS} partitions, two audiences and the index; seen by Kafka's own consumer, reading committed. The first start opens lanes that never ran, the others go on.`,
      'CPU: user and system time of the process until all records waiting were visible.',
      machineNote(),
    ],
  };
}

async function startOnce(site: BenchSite, probe: Probe, records: number): Promise<Start> {
  const startedMs = nowMs();
  const instance = await site.run();
  while (probe.records.reduce((sum, count) => sum + count, 0) < records) {
    await instance.assertAlive();
    await sleep(10);
  }
  const cpuSeconds = await instance.cpuSeconds();
  await instance.end();
  return { milliseconds: probe.firstSince(startedMs)! - startedMs, cpuSeconds };
}
