import { describe, expect, test } from '@jest/globals';
import { ENTRY_ID_KEPT_MS, IDEMPOTENCY_KEY_KEPT_MS } from '../../approvals/remembered-entries.ts';
import { ownError } from '../../platform/errors.ts';
import {
  accepted,
  ANA,
  BEN,
  bodyOf,
  CLEO,
  DORA,
  EMERGENCY,
  MINUTE,
  scopeOf,
  SYSTEM,
  TestLog,
} from './access-fixture.ts';

describe('an entry that is appended twice', () => {
  test('counts once and is told the state that the first one was told', () => {
    const log = new TestLog();
    const entry_id = Buffer.alloc(16, 7);
    const first = log.ask(undefined, ANA, { entry_id });
    accepted(log.deny(first.requestId!, BEN));
    const before = structuredClone(log.request(first.requestId!));
    const again = log.ask(undefined, ANA, { entry_id });
    expect(again).toEqual({ ...first, offset: again.offset, outcome: 'DUPLICATE', transitions: [] });
    expect(again.offset).toBeGreaterThan(first.offset);
    expect(structuredClone(log.request(first.requestId!))).toEqual(before);
    expect(log.state.requests.size).toBe(1);
  });

  test('is told the refusal of the first', () => {
    const log = new TestLog();
    const id = log.pending();
    const entry_id = Buffer.alloc(16, 7);
    accepted(log.approve(id, BEN));
    expect(log.approve(id, BEN, undefined, { entry_id }).code).toBe('ERR_ACCESS_ALREADY_VOTED');
    expect(log.approve(id, BEN, undefined, { entry_id })).toMatchObject({
      outcome: 'DUPLICATE',
      code: 'ERR_ACCESS_ALREADY_VOTED',
      state: 'PENDING',
    });
  });

  test('is known for ten minutes of log time', () => {
    const log = new TestLog();
    const entry_id = Buffer.alloc(16, 7);
    accepted(log.ask(undefined, ANA, { entry_id }));
    const firstMs = log.nowMs;
    log.nowMs = firstMs + ENTRY_ID_KEPT_MS - MINUTE - 1;
    expect(log.ask(undefined, ANA, { entry_id }).outcome).toBe('DUPLICATE');
    log.nowMs = firstMs + ENTRY_ID_KEPT_MS - MINUTE;
    expect(log.ask(undefined, ANA, { entry_id }).outcome).toBe('ACCEPTED');
  });
});

describe('an idempotency key', () => {
  const key = { idempotency_key: 'k1' };

  test('gives its caller the first answer again, and nobody else', () => {
    const log = new TestLog();
    const first = accepted(log.ask(undefined, ANA, key));
    const again = log.ask(undefined, ANA, key);
    expect(again).toMatchObject({ outcome: 'DUPLICATE', requestId: first.requestId, state: 'PENDING' });
    const other = log.ask(undefined, CLEO, key);
    expect(other).toMatchObject({ outcome: 'ACCEPTED' });
    expect(other.requestId).not.toBe(first.requestId);
  });

  test('is known for a day of log time', () => {
    const log = new TestLog();
    accepted(log.ask(undefined, ANA, key));
    const firstMs = log.nowMs;
    log.nowMs = firstMs + IDEMPOTENCY_KEY_KEPT_MS - MINUTE - 1;
    expect(log.ask(undefined, ANA, key).outcome).toBe('DUPLICATE');
    log.nowMs = firstMs + IDEMPOTENCY_KEY_KEPT_MS - MINUTE;
    expect(log.ask(undefined, ANA, key).outcome).toBe('ACCEPTED');
  });

  test('is refused for something else, so that nobody takes the answer to another question for theirs', () => {
    const log = new TestLog();
    const [one, two] = [log.pending(), log.pending()];
    accepted(log.approve(one, BEN, undefined, key));
    expect(log.approve(one, BEN, undefined, key).outcome).toBe('DUPLICATE');
    const refused = { outcome: 'REFUSED', code: 'ERR_ACCESS_KEY_REUSED' };
    expect(log.approve(two, BEN, undefined, key)).toMatchObject(refused);
    expect(log.approve(one, BEN, scopeOf({ max_records: 1 }), key)).toMatchObject(refused);
    expect(log.decide(one, BEN, { approve: false }, key)).toMatchObject(refused);
    expect(log.ask(undefined, BEN, key)).toMatchObject(refused);
    expect(log.request(two).votes).toEqual([]);
    accepted(log.ask(undefined, ANA, key));
    expect(log.ask(bodyOf(scopeOf(), EMERGENCY), ANA, key)).toMatchObject(refused);
    expect(log.ask(bodyOf(scopeOf({ topic: 'other' })), ANA, key)).toMatchObject(refused);
  });

  test('tells locks apart by what they lock', () => {
    const log = new TestLog();
    const lock = { id: 'a', target: 'TOPIC', value: 't' } as const;
    accepted(log.put('LOCKED', DORA, { lock, ...key }));
    expect(log.put('LOCKED', DORA, { lock: { ...lock, id: 'b' }, ...key }).outcome).toBe('DUPLICATE');
    expect(log.put('LOCKED', DORA, { lock: { ...lock, value: 'u' }, ...key }).code).toBe(
      'ERR_ACCESS_KEY_REUSED',
    );
    const [x, y] = [log.lock('TOPIC', 'x'), log.lock('TOPIC', 'y')];
    const unlock = (id: string) =>
      log.put('UNLOCKED', DORA, { lock: { ...lock, id }, idempotency_key: 'k2' });
    expect([unlock(x.lockId), unlock(x.lockId), unlock(y.lockId)].map(({ outcome }) => outcome)).toEqual([
      'ACCEPTED',
      'DUPLICATE',
      'REFUSED',
    ]);
  });
});

test('a log that goes back is not folded on', () => {
  const log = new TestLog();
  const id = log.pending();
  const { offset, atMs, entry } = log.entries[0]!;
  for (const back of [offset, offset - 1]) {
    expect(codeOf(() => log.state.fold(back, atMs, entry))).toBe('ERR_ACCESS_LOG_ORDER');
  }
  expect(log.state.endOffset).toBe(offset + 1);
  expect(log.approve(id, SYSTEM).offset).toBe(offset + 3);
});

function codeOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    return ownError(error).code;
  }
}
