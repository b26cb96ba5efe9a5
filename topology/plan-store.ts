/**
 * Compiled plans by audience, topic and writer schema, made when first needed and again whenever the policy log or
 * the registry's versions of a subject change. A plan is only ever made from the tags of all versions together.
 */
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import type { Keyring } from '../keys/keyring.ts';
import { compilePlan, grantView, leafInstructions } from '../policy/compile-plan.ts';
import type { Reveal } from '../policy/compile-plan.ts';
import type { AliasLists } from '../keys/alias-lists.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import { registerDerived } from '../policy/derived-contract.ts';
import type { PolicyLog } from '../policy/policy-log.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { Policy } from '../policy/policy.ts';
import { readSubjectTags, tagsOfSubject, unseenTags } from '../policy/subject-tags.ts';
import type { SubjectTags, TagEntries } from '../policy/subject-tags.ts';
import type { Plan } from '../processors/plan.ts';
import { compileTranscoder } from '../processors/transcoder.ts';
import type { Transcoder } from '../processors/transcoder.ts';
import type { RegistryClient, SubjectVersion } from '../schemas/registry-client.ts';
import type { SiteTags } from '../schemas/tags.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { sanitizedTopic, valueSubject } from '../schemas/topic-names.ts';
import type { LaneName } from './lane-context.ts';
import { MaskingKeys } from './masking-keys.ts';
import { topicRulesOf } from './topic-rules.ts';
import type { TopicRules } from './topic-rules.ts';
import { compileSubjectTokenizer } from './subject-tokenizer.ts';
import type { SubjectTokenizer } from './subject-tokenizer.ts';
import { writerSchema } from './writer-schema.ts';

export interface CompiledPlan {
  readonly plan: Plan;
  readonly transcoder: Transcoder;
  /** Magic byte and id of the derived schema. */
  readonly prefix: Buffer;
  /** Paths that come out as they went in. */
  readonly fieldsClear: readonly string[];
  /** Tags of those paths. */
  readonly dataClasses: readonly string[];
}

/** Tags of a subject that the policy log does not have yet. */
export interface UnseenTags {
  readonly subject: string;
  readonly paths: TagEntries;
}

/** Whom plans are for: an audience, or a grant on top of one. */
export interface PlanView {
  /** The audience whose policy applies. */
  readonly audience: string;
  readonly topic: string;
  readonly outputTopic: string;
  readonly keys: AudienceKeys;
  readonly reveal: Reveal | null;
}

export interface PlanStoreOptions {
  readonly registry: RegistryClient;
  readonly policyLog: PolicyLog;
  readonly keyring: Keyring;
  readonly aliasLists: AliasLists;
  readonly siteTags: SiteTags;
}

export class PlanStore {
  /** What plans are made from. */
  readonly sources: Pick<PlanStoreOptions, 'registry' | 'siteTags'>;
  /** Counts up whenever plans made so far may be out of date. */
  generation = 0;
  /** Keys by what policies pin. */
  readonly maskingKeys: MaskingKeys;
  private readonly options: PlanStoreOptions;
  private readonly subjects = new Map<string, Promise<SubjectTags>>();
  private readonly plans = new Map<string, Promise<CompiledPlan>>();
  private readonly policies = new Map<string, { sha256: string; policy: Policy }>();
  private readonly versionLists = new Map<string, string>();

  constructor(options: PlanStoreOptions) {
    this.options = options;
    this.sources = options;
    this.maskingKeys = new MaskingKeys(options.keyring, options.aliasLists);
  }

  /**
   * The policy in force, parsed; null where the audience has none, or one that this version of gauze cannot read:
   * then its lanes hold or stop, and those of other audiences go on.
   */
  policy(audience: string): Policy | null {
    const applied = this.options.policyLog.state.policies.get(audience);
    if (!applied) return null;
    const known = this.policies.get(audience);
    if (known?.sha256 === applied.sha256) return known.policy;
    const policy = readable(applied.text, `${audience}.yaml`);
    if (policy) this.policies.set(audience, { sha256: applied.sha256, policy });
    return policy;
  }

