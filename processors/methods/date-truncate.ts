/**
 * date-truncate: the first day of the year, quarter or month at 00:00 UTC; of a text, its first parts. With
 * `over89: cap` no result tells an age over 89.
 *
 * Why the cap holds (45 CFR 164.514(b)(2)(i)(C)): let A be the year of the as-of day. Whoever is 90 or older on
 * that day was born in the year A - 90 or before. All those years become A - 90, day 1 of month 1, for all units:
 * one category that reads "90 or older", holding also those born in A - 90 who turn 90 later that year. A year
 * from A - 89 on tells an age of 89 at most, also by month. It must never tell a day, and never read a clock.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { bigLongAt, intAt, longAt, writeBigLong, writeInt, writeLong } from '../avro-bytes.ts';
import {
  firstDayOfMonth,
  firstDayOfQuarter,
  firstDayOfYear,
  firstOfMonth,
  yearOfDay,
} from '../civil-date.ts';
import { DateText, datePartBytes, parsedDate, writeDatePart } from '../date-text.ts';
import { isDateText, isNanos, ticksPerDay } from '../date-unit.ts';
import { FAULT_DATE_TEXT, FAULT_RANGE } from '../fault.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import type { Instruction } from '../plan.ts';

/** Years from the as-of year back to the category "90 or older". */
const CATEGORY_YEARS = 90;
/** A plain number outside is no year of somebody's life: perhaps a day, or digits of a whole date. */
const [YEAR_MIN, YEAR_MAX] = [1800, 2200];
const INT_MIN = -0x80000000;
const UNITS = ['year', 'quarter', 'month'] as const;

type Truncation = Extract<Instruction, { method: 'date-truncate' }>;

