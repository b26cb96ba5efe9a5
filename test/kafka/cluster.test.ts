import { afterEach, describe, expect, test } from '@jest/globals';
import { BrokerConnections, Cluster } from '../../kafka/cluster.ts';
import { GroupMember } from '../../kafka/group-member.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';
import { assertMay } from '../../kafka/topic-rights.ts';
import { LOG_IN, ScriptedBroker, coordinatorAnswer } from '../support/scripted-broker.ts';
import type { Script } from '../support/scripted-broker.ts';

const METADATA = 3;
const FIND_COORDINATOR = 10;
const API_VERSIONS = 18;
const TOPIC_ID = '0f'.repeat(16);
let ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending) await end();
  ending = [];
});

async function start(script: Script): Promise<{ broker: ScriptedBroker; cluster: Cluster }> {
  const broker = await ScriptedBroker.start({ ...LOG_IN, ...script });
  const cluster = new Cluster(broker.endpoint());
  ending.push(
    async () => await cluster.close(),
    async () => await broker.close(),
  );
  return { broker, cluster };
}

interface Offer {
  readonly versions: Readonly<Record<number, number>>;
  readonly features: Readonly<Record<string, number>>;
}
const ENOUGH: Offer = {
  versions: { 0: 13, 1: 18, 9: 9, 22: 5, 26: 5, 28: 5 },
  features: { 'metadata.version': 29, 'transaction.version': 2 },
};

function apiVersionsAnswer({ versions, features }: Offer): Buffer {
  const body = new ProtocolWriter().int16(0);
  body.compactArray(Object.entries(versions), ([key, version]) =>
    body.int16(Number(key)).int16(0).int16(version).noTags(),
  );
  const finalized = new ProtocolWriter();
  finalized.compactArray(Object.entries(features), ([name, level]) =>
    finalized.compactString(name).int16(level).int16(1).noTags(),
  );
  body.int32(0).unsignedVarint(2);
  body.unsignedVarint(1).unsignedVarint(8).int64(7); // the epoch of the finalized features
  return body.unsignedVarint(2).unsignedVarint(finalized.done().length).raw(finalized.done()).done();
}

/** A Metadata v12 answer with these topics, or with an error for one. */
function metadataAnswer(
  ...topics: { name: string; error?: number; leaders?: readonly number[]; operations?: number }[]
): Buffer {
  const body = new ProtocolWriter().int32(0);
  body.compactArray([1], (id) =>
    body.int32(id).compactString('127.0.0.1').int32(1).unsignedVarint(0).noTags(),
  );
  body.compactString('cluster-of-the-test').int32(1);
  body.compactArray(topics, ({ name, error = 0, leaders = [], operations = 0 }) => {
    body.int16(error).compactString(name).uuid(TOPIC_ID).boolean(false);
    body.compactArray([...leaders.entries()].toReversed(), ([index, leader]) => {
      body.int16(0).int32(index).int32(leader).int32(0);
      for (let i = 0; i < 3; i++) body.compactArray([leader], (node) => body.int32(node));
      body.noTags();
    });
    body.int32(operations).noTags();
  });
  return body.noTags().done();
}

async function startWith(offer: Offer): Promise<Cluster> {
  const { cluster } = await start({
    [API_VERSIONS]: () => ({ body: apiVersionsAnswer(offer) }),
    [METADATA]: () => ({ body: metadataAnswer() }),
  });
  await cluster.start();
  return cluster;
}

