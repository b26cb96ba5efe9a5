/**
 * Promises of the admin client on a real broker: each change can be read back, each failure is an error of ours.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { aclText, allow } from '../../kafka/acl.ts';
import { KafkaAdmin } from '../../kafka/admin.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { GauzeError } from '../../platform/errors.ts';
import { FaultProxy } from '../support/fault-proxy/fault-proxy.ts';
import { API_KEYS } from '../support/fault-proxy/fault-rule.ts';
import { inTime } from '../support/in-time.ts';
import { patience } from '../support/kafka-plane.ts';
import { connectionOf, loginOf, testStack, uniqueName, withAdmin, eventually } from '../support/stack.ts';

let admin: KafkaAdmin;

beforeAll(async () => {
  admin = new KafkaAdmin(connectionOf('admin'));
  await admin.connect();
});

afterAll(async () => {
  await admin.close();
});

describe('closing', () => {
  test('does not wait for a broker that answers no more', async () => {
    const proxy = await FaultProxy.open(testStack().brokers);
    const other = new KafkaAdmin({ ...connectionOf('admin'), brokers: proxy.addresses });
    try {
      await other.connect();
      await other.listTopics();
      proxy.set({ apiKey: API_KEYS.Metadata, nth: 1, place: 'silence' });
      const asked = other.listTopics();
      asked.catch(() => undefined);
      const wait = patience('the request');
      while (!proxy.fired) {
        wait();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await inTime(other.close(), 10_000, 'the client closes');
      while (proxy.openConnections > 0) {
        wait();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await expect(inTime(asked, 10_000, 'the request ends')).rejects.toBeInstanceOf(GauzeError);
    } finally {
      await proxy.close();
    }
  }, 60_000);
});

describe('topics', () => {
  test('makes a topic once, and says so the second time', async () => {
    const topic = uniqueName('admin.topics');
    const config = { 'retention.ms': '123456', 'message.timestamp.type': 'LogAppendTime' };
    expect(await admin.createTopic({ topic, partitions: 3, config })).toBe('created');
    expect(await admin.createTopic({ topic, partitions: 5 })).toBe('existed');
    expect(await admin.describeTopics([topic, uniqueName('absent')])).toEqual([{ topic, partitions: 3 }]);
    const settings = await admin.describeConfigs(topic);
    expect(settings.get('retention.ms')).toEqual({ value: '123456', own: true });
    expect(settings.get('message.timestamp.type')).toEqual({ value: 'LogAppendTime', own: true });
    expect(settings.get('cleanup.policy')).toEqual({ value: 'delete', own: false });
  });

  test('deletes a topic, and refuses to delete one that is not there', async () => {
    const topic = uniqueName('admin.deleted');
    await admin.createTopic({ topic, partitions: 1 });
    await admin.deleteTopics([topic]);
    expect(await admin.listTopics()).not.toContain(topic);
    await expect(admin.deleteTopics([topic])).rejects.toMatchObject({
      code: 'ERR_KAFKA_TOPIC_MISSING',
      context: { topic, apiName: 'DeleteTopics' },
    });
  });

  test('tells first offset and high watermark of each partition', async () => {
    const topic = uniqueName('admin.offsets');
    await admin.createTopic({ topic, partitions: 2 });
    const producer = ordinaryProducer(connectionOf('admin'));
    await producer.connect();
    await producer.send({ topic, messages: [1, 2, 3].map(() => ({ value: 'x', partition: 1 })) });
    await producer.disconnect();
    expect(await admin.topicEndOffsets(topic)).toEqual([
      { partition: 0, low: 0n, high: 0n },
      { partition: 1, low: 0n, high: 3n },
    ]);
  });
});

describe('rights', () => {
  test('adds rules twice without harm, reads them back, and removes exactly those', async () => {
    const principal = `User:${uniqueName('someone')}`;
    const rules = [
      ...allow(principal, ['read', 'describe-configs'], 'topic', 'some.topic'),
      ...allow(principal, ['all'], 'group', 'some.', 'prefixed'),
      ...allow(principal, ['write'], 'transactional-id', 'gauze.lane.', 'prefixed'),
      ...allow(principal, ['idempotent-write'], 'cluster'),
    ];
    await admin.createAcls(rules);
    await admin.createAcls(rules);
    // A broker answers from what it has taken up of the controller's decisions so far.
    await eventually(async () => {
      const found = (await admin.describeAcls(principal)).map(aclText).toSorted();
      expect(found).toEqual(rules.map(aclText).toSorted());
    });
    expect(await admin.deleteAcls(rules.slice(1))).toBe(rules.length - 1);
    await eventually(async () => expect(await admin.describeAcls(principal)).toEqual([rules[0]]));
    expect(await admin.deleteAcls(rules.slice(1))).toBe(0);
    await admin.deleteAcls(rules);
  });
});

describe('group offsets', () => {
  test('keeps offsets with their metadata, tells -1 where there is none, and forgets a deleted group', async () => {
    const topic = uniqueName('admin.group');
    const group = uniqueName('gauze.admin');
    await admin.createTopic({ topic, partitions: 2 });
    const metadata = `1;${'ä'.repeat(100)}`;
    await admin.setGroupOffsets(group, [{ topic, partition: 1, offset: 41n, metadata }]);
    expect(await admin.fetchGroupOffsets(group, [topic])).toEqual([
      { topic, partition: 0, offset: -1n, metadata: null },
      { topic, partition: 1, offset: 41n, metadata },
    ]);
    await admin.deleteGroups([group]);
    expect((await admin.fetchGroupOffsets(group, [topic])).map(({ offset }) => offset)).toEqual([-1n, -1n]);
  });

  test('reports a group that is not there when it is to be deleted', async () => {
    await expect(admin.deleteGroups([uniqueName('nobody')])).rejects.toMatchObject({
      code: 'ERR_KAFKA_ANSWER',
      context: { apiName: 'DeleteGroups', kafkaError: 69 },
    });
  });
});

describe('failures', () => {
  test('names the refused log-in and never the password', async () => {
    const login = { ...loginOf('research-app'), password: 'wrong-secret-password' };
    const error: unknown = await withAdmin(async (other) => await other.listTopics(), login).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'ERR_KAFKA_AUTHENTICATION', context: { role: 'research-app' } });
    expect(JSON.stringify(error)).not.toContain('wrong-secret');
  });

  test('names host and port of a broker that is not there', async () => {
    const gone = new KafkaAdmin({ ...connectionOf('admin'), brokers: ['127.0.0.1:9'], retries: 0 });
    await expect(gone.connect()).rejects.toMatchObject({
      code: 'ERR_KAFKA_CONNECT',
      context: { host: '127.0.0.1', port: 9 },
    });
    await gone.close();
  });

  test('reports a missing right as such', async () => {
    const topic = uniqueName('admin.refused');
    const login = loginOf('research-app');
    await expect(
      withAdmin(async (other) => await other.createTopic({ topic, partitions: 1 }), login),
    ).rejects.toMatchObject({ code: 'ERR_KAFKA_RIGHT_MISSING', context: { topic } });
    expect(await admin.listTopics()).not.toContain(topic);
  });
});
