/**
 * date-shift: all dates of one person move by the same secret number of days, never by none.
 * The number comes from a keyed hash of the person, so intervals inside one person's records stay true.
 * A record that names nobody must never pass with a guessed or shared shift: it is withheld. A partial date cannot be
 * shifted: its year is left. Text that is no date withholds.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { bigLongAt, copyBytes, intAt, longAt, writeBigLong, writeInt, writeLong } from '../avro-bytes.ts';
import { firstDayOfYear } from '../civil-date.ts';
import { DateText, datePartBytes, parsedDate, writeDatePart } from '../date-text.ts';
import { isDateText, isNanos, ticksPerDay } from '../date-unit.ts';
import { FAULT_DATE_TEXT, FAULT_PERSON_MISSING, FAULT_RANGE } from '../fault.ts';
import { personCache } from '../keyed-cache.ts';
import type { KeyedCache } from '../keyed-cache.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import type { Plan } from '../plan.ts';
import type { RecordState } from '../record-state.ts';

const PERSON_SPACE: Plan['personSpace'] = 'patient';
/** Of a person's hash, in 32-bit words: what a shift is made of. */
export const SHIFT_WORDS = 1;
const INT_MIN = -0x80000000;
const INT_MAX = 0x7fffffff;
const DAY_MILLIS = 86_400_000;
const FIRST_DAY = firstDayOfYear(1);
const LAST_DAY = firstDayOfYear(10_000) - 1;

export const DATE_SHIFT: MaskingMethod<'date-shift'> = {
  name: 'date-shift',
  promise: 'The dates of one person keep their distances; each is off by up to maxDays, never by none.',
  parameters: z.strictObject({ maxDays: z.int().min(1).max(36_500).default(182) }),
  oneToOne: false,
  keepsJoins: false,
  reversible: 'with the key',
  strictness: 40,
  rows: [
    { type: 'int (date)', comesOut: 'the date some days off', derivedSchema: 'the type as it is' },
    {
      type: 'long (timestamp and local-timestamp, -millis, -micros, -nanos)',
      comesOut: 'the time some whole days off; the time of day stays',
      derivedSchema: 'the type as it is',
    },
    {
      type: 'string',
      comesOut:
        'an ISO 8601 or HL7 v2 date some days off, time and zone as they are; of a partial one the year; empty text stays; any other text withholds',
      derivedSchema: 'the type as it is',
    },
    { type: 'all others', comesOut: 'refused', derivedSchema: '-' },
  ],
  examples: [
    {
      type: { type: 'int', logicalType: 'date' },
      instruction: { method: 'date-shift', maxDays: 1 },
      given: '2026-03-02',
      gives: /^2026-03-0[13]$/,
    },
    {
      type: 'string',
      instruction: { method: 'date-shift', maxDays: 1 },
      given: '2026-03-02T10:15:00+01:00',
      gives: /^2026-03-0[13]T10:15:00\+01:00$/,
    },
    { type: 'string', instruction: { method: 'date-shift' }, given: '202603', gives: '2026' },
  ],
  // A wider range of shifts leaves more days possible.
  isAsStrict: (a, b) => a.maxDays >= b.maxDays,
  needsPerson: true,
  accepts: (leaf) => ticksPerDay(leaf) !== null || isDateText(leaf),

  maskValue(value, leaf, { maxDays }, { keys, person }) {
    if (!person) throw new GauzeError('ERR_MASK_PERSON_MISSING');
    const text = Buffer.from(person, 'utf8');
    const hash = Buffer.alloc(16);
    keys.dateShifts(PERSON_SPACE).hashInto(text, 0, text.length, hash, 0);
    const days = shiftDays(hash.readUInt32BE(0), maxDays);
    return typeof value === 'string' ? shiftedText(value, days) : shiftedNumber(value, leaf, days);
  },

  compile(leaf, { maxDays }, keys) {
    const cache = personCache(keys.dateShifts(PERSON_SPACE), SHIFT_WORDS);
    if (isDateText(leaf)) return textMasker(cache, maxDays);
    if (isNanos(leaf)) return nanosMasker(cache, maxDays, BigInt(ticksPerDay(leaf)!));
    return leaf.kind === 'int' ? dateMasker(cache, maxDays) : timeMasker(cache, maxDays, ticksPerDay(leaf)!);
  },
};

