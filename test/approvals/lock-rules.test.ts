import { describe, expect, test } from '@jest/globals';
import { patientLock } from '../../approvals/locks.ts';
import type { LockTarget } from '../../schemas/access-codecs.ts';
import {
  accepted,
  ANA,
  BEN,
  bodyOf,
  CLEO,
  DORA,
  EMERGENCY,
  EMIL,
  human,
  person,
  scopeOf,
  SERVICE,
  STRANGER,
  SYSTEM,
  TestLog,
  types,
} from './access-fixture.ts';

const TOUCHING: readonly (readonly [LockTarget, string])[] = [
  ['PERSON', 'ana'],
  ['PERSON', 'owner'],
  ['PRINCIPAL', 'User:ana'],
  ['TOPIC', 'clinical.encounters'],
  ['TOPIC', 'ab'.repeat(16)],
  ['TAG', 'PHI_MRN'],
  ['PATIENT', person(2).toString('hex')],
];
const NOT_TOUCHING: readonly (readonly [LockTarget, string])[] = [
  ['PERSON', 'User:ana'],
  ['PERSON', 'ben'],
  ['PRINCIPAL', 'ana'],
  ['TOPIC', 'clinical'],
  ['TAG', 'PHI_SSN'],
  ['PATIENT', person(3).toString('hex')],
];

