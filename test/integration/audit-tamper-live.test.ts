/**
 * Three of the tamper cases on a live log, as an admin plays them with Kafka's own requests; all of them, on disks too,
 * are in test/fault.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FindingName } from '../../audit/verify/finding.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { withAdmin } from '../support/stack.ts';
import { deleteRecords, remakeTopic } from '../support/tamper/live-cases.ts';
import { LiveSite } from '../support/tamper/live-site.ts';

let live: LiveSite;
let before: readonly FindingName[];

beforeAll(async () => {
  live = await LiveSite.make({ topics: ['clinical.patients'], partitions: 1, sealIntervalMs: 1_000 });
  const { site } = live;
  await site.apply();
  const processes = [site.run('sealer'), site.run('topology')];
  await site.feed(generateHospital({ patients: 20, seed: 3 }));
  await site.caughtUp();
  before = namesOf((await live.sealed()).report.findings);
  for (const process of processes) await process.end('SIGTERM');
}, 240_000);

afterAll(async () => await live?.close(), 60_000);

function namesOf(findings: readonly { readonly name: FindingName }[]): readonly FindingName[] {
  return findings.map(({ name }) => name);
}

async function found(): Promise<readonly FindingName[]> {
  return namesOf((await live.verify()).report.findings);
}

test('a group set back is found, and nothing once it is put back', async () => {
  const group = live.site.names.audienceGroup('research');
  const place = { topic: live.site.raw('clinical.patients'), partition: 0, metadata: null };
  const set = async (offset: bigint): Promise<void> =>
    await withAdmin(async (admin) => await admin.setGroupOffsets(group, [{ ...place, offset }]));
  const [committed] = await withAdmin(async (admin) => await admin.fetchGroupOffsets(group, [place.topic]));
  const where = committed!.offset;
  expect(before).not.toContain('COVERAGE_BEYOND');
  await set(where - 3n);
  expect(await found()).toContain('COVERAGE_BEYOND');
  await set(where);
  expect(await found()).not.toContain('COVERAGE_BEYOND');
}, 120_000);

test('records deleted at the beginning of the audit topic are found', async () => {
  expect(before).not.toContain('UNDECLARED_TRUNCATION');
  const { events } = (await live.verify()).report.totals;
  for (const partition of [0, 1, 2, 3]) await deleteRecords(live.site.names.auditEvents, partition, -1);
  const { report } = await live.verify();
  expect(namesOf(report.findings)).toContain('UNDECLARED_TRUNCATION');
  expect(report.totals.events).toBeLessThan(events);
}, 120_000);

test('an audit topic that was made again is found', async () => {
  expect(before).not.toContain('TOPIC_RECREATED');
  await remakeTopic(live.site.names.auditSubjects, 4);
  expect(await found()).toContain('TOPIC_RECREATED');
}, 120_000);
