/**
 * Exactly once through kill -9: five kills inside transactions of 200,000 records.
 */
import { afterAll, expect, test } from '@jest/globals';
import { killRun } from '../support/kill-run.ts';
import type { KillRun } from '../support/kill-run.ts';
import { AUDIENCES } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';

let run: KillRun | undefined;

afterAll(async () => {
  await run?.site.close();
});

test('loses, doubles and reorders nothing when it is killed inside transactions, and audits every range once', async () => {
  run = await killRun({ patients: 8_700, kills: 5 });
  expect(run.fed).toBeGreaterThan(200_000);
  expect(run.killsInsideTransaction).toBe(5);
  const truth = await siteTruth(run.site, run.lanes);
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.compared).toBe(run.fed * AUDIENCES.length);
  expect(truth.auditFaults).toEqual([]);
  expect(truth.indexFaults).toEqual([]);
}, 900_000);
