/**
 * How much faster the transcoder masks a record than decoding, masking the values and encoding with avsc.
 * Both arms give the same bytes (checked before anything is timed), run in turns in one process, and report medians.
 * It must never time an arm that does less work than the other.
 */
import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import avsc from 'avsc';
import type { Type } from 'avsc';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { RootAudienceKeys } from '../keys/root-audience-keys.ts';
import { monotonicMs } from '../platform/clock.ts';
import { compileTranscoder } from '../processors/transcoder.ts';
import type { Instruction } from '../processors/plan.ts';
import { NOWHERE, compileFieldMaskers, compileMethodMaskers } from './avsc-masking.ts';
import type { FieldMasker } from './avsc-masking.ts';
import { encounters } from './encounters.ts';
import { planFor } from './plan-for.ts';
import { median, renderTable } from './table.ts';
import type { BenchTable } from './table.ts';

const SCHEMA = JSON.parse(readFileSync(new URL('./encounter.avsc', import.meta.url), 'utf8')) as object;
const RECORD_TIME_MS = Date.UTC(2026, 5, 1);

const WITHOUT_KEYS: Readonly<Record<string, Instruction>> = {
  encounterId: { method: 'redact' },
  mrn: { method: 'redact' },
  ssn: { method: 'drop' },
  familyName: { method: 'drop' },
  givenName: { method: 'drop' },
  birthDate: { method: 'date-truncate', unit: 'year', over89: 'cap' },
  deathDate: { method: 'date-truncate', unit: 'year', over89: 'cap' },
  phone: { method: 'redact' },
  email: { method: 'redact' },
  street: { method: 'drop' },
  city: { method: 'drop' },
  zip: { method: 'zip3' },
  practitionerName: { method: 'drop' },
  practitionerNpi: { method: 'redact' },
  admittedAt: { method: 'date-truncate', unit: 'year', over89: 'cap' },
  dischargedAt: { method: 'date-truncate', unit: 'year', over89: 'cap' },
  ageYears: { method: 'age-cap', over: 89 },
  insuranceMemberId: { method: 'redact' },
  notes: { method: 'redact' },
};

const FOUR_PSEUDONYMS: Readonly<Record<string, Instruction>> = {
  ...WITHOUT_KEYS,
  encounterId: { method: 'pseudonym', domain: 'encounter' },
  mrn: { method: 'pseudonym', domain: 'mrn' },
  practitionerNpi: { method: 'pseudonym', domain: 'npi' },
  insuranceMemberId: { method: 'pseudonym', domain: 'member' },
};

const WITH_SHIFTS: Readonly<Record<string, Instruction>> = {
  ...FOUR_PSEUDONYMS,
  birthDate: { method: 'date-shift', maxDays: 182 },
  deathDate: { method: 'date-shift', maxDays: 182 },
  admittedAt: { method: 'date-shift', maxDays: 182 },
  dischargedAt: { method: 'date-shift', maxDays: 182 },
};

interface Workload {
  readonly name: string;
  readonly instructions: Readonly<Record<string, Instruction>>;
  /** Whether every identifier was seen before. */
  readonly warm: boolean;
}

const WORKLOADS: readonly Workload[] = [
  { name: 'no keyed method', instructions: WITHOUT_KEYS, warm: true },
  { name: 'four pseudonyms, warm', instructions: FOUR_PSEUDONYMS, warm: true },
  { name: 'four pseudonyms, cold', instructions: FOUR_PSEUDONYMS, warm: false },
  { name: 'four pseudonyms and shifted dates, warm', instructions: WITH_SHIFTS, warm: true },
  { name: 'four pseudonyms and shifted dates, cold', instructions: WITH_SHIFTS, warm: false },
];

/** Persons that come again and again in the warm workloads. */
const WARM_RECORDS = 1_000;
const ARMS = ['transcoder', 'byHand', 'byMethods'] as const;
type ArmName = (typeof ARMS)[number];

/** Times all workloads. `quick` takes few records, for a look and for tests of the bench itself. */
export async function benchTranscoder(options: { quick: boolean }): Promise<BenchTable> {
  const maskings = options.quick ? 4_000 : 20_000;
  const rounds = options.quick ? 7 : 15;
  const writer = avsc.Type.forSchema(SCHEMA as avsc.Schema);
  const rows = WORKLOADS.map((workload) => measure(workload, writer, maskings, rounds));
  return {
    title: 'Masking one record of 32 fields: transcoder against avsc',
    columns: [
      'plan',
      'transcoder ns',
      'avsc by hand ns',
      'ratio',
      '(lowest to highest)',
      'avsc by methods ns',
      'ratio',
      '(lowest to highest)',
    ],
    rows,
    notes: [
      'transcoder: mask() from a buffer of many records into a reused buffer.',
      'avsc by hand: fromBuffer on a slice made before, masked fields set one by one by functions written for speed, encode of the derived type into a reused buffer; unions bare, longs as numbers.',
      'avsc by methods: the same with the functions on values of the method table (maskValue).',
      `All use the same keyed hash. Warm: ${WARM_RECORDS} records come again and again, so every identifier is in a cache (avsc: a Map from text to text). Cold: no identifier was seen before; avsc goes without a cache, the transcoder looks in its own in vain and fills it.`,
      `${maskings} maskings a round, ${rounds} rounds in turns after three to warm up; figures are medians per record, ratios medians over rounds.`,
      `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}, one thread.`,
    ],
  };
}

