/**
 * Names of topics, groups and transactional ids. One prefix goes before all that is gauze's own; rights are
 * given by these names, so nothing else may build them.
 */

export interface TopicNames {
  readonly prefix: string;
  readonly policies: string;
  readonly withheld: string;
  readonly auditEvents: string;
  readonly auditSubjects: string;
  readonly auditSeals: string;
  /** The group that spreads raw partitions over instances. */
  readonly topologyGroup: string;
  /** The group that holds the positions of an audience's lanes; it has no members. */
  audienceGroup(audience: string): string;
  laneTransactionalId(audience: string, topic: string, partition: number): string;
}

/** All names for a prefix, `gauze` by default. */
export function topicNames(prefix: string): TopicNames {
  return {
    prefix,
    policies: `${prefix}.policies`,
    withheld: `${prefix}.withheld`,
    auditEvents: `${prefix}.audit.events`,
    auditSubjects: `${prefix}.audit.subjects`,
    auditSeals: `${prefix}.audit.seals`,
    topologyGroup: `${prefix}.topology`,
    audienceGroup: (audience) => `${prefix}.${audience}`,
    laneTransactionalId: (audience, topic, partition) => `${prefix}.lane.${audience}.${topic}.${partition}`,
  };
}

/** The topic that an audience reads in place of `rawTopic`. */
export function sanitizedTopic(rawTopic: string, audience: string): string {
  return `${rawTopic}.for-${audience}`;
}

/** The registry subject of a topic's values. */
export function valueSubject(topic: string): string {
  return `${topic}-value`;
}
