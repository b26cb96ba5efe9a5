/**
 * The policies in force on a test site, read from its policy log by the Java consumer.
 */
import { policyLogCodec } from '../../schemas/control-codecs.ts';
import type { DumpedRecord } from './topic-dump.ts';

export type AppliedPolicies = ReadonlyMap<
  string,
  { readonly text: string; readonly version: number; readonly asOfDay: number }
>;

/** The last applied version of each audience, out of all records of the policy log. */
export function appliedPolicies(dump: readonly DumpedRecord[]): AppliedPolicies {
  const applied = new Map<string, { text: string; version: number; asOfDay: number }>();
  for (const { value } of dump) {
    const { policy } = policyLogCodec.decode(value!);
    if (policy)
      applied.set(policy.audience, { text: policy.text, version: policy.version, asOfDay: policy.as_of });
  }
  return applied;
}
