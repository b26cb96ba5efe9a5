/**
 * `gauze redrive` while it is killed and interrupted in the middle of its transactions: what was withheld is
 * published once, in raw order, and is on record; the independent oracle finds nothing.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { allow } from '../../kafka/acl.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { checkSite } from '../oracle/site-check.ts';
import { FaultProxy } from '../support/fault-proxy/fault-proxy.ts';
import { openTransactions } from '../support/open-transactions.ts';
import { sendRaw } from '../support/raw-feed.ts';
import { clusterOf } from '../support/raw-log.ts';
import { testStack, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import type { RunningVerb } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const PATIENTS = 'clinical.patients';
const APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' };
/** Of the sanitized topic before it is mended; every record is larger. */
const MESSAGE_BYTES_MAX = 4_000;
/** Each is a transaction of its own. */
const RECORDS = 700;
const SENT_AT_ONCE = 100;
const KILLS = 3;

let site: TestSite;
let cluster: Cluster;
let sanitized: string;
let transactionalId: string;

beforeAll(async () => {
  const config = `limits: { batchBytes: ${MESSAGE_BYTES_MAX} }`;
  site = await TestSite.make({ topics: [PATIENTS], audiences: ['billing'], partitions: 1, config });
  cluster = await clusterOf('admin');
  sanitized = site.sanitized(PATIENTS, 'billing');
  const raw = site.raw(PATIENTS);
  transactionalId = site.names.redriveTransactionalId('billing', raw, 0);
  const settings = { ...APPEND_TIME, 'max.message.bytes': String(MESSAGE_BYTES_MAX) };
  await withAdmin(async (admin) => {
    await admin.createTopic({ topic: sanitized, partitions: 1, config: settings });
    await admin.createAcls(allow('User:gauze-auditor', ['read'], 'topic', raw));
  });
  const ids = await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic));
  const [patient] = [...generateHospital({ patients: 1, seed: 7 })].flatMap((record) =>
    record.topic === PATIENTS ? [record.value] : [],
  );
  const grown = { ...patient!, sourceFormat: 'x'.repeat(MESSAGE_BYTES_MAX) };
  const value = encodeRecord(PATIENTS, ids.get(PATIENTS)!, grown);
  for (let from = 0; from < RECORDS; from += SENT_AT_ONCE)
    await sendRaw(
      Array.from({ length: SENT_AT_ONCE }, (_, i) => ({
        topic: raw,
        partition: 0,
        key: keyOf(from + i),
        value,
      })),
    );
  await site.apply();
  site.run();
  await site.caughtUp(120_000);
  await withAdmin(async (admin) => await admin.replaceConfigs(sanitized, APPEND_TIME));
}, 300_000);

afterAll(async () => {
  await cluster?.close();
  await site?.close();
});

const keyOf = (index: number): string => `p${String(index).padStart(5, '0')}`;

function redrive(): RunningVerb {
  return site.start('redrive', '--audience', 'billing', '--topic', site.raw(PATIENTS), '--json');
}

/** End of the sanitized partition: grows with every Produce, committed or not. */
async function written(): Promise<number> {
  const reader = new LogReader(cluster, sanitized, 0);
  try {
    return (await reader.read(0, () => undefined)).highWatermark;
  } finally {
    reader.close();
  }
}

/** Waits until a redrive has written some more, and still runs. */
async function progress({ process }: { readonly process: ChildProcess }, records = 20): Promise<void> {
  const before = await written();
  while ((await written()) < before + records) {
    if (process.exitCode !== null) throw new Error('the redrive ended before it could be disturbed');
    await sleep(2);
  }
}

test('killed inside transactions and run again, it publishes nothing twice', async () => {
  let inside = 0;
  for (let tries = 0; inside < KILLS && tries < KILLS * 4; tries++) {
    const running = redrive();
    await progress(running);
    running.process.kill('SIGKILL');
    await running.ended;
    if ((await openTransactions(cluster)).has(transactionalId)) inside++;
  }
  expect(inside).toBe(KILLS);
}, 300_000);

