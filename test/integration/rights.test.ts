/**
 * Who may read and write what: each log-in does its own with an ordinary client, and is refused everything else.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import { ordinaryConsumer, ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { clusterOf } from '../support/raw-log.ts';
import { connectionOf, loginOf, testStack, uniqueName, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';

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

type EachMessage = NonNullable<
  NonNullable<Parameters<ReturnType<typeof ordinaryConsumer>['run']>[0]>['eachMessage']
>;
type Message = Parameters<EachMessage>[0]['message'];

/** What the broker answered, by the name of its error; kafkajs may have wrapped it. */
function refusal(error: unknown): string {
  const { type, cause } = error as { type?: string; cause?: unknown };
  if (type !== undefined) return type;
  return cause instanceof Error ? refusal(cause) : String(error);
}

/** The first record that `username` gets as a member of `group`; throws what the broker refuses, by its name. */
async function firstRecord(username: string, topic: string, group: string): Promise<Message> {
  const consumer = ordinaryConsumer({ ...connectionOf(username), retries: 0 }, group);
  try {
    await consumer.connect();
    return await new Promise<Message>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(new Error(refusal(payload.error))));
      const eachMessage: EachMessage = async ({ message }) => await Promise.resolve(resolve(message));
      consumer
        .subscribe({ topic, fromBeginning: true })
        .then(async () => await consumer.run({ eachMessage }))
        .catch((error: unknown) => reject(new Error(refusal(error))));
    });
  } finally {
    await consumer.disconnect();
  }
}

/** What the broker says when `username` tries to write one record. */
async function write(username: string, topic: string): Promise<unknown> {
  const producer = ordinaryProducer({ ...connectionOf(username), retries: 0 });
  await producer.connect();
  try {
    return await producer
      .send({ topic, acks: -1, messages: [{ value: 'x' }] })
      .then(() => 'written', refusal);
  } finally {
    await producer.disconnect();
  }
}

/** How many records `username` gets in one Fetch from the beginning. */
async function fetchFirst(username: string, topic: string): Promise<number> {
  const cluster = await clusterOf(username);
  const reader = new LogReader(cluster, topic, 0);
  try {
    let count = 0;
    await reader.read(1_000, () => (count += 1));
    return count;
  } finally {
    reader.close();
    await cluster.close();
  }
}

const NO_TOPIC = 'TOPIC_AUTHORIZATION_FAILED';
const NO_GROUP = 'GROUP_AUTHORIZATION_FAILED';

describe("an audience's log-in", () => {
  test.each(TOPICS)('reads %s for its audience with an ordinary consumer', async (topic) => {
    const { value } = await firstRecord(
      'research-app',
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
      await expect(firstRecord('research-app', topic, uniqueName('research-x'))).rejects.toThrow(NO_TOPIC);
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
    const cluster = await clusterOf('research-app');
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
    await expect(firstRecord('research-app', target, uniqueName('billing-x'))).rejects.toThrow('coordinator');
  });

  test('writes nowhere', async () => {
    for (const topic of [site.raw(PATIENTS), site.sanitized(PATIENTS, 'research'), site.names.auditEvents]) {
      expect(await write('research-app', topic)).toBe(NO_TOPIC);
    }
  });
});

describe('gauze-auditor', () => {
  test('reads the audit topic, and no other', async () => {
    const { auditEvents, policies, withheld } = site.names;
    const { value } = await firstRecord('gauze-auditor', auditEvents, uniqueName('gauze-auditor-x'));
    expect(auditEventCodec.decode(value!).type).toBe('session.opened');
    for (const topic of [site.raw(PATIENTS), site.sanitized(PATIENTS, 'research'), policies, withheld]) {
      await expect(firstRecord('gauze-auditor', topic, uniqueName('gauze-auditor-x'))).rejects.toThrow(
        NO_TOPIC,
      );
    }
    expect(await write('gauze-auditor', auditEvents)).toBe(NO_TOPIC);
  });
});

describe('gauze-topology', () => {
  test('writes no raw topic', async () => {
    for (const topic of TOPICS) expect(await write('gauze-topology', site.raw(topic))).toBe(NO_TOPIC);
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
      const read = fetchFirst(user, site.raw(PATIENTS));
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
