/**
 * Compares what is on the cluster with what grants mean, and mends it: rules of others go, topics that no grant means
 * go, what was taken from a grantee comes back. A topic that is another one than was made stays closed. A rule that
 * denies, or reaches beyond grants, is told and not removed. What closes happens before it is told.
 */
import { aclText } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import { ownError } from '../platform/errors.ts';
import type { GrantState, GrantStateName } from '../schemas/access-codecs.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { granteeRights } from './grantee-rights.ts';
import type { GrantSurvey, GrantTopics } from './grant-topics.ts';
import type { GrantsFollower } from './grants-follower.ts';
import type { DriftCause, ProvisionerEvents, ProvisionerReport, SendReport } from './provisioner-report.ts';

export interface GrantDriftOptions {
  readonly names: TopicNames;
  readonly grants: GrantsFollower;
  readonly topics: GrantTopics;
  readonly report: SendReport;
  readonly events: ProvisionerEvents;
}

/** What a settled grant shows: its grantee reads, nobody reads, or work on it is not done yet. */
export type SettledAs = 'open' | 'closed' | 'not-yet';

const WITH_TOPIC: ReadonlySet<GrantStateName> = new Set([
  'ACTIVATING',
  'ACTIVE',
  'SUSPENDED',
  'ENDING',
  'REVOKING',
]);

/** Their topic has been made and is to stay. */
const MADE: ReadonlySet<GrantStateName> = new Set(['ACTIVE', 'SUSPENDED']);

export class GrantDrift {
  private readonly options: GrantDriftOptions;
  private readonly told = new Set<string>();
  private untold: ProvisionerReport[] = [];

  constructor(options: GrantDriftOptions) {
    this.options = options;
  }

  /** Lets the grantee of an active grant read, if the topic is still the one that was made. */
  async open(grant: GrantState): Promise<void> {
    const { topics, names } = this.options;
    const topic = names.grantTopic(grant.grant_id);
    const id = (await topics.topicIds([topic])).get(topic);
    if (await this.isOther(grant, id)) return;
    await topics.open(grant);
  }

  /** Compares everything once. Throws Kafka's errors; what was mended before stays mended. */
  async sweep(settledAs: (grant: GrantState) => SettledAs, signal: AbortSignal): Promise<void> {
    const { grants, topics, names } = this.options;
    await this.tellAgain();
    const survey = await topics.survey();
    // What was there at the survey was made for a grant written before it: those written by now are all that count.
    await grants.caughtUp(signal);
    const byTopic = new Map(
      [...grants.states.values()].map((grant) => [names.grantTopic(grant.grant_id), grant]),
    );
    const removed = new Set<string>();
    for (const topic of survey.topics)
      if (await this.sweepTopic(topic, byTopic.get(topic))) removed.add(topic);
    for (const grant of grants.states.values()) {
      const settled = settledAs(grant);
      // One that was suspended before it was activated has no topic yet.
      const isMade = MADE.has(grant.state) && grant.grant_topic_id !== null;
      if (isMade && settled !== 'not-yet') await this.sweepGrant(grant, settled, survey);
    }
    const rules = survey.rules.filter(({ name }) => !removed.has(name));
    await this.sweepRules(rules, byTopic, settledAs);
  }

  /** A topic that no grant means any more, or never did, goes; true where it went. */
  private async sweepTopic(topic: string, grant: GrantState | undefined): Promise<boolean> {
    if (grant && !grant.scope.replay && WITH_TOPIC.has(grant.state)) return false;
    const { topics, names } = this.options;
    const id = topic.slice(names.grantTopicPrefix.length);
    await topics.remove(id, grant?.scope.beneficiary);
    await this.tell(id, 'TOPIC_LEFT_OVER', true);
    return true;
  }

  private async sweepGrant(grant: GrantState, settled: SettledAs, survey: GrantSurvey): Promise<void> {
    const { topics, names } = this.options;
    const { grant_id: id } = grant;
    const topic = names.grantTopic(id);
    if (await this.isOther(grant, (await topics.topicIds([topic])).get(topic))) return;
    if (await topics.mendSettings(grant)) await this.tell(id, 'TOPIC_SETTINGS', true);
    if (survey.wider.length > 0) await this.tell(id, 'WIDER_RIGHT', false);
    const there = new Set(survey.rules.map(aclText));
    const missing = granteeRights(grant, names).filter((acl) => !there.has(aclText(acl)));
    if (settled === 'open' && missing.length > 0) {
      await topics.open(grant);
      await this.tell(id, 'RIGHT_MISSING', true);
    }
  }

  /** Rules on grant topics beside those that a grant means now. */
  private async sweepRules(
    rules: readonly Acl[],
    byTopic: ReadonlyMap<string, GrantState>,
    settledAs: (grant: GrantState) => SettledAs,
  ): Promise<void> {
    for (const acl of rules) {
      const grants = [...byTopic]
        .filter(([topic]) => (acl.pattern === 'literal' ? topic === acl.name : topic.startsWith(acl.name)))
        .flatMap(([, grant]) => (WITH_TOPIC.has(grant.state) && !grant.scope.replay ? [grant] : []));
      if (grants.some((grant) => this.isMeant(acl, grant, settledAs(grant)))) continue;
      const isDenial = acl.permission === 'deny' && grants.length > 0;
      if (!isDenial) await this.options.topics.removeRules([acl]);
      const ids = grants.map(({ grant_id: id }) => id);
      if (ids.length === 0) ids.push(acl.name.slice(this.options.names.grantTopicPrefix.length));
      for (const id of ids) await this.tell(id, isDenial ? 'FOREIGN_DENIAL' : 'FOREIGN_RIGHT', !isDenial);
    }
  }

  /** The grantee's own rule while the grant is open, or while work on it is under way. */
  private isMeant(acl: Acl, grant: GrantState, settled: SettledAs): boolean {
    if (settled === 'closed') return false;
    return granteeRights(grant, this.options.names).some((wanted) => aclText(wanted) === aclText(acl));
  }

  /** Whether the topic is not the one that was made; then nobody reads it. */
  private async isOther(grant: GrantState, topicId: string | undefined): Promise<boolean> {
    if (topicId !== undefined && topicId === grant.grant_topic_id) return false;
    const { grant_id: id, scope } = grant;
    await this.options.topics.close(id, scope.beneficiary);
    await this.tell(id, topicId === undefined ? 'TOPIC_MISSING' : 'TOPIC_CHANGED', false);
    return true;
  }

  /** Of what stays as it is, once; of what was mended, each time. */
  private async tell(grantId: string, cause: DriftCause, isMended: boolean): Promise<void> {
    const key = `${grantId} ${cause}`;
    if (!isMended && this.told.has(key)) return;
    this.told.add(key);
    this.options.events.drift(grantId, cause, isMended);
    if (!this.options.grants.states.has(grantId)) return;
    this.untold.push({ kind: 'EXTERNALLY_MODIFIED', grantId, cause, topic: null, brokers: null });
    await this.tellAgain();
  }

  /** What could not be told stays to be told: mending does not wait for it. */
  private async tellAgain(): Promise<void> {
    try {
      for (let next = this.untold[0]; next; next = this.untold[0]) {
        await this.options.report(next);
        this.untold.shift();
      }
    } catch (error) {
      this.options.events.trouble(ownError(error));
    }
  }
}
