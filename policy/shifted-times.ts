/**
 * By how many days at most a policy shifts the times of records: as far as the dates in them, so that both stay
 * together. It must never guess between two numbers.
 */
import type { Instruction } from '../processors/plan.ts';
import type { Policy } from './policy.ts';

const MAX_DAYS_DEFAULT = 182;

/** The days; null where times are not shifted. */
export function timestampMaxDays(policy: Policy): number | null {
  return policy.timestamp === 'shift' ? (shiftsOf(policy)[0] ?? MAX_DAYS_DEFAULT) : null;
}

/** What stands against shifting the times of this policy's records, in words; null where nothing does. */
export function shiftObjection(policy: Policy): string | null {
  if (policy.timestamp !== 'shift') return null;
  if (shiftsOf(policy).length > 1) return 'append, or one maxDays for every date-shift of the policy';
  // A record without a value names nobody, and a compacted topic cannot do without those.
  if ([...policy.topics.values()].some(({ compact }) => compact))
    return 'append or keep for a compacted topic';
  return null;
}

/** The different maxDays of the policy's shifts. */
function shiftsOf({ methods, fields }: Policy): readonly number[] {
  const exceptions = [...fields.values()].flatMap((paths) => [...paths.values()]);
  const instructions: Instruction[] = [...methods.values(), ...exceptions.map((each) => each.instruction)];
  return [...new Set(instructions.flatMap((each) => (each.method === 'date-shift' ? [each.maxDays] : [])))];
}
