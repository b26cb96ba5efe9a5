/**
 * Who may read and write what: each log-in does its own with an ordinary client, and is refused everything else.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { addUser, eventually, loginOf, testStack, uniqueName, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { NO_GROUP, NO_TOPIC, clusterAs, fetchFirst, firstRecord, write } from '../support/who-may.ts';

const TOPICS = ['clinical.patients', 'clinical.encounters'] as const;
const [PATIENTS] = TOPICS;

let site: TestSite;

beforeAll(async () => {
  site = await TestSite.make({ topics: TOPICS, partitions: 1 });
  await site.feed(generateHospital({ patients: 8, seed: 31 }));
  await site.apply();
  site.run();
  await site.caughtUp();
}, 120_000);

afterAll(async () => {
  await site.close();
});

describe("an audience's log-in", () => {
  test.each(TOPICS)('reads %s for its audience with an ordinary consumer', async (topic) => {
    const { value } = await firstRecord(
      loginOf('research-app'),
      site.sanitized(topic, 'research'),
      uniqueName('research-x'),
    );
    expect(value!.readUInt8(0)).toBe(0);
  });

  test('is refused raw topics, topics of other audiences, and all of gauze itself', async () => {
    const others = TOPICS.flatMap((topic) => [
      site.raw(topic),
      site.sanitized(topic, 'analytics'),
      site.sanitized(topic, 'billing'),
    ]);
    const { auditEvents, policies, withheld } = site.names;
    for (const topic of [...others, auditEvents, policies, withheld]) {
      await expect(firstRecord(loginOf('research-app'), topic, uniqueName('research-x'))).rejects.toThrow(
        NO_TOPIC,
      );
    }
  });

  test('is refused the groups of other audiences and of gauze', async () => {
    const { names } = site;
    const groups = [
      uniqueName('billing-x'),
      uniqueName('x'),
      names.audienceGroup('research'),
      names.topologyGroup,
    ];
    const cluster = await clusterAs(loginOf('research-app'));
    try {
      // kafkajs says only that it finds no coordinator; the broker says why.
      for (const group of groups) {
        await expect(cluster.coordinator('group', group)).rejects.toMatchObject({
          code: 'ERR_KAFKA_RIGHT_MISSING',
          context: { kafkaErrorName: NO_GROUP },
        });
      }
      expect(await cluster.coordinator('group', uniqueName('research-x'))).toBeGreaterThanOrEqual(0);
    } finally {
      await cluster.close();
    }
    const target = site.sanitized(PATIENTS, 'research');
    await expect(firstRecord(loginOf('research-app'), target, uniqueName('billing-x'))).rejects.toThrow(
      'coordinator',
    );
  });

  test('writes nowhere', async () => {
    for (const topic of [site.raw(PATIENTS), site.sanitized(PATIENTS, 'research'), site.names.auditEvents]) {
      expect(await write(loginOf('research-app'), topic)).toBe(NO_TOPIC);
    }
  });
});

describe('gauze-auditor', () => {
  test('reads the audit topics, the access log and the policy log, and no other', async () => {
    const { access, auditEvents, auditSeals, auditSubjects, grants, policies, withheld } = site.names;
    const { value } = await firstRecord(loginOf('gauze-auditor'), auditEvents, uniqueName('gauze-auditor-x'));
    expect(auditEventCodec.decode(value!).type).toBe('session.opened');
    for (const topic of [access, auditSubjects, auditSeals, policies]) {
      expect(await fetchFirst(loginOf('gauze-auditor'), topic)).toBeGreaterThanOrEqual(0);
    }
    const data = [site.raw(PATIENTS), site.sanitized(PATIENTS, 'research')];
    for (const topic of [...data, grants, withheld]) {
      await expect(
        firstRecord(loginOf('gauze-auditor'), topic, uniqueName('gauze-auditor-x')),
      ).rejects.toThrow(NO_TOPIC);
    }
    // What an auditor asks is an event, and the only thing that an auditor writes.
    for (const topic of [auditSubjects, auditSeals, access, site.raw(PATIENTS)])
      expect(await write(loginOf('gauze-auditor'), topic)).toBe(NO_TOPIC);
  });
});

describe('gauze-sealer', () => {
  const sealer = () => loginOf('gauze-sealer');

  test('reads the audit topics and no record of any other', async () => {
    const { access, auditEvents, auditSeals, auditSubjects, grants, policies, withheld } = site.names;
    for (const topic of [auditEvents, auditSubjects, auditSeals]) {
      expect(await fetchFirst(sealer(), topic)).toBeGreaterThanOrEqual(0);
    }
    const data = [site.raw(PATIENTS), site.sanitized(PATIENTS, 'research')];
    for (const topic of [...data, access, grants, policies, withheld]) {
      await expect(fetchFirst(sealer(), topic)).rejects.toMatchObject({ code: 'ERR_KAFKA_RIGHT_MISSING' });
    }
  });

  test('writes seals and nothing else; nobody of gauze but it writes them', async () => {
    const { auditEvents, auditSeals, auditSubjects } = site.names;
    for (const topic of [auditEvents, auditSubjects, site.raw(PATIENTS)])
      expect(await write(sealer(), topic)).toBe(NO_TOPIC);
    for (const role of ['gauze-topology', 'gauze-approvals', 'gauze-provisioner', 'gauze-auditor'])
      expect(await write(loginOf(role), auditSeals)).toBe(NO_TOPIC);
  });

  test('alters and deletes nothing, and no role deletes an audit topic', async () => {
    const refused = { code: 'ERR_KAFKA_RIGHT_MISSING' };
    const { auditEvents, auditSeals } = site.names;
    const config = { 'retention.ms': '1000' };
    await expect(
      withAdmin(async (admin) => await admin.replaceConfigs(auditSeals, config), sealer()),
    ).rejects.toMatchObject(refused);
    const rights = allow('User:gauze-sealer', ['read'], 'topic', site.raw(PATIENTS));
    await expect(withAdmin(async (admin) => await admin.createAcls(rights), sealer())).rejects.toMatchObject(
      refused,
    );
    for (const user of Object.keys(testStack().logins).filter((name) => name !== 'admin')) {
      for (const topic of [auditEvents, auditSeals])
        await expect(
          withAdmin(async (admin) => await admin.deleteTopics([topic]), loginOf(user)),
        ).rejects.toMatchObject(refused);
    }
  });
});

describe('gauze-topology', () => {
  test('writes no raw topic', async () => {
    for (const topic of TOPICS)
      expect(await write(loginOf('gauze-topology'), site.raw(topic))).toBe(NO_TOPIC);
  });

  test('changes no rights and makes no topics', async () => {
    const rights = allow('User:gauze-topology', ['write'], 'topic', site.raw(PATIENTS));
    const own = loginOf('gauze-topology');
    const refused = { code: 'ERR_KAFKA_RIGHT_MISSING' };
    await expect(withAdmin(async (admin) => await admin.createAcls(rights), own)).rejects.toMatchObject(
      refused,
    );
    const existing = allow('User:gauze-topology', ['read'], 'topic', site.raw(PATIENTS));
    await expect(withAdmin(async (admin) => await admin.deleteAcls(existing), own)).rejects.toMatchObject(
      refused,
    );
    const topic = `${site.namespace}.of-its-own`;
    await expect(
      withAdmin(async (admin) => await admin.createTopic({ topic, partitions: 1 }), own),
    ).rejects.toMatchObject(refused);
    await expect(
      withAdmin(async (admin) => await admin.deleteTopics([site.raw(PATIENTS)]), own),
    ).rejects.toMatchObject(refused);
  });
});

describe('a raw topic', () => {
  test('is read by gauze-topology and by nobody else', async () => {
    const users = Object.keys(testStack().logins).filter((user) => user !== 'admin');
    expect(users.length).toBeGreaterThan(8);
    for (const user of users) {
      // Without a group, so that nothing but the right on the topic decides.
      const read = fetchFirst(loginOf(user), site.raw(PATIENTS));
      if (user === 'gauze-topology') expect(await read).toBeGreaterThan(0);
      else await expect(read).rejects.toMatchObject({ code: 'ERR_KAFKA_RIGHT_MISSING' });
    }
    const readers = await withAdmin(async (admin) =>
      (await admin.describeAcls()).filter(
        ({ resource, name, operation }) =>
          resource === 'topic' && site.raw(PATIENTS).startsWith(name) && ['read', 'all'].includes(operation),
      ),
    );
    expect(readers).toEqual(allow('User:gauze-topology', ['read'], 'topic', site.raw(PATIENTS)));
  });
});

/** Everything of a role that a refusal is about, by the code of ours. */
const REFUSED = { code: 'ERR_KAFKA_RIGHT_MISSING' };

