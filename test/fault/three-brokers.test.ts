/**
 * Three brokers, three copies of everything: the leader of raw and sanitized partitions is killed, the coordinator of
 * groups and transactions is killed, leaders move back; lanes go on each time while the broker is still away.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import type { Stack } from '../../stack/local-stack.ts';
import { checkTopology } from '../oracle/check-topology.ts';
import { HostFleet } from '../support/host-fleet.ts';
import { openTransactions } from '../support/open-transactions.ts';
import { THREE_REPLICAS, startOwnStack } from '../support/own-stack.ts';
import { clusterOf } from '../support/raw-log.ts';
import { testStack } from '../support/stack.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';

const ENCOUNTERS = 'clinical.encounters';
/** Node id of the only controller: without it nothing moves, here as on every cluster that has lost its quorum. */
const CONTROLLER = 1;

let stack: Stack;
let site: TestSite;
let fleet: HostFleet;
let cluster: Cluster;

beforeAll(async () => {
  stack = await startOwnStack({
    brokers: 3,
    brokerOverrides: {
      ...THREE_REPLICAS,
      // Leaders go back to where they belong soon after a broker has come back, which moves them once more.
      'leader.imbalance.check.interval.seconds': '5',
      'leader.imbalance.per.broker.percentage': '0',
    },
  });
  site = await TestSite.make({
    topics: [ENCOUNTERS],
    partitions: 3,
    config: 'limits: { batchBytes: 16384, lingerMs: 20, transactionsPerSecond: 2000 }',
  });
  fleet = new HostFleet(site);
  cluster = await clusterOf('admin');
  await feed(1);
  await site.apply();
}, 900_000);

afterAll(async () => {
  await cluster?.close();
  await fleet?.close();
  await site?.close();
  await stack?.stop();
});

let fed = 0;
async function feed(seed: number): Promise<void> {
  fed += await site.feed(generateHospital({ patients: 150, seed }));
}

async function leaders(): Promise<readonly (readonly number[])[]> {
  const topics = [site.raw(ENCOUNTERS), ...AUDIENCES.map((audience) => site.sanitized(ENCOUNTERS, audience))];
  const found = await cluster.refresh(topics);
  return topics.map((topic) => found.get(topic)?.leaders ?? []);
}

async function leadsAny(node: number): Promise<boolean> {
  return (await leaders()).some((each) => each.includes(node));
}

/** A broker beside the controller that coordinates the group of instances, or transactions of lanes. */
async function coordinatorBeside(): Promise<number> {
  const { names } = site;
  const ids = AUDIENCES.flatMap((audience) =>
    [0, 1, 2].map((partition) => names.laneTransactionalId(audience, site.raw(ENCOUNTERS), partition)),
  );
  const nodes = await Promise.all([
    cluster.coordinator('group', names.topologyGroup),
    ...ids.map(async (id) => await cluster.coordinator('transaction', id)),
  ]);
  return nodes.find((node) => node !== CONTROLLER)!;
}

/** Kills the broker while transactions are open; what is fed then is published before it is back. */
async function losing(node: number, seed: number): Promise<void> {
  await feed(seed);
  await fleet.until('a transaction to kill in', async () => (await openTransactions(cluster)).size > 0);
  await stack.killBroker(node - 1);
  await fleet.until('others to lead', async () => !(await leadsAny(node)), 60_000);
  await feed(seed + 1);
  await site.caughtUp(180_000);
}

test('lanes go on when the leader of their partitions is lost, when leaders move, and when a coordinator is lost', async () => {
  fleet.add();
  fleet.add();
  await fleet.until('the first lanes', () => fleet.working.length === 2);
  await site.caughtUp(120_000);
  const lead = (await leaders()).flat().find((node) => node !== CONTROLLER)!;
  await losing(lead, 2);
  await stack.startBroker(lead - 1);
  await fleet.until('leaders to move back', async () => await leadsAny(lead), 120_000);
  await feed(4);
  await site.caughtUp(120_000);
  await losing(await coordinatorBeside(), 5);
  fleet.assertNoneEnded();
  // Read while a broker is away: what is committed is there all the same.
  const verdict = await checkTopology({
    stack: testStack(),
    prefix: site.names.prefix,
    topics: [site.raw(ENCOUNTERS)],
    keyringFile: site.keyringFile,
  });
  expect(verdict.findings).toEqual([]);
  expect(verdict.outcomes).toBe(fed * AUDIENCES.length);
}, 900_000);
