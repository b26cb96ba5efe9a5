/**
 * `gauze redrive` on real lanes: what was withheld is published once its cause is mended, once, behind what was published
 * meanwhile, on record; what cannot be published stays withheld; the audit stays whole and knows whom it was about.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AuditReport } from '../../audit/verify/report.ts';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { PatientValue } from '../../examples/hospital/clinical-values.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import { policyLogCodec, withheldCodec } from '../../schemas/control-codecs.ts';
import { auditFaults, auditedEvents } from '../support/audit-oracle.ts';
import { checkSite } from '../oracle/site-check.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { testStack, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { VerbResult } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';
import type { DumpedRecord } from '../support/topic-dump.ts';
import { WhoSawScene } from '../support/who-saw-scene.ts';

const PATIENTS = 'clinical.patients';
const APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' };
/** Of billing's topic before it is mended: most patients are smaller. */
const MESSAGE_BYTES_MAX = 4_000;
/** More than a redrive reads for nothing. */
const LONG_STRETCH = 10_500;

let site: TestSite;
let schemaId: number;
let people: readonly PatientValue[];

beforeAll(async () => {
  // Less than the long stretch, so that a fetch ends in it.
  const limits = 'limits: { fetchBytes: 65536 }';
  site = await TestSite.make({ topics: [PATIENTS], audiences: ['billing'], partitions: 3, config: limits });
  const config = { 'max.message.bytes': String(MESSAGE_BYTES_MAX), ...APPEND_TIME };
  const billing = { topic: site.sanitized(PATIENTS, 'billing'), partitions: 3, config };
  await withAdmin(async (admin) => {
    await admin.createTopic(billing);
    await admin.replaceConfigs(site.raw(PATIENTS), { 'cleanup.policy': 'compact' });
    // So that the verifier can count the records of each range again.
    await admin.createAcls(allow('User:gauze-auditor', ['read'], 'topic', site.raw(PATIENTS)));
  });
  const ids = await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic));
  schemaId = ids.get(PATIENTS)!;
  people = [...generateHospital({ patients: 20, seed: 91 })].flatMap((record) =>
    record.topic === PATIENTS ? [record.value] : [],
  );
  await site.apply();
  site.run();
}, 600_000);

afterAll(async () => {
  await site?.close();
});

type Kind = 'sound' | 'large' | 'broken' | 'empty';

/** A record of a person; its key says which record it is, unless one is given. */
function record(partition: number, index: number, kind: Kind, key = `p${partition}-${index}`) {
  const patient = people[index % people.length]!;
  const grown = kind === 'large' ? { ...patient, sourceFormat: 'x'.repeat(MESSAGE_BYTES_MAX) } : patient;
  const value = encodeRecord(PATIENTS, schemaId, grown);
  return {
    topic: site.raw(PATIENTS),
    partition,
    key,
    value: kind === 'empty' ? null : kind === 'broken' ? value.subarray(0, -3) : value,
  };
}

async function redrive(...args: readonly string[]): Promise<VerbResult & { readonly json: unknown }> {
  const where = ['--audience', 'billing', '--topic', site.raw(PATIENTS), '--json'];
  const result = await site.gauze('redrive', ...where, ...args);
  const line = result.stdout.split('\n').find((each) => each.startsWith('{'));
  return { ...result, json: line === undefined ? result.stderr : (JSON.parse(line) as unknown) };
}

const published = async (partition: number): Promise<readonly DumpedRecord[]> =>
  (await dumpTopics([site.sanitized(PATIENTS, 'billing')])).filter((each) => each.partition === partition);
const keys = (records: readonly DumpedRecord[]): readonly string[] =>
  records.map(({ key, value }) => `${key!.toString()}${value === null ? ' gone' : ''}`);

async function mend(): Promise<void> {
  await withAdmin(
    async (admin) => await admin.replaceConfigs(site.sanitized(PATIENTS, 'billing'), APPEND_TIME),
  );
}

