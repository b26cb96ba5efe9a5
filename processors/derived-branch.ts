/**
 * The number of a union's branch in the derived schema.
 * It must agree with derive-schema.ts, or readers take one type for another.
 */
import type { AvroType } from '../schemas/avro-schema.ts';

export function derivedBranch(_union: AvroType, branch: number): number {
  return branch;
}
