/**
 * Instances that come, go and come back under steady load: workers of one command, names in the group, and that only
 * the partitions that move stand still for a moment. test/fault/scale-out.test.ts measures the pauses.
 */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { eventually } from '../support/stack.ts';
import { PauseRun, assigned } from '../support/pause-run.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import type { RunningInstance } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';

const TOPIC = 'clinical.patients';
const PARTITIONS = 4;
/** So long that no machine takes it to start a process: whoever is back before has not waited for it. */
const SESSION_MS = 60_000;
const LONG_SESSION = `limits: { sessionTimeoutMs: ${SESSION_MS} }`;
/** More than a partition that nobody touches stands still, on a machine that has other work too. */
const STILL_MS = 5_000;

let site: TestSite;
let run: PauseRun | null = null;

afterEach(async () => {
  await (run ?? site).close();
  run = null;
});

/** Numbers of partitions that a worker was given, one for each assignment. */
function given(instance: RunningInstance, worker: number): number[] {
  return linesOf(instance, 'partitions assigned')
    .filter((line) => line['worker'] === worker)
    .map(({ count }) => Number(count));
}

function linesOf(instance: RunningInstance, message: string): Record<string, unknown>[] {
  return instance.log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(`"msg":"${message}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Processes that a process has started, in no order. */
function childrenOf({ process: { pid } }: RunningInstance): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** Everything that was sent is there once, in order, and on record. */
async function expectTruth(of: TestSite, lanes: readonly LaneReport[]): Promise<void> {
  const truth = await siteTruth(of, lanes);
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
}

test('two workers share a topic, show themselves at one port, and one that is killed is started again and said to be', async () => {
  site = await TestSite.make({ topics: [TOPIC], partitions: PARTITIONS, config: LONG_SESSION });
  const first = await site.feed(generateHospital({ patients: 20, seed: 41 }));
  await site.apply();
  const both = site.run('topology', [], ['--workers', '2', '--instance-id', 'blue']);
  await until(() => given(both, 0).at(-1) === 2 && given(both, 1).at(-1) === 2);
  // Whoever was there first may have done all that was there; of what comes now, each has its share.
  const fed = first + (await site.feed(generateHospital({ patients: 60, seed: 42 })));
  await site.caughtUp();
  const [{ host, port }] = linesOf(both, 'metrics and health are served') as [{ host: string; port: number }];
  const get = async (path: string): Promise<string> =>
    await (await fetch(`http://${host}:${port}${path}`)).text();
  const ready = { ready: true, parts: { 'worker 0': 'ok', 'worker 1': 'ok' } };
  expect(JSON.parse(await get('/readyz'))).toEqual(ready);
  await eventually(async () => {
    const published = [
      ...(await get('/metrics')).matchAll(/^phi_records_total\{.*published.*worker="([01])"\} (\d+)$/gm),
    ];
    const people = published.filter(([line]) => !line.includes('"index"'));
    expect(new Set(people.map(([, worker]) => worker)).size).toBe(2);
    expect(people.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(fed * AUDIENCES.length);
  });
  expect(await get('/metrics')).toContain('gauze_workers 2\n');

  const shares = [0, 1].map((worker) => given(both, worker).length);
  const before = childrenOf(both);
  process.kill(before[0]!, 'SIGKILL');
  await until(() => childrenOf(both).length === 2 && !childrenOf(both).includes(before[0]!));
  expect(linesOf(both, 'worker ended and is started again')).toMatchObject([{ outcome: 'SIGKILL' }]);
  await eventually(async () => expect(JSON.parse(await get('/readyz'))).toEqual(ready), 60_000);
  expect(await get('/metrics')).toMatch(/^gauze_worker_restarts_total\{worker="[01]"\} 1$/m);
  // Back under its name it has what it had: the other one has heard nothing of it.
  const heard = [0, 1].map((worker) => given(both, worker).slice(shares[worker]));
  expect(heard.toSorted((a, b) => a.length - b.length)).toEqual([[], [2]]);

  const workers = childrenOf(both);
  expect(await both.end('SIGTERM')).toBe(0);
  expect(linesOf(both, 'instance stopped')).toHaveLength(2);
  for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await expectTruth(site, await site.caughtUp());
}, 300_000);

test('an instance that comes takes only what evenness gives it; one that is back under its name takes nothing; of two of one name the earlier ends', async () => {
  run = await PauseRun.start(PARTITIONS, LONG_SESSION);
  const blue = run.add('--instance-id', 'blue');
  await run.shared();
  let green = blue;
  const came = await run.during(() => {
    green = run!.add('--instance-id', 'green');
  });
  expect([came.moved, came.stayed].map(({ length }) => length)).toEqual([2, 2]);
  // What stays never waits for the group: its lanes run through the rebalance.
  expect(Math.max(...came.stayed)).toBeLessThan(STILL_MS);

  const heard = assigned(green).length;
  let again = blue;
  const back = await run.during(async () => {
    await run!.end(blue, 'SIGKILL');
    again = run!.add('--instance-id', 'blue');
  });
  expect([back.moved, back.stayed].map(({ length }) => length)).toEqual([2, 2]);
  expect(Math.max(...back.stayed)).toBeLessThan(STILL_MS);
  // It did not have to wait until the session of the killed one was over, and nobody else heard of it.
  expect(Math.max(...back.moved)).toBeLessThan(SESSION_MS);
  expect(assigned(green)).toHaveLength(heard);

  await run.during(async () => {
    run!.add('--instance-id', 'blue');
    await until(() => again.process.exitCode !== null);
    await run!.end(again, 'SIGKILL');
  });
  expect([again.process.exitCode, again.log.match(/ERR_RUN_INSTANCE_REPLACED/g)?.length]).toEqual([1, 1]);
  await expectTruth(run.site, await run.finish());
}, 300_000);
