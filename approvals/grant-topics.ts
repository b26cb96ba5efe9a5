/**
 * Makes, opens, closes and removes the topic of a grant, each step safe to repeat and proved by the answer of every
 * broker. It decides nothing: provisioner.ts says what is to be. It never reads or writes a record.
 */
import { aclText } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { BrokerViews } from '../kafka/broker-views.ts';
import type { BrokerView } from '../kafka/broker-views.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import { isSanitizedFrom, sanitizedTopic } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import type { MadeTopic } from './provisioner-report.ts';
import { RightsSorter, assertBeneficiary, granteeRights, groupRights, letsRead } from './grantee-rights.ts';

export interface GrantTopicsOptions {
  readonly admin: KafkaAdmin;
  readonly cluster: Cluster;
  readonly names: TopicNames;
  /** gauze's own rules on the prefix of grant topics. */
  readonly standing: readonly Acl[];
  /** Principals of gauze's own roles: none of them can be a grantee. */
  readonly own: readonly string[];
  /** How long a record stays readable if nobody removes the topic. */
  readonly retentionMs: number;
}

/** Everything on the cluster that belongs to grants. */
export interface GrantSurvey {
  readonly topics: readonly string[];
  /** Rules on grant topics that are none of gauze's standing ones. */
  readonly rules: readonly Acl[];
  /** Rules that let somebody read grant topics and others too. */
  readonly wider: readonly Acl[];
}

interface Shape {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** How long all brokers may take to show a change. */
const PROOF_MS = 10_000;
const PROOF_POLL_MS = 20;
const MESSAGE_BYTES_DEFAULT = '1048588';
/** Kafka's least for segment.ms that is no nuisance: retention counts from the end of a segment. */
const SEGMENT_MS_MIN = 60_000;

export class GrantTopics {
  private readonly options: GrantTopicsOptions;
  private readonly views: BrokerViews;
  private readonly sorter: RightsSorter;

  constructor(options: GrantTopicsOptions) {
    this.options = options;
    this.views = new BrokerViews(options.cluster);
    this.sorter = new RightsSorter(options.names, options.standing);
  }

  /**
   * Makes the topic, known to every broker when this resolves. One that is there is taken only if it is what would be
   * made, and empty: before activation nothing of ours writes to it. `isStillDue` is asked before such a one is removed.
   * Throws Kafka's errors and ERR_GRANT_UNPROVEN.
   */
  async make(grant: GrantState, isStillDue: () => Promise<boolean>): Promise<MadeTopic> {
    const { admin } = this.options;
    const shape = await this.shape(grant);
    const { topic, partitions } = shape;
    const there = (await this.views.of(topic)).some((view) => view.topic !== null);
    if (there && !(await this.isFresh(shape))) {
      if (!(await isStillDue())) throw new GauzeError('ERR_GRANT_NOT_ALLOWED', { grant: grant.grant_id });
      await this.remove(grant.grant_id);
    }
    await admin.createTopic(shape);
    const [first] = await this.proved(topic, (view) => isComplete(view, partitions));
    return { topic_id: first!.topic!.id, partitions };
  }

  /**
   * Lets the grantee read, and nobody else: rules of others on this topic go first.
   * Throws ERR_GRANT_BENEFICIARY, ERR_GRANT_WIDER_RIGHT, Kafka's errors and ERR_GRANT_UNPROVEN.
   */
  async open(grant: GrantState): Promise<void> {
    const { admin, names, own } = this.options;
    assertBeneficiary(grant, own);
    const topic = names.grantTopic(grant.grant_id);
    const wanted = granteeRights(grant, names);
    const texts = new Set(wanted.map(aclText));
    const rules = await this.rulesOn(topic);
    if (rules.some((acl) => this.sorter.isWider(acl)))
      throw new GauzeError('ERR_GRANT_WIDER_RIGHT', { topic });
    await admin.deleteAcls(rules.filter((acl) => this.isOpening(acl) && !texts.has(aclText(acl))));
    // The group's rule first: brokers take changes up in order, so who has the second has both.
    await admin.createAcls([...groupRights(grant.scope.beneficiary), ...wanted]);
    await this.proved(topic, ({ acls }) => {
      const found = acls.filter((acl) => this.isOpening(acl)).map(aclText);
      return found.length === texts.size && found.every((text) => texts.has(text));
    });
  }

  /**
   * Takes every rule that allows anything off the topic of a grant; how many brokers have shown that none is left. Rules
   * that deny stay: whoever made them wants it closed.
   */
  async close(grantId: string, beneficiary?: string): Promise<number> {
    const { admin, names } = this.options;
    const topic = names.grantTopic(grantId);
    const rules = (await this.rulesOn(topic)).filter((acl) => this.isOpening(acl));
    await admin.deleteAcls(rules);
    const views = await this.proved(topic, ({ acls }) => !acls.some((acl) => this.isOpening(acl)));
    const readers = new Set(rules.filter(letsRead).map(({ principal }) => principal));
    if (beneficiary !== undefined) readers.add(beneficiary);
    for (const principal of readers) await this.dropGroupRule(principal);
    return views.length;
  }

