/**
 * Archive, legal hold and pruning on a real site with topology and sealer: what may go goes, and what is left verifies
 * by itself and with the archive; what nobody declared is found by sealer and verifier.
 */
import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SubjectIndex } from '../../approvals/subject-index.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { AuditReport } from '../../audit/verify/report.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import { deleteRecords } from '../../kafka/delete-records.ts';
import { lastAuditedPosition } from '../../topology/audited-position.ts';
import type { Scope } from '../../schemas/access-codecs.ts';
import { eventually, loginOf, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { RunningInstance, VerbResult } from '../support/test-site.ts';
import { clusterAs } from '../support/who-may.ts';

const PATIENT_MS = 60_000;
let site: TestSite;
let archive: string;
const running: RunningInstance[] = [];

beforeAll(async () => {
  site = await TestSite.make({
    topics: ['clinical.patients'],
    config: "owners: { 'User:gauze-admin': ada@example.org }",
  });
  archive = join(site.directory, 'archive');
  const file = join(site.directory, 'gauze.yaml');
  const config = await readFile(file, 'utf8');
  await writeFile(
    file,
    config.replace('audit: {', 'audit: { retention: synthetic-data, sealIntervalMs: 1000,'),
  );
  await site.apply();
  await site.feed(generateHospital({ seed: 5, patients: 40 }));
  running.push(site.run('topology'));
  await site.caughtUp();
  // The first seal carries frontiers, so the topics may be cut where they end now.
  running.push(site.run('sealer'));
  await until(async () => expect((await audit('archive', '--dir', archive)).code).toBe(0));
  await site.feed(generateHospital({ seed: 6, patients: 40 }));
  await site.caughtUp();
});

afterAll(async () => {
  await site?.close();
});

async function until(attempt: () => Promise<void>): Promise<void> {
  await eventually(attempt, PATIENT_MS);
}

async function audit(...args: readonly string[]): Promise<VerbResult> {
  return await site.gauze('audit', ...args);
}

/** `gauze audit prune` as far as the first seal; `--json`. */
async function prune(): Promise<VerbResult> {
  return await audit(
    'prune',
    '--before',
    '0',
    '--archive',
    archive,
    '--reason',
    'the time is over',
    '--json',
  );
}

/** Names of the findings of `gauze audit verify`, without those of this site's own making. */
async function findings(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout, stderr } = await audit('verify', '--json', ...args);
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (!line) throw new Error(`gauze audit verify printed no report: ${stderr}`);
  const report = JSON.parse(line) as AuditReport;
  // How fresh everything is depends on how busy this machine is.
  const names = report.findings
    .filter((finding) => finding.class !== 'STALE' && finding.class !== 'UNSEALED')
    .map(({ name, detail }) => (name === 'SEAL_ALARM' ? `${name} ${detail}` : name));
  return [...new Set(names)].filter((name) => name !== 'NO_WITNESS').toSorted();
}

async function starts(): Promise<readonly bigint[]> {
  return await withAdmin(async (admin) =>
    (await admin.topicEndOffsets(site.names.auditEvents)).map(({ low }) => low),
  );
}

test('refuses under a legal hold, then prunes what is archived and declared; what is left verifies', async () => {
  const placed = await audit('hold', 'place', '--reason', 'litigation', '--json');
  expect([placed.code, placed.stderr]).toEqual([0, '']);
  const { hold } = JSON.parse(placed.stdout) as { hold: string };
  const held = await prune();
  expect([held.code, held.stderr]).toEqual([1, expect.stringContaining('ERR_AUDIT_HELD')]);
  expect(new Set(await starts())).toEqual(new Set([0n]));
  expect((await audit('hold', 'release', hold, '--reason', 'settled')).code).toBe(0);
  expect((await audit('hold', 'list')).stdout).toContain('by ada@example.org');
  // The lanes' last events lie behind the cut once a seal has them.
  await until(async () => {
    const { code, stderr } = await prune();
    if (code !== 0) throw new Error(stderr);
  });
  expect((await starts()).some((start) => start > 0n)).toBe(true);
  await until(async () => expect(await findings()).toEqual(['DECLARED_PRUNING']));
  expect(await findings('--archive', archive)).toEqual(['DECLARED_PRUNING']);
  const rights = await withAdmin(async (admin) => await admin.describeAcls('User:gauze-admin'));
  const onAudit = rights.filter(
    ({ name, operation }) => name === site.names.auditEvents && operation === 'delete',
  );
  expect(onAudit).toEqual([]);
});