describe('at the start', () => {
  test('takes a cluster that has transactions v2, and learns its id', async () => {
    const cluster = await startWith(ENOUGH);
    expect(cluster.clusterId).toBe('cluster-of-the-test');
    expect(cluster.produceVersion).toBe(13);
  });

  test('produces by name where the broker cannot by id', async () => {
    const cluster = await startWith({ ...ENOUGH, versions: { ...ENOUGH.versions, 0: 12 } });
    expect(cluster.produceVersion).toBe(12);
  });

  test('refuses a cluster without transactions v2, and says what it has', async () => {
    for (const [features, actual] of [
      [{ 'transaction.version': 1 }, '1'],
      [{ 'metadata.version': 29 }, '0'],
    ] as const) {
      await expect(startWith({ ...ENOUGH, features: { ...features } })).rejects.toMatchObject({
        code: 'ERR_KAFKA_TRANSACTIONS_TOO_OLD',
        context: { actual, expected: '2' },
      });
    }
  });

  test.each([0, 1, 9, 22, 26, 28])('refuses a broker too old for API %i', async (key) => {
    for (const version of [ENOUGH.versions[key]! - (key === 1 ? 4 : key === 0 ? 2 : 1), undefined]) {
      const { [key]: _left, ...others } = ENOUGH.versions;
      const versions = version === undefined ? others : { ...others, [key]: version };
      await expect(startWith({ ...ENOUGH, versions })).rejects.toMatchObject({
        code: 'ERR_KAFKA_API_TOO_OLD',
      });
    }
  });

  test('raises ERR_KAFKA_PROTOCOL for every truncation of the answers', async () => {
    const versions = apiVersionsAnswer(ENOUGH);
    const metadata = metadataAnswer({ name: 'a', leaders: [1, 2] });
    const { broker, cluster } = await start({});
    const cut = async (key: number, whole: Buffer, ask: () => Promise<unknown>): Promise<void> => {
      // The last byte is an empty set of tagged fields, which says nothing to anybody.
      for (let length = 0; length < whole.length - 1; length++) {
        broker.script = { ...LOG_IN, [key]: () => ({ body: Buffer.from(whole.subarray(0, length)) }) };
        await expect(ask()).rejects.toMatchObject({ code: 'ERR_KAFKA_PROTOCOL' });
      }
    };
    await cut(API_VERSIONS, versions, async () => await cluster.start());
    await cut(METADATA, metadata, async () => await cluster.refresh(['a']));
    const coordinator = coordinatorAnswer(broker.address);
    await cut(FIND_COORDINATOR, coordinator, async () => await cluster.coordinator('group', 'g'));
  });
});

describe('topics', () => {
  test('have their leaders by partition, in whatever order the broker lists them', async () => {
    const { cluster } = await start({
      [METADATA]: () => ({ body: metadataAnswer({ name: 'a', leaders: [3, -1, 5], operations: 8 }) }),
    });
    expect(await cluster.topic('a')).toEqual({
      name: 'a',
      id: TOPIC_ID,
      leaders: [3, -1, 5],
      operations: 8,
    });
  });

  test('that do not exist are null; a missing right is an error', async () => {
    const { broker, cluster } = await start({
      [METADATA]: () => ({ body: metadataAnswer({ name: 'a', error: 3 }) }),
    });
    expect(await cluster.topic('a')).toBeNull();
    broker.script = { ...LOG_IN, [METADATA]: () => ({ body: metadataAnswer({ name: 'a', error: 29 }) }) };
    await expect(cluster.topic('a')).rejects.toMatchObject({
      code: 'ERR_KAFKA_RIGHT_MISSING',
      context: { topic: 'a' },
    });
  });
});

describe('one topic that is refused', () => {
  const answer = metadataAnswer(
    { name: 'a', error: 29 },
    { name: 'b', leaders: [1] },
    { name: 'c', error: 3 },
  );

  test('does not hide the others from those who look, and stops those who need it', async () => {
    const { cluster } = await start({ [METADATA]: () => ({ body: answer }) });
    const { found, refused } = await cluster.look(['a', 'b', 'c']);
    expect([...found.keys()]).toEqual(['b']);
    expect([...refused].map(([name, { code }]) => [name, code])).toEqual([['a', 'ERR_KAFKA_RIGHT_MISSING']]);
    await expect(cluster.refresh(['a', 'b', 'c'])).rejects.toMatchObject({ context: { topic: 'a' } });
  });
});

describe('what a log-in may do with a topic', () => {
  const may = (operation: 'read' | 'write', operations: number) => () =>
    assertMay(operation, { name: 'a', operations });

  test('is what the broker says: operation 3 is READ, operation 4 is WRITE', () => {
    expect(may('read', 1 << 3)).not.toThrow();
    expect(may('write', 1 << 4)).not.toThrow();
    const context = expect.objectContaining({ topic: 'a', kafkaError: 29 });
    const refused = { code: 'ERR_KAFKA_RIGHT_MISSING', context };
    for (const [operation, operations] of [
      ['read', 1 << 4],
      ['write', 1 << 3],
      ['write', 1 << 8],
      ['read', 0],
    ] as const)
      expect(may(operation, operations)).toThrow(expect.objectContaining(refused));
  });

  test('is left to the broker where it does not say', () => {
    expect(may('write', -(2 ** 31))).not.toThrow();
  });
});

