/**
 * What people see who watch: counts and health of a running topology, and an audience's own view of a topic.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import type { InstanceReport, WithheldCount } from '../../topology/topology-activity.ts';
import { TestPlane } from '../support/kafka-plane.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { eventually, loginOf, uniqueName } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { RunningInstance, VerbResult } from '../support/test-site.ts';
import { told } from '../support/told.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const TOPIC = 'clinical.patients';

let site: TestSite;
let instance: RunningInstance;
let fed: number;

beforeAll(async () => {
  site = await TestSite.make({ topics: [TOPIC] });
  fed = await site.feed(generateHospital({ patients: 40, seed: 8 }));
  await site.apply();
  instance = site.run();
  await site.caughtUp();
});

afterAll(async () => {
  await site?.close();
});

/** Where the instance says it serves metrics. */
function statusUrl(): string {
  const line = instance.log.split('\n').find((each) => each.includes('metrics and health are served'))!;
  const { host, port } = JSON.parse(line) as { host: string; port: number };
  return `http://${host}:${port}`;
}

async function tail(user: string, ...more: readonly string[]): Promise<VerbResult> {
  const file = join(site.directory, user);
  await writeFile(file, loginOf(user).password, { mode: 0o600 });
  const login = ['--audience', 'research', '--username', user, '--password-file', file];
  return await site.gauze('tail', site.raw(TOPIC), ...login, '--from-beginning', ...more);
}

