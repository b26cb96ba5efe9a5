/**
 * Exactly once through kill -9: five kills inside transactions of 200,000 records.
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
  run = await killRun({ patients: 8_700, kills: 5 });
  expect(run.fed).toBeGreaterThan(200_000);
  expect(run.killsInsideTransaction).toBe(5);
  const { findings, compared } = await checkSite(run.site);
  expect(findings).toEqual([]);
  expect(compared).toBe(run.fed * AUDIENCES.length);
}, 900_000);
