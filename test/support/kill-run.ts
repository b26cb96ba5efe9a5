/**
 * Kills a running instance in the middle of its transactions, again and again, and starts it anew each time.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { parseAddress } from '../../kafka/login.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { loginOf, testStack } from './stack.ts';
import { AUDIENCES, TestSite } from './test-site.ts';

export interface KillRun {
  readonly site: TestSite;
  readonly lanes: readonly LaneReport[];
  readonly fed: number;
  /** Kills after which at least one transaction was seen open on a topic watched. */
  readonly killsInsideTransaction: number;
}

export interface KillOptions {
  readonly patients: number;
  readonly kills: number;
  /** Topics of the transactions to kill in; default: the sanitized ones. */
  readonly watched?: (site: TestSite) => readonly string[];
}

/**
 * Feeds `patients` patients, then kills the instance at random moments until `kills` of the kills have landed inside
 * a transaction (at most five times as many are tried), and lets the last instance catch up.
 */
export async function killRun(options: KillOptions): Promise<KillRun> {
  // Small transactions: many of them, and one open at nearly any moment.
  const site = await TestSite.make({ partitions: 4, config: 'limits: { batchBytes: 32768, lingerMs: 20 }' });
  let fed = await site.feed(generateHospital({ patients: options.patients, seed: 11 }));
  await site.apply();
  const cluster = await superCluster();
  const topics = (options.watched ?? sanitizedTopics)(site);
  let inside = 0;
  for (let tries = 0; inside < options.kills && tries < options.kills * 5; tries++) {
    // However much the instance before got done: there is work left for this one, and more than it can do at once.
    const more = { patients: Math.min(options.patients, 400), seed: 12 + tries };
    fed += await site.feed(generateHospital(more));
    const before = await written(cluster, topics);
    const instance = site.run();
    await until(async () => (await written(cluster, topics)) > before);
    await sleep(randomInt(5, 250));
    await instance.end('SIGKILL');
    if (await transactionIsOpen(cluster, topics)) inside++;
  }
  site.run();
  const lanes = await site.caughtUp(240_000);
  await cluster.close();
  return { site, lanes, fed, killsInsideTransaction: inside };
}

async function superCluster(): Promise<Cluster> {
  const brokers = testStack().brokers.map((text) => parseAddress(text)!);
  const cluster = new Cluster({ brokers, ssl: false, login: loginOf('admin'), role: 'admin' });
  await cluster.start();
  return cluster;
}

function sanitizedTopics(site: TestSite): readonly string[] {
  return site.topics.flatMap((topic) => AUDIENCES.map((audience) => site.sanitized(topic, audience)));
}

/** Sum of high watermarks over the topics watched: grows with every Produce, committed or not. */
async function written(cluster: Cluster, topics: readonly string[]): Promise<number> {
  let sum = 0;
  await eachPartition(cluster, topics, (ends) => (sum += ends.highWatermark));
  return sum;
}

/** A last stable offset behind the high watermark: somebody's transaction has not ended. */
async function transactionIsOpen(cluster: Cluster, topics: readonly string[]): Promise<boolean> {
  let open = false;
  await eachPartition(cluster, topics, (ends) => (open ||= ends.lastStableOffset < ends.highWatermark));
  return open;
}

async function eachPartition(
  cluster: Cluster,
  topics: readonly string[],
  visit: (ends: { highWatermark: number; lastStableOffset: number }) => void,
): Promise<void> {
  for (const name of topics) {
    const partitions = (await cluster.topic(name))?.leaders.length ?? 0;
    for (let partition = 0; partition < partitions; partition++) {
      const reader = new LogReader(cluster, name, partition);
      visit(await reader.read(0, () => undefined));
      reader.close();
    }
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await condition())) {
    await sleep(2);
    if (Date.now() > deadline) throw new Error('the instance made no progress');
  }
}
