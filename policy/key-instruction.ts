/**
 * What happens to the record keys of a topic, whatever the schema of its values: a key without a schema of its own
 * is one identifier, tagged in the policy. Anything but keep, drop, pseudonym and encrypt-deterministic is refused.
 */
import { GauzeError } from '../platform/errors.ts';
import { METHODS } from '../processors/method-table.ts';
import type { Instruction, KeyInstruction } from '../processors/plan.ts';
import type { Policy } from './policy.ts';
import { regimeObjection } from './regimes.ts';
import { methodForTag } from './tag-method.ts';

/**
 * @throws GauzeError ERR_POLICY_KEY_MISSING, ERR_POLICY_TAG_WITHOUT_METHOD, ERR_POLICY_KEY_METHOD,
 * ERR_POLICY_REGIME, ERR_POLICY_KEY_COMPACTION
 */
export function keyInstruction(policy: Policy, topic: string): KeyInstruction {
  const setting = ['topics', topic, 'key'];
  const place = { file: policy.file, line: policy.lineOf(...setting), topic, audience: policy.audience };
  const tag = policy.topics.get(topic)?.keyTag ?? null;
  if (tag === null) throw new GauzeError('ERR_POLICY_KEY_MISSING', place);
  const instruction = methodForTag(policy, tag);
  if (!instruction)
    throw new GauzeError('ERR_POLICY_TAG_WITHOUT_METHOD', { ...place, path: 'record key', tag });
  const { method } = instruction;
  if (!isKeyInstruction(instruction)) throw new GauzeError('ERR_POLICY_KEY_METHOD', { ...place, method });
  const { regime } = policy;
  const objection = regimeObjection(regime, tag, instruction, false);
  if (objection) throw new GauzeError('ERR_POLICY_REGIME', { ...place, regime, tag, method, ...objection });
  if (policy.topics.get(topic)?.compact && !keepsKeysApart(policy, instruction))
    throw new GauzeError('ERR_POLICY_KEY_COMPACTION', { ...place, method });
  return instruction;
}

/**
 * Do two raw keys stay two keys? A compacted topic keeps one record for each. Normalised or merged, two become one; and
 * without keys there is no compaction at all.
 */
export function keepsKeysApart({ persons }: Policy, instruction: KeyInstruction): boolean {
  if (!METHODS[instruction.method].oneToOne) return false;
  if (instruction.method !== 'pseudonym') return true;
  return instruction.normalize === undefined && !persons?.domains.includes(instruction.domain);
}

const KEY_METHODS: Readonly<Record<KeyInstruction['method'], true>> = {
  keep: true,
  drop: true,
  pseudonym: true,
  'encrypt-deterministic': true,
};

/** Is it one that a record key without a schema can have? */
export function isKeyInstruction(instruction: Instruction): instruction is KeyInstruction {
  return Object.hasOwn(KEY_METHODS, instruction.method);
}
