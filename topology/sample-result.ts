/**
 * What a sample comes to: counts, or the code of what stood in the way. Holds no value and no group, only sizes.
 */
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { CompiledPlan } from '../policy/compile-plan.ts';
import type { OpenSample } from '../policy/sample-log.ts';
import type { SampleResultEntry } from '../schemas/control-codecs.ts';
import type { GroupCounts } from './group-sizes.ts';

export interface SampleCounts {
  readonly records: number;
  readonly published: number;
  readonly withheld: ReadonlyMap<ErrorCode, number>;
  readonly methods: Readonly<Record<string, number>>;
  readonly groups: GroupCounts;
}

export function sampleResult({ id }: OpenSample, counts: SampleCounts): SampleResultEntry {
  const { records, published, withheld, methods, groups } = counts;
  return { id, code: null, records, published, withheld: Object.fromEntries(withheld), methods, ...groups };
}

/** No counts: why. */
export function noSample({ id }: OpenSample, { code }: GauzeError): SampleResultEntry {
  const nothing = { records: 0, published: 0, persons: 0, nobody: 0, groups: 0 };
  return { id, code, ...nothing, withheld: {}, methods: {}, smallest: [], below: {} };
}

/** How many leaves of the plans each method treats. */
export function methodCounts(plans: readonly CompiledPlan[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { instruction } of plans.flatMap(({ leaves }) => leaves))
    counts[instruction.method] = (counts[instruction.method] ?? 0) + 1;
  return counts;
}

/** What a person must mend before a sample can be taken; everything else is thrown again. */
export function standsInTheWay(thrown: unknown): GauzeError {
  const error = thrown instanceof GauzeErrors ? thrown.errors[0] : thrown;
  if (error instanceof GauzeError && (error.kind === 'usage' || error.kind === 'hold')) return error;
  throw thrown;
}