test('publishes what was withheld, once, behind what came meanwhile; what cannot be stays withheld', async () => {
  const kinds: readonly Kind[] = ['sound', 'large', 'sound', 'broken', 'large', 'sound'];
  await sendRaw(kinds.map((kind, i) => record(0, i, kind)));
  const stretch = Array.from({ length: LONG_STRETCH }, (_, i) => record(1, i + 1, 'empty'));
  await sendRaw([record(1, 0, 'large')]);
  await sendRaw(stretch);
  await sendRaw([record(1, LONG_STRETCH + 1, 'large')]);
  await site.caughtUp(300_000);
  expect(keys(await published(0))).toEqual(['p0-0', 'p0-2', 'p0-5']);

  const dry = await redrive('--dry-run');
  expect(dry.json).toEqual({
    dryRun: true,
    partitions: [
      { partition: 0, withheld: 3, codes: { ERR_PUBLISH_TOO_LARGE: 2, ERR_DECODE_TRUNCATED: 1 }, gone: 0 },
      { partition: 1, withheld: 2, codes: { ERR_PUBLISH_TOO_LARGE: 2 }, gone: 0 },
    ],
  });
  // Nothing is mended yet.
  const early = await redrive();
  expect([early.code, early.json]).toMatchObject([3, { published: 0, withheld: 5 }]);

  await mend();
  const done = await redrive('--reason', 'the topic takes larger ones now');
  expect([done.code, done.json]).toMatchObject([
    3,
    { published: 4, withheld: 1, codes: { ERR_DECODE_TRUNCATED: 1 } },
  ]);
  expect(keys(await published(0))).toEqual(['p0-0', 'p0-2', 'p0-5', 'p0-1', 'p0-4']);
  expect(keys(await published(1)).slice(LONG_STRETCH)).toEqual(['p1-0', `p1-${LONG_STRETCH + 1}`]);

  const again = await redrive('--code', 'ERR_PUBLISH_TOO_LARGE');
  expect([again.code, again.json]).toMatchObject([0, { published: 0, withheld: 0 }]);
  expect(await published(0)).toHaveLength(5);
  const entries = (await dumpTopics([site.names.withheld]))
    .map(({ value }) => withheldCodec.decode(value!))
    .filter(({ outcome }) => outcome === 'PUBLISHED')
    .map(({ partition, offset, code }) => `${partition}/${offset} ${code}`);
  expect(entries.toSorted()).toEqual(
    ['0/1', '0/4', '1/0', `1/${LONG_STRETCH + 1}`].map((at) => `${at} ERR_PUBLISH_TOO_LARGE`).toSorted(),
  );
}, 600_000);

test('stands in the audit as a domain of its own that tiles, with who asked', async () => {
  const dump = await dumpTopics([site.names.auditEvents, site.names.policies]);
  const events = auditedEvents(dump.filter(({ topic }) => topic === site.names.auditEvents));
  expect(auditFaults(events, new Map())).toEqual([]);
  const group = site.names.redriveGroup('billing');
  const mine = events.filter(({ event }) => event.group?.id === group);
  const orders = dump
    .filter(({ topic }) => topic === site.names.policies)
    .map(({ value, offset }) => ({ ...policyLogCodec.decode(value!), offset }))
    .filter(({ kind }) => kind === 'REDRIVE_ORDERED');
  expect(orders.map(({ redrive: order }) => [order?.partition, order?.records, order?.by])).toEqual([
    [0, 3, 'User:gauze-topology'],
    [1, 2, 'User:gauze-topology'],
    [0, 3, 'User:gauze-topology'],
    [1, 2, 'User:gauze-topology'],
  ]);
  expect(orders.at(-1)?.redrive?.reason).toBe('the topic takes larger ones now');
  const asked = new Set(mine.map(({ event }) => event.ext.find(({ k }) => k === 'redrive.log_offset')?.v));
  expect(asked).toEqual(new Set(orders.map(({ offset }) => String(offset))));
  const passed = mine.filter(({ event }) => event.type === 'redrive.passed');
  expect(passed.map(({ event }) => event.range!.next_offset)).toEqual([LONG_STRETCH + 1, LONG_STRETCH + 1]);
  const report = await verified('--recount');
  expect(report.findings.map(({ name }) => name).filter((name) => name !== 'DECLARED_REDRIVE')).toEqual([
    'NO_SEALS',
  ]);
  expect(report.findings.filter(({ name }) => name === 'DECLARED_REDRIVE')).toHaveLength(4);
}, 600_000);