export const DATE_TRUNCATE: MaskingMethod<'date-truncate'> = {
  name: 'date-truncate',
  promise:
    'Only the year (quarter, month) is left; a year that tells an age over 89 is the year of "90 or older".',
  parameters: z.strictObject({
    unit: z.enum(UNITS).default('year'),
    over89: z.enum(['cap', 'keep']).default('cap'),
    numbers: z.enum(['year']).optional(),
  }),
  oneToOne: false,
  keepsJoins: true,
  reversible: 'no',
  strictness: 40,
  rows: [
    { type: 'int (date)', comesOut: 'the first day of the unit', derivedSchema: 'the type as it is' },
    {
      type: 'long (timestamp and local-timestamp, -millis, -micros, -nanos)',
      comesOut: 'the first day of the unit, 00:00 UTC',
      derivedSchema: 'the type as it is',
    },
    {
      type: 'string',
      comesOut:
        'of an ISO 8601 or HL7 v2 date the year, or year and first month of the unit (`2026-04`, `202604`); empty text stays; any other text withholds',
      derivedSchema: 'the type as it is',
    },
    {
      type: 'int, long, with `numbers: year`',
      comesOut: `the year; a number below ${YEAR_MIN} or above ${YEAR_MAX} withholds`,
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
    {
      type: { type: 'int', logicalType: 'date' },
      instruction: { method: 'date-truncate', unit: 'quarter' },
      given: '1984-07-19',
      gives: '1984-07-01',
    },
    {
      type: 'string',
      instruction: { method: 'date-truncate', unit: 'month' },
      given: '1984-07-19T10:15:00Z',
      gives: '1984-07',
    },
    { type: 'string', instruction: { method: 'date-truncate' }, given: '19840719', gives: '1984' },
    { type: 'int', instruction: { method: 'date-truncate', numbers: 'year' }, given: 1984, gives: 1984 },
  ],
  isAsStrict: (a, b) =>
    UNITS.indexOf(a.unit) <= UNITS.indexOf(b.unit) &&
    (a.over89 === 'cap' || b.over89 === 'keep') &&
    // What the other one refuses, it holds.
    (a.numbers === undefined || b.numbers === 'year'),
  needsPerson: false,
  accepts: (leaf, instruction) =>
    ticksPerDay(leaf) !== null ||
    isDateText(leaf) ||
    (isPlain(leaf) && (instruction === undefined || instruction.numbers === 'year')),

  maskValue(value, leaf, instruction, { asOfDay }) {
    const oldest = calendar(BigInt(asOfDay)).year - CATEGORY_YEARS;
    if (typeof value === 'string') return truncatedText(value, instruction, oldest);
    return isPlain(leaf)
      ? truncatedYear(value as number | bigint, leaf, instruction, oldest)
      : truncatedTime(BigInt(value as number | bigint), leaf, instruction, oldest);
  },

  compile(leaf, instruction) {
    if (isDateText(leaf)) return textMasker(instruction);
    if (isPlain(leaf)) return yearMasker(leaf, instruction);
    if (isNanos(leaf)) return nanosMasker(instruction, BigInt(ticksPerDay(leaf)!));
    return leaf.kind === 'int' ? dateMasker(instruction) : timeMasker(instruction, ticksPerDay(leaf)!);
  },
};

function isPlain(leaf: AvroLeaf): boolean {
  return (leaf.kind === 'int' || leaf.kind === 'long') && leaf.logical === null;
}

// ---- on values: by the platform's calendar, moved into its range by whole cycles of 400 years

const CYCLE_DAYS = 146_097n;
const DAY_MILLIS = 86_400_000;

function truncatedTime(
  ticks: bigint,
  leaf: AvroLeaf,
  { unit, over89 }: Truncation,
  oldest: number,
): number | bigint {
  const dayTicks = BigInt(ticksPerDay(leaf)!);
  const isWide = isNanos(leaf);
  if (!isWide && !Number.isSafeInteger(Number(ticks))) throw new GauzeError('ERR_MASK_RANGE');
  const { year, month } = calendar(floorDivide(ticks, dayTicks));
  const isCapped = over89 === 'cap' && year <= oldest;
  const first = isCapped ? dayOf(oldest, 0) : dayOf(year, firstMonth(month, unit));
  const truncated = first * dayTicks;
  if (leaf.kind === 'int') {
    if (truncated < INT_MIN) throw new GauzeError('ERR_MASK_RANGE');
    return Number(truncated);
  }
  const fits = isWide ? truncated === BigInt.asIntN(64, truncated) : truncated >= Number.MIN_SAFE_INTEGER;
  if (!fits) throw new GauzeError('ERR_MASK_RANGE');
  return truncated;
}

function truncatedYear(
  value: number | bigint,
  leaf: AvroLeaf,
  { over89 }: Truncation,
  oldest: number,
): number | bigint {
  const year = Number(value);
  if (year < YEAR_MIN || year > YEAR_MAX) throw new GauzeError('ERR_MASK_RANGE');
  const told = over89 === 'cap' ? Math.max(year, oldest) : year;
  return leaf.kind === 'int' ? told : BigInt(told);
}

function truncatedText(text: string, { unit, over89 }: Truncation, oldest: number): string {
  if (text === '') return text;
  const date = parsedDate(text);
  if (!date) throw new GauzeError('ERR_MASK_DATE_TEXT');
  const { year, month, dash } = date;
  if (over89 === 'cap' && Number(year) <= oldest) return String(oldest).padStart(4, '0');
  if (unit === 'year' || month === undefined) return year;
  return year + dash + String(firstMonth(Number(month) - 1, unit) + 1).padStart(2, '0');
}

/** From 0. */
function firstMonth(month: number, unit: Truncation['unit']): number {
  if (unit === 'year') return 0;
  return unit === 'month' ? month : month - (month % 3);
}

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
  if (unit === 'year') return firstDayOfYear(year);
  return unit === 'month' ? firstDayOfMonth(day, year) : firstDayOfQuarter(day, year);
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

/** Nanoseconds of our days are beyond what a double holds: these allocate. */
function nanosMasker(instruction: Truncation, dayTicks: bigint): LeafMasker {
  return (input, start, _end, out, at, state) => {
    const day = Number(floorDivide(bigLongAt(input, start), dayTicks));
    const first = BigInt(truncateDay(day, instruction, state.asOfYear)) * dayTicks;
    return first === BigInt.asIntN(64, first) ? writeBigLong(out, at, first) : FAULT_RANGE;
  };
}

function yearMasker(leaf: AvroLeaf, { over89 }: Truncation): LeafMasker {
  const isInt = leaf.kind === 'int';
  return (input, start, end, out, at, state) => {
    if (!isInt) longAt(input, start, end, state);
    const year = isInt ? intAt(input, start) : state.value;
    if (year < YEAR_MIN || year > YEAR_MAX) return FAULT_RANGE;
    return writeInt(out, at, over89 === 'cap' ? Math.max(year, state.asOfYear - CATEGORY_YEARS) : year);
  };
}

function textMasker({ unit, over89 }: Truncation): LeafMasker {
  const date = new DateText();
  return (input, start, end, out, at, state) => {
    if (start === end) return writeInt(out, at, 0);
    if (!date.read(input, start, end)) return FAULT_DATE_TEXT;
    const oldest = state.asOfYear - CATEGORY_YEARS;
    const isCapped = over89 === 'cap' && date.year <= oldest;
    const parts = isCapped || unit === 'year' || date.month < 0 ? 1 : 2;
    const month = unit === 'quarter' ? date.month - (date.month % 3) : date.month;
    const first =
      parts === 1 ? firstDayOfYear(isCapped ? oldest : date.year) : firstOfMonth(date.year, month);
    const from = writeInt(out, at, datePartBytes(parts, date.hasDashes));
    return writeDatePart(out, from, first, parts, date.hasDashes);
  };
}
