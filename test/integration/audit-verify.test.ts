/**
 * `gauze audit verify` on a real site: what writers, index lane and sealer leave in the topics is sound to it, live and
 * as an export; without seals it says so; a second run reads only what is new.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ExportSource } from '../../audit/raw-export.ts';
import type { AuditReport } from '../../audit/verify/report.ts';
import { TestSite } from '../support/test-site.ts';

let site: TestSite;

beforeAll(async () => {
  site = await TestSite.make({ topics: ['clinical.patients'] });
  await site.apply();
  await site.feed(generateHospital({ seed: 5, patients: 60 }));
  site.run('topology');
  await site.caughtUp();
});

afterAll(async () => {
  await site?.close();
});

async function verified(...args: readonly string[]): Promise<{ code: number | null; report: AuditReport }> {
  const { code, stdout, stderr } = await site.gauze('audit', 'verify', '--json', ...args);
  const line = stdout.split('\n').find((each) => each.startsWith('{'));
  if (!line) throw new Error(`gauze audit verify printed no report: ${stderr}`);
  return { code, report: JSON.parse(line) as AuditReport };
}

function found({ findings }: AuditReport): readonly string[] {
  return findings.map(({ name, place, detail }) => `${name} ${JSON.stringify(place)} ${detail}`);
}

test('finds nothing wrong before there are seals, and says that there are none', async () => {
  const { code, report } = await verified();
  expect([...new Set(report.findings.map(({ name }) => name))]).toEqual(['NO_SEALS']);
  expect(found(report)).toHaveLength(1);
  expect([code, report.verdict]).toEqual([3, 'open']);
  expect(report.totals.events).toBeGreaterThan(8);
  expect(report.totals.domains).toBe(8);
});

test('is clean once the sealer runs, live and as an export, and the next run reads what is new', async () => {
  site.run('sealer');
  const state = join(site.directory, 'verify.state');
  const wanted = async (): Promise<{ code: number | null; report: AuditReport }> => {
    for (let attempt = 0; ; attempt++) {
      const result = await verified();
      if (result.report.totals.seals > 1 || attempt > 20) return result;
    }
  };
  const { code, report } = await wanted();
  // No witness is named in the trust file of this site.
  expect(found(report).filter((finding) => !finding.startsWith('NO_WITNESS'))).toEqual([]);
  expect(code).toBe(3);
  await verified('--state', state);
  const { report: second } = await verified('--state', state);
  expect(found(second).filter((finding) => !finding.startsWith('NO_WITNESS'))).toEqual([]);
  expect(second.totals.events).toBeLessThan(second.totals.eventsInAll / 2);
  const directory = join(site.directory, 'export');
  expect((await site.gauze('audit', 'export', '--raw', directory)).code).toBe(0);
  expect(await (await ExportSource.open(directory)).partitions()).not.toHaveLength(0);
  const html = join(site.directory, 'report.html');
  const offline = await verified(
    directory,
    '--trust',
    join(site.directory, 'trust.note'),
    '--root',
    site.rootVkey,
    '--html',
    html,
  );
  expect(found(offline.report).filter((finding) => !finding.startsWith('NO_WITNESS'))).toEqual([]);
  expect(offline.report.totals.seals).toBeGreaterThanOrEqual(report.totals.seals);
  expect(await readFile(html, 'utf8')).toContain('<h1>Audit verification</h1>');
});
