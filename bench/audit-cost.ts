/**
 * What the audit and the index of persons cost the topology: everything, with a null audit writer, and without the
 * index, in turns, so that a slower hour of the machine hits all of them.
 */
import { BENCH_POLICIES } from './end-to-end-policies.ts';
import { figureText, machineNote, ratioText, wholeFigure } from './figures.ts';
import { Plane } from './plane.ts';
import { RawFeed } from './raw-feed.ts';
import { WARM_UP_SHARE, runWarm } from './run-warm.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { median } from './table.ts';
import type { Window } from './window.ts';

const TOPIC = 'cost.encounters';
const PARTITIONS = 4;
const ARMS = ['everything', 'without audit', 'without index'] as const;
type Arm = (typeof ARMS)[number];

export async function benchAuditCost(options: BenchOptions): Promise<BenchTable> {
  const { quick } = options;
  // What is looked for is smaller than what runs differ by.
  const rounds = options.rounds ?? (quick ? 1 : 9);
  const plane = await Plane.open(await options.stack());
  const feed = await RawFeed.make(plane, { topic: TOPIC, partitions: PARTITIONS, people: 200_000 });
  const runs: Record<Arm, Window>[] = [];
  try {
    await feed.fill(quick ? 100_000 : 2_000_000);
    for (let round = 0; round < rounds; round++) {
      const windows = new Map<Arm, Window>();
      for (let turn = 0; turn < ARMS.length; turn++) {
        const arm = ARMS[(round + turn) % ARMS.length]!;
        windows.set(arm, await runArm(plane, arm, `cost${round}${turn}`, feed.sent));
      }
      runs.push(Object.fromEntries(windows) as Record<Arm, Window>);
      options.say(`audit-cost: pair ${round + 1} of ${rounds}`);
    }
    return tableOf(runs, feed.sent);
  } finally {
    feed.close();
    await plane.deleteTopics((topic) => topic === TOPIC);
    await plane.close();
  }
}

async function runArm(plane: Plane, arm: Arm, prefix: string, records: number): Promise<Window> {
  const base = { plane, prefix, topic: TOPIC, records, policies: BENCH_POLICIES };
  if (arm === 'everything') return await runWarm(base);
  return await runWarm({ ...base, without: arm === 'without audit' ? 'audit' : 'index' });
}

function tableOf(runs: readonly Record<Arm, Window>[], records: number): BenchTable {
  const rate = ({ recordsPerSecond }: Window): number => recordsPerSecond;
  const cpu = ({ cpuMicrosPerRecord }: Window): number => cpuMicrosPerRecord;
  const ratios = (arm: Arm, figure: (window: Window) => number): string =>
    ratioText(
      runs.map((run) => figure(run.everything) / figure(run[arm])),
      3,
    );
  return {
    title: 'What audit and index cost',
    columns: [
      'arm',
      'records/s',
      'CPU us/record',
      'everything over it, records/s',
      'everything over it, CPU',
    ],
    rows: ARMS.map((arm) => [
      arm,
      wholeFigure(median(runs.map((run) => rate(run[arm])))),
      figureText(median(runs.map((run) => cpu(run[arm]))), 2),
      ...(arm === 'everything' ? ['1', '1'] : [ratios(arm, rate), ratios(arm, cpu)]),
    ]),
    notes: [
      `Two audiences, exactly once; ${runs.length} rounds over ${records} records in ${PARTITIONS} partitions, arms in turns; the first ${WARM_UP_SHARE * 100} % of each run warm it up and do not count. Ratios are medians of pairs (lowest to highest).`,
      'Without audit: a null writer in the place of events, chains and signatures of lanes; positions are committed all the same. Without index: no lane for it. Both exist in bench/ alone.',
      machineNote(),
    ],
  };
}
