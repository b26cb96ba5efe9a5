/**
 * Ctrl-C at any moment of `npm run demo`, as a terminal sends it: SIGINT to the whole process group. The moments are
 * drawn from a seed, from before anything runs to after everything has ended; nothing may be left by any of them, and
 * a run after all of them must end as well as one before. Takes about half an hour.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Random } from '../fuzz/random.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BIN = path.join(ROOT, 'node_modules', '.bin');
const MOMENTS = 20;
const SEED = Number(process.env['GAUZE_TEST_SEED'] ?? 20_261_122);
const PATIENTS = '40';
/** From the last service that has to come up before it can be stopped, to its end, on a slow machine. */
const ENDING_MAX_MS = 60_000;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From the start to the end. */
  readonly tookMs: number;
  /** From the signal to the end; null where the demo had ended before. */
  readonly endingMs: number | null;
  readonly output: string;
  /** What was there at the very moment of its end. */
  readonly processes: readonly string[];
  readonly files: readonly string[];
}

/** Runs the demo; `afterMs`: when its process group gets SIGINT. Resolves when nothing writes to its output any more. */
async function demo(afterMs: number | null): Promise<Ended> {
  // Where it puts its files; the name of it finds its processes, too.
  const temporary = mkdtempSync(path.join(tmpdir(), 'gauze-interrupt-'));
  const startedMs = performance.now();
  const child = spawn('npm', ['run', '--silent', 'demo', '--', '--patients', PATIENTS], {
    cwd: ROOT,
    env: {
      ...process.env,
      PATH: `${BIN}:${process.env['PATH'] ?? ''}`,
      TMPDIR: temporary,
      // npm's own file in the temporary directory.
      NODE_DISABLE_COMPILE_CACHE: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Pick<Ended, 'code' | 'signal'>>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  let interruptedMs: number | null = null;
  if (afterMs !== null) {
    await Promise.race([ended, sleep(afterMs)]);
    try {
      process.kill(-child.pid!, 'SIGINT');
      interruptedMs = performance.now();
    } catch {
      // It has ended before: a moment past the end.
    }
  }
  const result = await ended;
  const nowMs = performance.now();
  const endingMs = interruptedMs === null ? null : nowMs - interruptedMs;
  const left = { processes: processesOf(temporary), files: readdirSync(temporary) };
  rmSync(temporary, { recursive: true, force: true });
  return { ...result, tookMs: nowMs - startedMs, endingMs, output, ...left };
}

/** Processes that inherited this temporary directory: whatever a demo has started, however far down. */
function processesOf(temporary: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${temporary}`)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120)];
      } catch {
        return [];
      }
    });
}

/** What was told from Ctrl-C on. */
function ending(output: string): string {
  return output.split('Stopping everything that was started.')[1] ?? '';
}

/** What was wrong with an interrupted run; nothing, where all is well. */
function faultsOf({ code, signal, endingMs, output, processes, files }: Ended): readonly string[] {
  const hasFinished = endingMs === null || output.includes('now stopped and removed');
  const expected = hasFinished ? [0] : [130, 'SIGINT'];
  return [
    ...processes.map((process) => `process left: ${process}`),
    ...files.map((file) => `file left: ${file}`),
    ...(expected.includes(signal ?? code ?? -1) ? [] : [`ended with ${signal ?? code}`]),
    ...((endingMs ?? 0) > ENDING_MAX_MS ? [`took ${endingMs} ms to end`] : []),
    // No stack trace, no words of libraries, no error about something that is none: a demo shows codes of withheld
    // records and refusals before, and ends without any.
    ...(/^ +at |Error:/m.test(output) || /ERR_/.test(ending(output))
      ? [`told an error: ${output.slice(-600)}`]
      : []),
  ];
}

test(`leaves no process and no file at ${MOMENTS} moments of Ctrl-C, and nothing that a run after them stumbles over`, async () => {
  const whole = await demo(null);
  expect(whole.output.slice(-1_000)).toContain('Everything held');
  expect(whole).toMatchObject({ code: 0, processes: [], files: [] });

  const random = new Random(SEED);
  // The first at once, the last past the end, the others anywhere between.
  const between = Array.from({ length: MOMENTS - 2 }, () => random.int(Math.floor(whole.tookMs)));
  const moments = [100, ...between.toSorted((one, other) => one - other), whole.tookMs * 1.2 + 5_000];
  const faults: string[] = [];
  for (const afterMs of moments) {
    const run = await demo(afterMs);
    const step =
      run.output
        .match(/^\d\/9 /gm)
        ?.at(-1)
        ?.trim() ?? 'before the first step';
    const ending = run.endingMs === null ? 'ended by itself' : `took ${Math.round(run.endingMs)} ms to end`;
    const moment = `${(afterMs / 1_000).toFixed(1)} s (${step}; ${ending}; ${run.signal ?? run.code})`;
    process.stdout.write(`  Ctrl-C at ${moment}\n`);
    faults.push(...faultsOf(run).map((fault) => `seed ${SEED}, at ${moment}: ${fault}`));
  }
  expect(faults).toEqual([]);

  const last = await demo(null);
  expect(last).toMatchObject({ code: 0, processes: [], files: [] });
  expect(last.output).toContain('Everything held');
}, 3_600_000);
