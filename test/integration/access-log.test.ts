import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { AccessLog } from '../../approvals/access-log.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import { GrantsSession } from '../../approvals/grants-session.ts';
import { TransactionalProducer } from '../../kafka/transactional-producer.ts';
import { GauzeError, ownError } from '../../platform/errors.ts';
import { AccessPlane, append, human, requestOf, scopeOf, SYSTEM } from '../support/access-plane.ts';
import { eventually } from '../support/stack.ts';

const plane = new AccessPlane();
beforeAll(async () => await plane.start());
afterAll(async () => await plane.close());

const alice = human('alice', 'clinicians');
const carol = human('carol', 'data-owners');
const dan = human('dan', 'privacy-officers');
const newId = () => randomBytes(8).toString('hex');

async function submitted(log: AccessLog, id = newId()): Promise<string> {
  const verdict = await append(log, {
    kind: 'REQUESTED',
    by: alice,
    request_id: id,
    reason: 'follow-up of readmissions',
    request: requestOf(scopeOf()),
  });
  expect(verdict).toMatchObject({ outcome: 'ACCEPTED', state: 'PENDING' });
  return id;
}

function decision(id: string, approve = true) {
  const scope_sha256 = requestOf(scopeOf()).scope_sha256;
  return {
    kind: 'DECIDED' as const,
    request_id: id,
    reason: 'seen and understood',
    decision: { approve, scope_sha256, narrowed: null, narrowed_sha256: null },
  };
}

async function approved(log: AccessLog, id: string): Promise<void> {
  await append(log, { ...decision(id), by: carol });
  expect(await append(log, { ...decision(id), by: dan })).toMatchObject({
    outcome: 'ACCEPTED',
    state: 'APPROVED',
  });
}

describe('AccessLog', () => {
  test('tells whoever appends what became of the entry, and every instance the same state', async () => {
    const [one, two] = [await plane.log(), await plane.log()];
    const id = await submitted(one);
    await approved(two, id);
    await two.caughtUp(new AbortController().signal);
    await one.caughtUp(new AbortController().signal);
    expect(one.state.requests.get(id)).toEqual(two.state.requests.get(id));
    expect(one.state.grants.get(id)?.grant.state).toBe('SCHEDULED');
  });

  test('gives each race exactly one winner: approve against deny, against withdraw, and a double click', async () => {
    const [one, two] = [await plane.log(), await plane.log()];
    const pairs = 3_000;
    const wonBy = [0, 0];
    const race = async (n: number): Promise<void> => {
      const id = await submitted(one);
      await append(one, { ...decision(id), by: carol });
      const rivals: Promise<Verdict>[] = [append(one, { ...decision(id), by: dan })];
      if (n % 3 === 0) rivals.push(append(two, { ...decision(id, false), by: human('eve', 'data-owners') }));
      if (n % 3 === 1) rivals.push(append(two, { kind: 'WITHDRAWN', by: alice, request_id: id }));
      if (n % 3 === 2) rivals.push(append(two, { ...decision(id), by: dan }));
      const verdicts = await Promise.all(rivals);
      expect(verdicts.filter(({ outcome }) => outcome === 'ACCEPTED')).toHaveLength(1);
      wonBy[verdicts.findIndex(({ outcome }) => outcome === 'ACCEPTED')]! += 1;
    };
    let next = 0;
    const runner = async (): Promise<void> => {
      while (next < pairs) await race(next++);
    };
    await Promise.all(Array.from({ length: 200 }, runner));
    // Real races: each side won some of them.
    expect(Math.min(...wonBy)).toBeGreaterThan(0);
    await one.caughtUp(new AbortController().signal);
    await two.caughtUp(new AbortController().signal);
    expect([...one.state.requests.values()].map(({ state }) => state)).toEqual(
      [...two.state.requests.values()].map(({ state }) => state),
    );
  });

  test('counts an entry once that is appended again after a doubtful outcome', async () => {
    const log = await plane.log();
    const id = newId();
    const entry = {
      kind: 'REQUESTED' as const,
      entry_id: randomBytes(16),
      by: alice,
      request_id: id,
      reason: 'follow-up of readmissions',
      request: requestOf(scopeOf()),
    };
    expect(await append(log, entry)).toMatchObject({ outcome: 'ACCEPTED' });
    expect(await append(log, entry)).toMatchObject({ outcome: 'DUPLICATE', requestId: id, state: 'PENDING' });
    expect((await plane.entries()).filter(({ request_id }) => request_id === id)).toHaveLength(2);
  });

  test('goes on under its id when somebody else has taken it, without losing or doubling an entry', async () => {
    const log = await plane.log('contested');
    await submitted(log);
    await plane.plane.openTransaction(plane.names.approvalsTransactionalId('contested'));
    const id = await submitted(log);
    expect((await plane.entries()).filter(({ request_id }) => request_id === id)).toHaveLength(1);
  });
});

