/**
 * What a policy says about all records of a topic, whatever their schema: keys, headers, compaction.
 */
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { keyInstruction } from '../policy/key-instruction.ts';
import type { Policy } from '../policy/policy.ts';
import { compileKeyMasker } from '../processors/transcoder.ts';
import type { KeyMasker } from '../processors/transcoder.ts';

/** What the policy says about all records of a topic, whatever their schema. */
export interface TopicRules {
  /** null: keys are dropped. */
  readonly maskKey: KeyMasker | null;
  /** By older keys, under which records of the same raw key may still stand in a compacted topic. */
  readonly olderKeys: readonly KeyMasker[];
  /** Is the sanitized topic compacted? Then a withheld record takes its key's older record away. */
  readonly compacted: boolean;
  /** Do records leave with a time that is shifted by the person? Then one that names nobody has none. */
  readonly shiftsTimes: boolean;
  /** Names of headers that pass. */
  readonly headers: ReadonlySet<string>;
}

/**
 * What the policy says about all records of a topic. `older`: keys of the epochs under which records may still stand in
 * the audience's compacted topic. Throws as keyInstruction does.
 */
export function topicRulesOf(
  policy: Policy,
  topic: string,
  keys: AudienceKeys,
  older: readonly AudienceKeys[],
): TopicRules {
  const instruction = keyInstruction(policy, topic);
  const rules = policy.topics.get(topic);
  const isKeyed = instruction.method !== 'drop';
  // A key that is kept is the same in every epoch.
  const isSame = instruction.method === 'keep' || instruction.method === 'drop';
  return {
    maskKey: isKeyed ? compileKeyMasker(instruction, keys) : null,
    olderKeys: isSame ? [] : older.map((each) => compileKeyMasker(instruction, each)),
    compacted: rules?.compact ?? false,
    shiftsTimes: policy.timestamp === 'shift',
    headers: new Set(rules?.headers.keys() ?? []),
  };
}
