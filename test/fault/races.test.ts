/**
 * Ten thousand pairs of people who act on one request in the same moment, each on a service of its own: approve
 * against deny, approve against withdraw, a double click. One of them wins, and both services say the same.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { ApprovalsSite } from '../support/approvals-site.ts';
import type { RunningApprovals } from '../support/approvals-site.ts';

const PAIRS = 10_000;
const AT_ONCE = 40;

let it: ApprovalsSite;
let services: readonly RunningApprovals[];

beforeAll(async () => {
  const requestsPerMinute = 1_000_000;
  it = await ApprovalsSite.make({ topics: ['clinical.encounters'], requestsPerMinute });
  await it.site.feed(generateHospital({ patients: 5, seed: 1 }));
  await it.site.apply();
  services = [await it.start(), await it.start()];
}, 180_000);

afterAll(async () => await it.close());

interface Outcome {
  readonly id: string;
  readonly winner: number;
  readonly state: string;
}

async function decide(by: HospitalPerson, id: string, scopeHash: string, decision: string, on: number) {
  const body = { decision, scopeHash, reason: 'seen and understood' };
  const { url } = services[on]!;
  return await it.send(by, 'POST', `/v1/requests/${id}/decisions`, body, { url });
}

async function race(n: number): Promise<Outcome> {
  const asked = await it.send('alice', 'POST', '/v1/requests', it.question());
  expect(asked.status).toBe(201);
  const { id, scopeHash } = asked.body as { id: string; scopeHash: string };
  expect((await decide('carol', id, scopeHash, 'approve', 0)).status).toBe(200);
  // Which service hears the approval alternates, and which of the two requests is sent first.
  const [mine, theirs] = n % 2 === 0 ? [0, 1] : [1, 0];
  const rivals = [
    async () => await decide('carol', id, scopeHash, 'deny', theirs),
    async () =>
      await it.send('alice', 'POST', `/v1/requests/${id}/withdraw`, {}, { url: services[theirs]!.url }),
    async () => await decide('dan', id, scopeHash, 'approve', theirs),
  ];
  const approve = async () => await decide('dan', id, scopeHash, 'approve', mine);
  const rival = rivals[n % 3]!;
  const answers =
    n % 4 < 2
      ? await Promise.all([approve(), rival()])
      : (await Promise.all([rival(), approve()])).toReversed();
  const won = answers.map(({ status }) => status === 200);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  const winner = won.indexOf(true);
  return { id, winner, state: winner === 0 ? 'APPROVED' : ['DENIED', 'WITHDRAWN', 'APPROVED'][n % 3]! };
}

test(`${PAIRS} races at the API have one winner each, and both services tell the same`, async () => {
  const outcomes: Outcome[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < PAIRS) outcomes.push(await race(next++));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  expect(outcomes).toHaveLength(PAIRS);
  // Real races: each side has won many.
  const wins = [0, 1].map((side) => outcomes.filter(({ winner }) => winner === side).length);
  expect(Math.min(...wins)).toBeGreaterThan(PAIRS / 100);
  const told = await Promise.all(services.map(async ({ url }) => await states(url)));
  for (const { id, state } of outcomes)
    expect([id, told.map((each) => each.get(id))]).toEqual([id, [state, state]]);
}, 1_800_000);

/** Every request's state as a service tells it. */
async function states(url: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let before = ''; ;) {
    const page = await it.send('dan', 'GET', `/v1/requests?limit=500${before}`, undefined, { url });
    const { requests, next } = page.body as {
      requests: { id: string; state: string }[];
      next: number | null;
    };
    for (const { id, state } of requests) found.set(id, state);
    if (next === null) return found;
    before = `&before=${next}`;
  }
}
