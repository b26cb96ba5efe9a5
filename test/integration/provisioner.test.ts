/**
 * What becomes of grants on the cluster: made for one user, closed and removed at the end, mended in between, whatever
 * happens to the provisioner. Everything with real log-ins on real brokers.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { allow } from '../../kafka/acl.ts';
import type { Login } from '../../kafka/login.ts';
import { ProvisionerPlane } from '../support/provisioner-plane.ts';
import type { RunningProvisioner } from '../support/provisioner-plane.ts';
import { eventually, loginOf, uniqueName, withAdmin } from '../support/stack.ts';
import { RunningInstance } from '../support/test-site.ts';
import { NO_TOPIC, fetchFirst, firstRecord, write } from '../support/who-may.ts';

let plane: ProvisionerPlane;
let alice: Login;
let bob: Login;

beforeAll(async () => {
  plane = await ProvisionerPlane.start();
  [alice, bob] = [await plane.user('alice'), await plane.user('bob')];
}, 120_000);

afterAll(async () => {
  await plane.close();
});

const REFUSED = { code: 'ERR_KAFKA_RIGHT_MISSING' };

/** Rules on the topic of a grant beside gauze's own. */
async function rulesOf(grantId: string): Promise<readonly string[]> {
  return await withAdmin(async (admin) =>
    (await admin.describeAcls())
      .filter(({ name }) => name === plane.topicOf(grantId))
      .map(({ principal, operation }) => `${principal} ${operation}`)
      .toSorted(),
  );
}

async function topicThere(grantId: string): Promise<boolean> {
  return await withAdmin(async (admin) => (await admin.listTopics()).includes(plane.topicOf(grantId)));
}

/** A grant task's record. */
async function fill(grantId: string): Promise<void> {
  expect(await write(loginOf('gauze-topology'), plane.topicOf(grantId))).toBe('written');
}

async function expectNothingLeft(grantId: string): Promise<void> {
  expect(await rulesOf(grantId)).toEqual([]);
  expect(await topicThere(grantId)).toBe(false);
}

