/**
 * The topics and rights that follow from policies: who needs what, and nothing more. Pure; apply.ts makes it so.
 */
import { allow } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import type { Policy } from './policy.ts';

/** A raw topic as it is. */
export interface RawTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly retentionMs: string;
  readonly messageBytesMax: string;
}

export interface DesiredTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** Kafka principals of gauze's own roles. */
export interface RolePrincipals {
  readonly admin: string;
  readonly topology: string;
  readonly auditor: string;
}

/** Partitions of the audit and withheld topics: enough for parallel writers, few enough to read whole. */
const CONTROL_PARTITIONS = 4;
const FOR_EVER = { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' };
const NINETY_DAYS_MS = String(90 * 24 * 60 * 60 * 1000);

/** All topics that should exist beside the raw ones. */
export function desiredTopics(
  policies: readonly Policy[],
  rawTopics: ReadonlyMap<string, RawTopic>,
  names: TopicNames,
): readonly DesiredTopic[] {
  const appendTime = { 'message.timestamp.type': 'LogAppendTime' };
  const control: DesiredTopic[] = [
    { topic: names.policies, partitions: 1, config: { ...FOR_EVER, ...appendTime } },
    { topic: names.auditEvents, partitions: CONTROL_PARTITIONS, config: { ...FOR_EVER, ...appendTime } },
    {
      topic: names.withheld,
      partitions: CONTROL_PARTITIONS,
      config: { 'retention.ms': NINETY_DAYS_MS, 'cleanup.policy': 'delete', ...appendTime },
    },
  ];
  const sanitized = policies.flatMap((policy) =>
    [...policy.topics.keys()].flatMap((topic) => {
      const raw = rawTopics.get(topic);
      return raw ? [sanitizedShape(policy, raw)] : [];
    }),
  );
  return [...control, ...sanitized];
}

/** All standing rights. Default deny stays the cluster's own setting. */
export function desiredAcls(
  policies: readonly Policy[],
  names: TopicNames,
  roles: RolePrincipals,
): readonly Acl[] {
  const rawTopics = new Set(policies.flatMap((policy) => [...policy.topics.keys()]));
  const acls: Acl[] = [
    ...[...rawTopics].flatMap((topic) => allow(roles.topology, ['read'], 'topic', topic)),
    // The admin reads the policy log to know what is applied, and appends to it.
    ...allow(roles.admin, ['read', 'write'], 'topic', names.policies),
    ...allow(roles.topology, ['read', 'write'], 'topic', names.policies),
    ...allow(roles.topology, ['read', 'write'], 'topic', names.auditEvents),
    ...allow(roles.topology, ['write'], 'topic', names.withheld),
    ...allow(roles.topology, ['read'], 'group', `${names.prefix}.`, 'prefixed'),
    ...allow(roles.topology, ['write', 'describe'], 'transactional-id', `${names.prefix}.`, 'prefixed'),
    ...allow(roles.auditor, ['read'], 'topic', names.auditEvents),
    ...allow(roles.auditor, ['read'], 'group', `${roles.auditor.replace(/^User:/, '')}-`, 'prefixed'),
  ];
  for (const policy of policies) {
    for (const topic of policy.topics.keys()) {
      const sanitized = sanitizedTopic(topic, policy.audience);
      acls.push(...allow(roles.topology, ['write', 'describe-configs'], 'topic', sanitized));
      for (const { principal } of policy.readers)
        acls.push(...allow(principal, ['read'], 'topic', sanitized));
    }
    for (const { principal } of policy.readers) {
      acls.push(...allow(principal, ['read'], 'group', `${policy.audience}-`, 'prefixed'));
    }
  }
  return acls;
}

/** Partition count, retention and size limit as raw; the broker stamps records unless the policy keeps times. */
function sanitizedShape(policy: Policy, raw: RawTopic): DesiredTopic {
  return {
    topic: sanitizedTopic(raw.topic, policy.audience),
    partitions: raw.partitions,
    config: {
      'cleanup.policy': 'delete',
      'retention.ms': raw.retentionMs,
      'max.message.bytes': raw.messageBytesMax,
      'message.timestamp.type': policy.timestamp === 'append' ? 'LogAppendTime' : 'CreateTime',
    },
  };
}