test('a topology serves what it has done, by topic and audience, and that it is ready', async () => {
  const ready = await fetch(`${statusUrl()}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, parts: { partitions: 'ok' } }]);
  await eventually(async () => {
    const text = await (await fetch(`${statusUrl()}/metrics`)).text();
    for (const audience of AUDIENCES) {
      const labels = `topic="${site.raw(TOPIC)}",audience="${audience}",outcome="published"`;
      expect(text).toContain(`phi_records_total{${labels}} ${fed}\n`);
    }
    expect(text).toContain(`phi_lanes ${2 * (AUDIENCES.length + 1)}\n`);
    expect(text).toContain('phi_lane_held 0\n');
    const lags = [...text.matchAll(/^phi_lane_lag_records\{.*\} (\d+)$/gm)].map(([, lag]) => Number(lag));
    expect(lags).toEqual(Array.from({ length: 2 * (AUDIENCES.length + 1) }, () => 0));
    expect(text).toMatch(/^phi_policy_in_force_info\{audience="research",policy_version="1"\} 1$/m);
    expect(text).not.toMatch(/MRN|example\.(org|com)/);
  });
});

test('tail shows an audience its own topic, record by record, and ends at the number asked for', async () => {
  const published = await dumpTopics([site.sanitized(TOPIC, 'research')]);
  const { code, stdout, stderr } = await tail('research-app', '--json', '--max', String(published.length));
  expect([code, stderr]).toEqual([0, expect.stringContaining('2 partitions')]);
  const shown = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const place = ({ partition, offset }: { partition?: unknown; offset?: unknown }): string =>
    `${String(partition)}/${String(offset)}`;
  expect(shown.map(place).toSorted()).toEqual(published.map(place).toSorted());
  for (const { key, value } of shown) {
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    expect(value).toMatchObject({ birthDate: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) });
    expect(value).not.toHaveProperty('name');
  }
});

test('tail shows nothing to whom the broker shows nothing', async () => {
  const other = await tail('analytics-app', '--max', '1');
  expect(other.code).toBe(1);
  expect(other.stdout).toBe('');
  expect(other.stderr).toMatch(/ERR_KAFKA_(NOT_ALLOWED|AUTHORIZATION|RIGHT|TOPIC)\w*/);
});

interface Status {
  readonly lanes: readonly LaneReport[];
  readonly transactionsPerSecond: number | null;
  readonly instances: readonly InstanceReport[] | null;
  readonly withheld: readonly WithheldCount[] | null;
  readonly alarms: readonly object[];
}

async function status(): Promise<Status> {
  return JSON.parse((await site.gauze('status', '--json')).stdout) as Status;
}

test('status tells lanes with where they write, what is withheld and why, who runs, how fast, with how much memory', async () => {
  await sendRaw([{ topic: site.raw(TOPIC), partition: 0, key: 'k', value: Buffer.from([9, 2, 3, 4, 5, 6]) }]);
  await site.caughtUp();
  await eventually(async () => {
    const { lanes, instances, withheld } = await status();
    expect(lanes).toHaveLength(2 * (AUDIENCES.length + 1));
    for (const lane of lanes) expect(lane).toMatchObject({ state: 'ok', lag: 0, lagSeconds: 0 });
    const research = lanes.filter(({ audience }) => audience === 'research');
    for (const lane of research)
      expect(lane).toMatchObject({ target: site.sanitized(TOPIC, 'research'), targetVersion: 1 });
    const code = 'ERR_DECODE_MAGIC';
    expect(withheld).toEqual(
      AUDIENCES.toSorted().map((audience) => ({ audience, topic: site.raw(TOPIC), code, count: 1 })),
    );
    expect(instances).toHaveLength(1);
    expect(instances![0]).toMatchObject({ lanes: lanes.length, held: 0, grants: 0 });
    expect(instances![0]!.memoryBytes).toBeGreaterThan(20_000_000);
  });
  // Whatever has just been fed is masked within the last half minute, on a slow machine too.
  await eventually(async () => {
    await site.feed(generateHospital({ patients: 1, seed: 10 }));
    expect((await status()).transactionsPerSecond).toBeGreaterThan(0);
  }, 60_000);
  const { stdout } = await site.gauze('status');
  expect(stdout).toMatch(/transactions per second, in the last 30 s\.$/m);
  expect(stdout).toContain('8 lanes, none held.');
});

test('status tells lanes beside an audit log that a transaction hides, and which it is', async () => {
  const plane = new TestPlane();
  await plane.start();
  const { auditEvents } = site.names;
  const { id, leaders } = (await plane.cluster.topic(auditEvents))!;
  const hanging = await plane.openTransaction(uniqueName('hanging'), 600_000);
  try {
    for (const partition of leaders.keys())
      await hanging.write({ name: auditEvents, id }, [[null, 'never to be seen']], partition);
    const [{ code, stdout, stderr }, text] = await Promise.all([
      site.gauze('status', '--json'),
      site.gauze('status'),
    ]);
    expect([code, stderr, text.code]).toEqual([1, '', 1]);
    expect(text.stdout).toContain(`Who runs is not known: a transaction in ${auditEvents} does not end.`);
    expect(text.stderr).toContain('ERR_KAFKA_UNSETTLED');
    const { lanes, instances, transactionsPerSecond, withheld, alarms } = JSON.parse(stdout) as Status;
    expect(lanes).toHaveLength(2 * (AUDIENCES.length + 1));
    expect([instances, transactionsPerSecond]).toEqual([null, null]);
    expect(withheld).toHaveLength(AUDIENCES.length);
    expect(alarms).toMatchObject([{ code: 'ERR_KAFKA_UNSETTLED', topic: auditEvents }]);
  } finally {
    await hanging.end('abort');
    await plane.close();
  }
  await eventually(async () => expect((await status()).instances).toHaveLength(1));
});

test('status tells how long records wait while nobody runs, and that nobody does', async () => {
  await instance.end('SIGTERM');
  const before = Date.now();
  await site.feed(generateHospital({ patients: 3, seed: 9 }));
  await eventually(async () => {
    const { lanes, instances } = await status();
    const behind = lanes.filter(({ lag }) => lag! > 0);
    expect(behind.length).toBeGreaterThan(0);
    for (const { lagSeconds } of behind) {
      expect(lagSeconds).toBeGreaterThan(1.5);
      expect(lagSeconds).toBeLessThan(((Date.now() - before) / 1_000) * 1.06 + 1.5);
    }
    expect(instances).toEqual([]);
  });
  const { code, stdout, stderr } = await site.gauze('status');
  expect([code, stderr]).toEqual([1, told('ERR_RUN_NOBODY', { limit: 30 })]);
  expect(stdout).toContain('No instance has given a sign of life');
});