test('interrupted in the middle, it says that the rest is for another run', async () => {
  const running = redrive();
  await progress(running);
  running.process.kill('SIGINT');
  const { code, stdout, stderr } = await running.ended;
  expect([code, stderr]).toEqual([130, expect.stringContaining('Run it again for the rest')]);
  expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, withheld: 0 });
}, 300_000);

/** Sockets of a process: two are its outputs, any further one goes to Kafka or the registry. */
async function sockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const links = (await readdir(folder)).map(async (fd) => await readlink(`${folder}/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((link) => link.startsWith('socket:')).length;
}

test.each([0, 150])(
  'interrupted %i ms after it has connected, it ends as interrupted',
  async (ms) => {
    const running = redrive();
    while ((await sockets(running.process.pid!)) < 3) await sleep(5);
    await sleep(ms);
    running.process.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([130, expect.not.stringContaining('ERR_')]);
  },
  60_000,
);

test('frozen while another one begins, it wakes up and ends: it does not take its place back', async () => {
  const { brokers } = testStack();
  const proxy = await FaultProxy.open(brokers);
  try {
    const file = join(site.directory, 'led.yaml');
    const config = await readFile(join(site.directory, 'gauze.yaml'), 'utf8');
    await writeFile(file, config.replace(JSON.stringify(brokers), JSON.stringify(proxy.addresses)));
    const args = ['redrive', '--audience', 'billing', '--topic', site.raw(PATIENTS), '--config', file];
    const frozen = spawn(process.execPath, ['cli/gauze.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    frozen.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await progress({ process: frozen });
    frozen.kill('SIGSTOP');
    // What a long sleep does to its connections, so that it must find out anew where it stands.
    proxy.cutAll();
    const other = redrive();
    await progress(other);
    other.process.kill('SIGSTOP');
    frozen.kill('SIGCONT');
    const [code] = (await once(frozen, 'close')) as [number | null];
    expect([code, said]).toEqual([1, expect.stringContaining('ERR_REDRIVE_TAKEN_OVER')]);
    // Taken before it wakes up, so that it leaves something to the run below.
    other.process.kill('SIGINT');
    other.process.kill('SIGCONT');
    const { code: otherCode, stderr } = await other.ended;
    expect([otherCode, stderr]).toEqual([130, expect.not.stringContaining('ERR_')]);
  } finally {
    await proxy.close();
  }
}, 120_000);

test('run to its end, every record stands there once, in raw order, and on record', async () => {
  const { code, stdout } = await redrive().ended;
  const { published } = JSON.parse(stdout) as { readonly published: number };
  expect(code).toBe(0);
  // The runs before were ended before they were done.
  expect(published).toBeGreaterThan(0);
  expect(published).toBeLessThan(RECORDS);
  const keys = (await dumpTopics([sanitized])).map(({ key }) => key!.toString());
  expect(keys).toEqual(Array.from({ length: RECORDS }, (_, i) => keyOf(i)));
  const again = await redrive().ended;
  expect([again.code, JSON.parse(again.stdout)]).toMatchObject([0, { published: 0, withheld: 0 }]);
  const verified = await site.gauze('audit', 'verify', '--json', '--recount');
  const line = verified.stdout.split('\n').find((each) => each.startsWith('{'))!;
  const { findings } = JSON.parse(line) as { readonly findings: readonly { readonly name: string }[] };
  const amiss = findings.map(({ name }) => name).filter((name) => !name.startsWith('DECLARED_'));
  expect(amiss).toEqual(['NO_SEALS']);
}, 300_000);

const jdkMissing = testStack().java === '' ? ' (skipped: no JDK is known to this stack)' : '';
(jdkMissing === '' ? test : test.skip)(
  `leaves nothing for the oracle to find${jdkMissing}`,
  async () => {
    const { findings, withheld } = await checkSite(site, { largeBytes: MESSAGE_BYTES_MAX });
    expect(findings).toEqual([]);
    expect(withheld).toBe(RECORDS);
  },
  120_000,
);
