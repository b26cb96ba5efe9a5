/**
 * What a person may ask for, to be offered in a form: topics, audiences, the leaves that rules let them name, purposes
 * and caps. Only a help: what is asked in the end goes through the rules like every other request.
 */
import { GauzeError } from '../platform/errors.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import { TAGS, isTagName } from '../schemas/tags.ts';
import { durationCap, mayBeAskedFor } from './access-rules.ts';
import type { AccessRules } from './access-rules.ts';
import { EMERGENCY_PURPOSES } from './purposes.ts';
import { topicView } from './topic-view.ts';
import type { TopicViewSources } from './topic-view.ts';

/** A topic that somebody may ask about, and from the view of which audiences. */
export interface AskableTopic {
  readonly topic: string;
  readonly audiences: readonly string[];
}

/** A leaf that the audience does not see in clear and that a rule lets be asked for. */
export interface AskableField {
  readonly path: string;
  readonly tags: readonly string[];
}

/** What one form offers. Caps are the widest of the rules; one rule must allow all of a request. */
export interface Offer extends Pick<AskableTopic, 'topic'> {
  readonly audience: string;
  readonly fields: readonly AskableField[];
  readonly purposes: readonly string[];
  readonly maxDurationMs: number;
  readonly maxRecords: number;
  /** null: as many as there are. */
  readonly maxPersons: number | null;
}

export interface AskableSources extends Omit<TopicViewSources, 'policies'> {
  readonly policies: () => TopicViewSources['policies'];
  readonly rules: AccessRules;
}

export class Askable {
  private readonly sources: AskableSources;

  constructor(sources: AskableSources) {
    this.sources = sources;
  }

  /** Topics of which some rule lets `by` ask, with the audiences that have a policy for them. */
  topics(by: AccessActor, emergency: boolean): readonly AskableTopic[] {
    const { rules, policies } = this.sources;
    const topics = new Set(rules.offered(by.roles, emergency).flatMap((rule) => rule.topics));
    const applied = [...policies().policies].map(([audience, { text }]) => ({
      audience,
      covered: parsePolicy(text, `${audience}.yaml`).topics,
    }));
    return [...topics].sort().map((topic) => ({
      topic,
      audiences: applied
        .filter(({ covered }) => covered.has(topic))
        .map(({ audience }) => audience)
        .sort(),
    }));
  }

  /**
   * What `by` may ask for of one topic.
   * @throws GauzeError ERR_ACCESS_RULE_REQUESTER, ERR_ACCESS_RULE_EMERGENCY, ERR_ACCESS_TOPIC_UNKNOWN; the registry's
   */
  async offer(by: AccessActor, topic: string, audience: string, emergency: boolean): Promise<Offer> {
    const { rules, policies, registry, siteTags } = this.sources;
    const offered = rules.offered(by.roles, emergency).filter((rule) => rule.topics.includes(topic));
    if (offered.length === 0)
      throw new GauzeError(emergency ? 'ERR_ACCESS_RULE_EMERGENCY' : 'ERR_ACCESS_RULE_TOPIC', { topic });
    const view = await topicView({ registry, siteTags, policies: policies() }, topic, audience);
    const fields = [...view.leaves.values()]
      .filter((leaf) => !leaf.isClear && offered.some((rule) => mayBeAskedFor(rule, leaf)))
      .map(({ path, tags }) => ({ path, tags }));
    const persons = offered.map(({ maxPersons }) => maxPersons);
    return {
      topic,
      audience,
      fields,
      purposes: emergency ? EMERGENCY_PURPOSES : [...new Set(offered.flatMap(({ purposes }) => purposes))],
      maxDurationMs: Math.max(...offered.map((rule) => durationCap(rule, emergency))),
      maxRecords: Math.max(...offered.map(({ maxRecords }) => maxRecords)),
      maxPersons: persons.includes(null) ? null : Math.max(...persons.map((each) => each ?? 0)),
    };
  }
}

/** What tags say of a field, in words. */
export function tagWords(tags: readonly string[]): string {
  const words = tags.map((tag) => (isTagName(tag) ? TAGS[tag].doc : tag));
  return words.length > 0 ? words.join(' ') : 'Not tagged: nobody has said what it holds.';
}
