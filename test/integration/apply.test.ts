/**
 * `gauze apply` on topics that exist already.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { connectionOf, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';

let site: TestSite;

afterEach(async () => {
  await site.close();
});

test('refuses a sanitized topic with too few partitions or with times of producers, and changes nothing', async () => {
  site = await TestSite.make({ topics: ['clinical.patients', 'clinical.claims'], partitions: 2 });
  await site.feed(generateHospital({ patients: 2, seed: 41 }));
  const few = site.sanitized('clinical.patients', 'research');
  const times = site.sanitized('clinical.claims', 'billing');
  await withAdmin(async (admin) => {
    const appendTime = { 'message.timestamp.type': 'LogAppendTime' };
    await admin.createTopic({ topic: few, partitions: 1, config: appendTime });
    await admin.createTopic({ topic: times, partitions: 2, config: {} });
  });
  const { code, stderr } = await site.gauze('apply');
  expect(code).toBe(1);
  expect(stderr).toContain(`${few} exists with another number of partitions than research needs: at least 2`);
  expect(stderr).toContain(
    `${times} exists with another message.timestamp.type than billing needs: LogAppendTime`,
  );
  await withAdmin(async (admin) => expect(await admin.listTopics()).not.toContain(site.names.policies));
});

test('runs the examples of the policies, and applies nothing where one comes out otherwise', async () => {
  site = await TestSite.make({ topics: ['clinical.patients'] });
  await site.feed([]);
  const example = { given: { 'address.zip': '03601' }, expect: { 'address.zip': '036' } };
  await site.editPolicy('analytics', (policy) => {
    policy.examples = [{ topic: site.raw('clinical.patients'), ...example }];
  });
  const { code, stderr } = await site.gauze('apply');
  expect(code).toBe(1);
  expect(stderr).toContain('ERR_POLICY_EXAMPLE');
  await withAdmin(async (admin) => expect(await admin.listTopics()).not.toContain(site.names.policies));
});

test('is refused by a lane too, where a topic is changed behind its back', async () => {
  site = await TestSite.make({ topics: ['clinical.patients'] });
  await site.feed(generateHospital({ patients: 5, seed: 42 }));
  await site.apply();
  const target = site.sanitized('clinical.patients', 'research');
  await withAdmin(async (admin) => {
    await admin.deleteTopics([target]);
    await admin.createTopic({ topic: target, partitions: 2, config: {} });
  });
  site.run();
  const deadline = Date.now() + 60_000;
  while (site.logLines(/ERR_LANE_TARGET_TIMESTAMPS/).length < 2) {
    if (Date.now() > deadline) throw new Error('no lane was held');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const lanes = await site.until((all) =>
    all.filter(({ audience }) => audience !== 'research').every((l) => l.lag === 0),
  );
  expect(lanes.filter(({ audience, position }) => audience === 'research' && position !== null)).toEqual([]);
});

test('a policy log that cannot be read stops the instance: nobody can say what audiences may see', async () => {
  site = await TestSite.make({ topics: ['clinical.patients'] });
  await site.feed(generateHospital({ patients: 5, seed: 43 }));
  await site.apply();
  const instance = site.run();
  await site.caughtUp();
  const ended = new Promise<number | null>((resolve) =>
    instance.process.once('exit', (code) => resolve(code)),
  );
  const producer = ordinaryProducer(connectionOf('admin'));
  await producer.connect();
  await producer.send({ topic: site.names.policies, messages: [{ value: Buffer.from('no entry') }] });
  await producer.disconnect();
  expect(await ended).toBe(1);
  expect(instance.log).toContain('ERR_POLICY_LOG_CORRUPT');
  const again = site.run();
  const code = await new Promise<number | null>((resolve) => again.process.once('exit', resolve));
  expect(code).toBe(1);
});

test('a start that cannot succeed ends with a plain word and exit code 1: no policy log, a wrong password', async () => {
  site = await TestSite.make({ topics: ['clinical.patients'] });
  const ended = async (): Promise<{ code: number | null; log: string }> => {
    const instance = site.run();
    const code = await new Promise<number | null>((resolve) => instance.process.once('exit', resolve));
    return { code, log: instance.log };
  };
  expect(await ended()).toMatchObject({ code: 1, log: expect.stringContaining('gauze apply') });
  await writeFile(join(site.directory, 'gauze-topology'), 'not the password');
  const refused = await ended();
  expect(refused.code).toBe(1);
  expect(refused.log).toContain('ERR_KAFKA_AUTHENTICATION');
  expect(refused.log).not.toContain('not the password');
});
