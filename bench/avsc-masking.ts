/**
 * The other arm: masks a record that avsc decoded, as one would write it by hand with speed in mind.
 * Numbers instead of bigints, no allocation for dates, a Map as cache: it must never be made slow on purpose.
 */
import type { AudienceKeys, KeyedHash } from '../keys/audience-keys.ts';
import { firstDayOfYear, yearOfDay } from '../processors/civil-date.ts';
import { shiftDays } from '../processors/methods/date-shift.ts';
import { ZIP3 } from '../processors/methods/zip3.ts';
import { maskLeafValue } from '../processors/method-table.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { AvroLeaf, AvroRecord } from '../schemas/avro-schema.ts';
import type { RecordPlace } from '../processors/method.ts';
import { PathCounts } from '../processors/path-counts.ts';
import type { Instruction } from '../processors/plan.ts';

/** Changes one field of a decoded record in place. */
export type FieldMasker = (record: Record<string, unknown>, person: string, recordTimeMs: number) => void;

/** Records that stand in no log: no method measured here asks where. */
export const NOWHERE: RecordPlace = { topicId: '0'.repeat(32), partition: 0, offset: 0 };
const FIELD = { place: NOWHERE, path: '', audience: 'bench' } as const;
const DAY_MS = 86_400_000;

/** The same with the methods' own functions on values (MaskingMethod.maskValue), pseudonyms through a Map if asked. */
export function compileMethodMaskers(
  schema: object,
  instructions: Readonly<Record<string, Instruction>>,
  keys: AudienceKeys,
  withCache: boolean,
): FieldMasker[] {
  const parsed = parseAvroSchema(JSON.stringify(schema)) as AvroRecord;
  return parsed.fields.flatMap(({ name, type }) => {
    const instruction = instructions[name];
    if (!instruction || instruction.method === 'drop') return [];
    if (instruction.method === 'redact') {
      const empty = type.kind === 'union' ? null : '';
      return [(record: Record<string, unknown>) => void (record[name] = empty)];
    }
    const leaf = (
      type.kind === 'union' ? type.branches.find(({ kind }) => kind !== 'null') : type
    ) as AvroLeaf;
    const mask = (value: unknown, person: string, recordTimeMs: number): unknown => {
      const asOfDay = Math.floor(recordTimeMs / DAY_MS);
      const masked = maskLeafValue(value, leaf, instruction, {
        ...FIELD,
        keys,
        person,
        asOfDay,
        sealed: new PathCounts(),
      });
      return typeof masked === 'bigint' ? Number(masked) : masked;
    };
    if (instruction.method !== 'pseudonym' || !withCache) return [onValue(name, mask)];
    const cache = new Map<unknown, unknown>();
    return [
      onValue(name, (value, person, recordTimeMs) => {
        const known = cache.get(value);
        if (known !== undefined) return known;
        const masked = mask(value, person, recordTimeMs);
        cache.set(value, masked);
        return masked;
      }),
    ];
  });
}

/** Maskers for all fields that have an instruction; dropped fields need none, since the derived type skips them. */
export function compileFieldMaskers(
  schema: object,
  instructions: Readonly<Record<string, Instruction>>,
  keys: AudienceKeys,
  withCache: boolean,
): FieldMasker[] {
  const shifts = keyedText(keys.dateShifts('patient'), withCache);
  const { fields } = schema as { fields: { name: string; type: unknown }[] };
  return fields.flatMap(({ name, type }) => {
    const instruction = instructions[name];
    return instruction ? compileField(name, type, instruction, keys, withCache, shifts) : [];
  });
}

function compileField(
  name: string,
  type: unknown,
  instruction: Instruction,
  keys: AudienceKeys,
  withCache: boolean,
  shifts: (text: string) => string,
): FieldMasker[] {
  const dayTicks = JSON.stringify(type).includes('timestamp-millis') ? DAY_MS : 1;
  switch (instruction.method) {
    case 'redact': {
      const empty = Array.isArray(type) ? null : '';
      return [(record) => void (record[name] = empty)];
    }
    case 'pseudonym': {
      const pseudonym = keyedText(keys.pseudonyms(instruction.domain), withCache);
      return [onValue(name, (value) => pseudonym(value as string))];
    }
    case 'date-truncate':
      return [
        onValue(name, (value, _person, recordTimeMs) => {
          const year = yearOfDay(Math.floor((value as number) / dayTicks));
          const oldest = yearOfDay(Math.floor(recordTimeMs / DAY_MS)) - 90;
          return firstDayOfYear(Math.max(year, oldest)) * dayTicks;
        }),
      ];
    case 'date-shift':
      return [
        onValue(name, (value, person) => {
          const word = Number.parseInt(shifts(person).slice(0, 8), 16);
          return (value as number) + shiftDays(word, instruction.maxDays) * dayTicks;
        }),
      ];
    case 'age-cap':
      return [onValue(name, (value) => Math.min(value as number, instruction.over + 1))];
    case 'zip3':
      return [onValue(name, zip3)];
    default:
      return [];
  }
}

function onValue(
  name: string,
  mask: (value: unknown, person: string, recordTimeMs: number) => unknown,
): FieldMasker {
  return (record, person, recordTimeMs) => {
    const value = record[name];
    if (value !== null) record[name] = mask(value, person, recordTimeMs);
  };
}

const NO_CONTEXT = { ...FIELD, keys: undefined as never, person: null, asOfDay: 0, sealed: new PathCounts() };

function zip3(value: unknown): unknown {
  return ZIP3.maskValue(value, { kind: 'string', logical: null, tags: [] }, { method: 'zip3' }, NO_CONTEXT);
}

/** Text to 32 hex digits of its keyed hash, with a Map in front. */
function keyedText(hash: KeyedHash, withCache: boolean): (text: string) => string {
  const scratch = Buffer.alloc(256);
  const digest = Buffer.alloc(16);
  const compute = (text: string): string => {
    const length = scratch.write(text, 0, 'utf8');
    hash.hashInto(scratch, 0, length, digest, 0);
    return digest.toString('hex');
  };
  if (!withCache) return compute;
  const cache = new Map<string, string>();
  return (text) => {
    let known = cache.get(text);
    if (known === undefined) {
      known = compute(text);
      cache.set(text, known);
    }
    return known;
  };
}