describe('gauze-approvals', () => {
  const own = () => loginOf('gauze-approvals');

  test('reads samples and its own logs, and may ask where raw topics begin and end', async () => {
    const { access, auditSubjects, grantProgress, grants, policies } = site.names;
    expect(await fetchFirst(own(), site.sanitized(PATIENTS, 'research'))).toBeGreaterThan(0);
    for (const topic of [access, grants, grantProgress, auditSubjects, policies]) {
      expect(await fetchFirst(own(), topic)).toBeGreaterThanOrEqual(0);
    }
    const ends = await withAdmin(async (admin) => await admin.topicEndOffsets(site.raw(PATIENTS)), own());
    expect(ends[0]!.high).toBeGreaterThan(0n);
  });

  test('reads no raw record and no grant topic, and writes none of them', async () => {
    const grantTopic = await anyGrantTopic();
    for (const topic of [...TOPICS.map((name) => site.raw(name)), grantTopic]) {
      await expect(fetchFirst(own(), topic)).rejects.toMatchObject(REFUSED);
      expect(await write(own(), topic)).toBe(NO_TOPIC);
    }
    expect(await write(own(), site.sanitized(PATIENTS, 'research'))).toBe(NO_TOPIC);
    expect(await write(own(), site.names.policies)).toBe(NO_TOPIC);
  });

  test('makes no rights and no topics, and removes none', async () => {
    await expectNoAdministration('gauze-approvals', await anyGrantTopic());
  });
});

