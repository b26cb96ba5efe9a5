/**
 * Exactly once through kill -9, small; test/fault/kill.test.ts does it with 200,000 records.
 */
import { afterAll, expect, test } from '@jest/globals';
import { checkSite } from '../oracle/site-check.ts';
import { killRun } from '../support/kill-run.ts';
import type { KillRun } from '../support/kill-run.ts';
import { AUDIENCES } from '../support/test-site.ts';

let run: KillRun | undefined;

afterAll(async () => {
  await run?.site.close();
});

test('loses, doubles and reorders nothing when it is killed inside transactions, and audits every range once', async () => {
  run = await killRun({ patients: 400, kills: 2 });
  expect(run.killsInsideTransaction).toBe(2);
  const { findings, compared } = await checkSite(run.site);
  expect(findings).toEqual([]);
  expect(compared).toBe(run.fed * AUDIENCES.length);
}, 300_000);
