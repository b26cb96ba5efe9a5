/**
 * Exactly once whatever happens: hosts killed and frozen inside transactions, brokers killed, instances coming and
 * going, by a plan that follows from a seed, while records keep coming. GAUZE_FAULT_SEED repeats a run;
 * GAUZE_FAULT_SCALE=short is for trying: forty thousand records and few faults.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Stack } from '../../stack/local-stack.ts';
import { SEED_VARIABLE, faultSeed } from '../support/fault-plan.ts';
import type { FaultCounts } from '../support/fault-plan.ts';
import { FaultRun } from '../support/fault-run.ts';
import { startOwnStack } from '../support/own-stack.ts';
import { TestSite } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';

const SCALES: Readonly<Record<string, { readonly records: number; readonly counts: FaultCounts }>> = {
  full: { records: 1_000_000, counts: { kill: 50, freeze: 10, restart: 20, reassign: 10 } },
  short: { records: 40_000, counts: { kill: 4, freeze: 1, restart: 1, reassign: 2 } },
};
const { records, counts } = SCALES[process.env['GAUZE_FAULT_SCALE'] ?? 'full']!;

let stack: Stack | undefined;
let site: TestSite | undefined;
let run: FaultRun | undefined;

beforeAll(async () => {
  stack = await startOwnStack();
  site = await TestSite.make({
    topics: ['clinical.encounters', 'clinical.observations'],
    partitions: 4,
    // Small transactions: many of them, and one open at nearly any moment.
    config: 'limits: { batchBytes: 16384, lingerMs: 20, transactionsPerSecond: 2000 }',
  });
}, 180_000);

afterAll(async () => {
  await run?.close();
  await site?.close();
  await stack?.stop();
});

test('loses, doubles and reorders nothing through a plan of faults, and audits every range once', async () => {
  const seed = faultSeed();
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  tell(`${SEED_VARIABLE}=${seed}`);
  await site!.feed([]);
  await site!.apply();
  run = new FaultRun({ site: site!, stack: stack!, seed, counts, records, hosts: 3, tell });
  const tally = await run.run();
  tell(JSON.stringify(tally));
  const lanes = await site!.caughtUp(600_000);
  const truth = await siteTruth(site!, lanes);
  tell(JSON.stringify({ compared: truth.compared, events: truth.events.length }));
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
  expect(truth.indexFaults).toEqual([]);
  expect(truth.compared).toBeGreaterThanOrEqual(tally.fed * 3);
  expect(tally).toMatchObject({ kills: counts.kill, restarts: counts.restart, woken: counts.freeze });
  // Random moments would do no harm by luck: most of them must have met a transaction.
  expect(tally.killsInside).toBeGreaterThan(counts.kill / 2);
}, 5_400_000);
