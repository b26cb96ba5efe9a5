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
  /** Requests, decisions and transitions: the truth of approvals. */
  readonly access: string;
  /** The state of each grant, compacted. */
  readonly grants: string;
  /** What each grant has taken, compacted. */
  readonly grantProgress: string;
  /** Beginning of the names of grant topics, with the dot. */
  readonly grantTopicPrefix: string;
  /** The group that spreads raw partitions over instances. */
  readonly topologyGroup: string;
  /** The group that holds the positions of an audience's lanes; it has no members. */
  audienceGroup(audience: string): string;
  laneTransactionalId(audience: string, topic: string, partition: number): string;
  /** The group that holds how far withheld records of an audience have been read again; it has no members. */
  redriveGroup(audience: string): string;
  redriveTransactionalId(audience: string, topic: string, partition: number): string;
  isLaneTransactionalId(id: string): boolean;
  /** The id under which one instance of the topology gives signs of life. */
  heartbeatTransactionalId(instance: string): string;
  /** The topic that a grant fills; deleted at its end. */
  grantTopic(grant: string): string;
  /** The group that holds the positions of a grant's task; it has no members. */
  grantGroup(grant: string): string;
  taskTransactionalId(grant: string): string;
  /** The group of approval services: whoever holds the access log in it writes the state of grants. */
  readonly approvalsGroup: string;
  /** The one id under which the state of grants is written. */
  readonly grantsTransactionalId: string;
  /** The id under which one process appends to the access log. */
  approvalsTransactionalId(instance: string): string;
  /** The id under which one command of an auditor puts its questions on record. */
  auditorTransactionalId(instance: string): string;
  /** The group of sealers: whoever holds the topic of seals in it seals. */
  readonly sealerGroup: string;
  /** The one id under which seals are written. */
  readonly sealerTransactionalId: string;
}

const REDRIVE = '.redrive';

/** Is it the group of a redrive? Names of audiences and grants have no dot. */
export function isRedriveGroup(group: string): boolean {
  return group.endsWith(REDRIVE);
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
    redriveGroup: (audience) => `${prefix}.${audience}${REDRIVE}`,
    redriveTransactionalId: (audience, topic, partition) =>
      `${prefix}.task${REDRIVE}.${audience}.${topic}.${partition}`,
    isLaneTransactionalId: (id) => id.startsWith(`${prefix}.lane.`),
    heartbeatTransactionalId: (instance) => `${prefix}.heartbeat.${instance}`,
    access: `${prefix}.access`,
    grants: `${prefix}.grants`,
    grantProgress: `${prefix}.grant-progress`,
    grantTopicPrefix: `${prefix}.grant.`,
    grantTopic: (grant) => `${prefix}.grant.${grant}`,
    grantGroup: (grant) => `${prefix}.task.${grant}`,
    taskTransactionalId: (grant) => `${prefix}.task.${grant}`,
    approvalsGroup: `${prefix}.approvals`,
    grantsTransactionalId: `${prefix}.approvals.grants`,
    approvalsTransactionalId: (instance) => `${prefix}.approvals.${instance}`,
    auditorTransactionalId: (instance) => `${prefix}.auditor.${instance}`,
    sealerGroup: `${prefix}.sealer`,
    sealerTransactionalId: `${prefix}.sealer`,
  };
}

/**
 * The topic that an audience reads in place of `rawTopic`: `<raw>.for-<audience>`, and `.v2`, `.v3` after it where a
 * change broke what readers of the version before relied on.
 */
export function sanitizedTopic(rawTopic: string, audience: string, version = 1): string {
  const first = `${rawTopic}.for-${audience}`;
  return version === 1 ? first : `${first}.v${version}`;
}

const SANITIZED = /^.+\.for-([a-z][a-z0-9-]{0,30})(?:\.v(?:[2-9]|[1-9][0-9]{1,2}))?$/;

/** Whether a name is one that `sanitizedTopic` makes. */
export function isSanitizedTopic(topic: string): boolean {
  return SANITIZED.test(topic);
}

/** The audience of a topic that `sanitizedTopic` has named; null for any other. */
export function audienceOfTopic(topic: string): string | null {
  return SANITIZED.exec(topic)?.[1] ?? null;
}

/** Is it the topic of this audience for this raw topic, whatever the version? */
export function isSanitizedFrom(topic: string, rawTopic: string, audience: string): boolean {
  const first = sanitizedTopic(rawTopic, audience);
  return topic === first || (topic.startsWith(`${first}.v`) && audienceOfTopic(topic) === audience);
}

/** The registry subject of a topic's values. */
export function valueSubject(topic: string): string {
  return `${topic}-value`;
}
