/**
 * What each further audience costs: one, two, four and eight audiences of the same policy over the same records.
 */
import { BENCH_POLICIES } from './end-to-end-policies.ts';
import type { BenchPolicy } from './end-to-end-policies.ts';
import { figureText, machineNote, ratioText, spreadText, wholeFigure } from './figures.ts';
import { Plane } from './plane.ts';
import { RawFeed } from './raw-feed.ts';
import { WARM_UP_SHARE, runWarm } from './run-warm.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { median } from './table.ts';
import type { Window } from './window.ts';

const TOPIC = 'audiences.encounters';
const PARTITIONS = 4;
const COUNTS = [1, 2, 4, 8] as const;

export async function benchAudiences(options: BenchOptions): Promise<BenchTable> {
  const { quick } = options;
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const counts = quick ? COUNTS.slice(0, 2) : COUNTS;
  const plane = await Plane.open(await options.stack());
  const feed = await RawFeed.make(plane, { topic: TOPIC, partitions: PARTITIONS, people: 200_000 });
  const runs = counts.map((): Window[] => []);
  try {
    await feed.fill(quick ? 100_000 : 1_000_000);
    for (let round = 0; round < rounds; round++) {
      for (const [i, count] of counts.entries()) {
        const policies = policiesFor(count);
        const prefix = `audiences${count}x${round}`;
        runs[i]!.push(await runWarm({ plane, prefix, topic: TOPIC, records: feed.sent, policies }));
      }
      options.say(`audiences: round ${round + 1} of ${rounds}`);
    }
    return tableOf(counts, runs, feed.sent);
  } finally {
    feed.close();
    await plane.deleteTopics((topic) => topic === TOPIC);
    await plane.close();
  }
}

/** The research policy, for audiences of other names with readers and keys of their own. */
function policiesFor(count: number): readonly BenchPolicy[] {
  const { text } = BENCH_POLICIES.find(({ audience }) => audience === 'research')!;
  return Array.from({ length: count }, (_, i) => {
    const audience = `study${i + 1}`;
    const named = text.replace('audience: research', `audience: ${audience}`);
    return { audience, text: named.replace('User:research-app', `User:${audience}-app`) };
  });
}

function tableOf(
  counts: readonly number[],
  runs: readonly (readonly Window[])[],
  records: number,
): BenchTable {
  const cpu = ({ cpuMicrosPerRecord }: Window): number => cpuMicrosPerRecord;
  const time = ({ recordsPerSecond }: Window): number => 1e6 / recordsPerSecond;
  /** What each audience after the first adds, over what the first one takes. */
  const further = (i: number, figure: (window: Window) => number): string => {
    if (i === 0) return '';
    return ratioText(
      runs[i]!.map((run, round) => {
        const first = figure(runs[0]![round]!);
        return (figure(run) - first) / (counts[i]! - 1) / first;
      }),
    );
  };
  return {
    title: 'What each further audience costs',
    columns: [
      'audiences',
      'records/s',
      '(lowest to highest)',
      'CPU us/record',
      '(lowest to highest)',
      'each further to the first, CPU',
      'each further to the first, time',
    ],
    rows: counts.map((count, i) => [
      count,
      wholeFigure(median(runs[i]!.map(({ recordsPerSecond }) => recordsPerSecond))),
      spreadText(
        runs[i]!.map(({ recordsPerSecond }) => recordsPerSecond),
        0,
      ),
      figureText(median(runs[i]!.map(cpu)), 2),
      spreadText(runs[i]!.map(cpu), 2),
      further(i, cpu),
      further(i, time),
    ]),
    notes: [
      `The research policy for each; raw records, each of which comes out once for each audience; the index of persons, which all share, counts to the first. ${runs[0]!.length} rounds over ${records} records in ${PARTITIONS} partitions; the first ${WARM_UP_SHARE * 100} % of each run do not count. Medians; ratios by round.`,
      machineNote(),
    ],
    plots: [
      {
        name: 'audiences',
        title: 'CPU of a raw record by audiences',
        kind: 'lines',
        x: 'audiences',
        y: 'CPU µs/record',
        series: [
          {
            name: 'CPU',
            points: counts.map((count, i) => ({
              x: count,
              y: median(runs[i]!.map(cpu)),
              low: Math.min(...runs[i]!.map(cpu)),
              high: Math.max(...runs[i]!.map(cpu)),
            })),
          },
        ],
      },
    ],
  };
}