  /** What an audience sees of a topic. Throws ERR_POLICY_ABSENT, and as MaskingKeys.audience does. */
  audienceView(audience: string, topic: string): PlanView {
    const keys = this.maskingKeys.audience(this.policyOf(audience, topic));
    const version = this.options.policyLog.state.versions.topicVersion(audience, topic)?.version;
    return { audience, topic, outputTopic: sanitizedTopic(topic, audience, version), keys, reveal: null };
  }

  /** What an audience sees of a topic through a grant. Throws as `audienceView` does. */
  grantKeys(audience: string, topic: string, grantId: string): AudienceKeys {
    return this.maskingKeys.grant(this.policyOf(audience, topic), grantId);
  }

  /**
   * What a policy says about all records of a topic; with `keys`, for a view that has its own and is never compacted.
   * Throws ERR_POLICY_ABSENT, ERR_POLICY_KEY_MISSING, and as MaskingKeys.audience does.
   */
  topicRules(audience: string, topic: string, keys?: AudienceKeys): TopicRules {
    const policy = this.policyOf(audience, topic);
    if (keys) return { ...topicRulesOf(policy, topic, keys, []), compacted: false };
    const isCompacted = policy.topics.get(topic)?.compact ?? false;
    const older = isCompacted ? policy.keys.live : [];
    return topicRulesOf(
      policy,
      topic,
      this.maskingKeys.audience(policy),
      older.map((epoch) => this.maskingKeys.audience(policy, epoch)),
    );
  }

  /** The policy version that a lane works by from now on. Throws ERR_POLICY_ABSENT. */
  inForce({ audience, topic }: LaneName): PolicyInForce {
    const { policyLog } = this.options;
    const applied = policyLog.state.policies.get(audience);
    if (!applied) throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    const policy = this.policyOf(audience, topic);
    return {
      version: applied.version,
      sha256: applied.sha256,
      policyLogOffset: policyLog.state.endOffset,
      keyEpoch: this.maskingKeys.audience(policy).epoch,
    };
  }

  private policyOf(audience: string, topic: string): Policy {
    const policy = this.policy(audience);
    if (!policy?.topics.has(topic)) throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    return policy;
  }

  /** The log has changed: every plan is looked at again. */
  invalidate(): void {
    this.generation++;
    this.plans.clear();
    this.subjects.clear();
  }

  /** Asks the registry for new versions of the subjects in use. */
  async refreshSubjects(): Promise<void> {
    for (const [subject, list] of this.versionLists) {
      const versions = await this.options.registry.subjectVersions(subject);
      if (listOf(versions) === list) continue;
      this.invalidate();
      return;
    }
  }

  /**
   * The plan for records of `schemaId` on `topic`. Throws the hold or outage that stands in the way; errors are not
   * remembered.
   */
  async plan(audience: string, topic: string, schemaId: number): Promise<CompiledPlan> {
    return await this.viewPlan(this.audienceView(audience, topic), schemaId);
  }

  /** The same for any view. Throws ERR_GRANT_TAGS_CHANGED before everything else that stands in the way. */
  async viewPlan(view: PlanView, schemaId: number): Promise<CompiledPlan> {
    const name = view.reveal ? grantView(view.reveal.grantId) : view.audience;
    const key = `${name}/${view.outputTopic}/${schemaId}`;
    const known = this.plans.get(key) ?? this.compile(view, schemaId);
    this.plans.set(key, known);
    try {
      return await known;
    } catch (error) {
      if (this.plans.get(key) === known) this.plans.delete(key);
      throw firstOf(error);
    }
  }

