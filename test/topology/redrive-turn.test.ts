/**
 * Whose turn it is to redrive a partition: a redrive that was away ends where another one has ordered since, whatever it
 * knows of its own order, and goes on where nobody has.
 */
import { expect, test } from '@jest/globals';
import { PolicyState } from '../../policy/policy-log.ts';
import type { PolicyLogEntry, RedriveOrderEntry } from '../../schemas/control-codecs.ts';
import { RedriveTurn } from '../../topology/redrive-turn.ts';

const LANE = { audience: 'research', topic: 'raw', partition: 1 };
const PRINCIPAL = 'User:gauze-topology';
const FOREVER = new AbortController().signal;

function orderOf(more: Partial<RedriveOrderEntry> = {}): RedriveOrderEntry {
  const about = { topic_id: '0a'.repeat(16), records: 1, code: null, from: null, to: null };
  return { ...LANE, ...about, by: PRINCIPAL, reason: '', ...more };
}

/** A log that anybody may append to; read only when asked to. */
function logWith(...entries: PolicyLogEntry[]) {
  const state = new PolicyState();
  const readToEnd = async (): Promise<void> => {
    for (const entry of entries.slice(state.endOffset)) state.fold(state.endOffset, entry);
    await Promise.resolve();
  };
  return { state, readToEnd, append: (entry: PolicyLogEntry) => void entries.push(entry) };
}

/** Somebody else's order, at another time than any of ours. */
const foreign = (more: Partial<RedriveOrderEntry> = {}): PolicyLogEntry => ({
  ...new RedriveTurn(logWith(), LANE).order(orderOf(more), PRINCIPAL),
  at: 17,
});

async function take(turn: RedriveTurn): Promise<void> {
  await turn.before(FOREVER);
  await turn.taken(FOREVER);
}

test('passes from whoever ordered before to who takes the id now, also where both met at it', async () => {
  const log = logWith(foreign());
  const turn = new RedriveTurn(log, LANE);
  await turn.before(FOREVER);
  log.append(foreign());
  await turn.taken(FOREVER);
  log.append(turn.order(orderOf(), PRINCIPAL));
  await log.readToEnd();
  expect(() => turn.assertOurs()).not.toThrow();
});

test('is still ours after an outage in which nobody ordered, known or not that our own order stands there', async () => {
  const log = logWith();
  const turn = new RedriveTurn(log, LANE);
  await take(turn);
  await take(turn);
  log.append(turn.order(orderOf(), PRINCIPAL));
  await take(turn);
  await expect(take(turn)).resolves.toBeUndefined();
});

test('is lost where somebody else has ordered since, before the id is taken back', async () => {
  const log = logWith();
  const turn = new RedriveTurn(log, LANE);
  await take(turn);
  log.append(turn.order(orderOf(), PRINCIPAL));
  log.append(foreign());
  await expect(turn.before(FOREVER)).rejects.toMatchObject({ code: 'ERR_REDRIVE_TAKEN_OVER', context: LANE });
});

test('is lost where somebody else orders between the look and the taking', async () => {
  const log = logWith();
  const turn = new RedriveTurn(log, LANE);
  await take(turn);
  await turn.before(FOREVER);
  log.append(foreign());
  await expect(turn.taken(FOREVER)).rejects.toMatchObject({ code: 'ERR_REDRIVE_TAKEN_OVER' });
});

test.each<[string, Partial<RedriveOrderEntry>]>([
  ['audience', { audience: 'billing' }],
  ['topic', { topic: 'other' }],
  ['partition', { partition: 0 }],
])('is not touched by an order for another %s', async (_, more) => {
  const log = logWith();
  const turn = new RedriveTurn(log, LANE);
  await take(turn);
  log.append(foreign(more));
  await expect(take(turn)).resolves.toBeUndefined();
});
