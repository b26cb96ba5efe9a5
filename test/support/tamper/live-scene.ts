/**
 * The log that cases are played on, written by a real site: lanes whose session keys are replaced, a kill with
 * successors, an index, a grant, seals that a witness cosigned, and work after the last seal. Then everything stops,
 * and what is on the broker's disk is kept: each case begins there.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LiveSource } from '../../../audit/verify/live-source.ts';
import { generateHospital } from '../../../examples/hospital/hospital.ts';
import { Cluster } from '../../../kafka/cluster.ts';
import { readFile } from 'node:fs/promises';
import { describeStack, startStack } from '../../../stack/local-stack.ts';
import type { Stack, StackDescription } from '../../../stack/local-stack.ts';
import { GrantBench } from '../grant-bench.ts';
import { endpointOf } from '../kafka-plane.ts';
import type { MemoryAudit } from '../memory-audit-source.ts';
import { STACK_FILE_VARIABLE, eventually } from '../stack.ts';
import { LiveBroker } from './live-broker.ts';
import { LiveSite } from './live-site.ts';
import type { Verified } from './live-site.ts';
import type { StolenKeys } from './tamper-log.ts';
import { TamperLog } from './tamper-log.ts';
import { auditOf } from './tampered-export.ts';

const INTERVAL_MS = 1_000;
/** Of the last seal: cases take minutes, and the newest seal shall not be overdue in them. */
const LAST_INTERVAL_MS = 3_600_000;
/** Longer than events may come late. */
const LATE_MS = 40_000;
const GRANTED = 'clinical.encounters';

export interface LiveScene {
  readonly live: LiveSite;
  readonly broker: LiveBroker;
  /** What the verifier said before anything was changed. */
  readonly before: Verified;
  /** A new copy for each case, with every key there is. */
  log(): TamperLog;
  readonly audit: MemoryAudit;
  close(): Promise<void>;
}

/** A broker of one's own, with the other services of the stack that is there. Before anything asks for the stack. */
async function ownStack(): Promise<Stack> {
  const text = await readFile(process.env[STACK_FILE_VARIABLE]!, 'utf8');
  const { registryUrl, redisUrl, ...shared } = JSON.parse(text) as StackDescription;
  const { oidcIssuer, people, machineClient } = shared;
  const identity = { oidcIssuer, people, machineClient };
  const stack = await startStack({
    external: { registryUrl, redisUrl, identity },
    brokerOverrides: { 'log.cleaner.backoff.ms': '200' },
  });
  const file = join(stack.directory, 'stack.json');
  await writeFile(file, JSON.stringify(describeStack(stack)), { mode: 0o600 });
  process.env[STACK_FILE_VARIABLE] = file;
  return stack;
}

export async function liveScene(): Promise<LiveScene> {
  const stack = await ownStack();
  try {
    return await sceneOn(stack);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function sceneOn(stack: Stack): Promise<LiveScene> {
  const broker = new LiveBroker(stack);
  const live = await LiveSite.make({
    topics: ['clinical.patients', GRANTED],
    partitions: 2,
    config: 'limits: { batchBytes: 32768, lingerMs: 20 }',
    sealIntervalMs: INTERVAL_MS,
  });
  await write(live);
  const before = await live.verify();
  const audit = await auditNow(live);
  const keys: StolenKeys = await live.keys(new TamperLog(audit));
  await broker.keep();
  return {
    live,
    broker,
    before,
    audit,
    log: () => new TamperLog(audit, keys),
    close: async () => {
      await broker.restore();
      await broker.start();
      await live.close();
      await stack.stop();
    },
  };
}

/** All that a verifier can see now. */
export async function auditNow(live: LiveSite): Promise<MemoryAudit> {
  const cluster = new Cluster(endpointOf());
  await cluster.start();
  try {
    const notes = async (): Promise<readonly string[]> => [(await live.latestWitnessNote())!];
    return await auditOf(new LiveSource(cluster, live.site.names, notes));
  } finally {
    await cluster.close();
  }
}

async function write(live: LiveSite): Promise<void> {
  const { site } = live;
  await site.apply();
  await feed(live, 40, 1);
  let sealer = site.run('sealer');
  const killed = live.topology();
  await site.caughtUp();
  const beganMs = Date.now();
  // Sixteen minutes later: session keys are due.
  killed.process.kill('SIGUSR2');
  for (const [seed, patients] of [150, 8, 8, 8, 8].entries()) await feed(live, patients, 10 + seed);
  await killed.end('SIGKILL');
  const topology = live.topology();
  await feed(live, 8, 20);
  await grant(live);
  await live.sealed();
  await sealedSince(live, beganMs + LATE_MS);
  await sealer.end('SIGTERM');
  const { seals } = (await live.verify()).report.totals;
  await live.configure({ sealIntervalMs: LAST_INTERVAL_MS });
  sealer = site.run('sealer');
  // The topology goes on giving signs of life: from now on there are some that no seal covers.
  await live.sealedBeyond(seals);
  await sealer.end('SIGKILL');
  for (const seed of [30, 31, 32, 33]) await feed(live, 10, seed);
  await topology.end('SIGTERM');
}

/** Positions in seals count as not covered only where later seals have seen nothing for them. */
async function sealedSince(live: LiveSite, ms: number): Promise<void> {
  await eventually(async () => {
    const { lastSealedAtMs } = (await live.verify()).report.totals;
    if ((lastSealedAtMs ?? 0) < ms) throw new Error('no seal as young as that');
  }, 120_000);
}

/** Feeds, and waits until lanes have read it where there are any. */
async function feed(live: LiveSite, patients: number, seed: number): Promise<void> {
  await live.site.feed(generateHospital({ patients, seed }));
  if (seed >= 10) await live.site.caughtUp();
}

/** A grant of a raw topic that goes on with whatever is fed: its events have persons' tokens in them. */
async function grant(live: LiveSite): Promise<void> {
  const bench = new GrantBench(live.site);
  await bench.start();
  try {
    const state = await bench.active(GRANTED, { fields: [{ path: 'encounterId', tags: ['PHI_ACCOUNT'] }] });
    await bench.write(state);
    let records = 0;
    for (const seed of [21, 22, 23]) {
      await feed(live, 8, seed);
      const seen = await bench.untilProgress(
        state.grant_id,
        (progress) => progress.records > records,
        60_000,
      );
      records = seen.records;
    }
  } finally {
    await bench.close();
  }
}