describe('LogAppender', () => {
  test('appends once where a commit has succeeded but its answer was lost', async () => {
    const log = await plane.log();
    const { prototype } = TransactionalProducer;
    const commit = Reflect.get(prototype, 'commit');
    const lost = jest.spyOn(prototype, 'commit').mockImplementationOnce(async function (
      this: TransactionalProducer,
      ...args
    ) {
      await commit.apply(this, args);
      throw new GauzeError('ERR_KAFKA_OUTCOME_UNKNOWN', {});
    });
    const id = await submitted(log);
    lost.mockRestore();
    const entries = (await plane.entries()).filter(({ request_id }) => request_id === id);
    const events = (await plane.events()).filter(({ ext }) => ext.some(({ v }) => v === id));
    expect({ entries: entries.length, events: events.length }).toEqual({ entries: 1, events: 1 });
  });
});

describe('the writer of grants', () => {
  // A log of its own: the races above have left tens of thousands of entries, each of which has an outcome to tell.
  const own = new AccessPlane();
  beforeAll(async () => await own.start());
  afterAll(async () => await own.close());

  test('publishes each grant with the entry that made it so, and one outcome event for each entry', async () => {
    const log = await own.log();
    const writer = await own.writer();
    const id = await submitted(log);
    await approved(log, id);
    const late = await append(log, { ...decision(id), by: human('eve', 'data-owners') });
    expect(late.outcome).toBe('REFUSED');
    await append(log, { kind: 'REVOKED', by: alice, grant_id: id, reason: 'done' });
    await eventually(async () => {
      const states = (await own.grants()).filter(({ grant_id }) => grant_id === id);
      expect(states.at(-1)?.state).toBe('REVOKED');
      const offsets = states.map(({ access_offset }) => access_offset);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    });
    await writer.stop();
    const next = await own.writer();
    const again = await submitted(log);
    await eventually(async () => {
      const told = (await own.events()).filter(({ request_id }) => request_id === again);
      expect(told.map(({ type }) => type)).toContain('request.submitted');
    });
    const outcomes = (await own.events()).filter(
      ({ request_id, type }) => request_id === id && !type.startsWith('test.'),
    );
    const places = outcomes.map(
      ({ type, ext }) => `${type} ${ext.find(({ k }) => k === 'access_offset')?.v}`,
    );
    expect(new Set(places).size).toBe(places.length);
    expect(outcomes.map(({ type }) => type)).toContain('decision.refused');
    await next.stop();
  });

  test('fences a writer that wakes up late, so that it puts no old state back', async () => {
    const log = await own.log();
    const zombie = new GrantsSession(own.common(await own.cluster()));
    const over = new AbortController();
    let endedBy: string | null = null;
    const ended = zombie.run(over.signal).catch((error: unknown) => {
      endedBy = ownError(error).code;
    });
    const id = await submitted(log);
    await approved(log, id);
    const published = async (): Promise<boolean> =>
      (await own.grants()).some(({ grant_id }) => grant_id === id);
    await eventually(async () => expect(await published()).toBe(true), 60_000);
    // Only now, when the first one surely has the id: whoever takes it later fences the other.
    const newer = new GrantsSession(own.common(await own.cluster()));
    const working = newer.run(over.signal).catch(() => undefined);
    await append(log, { kind: 'ACTIVATION_ORDERED', by: SYSTEM, grant_id: id });
    // It may have written this before it was fenced; it finds out with what it has to write next.
    await eventually(async () => {
      await submitted(log);
      expect(endedBy).not.toBeNull();
    }, 60_000);
    await ended;
    // What the broker answers to a writer that is late depends on how far its transaction had got.
    expect(['ERR_KAFKA_FENCED', 'ERR_KAFKA_ANSWER']).toContain(endedBy);
    over.abort();
    await working;
    zombie.close();
    newer.close();
    const versions = (await own.grants())
      .filter(({ grant_id }) => grant_id === id)
      .map(({ version }) => version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });
});
