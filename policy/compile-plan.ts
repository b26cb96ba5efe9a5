/**
 * Compiles a policy, a writer's schema and the tags in force to a plan: exactly one instruction for each leaf.
 * It must never return a plan that misses a leaf: any problem, and there is none; all problems are found at once.
 */
import { createHash } from 'node:crypto';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import { deriveSchema } from '../processors/derive-schema.ts';
import { METHODS } from '../processors/method-table.ts';
import type { KeyInstruction, Plan } from '../processors/plan.ts';
import { typeWord } from '../schemas/avro-schema.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { isAtOrBelow } from '../schemas/field-path.ts';
import { tagsInForce } from '../schemas/tags.ts';
import type { Leaf, PathTags, SiteTags, TagName, TagSources } from '../schemas/tags.ts';
import { decideAgain } from './again-decision.ts';
import { canonicalJson } from './canonical-json.ts';
import { guardTree } from './guard-tree.ts';
import { decideLeaf, exceptionFor, problemIn } from './leaf-decision.ts';
import type { LeafDecision } from './leaf-decision.ts';
import { isKeyInstruction, keepsKeysApart } from './key-instruction.ts';
import { dictionaryOf, dictionaryProblems, knownLeaves } from './known-leaves.ts';
import { lintLeaves } from './lint.ts';
import { personField } from './person-field.ts';
import { pinnedTables } from './pinned-tables.ts';
import { assertCovered } from './plan-coverage.ts';
import { planLeaf } from './plan-leaf.ts';
import type { PlanLeaf } from './plan-leaf.ts';
import { buildPlanTree } from './plan-tree.ts';
import type { PlanTree } from './plan-tree.ts';
import type { Policy } from './policy.ts';
import { regimeObjection } from './regimes.ts';
import { compileSensitive } from './sensitive-rules.ts';
import type { CompiledRules } from './sensitive-rules.ts';
import { timestampMaxDays } from './shifted-times.ts';
import { methodForTag } from './tag-method.ts';

/** What a grant shows beyond its base audience's policy. */
export interface Reveal {
  readonly grantId: string;
  /** Paths of leaves, each with the tags in force on it when people decided. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface PlanInput {
  readonly policy: Policy;
  /** Version of the policy in gauze.policies. */
  readonly policyVersion: number;
  /** Days since 1970-01-01 at which ages are told at the earliest. */
  readonly asOfDay: number;
  readonly topic: string;
  readonly schemaId: number;
  readonly schema: AvroType;
  /** `unionTags` over all versions of the subject, and all that the policy log has kept. */
  readonly tagsInForce: PathTags;
  /** The config's own words for tags. */
  readonly siteTags?: SiteTags;
  /** `metadata.tags` of this version, where the registry keeps them. */
  readonly metadata?: TagSources['metadata'];
  /** For the plan of a grant. All other leaves, keys and headers are treated as the policy says. */
  readonly reveal?: Reveal | null;
}

/** A plan that also says of each leaf what was decided and why; part of its hash. */
export interface CompiledPlan extends Plan {
  readonly leaves: readonly PlanLeaf[];
  /** Hashes of the tables that methods mask by; absent where there are none. */
  readonly tables?: Readonly<Record<string, string>>;
}

/** Compiles; the plan, or every problem (never both): each with file and line of the policy. */
export function compilePlan(input: PlanInput): CompiledPlan | GauzeError[] {
  return new Compilation(input).run();
}

/** The name under which a grant's plans, keys and derived schemas stand where others have their audience. */
export function grantView(grantId: string): string {
  return `grant-${grantId}`;
}

/** What a plan does to each leaf, in the order of the record's bytes. */
export function leafInstructions(plan: CompiledPlan): readonly PlanLeaf[] {
  return plan.leaves;
}

class Compilation {
  readonly #input: PlanInput;
  readonly #problems = new Map<string, GauzeError>();

  constructor(input: PlanInput) {
    this.#input = input;
  }