test('is read on from its new beginning by everybody who begins at the beginning', async () => {
  const { auditEvents, auditSubjects } = site.names;
  const raw = site.raw('clinical.patients');
  const cluster = await clusterAs(loginOf('admin'));
  const troubles: string[] = [];
  const index = new SubjectIndex(cluster, auditSubjects, ({ code }) => void troubles.push(code));
  try {
    const topicId = (await cluster.refresh([raw])).get(raw)!.id;
    const writer = site.names.laneTransactionalId('research', raw, 0);
    expect(await lastAuditedPosition(cluster, auditEvents, writer, topicId)).toBeGreaterThan(0);
    await index.start();
    const scope: Scope = {
      cluster_id: cluster.clusterId,
      topic: raw,
      topic_id: topicId,
      base_audience: 'research',
      policy_version: 1,
      policy_sha256: Buffer.alloc(32),
      schemas: [],
      fields: [],
      partitions: [{ partition: 0, first_offset: 0, next_offset: 1_000_000 }],
      persons: null,
      token_epoch: 1,
      beneficiary: 'User:alice',
      purpose: 'TREAT',
      max_records: 1,
      max_persons: null,
      duration_ms: 1,
      window: null,
    };
    await until(async () => expect((await index.count(scope)).records).toBeGreaterThan(0));
    expect(troubles).toEqual([]);
  } finally {
    await index.close();
    await cluster.close();
  }
});

test('answers say from when they are complete, and are whole again from the archive', async () => {
  const facts = async (...args: readonly string[]): Promise<{ readonly events: number }> =>
    JSON.parse((await audit('index', '--json', ...args)).stdout) as { readonly events: number };
  const index = ['--index', join(site.directory, 'index.sqlite')];
  const left = await facts(...index);
  const { stdout } = await audit('query', 'overdue-grants', '--json', ...index);
  expect(stdout).toContain(': answers are complete from ');
  const whole = await facts(...index, '--archive', archive);
  expect(whole.events).toBeGreaterThan(left.events + 8);
  expect((await audit('query', 'overdue-grants', '--json', ...index)).stdout).not.toContain(
    'are complete from',
  );
});

test('finds an archive of which one byte was changed, and prunes nothing over it', async () => {
  const changed = join(site.directory, 'changed');
  await cp(archive, changed, { recursive: true });
  const folders = (await readdir(changed)).filter((name) => name.startsWith('events-')).toSorted();
  const [segment] = (await readdir(join(changed, folders[0]!))).toSorted();
  const file = join(changed, folders[0]!, segment!);
  const bytes = await readFile(file);
  bytes[bytes.length - 70]! ^= 1;
  await writeFile(file, bytes);
  const names = await findings('--archive', changed);
  expect(names).toEqual(expect.arrayContaining(['EXPORT_DAMAGED', 'ROOT_MISMATCH', 'ARCHIVE_DIFFERS']));
});

test('goes on with its lanes after a restart, and tells of records that go without a declaration', async () => {
  for (const instance of running) await instance.end('SIGKILL');
  site.run('sealer');
  site.run('topology');
  await site.feed(generateHospital({ seed: 7, patients: 10 }));
  await site.caughtUp();
  const { auditEvents } = site.names;
  const { partition, low } = await withAdmin(async (admin) => {
    const ranges = await admin.topicEndOffsets(auditEvents);
    return ranges.find((range) => range.high > range.low + 1n)!;
  });
  const offset = Number(low) + 1;
  const cluster = await clusterAs(loginOf('admin'));
  const connections = new BrokerConnections(cluster);
  await cluster.refresh([auditEvents]);
  expect(await deleteRecords(cluster, connections, auditEvents, partition, offset)).toBe(offset);
  connections.close();
  await cluster.close();
  await until(async () => {
    const names = await findings();
    expect(names).toContain('UNDECLARED_TRUNCATION');
    const place = `(${auditEvents} ${partition}: `;
    const alarms = names.filter((name) => name.includes('LOG_START_MOVED'));
    expect(alarms).toEqual([expect.stringContaining(place)]);
  });
});
