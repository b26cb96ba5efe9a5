/**
 * The whole job on the local stack: raw records of one topic masked for two audiences by a real `gauze run`, with
 * its audit on. Gives records per second and the instance's processor time per record, as figures of this machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import avsc from 'avsc';
import { KafkaAdmin } from '../kafka/admin.ts';
import { Cluster } from '../kafka/cluster.ts';
import { parseAddress } from '../kafka/login.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { createKeyringFile } from '../keys/keyring.ts';
import { RegistryClient } from '../schemas/registry-client.ts';
import { startStack } from '../stack/local-stack.ts';
import type { Stack } from '../stack/local-stack.ts';
import { encounters } from './encounters.ts';
import type { BenchTable } from './table.ts';
import { median } from './table.ts';
import { BENCH_POLICIES, taggedSchema } from './end-to-end-policies.ts';

const GAUZE = fileURLToPath(new URL('../cli/gauze.ts', import.meta.url));
const WITHOUT_AUDIT = new URL('without-audit.ts', import.meta.url).href;
const PARTITIONS = 4;
const BATCH_RECORDS = 1_000;
/** Kernel clock ticks per second in /proc; fixed at 100 on Linux. */
const TICKS_PER_SECOND = 100;

/** How much of the audit is on: all, all but the hash over outputs, or a null writer that is in bench/ alone. */
export const AUDITS = ['full', 'null'] as const;
export type Audit = (typeof AUDITS)[number];

/** One run of the job. */
export interface Run {
  readonly recordsPerSecond: number;
  readonly cpuMicrosPerRecord: number;
  readonly peakMiB: number;
}

/** Runs the job several times, each on a topic of its own that is full before the instance starts. */
export async function benchEndToEnd(options: { quick: boolean }): Promise<BenchTable> {
  const records = options.quick ? 40_000 : 500_000;
  const rounds = options.quick ? 1 : 3;
  const stack = await startStack();
  const runs: Run[] = [];
  try {
    for (let round = 0; round < rounds; round++) runs.push(await runOnce(stack, `bench${round}`, records));
  } finally {
    await stack.stop();
  }
  const rates = runs.map(({ recordsPerSecond }) => recordsPerSecond);
  const cpu = runs.map(({ cpuMicrosPerRecord }) => cpuMicrosPerRecord);
  const spread = (figures: readonly number[], digits: number): string =>
    `${Math.min(...figures).toFixed(digits)} to ${Math.max(...figures).toFixed(digits)}`;
  return {
    title: 'End to end: raw records masked for two audiences',
    columns: ['records/s', '(lowest to highest)', 'CPU us/record', '(lowest to highest)', 'peak MiB'],
    rows: [
      [
        Math.round(median(rates)),
        spread(rates, 0),
        median(cpu).toFixed(1),
        spread(cpu, 1),
        Math.max(...runs.map(({ peakMiB }) => peakMiB)),
      ],
    ],
    notes: [
      `${records} records of 32 fields in ${PARTITIONS} partitions, ${rounds} rounds, each cold: a new process and keyed caches empty.`,
      'Raw records per second, from the first committed offset seen to the last; each comes out twice. One process of one thread, exactly once, audit on, no compression.',
      'Peak: the highest resident memory of the instance in any round; the whole topic is its backlog.',
      'CPU: user and system time of the instance from its start, its start-up included, over raw records.',
      `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores shared with the broker, Node ${process.versions.node}.`,
    ],
  };
}

