/**
 * Forty thousand transactions of one record each on one lane, in one session: more than a producer epoch has numbers,
 * so the broker hands out another producer id on the way (KIP-890).
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { HostFleet } from '../support/host-fleet.ts';
import { listTransactions } from '../support/open-transactions.ts';
import { clusterOf } from '../support/raw-log.ts';
import { testStack } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { checkTopology } from '../oracle/check-topology.ts';

const TRANSACTIONS = 40_000;
const OBSERVATIONS = 'clinical.observations';
const SINGLE = new URL('../support/single-records.ts', import.meta.url).href;

let site: TestSite;
let fleet: HostFleet;

afterAll(async () => {
  await fleet.close();
  await site.close();
});

async function producerId(transactionalId: string): Promise<bigint> {
  const cluster = await clusterOf('admin');
  try {
    const all = await listTransactions(cluster);
    return all.find((each) => each.transactionalId === transactionalId)!.producerId;
  } finally {
    await cluster.close();
  }
}

test('a lane goes on, exactly once, when its producer epoch has used up its numbers', async () => {
  site = await TestSite.make({
    topics: [OBSERVATIONS],
    partitions: 1,
    config: 'limits: { lingerMs: 0, transactionsPerSecond: 100000 }',
  });
  fleet = new HostFleet(site);
  // One audience: its lane and that of the index.
  for (const audience of ['analytics', 'billing'])
    await rm(join(site.directory, 'policies', `${audience}.yaml`));
  const fed = await site.feed(first(generateHospital({ patients: 4_000, seed: 5 }), TRANSACTIONS));
  expect(fed).toBe(TRANSACTIONS);
  await site.apply();
  const host = fleet.add(['--import', SINGLE]);
  await fleet.until('the first lanes', () => host.lanes.size === 2);
  const id = site.names.laneTransactionalId('research', site.raw(OBSERVATIONS), 0);
  await site.until((lanes) => lanes.every(({ position }) => (position ?? 0) > 10), 120_000);
  const before = await producerId(id);
  await site.caughtUp(1_200_000);
  expect(await producerId(id)).not.toBe(before);
  expect(host.count('lane waits')).toBe(0);
  const verdict = await checkTopology({
    stack: testStack(),
    prefix: site.names.prefix,
    topics: [site.raw(OBSERVATIONS)],
    keyringFile: site.keyringFile,
  });
  expect(verdict.findings).toEqual([]);
  // One event for each transaction of the two lanes, and little beside.
  expect(verdict.events).toBeGreaterThan(2 * TRANSACTIONS);
}, 1_800_000);

function* first<T extends { readonly topic: string }>(records: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const record of records) {
    if (record.topic !== OBSERVATIONS) continue;
    if (left-- === 0) return;
    yield record;
  }
}
