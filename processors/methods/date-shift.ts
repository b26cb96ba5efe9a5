/**
 * date-shift: all dates of one person move by the same secret number of days, never by none.
 * The number comes from a keyed hash of the person, so intervals inside one person's records stay true.
 * A record that names nobody must never pass with a guessed or shared shift: it is withheld.
 */
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import { intAt, longAt, writeInt, writeLong } from '../avro-bytes.ts';
import { FAULT_PERSON_MISSING, FAULT_RANGE } from '../fault.ts';
import { keyedCache } from '../keyed-cache.ts';
import { ticksPerDay } from '../date-unit.ts';
import type { KeyedCache } from '../keyed-cache.ts';
import type { LeafMasker, MaskingMethod } from '../method.ts';
import type { Plan } from '../plan.ts';
import type { RecordState } from '../record-state.ts';

const PERSON_SPACE: Plan['personSpace'] = 'patient';
const INT_MIN = -0x80000000;
const INT_MAX = 0x7fffffff;

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
      type: 'long (timestamp-millis, timestamp-micros, local-timestamp-millis, local-timestamp-micros)',
      comesOut: 'the time some whole days off; the time of day stays',
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
  ],
  // A wider range of shifts leaves more days possible.
  isAsStrict: (a, b) => a.maxDays >= b.maxDays,
  needsPerson: true,
  accepts: (leaf) => ticksPerDay(leaf) !== null,

  maskValue(value, leaf, { maxDays }, { keys, person }) {
    if (!person) throw new GauzeError('ERR_MASK_PERSON_MISSING');
    const text = Buffer.from(person, 'utf8');
    const hash = Buffer.alloc(16);
    keys.dateShifts(PERSON_SPACE).hashInto(text, 0, text.length, hash, 0);
    const shift = BigInt(shiftDays(hash.readUInt32BE(0), maxDays)) * BigInt(ticksPerDay(leaf)!);
    const shifted = BigInt(value as number | bigint) + shift;
    if (leaf.kind === 'int') {
      if (shifted < INT_MIN || shifted > INT_MAX) throw new GauzeError('ERR_MASK_RANGE');
      return Number(shifted);
    }
    if (!isSafe(value as bigint) || !isSafe(shifted)) throw new GauzeError('ERR_MASK_RANGE');
    return shifted;
  },

  compile(leaf, { maxDays }, keys) {
    const cache = keyedCache(keys.dateShifts(PERSON_SPACE));
    return leaf.kind === 'int' ? dateMasker(cache, maxDays) : timeMasker(cache, maxDays, ticksPerDay(leaf)!);
  },
};

/** 32 bits of a keyed hash to a number of days in -maxDays to -1 or 1 to maxDays. */
export function shiftDays(word: number, maxDays: number): number {
  const index = word % (2 * maxDays);
  return index < maxDays ? index - maxDays : index - maxDays + 1;
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

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

/** Looks the person's hash up once per record; false where the record names nobody. */
function findShift(cache: KeyedCache, state: RecordState): boolean {
  if (state.personEnd <= state.personStart) return false;
  const from = cache.find(state.personInput, state.personView, state.personStart, state.personEnd);
  state.shiftWord = cache.bytes.readInt32BE(from);
  state.shiftKnown = true;
  return true;
}
