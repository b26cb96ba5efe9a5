/**
 * What each masking method costs per leaf, against a leaf that is kept; and whether the cost of a record grows with the
 * schema versions and policies that an instance holds. Every method of the table is in it, by the first of its examples.
 * Arms run in turns in one process; a figure is the median of rounds, with lowest and highest.
 */
import { cpus } from 'node:os';
import { fromExample } from '../policy/example-value.ts';
import { readInstruction } from '../policy/instruction.ts';
import { METHODS } from '../processors/method-table.ts';
import type { MethodExample } from '../processors/method.ts';
import type { Instruction, MethodName } from '../processors/plan.ts';
import { compileTranscoder } from '../processors/transcoder.ts';
import type { Transcoder } from '../processors/transcoder.ts';
import { avscTypes } from '../processors/value-oracle.ts';
import type { AvroLeaf } from '../schemas/avro-schema.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { NOWHERE } from './avsc-masking.ts';
import { planFor } from './plan-for.ts';
import { median } from './table.ts';
import type { BenchTable } from './table.ts';
import { benchKeys } from './transcoder.ts';

const LEAVES = 16;
const RECORD_TIME_MS = Date.UTC(2026, 5, 1);
const out = Buffer.alloc(1 << 20);
/** Microseconds per leaf below which a round takes so many more records. */
const CHEAP = 5;
const CHEAP_TIMES = 50;
const HELD = [1, 10, 50, 200, 1000] as const;

/** One arm: records of LEAVES leaves, masked and kept. */
interface Arm {
  readonly name: string;
  readonly masked: Transcoder;
  readonly kept: Transcoder;
  /** Records for one round: the same few where `isCold` is false, never seen ones where it is true. */
  readonly records: (round: number) => readonly Buffer[];
  readonly times: number[];
  readonly keptTimes: number[];
}

/** Those that remember results: timed with values never seen before too. */
const REMEMBERING: readonly Instruction[] = [
  { method: 'pseudonym', domain: 'mrn' },
  { method: 'encrypt-deterministic', domain: 'mrn' },
  { method: 'format-preserving', domain: 'mrn', alphabet: 'digits', separators: '-' },
];

export async function benchMethods(options: { quick: boolean }): Promise<BenchTable> {
  const rounds = options.quick ? 3 : 11;
  const records = options.quick ? 50 : 400;
  const arms = [
    ...(Object.keys(METHODS) as MethodName[]).map((method) => exampleArm(method)),
    ...REMEMBERING.map((instruction) => coldArm(instruction, records)),
  ];
  for (let round = -2; round < rounds; round += 1) {
    for (const arm of arms) {
      const few = arm.records(round + 2);
      // What remembers nothing is repeated more often the cheaper it is; what is cold can be asked once.
      const isCheap = few.length < records && timePerLeaf(arm.masked, few, 1) < CHEAP;
      const passes = Math.max(1, Math.round(((isCheap ? CHEAP_TIMES : 1) * records) / few.length));
      const kept = timePerLeaf(arm.kept, few, passes);
      const time = timePerLeaf(arm.masked, few, passes);
      if (round < 0) continue;
      arm.times.push(time);
      arm.keptTimes.push(kept);
    }
  }
  return {
    title: 'What a method costs',
    columns: ['method', 'CPU µs per leaf', '(lowest to highest)', 'times a kept leaf'],
    rows: arms.map(({ name, times, keptTimes }) => [
      name,
      median(times).toFixed(3),
      `(${Math.min(...times).toFixed(3)} to ${Math.max(...times).toFixed(3)})`,
      `${(median(times) / median(keptTimes)).toFixed(1)}x`,
    ]),
    notes: [
      `Records of a person and ${LEAVES} leaves of one type, masked from a buffer into a buffer; the time of a record over its leaves, walk and person included.`,
      'Type and value are those of the first example of each method in docs/reference/methods.md; kept: the same records under a plan that keeps everything.',
      'cold: values that were never seen before, so nothing is remembered (pseudonyms of 12 characters, numbers of 9 digits).',
      `${records} records a round, ${CHEAP_TIMES} times as many where a leaf takes less than ${CHEAP} µs; ${rounds} rounds in turns after two to warm up; medians.`,
      `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, one thread.`,
    ],
  };
}

function exampleArm(method: MethodName): Arm {
  const example: MethodExample | undefined = METHODS[method].examples[0];
  const { type, instruction, given } = example ?? {
    type: 'string',
    instruction: { method },
    given: 'one value of a field',
  };
  const leaf = parseAvroSchema(JSON.stringify(type)) as AvroLeaf;
  const value = fromExample(given, leaf);
  const arm = armOf(method, type, readInstruction(instruction) as Instruction);
  const encoded = [0, 1, 2, 3].map((person) => arm.encode(`P-${person}`, () => value));
  return { ...arm, records: () => encoded };
}

function coldArm(instruction: Instruction, count: number): Arm {
  const arm = armOf(`${instruction.method}, cold`, 'string', instruction);
  let serial = 100_000_000;
  let made: { readonly round: number; readonly records: readonly Buffer[] } | null = null;
  const digits = instruction.method === 'format-preserving';
  return {
    ...arm,
    records: (round) => {
      if (made?.round !== round) {
        const next = (): string => `${digits ? '' : 'MRN-'}${(serial += 7)}`;
        made = { round, records: Array.from({ length: count }, () => arm.encode('P-1', next)) };
      }
      return made.records;
    },
  };
}

