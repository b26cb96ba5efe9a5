/**
 * Exactly once whatever happens: hosts killed and frozen inside transactions, brokers killed, instances coming and
 * going, by a plan that follows from a seed, while records keep coming. GAUZE_FAULT_SEED repeats a run;
 * GAUZE_FAULT_SCALE=short is for trying: forty thousand records and few faults; GAUZE_FAULT_RECORDS: so many in place of
 * those of the scale.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Stack } from '../../stack/local-stack.ts';
import { checkTopology } from '../oracle/check-topology.ts';
import { SEED_VARIABLE, faultSeed } from '../support/fault-plan.ts';
import type { FaultCounts } from '../support/fault-plan.ts';
import { FaultRun } from '../support/fault-run.ts';
import { startOwnStack } from '../support/own-stack.ts';
import { PlantedCanaries } from '../support/planted-canaries.ts';
import { testStack } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';

const SCALES: Readonly<Record<string, { readonly records: number; readonly counts: FaultCounts }>> = {
  full: { records: 1_000_000, counts: { kill: 50, freeze: 10, restart: 20, reassign: 10 } },
  tiny: { records: 3_000, counts: { kill: 1, freeze: 1, restart: 0, reassign: 0 } },
  short: { records: 40_000, counts: { kill: 4, freeze: 1, restart: 1, reassign: 2 } },
};
const { records: planned, counts } = SCALES[process.env['GAUZE_FAULT_SCALE'] ?? 'full']!;
/** No fault begins after so long; a machine that is busy with other things may not get through all of them. */
const minutes = Number(process.env['GAUZE_FAULT_MINUTES'] ?? 180);
const records = Number(process.env['GAUZE_FAULT_RECORDS'] ?? planned);

let stack: Stack | undefined;
let site: TestSite | undefined;
let run: FaultRun | undefined;

beforeAll(async () => {
  stack = await startOwnStack();
  site = await TestSite.make({
    topics: ['clinical.encounters', 'clinical.observations'],
    partitions: 4,
    // Small transactions: many of them, and one open at nearly any moment.
    config: 'limits: { batchBytes: 8192, lingerMs: 20, transactionsPerSecond: 2000 }',
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
  const canaries = new PlantedCanaries(site!);
  const plant = async (): Promise<void> => await canaries.plant();
  run = new FaultRun({ site: site!, stack: stack!, seed, counts, records, hosts: 3, minutes, plant, tell });
  const tally = await run.run();
  tell(JSON.stringify(tally));
  await site!.caughtUp(1_200_000);
  const verdict = await checkTopology({
    stack: testStack(),
    prefix: site!.names.prefix,
    topics: site!.topics.map((topic) => site!.raw(topic)),
    keyringFile: site!.keyringFile,
    canaries: await canaries.forOracle(),
  });
  const { lanes, outcomes, compared, withheld, events, findings } = verdict;
  tell(JSON.stringify({ lanes, outcomes, compared, withheld, events, findings: findings.length }));
  expect(findings).toEqual([]);
  expect(outcomes).toBeGreaterThanOrEqual(tally.fed * AUDIENCES.length);
  expect(tally.woken).toBe(tally.freezes);
  // Random moments would do no harm by luck: most of them must have met a transaction.
  expect(tally.killsInside).toBeGreaterThan(tally.kills / 2);
  if (tally.faults < tally.planned) tell(`cut short: ${tally.faults} of ${tally.planned} faults`);
  else expect(tally).toMatchObject({ kills: counts.kill, restarts: counts.restart, freezes: counts.freeze });
}, 5_400_000);
