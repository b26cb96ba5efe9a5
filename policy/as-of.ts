/**
 * The day as of which a policy tells ages. Where it is long ago, people have grown older than 89 since and their birth
 * years still stand there: under Safe Harbor that is an alarm, and `gauze apply` renews it well before.
 * It only looks; no masking depends on the day when somebody looked.
 */
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { AppliedPolicy } from './policies-in-force.ts';
import { parsePolicy } from './policy-file.ts';
import type { Policy } from './policy.ts';
import type { Regime } from './regimes.ts';

/** Under Safe Harbor an as-of day further back than this is an alarm. */
export const AS_OF_LIMIT_DAYS = 365;
/** From then on `gauze apply` writes the same policy again, with the day of today. */
const RENEWAL_DAYS = 183;

/** Is a policy to be applied: for another text than is in force, or for its as-of day alone? A later day opens nothing. */
export function isToApply(
  { sha256, regime }: Pick<Policy, 'sha256' | 'regime'>,
  inForce: AppliedPolicy | undefined,
  today: number,
): boolean {
  if (inForce?.sha256 !== sha256) return true;
  return regime === 'safe-harbor' && today - inForce.asOfDay > RENEWAL_DAYS;
}

/** ERR_POLICY_AS_OF for each policy in force whose ages are told as of too long ago; days since 1970-01-01. */
export function asOfAlarms(
  policies: ReadonlyMap<string, AppliedPolicy>,
  today: number,
): readonly GauzeError[] {
  return [...policies.values()].flatMap(({ audience, asOfDay, text }) => {
    const count = today - asOfDay;
    if (count <= AS_OF_LIMIT_DAYS || regimeOf(text) !== 'safe-harbor') return [];
    return new GauzeError('ERR_POLICY_AS_OF', { audience, count, limit: AS_OF_LIMIT_DAYS });
  });
}

/** Null for a policy that this version of gauze cannot read: its lanes hold, and publish no ages. */
function regimeOf(text: string): Regime | null {
  try {
    return parsePolicy(text, 'policy').regime;
  } catch (error) {
    if (error instanceof GauzeError || error instanceof GauzeErrors) return null;
    throw error;
  }
}
