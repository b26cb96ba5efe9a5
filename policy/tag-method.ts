/**
 * What a policy does with a tag. The sensitive classes (42 CFR Part 2 and the like) are dropped where it says nothing:
 * nobody may get them because somebody forgot a line. Every other tag without a method stays without one.
 */
import type { Instruction } from '../processors/plan.ts';
import type { TagName } from '../schemas/tags.ts';
import type { Policy } from './policy.ts';
import { isSensitive } from './regimes.ts';

/** The method of a tag, as written or by default; null where the policy has none. */
export function methodForTag({ methods }: Pick<Policy, 'methods'>, tag: TagName): Instruction | null {
  return methods.get(tag) ?? (isSensitive(tag) ? { method: 'drop' } : null);
}
