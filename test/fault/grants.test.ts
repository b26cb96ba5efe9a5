/**
 * Over a hundred grants at once, watched by a grantee who reads uncommitted: first undisturbed, then with every role
 * killed -9 and Redis killed, flushed and brought back old at each step of a request's life.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TopologyVerdict } from '../oracle/check-topology.ts';
import { checkSite } from '../oracle/site-check.ts';
import { grantTruth } from '../support/grant-oracle.ts';
import type { GrantTruth } from '../support/grant-oracle.ts';
import { FAULTS, GrantPlay, STEPS } from '../support/grant-run.ts';
import type { GrantRun, GrantRunOptions } from '../support/grant-run.ts';

const SEED = 20_260_105;
const PATIENTS = 400;

interface Told {
  readonly run: GrantRun;
  readonly truth: GrantTruth;
  /** Of everything beside grants: lanes, chains, index. */
  readonly verdict: TopologyVerdict;
}

const plays: GrantPlay[] = [];
let calm: Told;
let disturbed: Told;

async function told(options: Pick<GrantRunOptions, 'spacingMs' | 'withFaults'>): Promise<Told> {
  const play = await GrantPlay.start({ seed: SEED, patients: PATIENTS, ...options });
  plays.push(play);
  const run = await play.run();
  return { run, truth: await grantTruth(run), verdict: await checkSite(run.site) };
}

beforeAll(async () => {
  calm = await told({ spacingMs: 120, withFaults: false });
  disturbed = await told({ spacingMs: 850, withFaults: true });
  process.stdout.write(`${summary('undisturbed', calm)}${summary('disturbed', disturbed)}`);
}, 1_200_000);

afterAll(async () => {
  for (const play of plays) await play.close();
}, 60_000);

/** What it has come to, in a few lines: the figures are for people. */
function summary(name: string, { run, truth }: Told): string {
  const { played, faults, repeats } = run;
  const { appended, committed, leases, delivering, complete, cutOffsMs } = truth;
  const kills = faults.filter(({ fault }) => fault !== 'redis flushed').length;
  const sorted = cutOffsMs.toSorted((a, b) => a - b);
  return [
    `${name}: ${played.length} requests, ${truth.states.size} grants, ${delivering} delivered, ${complete} to the last record, ${truth.cutByTime} were cut by time`,
    `  ${kills} kills, ${faults.length - kills} flushes; ${repeats} calls of the API made again`,
    `  ${appended} records appended (${committed} committed) under ${leases} leases; ${truth.compared} values compared`,
    `  ${sorted.length} revocations while records flowed: last record ${middle(sorted)} ms after the answer at median, ${sorted.at(-1)} ms at most`,
    '',
  ].join('\n');
}

function middle(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

describe.each([
  ['undisturbed', () => calm],
  ['disturbed', () => disturbed],
])('over a hundred grants, %s', (_name, get) => {
  test('keep their ends, caps, fields, ranges, persons and keys, and are leased and audited, for all that was ever appended', () => {
    const { truth } = get();
    expect(truth.faults).toEqual([]);
    expect(truth.states.size).toBeGreaterThan(100);
    expect(truth.delivering).toBeGreaterThan(80);
    expect(truth.complete).toBeGreaterThan(0);
    expect(truth.cutByTime).toBeGreaterThan(0);
    expect(truth.appended).toBeGreaterThan(1_000);
    expect(truth.compared).toBeGreaterThan(20_000);
  });

  test('leave chains of events without a break, and lanes that have lost nothing', () => {
    const { verdict } = get();
    expect(verdict.findings).toEqual([]);
    expect(verdict.compared).toBeGreaterThan(1_000);
  });

  test('come to what people have decided', () => {
    const { run, truth } = get();
    const wrong = run.played.filter(({ request, state }) => ended(state) !== ended(request.end));
    expect(wrong).toEqual([]);
    for (const { id, state, request } of run.played)
      expect([request.name, truth.states.get(id) ?? state]).toEqual([request.name, state]);
  });

  test('are left by roles that end in order', () => {
    expect(get().run.exitCodes).toEqual([0, 0, 0]);
  });
});

/** Whether a cap or the minute came first is a matter of time. */
function ended(state: string): string {
  return state === 'EXHAUSTED' ? 'ENDED' : state;
}

test('each step of a request has met the kill of each role, and each fault of Redis', () => {
  const met = disturbed.run.faults.map(({ step, fault }) => `${step}: ${fault}`);
  expect(met.toSorted()).toEqual(
    STEPS.flatMap((step) => FAULTS.map((fault) => `${step}: ${fault}`)).toSorted(),
  );
  expect(disturbed.truth.appended).toBeGreaterThan(disturbed.truth.committed);
});

test('the disturbed run comes to the states of the undisturbed one', () => {
  const states = ({ run }: Told): unknown[] =>
    run.played.map(({ request, state }) => [request.name, ended(state)]);
  expect(states(disturbed)).toEqual(states(calm));
});

describe('a revocation while records flow', () => {
  test('lets the last record be appended within a second of the answer, at median', () => {
    const sorted = calm.truth.cutOffsMs.toSorted((a, b) => a - b);
    expect(sorted.length).toBeGreaterThanOrEqual(20);
    expect(middle(sorted)).toBeLessThan(1_000);
  });

  test('gives a Fetch that was waiting over it nothing but the news that the topic is gone', () => {
    const parked = calm.run.played.filter((each) => each.parked !== null);
    expect(parked.length).toBeGreaterThanOrEqual(5);
    for (const { parked: reader, revokedMs } of parked) {
      const last = reader!.answers.at(-1)!;
      expect([3, 100]).toContain(last.error);
      expect(last.appendsMs).toEqual([]);
      expect(last.answeredMs).toBeGreaterThan(revokedMs!);
      const late = reader!.answers
        .flatMap(({ appendsMs }) => appendsMs)
        .filter((ms) => ms > revokedMs! + 1_000);
      expect(late).toEqual([]);
    }
  });
});