describe('gauze-provisioner', () => {
  const own = () => loginOf('gauze-provisioner');

  test('reads the state of grants and the access log, and no data: raw, sanitized or granted', async () => {
    for (const topic of [site.names.access, site.names.grants]) {
      expect(await fetchFirst(own(), topic)).toBeGreaterThanOrEqual(0);
    }
    const { auditEvents, auditSubjects, grantProgress, policies } = site.names;
    const data = TOPICS.flatMap((name) => [site.raw(name), site.sanitized(name, 'research')]);
    for (const topic of [
      ...data,
      await anyGrantTopic(),
      auditEvents,
      auditSubjects,
      grantProgress,
      policies,
    ]) {
      await expect(fetchFirst(own(), topic)).rejects.toMatchObject(REFUSED);
    }
  });

  test('writes no data and no state of grants', async () => {
    const data = [site.raw(PATIENTS), site.sanitized(PATIENTS, 'research'), await anyGrantTopic()];
    for (const topic of [...data, site.names.grants, site.names.policies]) {
      expect(await write(own(), topic)).toBe(NO_TOPIC);
    }
  });

  test('makes and removes grant topics, and no others', async () => {
    const topic = site.names.grantTopic(uniqueName('p'));
    await withAdmin(async (admin) => {
      await admin.createTopic({ topic, partitions: 1 });
      await eventually(async () => await admin.deleteTopics([topic]));
      for (const other of [site.names.grants, site.names.grantProgress, site.raw(PATIENTS)]) {
        await expect(admin.deleteTopics([other])).rejects.toMatchObject(REFUSED);
      }
      for (const other of [`${site.names.prefix}.granted`, `${site.namespace}.of-its-own`]) {
        await expect(admin.createTopic({ topic: other, partitions: 1 })).rejects.toMatchObject(REFUSED);
      }
    }, own());
  });

  test('cannot take the transactional id of the writer of grants', async () => {
    const cluster = await clusterAs(own());
    try {
      const producer = new TransactionalProducer(cluster, site.names.grantsTransactionalId);
      await expect(producer.initialize(AbortSignal.timeout(10_000))).rejects.toMatchObject(REFUSED);
      producer.close();
    } finally {
      await cluster.close();
    }
  });
});

describe('gauze-topology, for grants', () => {
  test('writes and deletes grant topics, reads the state of grants, and does not write it', async () => {
    const own = loginOf('gauze-topology');
    const topic = await anyGrantTopic();
    expect(await write(own, topic)).toBe('written');
    expect(await fetchFirst(own, site.names.grants)).toBeGreaterThanOrEqual(0);
    for (const name of [site.names.grants, site.names.access]) expect(await write(own, name)).toBe(NO_TOPIC);
    await expect(fetchFirst(own, topic)).rejects.toMatchObject(REFUSED);
    await withAdmin(async (admin) => await eventually(async () => await admin.deleteTopics([topic])), own);
  });
});

test('somebody without a grant reads nothing: no topic of data, no log of gauze', async () => {
  const login = await addUser(uniqueName('nobody'));
  const { access, auditEvents, auditSubjects, grantProgress, grants, policies, withheld } = site.names;
  const logs = [access, auditEvents, auditSubjects, grantProgress, grants, policies, withheld];
  const data = TOPICS.flatMap((name) => [site.raw(name), site.sanitized(name, 'research')]);
  for (const topic of [...logs, ...data, await anyGrantTopic()]) {
    await expect(fetchFirst(login, topic)).rejects.toMatchObject(REFUSED);
  }
});

/** A grant topic with a record, as the provisioner and a grant task would leave it. */
async function anyGrantTopic(): Promise<string> {
  const topic = site.names.grantTopic(uniqueName('g'));
  await withAdmin(async (admin) => await admin.createTopic({ topic, partitions: 1 }));
  await eventually(async () => expect(await write(loginOf('admin'), topic)).toBe('written'));
  return topic;
}

async function expectNoAdministration(username: string, existingTopic: string): Promise<void> {
  const rights = allow(`User:${username}`, ['read'], 'topic', site.raw(PATIENTS));
  const existing = allow('User:gauze-topology', ['read'], 'topic', site.raw(PATIENTS));
  await withAdmin(async (admin) => {
    await expect(admin.createAcls(rights)).rejects.toMatchObject(REFUSED);
    await expect(admin.deleteAcls(existing)).rejects.toMatchObject(REFUSED);
    for (const topic of [`${site.namespace}.of-its-own`, site.names.grantTopic(uniqueName('g'))]) {
      await expect(admin.createTopic({ topic, partitions: 1 })).rejects.toMatchObject(REFUSED);
    }
    await expect(admin.deleteTopics([existingTopic])).rejects.toMatchObject({ kind: 'hold' });
  }, loginOf(username));
}
