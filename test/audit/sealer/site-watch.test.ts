/**
 * Which rules, groups and settings are told of: everything that lets somebody beside gauze read raw topics or change
 * what is sealed, and nothing that a site needs.
 */
import { describe, expect, test } from '@jest/globals';
import { Alarms } from '../../../audit/sealer/alarms.ts';
import {
  changedSettings,
  exceptPruning,
  settingsHash,
  watchGroups,
  watchRights,
  watchSettings,
} from '../../../audit/sealer/site-watch.ts';
import { allow } from '../../../kafka/acl.ts';
import type { Acl } from '../../../kafka/acl.ts';
import type { TopicSetting } from '../../../kafka/admin.ts';
import { desiredAcls } from '../../../policy/desired-state.ts';
import { topicNames } from '../../../schemas/topic-names.ts';

const NAMES = topicNames('gauze');
const RAW = new Set(['clinical.patients']);
const ROLES = {
  admin: 'User:gauze-admin',
  topology: 'User:gauze-topology',
  approvals: 'User:gauze-approvals',
  provisioner: 'User:gauze-provisioner',
  sealer: 'User:gauze-sealer',
  auditor: 'User:gauze-auditor',
};

function told(acls: readonly Acl[]): readonly string[] {
  const alarms = new Alarms();
  watchRights(acls, RAW, NAMES, ROLES, alarms);
  return alarms.take().map(({ code, place, detail }) => `${code} ${place} ${detail}`);
}

describe('rules', () => {
  test('that gauze makes for itself are in order', () => {
    expect(told(desiredAcls([], NAMES, ROLES))).toEqual([]);
    expect(told(allow(ROLES.topology, ['read'], 'topic', 'clinical.patients'))).toEqual([]);
    expect(told(allow('User:ehr-feed', ['write', 'describe'], 'topic', 'clinical.patients'))).toEqual([]);
  });

  test('that an admin needs to remove what was declared are in order while that takes, and no others', () => {
    const needed = [NAMES.auditEvents, NAMES.auditSubjects].flatMap((topic) =>
      allow(ROLES.admin, ['delete'], 'topic', topic),
    );
    for (const rule of needed) expect(told([rule])).toHaveLength(1);
    expect(told(exceptPruning(needed, NAMES, ROLES))).toEqual([]);
    const others = [
      ...allow(ROLES.admin, ['delete'], 'topic', NAMES.auditSeals),
      ...allow(ROLES.admin, ['delete'], 'topic', 'gauze.audit.', 'prefixed'),
      ...allow(ROLES.admin, ['all'], 'topic', NAMES.auditEvents),
      ...allow(ROLES.topology, ['delete'], 'topic', NAMES.auditEvents),
    ];
    expect(told(exceptPruning(others, NAMES, ROLES))).toEqual(told(others));
  });

  test.each([
    ['RAW_READABLE', 'read', 'clinical.patients', 'literal'],
    ['RAW_READABLE', 'all', 'clinical.patients', 'literal'],
    ['RAW_READABLE', 'read', 'clinical.', 'prefixed'],
    ['RAW_READABLE', 'read', '*', 'literal'],
    ['AUDIT_ALTERABLE', 'delete', 'gauze.audit.events', 'literal'],
    ['AUDIT_ALTERABLE', 'alter-configs', 'gauze.', 'prefixed'],
    ['AUDIT_ALTERABLE', 'alter', 'gauze.audit.seals', 'literal'],
    ['AUDIT_WRITABLE', 'write', 'gauze.audit.events', 'literal'],
    ['AUDIT_WRITABLE', 'write', 'gauze.audit', 'prefixed'],
    ['SUBJECTS_READABLE', 'read', 'gauze.audit.subjects', 'literal'],
  ] as const)('%s: %s on %s (%s)', (code, operation, name, pattern) => {
    const rules = allow('User:somebody', [operation], 'topic', name, pattern);
    expect(told(rules)).toContain(`${code} User:somebody ${operation} on ${pattern} ${name}`);
    expect(told(rules.map((rule) => ({ ...rule, permission: 'deny' })))).toEqual([]);
  });

  test.each([
    ['POSITIONS_MOVABLE', 'read', 'group', 'gauze.research', 'literal'],
    ['POSITIONS_MOVABLE', 'read', 'group', '*', 'literal'],
    ['POSITIONS_MOVABLE', 'delete', 'group', 'gau', 'prefixed'],
    ['POSITIONS_MOVABLE', 'all', 'group', 'gauze.task.', 'prefixed'],
    ['RIGHTS_ALTERABLE', 'alter', 'cluster', 'kafka-cluster', 'literal'],
    ['RIGHTS_ALTERABLE', 'all', 'cluster', 'kafka-cluster', 'literal'],
    ['RIGHTS_ALTERABLE', 'alter-configs', 'cluster', 'kafka-cluster', 'literal'],
  ] as const)('%s: %s on %s %s (%s)', (code, operation, resource, name, pattern) => {
    const rules = allow('User:somebody', [operation], resource, name, pattern);
    expect(told(rules)).toEqual([`${code} User:somebody ${operation} on ${resource} ${pattern} ${name}`]);
    expect(told(rules.map((rule) => ({ ...rule, permission: 'deny' })))).toEqual([]);
  });

  test('that readers of sanitized topics need are in order', () => {
    expect(told(allow('User:research-app', ['read'], 'group', 'research-', 'prefixed'))).toEqual([]);
    expect(told(allow('User:research-app', ['describe'], 'group', '*'))).toEqual([]);
    expect(told(allow('User:research-app', ['describe', 'idempotent-write'], 'cluster'))).toEqual([]);
  });

  test('roles of gauze have no more than their own', () => {
    expect(told(allow(ROLES.approvals, ['read'], 'topic', 'clinical.patients'))).toHaveLength(1);
    expect(told(allow(ROLES.topology, ['write'], 'topic', NAMES.auditSeals))).toHaveLength(1);
    expect(told(allow(ROLES.sealer, ['write'], 'topic', NAMES.auditEvents))).toHaveLength(1);
    expect(told(allow(ROLES.admin, ['delete'], 'topic', NAMES.auditEvents))).toHaveLength(1);
    expect(told(allow(ROLES.provisioner, ['alter-configs'], 'cluster'))).toHaveLength(1);
    expect(told(allow(ROLES.topology, ['delete'], 'group', 'gauze.', 'prefixed'))).toHaveLength(1);
    expect(told(allow(ROLES.approvals, ['read'], 'group', 'gauze.', 'prefixed'))).toHaveLength(1);
  });
});

