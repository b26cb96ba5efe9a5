/**
 * An audit that cannot be written stops what it should have recorded: without the right to write events, or without
 * the key that vouches for them, nothing is published; once it is mended everything comes, once.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { eventually, loginOf, withAdmin } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';
import { clusterAs } from '../support/who-may.ts';

const TOPIC = 'clinical.patients';
let site: TestSite;
let cluster: Cluster;

beforeAll(async () => {
  site = await TestSite.make({ topics: [TOPIC], partitions: 1 });
  await site.feed(generateHospital({ patients: 20, seed: 5 }));
  await site.apply();
  cluster = await clusterAs(loginOf('admin'));
}, 120_000);

afterAll(async () => {
  await cluster.close();
  await site.close();
});

const right = () => allow('User:gauze-topology', ['write'], 'topic', site.names.auditEvents);

/** Records that a careful reader gets of all sanitized topics, and of the index. */
async function published(): Promise<number> {
  const { auditSubjects } = site.names;
  let count = 0;
  for (const name of [...AUDIENCES.map((audience) => site.sanitized(TOPIC, audience)), auditSubjects]) {
    const topic = await cluster.topic(name);
    for (const partition of topic!.leaders.keys()) {
      const reader = new LogReader(cluster, name, partition);
      await reader.readToEnd(() => void count++);
      reader.close();
    }
  }
  return count;
}

describe('an audit that cannot be written', () => {
  test('stops the start where the keyring has no key to vouch with, and nothing is published', async () => {
    const text = await readFile(site.keyringFile, 'utf8');
    const keyring = JSON.parse(text) as { auditWriters: Record<string, string> };
    delete keyring.auditWriters['topology'];
    await writeFile(site.keyringFile, JSON.stringify(keyring));
    const { code, stderr } = await site.gauze('run');
    await writeFile(site.keyringFile, text);
    expect(code).not.toBe(0);
    expect(stderr).toContain('ERR_KEY_MISSING');
    expect(await published()).toBe(0);
  });

  test('stops every lane before its first record, until the right is there', async () => {
    await withAdmin(async (admin) => expect(await admin.deleteAcls(right())).toBe(1));
    site.run();
    await eventually(async () => {
      if (site.logLines(/ERR_KAFKA_RIGHT_MISSING/).length < AUDIENCES.length)
        throw new Error('no lane was refused yet');
    });
    expect(await published()).toBe(0);
    await withAdmin(async (admin) => await admin.createAcls(right()));
    await site.caughtUp();
    expect(await published()).toBeGreaterThan(0);
  });

  test('stops lanes at work, and what was refused comes once afterwards', async () => {
    const before = await published();
    expect(before).toBeGreaterThan(0);
    await withAdmin(async (admin) => await admin.deleteAcls(right()));
    const refused = site.logLines(/ERR_KAFKA_RIGHT_MISSING/).length;
    await eventually(async () => {
      // Brokers learn of the change one after another; what is fed before they have is published and audited.
      await site.feed(generateHospital({ patients: 1, seed: 6 }));
      if (site.logLines(/ERR_KAFKA_RIGHT_MISSING/).length <= refused)
        throw new Error('no lane was refused yet');
    });
    const meanwhile = await published();
    await site.feed(generateHospital({ patients: 5, seed: 7 }));
    expect(await published()).toBe(meanwhile);
    await withAdmin(async (admin) => await admin.createAcls(right()));
    const lanes = await site.caughtUp();
    expect(await published()).toBeGreaterThan(meanwhile);
    expect(await siteTruth(site, lanes)).toMatchObject({
      sequenceFaults: [],
      auditFaults: [],
      indexFaults: [],
    });
  });
});
