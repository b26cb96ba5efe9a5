/**
 * The plans that an event was masked by, compiled again from the recorded policy, the tags of then and the keys of
 * then. A plan counts only if its hash is the recorded one; nothing is registered and nothing is remembered.
 */
import {
  EXT_DICTIONARY_OFFSETS,
  EXT_DICTIONARY_SHA256,
  EXT_DICTIONARY_TOPIC,
} from '../audit/dictionary-events.ts';
import { derivedSchemaExt } from '../audit/replay-events.ts';
import type { ReplayableEvent } from '../audit/replay-events.ts';
import { extOf } from '../audit/verify/signature-check.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { spread } from '../kafka/spread.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { compilePlan } from '../policy/compile-plan.ts';
import type { CompiledPlan as Plan, Reveal } from '../policy/compile-plan.ts';
import type { Policy } from '../policy/policy.ts';
import { tagsOfSubject, tagsOfVersions } from '../policy/subject-tags.ts';
import { compileTranscoder } from '../processors/transcoder.ts';
import type { Transcoder } from '../processors/transcoder.ts';
import type { GrantState, ReplayResult } from '../schemas/access-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import type { GrantContext } from './grant-context.ts';
import { foldGrantState } from './grant-state-log.ts';
import type { DictionaryVersion } from './person-dictionary.ts';
import { prefixOf } from './plan-store.ts';
import type { CompiledPlan } from './plan-store.ts';
import type { PastPolicy } from './replay-policies.ts';
import { isResult, unverifiable } from './replay-result.ts';
import { topicRulesOf } from './topic-rules.ts';
import type { TopicRules } from './topic-rules.ts';
import { writerSchema } from './writer-schema.ts';

/** Everything that decided what the event's records became. */
export class PastPlans {
  readonly rules: TopicRules;
  readonly plans = new Map<number, CompiledPlan>();
  private dictionary: DictionaryVersion | null = null;
  private readonly context: GrantContext;
  private readonly event: ReplayableEvent;
  private readonly past: PastPolicy;
  private readonly keys: AudienceKeys;
  private readonly reveal: Reveal | null;

  private constructor(
    context: GrantContext,
    event: ReplayableEvent,
    parts: PastKeys & { readonly past: PastPolicy; readonly reveal: Reveal | null },
  ) {
    this.context = context;
    this.event = event;
    this.past = parts.past;
    this.keys = parts.keys;
    this.reveal = parts.reveal;
    const rules = topicRulesOf(parts.past.policy, event.range.topic, parts.keys, parts.older);
    // A grant's topic is never compacted.
    this.rules = event.grant ? { ...rules, compacted: false } : rules;
  }

  /** Finds policy and keys, and of a grant what it revealed. Throws outages. */
  static async find(
    context: GrantContext,
    event: ReplayableEvent,
    past: PastPolicy,
    signal: AbortSignal,
  ): Promise<PastPlans | ReplayResult> {
    const keys = keysOf(context, event, past.policy);
    if (isResult(keys)) return keys;
    const reveal = event.grant ? await revealOf(context, event.grant, signal) : null;
    if (reveal && isResult(reveal)) return reveal;
    return new PastPlans(context, event, { ...keys, past, reveal });
  }

  /** Makes the plan of a schema, into `plans`; null where it is there, else why it cannot be had. */
  async learn(schemaId: number): Promise<ReplayResult | null> {
    try {
      const plan = await this.plan(schemaId);
      if (isResult(plan)) return plan;
      const derivedId = await this.derivedId(schemaId, plan);
      if (derivedId === null) return unverifiable('SCHEMA_GONE');
      const transcoder = compileTranscoder(plan, this.keys);
      const lost = await this.pinDictionary(plan, transcoder);
      if (lost) return lost;
      this.plans.set(schemaId, {
        plan,
        transcoder,
        prefix: prefixOf(derivedId),
        fieldsClear: [],
        dataClasses: [],
      });
      return null;
    } catch (thrown) {
      const error = ownError(thrown);
      if (error.kind === 'hold') return unverifiable('SCHEMA_GONE');
      throw error;
    }
  }