  /**
   * What finds whom records of `schemaId` on `topic` are about, by tokens of one key epoch; a new one at each call.
   * Throws as `plan` does.
   */
  async tokenizer(topic: string, schemaId: number, tokens: SubjectTokens): Promise<SubjectTokenizer> {
    const { registry } = this.options;
    try {
      const { schema, subject } = await writerSchema(registry, topic, schemaId);
      return compileSubjectTokenizer(schema, tokens, subject);
    } catch (error) {
      throw firstOf(error);
    }
  }

  /** What must be in the policy log before, or together with, the first record under a plan of `topic`. */
  async unseenTags(topic: string): Promise<UnseenTags | null> {
    const tags = await this.subjectTags(valueSubject(topic));
    const paths = unseenTags(tags, this.options.policyLog.state);
    return paths.length > 0 ? { subject: tags.subject, paths } : null;
  }

  private async compile(view: PlanView, schemaId: number): Promise<CompiledPlan> {
    const { audience, topic, reveal } = view;
    const { registry, policyLog, siteTags } = this.options;
    const applied = policyLog.state.policies.get(audience);
    const policy = this.policy(audience);
    if (!applied || !policy || !policy.topics.has(topic))
      throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    const { subject, text, schema } = await writerSchema(registry, topic, schemaId);
    const tags = await this.subjectTags(subject);
    const plan = compilePlan({
      policy,
      policyVersion: applied.version,
      asOfDay: applied.asOfDay,
      topic,
      schemaId,
      schema,
      tagsInForce: tagsOfSubject(tags, policyLog.state),
      siteTags,
      metadata: text.metadata,
      reveal,
    });
    if (Array.isArray(plan)) {
      const voided = plan.filter(({ code }) => code === 'ERR_GRANT_TAGS_CHANGED');
      throw new GauzeErrors(voided.length > 0 ? voided : plan);
    }
    const derivedSubject = valueSubject(view.outputTopic);
    // A grant's topic is one grantee's and ends with the grant: nobody has been promised its next version.
    const derivedId = reveal
      ? await registry.register(derivedSubject, plan.derivedSchema)
      : await registerDerived(registry, derivedSubject, plan.derivedSchema);
    const clear = leafInstructions(plan).filter(({ instruction }) => instruction.method === 'keep');
    return {
      plan,
      transcoder: compileTranscoder(plan, view.keys),
      prefix: prefixOf(derivedId),
      fieldsClear: clear.map(({ path }) => path),
      dataClasses: [...new Set(clear.flatMap((leaf) => [...leaf.tags]))].sort(),
    };
  }

  private async subjectTags(subject: string): Promise<SubjectTags> {
    const known = this.subjects.get(subject) ?? this.readSubject(subject);
    this.subjects.set(subject, known);
    try {
      return await known;
    } catch (error) {
      if (this.subjects.get(subject) === known) this.subjects.delete(subject);
      throw error;
    }
  }

  private async readSubject(subject: string): Promise<SubjectTags> {
    const { registry, siteTags } = this.options;
    const tags = await readSubjectTags(registry, siteTags, subject);
    this.versionLists.set(subject, listOf(tags.versions));
    return tags;
  }
}

/** A lane is held by one thing at a time. */
function firstOf(error: unknown): unknown {
  return error instanceof GauzeErrors ? error.errors[0] : error;
}

function readable(text: string, file: string): Policy | null {
  try {
    return parsePolicy(text, file);
  } catch (error) {
    if (error instanceof GauzeError || error instanceof GauzeErrors) return null;
    throw error;
  }
}

function listOf(versions: readonly SubjectVersion[]): string {
  return versions.map(({ version, id }) => `${version}:${id}`).join(',');
}

/** Magic byte and id of a schema, as they stand before each value. */
export function prefixOf(schemaId: number): Buffer {
  const prefix = Buffer.alloc(REGISTRY_PREFIX_BYTES);
  prefix.writeInt32BE(schemaId, 1);
  return prefix;
}