test('groups on raw topics are told of, with members or with offsets; their names only if they look like names', () => {
  const alarms = new Alarms();
  const member = { clientId: 'x', host: '/10.0.0.1', topics: ['clinical.patients'] };
  const offset = { topic: 'clinical.patients', partition: 0, offset: 4 };
  const groups = [
    { group: 'gauze.research', members: [], offsets: [offset] },
    { group: 'gauze.topology', members: [member], offsets: [] },
    { group: 'gauze.stranger', members: [member], offsets: [] },
    { group: 'research-app', members: [], offsets: [{ ...offset, topic: 'clinical.patients.for-research' }] },
    { group: 'with-members', members: [member], offsets: [] },
    { group: 'with-offsets', members: [], offsets: [offset] },
    { group: 'Jane Doe\n', members: [member], offsets: [] },
  ];
  watchGroups(groups, RAW, NAMES, alarms);
  expect(alarms.take().map(({ code, place }) => `${code} ${place}`)).toEqual([
    'RAW_GROUP gauze.stranger',
    'RAW_GROUP with-members',
    'RAW_GROUP with-offsets',
    'RAW_GROUP ?',
  ]);
});

describe('settings of the audit topics', () => {
  const SOUND = {
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'retention.bytes': '-1',
    'retention.ms': '-1',
    'unclean.leader.election.enable': 'false',
    'segment.bytes': '1073741824',
  };
  const settings = (changes: Readonly<Record<string, string>> = {}, own = true) =>
    new Map([
      [
        NAMES.auditEvents,
        new Map<string, TopicSetting>(
          Object.entries({ ...SOUND, ...changes }).map(([name, value]) => [name, { value, own }]),
        ),
      ],
    ]);

  test('are sound as gauze makes them, and any other one is told for as long as it stands', () => {
    const alarms = new Alarms();
    watchSettings(settings(), alarms);
    expect(alarms.take()).toEqual([]);
    watchSettings(settings({ 'cleanup.policy': 'compact', 'retention.ms': '1000' }), alarms);
    expect(alarms.take().map(({ place, detail }) => `${place} ${detail}`)).toEqual([
      'gauze.audit.events cleanup.policy compact',
      'gauze.audit.events retention.ms 1000',
    ]);
  });

  test('are told of where an acknowledged record needs one broker alone, unless no topic says so itself', () => {
    const alarms = new Alarms();
    watchSettings(settings({ 'min.insync.replicas': '2' }), alarms);
    watchSettings(settings({ 'min.insync.replicas': '1' }, false), alarms);
    expect(alarms.take()).toEqual([]);
    watchSettings(settings({ 'min.insync.replicas': '1' }), alarms);
    expect(alarms.take()).toMatchObject([{ place: 'gauze.audit.events min.insync.replicas', detail: '1' }]);
  });

  test('are named where they changed', () => {
    const now = settings({ 'segment.bytes': '1', 'retention.ms': '1000' });
    expect(changedSettings(settings(), settings())).toEqual([]);
    expect(changedSettings(settings(), now)).toEqual([
      'gauze.audit.events retention.ms=1000',
      'gauze.audit.events segment.bytes=1',
    ]);
  });

  test('have one hash, whatever the order in which they come, and another one when any of them changes', () => {
    const hash = settingsHash(settings());
    const [[topic, found]] = [...settings()] as [[string, Map<string, TopicSetting>]];
    expect(settingsHash(new Map([[topic, new Map([...found].toReversed())]])).equals(hash)).toBe(true);
    expect(settingsHash(settings({ 'segment.bytes': '1' })).equals(hash)).toBe(false);
  });
});
