/**
 * What a record costs by how many people there are: the caches of pseudonyms and date shifts have a stated size, so
 * with more people more lookups miss, and a miss has a price, which is measured beside it.
 */
import { cpus } from 'node:os';
import { readFileSync } from 'node:fs';
import avsc from 'avsc';
import { compileTranscoder } from '../processors/transcoder.ts';
import type { Transcoder } from '../processors/transcoder.ts';
import type { Instruction } from '../processors/plan.ts';
import { NOWHERE } from './avsc-masking.ts';
import { encounters } from './encounters.ts';
import { spreadText } from './figures.ts';
import { planFor } from './plan-for.ts';
import type { BenchOptions, BenchTable } from './table.ts';
import { median } from './table.ts';
import { benchKeys } from './transcoder.ts';

const SCHEMA = JSON.parse(readFileSync(new URL('./encounter.avsc', import.meta.url), 'utf8')) as object;
const RECORD_TIME_MS = Date.UTC(2026, 5, 1);
const SHIFT: Instruction = { method: 'date-shift', maxDays: 182 };
const INSTRUCTIONS: Readonly<Record<string, Instruction>> = {
  mrn: { method: 'pseudonym', domain: 'mrn' },
  birthDate: SHIFT,
  deathDate: SHIFT,
  admittedAt: SHIFT,
  dischargedAt: SHIFT,
};
/** Looked up by person in each record: the pseudonym and the shift. */
const LOOKUPS = 2;
const PERSON = 'MRN-';
const DIGITS = 9;
const PEOPLE = [10_000, 100_000, 1_000_000, 10_000_000] as const;
/** All of them are in the caches. */
const FEW = 1_000;
const TEMPLATES = 500;

interface Made {
  readonly bytes: Buffer;
  readonly digitsAt: number;
}

export function benchPeople(options: BenchOptions): BenchTable {
  const maskings = options.quick ? 20_000 : 1_000_000;
  const rounds = options.quick ? 1 : 5;
  const records = templates();
  const transcoder = compileTranscoder(planFor(SCHEMA, INSTRUCTIONS, ['mrn']), benchKeys());
  const arms = [
    { name: `${FEW}, all seen before`, next: among(FEW) },
    ...PEOPLE.map((people) => ({ name: String(people), next: among(people) })),
    { name: 'nobody seen before', next: unseen() },
  ];
  const times = arms.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, { next }] of arms.entries()) {
      // Those who are remembered from the arm before are not of this one.
      timePerRecord(transcoder, records, Math.min(maskings, 200_000), next);
      const time = timePerRecord(transcoder, records, maskings, next);
      if (round >= 0) times[i]!.push(time);
    }
  }
  const none = median(times[0]!);
  const all = median(times.at(-1)!);
  return {
    title: 'What a record costs by how many people there are',
    columns: ['people', 'CPU ns/record', '(lowest to highest)', 'more than where all are known, ns'],
    rows: arms.map(({ name }, i) => [
      name,
      Math.round(median(times[i]!)),
      spreadText(times[i]!, 0),
      Math.round(median(times[i]!) - none),
    ]),
    notes: [
      `The price of a miss: ${Math.round((all - none) / LOOKUPS)} ns; each record has ${LOOKUPS} lookups by person, a pseudonym and a date shift.`,
      `Transcoder alone, records of 32 fields, each about one of the people, all equally often, which real ones are not; ${maskings} records a round, ${rounds} rounds in turns after one to warm up; medians of the processor time of the process.`,
      `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, one thread.`,
    ],
    plots: [
      {
        name: 'people',
        title: 'CPU of a record by people',
        kind: 'lines',
        x: 'people',
        y: 'CPU ns/record',
        isLogX: true,
        series: [
          {
            name: 'CPU',
            points: PEOPLE.map((people, i) => ({
              x: people,
              y: median(times[i + 1]!),
              low: Math.min(...times[i + 1]!),
              high: Math.max(...times[i + 1]!),
            })),
          },
        ],
      },
    ],
  };
}

function templates(): readonly Made[] {
  const type = avsc.Type.forSchema(SCHEMA as avsc.Schema);
  return encounters(0, TEMPLATES).map((encounter) => {
    const bytes = type.toBuffer(encounter);
    return { bytes, digitsAt: bytes.indexOf(PERSON) + PERSON.length };
  });
}

/** People in no order, each as often as the others, and the same ones in each run. */
function among(people: number): () => number {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * people);
  };
}

function unseen(): () => number {
  let next = 100_000_000;
  return () => next++;
}

const out = Buffer.alloc(64 * 1024);

/** Nanoseconds. */
function timePerRecord(
  transcoder: Transcoder,
  records: readonly Made[],
  maskings: number,
  next: () => number,
): number {
  const before = process.cpuUsage();
  for (let i = 0; i < maskings; i++) {
    const { bytes, digitsAt } = records[i % records.length]!;
    let rest = next();
    for (let at = digitsAt + DIGITS - 1; at >= digitsAt; at--) {
      bytes[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    if (transcoder.mask(bytes, 0, bytes.length, out, 0, RECORD_TIME_MS, NOWHERE) <= 0)
      throw new Error('a record was masked to nothing');
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / maskings;
}