  /** Closes, then deletes the topic; how many brokers have shown that neither is left. */
  async remove(grantId: string, beneficiary?: string): Promise<number> {
    await this.close(grantId, beneficiary);
    const { admin, names } = this.options;
    const topic = names.grantTopic(grantId);
    try {
      await admin.deleteTopics([topic]);
    } catch (error) {
      if (!(error instanceof GauzeError) || error.code !== 'ERR_KAFKA_TOPIC_MISSING') throw error;
    }
    const isGone = (view: BrokerView): boolean =>
      view.topic === null && !view.acls.some((acl) => this.isOpening(acl));
    const views = await this.proved(topic, isGone);
    const denials = views.flatMap(({ acls }) => acls.filter((acl) => this.isNamed(acl, topic)));
    await admin.deleteAcls(denials);
    return views.length;
  }

  /** What there is of grants on the cluster now. */
  async survey(): Promise<GrantSurvey> {
    const { admin, names } = this.options;
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(names.grantTopicPrefix));
    const acls = await admin.describeAcls();
    return {
      topics,
      rules: acls.filter((acl) => this.sorter.isOfGrants(acl)),
      wider: acls.filter((acl) => this.sorter.isWider(acl)),
    };
  }

  /** Ids of these topics as the cluster has them now, by name; those that are not there are missing. */
  async topicIds(topics: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = topics.length > 0 ? await this.options.cluster.refresh(topics) : new Map();
    return new Map([...found].map(([name, { id }]) => [name, id]));
  }

  /** Removes rules that no grant means. */
  async removeRules(rules: readonly Acl[]): Promise<void> {
    await this.options.admin.deleteAcls(rules);
  }

  /** Puts the settings of a grant's topic right; true where they were not. */
  async mendSettings(grant: GrantState): Promise<boolean> {
    const topic = this.options.names.grantTopic(grant.grant_id);
    if (await this.hasSettings(topic, fixedSettings(this.options.retentionMs))) return false;
    await this.options.admin.replaceConfigs(topic, (await this.shape(grant)).config);
    return true;
  }

  end(): void {
    this.views.close();
  }

  /** As many partitions as the audience's topic has (and so as raw has), at least those of the scope; as large messages. */
  private async shape({ grant_id, scope }: GrantState): Promise<Shape> {
    const { admin, names, retentionMs } = this.options;
    const base = await this.baseTopic(scope);
    const [description] = await admin.describeTopics([base]);
    const settings = description ? await admin.describeConfigs(base) : null;
    const ofScope = scope.partitions.map(({ partition }) => partition + 1);
    return {
      topic: names.grantTopic(grant_id),
      partitions: Math.max(1, description?.partitions ?? 0, ...ofScope),
      config: {
        ...fixedSettings(retentionMs),
        'max.message.bytes': settings?.get('max.message.bytes')?.value ?? MESSAGE_BYTES_DEFAULT,
      },
    };
  }

  /** The audience's topic in its newest version; those before may be gone. */
  private async baseTopic({ topic, base_audience: audience }: GrantState['scope']): Promise<string> {
    const versions = (await this.options.admin.listTopics())
      .filter((each) => isSanitizedFrom(each, topic, audience))
      .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    return versions.at(-1) ?? sanitizedTopic(topic, audience);
  }

  private isOpening(acl: Acl): boolean {
    return acl.permission === 'allow' && this.sorter.isOfGrants(acl);
  }

  private isNamed(acl: Acl, topic: string): boolean {
    return this.sorter.isOfGrants(acl) && acl.pattern === 'literal' && acl.name === topic;
  }

  private async isFresh({ topic, partitions, config }: Shape): Promise<boolean> {
    const ranges = await this.options.admin.topicEndOffsets(topic);
    if (ranges.length !== partitions || ranges.some(({ high }) => high > 0n)) return false;
    return await this.hasSettings(topic, config);
  }

  private async hasSettings(topic: string, config: Shape['config']): Promise<boolean> {
    const settings = await this.options.admin.describeConfigs(topic);
    return Object.entries(config).every(([name, value]) => settings.get(name)?.value === value);
  }

  private async rulesOn(topic: string): Promise<readonly Acl[]> {
    const views = await this.views.of(topic);
    return [...new Map(views.flatMap(({ acls }) => acls.map((acl) => [aclText(acl), acl]))).values()];
  }

  /** A user's own groups are of use only with a topic to read; the rule stays while there is one. */
  private async dropGroupRule(principal: string): Promise<void> {
    const { admin } = this.options;
    const rules = await admin.describeAcls(principal);
    if (!rules.some((acl) => acl.resource === 'topic' && letsRead(acl)))
      await admin.deleteAcls(groupRights(principal));
  }

  private async proved(topic: string, holds: (view: BrokerView) => boolean): Promise<readonly BrokerView[]> {
    const deadline = monotonicMs() + PROOF_MS;
    for (;;) {
      const views = await this.views.of(topic);
      if (views.length > 0 && views.every(holds)) return views;
      if (monotonicMs() > deadline) throw new GauzeError('ERR_GRANT_UNPROVEN', { topic, limit: PROOF_MS });
      await sleep(PROOF_POLL_MS);
    }
  }
}

function isComplete({ topic }: BrokerView, partitions: number): boolean {
  return (
    topic !== null && topic.leaders.length === partitions && topic.leaders.every((leader) => leader >= 0)
  );
}

/** What every grant topic has. Retention counts from the last record of a segment, so segments are short too. */
function fixedSettings(retentionMs: number): Readonly<Record<string, string>> {
  const segmentMs = Math.min(retentionMs, Math.max(SEGMENT_MS_MIN, Math.floor(retentionMs / 4)));
  return {
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'retention.ms': String(retentionMs),
    'segment.ms': String(segmentMs),
  };
}
