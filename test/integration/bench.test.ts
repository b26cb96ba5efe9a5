import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readRecorded } from '../../bench/record.ts';
import type { Recorded } from '../../bench/record.ts';

// On a stack of its own: the rival's records name a schema id that only a fresh registry gives.
const RUN = join(import.meta.dirname, '../../bench/run.ts');
const RUN_MS = 400_000;

let folder: string;
let said = '';
let code: number | null;
let all: ReadonlyMap<string, Recorded>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-bench-test-'));
  const child = spawn(process.execPath, [RUN, '--quick', `--record=${folder}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  [code] = (await once(child, 'exit')) as [number | null];
  all = await readRecorded(folder);
}, RUN_MS);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('npm run bench -- --quick runs every benchmark to its end', () => {
  expect(said).not.toContain('failed');
  // With what was said last: an error that no benchmark caught stands there.
  expect({ code, end: code === 0 ? '' : said.slice(-2_000) }).toEqual({ code: 0, end: '' });
  expect([...all.keys()].sort()).toEqual(
    [
      'audiences',
      'audit-cost',
      'audit-query',
      'backlog',
      'latency',
      'methods',
      'people',
      'plans-held',
      'rival',
      'start-up',
      'transcoder',
      'verifier',
    ].sort(),
  );
});

test('each has figures, or says what is missing for them', () => {
  for (const [name, { table }] of all) {
    const isMissing = table.rows.length === 0;
    expect({ name, isMissing }).toEqual({ name, isMissing: isMissing && name === 'rival' });
    if (isMissing) expect(table.notes.join(' ')).toMatch(/no rival: /);
    for (const row of table.rows) expect(row).toHaveLength(table.columns.length);
    expect(JSON.stringify(table.rows)).not.toMatch(/NaN|Infinity|null/);
  }
});