  run(): CompiledPlan | GauzeError[] {
    const { policy, topic, schema } = this.#input;
    const topicPolicy = policy.topics.get(topic);
    if (!topicPolicy) return [this.#error('ERR_POLICY_ABSENT', ['topics'], {})];
    const key = this.#key(topicPolicy.keyTag);
    const leaves = this.#leaves();
    if (leaves === null) return [...this.#problems.values()];
    this.#unknownPaths(leaves);
    const decisions = this.#decisions(leaves);
    const tree = buildPlanTree(schema, decisions, (code, path, method, type) => {
      this.#problem(code, this.#settingFor(path), { path, method, actual: typeWord(type) });
    });
    const personPath = this.#personPath(tree);
    this.#dictionary(tree, personPath);
    const sensitive = this.#sensitive(tree, leaves);
    if (this.#problems.size > 0 || key === null) return [...this.#problems.values()];
    return this.#plan(tree, leaves, key, [...topicPolicy.headers.keys()].sort(), personPath, sensitive);
  }

  #sensitive(tree: PlanTree, leaves: readonly Leaf[]): CompiledRules {
    const { policy, topic, schemaId, tagsInForce: known, reveal } = this.#input;
    const revealed = reveal?.fields ?? null;
    return compileSensitive({ policy, topic, schemaId, leaves, known, tree, revealed }, (...problem) => {
      this.#problem(...problem);
    });
  }

  /** Null where the schema has words that are no tags: nothing more can be said of it. */
  #leaves(): Leaf[] | null {
    const { schema, tagsInForce: versions, siteTags, metadata, topic } = this.#input;
    const sources = {
      subject: `${topic}-value`,
      ...(siteTags ? { site: siteTags } : {}),
      ...(metadata ? { metadata } : {}),
    };
    try {
      return tagsInForce(schema, versions, sources);
    } catch (error) {
      if (!(error instanceof GauzeErrors)) throw error;
      for (const problem of error.errors) this.#add(problem);
      return null;
    }
  }

  #decisions(leaves: readonly Leaf[]): Map<string, LeafDecision> {
    const { policy, topic } = this.#input;
    const decisions = new Map<string, LeafDecision>();
    for (const leaf of leaves) {
      const decision =
        this.#revealed(leaf) ?? decideLeaf(policy, topic, leaf, (problem) => this.#add(problem));
      if (decision !== null) decisions.set(leaf.path, decision);
    }
    decideAgain(policy, topic, this.#input.schema, decisions, (problem) => this.#add(problem));
    const isRemoved = (path: string): boolean => {
      const method = exceptionFor(policy, topic, path)?.[1].instruction.method;
      return method === 'drop' || method === 'redact';
    };
    const suspects = leaves.filter((leaf) => !isRemoved(leaf.path));
    const place = { file: policy.file, line: policy.lineOf('topics', topic), topic };
    for (const problem of lintLeaves(suspects, this.#input.schema, place)) this.#add(problem);
    return decisions;
  }

  /**
   * A leaf that a grant reveals passes, whatever the regime says of its tags: people have decided. What they have not
   * seen they have not decided: with one more tag in force, there is no plan.
   */
  #revealed({ path, tags }: Leaf): LeafDecision | null {
    const { reveal } = this.#input;
    const decided = reveal?.fields.get(path);
    if (!reveal || !decided) return null;
    if ([...tags].some((tag) => !decided.has(tag)))
      this.#problem('ERR_GRANT_TAGS_CHANGED', this.#settingFor(path), { path, grant: reveal.grantId });
    return { instruction: { method: 'keep' }, why: `grant ${reveal.grantId}` };
  }

  /** A `fields:` path that no version of the schema has is a spelling mistake, or it protects nothing any more. */
  #unknownPaths(leaves: readonly Leaf[]): void {
    const { policy, topic, tagsInForce: versions } = this.#input;
    for (const path of policy.fields.get(topic)?.keys() ?? []) {
      if (!versions.has(path) && !leaves.some((leaf) => isAtOrBelow(leaf.path, path)))
        this.#problem('ERR_POLICY_FIELD_UNKNOWN', ['fields', topic, path], { path });
    }
  }

  #key(tag: TagName | null): KeyInstruction | null {
    const { policy, topic } = this.#input;
    const setting = ['topics', topic, 'key'];
    if (tag === null) return this.#problem('ERR_POLICY_KEY_MISSING', setting, {});
    const instruction = methodForTag(policy, tag);
    const path = 'record key';
    if (!instruction) return this.#problem('ERR_POLICY_TAG_WITHOUT_METHOD', setting, { path, tag });
    const { method } = instruction;
    if (!isKeyInstruction(instruction)) return this.#problem('ERR_POLICY_KEY_METHOD', setting, { method });
    const { regime } = policy;
    const objection = regimeObjection(regime, tag, instruction, false);
    if (objection)
      return this.#problem('ERR_POLICY_REGIME', setting, { path, regime, tag, method, ...objection });
    if (policy.topics.get(topic)?.compact && !keepsKeysApart(policy, instruction))
      return this.#problem('ERR_POLICY_KEY_COMPACTION', ['topics', topic, 'compact'], { method });
    return instruction;
  }

