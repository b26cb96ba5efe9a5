/**
 * Looks at how the audit topics are set up and who has rights that nobody should have: rules and groups that let
 * somebody read raw topics beside gauze, or alter what is sealed. It sees names and settings only, and mends nothing.
 */
import { createHash } from 'node:crypto';
import type { Acl, AclOperation } from '../../kafka/acl.ts';
import type { TopicSetting } from '../../kafka/admin.ts';
import type { GroupView } from '../../kafka/group-views.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import type { Alarms } from './alarms.ts';

/** Kafka principals of gauze's roles. */
export interface SealedRoles {
  readonly admin: string;
  readonly topology: string;
  readonly approvals: string;
  readonly provisioner: string;
  readonly sealer: string;
  readonly auditor: string;
}

export type TopicSettings = ReadonlyMap<string, ReadonlyMap<string, TopicSetting>>;

/** What an audit topic must be set to, lest it lose or reorder what was sealed. */
const NEEDED_SETTINGS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
  'retention.bytes': '-1',
  'retention.ms': '-1',
  'unclean.leader.election.enable': 'false',
};
/** Set to one on a topic itself, a record that was acknowledged is lost with one broker. */
const MIN_ISR = 'min.insync.replicas';
const ALTERING: readonly AclOperation[] = ['all', 'alter', 'alter-configs', 'delete'];
const NAME = /^[\w.-]{1,120}$/;

/** SHA-256 over every setting of each topic, one line each, sorted. */
export function settingsHash(settings: TopicSettings): Buffer {
  const lines = [...settings].flatMap(([topic, found]) =>
    [...found].map(([name, { value }]) => `${topic} ${name}=${value}\n`),
  );
  return createHash('sha256').update(lines.toSorted().join('')).digest();
}

/** Raises what is set so that an audit topic can lose or reorder records, for as long as it is. */
export function watchSettings(settings: TopicSettings, alarms: Alarms): void {
  for (const [topic, found] of settings) {
    const drifted = (name: string, value: string): void =>
      alarms.raise('TOPIC_CONFIG_DRIFT', `${topic} ${name}`, value);
    for (const [name, needed] of Object.entries(NEEDED_SETTINGS)) {
      const value = found.get(name)?.value;
      if (value !== undefined && value !== needed) drifted(name, value);
    }
    const replicas = found.get(MIN_ISR);
    if (replicas?.own === true && replicas.value === '1') drifted(MIN_ISR, replicas.value);
  }
}

/** Names of the settings that are other than before, `topic name=value`; sorted. */
export function changedSettings(before: TopicSettings, now: TopicSettings): readonly string[] {
  return [...now]
    .flatMap(([topic, found]) =>
      [...found].flatMap(([name, { value }]) =>
        before.get(topic)?.get(name)?.value === value ? [] : [`${topic} ${name}=${value}`],
      ),
    )
    .toSorted();
}

/** The rules without the one that an admin has while records are removed as declared. */
export function exceptPruning(acls: readonly Acl[], names: TopicNames, roles: SealedRoles): readonly Acl[] {
  const topics = [names.auditEvents, names.auditSubjects];
  return acls.filter(
    ({ principal, operation, pattern, name }) =>
      !(
        principal === roles.admin &&
        operation === 'delete' &&
        pattern === 'literal' &&
        topics.includes(name)
      ),
  );
}

