/**
 * What happens to the record keys of a topic, whatever the schema of its values: a key without a schema of its own
 * is one identifier, tagged in the policy. Anything but keep, drop and pseudonym is refused.
 */
import { GauzeError } from '../platform/errors.ts';
import type { KeyInstruction } from '../processors/plan.ts';
import type { Policy } from './policy.ts';
import { regimeObjection } from './regimes.ts';
import { methodForTag } from './tag-method.ts';

/**
 * @throws GauzeError ERR_POLICY_KEY_MISSING, ERR_POLICY_TAG_WITHOUT_METHOD, ERR_POLICY_KEY_METHOD,
 * ERR_POLICY_REGIME
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
  if (method !== 'keep' && method !== 'drop' && method !== 'pseudonym') {
    throw new GauzeError('ERR_POLICY_KEY_METHOD', { ...place, method });
  }
  const { regime } = policy;
  const objection = regimeObjection(regime, tag, instruction, false);
  if (objection) throw new GauzeError('ERR_POLICY_REGIME', { ...place, regime, tag, method, ...objection });
  return instruction;
}
