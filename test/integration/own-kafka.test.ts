/**
 * The page about a Kafka that is there already, command by command: a Kafka and a registry that this test runs, a topic
 * with records of a schema without tags, and gauze, which knows of them by addresses and starts nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { KafkaAdmin } from '../../kafka/admin.ts';
import { describeStack, startStack } from '../../stack/local-stack.ts';
import type { Stack } from '../../stack/local-stack.ts';
import { uniqueName } from '../support/stack.ts';
import { blocksOf } from '../docs/markdown-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = uniqueName('my-topic');
const RECORDS = 30;

let stack: Stack;
/** Where gauze would put what it starts. */
let temporary: string;

beforeAll(async () => {
  stack = await startStack();
  temporary = await mkdtemp(join(tmpdir(), 'gauze-own-'));
  const site = join(ROOT, FOLDER);
  await cp(join(ROOT, 'examples/your-own-topic'), site, { recursive: true });
  await writeFile(join(site, 'stack.json'), JSON.stringify(describeStack(stack)), { mode: 0o600 });
  // As a reader's own tools would: topic, log-ins, and a feed that knew of no tags, then one that does.
  run('prepare.mjs', join(site, 'stack.json'));
  const tagged = await readFile(join(site, 'visit.avsc'), 'utf8');
  await writeFile(join(site, 'visit.avsc'), tagged.replaceAll(/, "confluent:tags": \[[^\]]*\]/g, ''));
  run('produce.mjs', String(RECORDS));
  await writeFile(join(site, 'visit.avsc'), tagged);
  run('produce.mjs', String(RECORDS));
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await rm(join(ROOT, FOLDER), { recursive: true, force: true });
  await rm(temporary, { recursive: true, force: true });
});

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    OWN_KAFKA: stack.brokers[0]!,
    OWN_REGISTRY: stack.registryUrl,
    TMPDIR: temporary,
    NODE_DISABLE_COMPILE_CACHE: '1',
  };
}

function run(script: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, FOLDER, script), ...args], {
    encoding: 'utf8',
    env: environment(),
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
}

/** The commands of the page, for this folder; at the end, what runs by then. */
function commands(): string {
  const shown = blocksOf('docs/beside-your-kafka.md').map(({ text }) => text);
  const inFolder = shown
    .join('\n')
    .replace('cp -r examples/your-own-topic my-topic', 'mkdir -p my-topic')
    .replaceAll('my-topic', FOLDER);
  const running =
    'for pid in $(grep -ls "TMPDIR=$TMPDIR" /proc/[0-9]*/environ | cut -d/ -f3); do echo "RUNS $(tr "\\0" " " < /proc/$pid/cmdline)"; done';
  return `${inFolder}\n${running}`;
}

async function bash(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', `set -euo pipefail\n${script}`], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: environment(),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    process.kill(-child.pid!, 'SIGTERM');
  } catch {
    // A command failed before anything was left running.
  }
  await closed;
  return { code, stdout, stderr };
}

async function rawTopic(): Promise<object> {
  const admin = new KafkaAdmin({ brokers: stack.brokers, ssl: false, login: stack.logins['admin']! });
  try {
    await admin.connect();
    const settings = [...(await admin.describeConfigs('clinic.visits'))].map(([name, { value }]) => [
      name,
      value,
    ]);
    const ranges = await admin.topicEndOffsets('clinic.visits');
    return {
      settings,
      ranges: ranges.map(({ partition, low, high }) => [partition, Number(low), Number(high)]),
    };
  } finally {
    await admin.close();
  }
}

test('a topic that exists is masked, its older records too, and only gauze itself is started', async () => {
  const before = await rawTopic();
  await mkdir(join(ROOT, FOLDER), { recursive: true });
  const { code, stdout, stderr } = await bash(commands());
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('ERR_')]);

  const seen = stdout.split('\n').filter((line) => /^[01]\/\d+ {2}pat_/.test(line));
  expect(seen).toHaveLength(5);
  for (const line of seen) {
    const value = JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>;
    expect(value).not.toHaveProperty('patientName');
    expect(value).toMatchObject({ note: null, visitId: expect.not.stringMatching(/^V-/) });
  }
  expect(stdout).toMatch(/^research +clinic\.visits +[01] +ok /m);
  expect(stdout).toMatch(/lanes, none held\./);
  expect(await rawTopic()).toEqual(before);

  const running = stdout.split('\n').filter((line) => line.startsWith('RUNS '));
  expect(running.some((line) => line.includes('gauze.ts run'))).toBe(true);
  expect(running.filter((line) => /java|redis|supervisor|identity-provider/.test(line))).toEqual([]);
  expect(await readdir(temporary)).toEqual([]);
}, 300_000);
