/**
 * Clocks of hosts that jump by hours, and a registry that is gone: neither loses, doubles or leaks anything, and what
 * does not need the registry goes on without it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import { deleteRecords } from '../../kafka/delete-records.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { checkTopology } from '../oracle/check-topology.ts';
import { HostFleet } from '../support/host-fleet.ts';
import { clusterOf } from '../support/raw-log.ts';
import { testStack } from '../support/stack.ts';
import { TcpGate } from '../support/tcp-gate.ts';
import { TestSite } from '../support/test-site.ts';

const PATIENTS = 'clinical.patients';
const SHIFTED = new URL('../support/shifted-clock.ts', import.meta.url).href;
let site: TestSite;
let fleet: HostFleet;

afterEach(async () => {
  await fleet.close();
  await site.close();
});

async function feed(seed: number): Promise<void> {
  await site.feed(generateHospital({ patients: 60, seed }));
}

async function findings() {
  const verdict = await checkTopology({
    stack: testStack(),
    prefix: site.names.prefix,
    topics: [site.raw(PATIENTS)],
    keyringFile: site.keyringFile,
  });
  return verdict.findings;
}

async function started(): Promise<void> {
  site = await TestSite.make({ topics: [PATIENTS] });
  fleet = new HostFleet(site);
  await feed(1);
  await site.apply();
}

test('a host whose clock jumps two hours ahead, then four behind, holds nothing and goes on', async () => {
  await started();
  const host = fleet.add(['--import', SHIFTED]);
  await site.caughtUp(240_000);
  for (const seed of [2, 3, 4]) {
    host.instance.process.kill('SIGUSR2');
    await feed(seed);
    await site.caughtUp(240_000);
  }
  expect(host.count('lane held')).toBe(0);
  expect(host.count('lane waits')).toBe(0);
  expect(await findings()).toEqual([]);
}, 900_000);

test('lanes of a host whose clock was hours ahead go on at another, though the audit topic begins later by now', async () => {
  await started();
  const ahead = fleet.add(['--import', SHIFTED]);
  await site.caughtUp(240_000);
  await ahead.leave();
  // Their next session has written its opening and no more: the shortest memory of where the chain stands.
  const again = fleet.add(['--import', `${SHIFTED}?ahead`]);
  await fleet.until('lanes of the host with a wrong clock', () => again.lanes.size === 8);
  await site.until((lanes) => lanes.every(({ state }) => state === 'ok'), 240_000);
  await again.kill();
  await forgetOldest(site.names.auditEvents);
  fleet.add();
  await feed(2);
  const lanes = await site.caughtUp(240_000);
  expect(lanes.every(({ state }) => state === 'ok')).toBe(true);
}, 900_000);

/** Removes the first record of each partition that has more than a few, as retention does with the oldest. */
async function forgetOldest(topic: string): Promise<void> {
  const cluster = await clusterOf('admin');
  const connections = new BrokerConnections(cluster);
  try {
    const partitions = (await cluster.topic(topic))!.leaders.length;
    for (let partition = 0; partition < partitions; partition++) {
      const end = await listOffset(cluster, connections, topic, partition, 'latest');
      if (end > 3) await deleteRecords(cluster, connections, topic, partition, 1);
    }
  } finally {
    connections.close();
    await cluster.close();
  }
}

test('records of known schemas pass while the registry is gone, also after a take-over', async () => {
  await started();
  const registry = new URL(testStack().registryUrl);
  const gate = await TcpGate.to(registry.hostname, Number(registry.port));
  try {
    const file = join(site.directory, 'gauze.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(registry.host, `127.0.0.1:${gate.port}`));
    const first = fleet.add();
    const second = fleet.add();
    await fleet.until(
      'both hosts to have a partition',
      () => first.lanes.size === 4 && second.lanes.size === 4,
    );
    await site.caughtUp(240_000);
    gate.shut();
    await feed(2);
    await site.caughtUp(240_000);
    // Whoever takes over has the plans of the topic already: it needs nobody.
    await first.kill();
    await feed(3);
    await fleet.until('lanes of the dead host', () => second.lanes.size === 8);
    await site.caughtUp(240_000);
    gate.open();
    expect(second.count('lane held')).toBe(0);
    expect(await findings()).toEqual([]);
  } finally {
    await gate.close();
  }
}, 900_000);
