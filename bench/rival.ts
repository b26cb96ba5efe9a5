/**
 * gauze against Kafka Streams on the workload "encounter-30": the same records of the same topic for the same two
 * audiences, exactly once, in turns A B A B. gauze has its audit and its index of persons on, which the rival lacks.
 */
import avsc from 'avsc';
import { BenchSite } from './bench-site.ts';
import { BENCH_POLICIES, taggedSchema } from './end-to-end-policies.ts';
import { figureText, machineNote, ratioText, wholeFigure } from './figures.ts';
import { Peer, peerMissing } from './peer.ts';
import type { PeerPass } from './peer.ts';
import { Plane } from './plane.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { median } from './table.ts';
import { between, reached } from './window.ts';

const TOPIC = 'raw-encounters';
const OUTPUTS = ['san-research', 'san-analytics'];
const PARTITIONS = 4;
/** The rival's generator writes it before each record. */
const SCHEMA_ID = 1;

/** One arm of one pair. `cpu` of the cold one counts from the start of the process. */
interface Arm {
  readonly coldRate: number;
  readonly coldCpu: number;
  readonly warmRate: number;
  readonly warmCpu: number;
}

interface Pair {
  readonly gauze: Arm;
  readonly rival: Arm;
}

/** Pairs at one thread, then at two. */
export async function benchRival(options: BenchOptions): Promise<BenchTable> {
  const missing = peerMissing(options.peer);
  if (missing !== null) return tableOf([], [missing]);
  const records = options.quick ? 50_000 : 1_000_000;
  const stack = await options.stack();
  const plane = await Plane.open(stack);
  const peer = await Peer.make(stack, options.peer);
  try {
    await prepare(plane, peer, 2 * records);
    const runs: { threads: number; pairs: Pair[] }[] = [];
    for (const threads of options.quick ? [1] : [1, 2]) {
      const pairs: Pair[] = [];
      const rounds = options.rounds ?? (options.quick ? 1 : 5);
      for (let round = 0; round < rounds; round++) {
        // Whoever comes second finds a broker that is busy with what the first has left.
        const pair = await runPair(plane, peer, { records, threads, round, passes: options.quick ? 2 : 3 });
        pairs.push(pair);
        options.say(pairText(threads, pair));
      }
      runs.push({ threads, pairs });
    }
    return tableOf(
      runs.flatMap(({ threads, pairs }) => rowsOf(threads, pairs)),
      notes(records, options.quick),
    );
  } finally {
    await peer.close();
    await plane.deleteTopics((topic) => [TOPIC, ...OUTPUTS].includes(topic));
    await plane.close();
  }
}

/** The full raw topic, under the schema id that the generator writes. */
async function prepare(plane: Plane, peer: Peer, records: number): Promise<void> {
  await plane.createTopic(TOPIC, PARTITIONS);
  const own = avsc.Type.forSchema(JSON.parse(taggedSchema()) as avsc.Schema);
  const theirs = avsc.Type.forSchema(JSON.parse(await peer.schema()) as avsc.Schema);
  // Names of types do not lie in the bytes.
  const shape = (type: avsc.Type): string =>
    JSON.stringify(type.schema()).replaceAll(/"[\w.]+\.(\w+)"/g, '"$1"');
  if (shape(own) !== shape(theirs)) throw new Error('the rival writes records of another schema');
  const id = await plane.registry.register(`${TOPIC}-value`, taggedSchema());
  if (id !== SCHEMA_ID) throw new Error(`the registry has other schemas already: id ${id}, not ${SCHEMA_ID}`);
  await peer.generate(records);
  const end = await plane.endOf(TOPIC);
  if (end !== records) throw new Error(`the rival wrote ${end} records, not ${records}`);
}

interface PairOptions {
  readonly records: number;
  readonly threads: number;
  readonly round: number;
  readonly passes: number;
}

async function runPair(plane: Plane, peer: Peer, options: PairOptions): Promise<Pair> {
  if (options.round % 2 === 0) {
    const gauze = await runGauze(plane, options);
    return { gauze, rival: await runRival(plane, peer, options) };
  }
  const rival = await runRival(plane, peer, options);
  return { gauze: await runGauze(plane, options), rival };
}