/** Records as they lie in a batch, and each as a slice of its own. */
interface Records {
  readonly batch: Buffer;
  readonly starts: readonly number[];
  readonly slices: readonly Buffer[];
}

function recordsOf(writer: Type, first: number, count: number): Records {
  const encoded = encounters(first, count).map((encounter) => writer.toBuffer(encounter));
  const starts: number[] = [];
  let position = 0;
  for (const { length } of encoded) {
    starts.push(position);
    position += length;
  }
  const batch = Buffer.concat(encoded);
  return {
    batch,
    starts,
    slices: starts.map((start, i) => batch.subarray(start, start + encoded[i]!.length)),
  };
}

function measure(workload: Workload, writer: Type, maskings: number, rounds: number): (string | number)[] {
  const passes = workload.warm ? maskings / WARM_RECORDS : 1;
  const count = maskings / passes;
  let records = recordsOf(writer, 0, count);
  const times: Record<ArmName, number[]> = { transcoder: [], byHand: [], byMethods: [] };
  const arms = makeArms(writer, workload);
  assertSameBytes(arms, records);
  for (let round = -3; round < rounds; round += 1) {
    if (!workload.warm) records = recordsOf(writer, (round + 4) * count, count);
    for (let turn = 0; turn < ARMS.length; turn += 1) {
      // Who goes first changes, so that none always meets another's garbage.
      const name = ARMS[(turn + round + 3) % ARMS.length]!;
      const time = timePerRecord(arms[name], records, passes);
      if (round >= 0) times[name].push(time);
    }
  }
  return [
    workload.name,
    Math.round(median(times.transcoder)),
    ...against(times.byHand, times.transcoder),
    ...against(times.byMethods, times.transcoder),
  ];
}

function against(others: readonly number[], own: readonly number[]): (string | number)[] {
  const ratios = others.map((time, i) => time / own[i]!);
  const range = `(${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})`;
  return [Math.round(median(others)), `${median(ratios).toFixed(1)}x`, range];
}

/** Masks record `i`; returns how long the masked record is. */
type Arm = (records: Records, i: number, out: Buffer) => number;

function makeArms(writer: Type, { instructions, warm }: Workload): Record<ArmName, Arm> {
  const plan = planFor(SCHEMA, instructions, ['mrn']);
  const derived = avsc.Type.forSchema(JSON.parse(plan.derivedSchema) as avsc.Schema);
  const keys = benchKeys();
  const transcoder = compileTranscoder(plan, keys);
  const withAvsc = (maskers: readonly FieldMasker[]): Arm => {
    return ({ slices }, i, out) => {
      const value = writer.fromBuffer(slices[i]!) as Record<string, unknown>;
      const person = value['mrn'] as string;
      for (const masker of maskers) masker(value, person, RECORD_TIME_MS);
      return derived.encode(value, out, 0);
    };
  };
  return {
    transcoder: ({ batch, starts }, i, out) =>
      transcoder.mask(batch, starts[i]!, starts[i + 1] ?? batch.length, out, 0, RECORD_TIME_MS, NOWHERE),
    byHand: withAvsc(compileFieldMaskers(SCHEMA, instructions, keys, warm)),
    byMethods: withAvsc(compileMethodMaskers(SCHEMA, instructions, keys, warm)),
  };
}

const OUT_BYTES = 64 * 1024;

function assertSameBytes(arms: Readonly<Record<ArmName, Arm>>, records: Records): void {
  const [own, ...others] = ARMS.map((name) => ({ mask: arms[name], out: Buffer.alloc(OUT_BYTES) }));
  for (let i = 0; i < records.slices.length; i += 1) {
    const end = own!.mask(records, i, own!.out);
    for (const { mask, out } of others) {
      const same = mask(records, i, out) === end && out.compare(own!.out, 0, end, 0, end) === 0;
      if (!same) throw new Error('the arms do not give the same bytes');
    }
  }
}

const out = Buffer.alloc(OUT_BYTES);

function timePerRecord(arm: Arm, records: Records, passes: number): number {
  const count = records.slices.length;
  let total = 0;
  const start = monotonicMs();
  for (let pass = 0; pass < passes; pass += 1) {
    for (let i = 0; i < count; i += 1) total += arm(records, i, out);
  }
  const elapsedMs = monotonicMs() - start;
  if (total <= 0) throw new Error('an arm masked nothing');
  return (elapsedMs * 1e6) / (count * passes);
}

/** Keys made of a fixed root: figures, not secrets. */
export function benchKeys(): AudienceKeys {
  return new RootAudienceKeys('bench', 1, createSecretKey(Buffer.alloc(32, 1)));
}

if (import.meta.main) {
  process.stdout.write(renderTable(await benchTranscoder({ quick: process.argv.includes('--quick') })));
}
