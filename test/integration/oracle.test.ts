/**
 * The oracle on a real instance: nothing found in what it has made, and what a privileged producer writes into it is
 * found. Needs the JDK that the stack runs on.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { checkTopology } from '../oracle/check-topology.ts';
import type { TopologyVerdict } from '../oracle/check-topology.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { connectionOf, testStack } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';

const jdkMissing = testStack().java === '' ? ' (skipped: no JDK is known to this stack)' : '';
const check = jdkMissing === '' ? test : test.skip;
const POISON = 3;

let site: TestSite;
let fed = 0;

beforeAll(async () => {
  site = await TestSite.make({ partitions: 2, topics: ['clinical.patients', 'clinical.encounters'] });
  fed = await site.feed(generateHospital({ patients: 10, seed: 5 }));
  const topic = site.raw('clinical.encounters');
  await sendRaw(
    Array.from({ length: POISON }, () => ({ topic, partition: 1, key: 'k', value: Buffer.from('none') })),
  );
  await site.apply();
  site.run();
  await site.caughtUp(300_000);
}, 400_000);

afterAll(async () => {
  await site.close();
});

async function verdict(): Promise<TopologyVerdict> {
  const topics = site.topics.map((topic) => site.raw(topic));
  const { namespace: prefix, keyringFile } = site;
  return await checkTopology({ stack: testStack(), prefix, topics, keyringFile });
}

check(`a real instance leaves nothing for the oracle to find${jdkMissing}`, async () => {
  const { findings, ...counts } = await verdict();
  expect(findings).toEqual([]);
  expect(counts).toMatchObject({
    lanes: site.topics.length * 2 * AUDIENCES.length,
    outcomes: (fed + POISON) * AUDIENCES.length,
    withheld: POISON * AUDIENCES.length,
    compared: fed * AUDIENCES.length,
    unchecked: 0,
  });
});

check(`what somebody else writes into sanitized and withheld topics is found${jdkMissing}`, async () => {
  const { namespace: prefix } = site;
  const topic = site.sanitized('clinical.patients', 'billing');
  const producer = ordinaryProducer(connectionOf('admin'));
  await producer.connect();
  await producer.send({ topic, messages: [{ key: 'k', value: 'of nobody', partition: 0 }] });
  await producer.send({ topic: `${prefix}.audit.events`, messages: [{ value: 'no event', partition: 0 }] });
  await producer.disconnect();
  const { findings } = await verdict();
  expect(findings).toEqual([
    expect.objectContaining({ code: 'AUDIT_UNREADABLE', topic: `${prefix}.audit.events`, partition: 0 }),
    expect.objectContaining({ code: 'RECORD_UNEXPECTED', topic, audience: 'billing', partition: 0 }),
  ]);
});