async function verified(...args: readonly string[]): Promise<AuditReport> {
  const { stdout, stderr } = await site.gauze('audit', 'verify', '--json', ...args);
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (!line) throw new Error(`gauze audit verify printed no report: ${stderr}`);
  return JSON.parse(line) as AuditReport;
}

test('shows in who saw whom: each person, against a count of every record and event', async () => {
  const scene = new WhoSawScene(site);
  await scene.merge([]);
  const { persons } = await scene.compareAll(join(site.directory, 'index.sqlite'));
  expect(persons).toBeGreaterThan(0);
}, 600_000);

test('is forgotten by a lane that is ordered to begin anew: nothing is published by both', async () => {
  const order = ['billing', site.raw(PATIENTS), '0', '--from', 'earliest', '--reason', 'again'];
  expect((await site.gauze('resume', ...order)).code).toBe(0);
  await site.caughtUp(300_000);
  // The lane publishes everything again, and now what was too large, too; only the broken one is withheld.
  expect(keys(await published(0)).slice(5)).toEqual(['p0-0', 'p0-1', 'p0-2', 'p0-4', 'p0-5']);
  const { json } = await redrive();
  expect(json).toMatchObject({ published: 0, withheld: 1 });
  expect(await published(0)).toHaveLength(10);
}, 600_000);

test('publishes no record in a compacted topic whose key has a later one', async () => {
  await withAdmin(
    async (admin) =>
      await admin.replaceConfigs(site.sanitized(PATIENTS, 'billing'), {
        'max.message.bytes': String(MESSAGE_BYTES_MAX),
        'cleanup.policy': 'compact',
        ...APPEND_TIME,
      }),
  );
  await site.editPolicy('billing', (policy) => {
    policy.topics[site.raw(PATIENTS)] = { key: { tag: 'PHI_ID' }, compact: true };
  });
  await site.apply();
  await sendRaw([
    record(2, 1, 'large', 'changed'),
    record(2, 2, 'large', 'alone'),
    record(2, 3, 'large', 'twice'),
    record(2, 4, 'sound', 'changed'),
    record(2, 5, 'large', 'twice'),
  ]);
  await site.caughtUp(300_000);
  const before = keys(await published(2));
  expect(before).toEqual(['changed gone', 'alone gone', 'twice gone', 'changed', 'twice gone']);
  await withAdmin(
    async (admin) =>
      await admin.replaceConfigs(site.sanitized(PATIENTS, 'billing'), {
        'cleanup.policy': 'compact',
        ...APPEND_TIME,
      }),
  );
  const done = await redrive('--code', 'ERR_PUBLISH_TOO_LARGE');
  expect([done.code, done.json]).toMatchObject([
    3,
    { published: 2, superseded: 2, codes: { ERR_REDRIVE_SUPERSEDED: 2 } },
  ]);
  expect(keys(await published(2)).slice(before.length)).toEqual(['alone', 'twice']);
  const { findings } = await verified('--recount');
  const amiss = findings.map(({ name }) => name).filter((name) => !name.startsWith('DECLARED_'));
  expect(amiss).toEqual(['NO_SEALS']);
}, 600_000);

const jdkMissing = testStack().java === '' ? ' (skipped: no JDK is known to this stack)' : '';
const check = jdkMissing === '' ? test : test.skip;

check(
  `leaves nothing for the oracle to find${jdkMissing}`,
  async () => {
    const { findings, lanes, withheld } = await checkSite(site, { largeBytes: MESSAGE_BYTES_MAX });
    expect(findings).toEqual([]);
    expect(lanes).toBe(3);
    // Each time that a lane withheld one: three and then one of the first partition, two, and four.
    expect(withheld).toBe(3 + 1 + 2 + 4);
  },
  600_000,
);

test('says what it cannot do: an audience without a policy, a code that is none', async () => {
  const raw = site.raw(PATIENTS);
  const absent = await site.gauze('redrive', '--audience', 'nobody', '--topic', raw);
  expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('ERR_POLICY_ABSENT')]);
  const wrong = await site.gauze('redrive', '--audience', 'billing', '--topic', raw, '--code', 'large');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--code')]);
});
