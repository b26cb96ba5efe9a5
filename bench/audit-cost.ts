/**
 * What the audit and the index of persons cost the topology: an instance with everything beside one with a null audit
 * writer, and beside one without the index, each pair at work at once.
 */
import { BENCH_POLICIES } from './end-to-end-policies.ts';
import { figureText, machineNote, ratioText, wholeFigure } from './figures.ts';
import { Plane } from './plane.ts';
import { RawFeed } from './raw-feed.ts';
import { WARM_UP_SHARE } from './run-warm.ts';
import { runSideBySide } from './side-by-side.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { median } from './table.ts';
import type { Window } from './window.ts';

const TOPIC = 'cost.encounters';
const PARTITIONS = 4;
const PARTS = ['audit', 'index'] as const;
type Part = (typeof PARTS)[number];

interface Pair {
  readonly everything: Window;
  readonly without: Window;
}

export async function benchAuditCost(options: BenchOptions): Promise<BenchTable> {
  const { quick } = options;
  const rounds = options.rounds ?? (quick ? 1 : 10);
  const plane = await Plane.open(await options.stack());
  const feed = await RawFeed.make(plane, { topic: TOPIC, partitions: PARTITIONS, people: 200_000 });
  const pairs: Record<Part, Pair[]> = { audit: [], index: [] };
  try {
    await feed.fill(quick ? 100_000 : 2_000_000);
    for (let round = 0; round < rounds; round++) {
      for (const part of PARTS) pairs[part].push(await runPair(plane, part, round, feed.sent));
      options.say(`audit-cost: pair ${round + 1} of ${rounds}`);
    }
    return tableOf(pairs, feed.sent);
  } finally {
    feed.close();
    await plane.deleteTopics((topic) => topic === TOPIC);
    await plane.close();
  }
}

/** Who is started first changes. */
async function runPair(plane: Plane, part: Part, round: number, records: number): Promise<Pair> {
  const run = { plane, prefix: `${part}${round}`, topic: TOPIC, records, policies: BENCH_POLICIES };
  if (round % 2 === 0) {
    const [everything, without] = await runSideBySide(run, [null, part]);
    return { everything: everything!, without: without! };
  }
  const [without, everything] = await runSideBySide(run, [part, null]);
  return { everything: everything!, without: without! };
}

function tableOf(pairs: Record<Part, readonly Pair[]>, records: number): BenchTable {
  const rate = ({ recordsPerSecond }: Window): number => recordsPerSecond;
  const cpu = ({ cpuMicrosPerRecord }: Window): number => cpuMicrosPerRecord;
  const row = (part: Part): (string | number)[] => {
    const some = pairs[part];
    const ratios = (figure: (window: Window) => number): string =>
      ratioText(
        some.map(({ everything, without }) => figure(everything) / figure(without)),
        3,
      );
    return [
      part,
      wholeFigure(median(some.map(({ everything }) => rate(everything)))),
      wholeFigure(median(some.map(({ without }) => rate(without)))),
      ratios(rate),
      figureText(median(some.map(({ everything }) => cpu(everything))), 2),
      figureText(median(some.map(({ without }) => cpu(without))), 2),
      ratios(cpu),
    ];
  };
  return {
    title: 'What audit and index cost',
    columns: [
      'part',
      'records/s with it',
      'without it',
      'with it over without',
      'CPU us/record with it',
      'without it',
      'with it over without',
    ],
    rows: PARTS.map(row),
    notes: [
      `Two instances at work at once over ${records} records in ${PARTITIONS} partitions, one with everything and one without the part, so that both have the same seconds of the machine; who is started first changes. From when both have masked ${WARM_UP_SHARE * 100} % until one is through.`,
      `Two audiences, exactly once; ${pairs.audit.length} pairs for each part. Medians; ratios are medians of pairs (lowest to highest). Alone on the machine an instance masks more.`,
      'Without audit: a null writer in the place of events, chains and signatures of lanes; positions are committed all the same. Without index: no lane for it. Both exist in bench/ alone.',
      machineNote(),
    ],
  };
}
