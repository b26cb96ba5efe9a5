/**
 * `gauze demo` as a stranger meets it: a process of its own with a stack of its own; what it says, how it ends,
 * and that nothing of it is left.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const GAUZE = path.resolve(import.meta.dirname, '../../cli/gauze.ts');
const AUDIENCES = ['research', 'analytics', 'billing'];

/** Where the demo and all that it starts put their files: its name finds their processes, too. */
let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(path.join(tmpdir(), 'gauze-demo-test-'));
});

afterEach(() => rmSync(temporary, { recursive: true, force: true }));

class Demo {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';
  readonly #listeners: (() => void)[] = [];

  constructor(...args: readonly string[]) {
    const env = { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: '' };
    this.process = spawn(process.execPath, [GAUZE, 'demo', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
      for (const listener of this.#listeners) listener();
    });
    this.process.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) => this.process.once('close', resolve));
  }

  /** Resolves when the output has `text`, or the demo has ended without it. */
  async says(text: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.stdout.includes(text)) resolve();
      };
      this.#listeners.push(look);
      look();
    });
    await Promise.race([said, this.ended]);
    expect(this.stdout).toContain(text);
  }
}

/** Processes that inherited our temporary directory: everything that the demo started, however far down. */
function processesLeft(): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${temporary}`);
      } catch {
        return false;
      }
    });
}

const [PERSON, VISIT, REMOTE] = ['The person in', 'A visit of theirs in', 'Somebody of a place'];

/** The cells of one column of the side-by-side table under `table`, found by where the head puts it; by field. */
function column(stdout: string, title: string, table = PERSON): Map<string, string> {
  const cells = new Map<string, string>();
  let from = -1;
  let to = -1;
  let field = '';
  for (const line of stdout.slice(stdout.indexOf(table)).split('\n')) {
    if (line === '' || /^ {4}\d+\.\d s$/.test(line)) break;
    if (/^ {4}field /.test(line)) {
      const heads = ['as generated', ...AUDIENCES];
      from = line.indexOf(title);
      to = line.indexOf(heads[heads.indexOf(title) + 1] ?? '\n');
    } else if (from > 0 && line.length > 23 && !line.includes('---')) {
      field = line.slice(4, 23).trim() || field;
      const cell = line.slice(from, to < 0 ? undefined : to).trim();
      if (cell !== '') cells.set(field, `${cells.get(field) ?? ''} ${cell}`.trim());
    }
  }
  return cells;
}

test('ends well: equal sums, every refusal, one person side by side, an audit without a gap; and leaves nothing', async () => {
  const demo = new Demo('--patients', '50');
  expect({ code: await demo.ended, stderr: demo.stderr, last: demo.stdout.slice(-2_000) }).toMatchObject({
    code: 0,
    stderr: '',
  });
  const { stdout } = demo;
  expect(stdout).not.toContain('✗');

  const sums = /✓ published ([\d,]+) \+ withheld ([\d,]+) = raw ([\d,]+), counted by ordinary consumers/.exec(
    stdout,
  );
  const [published, withheld, raw] = sums!.slice(1).map((each) => Number(each.replaceAll(',', '')));
  // 50 people with about 4 visits each and about 3.5 observations a visit; three audiences; three damaged records.
  expect(raw).toBeGreaterThan(3 * 800);
  expect(withheld).toBe(9);
  expect(published! + withheld!).toBe(raw);
  expect(stdout.match(/^ {4}(research|analytics|billing) +clinical\.\w+ .* ✓$/gm)).toHaveLength(12);

  for (const audience of AUDIENCES) {
    const row = `${audience}-app +✓ 4 of 4 readable +✓ 4 of 4 refused +✓ 8 of 8 refused +✓ 1 of 1 refused`;
    expect(stdout).toMatch(new RegExp(row));
  }
  expect(stdout).toMatch(/\d+ session\.batch events of 48 lanes/);
  expect(stdout).toContain('tile [first offset, committed offset): no gap, no overlap');
  expect(stdout).toMatch(/✓ \d+ hash chains/);
  expect(stdout).toContain('Everything held');

  for (const told of [
    '✓ alice reads 40 records with an ordinary consumer',
    '✓ bob, a colleague, is refused by the broker',
    'it ended by itself (EXHAUSTED); alice can read nothing any more',
    '✓ and its topic is gone',
    '✓ 40 records delivered under the grant, each range leased before',
  ])
    expect(stdout).toContain(told);
  const steps = ['request.submitted by alice', 'decision.narrowed by carol', 'decision.approved by dan'];
  const more = [
    'grant.activated by',
    'session.lease by',
    'session.batch by',
    'grant.exhausted by',
    'grant.ended by',
  ];
  for (const step of [...steps, ...more]) expect(stdout).toContain(step);

  const generated = column(stdout, 'as generated');
  const analytics = column(stdout, 'analytics');
  const seen = [PERSON, VISIT, REMOTE].flatMap((table) => [...column(stdout, 'analytics', table).values()]);
  expect(seen.length).toBeGreaterThan(15);
  const identifiers = [
    'patientId',
    'mrn',
    'name.given',
    'name.family',
    'ssn',
    'address.city',
    'telecom.0.value',
  ];
  for (const field of identifiers) {
    expect([field, generated.get(field)?.length]).not.toEqual([field, undefined]);
    expect([field, analytics.get(field)]).toEqual([field, '(gone)']);
    expect(seen.join('\n')).not.toContain(generated.get(field)!);
  }
  expect(analytics.get('address.zip')).toMatch(/^\d{3}$|^000$/);
  expect(generated.get('address.zip')).toMatch(/^\d{5}/);
  expect(column(stdout, 'billing').get('name.family')).toBe(generated.get('name.family'));
  expect(column(stdout, 'research').get('patientId')).not.toBe(generated.get('patientId'));

  expect(readdirSync(temporary)).toEqual([]);
  expect(processesLeft()).toEqual([]);
}, 300_000);

test.each([
  ['while the stack starts', 'Starting Kafka'],
  ['while it masks', '5/9'],
])(
  'ends with 130 at Ctrl-C %s, and leaves no process and no file',
  async (_, moment) => {
    const demo = new Demo('--patients', '3000');
    await demo.says(moment);
    demo.process.kill('SIGINT');
    expect(await demo.ended).toBe(130);
    expect(demo.stdout).toContain('Stopping');
    expect(demo.stdout).not.toContain('9/9');
    expect(demo.stderr).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
    expect(processesLeft()).toEqual([]);
  },
  300_000,
);