  /**
   * The one plan with the recorded hash. Versions of the subject that were registered later may have brought tags that
   * nobody knew then: so the newest version is left out, then the one before, and so on.
   */
  private async plan(schemaId: number): Promise<Plan | ReplayResult> {
    const { registry, siteTags } = this.context.plans.sources;
    const { topic } = this.event.range;
    const { subject, text, schema } = await writerSchema(registry, topic, schemaId);
    // What the registry's settings say today, they may not have said then; what they did say, the log has kept.
    const versions = await registry.subjectVersions(subject, { includeDeleted: true, settings: false });
    const wanted = extOf(this.event, `plan.${schemaId}`) ?? this.event.plan.hash.toString('hex');
    for (let count = versions.length; count > 0; count--) {
      const tags = tagsOfVersions(subject, versions.slice(0, count), siteTags);
      const plan = compilePlan({
        policy: this.past.policy,
        policyVersion: this.past.version,
        asOfDay: this.past.asOfDay,
        topic,
        schemaId,
        schema,
        tagsInForce: tagsOfSubject(tags, this.past.state),
        siteTags,
        metadata: text.metadata,
        reveal: this.reveal,
      });
      if (!Array.isArray(plan) && plan.hash === wanted) return plan;
    }
    return unverifiable('PLAN_OTHER');
  }

  /** The dictionary of then, read again up to where it stood: only if it says the same. */
  private async pinDictionary({ dictionary }: Plan, transcoder: Transcoder): Promise<ReplayResult | null> {
    if (dictionary === undefined) return null;
    const offsets = extOf(this.event, EXT_DICTIONARY_OFFSETS)?.split(',').map(Number);
    if (!offsets || extOf(this.event, EXT_DICTIONARY_TOPIC) !== dictionary) return unverifiable('DICTIONARY');
    this.dictionary ??= await this.context.dictionaries.anew(this.context, dictionary).upTo(offsets);
    if (this.dictionary?.sha256 !== extOf(this.event, EXT_DICTIONARY_SHA256))
      return unverifiable('DICTIONARY');
    transcoder.pin?.(this.dictionary ?? null);
    return null;
  }

  /** A grant's derived schema is deleted with its topic; its events say which it was. */
  private async derivedId(schemaId: number, { derivedSchema }: Plan): Promise<number | null> {
    const said = Number(extOf(this.event, derivedSchemaExt(schemaId)) ?? Number.NaN);
    if (Number.isSafeInteger(said)) return said;
    const subject = valueSubject(this.event.view.output_topic);
    return await this.context.plans.sources.registry.registeredId(subject, derivedSchema);
  }
}

interface PastKeys {
  readonly keys: AudienceKeys;
  /** Of the epochs that were live in a compacted topic. */
  readonly older: readonly AudienceKeys[];
}

/** The keys of then, with the merged persons of then, or what of them is gone. */
function keysOf(
  { plans: { maskingKeys } }: GrantContext,
  { plan, grant, range }: ReplayableEvent,
  policy: Policy,
): PastKeys | ReplayResult {
  const epoch = plan.masking_key_epoch;
  const isCompacted = !grant && (policy.topics.get(range.topic)?.compact ?? false);
  try {
    return {
      keys: grant ? maskingKeys.grant(policy, grant.id, epoch) : maskingKeys.audience(policy, epoch),
      older: (isCompacted ? policy.keys.live : []).map((each) => maskingKeys.audience(policy, each)),
    };
  } catch (thrown) {
    const { code } = ownError(thrown);
    if (code === 'ERR_KEY_MISSING' || code === 'ERR_KEY_EPOCH_MISSING') return unverifiable('KEY_EPOCH');
    if (code === 'ERR_PERSONS_LIST_MISSING') return unverifiable('ALIASES_GONE');
    throw thrown;
  }
}

/** What the grant showed in clear: from its state, if that is still the scope that the event names. */
async function revealOf(
  { cluster, names }: GrantContext,
  { id: grantId, scope_sha256: scopeSha256 }: NonNullable<ReplayableEvent['grant']>,
  signal: AbortSignal,
): Promise<Reveal | ReplayResult> {
  const topic = await cluster.topic(names.grants);
  if (!topic) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: names.grants });
  const states = new Map<string, GrantState>();
  const reader = new LogReader(cluster, names.grants, spread(grantId, topic.leaders.length));
  try {
    await reader.readToEnd((record) => void foldGrantState(states, record, reader), signal);
  } finally {
    reader.close();
  }
  const state = states.get(grantId);
  if (!state || !scopeSha256?.equals(state.scope_sha256)) return unverifiable('GRANT_GONE');
  return { grantId, fields: new Map(state.scope.fields.map(({ path, tags }) => [path, new Set(tags)])) };
}