describe('a provisioner', () => {
  let provisioner: RunningProvisioner;

  beforeAll(async () => {
    provisioner = await plane.provisioner();
  });

  afterAll(async () => {
    await provisioner.end();
  });

  const reported = (grantId: string) =>
    provisioner.reports.filter((report) => report.grantId === grantId).map(({ kind }) => kind);

  test('lets the grantee read with an ordinary consumer, and nobody else', async () => {
    const id = await plane.activating(alice);
    const { grant_topic_id: topicId, not_before: from, not_after: to } = await plane.until(id, 'ACTIVE');
    expect(to - from).toBe(3_600_000);
    expect(topicId).toMatch(/^[0-9a-f]{32}$/);
    await fill(id);
    const topic = plane.topicOf(id);
    const { value } = await firstRecord(alice, topic, `${alice.username}-${uniqueName('c')}`);
    expect(value!.toString()).toBe('x');
    await expect(firstRecord(bob, topic, `${bob.username}-c`)).rejects.toThrow(NO_TOPIC);
    await expect(fetchFirst(bob, topic)).rejects.toMatchObject(REFUSED);
    for (const role of ['gauze-provisioner', 'gauze-approvals', 'gauze-topology', 'research-app']) {
      await expect(fetchFirst(loginOf(role), topic)).rejects.toMatchObject(REFUSED);
    }
    expect(await write(alice, topic)).toBe(NO_TOPIC);
    expect(await rulesOf(id)).toEqual([`User:${alice.username} describe`, `User:${alice.username} read`]);
    expect(reported(id)).toEqual(['PROVISIONED']);
  });

  test('makes the topic as the audience has it: partitions, short retention, times of the broker', async () => {
    const id = await plane.activating(alice);
    await plane.until(id, 'ACTIVE');
    await withAdmin(async (admin) => {
      expect(await admin.describeTopics([plane.topicOf(id)])).toMatchObject([{ partitions: 2 }]);
      const settings = await admin.describeConfigs(plane.topicOf(id));
      const value = (name: string) => settings.get(name)?.value;
      expect(value('retention.ms')).toBe('3600000');
      expect(Number(value('segment.ms'))).toBeLessThanOrEqual(900_000);
      expect(value('cleanup.policy')).toBe('delete');
      expect(value('message.timestamp.type')).toBe('LogAppendTime');
    });
  });

  test('takes everything away at a revocation, and reports it removed only then', async () => {
    const id = await plane.activating(alice);
    await plane.until(id, 'ACTIVE');
    await fill(id);
    expect(await fetchFirst(alice, plane.topicOf(id))).toBe(1);
    await plane.revoke(id);
    await plane.until(id, 'REVOKED');
    await expectNothingLeft(id);
    await expect(fetchFirst(alice, plane.topicOf(id))).rejects.toMatchObject({ kind: 'hold' });
    expect(reported(id)).toEqual(['PROVISIONED', 'REMOVED']);
    expect(provisioner.reports.at(-1)).toMatchObject({ kind: 'REMOVED', brokers: 1 });
  });

  test('takes everything away when the time is over', async () => {
    const id = await plane.activating(alice, { duration_ms: 1_500 });
    const { not_after: end } = await plane.until(id, 'ACTIVE');
    await fill(id);
    // Reading ends with the time, before anybody has ordered the end.
    await eventually(
      async () => await expect(fetchFirst(alice, plane.topicOf(id))).rejects.toMatchObject(REFUSED),
    );
    expect(Date.now()).toBeGreaterThanOrEqual(end);
    expect(plane.state(id)?.state).toBe('ACTIVE');
    await plane.endOrdered(id);
    await plane.until(id, 'ENDED');
    await expectNothingLeft(id);
  });

  test('shows nothing of a suspended grant, keeps its topic, and gives it back when it is resumed', async () => {
    const id = await plane.activating(bob);
    await plane.until(id, 'ACTIVE');
    await fill(id);
    await plane.suspend(id);
    await eventually(
      async () => await expect(fetchFirst(bob, plane.topicOf(id))).rejects.toMatchObject(REFUSED),
    );
    expect(await topicThere(id)).toBe(true);
    await plane.resume(id);
    await eventually(async () => expect(await fetchFirst(bob, plane.topicOf(id))).toBe(1));
  });

  test('keeps the groups of a user until the last of their grants has ended', async () => {
    const user = await plane.user('dora');
    const groupRules = async () =>
      await withAdmin(async (admin) =>
        (await admin.describeAcls(`User:${user.username}`)).filter(({ resource }) => resource === 'group'),
      );
    const [one, two] = [await plane.activating(user), await plane.activating(user)];
    for (const id of [one, two]) await plane.until(id, 'ACTIVE');
    const rule = allow(`User:${user.username}`, ['read'], 'group', `${user.username}-`, 'prefixed');
    expect(await groupRules()).toEqual(rule);
    await plane.revoke(one);
    await plane.until(one, 'REVOKED');
    expect(await groupRules()).toEqual(rule);
    await plane.revoke(two);
    await plane.until(two, 'REVOKED');
    expect(await groupRules()).toEqual([]);
  });

  test('refuses a grantee that is everybody, or a part of gauze, and leaves nothing half made', async () => {
    for (const username of ['*', 'gauze-approvals']) {
      const id = await plane.activating({ ...alice, username });
      await plane.until(id, 'ACTIVATION_FAILED');
      expect(provisioner.reports.at(-1)).toMatchObject({
        kind: 'PROVISION_FAILED',
        cause: 'ERR_GRANT_BENEFICIARY',
      });
      await expectNothingLeft(id);
    }
  });

  test('opens nothing while a standing rule lets others read every topic', async () => {
    const rule = allow(`User:${bob.username}`, ['read'], 'topic', plane.site.names.prefix, 'prefixed');
    await withAdmin(async (admin) => await admin.createAcls(rule));
    try {
      const id = await plane.activating(alice);
      await plane.until(id, 'ACTIVATION_FAILED');
      expect(provisioner.reports.at(-1)).toMatchObject({ cause: 'ERR_GRANT_WIDER_RIGHT' });
      await expectNothingLeft(id);
    } finally {
      await withAdmin(async (admin) => await admin.deleteAcls(rule));
    }
  });
});

describe('a provisioner that is ended between two steps', () => {
  test('before it has reported: the next one finds the topic and reports it', async () => {
    const first = await plane.provisioner({
      report: async () => await Promise.reject(new Error('the process is gone')),
    });
    const id = await plane.activating(alice);
    await eventually(async () => expect(await rulesOf(id)).toHaveLength(2));
    await first.end();
    expect(plane.state(id)?.state).toBe('ACTIVATING');
    const second = await plane.provisioner();
    await plane.until(id, 'ACTIVE');
    expect(second.reports.map(({ kind }) => kind)).toEqual(['PROVISIONED']);
    await fill(id);
    expect(await fetchFirst(alice, plane.topicOf(id))).toBe(1);
    await second.end();
  });

  test('before it has reported a removal: the next one proves and reports it again', async () => {
    const id = await plane.activating(alice);
    const first = await plane.provisioner({
      report: async (report, send) => {
        if (report.kind === 'REMOVED') throw new Error('the process is gone');
        await send(report);
      },
    });
    await plane.until(id, 'ACTIVE');
    await plane.revoke(id);
    await eventually(async () => expect(await topicThere(id)).toBe(false));
    await first.end();
    expect(plane.state(id)?.state).toBe('REVOKING');
    const second = await plane.provisioner();
    await plane.until(id, 'REVOKED');
    await expectNothingLeft(id);
    await second.end();
  });

  test('a topic that is there with records before activation is thrown away: nothing of ours wrote them', async () => {
    const id = await plane.activating(alice);
    await withAdmin(async (admin) => await admin.createTopic({ topic: plane.topicOf(id), partitions: 2 }));
    await eventually(async () => await fill(id));
    const provisioner = await plane.provisioner();
    await plane.until(id, 'ACTIVE');
    expect(await fetchFirst(alice, plane.topicOf(id))).toBe(0);
    await provisioner.end();
  });

  test('two at once do no harm', async () => {
    const both = [await plane.provisioner(), await plane.provisioner()];
    const id = await plane.activating(alice);
    await plane.until(id, 'ACTIVE');
    await fill(id);
    expect(await fetchFirst(alice, plane.topicOf(id))).toBe(1);
    await plane.revoke(id);
    await plane.until(id, 'REVOKED');
    await expectNothingLeft(id);
    await Promise.all(both.map(async (each) => await each.end()));
  });
});

