/**
 * `gauze explain` of a site that runs: its plans are those that lanes worked by, and a changed file is held against what
 * is in force.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const PATIENTS = 'clinical.patients';

describe('on a site that runs', () => {
  let site: TestSite;

  beforeAll(async () => {
    site = await TestSite.make({ topics: [PATIENTS], partitions: 1 });
    await site.feed(
      [...generateHospital({ patients: 3, seed: 61 })].filter(({ topic }) => topic === PATIENTS),
    );
    await site.apply();
    // The second version is what lanes start with.
    await site.editPolicy('research', (policy) => void (policy.methods['PHI_AGE'] = 'drop'));
    await site.apply();
    site.run();
    await site.caughtUp();
  }, 120_000);
  afterAll(async () => await site.close());

  test('plans in force have the hashes that audit events name', async () => {
    const args = ['explain', site.raw(PATIENTS), 'research', '--in-force', '--plan'];
    const { code, stdout, stderr } = await site.gauze(...args);
    expect([code, stderr]).toEqual([0, '']);
    const { hash } = JSON.parse(stdout) as { hash: string };
    const events = (await dumpTopics([site.names.auditEvents])).map(({ value }) =>
      auditEventCodec.decode(value!),
    );
    const used = events.flatMap(({ plan }) => (plan ? [plan.hash.toString('hex')] : []));
    expect(used.length).toBeGreaterThan(0);
    expect(used).toContain(hash);
    // Of the files alone it is another one: they do not know which version it is.
    const ofFiles = await site.gauze('explain', site.raw(PATIENTS), 'research', '--plan');
    expect(used).not.toContain((JSON.parse(ofFiles.stdout) as { hash: string }).hash);
  }, 60_000);

  test('a changed file is held against what is in force, field by field', async () => {
    const same = await site.gauze('explain', '--diff');
    expect([same.code, same.stdout.match(/No field, key, header or reader changes\./g)?.length]).toEqual([
      0, 3,
    ]);
    await site.editPolicy('research', (policy) => {
      policy.methods['PHI_NAME'] = { method: 'pseudonym', domain: 'name' };
      policy.methods['PHI_MRN'] = 'drop';
    });
    const { code, stdout } = await site.gauze('explain', site.raw(PATIENTS), 'research', '--diff', '--json');
    expect(code).toBe(0);
    const { differences } = JSON.parse(stdout) as {
      differences: { against: string; opens: string[]; fields: { path: string; change: string }[] }[];
    };
    expect(differences).toHaveLength(1);
    const difference = differences[0]!;
    expect(difference.against).toBe('version 2, in force');
    expect(difference.opens).toContain('PHI_NAME: pseudonym (domain name) instead of drop');
    const changeOf = (path: string): string | undefined =>
      difference.fields.find((each) => each.path === path)?.change;
    expect([changeOf('name.family'), changeOf('mrn'), changeOf('birthDate')]).toEqual([
      'opens',
      'closes',
      undefined,
    ]);
  }, 60_000);
});