/** One run on a topic of its own that is full before the instance starts. */
export async function runOnce(
  stack: Stack,
  prefix: string,
  records: number,
  audit: Audit = 'full',
): Promise<Run> {
  const topic = `${prefix}.encounters`;
  const directory = await mkdtemp(join(tmpdir(), 'gauze-bench-'));
  const cluster = new Cluster({
    brokers: stack.brokers.map((text) => parseAddress(text)!),
    ssl: false,
    login: stack.logins['admin']!,
    role: 'admin',
  });
  const admin = new KafkaAdmin({ brokers: stack.brokers, ssl: false, login: stack.logins['admin']! });
  try {
    await cluster.start();
    await admin.connect();
    await admin.createTopic({ topic, partitions: PARTITIONS });
    const registry = new RegistryClient({ url: stack.registryUrl });
    const schemaId = await registry.register(`${topic}-value`, taggedSchema());
    await fill(cluster, topic, schemaId, records);
    await writeSite(stack, directory, prefix, topic);
    await gauze(directory, 'apply');
    return await measure(admin, directory, { prefix, topic, records, audit });
  } finally {
    await admin.close();
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Fills the raw topic; the feed is no part of what is measured. */
async function fill(cluster: Cluster, topic: string, schemaId: number, records: number): Promise<void> {
  const type = avsc.Type.forSchema(JSON.parse(taggedSchema()) as avsc.Schema);
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(schemaId, 1);
  const { signal } = new AbortController();
  const producer = new TransactionalProducer(cluster, `${topic}.feed`);
  await producer.initialize(signal);
  const topicId = (await cluster.topic(topic))!.id;
  const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000, keepTimestamps: true });
  for (let first = 0; first < records; first += BATCH_RECORDS) {
    writer.reset();
    for (const encounter of encounters(first, BATCH_RECORDS)) {
      writer.record(Buffer.from(String(encounter['mrn'])), Buffer.concat([prefix, type.toBuffer(encounter)]));
    }
    const partition = (first / BATCH_RECORDS) % PARTITIONS;
    const offset = { group: `${topic}.feed`, topic, partition, offset: first, metadata: '' };
    await producer.commit([{ topic, topicId, partition, writer }], offset, signal);
  }
  producer.close();
}

async function measure(
  admin: KafkaAdmin,
  directory: string,
  { prefix, topic, records, audit }: { prefix: string; topic: string; records: number; audit: Audit },
): Promise<Run> {
  const ends = (await admin.topicEndOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  const without = audit === 'full' ? [] : ['--import', WITHOUT_AUDIT];
  const command = [...without, GAUZE, 'run', '--config', join(directory, 'gauze.yaml')];
  const child = spawn(process.execPath, command, {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  try {
    let firstSeen = 0;
    for (;;) {
      const done = await committed(admin, prefix, topic);
      if (firstSeen === 0 && done > 0) firstSeen = performance.now();
      if (done === ends * BENCH_POLICIES.length) break;
      if (child.exitCode !== null) throw new Error('gauze run ended');
      await sleep(20);
    }
    const seconds = (performance.now() - firstSeen) / 1000;
    const cpuSeconds = await cpuSecondsOf(child.pid!);
    const peakMiB = await peakMiBOf(child.pid!);
    return { recordsPerSecond: records / seconds, cpuMicrosPerRecord: (cpuSeconds * 1e6) / records, peakMiB };
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

/** Sum of the committed offsets of all lanes. */
async function committed(admin: KafkaAdmin, prefix: string, topic: string): Promise<number> {
  let sum = 0;
  for (const { audience } of BENCH_POLICIES) {
    const offsets = await admin.fetchGroupOffsets(`${prefix}.${audience}`, [topic]);
    for (const { offset } of offsets) sum += Math.max(0, Number(offset));
  }
  return sum;
}

async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** High-water mark of resident memory, from /proc. */
async function peakMiBOf(pid: number): Promise<number> {
  const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kibibytes) / 1024);
}

async function writeSite(stack: Stack, directory: string, prefix: string, topic: string): Promise<void> {
  await mkdir(join(directory, 'policies'));
  for (const role of ['gauze-admin', 'gauze-topology']) {
    await writeFile(join(directory, role), stack.logins[role]!.password, { mode: 0o600 });
  }
  for (const { audience, text } of BENCH_POLICIES) {
    await writeFile(join(directory, 'policies', `${audience}.yaml`), text.replaceAll('TOPIC', topic));
  }
  await createKeyringFile(
    join(directory, 'keyring.json'),
    BENCH_POLICIES.map(({ audience }) => audience),
  );
  const login = (name: string): string =>
    `{ mechanism: scram-sha-256, username: ${name}, passwordFile: ${name} }`;
  await writeFile(
    join(directory, 'gauze.yaml'),
    `kafka:
  brokers: ${JSON.stringify(stack.brokers)}
  roles: { admin: ${login('gauze-admin')}, topology: ${login('gauze-topology')} }
registry: { url: '${stack.registryUrl}' }
keys: { file: keyring.json }
topics: { prefix: ${prefix} }
`,
  );
}

async function gauze(directory: string, verb: string): Promise<void> {
  const child = spawn(process.execPath, [GAUZE, verb, '--config', join(directory, 'gauze.yaml')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`gauze ${verb} ended with ${code}`);
}
