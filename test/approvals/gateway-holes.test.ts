/**
 * What the best-known gateway gets wrong (reference: its holes), as far as the state of requests and grants decides it.
 */
import { describe, expect, test } from '@jest/globals';
import {
  accepted,
  ANA,
  BEN,
  bodyOf,
  BOTH,
  CLEO,
  DORA,
  EMIL,
  HOUR,
  human,
  MINUTE,
  scopeOf,
  START,
  SYSTEM,
  TestLog,
} from './access-fixture.ts';

describe('what others get wrong', () => {
  test('one person in both groups of approvers fills one place, not two', () => {
    const log = new TestLog();
    const id = log.pending();
    accepted(log.approve(id, BOTH));
    expect(log.approve(id, BOTH).outcome).toBe('REFUSED');
    expect(log.request(id)).toMatchObject({ state: 'PENDING', votes: [{ human: 'both', stage: 0 }] });
    expect(log.state.grants.size).toBe(0);
  });

  test('more people than asked for satisfy a stage: it is reached by at least as many, not by exactly as many', () => {
    const log = new TestLog();
    const stages = ['a', 'b', 'c'].map((role) => ({ role, count: 1 }));
    const id = log.pending(bodyOf(scopeOf(), { stages: [...stages, { role: 'a', count: 1 }] }));
    const [x, y, z] = ['x', 'y', 'z'].map((name) => human(name, 'a', 'b', 'c'));
    for (const by of [x!, y!, z!]) accepted(log.approve(id, by));
    expect(log.request(id)).toMatchObject({ state: 'PENDING', stage: 3 });
    expect(log.approve(id, human('w', 'a')).state).toBe('APPROVED');
    const twice = log.pending(bodyOf(scopeOf(), { stages: [{ role: 'a', count: 2 }] }));
    accepted(log.approve(twice, x!));
    accepted(log.lock('PERSON', 'x'));
    accepted(log.approve(twice, y!));
    expect(log.approve(twice, z!).state).toBe('APPROVED');
  });

  test('a further approval of what is approved changes nothing, above all not its end', () => {
    const log = new TestLog();
    const id = log.active();
    const before = log.of(id);
    for (const by of [CLEO, EMIL, BEN, DORA])
      expect(log.approve(id, by)).toMatchObject({ outcome: 'REFUSED', state: 'APPROVED', transitions: [] });
    expect(log.of(id)).toBe(before);
  });

  test('no role lets anybody approve what they asked for themselves', () => {
    const log = new TestLog();
    const admin = human('admin', 'admin', 'operators', 'data-owners', 'privacy-officers');
    const id = log.pending(undefined, admin);
    expect(log.approve(id, admin).code).toBe('ERR_ACCESS_SELF');
    accepted(log.approve(id, BEN));
    expect(log.approve(id, admin).code).toBe('ERR_ACCESS_SELF');
    expect(log.request(id).votes).toHaveLength(1);
  });

  test.each([
    ['approve', 'deny'],
    ['deny', 'approve'],
    ['approve', 'withdraw'],
    ['withdraw', 'approve'],
  ])('of %s and %s at the same time the first in the log wins, and the other is told', (first, second) => {
    const log = new TestLog();
    const id = log.pending();
    accepted(log.approve(id, BEN));
    const act = (what: string) => {
      if (what === 'approve') return log.approve(id, DORA);
      return what === 'deny' ? log.deny(id, EMIL) : log.put('WITHDRAWN', ANA, { request_id: id });
    };
    const won = accepted(act(first));
    const lost = act(second);
    expect(won.state).toBe({ approve: 'APPROVED', deny: 'DENIED', withdraw: 'WITHDRAWN' }[first]);
    expect(lost).toMatchObject({
      outcome: 'REFUSED',
      code: 'ERR_ACCESS_LATE',
      state: won.state,
      transitions: [],
    });
    expect(log.state.grants.size).toBe(first === 'approve' ? 1 : 0);
  });

  test('a request that nobody decides about expires', () => {
    const log = new TestLog();
    const id = log.pending();
    log.nowMs = log.request(id).pendingUntilMs;
    accepted(log.put('EXPIRED', SYSTEM, { request_id: id }));
    expect(log.request(id).state).toBe('EXPIRED');
    expect(log.approve(id, BEN)).toMatchObject({ outcome: 'REFUSED', state: 'EXPIRED' });
  });

  test('the end is set once: using it late, suspending or doing it all over again gives no fresh time', () => {
    const log = new TestLog();
    const id = log.active();
    const { not_after: end } = log.of(id);
    log.nowMs = end - 10 * MINUTE;
    expect(log.order(id).outcome).toBe('REFUSED');
    expect(log.provision(id).outcome).toBe('REFUSED');
    accepted(log.grant('SUSPENDED', id, SYSTEM));
    accepted(log.grant('RESUMED', id, DORA));
    expect(log.of(id)).toMatchObject({ state: 'ACTIVE', not_after: end });
    log.nowMs = end;
    expect(log.grant('RESUMED', id, DORA).state).toBe('ENDING');
  });

  test('revoking stops what is live, in that entry and not at some later time', () => {
    const log = new TestLog();
    const id = log.active();
    const verdict = accepted(log.grant('REVOKED', id, ANA));
    expect(verdict.transitions).toMatchObject([
      { type: 'grant.revoking', grantId: id, from: 'ACTIVE', to: 'REVOKING' },
    ]);
    expect(log.of(id)).toMatchObject({ state: 'REVOKING', access_offset: verdict.offset });
  });

  test('grants stand beside each other: the end of one neither revives nor hides another', () => {
    const log = new TestLog();
    const [old, current] = [log.active(), log.active()];
    accepted(log.grant('REVOKED', old, ANA));
    expect(log.of(current).state).toBe('ACTIVE');
    const newest = log.active();
    accepted(log.grant('REVOKED', newest, ANA));
    expect([old, current, newest].map((id) => log.of(id).state)).toEqual(['REVOKING', 'ACTIVE', 'REVOKING']);
    accepted(log.grant('REMOVED', newest, SYSTEM));
    expect([old, current, newest].map((id) => log.of(id).state)).toEqual(['REVOKING', 'ACTIVE', 'REVOKED']);
  });

  test('nobody gets anything without saying why', () => {
    const log = new TestLog();
    for (const reason of [null, '', '   '])
      expect(log.ask(undefined, ANA, { reason }).code).toBe('ERR_ACCESS_REASON_MISSING');
    expect(log.state.requests.size).toBe(0);
  });

  test('a window over midnight is open on both sides of it', () => {
    const night = { zone: 'UTC', days: [4], from_minute: 22 * 60, to_minute: 6 * 60 };
    const body = bodyOf(scopeOf({ window: night, duration_ms: 2 * HOUR }), { activation_ms: 24 * HOUR });
    for (const [hour, ends] of [
      [23, 25],
      [25, 27],
      [29, 30],
    ] as const) {
      const log = new TestLog();
      const id = log.scheduled(body);
      expect(log.order(id).code).toBe('ERR_ACCESS_WINDOW');
      log.nowMs = START + (hour - 10) * HOUR - 2 * MINUTE;
      log.activate(id);
      expect(log.of(id)).toMatchObject({ state: 'ACTIVE', not_after: START + (ends - 10) * HOUR });
    }
  });
});
