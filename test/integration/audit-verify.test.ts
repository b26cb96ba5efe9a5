/**
 * `gauze audit verify` on a real site: what writers, index lane and sealer leave in the topics is sound to it, live and
 * as an export; without seals it says so; a second run reads only what is new.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { AuditIndex } from '../../audit/query/audit-index.ts';
import { exportsOn } from '../../audit/query/exports.ts';
import { refreshIndex } from '../../audit/query/index-build.ts';
import { sealBracket } from '../../audit/query/seal-bracket.ts';
import { ExportSource } from '../../audit/raw-export.ts';
import type { AuditReport } from '../../audit/verify/report.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { endpointOf } from '../support/kafka-plane.ts';
import { eventually } from '../support/stack.ts';
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

test('proves a no by the checkpoints around a time and the ranges between them, and no more than that', async () => {
  const fromMs = Date.now();
  await site.feed(generateHospital({ seed: 6, patients: 20 }));
  await site.caughtUp();
  const busy = { fromMs, toMs: Date.now() };
  const cluster = new Cluster(endpointOf());
  await cluster.start();
  const index = AuditIndex.open(join(site.directory, 'index.sqlite'), {
    clusterId: cluster.clusterId,
    prefix: site.names.prefix,
  });
  try {
    const ask = async (period: { readonly fromMs: number; readonly toMs: number }) =>
      exportsOn(index, period, await sealBracket(cluster, site.names.auditSeals, period));
    const sealed = await eventually(async () => {
      await refreshIndex(index, cluster, site.names);
      const answer = await ask(busy);
      expect(answer.proof.missing).toEqual([]);
      return answer;
    }, 120_000);
    expect(sealed.proof).toMatchObject({ isProved: true, domains: 8, missing: [] });
    expect(sealed.proof.ranges).toBeGreaterThan(0);
    for (const seal of [sealed.proof.before!, sealed.proof.after!])
      expect(seal.checkpoint!.split('\n')[0]).toBe(seal.origin);
    // Nothing was fed before this test began.
    const idle = await ask({ fromMs: fromMs - 1, toMs: fromMs });
    expect(idle).toMatchObject({ answer: 'no', proof: { isProved: true, domains: 8 } });
    const tomorrow = await ask({ fromMs, toMs: Date.now() + 86_400_000 });
    expect(tomorrow.proof).toMatchObject({ isProved: false, after: null });
  } finally {
    index.close();
    await cluster.close();
  }
}, 240_000);
