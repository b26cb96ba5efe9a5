/**
 * Instances that come, go and come back under steady load: workers of one command, names in the group, and that only
 * the partitions that move stand still for a moment. test/fault/scale-out.test.ts measures the pauses.
 */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { eventually } from '../support/stack.ts';
import { SteadyFeed } from '../support/steady-feed.ts';
import { AUDIENCES, TestSite } from '../support/test-site.ts';
import type { RunningInstance } from '../support/test-site.ts';
import { siteTruth } from '../support/verify-site.ts';
import { VisibleGaps } from '../support/visible-gaps.ts';

const TOPIC = 'clinical.patients';
const PARTITIONS = 4;

let site: TestSite;
let closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
  await site?.close();
});

/** Numbers of partitions that an instance or a worker was given, one for each assignment. */
function assigned(instance: RunningInstance, worker?: number): number[] {
  return linesOf(instance, 'partitions assigned', worker).map(({ count }) => Number(count));
}

function linesOf(instance: RunningInstance, message: string, worker?: number): Record<string, unknown>[] {
  return instance.log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(`"msg":"${message}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => worker === undefined || line['worker'] === worker);
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
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

/** Load on every partition, and somebody who reads along. */
async function underLoad(): Promise<{ feed: SteadyFeed; gaps: VisibleGaps }> {
  const feed = await SteadyFeed.start(site, { topic: TOPIC, partitions: PARTITIONS, everyMs: 50 });
  closing.push(async () => await feed.stop());
  const gaps = await VisibleGaps.start(site.sanitized(TOPIC, 'research'), PARTITIONS);
  closing.push(async () => await gaps.close());
  return { feed, gaps };
}

/** Everything that was sent is there once, in order, and on record. */
async function expectTruth(): Promise<void> {
  const truth = await siteTruth(site, await site.caughtUp());
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
}

test('two workers share a topic, show themselves at one port, and one that is killed is started again and said to be', async () => {
  site = await TestSite.make({ topics: [TOPIC], partitions: PARTITIONS });
  const fed = await site.feed(generateHospital({ patients: 60, seed: 41 }));
  await site.apply();
  const both = site.run('topology', '--workers', '2', '--instance-id', 'blue');
  await until(() => assigned(both, 0).at(-1) === 2 && assigned(both, 1).at(-1) === 2);
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

  const before = childrenOf(both);
  process.kill(before[0]!, 'SIGKILL');
  await until(() => childrenOf(both).length === 2 && !childrenOf(both).includes(before[0]!));
  expect(linesOf(both, 'worker ended and is started again')).toMatchObject([{ outcome: 'SIGKILL' }]);
  await eventually(async () => expect(JSON.parse(await get('/readyz'))).toEqual(ready), 20_000);
  expect(await get('/metrics')).toMatch(/^gauze_worker_restarts_total\{worker="[01]"\} 1$/m);
  // Back under its name it has what it had: nobody was given anything else in between.
  expect([...assigned(both, 0), ...assigned(both, 1)].filter((count) => count > 2 && count < 4)).toEqual([]);

  const workers = childrenOf(both);
  expect(await both.end('SIGTERM')).toBe(0);
  expect(linesOf(both, 'instance stopped')).toHaveLength(2);
  for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  site.run();
  await expectTruth();
}, 90_000);
