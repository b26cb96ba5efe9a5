/**
 * What each audience gets of each field of a topic, and why, as data: what `gauze explain` shows in its several ways.
 * It compiles as lanes do; where there is no plan, it says what is held and what was decided all the same.
 */
import { GauzeError } from '../platform/errors.ts';
import { compilePlan } from '../policy/compile-plan.ts';
import type { CompiledPlan } from '../policy/compile-plan.ts';
import type { PlanLeaf } from '../policy/plan-leaf.ts';
import { instructionInWords } from '../policy/instruction.ts';
import { keyInstruction } from '../policy/key-instruction.ts';
import { decideLeaf } from '../policy/leaf-decision.ts';
import { comesOut } from '../policy/leaf-words.ts';
import type { SensitiveByValue } from '../policy/policy.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { Leaf, TagName } from '../schemas/tags.ts';
import type { Instruction } from '../processors/plan.ts';
import type { PolicyToExplain, TopicToExplain } from './explain-source.ts';

/** What an audience gets of one thing. */
export interface Treatment {
  /** Null where nothing was decided: records with it are held. */
  readonly instruction: Instruction | null;
  /** `date-shift (maxDays 182)`, or `held`. */
  readonly method: string;
  readonly comesOut: string;
  /** `tag PHI_MRN`, `fields: <reason>` ... */
  readonly why: string;
}

export interface ExplainedField {
  readonly path: string;
  readonly type: string;
  readonly tags: readonly TagName[];
}

/** One audience of one topic. */
export interface AudienceView {
  readonly policy: PolicyToExplain;
  /** Null where the policy does not compile for this schema. */
  readonly plan: CompiledPlan | null;
  readonly problems: readonly GauzeError[];
  /** By path; one for each field. */
  readonly fields: ReadonlyMap<string, Treatment>;
  readonly key: Treatment & { readonly tag: TagName | null };
  readonly timestamp: Treatment;
  /** Headers that pass, with the reason. */
  readonly headers: ReadonlyMap<string, string>;
  /** What becomes of records that are sensitive by a code, by the tag they carry. */
  readonly sensitive: ReadonlyMap<TagName, Treatment>;
}

export interface Explanation {
  readonly topic: TopicToExplain;
  readonly fields: readonly ExplainedField[];
  readonly audiences: readonly AudienceView[];
}

const HELD = { instruction: null, method: 'held', comesOut: 'nothing: its lane stands still' } as const;

/** In words, by the policy's word. */
const TIMES: Readonly<Record<string, string>> = {
  append: 'no event time: the broker stamps each record',
  keep: 'the raw time',
  shift: "the raw time, moved by as many days as the person's dates",
};

/** Explains a topic to the audiences given; each must cover it. */
export function explain(topic: TopicToExplain, policies: readonly PolicyToExplain[]): Explanation {
  const fields = topic.leaves.map(({ path, type, mapKey, tags }) => {
    return { path, type: mapKey ? 'map key' : typeWord(type), tags: [...tags].toSorted() };
  });
  return { topic, fields, audiences: policies.map((policy) => viewOf(policy, topic)) };
}

/** The plan of an audience, or what stands in its way. */
export function planOf(
  { policy, version, asOfDay }: PolicyToExplain,
  topic: TopicToExplain,
): CompiledPlan | GauzeError[] {
  const { metadata, siteTags, schema, schemaId, tags } = topic;
  return compilePlan({
    policy,
    policyVersion: version,
    asOfDay,
    topic: topic.topic,
    schemaId,
    schema,
    tagsInForce: tags,
    siteTags,
    ...(metadata ? { metadata } : {}),
  });
}

function viewOf(policy: PolicyToExplain, topic: TopicToExplain): AudienceView {
  const compiled = planOf(policy, topic);
  const plan = Array.isArray(compiled) ? null : compiled;
  const planned = new Map(plan?.leaves.map((leaf) => [leaf.path, leaf]));
  const fields = topic.leaves.map((leaf): [string, Treatment] => {
    const known = planned.get(leaf.path);
    return [leaf.path, known ? treatmentOf(known) : decided(policy, topic, leaf)];
  });
  const rules = policy.policy.topics.get(topic.topic)!;
  const { timestamp, regime } = policy.policy;
  return {
    policy,
    plan,
    problems: Array.isArray(compiled) ? compiled : [],
    fields: new Map(fields),
    key: { ...keyOf(policy, topic.topic), tag: rules.keyTag },
    timestamp: {
      instruction: null,
      method: timestamp,
      comesOut: TIMES[timestamp] ?? timestamp,
      why: `timestamp: ${timestamp}, which ${regime} allows`,
    },
    headers: rules.headers,
    sensitive: sensitiveOf(policy.policy.sensitive.get(topic.topic) ?? []),
  };
}

/** Several rules of one tag are told together. */
function sensitiveOf(rules: readonly SensitiveByValue[]): ReadonlyMap<TagName, Treatment> {
  const told = new Map<TagName, Treatment>();
  for (const { tag, where, codes, startsWith, redact, reason } of rules) {
    const count = codes.length + startsWith.length;
    const before = told.get(tag);
    const method = redact.length === 0 ? 'withheld' : `emptied: ${redact.join(', ')}`;
    const out = redact.length === 0 ? 'no record' : 'the record without these';
    const why = `${where.join(' or ')} by ${count} ${count === 1 ? 'code' : 'codes'}: ${reason}`;
    told.set(tag, {
      instruction: null,
      method: before ? `${before.method}; ${method}` : method,
      comesOut: before ? `${before.comesOut}; ${out}` : out,
      why: before ? `${before.why}; ${why}` : why,
    });
  }
  return told;
}

function treatmentOf({ schema, instruction, emptied, why }: PlanLeaf): Treatment {
  return {
    instruction,
    method: instructionInWords(instruction),
    comesOut: comesOut(schema, instruction, emptied),
    why,
  };
}

/** What is said of a leaf by itself, where the whole does not compile. */
function decided({ policy }: PolicyToExplain, { topic }: TopicToExplain, leaf: Leaf): Treatment {
  const problems: GauzeError[] = [];
  const decision = decideLeaf(policy, topic, leaf, (problem) => problems.push(problem));
  if (decision === null) return { ...HELD, why: problems.map(({ code }) => code).join(', ') };
  const { instruction, why } = decision;
  return {
    instruction,
    method: instructionInWords(instruction),
    comesOut: comesOut(leaf.type, instruction),
    why,
  };
}

function keyOf({ policy }: PolicyToExplain, topic: string): Treatment {
  try {
    const instruction = keyInstruction(policy, topic);
    const out = comesOut({ kind: 'string', logical: null, tags: [] }, instruction);
    const why = `tag ${policy.topics.get(topic)?.keyTag}`;
    return { instruction, method: instructionInWords(instruction), comesOut: out, why };
  } catch (error) {
    if (!(error instanceof GauzeError)) throw error;
    return { ...HELD, why: error.code };
  }
}