describe('connections', () => {
  test('callers at the same time share one attempt, and one more when it has ended', async () => {
    const { broker, cluster } = await start({ [METADATA]: () => ({ body: metadataAnswer() }) });
    const ask = async (): Promise<unknown> => await cluster.refresh([]);
    await Promise.all([ask(), ask(), ask()]);
    expect(broker.connections.taken).toBe(1);
    broker.script = { ...LOG_IN, [METADATA]: () => 'close' };
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECTION_LOST' });
    broker.script = { ...LOG_IN, [METADATA]: () => ({ body: metadataAnswer() }) };
    await Promise.all([ask(), ask(), ask()]);
    expect(broker.connections.taken).toBe(2);
    await cluster.close();
    await until(() => broker.connections.open === 0);
  });

  test('a broker of the bootstrap list that is down does not matter while another is up', async () => {
    const { broker } = await start({ [METADATA]: () => ({ body: metadataAnswer() }) });
    const down = await ScriptedBroker.start({});
    const endpoint = { ...broker.endpoint(), brokers: [down.address, broker.address] };
    await down.close();
    const cluster = new Cluster(endpoint);
    ending.unshift(async () => await cluster.close());
    await cluster.refresh([]);
    expect(broker.received(METADATA)).toHaveLength(1);
  });

  test('to one broker are shared by those who ask at the same time', async () => {
    const { broker, cluster } = await start({});
    broker.script = { ...LOG_IN, [FIND_COORDINATOR]: () => ({ body: coordinatorAnswer(broker.address, 4) }) };
    await cluster.coordinator('group', 'g');
    const connections = new BrokerConnections(cluster);
    const [one, other] = await Promise.all([connections.to(4), connections.to(4)]);
    expect(one).toBe(other);
    one?.close();
    expect(await connections.to(4)).not.toBe(one);
    connections.close();
  });

  test('are not opened for whoever asks after they were closed, and end when one is opening meanwhile', async () => {
    const { broker, cluster } = await start({});
    broker.script = { ...LOG_IN, [FIND_COORDINATOR]: () => ({ body: coordinatorAnswer(broker.address, 4) }) };
    await cluster.coordinator('group', 'g');
    const before = broker.connections.open;
    const connections = new BrokerConnections(cluster);
    const opening = connections.to(4);
    connections.close();
    expect((await opening).alive).toBe(false);
    await expect(connections.to(4)).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECTION_LOST' });
    await until(() => broker.connections.open === before);
    expect(broker.connections.taken).toBe(before + 1);
  });
});

describe('coordinators', () => {
  test('are waited for while the cluster elects one, then remembered until they are known to have moved', async () => {
    const { broker, cluster } = await start({});
    const notYet = 15;
    const answers = [notYet, 14, 0, 0];
    broker.script = {
      ...LOG_IN,
      [FIND_COORDINATOR]: () => ({ body: coordinatorAnswer(broker.address, 4, answers.shift()) }),
    };
    expect(await cluster.coordinator('transaction', 'id')).toBe(4);
    expect(await cluster.coordinator('transaction', 'id')).toBe(4);
    expect(broker.received(FIND_COORDINATOR)).toHaveLength(3);
    cluster.forgetCoordinator('transaction', 'id');
    expect(await cluster.coordinator('transaction', 'id')).toBe(4);
    expect(broker.received(FIND_COORDINATOR)).toHaveLength(4);
  });

  test('a member looks for its group again when the coordinator does not answer', async () => {
    const gone = await ScriptedBroker.start({});
    const goneAddress = gone.address;
    await gone.close();
    const { broker, cluster } = await start({});
    const first = [coordinatorAnswer(goneAddress, 7)];
    broker.script = {
      ...LOG_IN,
      [FIND_COORDINATOR]: () => ({ body: first.shift() ?? coordinatorAnswer(broker.address, 8) }),
    };
    const joinGroup = 11;
    const troubles: string[] = [];
    const member = new GroupMember(cluster, {
      group: 'gauze.topology',
      topics: () => ['a'],
      onAssigned: () => undefined,
      onTrouble: ({ code }) => troubles.push(code),
    });
    member.start();
    await until(() => broker.received(joinGroup).length > 0);
    expect(troubles).toEqual(['ERR_KAFKA_CONNECT']);
    broker.script = {};
    await broker.close();
    await member.stop();
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
