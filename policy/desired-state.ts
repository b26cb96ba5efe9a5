/**
 * The topics and rights that follow from policies: who needs what, and nothing more. Pure; apply.ts makes it so.
 */
import { allow } from '../kafka/acl.ts';
import type { Acl, AclOperation } from '../kafka/acl.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import type { Policy } from './policy.ts';
import { timestampMaxDays } from './shifted-times.ts';

const DAY_MS = 86_400_000n;
/** How far ahead of the broker's clock a record's time may lie: one hour where nobody says more (KIP-1030). */
const FUTURE_LIMIT = 'message.timestamp.after.max.ms';
const NO_LIMIT = '9223372036854775807';

/** A raw topic as it is. */
export interface RawTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly retentionMs: string;
  readonly messageBytesMax: string;
  /** Its cleanup.policy names `compact`. */
  readonly isCompacted: boolean;
}

export interface DesiredTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
  /** Exactly so many partitions: where a key finds its partition by their number, or order is over all entries. */
  readonly isPartitionCountFixed?: true;
}

/** Kafka principals of gauze's own roles. */
export interface RolePrincipals {
  readonly admin: string;
  readonly topology: string;
  readonly approvals: string;
  readonly provisioner: string;
  readonly sealer: string;
  readonly auditor: string;
}