  #dictionary({ decisions }: PlanTree, personPath: readonly string[] | null): void {
    const { policy } = this.#input;
    for (const { path, dictionary } of dictionaryProblems(decisions, policy.topics, personPath))
      this.#problem('ERR_POLICY_DICTIONARY', this.#settingFor(path), { path, dictionary });
  }

  #personPath({ decisions }: PlanTree): readonly string[] | null {
    const { schema, topic } = this.#input;
    const { count, path } = personField(schema);
    const isNeeded =
      this.#input.policy.timestamp === 'shift' ||
      [...decisions.values()].some(({ instruction }) => METHODS[instruction.method].needsPerson);
    if (path === null && (count > 0 || isNeeded))
      this.#problem('ERR_SCHEMA_PERSON', ['topics', topic], { subject: `${topic}-value`, count });
    return path;
  }

  #plan(
    tree: PlanTree,
    leaves: readonly Leaf[],
    key: KeyInstruction,
    headers: readonly string[],
    personPath: readonly string[] | null,
    { rules, guarded }: CompiledRules,
  ): CompiledPlan {
    const { policy, policyVersion, asOfDay, topic, schemaId, reveal } = this.#input;
    const audience = reveal ? grantView(reveal.grantId) : policy.audience;
    const planLeaves = leaves.map((leaf) => planLeaf(leaf, tree));
    assertCovered(tree.root, planLeaves);
    const maxDays = timestampMaxDays(policy);
    const tables = pinnedTables(planLeaves);
    const known = knownLeaves(planLeaves);
    const dictionary = dictionaryOf(planLeaves);
    const body = {
      audience,
      topic,
      schemaId,
      root: guardTree(tree.root, guarded),
      // Absent where there are none, so that a plan without them is the one that it always was.
      ...(known ? { known } : {}),
      ...(dictionary === null ? {} : { dictionary }),
      ...(rules.length > 0 ? { sensitive: rules } : {}),
      key,
      headers,
      ...(policy.persons ? { persons: policy.persons } : {}),
      timestamp: policy.timestamp,
      ...(maxDays === null ? {} : { timestampMaxDays: maxDays }),
      personPath,
      personSpace: 'patient',
      asOfDay,
      derivedSchema: deriveSchema(tree.root, audience, (path) => this.#input.tagsInForce.has(path)),
      policyVersion,
      leaves: planLeaves,
      ...(tables ? { tables } : {}),
    } as const;
    return { ...body, hash: createHash('sha256').update(canonicalJson(body)).digest('hex') };
  }

  /** The setting that decided about what stands at `path`: an exception, else the topic. */
  #settingFor(path: string): readonly PropertyKey[] {
    const { policy, topic } = this.#input;
    const exception = exceptionFor(policy, topic, path);
    return exception ? ['fields', topic, exception[0]] : ['topics', topic];
  }

  #error(code: ErrorCode, setting: readonly PropertyKey[], context: ErrorContext): GauzeError {
    return problemIn(this.#input.policy, this.#input.topic)(code, setting, context);
  }

  #problem(code: ErrorCode, setting: readonly PropertyKey[], context: ErrorContext): null {
    return this.#add(this.#error(code, setting, context));
  }

  /** The same problem is said once. */
  #add(problem: GauzeError): null {
    this.#problems.set(canonicalJson(problem.toJSON()), problem);
    return null;
  }
}
