/**
 * Twenty honest runs, each with kills, rebalances and new keys in an order of its own: the verifier finds nothing, in
 * the middle of it and at its end. The seeds are printed; GAUZE_HONEST_SEEDS=12,34 runs those again.
 */
import { randomInt } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import { FAULT_NAMES, honestRun } from './audit-honest-run.ts';
import type { HonestRun } from './audit-honest-run.ts';

const RUNS = 20;
const given = process.env['GAUZE_HONEST_SEEDS'];
const seeds =
  given === undefined
    ? Array.from({ length: RUNS }, () => randomInt(1, 1_000_000))
    : given.split(',').map(Number);
const runs: HonestRun[] = [];

afterAll(() => {
  process.stdout.write(`${runs.map(summary).join('\n')}\n`);
});

function summary({
  seed,
  seconds,
  fed,
  pruned,
  looks,
  report,
  rotated,
  faults,
  falseAlarms,
}: HonestRun): string {
  const { events: checked, seals } = report.totals;
  return (
    `run ${seed}: ${seconds} s, ${fed} records, ${checked} events, ${seals} seals, ${pruned} records pruned, ` +
    `${rotated} session keys replaced, ${looks} verifications, ${falseAlarms.length} false alarms (${faults.join(', ')})`
  );
}

test.each(seeds)(
  'nothing is found in honest run %i',
  async (seed) => {
    const run = await honestRun(seed);
    runs.push(run);
    expect(run.falseAlarms).toEqual([]);
    expect(run.report.verdict).toBe('sound');
    expect(run.faults.toSorted()).toEqual(FAULT_NAMES.toSorted());
    const { totals } = run.report;
    expect(totals.cosignedSeals).toBe(totals.seals);
    expect(totals.events).toBeGreaterThan(100);
    expect(run.rotated).toBeGreaterThan(0);
    expect(run.pruned).toBeGreaterThan(10);
    expect(run.fed).toBeGreaterThan(1_000);
  },
  420_000,
);
