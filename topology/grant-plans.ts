/**
 * The rules that a grant's records are masked by, as of now: plans by schema, tokenizers, policy in force. Looked at
 * again whenever policies or tags have changed; a schema without a plan delivers nothing.
 */
import type { PolicyInForce } from '../audit/lane-events.ts';
import { ownError } from '../platform/errors.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import type { GrantContext } from './grant-context.ts';
import { grantTokens } from './grant-persons.ts';
import type { Survivors } from './grant-persons.ts';
import { tagsEntry } from './lane-ledger.ts';
import type { CompiledPlan, PlanView } from './plan-store.ts';
import type { TopicRules } from './topic-rules.ts';
import type { SubjectTokenizer } from './subject-tokenizer.ts';

export class GrantPlans {
  /** Its keys are of the epoch and the merged persons that the policy in force pins. */
  view: PlanView;
  readonly plans = new Map<number, CompiledPlan>();
  readonly tokenizers = new Map<number, SubjectTokenizer>();
  policy: PolicyInForce;
  /** What the policy log has to keep together with the first record under these plans. */
  entries: readonly PolicyLogEntry[] = [];
  private readonly context: GrantContext;
  private readonly grantId: string;
  /** Which tokens are of one person. */
  readonly survivors: Survivors;
  private readonly tokens: SubjectTokens;
  private generation = -1;
  private held: string | null = null;

  /** Throws ERR_KEY_MISSING, ERR_POLICY_ABSENT, ERR_GRANT_TOKEN_EPOCH. */
  constructor(context: GrantContext, state: GrantState) {
    const { grant_id: grantId, scope } = state;
    this.context = context;
    this.grantId = grantId;
    this.tokens = grantTokens(context.keyring, state);
    this.survivors = context.aliases.survivors(this.tokens);
    this.view = {
      audience: scope.base_audience,
      topic: scope.topic,
      outputTopic: context.names.grantTopic(grantId),
      keys: context.plans.grantKeys(scope.base_audience, scope.topic, grantId),
      reveal: { grantId, fields: new Map(scope.fields.map(({ path, tags }) => [path, new Set(tags)])) },
    };
    this.policy = this.inForce();
  }

  /** Masked by older rules than there are now: not to be delivered. */
  get isOutdated(): boolean {
    return this.generation !== this.context.plans.generation;
  }

  /** Between leases: newer policies or tags make every plan be looked at again. */
  refresh(): void {
    if (!this.isOutdated) return;
    this.policy = this.inForce();
    const { audience, topic } = this.view;
    this.view = { ...this.view, keys: this.context.plans.grantKeys(audience, topic, this.grantId) };
    this.plans.clear();
    this.tokenizers.clear();
    this.generation = this.context.plans.generation;
  }

  /** What the base audience's policy says about all records; keys under the grant's own key. */
  rules(): TopicRules {
    const { audience, topic, keys } = this.view;
    return this.context.plans.topicRules(audience, topic, keys);
  }

  /** Offsets that a person has ordered to withhold from the base audience. */
  ordered(partition: number): ReadonlySet<number> {
    const { policyLog } = this.context;
    return policyLog.state.withhold.get(laneKey({ ...this.view, partition })) ?? new Set();
  }

  /**
   * Finds plan and tokenizer of a schema; false while a hold stands in the way.
   * Throws ERR_GRANT_TAGS_CHANGED, and outages.
   */
  async learn(schemaId: number): Promise<boolean> {
    const { plans, events, principal } = this.context;
    const { topic } = this.view;
    try {
      const plan = await plans.viewPlan(this.view, schemaId);
      this.tokenizers.set(schemaId, await plans.tokenizer(topic, schemaId, this.tokens));
      const unseen = await plans.unseenTags(topic);
      this.entries = unseen ? [tagsEntry(principal, unseen)] : [];
      this.plans.set(schemaId, plan);
      this.held = null;
      return true;
    } catch (thrown) {
      const error = ownError(thrown);
      if (error.kind !== 'hold' || error.code === 'ERR_GRANT_TAGS_CHANGED') throw error;
      if (this.held !== error.code) events.grantHeld(this.grantId, error);
      this.held = error.code;
      return false;
    }
  }

  /** Waits until a schema has a plan, or `stopping` aborts. Throws as `learn` does. */
  async wait(schemaId: number, stopping: AbortSignal): Promise<void> {
    const { plans, policyLog, limits } = this.context;
    while (!stopping.aborted && !(await this.learn(schemaId))) {
      await policyLog.changed(stopping, limits.recheckMs);
      await plans.refreshSubjects();
      this.refresh();
    }
  }

  private inForce(): PolicyInForce {
    const { topic, audience } = this.view;
    return this.context.plans.inForce({ audience, topic, partition: 0 });
  }
}
