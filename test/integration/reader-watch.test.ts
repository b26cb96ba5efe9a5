/**
 * The watch over readers with the provisioner's own log-in: it sees a grantee's group on a grant topic, and reads
 * nothing of what is read there.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ReaderWatch } from '../../audit/reader-watch.ts';
import type { AccessEventFacts } from '../../audit/access-events.ts';
import { GroupViews } from '../../kafka/group-views.ts';
import { ordinaryConsumer } from '../../kafka/kafkajs-client.ts';
import { ProvisionerPlane } from '../support/provisioner-plane.ts';
import { eventually, loginOf, testStack, withAdmin } from '../support/stack.ts';
import { clusterAs, write } from '../support/who-may.ts';

let plane: ProvisionerPlane;

beforeAll(async () => {
  plane = await ProvisionerPlane.start();
}, 120_000);

afterAll(async () => {
  await plane.close();
});

test('sees the group of a grantee, its member and its offsets, and each change of them once', async () => {
  const alice = await plane.user('alice');
  const provisioner = await plane.provisioner();
  const id = await plane.activating(alice);
  await plane.until(id, 'ACTIVE');
  const topic = plane.topicOf(id);
  const login = loginOf('gauze-provisioner');
  const cluster = await clusterAs(login);
  const views = new GroupViews(cluster);
  const events: AccessEventFacts[] = [];
  const watch = new ReaderWatch({
    groups: async () => await views.read((group) => group.startsWith(`${alice.username}-`)),
    acls: async () => await withAdmin(async (admin) => await admin.describeAcls(), login),
    isWatched: (name) => name === topic,
    record: async (event) => await Promise.resolve(void events.push(event)),
    actor: { kind: 'SYSTEM', id: 'User:gauze-provisioner', roles: [], on_behalf_of: null, token_id: null },
  });
  const consumer = ordinaryConsumer(
    { brokers: testStack().brokers, ssl: false, login: alice },
    `${alice.username}-app`,
  );
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    let read = 0;
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async () => await Promise.resolve(void read++),
    });
    await eventually(async () => {
      await watch.look();
      expect(events.at(-1)?.ext).toMatchObject({
        group: `${alice.username}-app`,
        topic,
        may_use_group: `User:${alice.username}`,
        members: expect.stringMatching(/^gauze@127\.0\.0\.1$/),
      });
    });
    expect(await write(loginOf('gauze-topology'), topic)).toBe('written');
    await eventually(async () => {
      await watch.look();
      expect(events.at(-1)?.ext?.['offsets']).toMatch(/0:(\?|0)-1/);
    });
    expect(read).toBe(1);
    const told = events.length;
    await watch.look();
    expect(events).toHaveLength(told);
  } finally {
    await consumer.disconnect();
    views.close();
    await cluster.close();
    await provisioner.end();
  }
}, 60_000);
