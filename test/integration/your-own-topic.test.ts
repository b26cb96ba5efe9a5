/**
 * The page about a topic of one's own, command by command, on a stack of its own: what a reader types is what runs here.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PolicyTestDriver } from '../../topology/test-driver.ts';
import { describeStack, startStack } from '../../stack/local-stack.ts';
import type { Stack } from '../../stack/local-stack.ts';
import { uniqueName } from '../support/stack.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/your-own-topic.md'), 'utf8');
const FOLDER = uniqueName('my-topic');

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await mkdir(join(ROOT, FOLDER));
}, 120_000);

afterAll(async () => {
  await stack?.stop();
  await rm(join(ROOT, FOLDER), { recursive: true, force: true });
});

/** The commands of the page in order, for this folder; the stack is there already. */
function commands(): string {
  const blocks = [...PAGE.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text!);
  const lines = blocks.join('').split('\n');
  const started = lines.findIndex((line) => line.startsWith('npm run --silent stack'));
  lines.splice(started, 1);
  return lines
    .map((line) =>
      line.replace('cp -r examples/your-own-topic my-topic', 'cp -r examples/your-own-topic/. my-topic'),
    )
    .join('\n')
    .replaceAll('my-topic', FOLDER);
}

/** Runs the script; what it leaves running in the background ends with it. */
async function bash(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', `set -euo pipefail\n${script}`], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  const closed = new Promise((resolve) => child.once('close', resolve));
  process.kill(-child.pid!, 'SIGTERM');
  await closed;
  return { code, stdout, stderr };
}

test('every command of the page works, and the audience sees its view', async () => {
  await writeFile(join(ROOT, FOLDER, 'stack.json'), JSON.stringify(describeStack(stack)), { mode: 0o600 });
  const { code, stdout, stderr } = await bash(commands());
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  expect(stdout).toContain('200 visits written to clinic.visits');
  expect(stdout).toContain('Everything is as the policies say.');
  const seen = stdout.split('\n').filter((line) => /^[01]\/\d+ {2}pat_/.test(line));
  expect(seen).toHaveLength(5);
  for (const line of seen) {
    const value = JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>;
    expect(Object.keys(value).toSorted()).toEqual(
      ['birthDate', 'diagnosis', 'note', 'patientId', 'seenAt', 'visitId', 'zip'].toSorted(),
    );
    expect(['021', '100', '606', '000']).toContain(value['zip']);
    expect(value['note']).toBeNull();
  }
  expect(stdout).toMatch(/research +clinic\.visits +0 +ok/);
}, 180_000);

test('the example is a policy that can be tried with no broker too', async () => {
  const text = async (file: string): Promise<string> =>
    await readFile(join(ROOT, 'examples/your-own-topic', file), 'utf8');
  const driver = await PolicyTestDriver.make({
    policies: [await text('policies/research.yaml')],
    schemas: { 'clinic.visits': [await text('visit.avsc')] },
  });
  const value = {
    visitId: 'V-1',
    patientId: 'P-1',
    patientName: 'Ada',
    birthDate: '1950-02-03',
    zip: '03601',
    seenAt: '2026-03-01T08:00:00Z',
    diagnosis: 'I10',
    note: 'Ada called',
  };
  driver.pipe('clinic.visits', { key: 'P-1', value });
  const [seen] = driver.read('research', 'clinic.visits');
  expect(seen).toMatchObject({ key: expect.stringMatching(/^pat_/), value: { zip: '000', note: null } });
  driver.close();
});