describe('a lock', () => {
  test.each(TOUCHING)(
    'on %s %s suspends each grant that it touches at once, at any step',
    (target, value) => {
      const log = new TestLog();
      const ids = [log.scheduled(), log.active(), log.scheduled()];
      accepted(log.order(ids[2]!));
      const verdict = accepted(log.lock(target, value));
      expect(types(verdict)).toEqual([
        'lock.placed',
        'grant.suspended',
        'grant.suspended',
        'grant.suspended',
      ]);
      for (const id of ids) expect(log.of(id)).toMatchObject({ state: 'SUSPENDED', cause: 'LOCK' });
      expect(log.ask().code).toBe('ERR_ACCESS_LOCKED');
      expect(log.ask(bodyOf(scopeOf(), EMERGENCY)).code).toBe('ERR_ACCESS_LOCKED');
      for (const id of ids) expect(log.grant('RESUMED', id, EMIL).code).toBe('ERR_ACCESS_LOCKED');
      expect(log.order(ids[0]!).code).toBe('ERR_ACCESS_STATE');
    },
  );

  test.each(NOT_TOUCHING)('on %s %s leaves alone what it does not touch', (target, value) => {
    const log = new TestLog();
    const id = log.active();
    expect(types(accepted(log.lock(target, value)))).toEqual(['lock.placed']);
    expect(log.of(id).state).toBe('ACTIVE');
    expect(log.ask().outcome).toBe('ACCEPTED');
  });

  test('on a patient touches grants that name nobody, because they may be about anybody', () => {
    const log = new TestLog();
    const id = log.active(bodyOf(scopeOf({ persons: null })));
    accepted(log.lock('PATIENT', person(9).toString('hex')));
    expect(log.of(id).state).toBe('SUSPENDED');
    expect(log.ask(bodyOf(scopeOf({ persons: null }))).code).toBe('ERR_ACCESS_LOCKED');
  });

  test('on a patient touches each grant that names any id of the person in any key epoch', () => {
    const locked = patientLock([
      { epoch: 2, token: person(8) },
      { epoch: 1, token: person(2) },
      { epoch: 1, token: person(7) },
    ]);
    for (const [scope, isTouched] of [
      [{ persons: [person(1), person(2)], token_epoch: 1 }, true],
      [{ persons: [person(1), person(3)], token_epoch: 1 }, false],
      [{ persons: [person(8)], token_epoch: 2 }, true],
      // Made after the lock, under a key that it knows no token of: it may be about the patient.
      [{ persons: [person(1)], token_epoch: 3 }, true],
    ] as const) {
      const log = new TestLog();
      const id = log.active(bodyOf(scopeOf(scope)));
      const lock = accepted(log.lock('PATIENT', locked));
      expect(log.of(id).state).toBe(isTouched ? 'SUSPENDED' : 'ACTIVE');
      expect(log.ask(bodyOf(scopeOf(scope))).outcome).toBe(isTouched ? 'REFUSED' : 'ACCEPTED');
      expect(types(lock)).toContain('lock.placed');
    }
  });

  test('on a person cancels what they have asked for, and no more than that', () => {
    const log = new TestLog();
    const [own, others] = [
      log.pending(),
      log.pending(bodyOf(scopeOf(), { beneficiary_owner: 'x' }), STRANGER),
    ];
    const verdict = accepted(log.lock('PERSON', 'ana'));
    expect(types(verdict)).toEqual(['lock.placed', 'request.cancelled']);
    expect(log.request(own)).toMatchObject({ state: 'CANCELLED' });
    expect(log.request(others).state).toBe('PENDING');
  });

  test('on a person whose request has expired meanwhile lets it be expired', () => {
    const log = new TestLog();
    const id = log.pending();
    log.nowMs = log.request(id).pendingUntilMs;
    expect(types(accepted(log.lock('PERSON', 'ana')))).toEqual(['lock.placed', 'request.expired']);
  });

  test('finds a grant whose time is over ended, not suspended', () => {
    const log = new TestLog();
    const id = log.active();
    log.nowMs = log.of(id).not_after;
    expect(types(accepted(log.lock('TOPIC', 'clinical.encounters')))).toEqual([
      'lock.placed',
      'grant.ending',
    ]);
  });

  test('keeps a locked person from deciding, resuming, reviewing and lifting locks, not from giving access up', () => {
    const log = new TestLog();
    const [pending, active] = [log.pending(), log.active()];
    accepted(log.lock('PERSON', 'dora', EMIL, 'the-lock'));
    accepted(log.lock('PERSON', 'ben', EMIL));
    expect(log.approve(pending, BEN).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.deny(pending, DORA).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.unlock('the-lock', DORA).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.lock('PERSON', 'emil', DORA).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.grant('RESUMED', active, DORA).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.grant('REVIEWED', active, DORA, { justified: true }).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.ask(undefined, human('dora', 'privacy-officers')).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.grant('REVOKED', active, DORA).outcome).toBe('ACCEPTED');
  });

  test('is placed and lifted by privacy officers in person', () => {
    const log = new TestLog();
    for (const by of [ANA, BEN, human('root', 'admin', 'operators')])
      expect(log.lock('TOPIC', 't', by).code).toBe('ERR_ACCESS_ROLE');
    for (const by of [SYSTEM, SERVICE]) expect(log.lock('TOPIC', 't', by).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.lock('TOPIC', 't', { ...DORA, on_behalf_of: 'x' }).code).toBe('ERR_ACCESS_DELEGATE');
    expect(log.state.locks.size).toBe(0);
    const { lockId } = accepted(log.lock('TOPIC', 't', DORA));
    expect(log.unlock(lockId, CLEO).code).toBe('ERR_ACCESS_ROLE');
    expect(log.state.locks.get(lockId)).toMatchObject({
      target: 'TOPIC',
      value: 't',
      by: 'dora',
      atMs: log.nowMs - 60_000,
    });
    expect(accepted(log.unlock(lockId, EMIL))).toMatchObject({
      state: 'LIFTED',
      requestId: null,
      grantId: null,
    });
    expect(log.unlock(lockId, EMIL)).toMatchObject({ code: 'ERR_ACCESS_UNKNOWN', state: null });
  });

  test('says what it locks, under an id of its own', () => {
    const log = new TestLog();
    expect(log.put('LOCKED', DORA).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(log.put('UNLOCKED', DORA).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    for (const [target, value] of [
      ['TOPIC', ''],
      ['PATIENT', 'MRN-1'],
      ['PATIENT', 'AB'.repeat(8)],
    ] as const)
      expect(log.lock(target, value).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    accepted(log.lock('TOPIC', 't', DORA, 'one'));
    expect(log.lock('TOPIC', 'u', DORA, 'one')).toMatchObject({
      code: 'ERR_ACCESS_ID_USED',
      state: 'PLACED',
    });
    expect(log.state.locks.get('one')?.value).toBe('t');
  });

  test('that is lifted resumes nothing, and what another lock touches stays locked', () => {
    const log = new TestLog();
    const id = log.active();
    const [one, two] = [log.lock('TOPIC', 'clinical.encounters'), log.lock('TOPIC', 'clinical.encounters')];
    accepted(log.unlock(one.lockId));
    expect(log.of(id).state).toBe('SUSPENDED');
    expect(log.grant('RESUMED', id, EMIL).code).toBe('ERR_ACCESS_LOCKED');
    expect(log.ask().code).toBe('ERR_ACCESS_LOCKED');
    accepted(log.unlock(two.lockId));
    expect(log.of(id).state).toBe('SUSPENDED');
    expect(accepted(log.grant('RESUMED', id, EMIL)).state).toBe('ACTIVE');
    expect(log.ask().outcome).toBe('ACCEPTED');
  });
});
