/**
 * `gauze check --sample`: the real topology takes real records through a policy that is not in force, publishes
 * nothing, puts the read on record, and tells counts. For the policy that is in force the counts must be those of what
 * was published, found out by reading that.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import avsc from 'avsc';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { SampleResultEntry } from '../../schemas/control-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';

const TOPIC = 'clinical.patients';
const QUASI = 'birthDate,gender,address.zip';
const PATIENTS = 120;

let site: TestSite;

beforeAll(async () => {
  site = await TestSite.make({ topics: [TOPIC] });
  await site.apply();
  await site.feed(generateHospital({ seed: 11, patients: PATIENTS }));
  site.run('topology');
  await site.caughtUp();
});

afterAll(async () => {
  await site?.close();
});

async function sample(...more: readonly string[]): Promise<SampleResultEntry> {
  const args = ['--sample', '1000', '--audience', 'research', '--quasi-identifiers', QUASI, ...more];
  const { code, stdout, stderr } = await site.gauze('check', ...args, '--json');
  if (code !== 0) throw new Error(`gauze check --sample ended with ${code}: ${stderr}`);
  return (JSON.parse(stdout) as { samples: { answer: SampleResultEntry }[] }).samples[0]!.answer;
}

/** Groups of what was published: the persons (by their pseudonym, the record key) behind each combination of values. */
async function publishedGroups(records: readonly DumpedRecord[]): Promise<ReadonlyMap<string, Set<string>>> {
  const registry = new RegistryClient({ url: testStack().registryUrl });
  const groups = new Map<string, Set<string>>();
  for (const { key, value } of records) {
    const { text } = await registry.schemaText(value!.readInt32BE(1));
    const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema);
    const patient = type.fromBuffer(value!.subarray(5)) as Record<string, unknown>;
    const { zip } = (patient['address'] ?? {}) as { zip?: unknown };
    const group = JSON.stringify([patient['birthDate'], patient['gender'], zip]);
    groups.set(group, (groups.get(group) ?? new Set()).add(key!.toString()));
  }
  return groups;
}

async function sampleEvents(): Promise<readonly PhiAuditEvent[]> {
  const records = await dumpTopics([site.names.auditEvents]);
  const events = records.map(({ value }) => auditEventCodec.decode(value!));
  return events.filter((event) => event.writer_id.includes('.task.sample-'));
}

test('counts what the policy in force has published, and tells no value', async () => {
  const answer = await sample();
  const published = await dumpTopics([site.sanitized(TOPIC, 'research')]);
  const groups = await publishedGroups(published);
  const sizes = [...groups.values()].map(({ size }) => size).sort((a, b) => a - b);
  const inSmall = (k: number): number =>
    new Set([...groups.values()].filter(({ size }) => size < k).flatMap((members) => [...members])).size;
  expect(published.length).toBeGreaterThanOrEqual(PATIENTS);
  expect(answer).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    code: null,
    records: published.length,
    published: published.length,
    persons: PATIENTS,
    nobody: 0,
    withheld: {},
    methods: expect.objectContaining({ pseudonym: expect.any(Number), drop: expect.any(Number) }),
    groups: groups.size,
    smallest: sizes.slice(0, 10),
    below: { 2: inSmall(2), 5: inSmall(5), 11: inSmall(11) },
  });
});

test('tries a policy that is not in force: nothing is published, and the read is on record', async () => {
  const before = await dumpTopics([site.sanitized(TOPIC, 'research')]);
  const first = await sample();
  await site.editPolicy('research', (policy) => {
    policy.methods['PHI_BIRTH_DATE'] = 'drop';
    policy.methods['PHI_ZIP'] = 'drop';
    delete policy.examples;
  });
  const coarser = await sample();
  expect([coarser.code, coarser.persons]).toEqual([null, PATIENTS]);
  expect(coarser.groups).toBeLessThan(first.groups);
  expect(coarser.groups).toBeLessThanOrEqual(5);
  expect(coarser.below['2']).toBeLessThan(first.below['2']!);

  expect(await dumpTopics([site.sanitized(TOPIC, 'research')])).toHaveLength(before.length);
  expect((await site.status()).every(({ state }) => state === 'ok')).toBe(true);
  const reads = (await sampleEvents()).filter(({ type }) => type === 'session.batch');
  expect(reads.length).toBeGreaterThan(0);
  for (const { range, recipient, accounting, ext } of reads) {
    expect([range!.delivered_count, recipient, accounting]).toEqual([0, null, 'NOT_PHI']);
    expect(range!.record_count).toBeGreaterThan(0);
    expect(ext).toContainEqual({ k: 'sample.asked_by', v: 'User:gauze-admin' });
  }
  const { stdout } = await site.gauze('audit', 'verify', '--json');
  const line = stdout.split('\n').find((each) => each.startsWith('{'))!;
  const { findings } = JSON.parse(line) as { findings: { name: string }[] };
  expect([...new Set(findings.map(({ name }) => name))]).toEqual(['NO_SEALS']);
});

test('a policy that does not compile is answered with the code, and reads nothing that it tells of', async () => {
  await site.editPolicy('research', (policy) => {
    delete policy.methods['PHI_NAME'];
    delete policy.examples;
  });
  const { code, stdout } = await site.gauze('check', '--sample', '10', '--audience', 'research', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    samples: [{ answer: { code: 'ERR_POLICY_TAG_WITHOUT_METHOD', records: 0 } }],
  });
});

test('refuses what it cannot ask', async () => {
  const many = await site.gauze('check', '--sample', '1000001');
  expect([many.code, many.stderr]).toEqual([2, expect.stringContaining('ERR_USAGE_ARGUMENT')]);
  const nobody = await site.gauze('check', '--sample', '10', '--audience', 'marketing');
  expect(nobody.code).toBe(2);
});