async function runRival(plane: Plane, peer: Peer, options: PairOptions): Promise<Arm> {
  for (const topic of OUTPUTS) await plane.createTopic(topic, PARTITIONS);
  try {
    const [cold, ...warm] = await peer.streams(options);
    const middle = (figure: (pass: PeerPass) => number): number => median(warm.map((pass) => figure(pass)));
    return {
      coldRate: cold!.recordsPerSecond,
      coldCpu: cold!.cpuSinceStartMicrosPerRecord,
      warmRate: middle(({ recordsPerSecond }) => recordsPerSecond),
      warmCpu: middle(({ cpuMicrosPerRecord }) => cpuMicrosPerRecord),
    };
  } finally {
    await plane.deleteTopics((topic) => OUTPUTS.includes(topic));
  }
}

/** The first half of the topic cold, the second warm; as many processes as the rival has threads. */
async function runGauze(plane: Plane, { records, threads, round }: PairOptions): Promise<Arm> {
  const site = await BenchSite.make(plane, {
    prefix: `rival${threads}x${round}`,
    topic: TOPIC,
    policies: BENCH_POLICIES,
  });
  try {
    const instances = [];
    for (let i = 0; i < threads; i++) instances.push(await site.run());
    const lanes = site.lanes(true);
    const first = await reached(site, instances, lanes, 1);
    const half = await reached(site, instances, lanes, records);
    const end = await reached(site, instances, lanes, 2 * records);
    const [cold, warm] = [between(first, half), between(half, end)];
    if (warm.shares.some((share) => share < 0.2 / threads))
      throw new Error('one of the processes had no share');
    return {
      coldRate: cold.recordsPerSecond,
      coldCpu: (sum(half.cpuSeconds) * 1e6) / half.records,
      warmRate: warm.recordsPerSecond,
      warmCpu: warm.cpuMicrosPerRecord,
    };
  } finally {
    await site.close();
  }
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}

function pairText(threads: number, { gauze, rival }: Pair): string {
  const one = ({ coldRate, coldCpu, warmRate, warmCpu }: Arm): string =>
    `warm ${Math.round(warmRate)}/s ${warmCpu.toFixed(2)} us, cold ${Math.round(coldRate)}/s ${coldCpu.toFixed(2)} us`;
  const rate = (gauze.warmRate / rival.warmRate).toFixed(2);
  const cpu = (gauze.warmCpu / rival.warmCpu).toFixed(2);
  return `rival, ${threads} thread(s): gauze ${one(gauze)}; rival ${one(rival)}; warm ${rate}x records/s, ${cpu}x CPU`;
}

function rowsOf(threads: number, pairs: readonly Pair[]): (string | number)[][] {
  const kinds = [
    ['warm', ({ warmRate }: Arm) => warmRate, ({ warmCpu }: Arm) => warmCpu],
    ['cold', ({ coldRate }: Arm) => coldRate, ({ coldCpu }: Arm) => coldCpu],
  ] as const;
  return kinds.map(([kind, rate, cpu]) => {
    const middle = (arm: 'gauze' | 'rival', figure: (arm: Arm) => number): number =>
      median(pairs.map((pair) => figure(pair[arm])));
    const ratios = (figure: (arm: Arm) => number): string =>
      ratioText(pairs.map(({ gauze, rival }) => figure(gauze) / figure(rival)));
    return [
      threads,
      kind,
      wholeFigure(middle('gauze', rate)),
      wholeFigure(middle('rival', rate)),
      ratios(rate),
      figureText(middle('gauze', cpu), 2),
      figureText(middle('rival', cpu), 2),
      ratios(cpu),
    ];
  });
}

function notes(records: number, quick: boolean): readonly string[] {
  return [
    `Topic of ${2 * records} records (30 fields, 368 bytes, 200,000 people) in ${PARTITIONS} partitions, full before anybody starts; pairs in turns, who goes first changes; medians, ratios of pairs with their lowest and highest.`,
    `Kafka Streams: the first ${records} it comes to, ${quick ? 2 : 3} passes in one JVM, the first cold, the others warm; from its first record seen to its last processed, by its own clock. One process of as many threads.`,
    `gauze: cold are the first ${records} of a new process, warm the next ${records} of the same one; from the first commit seen to the last, of both audiences and the index of persons, audit on. As many processes of one thread.`,
    'CPU: user and system time of the processes; cold from their start on, warm that of the records counted.',
    machineNote(),
  ];
}

function tableOf(rows: BenchTable['rows'], said: readonly string[]): BenchTable {
  return {
    title: 'End to end against Kafka Streams (encounter-30)',
    columns: [
      'threads',
      'state',
      'gauze records/s',
      'Kafka Streams records/s',
      'ratio',
      'gauze CPU us/record',
      'Kafka Streams CPU us/record',
      'ratio',
    ],
    rows,
    notes: said,
  };
}
