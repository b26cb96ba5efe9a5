/**
 * `npm run fuzz [-- --cases 1000000 --seed 1 --target transcoder --case 4711]`: random and changed inputs against what
 * reads from outside. Prints seed and progress; ends with 1 at the first finding, with how to run it again. Before it
 * believes its own silence it lets targets that are broken on purpose be found.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { BROKEN_TARGETS } from './broken-targets.ts';
import type { Finding } from './target.ts';
import { TARGETS } from './targets.ts';
import type { Job } from './worker.ts';

/** A thread may hold so much. */
const HEAP_MB = 768;
/** So long in one case, the making of its schema and plan among it, is a hang. */
const HANG_MS = 120_000;
const BROKEN_CASES = 20_000;
const TELL_MS = 5_000;

interface Result {
  readonly finding: Finding | null;
  readonly seen: ReadonlyMap<string, number>;
  readonly cases: number;
}

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    target: { type: 'string' },
    case: { type: 'string' },
  },
});
const seed = Number(values.seed);
const total = Number(values.cases);
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
const running = new Map<string, Int32Array>();
let done = 0;

function run(target: string, cases: readonly [number, number]): Promise<Result> {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const job: Job = { target, seed, cases, progress };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  running.set(target, progress);
  return new Promise((resolve) => {
    let [at, since] = [-1, performance.now()];
    const end = (
      what: string | null,
      seen: ReadonlyMap<string, number> = new Map(),
      finding: Finding | null = null,
    ): void => {
      clearInterval(watch);
      running.delete(target);
      done += progress[1]!;
      void worker.terminate();
      const found = what === null ? finding : { target, seed, index: progress[0]!, what };
      resolve({ finding: found, seen, cases: progress[1]! });
    };
    const watch = setInterval(() => {
      const index = Atomics.load(progress, 0);
      if (index !== at) [at, since] = [index, performance.now()];
      else if (progress[1]! > 0 && performance.now() - since > HANG_MS) end('hangs');
    }, 500);
    worker.on('message', ({ finding, seen }: Pick<Result, 'finding' | 'seen'>) => end(null, seen, finding));
    worker.on('error', (error: Error & { code?: string }) =>
      end(error.code ?? `${error.name}: ${error.message}`),
    );
  });
}

/** Runs jobs as many at a time as there are processors. */
async function all(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...jobs];
  const hand = async (): Promise<void> => {
    for (let job = left.shift(); job; job = left.shift()) await job();
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, hand));
}

const tell = (line: string): void => void process.stdout.write(`${line}\n`);
const began = performance.now();
tell(`seed ${seed}`);
if (values.case !== undefined) {
  const index = Number(values.case);
  const { finding, seen } = await run(chosen[0]!.name, [index, index + 1]);
  tell(finding ? finding.what : [...seen.keys()].join());
  process.exit(finding ? 1 : 0);
}
const ticker = setInterval(() => {
  const now = [...running.values()].reduce((sum, progress) => sum + progress[1]!, done);
  const names = [...running].map(([name, progress]) => `${name} ${progress[1]}`).join(', ');
  tell(`${Math.round((performance.now() - began) / 1000)} s: ${now} cases (${names})`);
}, TELL_MS);
ticker.unref();

const missed: string[] = [];
await all(
  BROKEN_TARGETS.map((target) => async () => {
    const { finding, cases } = await run(target.name, [0, BROKEN_CASES]);
    if (finding) tell(`${target.name}: found after ${cases} cases, as it must be`);
    else missed.push(target.name);
  }),
);
done = 0;
const findings: Finding[] = [];
const shares = chosen.reduce((sum, { share }) => sum + share, 0);
await all(
  chosen.map((target) => async () => {
    const count = Math.ceil((total * target.share) / shares);
    const { finding, seen, cases } = await run(target.name, [0, count]);
    if (finding) findings.push(finding);
    const absent = cases < 5_000 ? [] : target.expects.filter((outcome) => !seen.has(outcome));
    if (absent.length > 0 && !finding) missed.push(`${target.name} never came to ${absent.join(', ')}`);
    const most = [...seen].sort(([, a], [, b]) => b - a).slice(0, 6);
    tell(
      `${target.name}: ${cases} cases; ${most.map(([outcome, times]) => `${outcome} ${times}`).join(', ')}`,
    );
  }),
);
clearInterval(ticker);
for (const { target, index, what } of findings) {
  tell(`FOUND in ${target}: ${what}`);
  tell(`  again: npm run fuzz -- --target ${target} --seed ${seed} --case ${index}`);
}
for (const what of missed) tell(`NOT FOUND: ${what}`);
tell(
  `${done} cases in ${Math.round((performance.now() - began) / 1000)} s, ${findings.length} findings, seed ${seed}`,
);
process.exit(findings.length + missed.length > 0 ? 1 : 0);
