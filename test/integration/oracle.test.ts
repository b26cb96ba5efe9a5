/**
 * The oracle on a real instance: nothing found in what it has made, with canaries in every leaf, and what a privileged
 * producer writes into it is found. Needs the JDK that the stack runs on.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { clinicalSchema } from '../../examples/hospital/clinical-codecs.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import type { OracleCanary } from '../oracle/canary-check.ts';
import { checkSite, siteCanaries } from '../oracle/site-check.ts';
import { canaryFlock } from '../support/canaries.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { connectionOf, testStack } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';

const jdkMissing = testStack().java === '' ? ' (skipped: no JDK is known to this stack)' : '';
const check = jdkMissing === '' ? test : test.skip;

let site: TestSite;
let canaries: readonly OracleCanary[];
let fed = 0;
let poisoned = 0;

beforeAll(async () => {
  site = await TestSite.make({ partitions: 1 });
  fed = await site.feed(generateHospital({ patients: 5, seed: 5 }));
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const ids = CLINICAL_TOPICS.map(async (topic) => {
    const versions = await registry.subjectVersions(valueSubject(site.raw(topic)));
    return [topic, versions[0]!.id] as const;
  });
  const flock = canaryFlock(new Map(await Promise.all(ids)), { name: 'it', poison: true });
  await sendRaw(flock.records.map((record) => ({ ...record, topic: site.raw(record.topic) })));
  fed += flock.records.length;
  poisoned = CLINICAL_TOPICS.length * 3;
  const schemas = new Map(CLINICAL_TOPICS.map((topic) => [topic, clinicalSchema(topic)]));
  canaries = await siteCanaries(site, flock.canaries, schemas);
  await site.apply();
  site.run();
  await site.caughtUp();
}, 300_000);

afterAll(async () => {
  await site.close();
});

check(`a real instance leaves nothing for the oracle to find${jdkMissing}`, async () => {
  expect(canaries.some(({ allowedIn }) => allowedIn.length > 0)).toBe(true);
  const { findings, ...counts } = await checkSite(site, { canaries });
  expect(findings).toEqual([]);
  expect(counts).toMatchObject({
    lanes: CLINICAL_TOPICS.length * AUDIENCES.length,
    outcomes: fed * AUDIENCES.length,
    withheld: poisoned * AUDIENCES.length,
    compared: (fed - poisoned) * AUDIENCES.length,
    unchecked: 0,
  });
});

check(`what somebody else writes into the topics of a running site is found${jdkMissing}`, async () => {
  const topic = site.sanitized('clinical.patients', 'analytics');
  const { auditEvents } = site.names;
  const leaked = canaries.find(({ allowedIn, leaf }) => allowedIn.length === 0 && leaf.kind === 'string')!;
  const producer = ordinaryProducer(connectionOf('admin'));
  await producer.connect();
  await producer.send({ topic, messages: [{ key: null, value: String(leaked.value), partition: 0 }] });
  await producer.send({ topic: auditEvents, messages: [{ value: 'no event', partition: 0 }] });
  await producer.disconnect();
  const { findings } = await checkSite(site, { canaries });
  expect(findings).toEqual([
    expect.objectContaining({ code: 'AUDIT_UNREADABLE', topic: auditEvents, partition: 0 }),
    expect.objectContaining({ code: 'RECORD_UNEXPECTED', topic, audience: 'analytics', partition: 0 }),
    expect.objectContaining({ code: 'CANARY_SEEN', topic, partition: 0, part: leaked.name }),
  ]);
});