/** Partitions of the audit and withheld topics: enough for parallel writers, few enough to read whole. */
const CONTROL_PARTITIONS = 4;
const FOR_EVER = { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' };

/** All topics that should exist beside the raw ones. */
export function desiredTopics(
  policies: readonly Policy[],
  rawTopics: ReadonlyMap<string, RawTopic>,
  names: TopicNames,
): readonly DesiredTopic[] {
  const control = controlTopics(names);
  const sanitized = policies.flatMap((policy) =>
    [...policy.topics.keys()].flatMap((topic) => {
      const raw = rawTopics.get(topic);
      return raw ? [sanitizedShape(policy, raw)] : [];
    }),
  );
  return [...control, ...sanitized];
}

/** The topics of gauze's own, whatever the policies say. */
function controlTopics(names: TopicNames): readonly DesiredTopic[] {
  const appendTime = { 'message.timestamp.type': 'LogAppendTime' };
  const forEver = { ...FOR_EVER, ...appendTime };
  const compacted = { 'cleanup.policy': 'compact', ...appendTime };
  const partitions = CONTROL_PARTITIONS;
  return [
    { topic: names.policies, partitions: 1, config: forEver, isPartitionCountFixed: true },
    { topic: names.auditEvents, partitions, config: forEver },
    { topic: names.auditSubjects, partitions, config: forEver },
    { topic: names.auditSeals, partitions: 1, config: forEver, isPartitionCountFixed: true },
    { topic: names.withheld, partitions, config: forEver },
    { topic: names.access, partitions: 1, config: forEver, isPartitionCountFixed: true },
    { topic: names.grants, partitions, config: compacted, isPartitionCountFixed: true },
    { topic: names.grantProgress, partitions, config: compacted, isPartitionCountFixed: true },
  ];
}

/** All standing rights. Default deny stays the cluster's own setting; rights of grantees are the provisioner's. */
export function desiredAcls(
  policies: readonly Policy[],
  names: TopicNames,
  roles: RolePrincipals,
): readonly Acl[] {
  return [
    ...adminRights(names, roles.admin),
    ...topologyRights(names, roles.topology),
    ...approvalsRights(names, roles.approvals),
    ...provisionerRights(names, roles.provisioner),
    ...sealerRights(names, roles.sealer),
    ...auditorRights(names, roles.auditor),
    ...grantTopicRights(names, roles),
    ...rawTopicRights(policies, roles),
    ...policies.flatMap((policy) => sanitizedTopicRights(policy, roles)),
  ];
}

/**
 * It reads the policy log to know what is applied and appends to it, asks people about policies that open anything, on
 * record, and looks up what they have decided. Its transactional ids are its own.
 */
function adminRights(names: TopicNames, admin: string): readonly Acl[] {
  const transactions = names.approvalsTransactionalId('admin');
  return [
    ...allow(admin, ['read', 'write'], 'topic', names.policies),
    ...allow(admin, ['read', 'write'], 'topic', names.access),
    ...allow(admin, ['write'], 'topic', names.auditEvents),
    ...allow(admin, ['write', 'describe'], 'transactional-id', transactions, 'prefixed'),
  ];
}

function topologyRights(names: TopicNames, topology: string): readonly Acl[] {
  return [
    ...allow(topology, ['read', 'write'], 'topic', names.policies),
    ...allow(topology, ['read', 'write'], 'topic', names.auditEvents),
    ...allow(topology, ['write', 'describe-configs'], 'topic', names.auditSubjects),
    ...allow(topology, ['read', 'write'], 'topic', names.withheld),
    ...allow(topology, ['read'], 'topic', names.access),
    ...allow(topology, ['read'], 'topic', names.grants),
    ...allow(topology, ['read', 'write'], 'topic', names.grantProgress),
    ...allow(topology, ['read'], 'group', `${names.prefix}.`, 'prefixed'),
    ...allow(topology, ['write', 'describe'], 'transactional-id', `${names.prefix}.`, 'prefixed'),
  ];
}

/** What faces people: it can write down what they decide, and change no right and read no raw record. */
function approvalsRights(names: TopicNames, approvals: string): readonly Acl[] {
  return [
    ...allow(approvals, ['read', 'write'], 'topic', names.access),
    ...allow(approvals, ['read', 'write'], 'topic', names.grants),
    ...allow(approvals, ['read'], 'topic', names.grantProgress),
    ...allow(approvals, ['write'], 'topic', names.auditEvents),
    ...allow(approvals, ['read'], 'topic', names.auditSubjects),
    ...allow(approvals, ['read'], 'topic', names.policies),
    ...allow(approvals, ['read'], 'group', names.approvalsGroup, 'prefixed'),
    ...allow(approvals, ['write', 'describe'], 'transactional-id', names.approvalsGroup, 'prefixed'),
  ];
}

/**
 * It makes and removes grant topics and their rules (ALTER on the cluster), and reads no data. Its transactional ids
 * are its own, so that it cannot fence the writer of the state of grants. It sees who reads (DESCRIBE on groups).
 */
function provisionerRights(names: TopicNames, provisioner: string): readonly Acl[] {
  const transactions = names.approvalsTransactionalId('provisioner');
  return [
    ...allow(provisioner, ['read', 'write'], 'topic', names.access),
    ...allow(provisioner, ['read'], 'topic', names.grants),
    ...allow(provisioner, ['write'], 'topic', names.auditEvents),
    ...allow(provisioner, ['alter', 'describe'], 'cluster'),
    ...allow(provisioner, ['describe'], 'group', '*'),
    ...allow(provisioner, ['write', 'describe'], 'transactional-id', transactions, 'prefixed'),
  ];
}

/**
 * It reads what it seals and writes seals alone. It sees of everything else that it is there: how far groups have
 * come, how topics are set up and where they end, and the rules, which is what its alarms are about.
 */
function sealerRights(names: TopicNames, sealer: string): readonly Acl[] {
  return [
    ...[names.auditEvents, names.auditSubjects].flatMap((topic) => allow(sealer, ['read'], 'topic', topic)),
    ...allow(sealer, ['read', 'write'], 'topic', names.auditSeals),
    ...allow(sealer, ['describe', 'describe-configs'], 'topic', '*'),
    ...allow(sealer, ['describe'], 'group', '*'),
    ...allow(sealer, ['describe'], 'cluster'),
    ...allow(sealer, ['read'], 'group', names.sealerGroup),
    ...allow(sealer, ['write', 'describe'], 'transactional-id', names.sealerTransactionalId, 'prefixed'),
  ];
}

/** It reads the evidence, and writes that it has asked, under ids of its own. */
function auditorRights(names: TopicNames, auditor: string): readonly Acl[] {
  return [
    // The policy log says who ordered lanes to jump, and which records to pass over.
    ...[names.auditEvents, names.auditSubjects, names.auditSeals, names.access, names.policies].flatMap(
      (topic) => allow(auditor, ['read'], 'topic', topic),
    ),
    // Where lanes and grant tasks stand, for the tiling of what they read; no record of a raw topic.
    ...allow(auditor, ['describe'], 'group', `${names.prefix}.`, 'prefixed'),
    ...allow(auditor, ['describe'], 'topic', '*'),
    ...allow(auditor, ['write'], 'topic', names.auditEvents),
    ...allow(
      auditor,
      ['write', 'describe'],
      'transactional-id',
      names.auditorTransactionalId(''),
      'prefixed',
    ),
    ...allow(auditor, ['read'], 'group', `${auditor.replace(/^User:/, '')}-`, 'prefixed'),
  ];
}

/**
 * The standing rules on grant topics, all on the prefix with its dot: `gauze.grant.` matches neither gauze.grants nor
 * gauze.grant-progress. None of them is READ: that is given to one grantee on one topic, by the provisioner.
 */
export function grantTopicRights(
  names: TopicNames,
  { topology, provisioner }: RolePrincipals,
): readonly Acl[] {
  const on = (principal: string, operations: readonly AclOperation[]): readonly Acl[] =>
    allow(principal, operations, 'topic', names.grantTopicPrefix, 'prefixed');
  return [
    ...on(topology, ['write', 'describe', 'delete', 'describe-configs']),
    ...on(provisioner, ['create', 'delete', 'describe', 'alter', 'alter-configs', 'describe-configs']),
  ];
}

/** READ for the topology alone; approvals may ask where offsets and times are, never what stands there. */
function rawTopicRights(policies: readonly Policy[], roles: RolePrincipals): readonly Acl[] {
  const rawTopics = new Set(policies.flatMap((policy) => [...policy.topics.keys()]));
  return [...rawTopics].flatMap((topic) => [
    ...allow(roles.topology, ['read'], 'topic', topic),
    ...allow(roles.approvals, ['describe'], 'topic', topic),
  ]);
}

/**
 * Approvals reads samples; the provisioner takes a grant topic's shape from here, so it needs no right on raw; the
 * topology reads what it has published when an auditor has it compared.
 */
function sanitizedTopicRights(policy: Policy, roles: RolePrincipals): readonly Acl[] {
  const topics = [...policy.topics].map(([topic, { version }]) =>
    sanitizedTopic(topic, policy.audience, version),
  );
  return [
    ...topics.flatMap((topic) => [
      ...allow(roles.topology, ['read', 'write', 'describe-configs'], 'topic', topic),
      ...allow(roles.approvals, ['read'], 'topic', topic),
      ...allow(roles.provisioner, ['describe', 'describe-configs'], 'topic', topic),
      ...policy.readers.flatMap(({ principal }) => allow(principal, ['read'], 'topic', topic)),
    ]),
    ...policy.readers.flatMap(({ principal }) =>
      allow(principal, ['read'], 'group', `${policy.audience}-`, 'prefixed'),
    ),
  ];
}

/**
 * Partition count, retention and size limit as raw; the broker stamps records unless the policy keeps times. Compacted
 * where the policy says so, which it may only where the raw topic is and keys stay apart.
 */
function sanitizedShape(policy: Policy, raw: RawTopic): DesiredTopic {
  const maxDays = timestampMaxDays(policy);
  return {
    topic: sanitizedTopic(raw.topic, policy.audience, policy.topics.get(raw.topic)?.version),
    partitions: raw.partitions,
    config: {
      'cleanup.policy': policy.topics.get(raw.topic)?.compact ? 'compact' : 'delete',
      'retention.ms': maxDays === null ? raw.retentionMs : laterBy(raw.retentionMs, maxDays),
      'max.message.bytes': raw.messageBytesMax,
      'message.timestamp.type': policy.timestamp === 'append' ? 'LogAppendTime' : 'CreateTime',
      // A shifted time may lie ahead, which brokers refuse beyond an hour.
      ...(maxDays === null ? {} : { [FUTURE_LIMIT]: NO_LIMIT }),
    },
  };
}

/** Retention for records whose times lie up to so many days back: else they would be deleted as they come. */
function laterBy(retentionMs: string, days: number): string {
  return retentionMs === '-1' ? retentionMs : String(BigInt(retentionMs) + BigInt(days) * DAY_MS);
}
