/**
 * What people see who watch: counts and health of a running topology, and an audience's own view of a topic.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { eventually, loginOf } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { RunningInstance, VerbResult } from '../support/test-site.ts';
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
