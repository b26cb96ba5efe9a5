/**
 * Decides what happens to one leaf: by an entry under `fields:`, else by its tags, else by `untagged:`.
 * Where nothing decides, or two tags ask for things that cannot be ordered, there is no decision but a problem:
 * a leaf must never get an instruction that nobody wrote.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import { acceptsLeaf } from '../processors/method-table.ts';
import type { Instruction } from '../processors/plan.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import type { Leaf, TagName } from '../schemas/tags.ts';
import { strictestOf } from './strictness.ts';
import type { FieldException, Policy } from './policy.ts';
import { regimeObjection } from './regimes.ts';
import { methodForTag } from './tag-method.ts';

/** What was decided for a leaf, and by what. */
export interface LeafDecision {
  readonly instruction: Instruction;
  /** `tag PHI_MRN`, `fields: <reason>` or `untagged: drop`. */
  readonly why: string;
}

/** A decision with the setting of the policy that it comes from. */
interface SettledDecision extends LeafDecision {
  readonly setting: readonly PropertyKey[];
  readonly isException: boolean;
}

export type Report = (problem: GauzeError) => void;

/** Methods that a map key can have; where it is dropped or redacted, its whole map is. */
const KEY_METHODS: ReadonlySet<string> = new Set([
  'keep',
  'pseudonym',
  'encrypt',
  'encrypt-deterministic',
  'drop',
  'redact',
]);

/** Makes the errors of one topic under one policy: each with file, line, topic and audience. */
export function problemIn(
  policy: Policy,
  topic: string,
): (code: ErrorCode, setting: readonly PropertyKey[], context: ErrorContext) => GauzeError {
  const { file, audience } = policy;
  return (code, setting, context) =>
    new GauzeError(code, { file, line: policy.lineOf(...setting), topic, audience, ...context });
}

/** The nearest entry under `fields:` at or above `path`, with the path it is written for. */
export function exceptionFor(
  policy: Policy,
  topic: string,
  path: string,
): readonly [string, FieldException] | null {
  const above = [...(policy.fields.get(topic) ?? [])].filter(([written]) => isAtOrBelow(path, written));
  return above.sort(([a], [b]) => b.length - a.length)[0] ?? null;
}

/** Decides one leaf; null where there was a problem, which is reported. */
export function decideLeaf(policy: Policy, topic: string, leaf: Leaf, report: Report): LeafDecision | null {
  const problem = problemIn(policy, topic);
  const decision = settle(policy, topic, leaf, report);
  if (decision === null) return null;
  const { instruction, why, setting, isException } = decision;
  const { method } = instruction;
  let isSound = true;
  if (!takes(leaf, instruction)) {
    const actual = leaf.mapKey ? 'a map key' : typeWord(leaf.type);
    report(problem('ERR_POLICY_METHOD_TYPE', setting, { path: leaf.path, method, actual }));
    isSound = false;
  }
  for (const tag of leaf.tags) {
    const objection = regimeObjection(policy.regime, tag, instruction, isException);
    if (objection === null) continue;
    const { regime } = policy;
    report(problem('ERR_POLICY_REGIME', setting, { path: leaf.path, regime, tag, method, ...objection }));
    isSound = false;
  }
  return isSound ? { instruction, why } : null;
}

/** Redacting is a question of what surrounds the leaf (plan-tree.ts); keep and drop take everything. */
function takes(leaf: Leaf, instruction: Instruction): boolean {
  const { method } = instruction;
  if (leaf.mapKey) return KEY_METHODS.has(method);
  return method === 'redact' || acceptsLeaf(leaf.type, instruction);
}

function settle(policy: Policy, topic: string, leaf: Leaf, report: Report): SettledDecision | null {
  const exception = exceptionFor(policy, topic, leaf.path);
  if (exception !== null) {
    const [path, { instruction, reason }] = exception;
    return { instruction, why: `fields: ${reason}`, setting: ['fields', topic, path], isException: true };
  }
  const tags = [...leaf.tags].filter((tag) => tag !== 'PHI_NONE' || leaf.tags.size === 1);
  if (tags.length > 0) return settleByTags(policy, topic, leaf.path, tags, report);
  if (policy.untagged === 'drop')
    return {
      instruction: { method: 'drop' },
      why: 'untagged: drop',
      setting: ['untagged'],
      isException: false,
    };
  report(problemIn(policy, topic)('ERR_POLICY_LEAF_UNCOVERED', ['topics', topic], { path: leaf.path }));
  return null;
}

/** The strictest of what the tags ask for. */
function settleByTags(
  policy: Policy,
  topic: string,
  path: string,
  tags: readonly TagName[],
  report: Report,
): SettledDecision | null {
  const problem = problemIn(policy, topic);
  const missing = tags.filter((tag) => methodForTag(policy, tag) === null);
  for (const tag of missing) report(problem('ERR_POLICY_TAG_WITHOUT_METHOD', ['methods'], { path, tag }));
  if (missing.length > 0) return null;
  const asked = tags.map((tag) => ({ tag, instruction: methodForTag(policy, tag)! }));
  const strictest = strictestOf(asked.map(({ instruction }) => instruction));
  if (strictest === null) {
    report(problem('ERR_POLICY_TAGS_UNORDERED', ['methods', tags[0]!], { path }));
    return null;
  }
  const { tag, instruction } = asked.find((each) => each.instruction === strictest)!;
  const why = policy.methods.has(tag)
    ? `tag ${tag}`
    : `tag ${tag}, sensitive: dropped unless the policy says otherwise`;
  return { instruction, why, setting: ['methods', tag], isException: false };
}
