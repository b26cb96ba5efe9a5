/**
 * date-truncate: the first day of the year or month at 00:00 UTC. With `over89: cap` no result tells an age over 89.
 *
 * Why the cap holds (45 CFR 164.514(b)(2)(i)(C)): let A be the year of the as-of day. Whoever is 90 or older on
 * that day was born in the year A - 90 or before. All those years become A - 90, day 1 of month 1, for both units:
 * one category that reads "90 or older", holding also those born in A - 90 who turn 90 later that year. A year
 * from A - 89 on tells an age of 89 at most, also by month. It must never tell a day, and never read a clock.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import { intAt, longAt, writeInt, writeLong } from '../avro-bytes.ts';
import { firstDayOfMonth, firstDayOfYear, yearOfDay } from '../civil-date.ts';
import { ticksPerDay } from '../date-unit.ts';
import { FAULT_RANGE } from '../fault.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import type { Instruction } from '../plan.ts';

/** Years from the as-of year back to the category "90 or older". */
const CATEGORY_YEARS = 90;
const INT_MIN = -0x80000000;

type Truncation = Extract<Instruction, { method: 'date-truncate' }>;

export const DATE_TRUNCATE: MaskingMethod<'date-truncate'> = {
  name: 'date-truncate',
  promise: 'Only the year (or month) is left; a year that tells an age over 89 is the year of "90 or older".',
  parameters: z.strictObject({
    unit: z.enum(['year', 'month']).default('year'),
    over89: z.enum(['cap', 'keep']).default('cap'),
  }),
  oneToOne: false,
  keepsJoins: true,
  reversible: 'no',
  strictness: 40,
  rows: [
    { type: 'int (date)', comesOut: 'the first day of the unit', derivedSchema: 'the type as it is' },
    {
      type: 'long (timestamp-millis, timestamp-micros, local-timestamp-millis, local-timestamp-micros)',
      comesOut: 'the first day of the unit, 00:00 UTC',
      derivedSchema: 'the type as it is',
    },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    {
      type: { type: 'int', logicalType: 'date' },
      instruction: { method: 'date-truncate' },
      given: '1984-07-19',
      gives: '1984-01-01',
    },
  ],
  isAsStrict: (a, b) =>
    (a.unit === 'year' || b.unit === 'month') && (a.over89 === 'cap' || b.over89 === 'keep'),
  needsPerson: false,
  accepts: (leaf) => ticksPerDay(leaf) !== null,

  maskValue(value, leaf, { unit, over89 }, { asOfDay }) {
    const dayTicks = BigInt(ticksPerDay(leaf)!);
    const ticks = BigInt(value as number | bigint);
    if (!Number.isSafeInteger(Number(ticks))) throw new GauzeError('ERR_MASK_RANGE');
    const { year, month } = calendar(floorDivide(ticks, dayTicks));
    const oldest = calendar(BigInt(asOfDay)).year - CATEGORY_YEARS;
    const capped = over89 === 'cap' && year <= oldest;
    const first = capped ? dayOf(oldest, 0) : dayOf(year, unit === 'year' ? 0 : month);
    const truncated = first * dayTicks;
    if (leaf.kind === 'int') {
      if (truncated < INT_MIN) throw new GauzeError('ERR_MASK_RANGE');
      return Number(truncated);
    }
    if (truncated < Number.MIN_SAFE_INTEGER) throw new GauzeError('ERR_MASK_RANGE');
    return truncated;
  },

  compile(leaf, instruction) {
    return leaf.kind === 'int' ? dateMasker(instruction) : timeMasker(instruction, ticksPerDay(leaf)!);
  },
};

// ---- on values: by the platform's calendar, moved into its range by whole cycles of 400 years

const CYCLE_DAYS = 146_097n;
const DAY_MILLIS = 86_400_000;

function floorDivide(value: bigint, divisor: bigint): bigint {
  const rest = ((value % divisor) + divisor) % divisor;
  return (value - rest) / divisor;
}

function calendar(day: bigint): { year: number; month: number } {
  const cycles = floorDivide(day, CYCLE_DAYS);
  const date = new Date(Number(day - cycles * CYCLE_DAYS) * DAY_MILLIS);
  return { year: date.getUTCFullYear() + Number(cycles) * 400, month: date.getUTCMonth() };
}

function dayOf(year: number, month: number): bigint {
  const cycles = Math.floor((year - 2000) / 400);
  return BigInt(Date.UTC(year - cycles * 400, month, 1) / DAY_MILLIS) + BigInt(cycles) * CYCLE_DAYS;
}

// ---- on bytes: integers only

/** The first day that stands for `day`. */
function truncateDay(day: number, { unit, over89 }: Truncation, asOfYear: number): number {
  const year = yearOfDay(day);
  const oldest = asOfYear - CATEGORY_YEARS;
  if (over89 === 'cap' && year <= oldest) return firstDayOfYear(oldest);
  return unit === 'year' ? firstDayOfYear(year) : firstDayOfMonth(day, year);
}

function dateMasker(instruction: Truncation): LeafMasker {
  return (input, start, _end, out, at, state) => {
    const first = truncateDay(intAt(input, start), instruction, state.asOfYear);
    return first < INT_MIN ? FAULT_RANGE : writeInt(out, at, first);
  };
}

function timeMasker(instruction: Truncation, dayTicks: number): LeafMasker {
  return (input, start, end, out, at, state) => {
    longAt(input, start, end, state);
    if (!state.exact) return FAULT_RANGE;
    const day = Math.floor(state.value / dayTicks);
    const first = truncateDay(day, instruction, state.asOfYear) * dayTicks;
    return Number.isSafeInteger(first) ? writeLong(out, at, first) : FAULT_RANGE;
  };
}
