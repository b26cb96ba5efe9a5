/**
 * The time of a record moved with the dates in it: by the person's own shift, in whole days.
 * It must never give the raw time: a record that names nobody, or has no time, is a fault.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { FAULT_PERSON_MISSING, FAULT_RANGE } from './fault.ts';
import { personCache } from './keyed-cache.ts';
import { SHIFT_WORDS, shiftDays } from './methods/date-shift.ts';
import { PersonFinder } from './person-finder.ts';
import type { Plan } from './plan.ts';

const DAY_MS = 86_400_000;

/**
 * The shifted time of the record with the Avro body input[start, end), in milliseconds since the Unix epoch, or a
 * negative number, which is a fault (`faultCode`).
 */
export type TimeShift = (input: Uint8Array, start: number, end: number, recordTimeMs: number) => number;

/** Null where the plan does not shift times. Throws ERR_SCHEMA_PERSON for a schema that marks no person. */
export function compileTimeShift(plan: Plan, keys: AudienceKeys): TimeShift | null {
  const { timestampMaxDays, personPath, personSpace, root } = plan;
  if (timestampMaxDays === undefined) return null;
  if (personPath === null) throw new GauzeError('ERR_SCHEMA_PERSON', { count: 0 });
  const finder = new PersonFinder(root.schema, personPath);
  const cache = personCache(keys.dateShifts(personSpace), SHIFT_WORDS);
  return (input, start, end, recordTimeMs) => {
    const fault = finder.find(input, start, end);
    if (fault < 0) return fault;
    if (finder.end <= finder.start) return FAULT_PERSON_MISSING;
    const from = cache.find(finder.text, finder.view, finder.start, finder.end);
    const days = shiftDays(cache.bytes.readUInt32BE(from), timestampMaxDays);
    const shifted = recordTimeMs + days * DAY_MS;
    return recordTimeMs >= 0 && shifted >= 0 ? shifted : FAULT_RANGE;
  };
}