function armOf(name: string, type: unknown, instruction: Instruction) {
  const fields = Array.from({ length: LEAVES }, (_, i) => `value${i}`);
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'person', type: 'string' },
      ...fields.map((field, i) => ({ name: field, type: i === 0 ? type : again(type) })),
    ],
  };
  const plan = planFor(schema, Object.fromEntries(fields.map((field) => [field, instruction])), ['person']);
  const keepAll = planFor(schema, {}, ['person']);
  const { writer } = avscTypes(keepAll);
  const encode = (person: string, valueOf: () => unknown): Buffer =>
    writer.toBuffer({ person, ...Object.fromEntries(fields.map((field) => [field, valueOf()])) });
  const keys = benchKeys();
  const [masked, kept] = [compileTranscoder(plan, keys), compileTranscoder(keepAll, keys)];
  return { name, masked, kept, encode, times: [] as number[], keptTimes: [] as number[] };
}

/** A named type is defined once, and named after. */
function again(type: unknown): unknown {
  return typeof type === 'object' && type !== null && 'name' in type ? type.name : type;
}

/** Of all threads of the process, collector and compiler included: what others do on the machine hardly shows in it. */
function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Microseconds. */
function timePerLeaf(transcoder: Transcoder, records: readonly Buffer[], passes: number): number {
  const place = { ...NOWHERE };
  const start = cpuMicroseconds();
  for (let pass = 0; pass < passes; pass += 1)
    for (const record of records) {
      place.offset += 1;
      const end = transcoder.mask(record, 0, record.length, out, 0, RECORD_TIME_MS, place);
      if (end <= 0) throw new Error('an arm masked nothing');
    }
  return (cpuMicroseconds() - start) / (records.length * passes * LEAVES);
}

/** Whether a record costs more where more plans are held: schema versions and policies are plans, one for each pair. */
export async function benchPlansHeld(options: { quick: boolean }): Promise<BenchTable> {
  const rounds = options.quick ? 3 : 11;
  const records = options.quick ? 2_000 : 100_000;
  const most = options.quick ? 50 : 1000;
  const held = Array.from({ length: most }, (_, i) => planHeld(i));
  const rows = HELD.filter((count) => count <= most).map((count) => {
    const some = held.slice(0, count);
    // Enough calls of each that all are compiled: code that is seldom called is slower, whatever it does.
    const turns = Math.max(records, count * (options.quick ? 20 : 2_000));
    const [one, all]: [number[], number[]] = [[], []];
    for (let round = -2; round < rounds; round += 1) {
      const times = [timePerRecord(some.slice(0, 1), records), timePerRecord(some, turns)] as const;
      if (round < 0) continue;
      one.push(times[0]);
      all.push(times[1]);
    }
    return [count, ...withRange(one), ...withRange(all)];
  });
  return {
    title: 'What a record costs where more plans are held',
    columns: [
      'plans held',
      'records of one, CPU ns',
      '(lowest to highest)',
      'of all in turn, CPU ns',
      '(lowest to highest)',
    ],
    rows,
    notes: [
      'Each plan is another schema version under another policy, with a transcoder of its own; keys of one audience.',
      'A record of 17 strings, half of them pseudonyms of values seen before. of all in turn: each record is under another plan than the one before, which no topic does to a lane.',
      `${records} records a round, in turn at least 2,000 of each plan; ${rounds} rounds after two to warm up; medians.`,
      `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, one thread.`,
    ],
  };
}

interface PlanHeld {
  readonly transcoder: Transcoder;
  readonly record: Buffer;
}

const heldKeys = benchKeys();

/** Version `i` of a schema: its last field has another name each time, and another half of the fields is masked. */
function planHeld(i: number): PlanHeld {
  const fields = Array.from({ length: LEAVES }, (_, at) =>
    at === LEAVES - 1 ? `value${at}v${i}` : `value${at}`,
  );
  const schema = {
    type: 'record',
    name: 'R',
    fields: ['person', ...fields].map((name) => ({ name, type: 'string' })),
  };
  const masked = fields.filter((_, at) => (at + i) % 2 === 0);
  const instruction: Instruction = { method: 'pseudonym', domain: 'mrn' };
  const plan = planFor(schema, Object.fromEntries(masked.map((name) => [name, instruction])), ['person']);
  const values = fields.map((name, at) => [name, `MRN-0001${at}`]);
  const record = avscTypes(plan).writer.toBuffer({ person: 'P-1', ...Object.fromEntries(values) });
  return { transcoder: compileTranscoder(plan, heldKeys), record };
}

/** Nanoseconds. */
function timePerRecord(plans: readonly PlanHeld[], records: number): number {
  const start = cpuMicroseconds();
  for (let i = 0; i < records; i += 1) {
    const { transcoder, record } = plans[i % plans.length]!;
    if (transcoder.mask(record, 0, record.length, out, 0, RECORD_TIME_MS, NOWHERE) <= 0)
      throw new Error('a plan masked nothing');
  }
  return ((cpuMicroseconds() - start) * 1000) / records;
}

function withRange(times: readonly number[]): [number, string] {
  const round = (time: number): number => Math.round(time);
  return [round(median(times)), `(${round(Math.min(...times))} to ${round(Math.max(...times))})`];
}