/** 32 bits of a keyed hash to a number of days in -maxDays to -1 or 1 to maxDays. */
export function shiftDays(word: number, maxDays: number): number {
  const index = word % (2 * maxDays);
  return index < maxDays ? index - maxDays : index - maxDays + 1;
}

// ---- on values

function shiftedNumber(value: unknown, leaf: AvroLeaf, days: number): number | bigint {
  const shifted = BigInt(value as number | bigint) + BigInt(days) * BigInt(ticksPerDay(leaf)!);
  if (leaf.kind === 'int') {
    if (shifted < INT_MIN || shifted > INT_MAX) throw new GauzeError('ERR_MASK_RANGE');
    return Number(shifted);
  }
  const fits = isNanos(leaf)
    ? shifted === BigInt.asIntN(64, shifted)
    : isSafe(value as bigint) && isSafe(shifted);
  if (!fits) throw new GauzeError('ERR_MASK_RANGE');
  return shifted;
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function shiftedText(text: string, days: number): string {
  if (text === '') return text;
  const date = parsedDate(text);
  if (!date) throw new GauzeError('ERR_MASK_DATE_TEXT');
  const { year, month, day, rest, dash } = date;
  if (day === undefined) return year;
  const shifted = new Date(Date.parse(`${year}-${month}-${day}T00:00:00Z`) + days * DAY_MILLIS).toISOString();
  // Years beyond four digits have a sign, and so has the year before 1.
  if (!/^\d{4}-/.test(shifted) || shifted.startsWith('0000')) throw new GauzeError('ERR_MASK_RANGE');
  return shifted.slice(0, 10).replaceAll('-', dash) + rest;
}

// ---- on bytes

function dateMasker(cache: KeyedCache, maxDays: number): LeafMasker {
  return (input, start, _end, out, at, state) => {
    if (!state.shiftKnown && !findShift(cache, state)) return FAULT_PERSON_MISSING;
    const shifted = intAt(input, start) + shiftDays(state.shiftWord >>> 0, maxDays);
    if (shifted < INT_MIN || shifted > INT_MAX) return FAULT_RANGE;
    return writeInt(out, at, shifted);
  };
}

function timeMasker(cache: KeyedCache, maxDays: number, dayTicks: number): LeafMasker {
  return (input, start, end, out, at, state) => {
    if (!state.shiftKnown && !findShift(cache, state)) return FAULT_PERSON_MISSING;
    longAt(input, start, end, state);
    const shifted = state.value + shiftDays(state.shiftWord >>> 0, maxDays) * dayTicks;
    if (!state.exact || !Number.isSafeInteger(shifted)) return FAULT_RANGE;
    return writeLong(out, at, shifted);
  };
}

/** Nanoseconds of our days are beyond what a double holds: these allocate. */
function nanosMasker(cache: KeyedCache, maxDays: number, dayTicks: bigint): LeafMasker {
  return (input, start, _end, out, at, state) => {
    if (!state.shiftKnown && !findShift(cache, state)) return FAULT_PERSON_MISSING;
    const shifted = bigLongAt(input, start) + BigInt(shiftDays(state.shiftWord >>> 0, maxDays)) * dayTicks;
    return shifted === BigInt.asIntN(64, shifted) ? writeBigLong(out, at, shifted) : FAULT_RANGE;
  };
}

function textMasker(cache: KeyedCache, maxDays: number): LeafMasker {
  const date = new DateText();
  return (input, start, end, out, at, state) => {
    if (!state.shiftKnown && !findShift(cache, state)) return FAULT_PERSON_MISSING;
    if (start === end) return writeInt(out, at, 0);
    if (!date.read(input, start, end)) return FAULT_DATE_TEXT;
    if (date.day === 0) return copyBytes(input, start, start + 4, out, writeInt(out, at, 4));
    const day = date.dayNumber + shiftDays(state.shiftWord >>> 0, maxDays);
    if (day < FIRST_DAY || day > LAST_DAY) return FAULT_RANGE;
    const from = writeInt(out, at, datePartBytes(3, date.hasDashes) + end - date.rest);
    return copyBytes(input, date.rest, end, out, writeDatePart(out, from, day, 3, date.hasDashes));
  };
}

/** Looks the person's hash up once per record; false where the record names nobody. */
function findShift(cache: KeyedCache, state: RecordState): boolean {
  if (state.personEnd <= state.personStart) return false;
  const from = cache.find(state.personInput, state.personView, state.personStart, state.personEnd);
  state.shiftWord = cache.bytes.readInt32BE(from);
  state.shiftKnown = true;
  return true;
}