/** Raises each rule that gives what nobody but a role of gauze should have. */
export function watchRights(
  acls: readonly Acl[],
  raw: ReadonlySet<string>,
  names: TopicNames,
  roles: SealedRoles,
  alarms: Alarms,
): void {
  const { auditEvents, auditSubjects, auditSeals } = names;
  // An auditor's questions are events too.
  const { admin, topology, approvals, provisioner, auditor } = roles;
  const writers = new Set([admin, topology, approvals, provisioner, auditor]);
  watchOtherRights(acls, names, roles, alarms);
  for (const acl of acls.filter(
    ({ resource, permission }) => resource === 'topic' && permission === 'allow',
  )) {
    const { principal, operation } = acl;
    const reaches = (topics: Iterable<string>): boolean => [...topics].some((topic) => covers(acl, topic));
    const tell = (code: Parameters<Alarms['raise']>[0]): void =>
      alarms.raise(code, principal, `${operation} on ${acl.pattern} ${acl.name}`);
    if (reads(operation) && principal !== roles.topology && reaches(raw)) tell('RAW_READABLE');
    const isAudit = reaches([auditEvents, auditSubjects, auditSeals]);
    if (!isAudit) continue;
    // What gauze's own admin does with its right to alter shows as a changed setting.
    const mayAlter = principal === roles.admin && operation.startsWith('alter');
    if (ALTERING.includes(operation) && !mayAlter) tell('AUDIT_ALTERABLE');
    if (operation === 'write' && !mayWrite(acl, names, roles, writers)) tell('AUDIT_WRITABLE');
    const maySee = [roles.approvals, roles.sealer, roles.auditor].includes(principal);
    if (operation === 'read' && covers(acl, auditSubjects) && !maySee) tell('SUBJECTS_READABLE');
  }
}

/** Rights that are on no topic, and open every topic, or what is counted on. */
function watchOtherRights(
  acls: readonly Acl[],
  { prefix, approvalsGroup, sealerGroup }: TopicNames,
  roles: SealedRoles,
  alarms: Alarms,
): void {
  for (const acl of acls.filter(({ permission }) => permission === 'allow')) {
    const { resource, principal, operation, pattern, name } = acl;
    const tell = (code: Parameters<Alarms['raise']>[0]): void =>
      alarms.raise(code, principal, `${operation} on ${resource} ${pattern} ${name}`);
    if (resource === 'cluster' && ALTERING.includes(operation)) {
      // The provisioner's right to give grantees theirs is told of in the threat model.
      const mayAlter =
        principal === roles.admin || (principal === roles.provisioner && operation === 'alter');
      if (!mayAlter) tell('RIGHTS_ALTERABLE');
    }
    if (resource !== 'group' || !['all', 'read', 'delete'].includes(operation)) continue;
    const isOurs = name === '*' || name.startsWith(`${prefix}.`) || isBeginning(acl, `${prefix}.`);
    const own: Readonly<Record<string, string>> = {
      [roles.topology]: `${prefix}.`,
      [roles.approvals]: approvalsGroup,
      [roles.sealer]: sealerGroup,
    };
    const ownBeginning = own[principal];
    const isOwn = ownBeginning !== undefined && name.startsWith(ownBeginning) && operation === 'read';
    if (isOurs && !isOwn) tell('POSITIONS_MOVABLE');
  }
}

function isBeginning({ pattern, name }: Acl, text: string): boolean {
  return pattern === 'prefixed' && text.startsWith(name);
}

/** Raises each group beside gauze's own that has offsets or members on a raw topic. */
export function watchGroups(
  groups: readonly GroupView[],
  raw: ReadonlySet<string>,
  names: TopicNames,
  alarms: Alarms,
): void {
  for (const { group, members, offsets } of groups) {
    // Groups that hold positions have no members; one of another's making could call itself like them.
    const isOurs = group.startsWith(`${names.prefix}.`);
    if (isOurs && (members.length === 0 || group === names.topologyGroup)) continue;
    const read = [...members.flatMap(({ topics }) => topics), ...offsets.map(({ topic }) => topic)];
    const topic = read.find((each) => raw.has(each));
    // Clients choose the names of groups.
    if (topic !== undefined) alarms.raise('RAW_GROUP', NAME.test(group) ? group : '?', topic);
  }
}

function mayWrite(
  acl: Acl,
  { auditEvents, auditSubjects, auditSeals }: TopicNames,
  { topology, sealer }: SealedRoles,
  writers: ReadonlySet<string>,
): boolean {
  const { principal } = acl;
  return (
    (!covers(acl, auditEvents) || writers.has(principal)) &&
    (!covers(acl, auditSubjects) || principal === topology) &&
    (!covers(acl, auditSeals) || principal === sealer)
  );
}

function reads(operation: AclOperation): boolean {
  return operation === 'read' || operation === 'all';
}

function covers({ name, pattern }: Acl, topic: string): boolean {
  return pattern === 'prefixed' ? topic.startsWith(name) : name === '*' || name === topic;
}