describe('drift', () => {
  let provisioner: RunningProvisioner;
  let id: string;

  beforeAll(async () => {
    provisioner = await plane.provisioner({ sweepMs: 200 });
    id = await plane.activating(alice);
    await plane.until(id, 'ACTIVE');
    await fill(id);
  });

  afterAll(async () => {
    await provisioner.end();
  });

  test('a right of somebody else on a grant topic is removed and told', async () => {
    const rules = allow(`User:${bob.username}`, ['read'], 'topic', plane.topicOf(id));
    await withAdmin(async (admin) => await admin.createAcls(rules));
    await eventually(async () => expect(provisioner.drift).toContain(`${id} FOREIGN_RIGHT mended`));
    await eventually(
      async () => await expect(fetchFirst(bob, plane.topicOf(id))).rejects.toMatchObject(REFUSED),
    );
    await eventually(async () => expect(plane.state(id)?.externally_modified).toBe(true));
    expect(provisioner.drift).toHaveLength(1);
    expect(await fetchFirst(alice, plane.topicOf(id))).toBe(1);
  });

  test('a right on all grant topics is removed too', async () => {
    const prefix = plane.site.names.grantTopicPrefix;
    const rules = allow(`User:${bob.username}`, ['read'], 'topic', prefix, 'prefixed');
    await withAdmin(async (admin) => await admin.createAcls(rules));
    await eventually(
      async () => await expect(fetchFirst(bob, plane.topicOf(id))).rejects.toMatchObject(REFUSED),
    );
  });

  test('what was taken from the grantee comes back', async () => {
    const rules = allow(`User:${alice.username}`, ['read'], 'topic', plane.topicOf(id));
    await withAdmin(async (admin) => await admin.deleteAcls(rules));
    await eventually(async () => expect(provisioner.drift).toContain(`${id} RIGHT_MISSING mended`));
    await eventually(async () => expect(await fetchFirst(alice, plane.topicOf(id))).toBe(1));
  });

  test('longer retention is taken back', async () => {
    const retention = async () =>
      await withAdmin(
        async (admin) => (await admin.describeConfigs(plane.topicOf(id))).get('retention.ms')?.value,
      );
    const forEver = { 'retention.ms': '-1' };
    await withAdmin(async (admin) => await admin.replaceConfigs(plane.topicOf(id), forEver));
    await eventually(async () => expect(provisioner.drift).toContain(`${id} TOPIC_SETTINGS mended`));
    await eventually(async () => expect(await retention()).toBe('3600000'));
  });

  test('a grant topic that no grant means is deleted with its rules', async () => {
    const topic = plane.site.names.grantTopic('0123456789abcdef');
    await withAdmin(async (admin) => {
      await admin.createTopic({ topic, partitions: 1 });
      await admin.createAcls(allow(`User:${bob.username}`, ['read'], 'topic', topic));
    });
    await eventually(async () => {
      expect(await topicThere('0123456789abcdef')).toBe(false);
      expect(await rulesOf('0123456789abcdef')).toEqual([]);
    });
  });

  test('a topic made again under the name is closed for good', async () => {
    await withAdmin(async (admin) => {
      await admin.deleteTopics([plane.topicOf(id)]);
      await eventually(async () => await admin.createTopic({ topic: plane.topicOf(id), partitions: 2 }));
    });
    await eventually(async () =>
      expect(provisioner.drift.join(' ')).toMatch(new RegExp(`${id} TOPIC_(CHANGED|MISSING) told`)),
    );
    await eventually(
      async () => await expect(fetchFirst(alice, plane.topicOf(id))).rejects.toMatchObject(REFUSED),
    );
    expect(await rulesOf(id)).toEqual([]);
  });
});

test('gauze run --role provisioner does the same, and goes on where it was killed', async () => {
  const run = (): RunningInstance => plane.site.run('provisioner');
  const first = run();
  const id = await plane.activating(alice);
  await plane.until(id, 'ACTIVE');
  await first.end('SIGKILL');
  await plane.revoke(id);
  const second = run();
  await plane.until(id, 'REVOKED');
  await expectNothingLeft(id);
  expect(await second.end('SIGTERM')).toBe(0);
}, 60_000);
