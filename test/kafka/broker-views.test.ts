import { afterEach, expect, test } from '@jest/globals';
import { allow } from '../../kafka/acl.ts';
import { BrokerViews } from '../../kafka/broker-views.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';
import { LOG_IN, ScriptedBroker } from '../support/scripted-broker.ts';
import type { ReceivedRequest } from '../support/scripted-broker.ts';

const METADATA = 3;
const DESCRIBE_ACLS = 29;
const TOPIC = 'gauze.grant.0123456789abcdef';
const TOPIC_ID = '0f'.repeat(16);
const LITERAL = 3;
const PREFIXED = 4;
const TOPIC_RESOURCE = 2;
const READ = 3;
const ALLOW = 3;

/** What one broker knows, which may be more or less than another does. */
interface Knowledge {
  hasTopic: boolean;
  readers: readonly string[];
}

let ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending) await end();
  ending = [];
});

function metadata(brokers: readonly ScriptedBroker[], { hasTopic }: Knowledge, request: ReceivedRequest) {
  const body = new ProtocolWriter().int32(0);
  body.compactArray([...brokers.entries()], ([at, { address }]) =>
    body
      .int32(at + 1)
      .compactString(address.host)
      .int32(address.port)
      .unsignedVarint(0)
      .noTags(),
  );
  body.compactString('cluster-of-the-test').int32(1);
  const asksForTopic = request.body.includes(TOPIC);
  body.compactArray(asksForTopic ? [TOPIC] : [], (name) => {
    body.int16(hasTopic ? 0 : 3).compactString(name);
    body.uuid(TOPIC_ID).boolean(false);
    body.compactArray(hasTopic ? [0] : [], (partition) => {
      body.int16(0).int32(partition).int32(1).int32(0);
      for (let i = 0; i < 3; i++) body.compactArray([], () => undefined);
      body.noTags();
    });
    body.int32(0).noTags();
  });
  return { body: body.noTags().done() };
}

function acls({ readers }: Knowledge, error = 0) {
  const body = new ProtocolWriter().int32(0).int16(error).compactString(null);
  const rows = [
    { name: TOPIC, pattern: LITERAL, principals: readers },
    { name: 'gauze.grant.', pattern: PREFIXED, principals: ['User:gauze-topology'] },
  ];
  body.compactArray(rows, ({ name, pattern, principals }) => {
    body.int8(TOPIC_RESOURCE).compactString(name).int8(pattern);
    body.compactArray(principals, (principal) =>
      body.compactString(principal).compactString('*').int8(READ).int8(ALLOW).noTags(),
    );
    body.noTags();
  });
  return { body: body.noTags().done() };
}

async function views(knowledge: readonly Knowledge[]) {
  const brokers: ScriptedBroker[] = [];
  for (const known of knowledge) {
    brokers.push(
      await ScriptedBroker.start({
        ...LOG_IN,
        [METADATA]: (request) => metadata(brokers, known, request),
        [DESCRIBE_ACLS]: () => acls(known),
      }),
    );
  }
  const cluster = new Cluster(brokers[0]!.endpoint());
  const asked = new BrokerViews(cluster);
  ending.push(async () => {
    asked.close();
    await cluster.close();
    for (const broker of brokers) await broker.close();
  });
  return { asked, brokers };
}

test('asks every broker: one that has not taken a removal up yet shows it', async () => {
  const gone: Knowledge = { hasTopic: false, readers: [] };
  const behind: Knowledge = { hasTopic: true, readers: ['User:alice'] };
  const { asked } = await views([gone, behind]);
  const standing = allow('User:gauze-topology', ['read'], 'topic', 'gauze.grant.', 'prefixed');
  expect(await asked.of(TOPIC)).toEqual([
    { nodeId: 1, topic: null, acls: standing },
    {
      nodeId: 2,
      topic: { name: TOPIC, id: TOPIC_ID, leaders: [1], operations: 0 },
      acls: [...allow('User:alice', ['read'], 'topic', TOPIC), ...standing],
    },
  ]);
});

test('a broker that refuses or does not answer proves nothing', async () => {
  const { asked, brokers } = await views([
    { hasTopic: false, readers: [] },
    { hasTopic: false, readers: [] },
  ]);
  const { script } = brokers[1]!;
  brokers[1]!.script = { ...script, [DESCRIBE_ACLS]: () => acls({ hasTopic: false, readers: [] }, 31) };
  await expect(asked.of(TOPIC)).rejects.toMatchObject({ code: 'ERR_KAFKA_RIGHT_MISSING' });
  brokers[1]!.script = { ...script, [METADATA]: () => 'close' as const };
  await expect(asked.of(TOPIC)).rejects.toMatchObject({ code: 'ERR_KAFKA_CONNECTION_LOST' });
});
