/**
 * After kill -9 of a host another one publishes what the dead one held, within the session time-out of the group and
 * three seconds more. The figure is printed.
 */
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { HostFleet } from '../support/host-fleet.ts';
import type { Host } from '../support/host-fleet.ts';
import { openTransactions } from '../support/open-transactions.ts';
import { clusterOf } from '../support/raw-log.ts';
import { testStack, withAdmin } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import { checkTopology } from '../oracle/check-topology.ts';

const OBSERVATIONS = 'clinical.observations';
const SESSION_TIMEOUT_MS = 10_000;
const MARGIN_MS = 3_000;

let site: TestSite;
let fleet: HostFleet;

afterEach(async () => {
  await fleet.close();
  await site.close();
});

/** Committed offsets of the lanes of all audiences, by `audience/topic/partition`. */
async function positions(): Promise<ReadonlyMap<string, bigint>> {
  return await withAdmin(async (admin) => {
    const raw = site.raw(OBSERVATIONS);
    const found = new Map<string, bigint>();
    for (const audience of AUDIENCES)
      for (const { partition, offset } of await admin.fetchGroupOffsets(site.names.audienceGroup(audience), [
        raw,
      ]))
        found.set(`${audience}/${raw}/${partition}`, offset);
    return found;
  });
}

/** Of the lanes a dead host had, those of audiences: each transaction of theirs publishes. */
function publishing({ lanes }: Host): readonly string[] {
  return [...lanes].filter((lane) => !lane.startsWith('index/'));
}

test('another host publishes what a killed one held within its session time-out and three seconds', async () => {
  site = await TestSite.make({
    topics: [OBSERVATIONS],
    partitions: 4,
    config: 'limits: { batchBytes: 16384, lingerMs: 20, transactionsPerSecond: 2000 }',
  });
  fleet = new HostFleet(site);
  await site.feed(generateHospital({ patients: 10, seed: 1 }));
  await site.apply();
  const first = fleet.add();
  const second = fleet.add();
  const half = (host: Host): boolean => host.partitions === 2 && host.lanes.size === 8;
  await fleet.until('both hosts to have half of the partitions each', () => half(first) && half(second));
  await site.caughtUp(240_000);
  // Work for longer than it takes to notice: what is published after the kill was left over by the dead one.
  await site.feed(generateHospital({ patients: 400, seed: 2 }));
  const cluster = await clusterOf('admin');
  await fleet.until('a transaction to kill in', async () => (await openTransactions(cluster)).size > 0);
  const lanes = publishing(first);
  await first.kill();
  const killedAt = performance.now();
  const left = await openTransactions(cluster);
  await cluster.close();
  await site.feed(generateHospital({ patients: 100, seed: 3 }));
  const before = await positions();
  await fleet.until(
    'the other host to publish on every partition of the killed one',
    async () => {
      const now = await positions();
      return lanes.every((lane) => now.get(lane)! > before.get(lane)!);
    },
    SESSION_TIMEOUT_MS + 60_000,
  );
  const tookMs = Math.round(performance.now() - killedAt);
  process.stderr.write(`take-over after kill -9: ${tookMs} ms, ${left.size} transactions open at the kill\n`);
  expect(lanes).toHaveLength(2 * AUDIENCES.length);
  expect(tookMs).toBeLessThan(SESSION_TIMEOUT_MS + MARGIN_MS);
  await site.caughtUp(180_000);
  const { findings } = await checkTopology({
    stack: testStack(),
    prefix: site.names.prefix,
    topics: [site.raw(OBSERVATIONS)],
    keyringFile: site.keyringFile,
  });
  expect(findings).toEqual([]);
}, 900_000);
