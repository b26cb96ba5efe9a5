/**
 * How long each partition stands still when instances come, go, die, come back under their name, or are all restarted one
 * after the other, under steady load of a record every 50 ms in each partition. Prints a row for each change: how many
 * partitions moved and how many stayed, with their shortest and longest pause in milliseconds.
 */
import { afterAll, expect, test } from '@jest/globals';
import { PauseRun } from '../support/pause-run.ts';
import type { Change } from '../support/pause-run.ts';
import { siteTruth } from '../support/verify-site.ts';

const PARTITIONS = 8;
/** The default of limits.sessionTimeoutMs. */
const SESSION_MS = 10_000;
/** What a take-over may last beyond the session of the killed one. */
const TAKE_OVER_MS = 3_000;
const RESTART_MS = 3_000;

let run: PauseRun | undefined;

afterAll(async () => {
  await run?.close();
});

const longest = (times: readonly number[]): number => Math.max(0, ...times);

function tell(what: string, { moved, stayed }: Change): void {
  const cell = (times: readonly number[]): string =>
    times.length === 0
      ? 'none'
      : `${times.length}: ${Math.round(Math.min(...times))} to ${Math.round(longest(times))}`;
  process.stdout.write(`| ${what} | ${cell(moved)} | ${cell(stayed)} |\n`);
}

test('adding, removing, killing and upgrading instances stops only what moves, and not for long', async () => {
  run = await PauseRun.start(PARTITIONS);
  const change = async (what: string, act: () => Promise<void> | void): Promise<Change> => {
    const seen = await run!.during(act);
    tell(what, seen);
    return seen;
  };
  const first = run.add();
  await run.shared();
  let second = first;
  const came = await change('an instance comes', () => {
    second = run!.add();
  });
  expect([came.moved, came.stayed].map(({ length }) => length)).toEqual([4, 4]);
  const left = await change('an instance ends in order', async () => await run!.end(second, 'SIGTERM'));
  expect([left.moved, left.stayed].map(({ length }) => length)).toEqual([4, 4]);
  await run.during(() => {
    second = run!.add();
  });
  const killed = await change('an instance is killed', async () => await run!.end(second, 'SIGKILL'));
  expect([killed.moved, killed.stayed].map(({ length }) => length)).toEqual([4, 4]);
  expect(longest(killed.moved)).toBeLessThan(SESSION_MS + TAKE_OVER_MS);

  // From here on with names: they come, then those without one go.
  let [blue, green] = [run.add('--instance-id', 'blue'), run.add('--instance-id', 'green')];
  await run.shared();
  await run.end(first, 'SIGTERM');
  await run.shared();
  const restarted = await change('a named instance is restarted in order', async () => {
    await run!.end(blue, 'SIGTERM');
    blue = run!.add('--instance-id', 'blue');
  });
  const back = await change('a named instance is killed and started again', async () => {
    await run!.end(green, 'SIGKILL');
    green = run!.add('--instance-id', 'green');
  });
  for (const { moved, stayed } of [restarted, back]) {
    expect([moved, stayed].map(({ length }) => length)).toEqual([4, 4]);
    expect(longest(moved)).toBeLessThan(RESTART_MS);
  }
  const upgraded = await change('all are restarted, one after the other, named', async () => {
    await run!.end(blue, 'SIGTERM');
    blue = run!.add('--instance-id', 'blue');
    await run!.shared();
    await run!.end(green, 'SIGTERM');
    green = run!.add('--instance-id', 'green');
  });
  expect(upgraded.moved).toHaveLength(PARTITIONS);
  expect(longest(upgraded.moved)).toBeLessThan(RESTART_MS);
  for (const { stayed } of [came, left, killed, restarted, back]) expect(longest(stayed)).toBeLessThan(1_000);

  const truth = await siteTruth(run.site, await run.finish());
  expect(truth.sequenceFaults).toEqual([]);
  expect(truth.auditFaults).toEqual([]);
}, 600_000);
