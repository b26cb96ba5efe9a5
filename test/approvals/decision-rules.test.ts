import { describe, expect, test } from '@jest/globals';
import { scopeHash } from '../../approvals/scope-hash.ts';
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
  OWNER,
  person,
  scopeOf,
  SERVICE,
  sha,
  STRANGER,
  SYSTEM,
  TestLog,
  types,
} from './access-fixture.ts';

const TWO_OWNERS = bodyOf(scopeOf(), {
  stages: [
    { role: 'data-owners', count: 2 },
    { role: 'privacy-officers', count: 1 },
  ],
});

describe('a decision', () => {
  test('of the last stage approves, and makes a grant with a time to be activated in', () => {
    const log = new TestLog();
    const id = log.pending();
    const first = log.approve(id, BEN);
    expect(first).toMatchObject({ outcome: 'ACCEPTED', state: 'PENDING' });
    expect(log.request(id)).toMatchObject({ stage: 1, state: 'PENDING' });
    const last = log.approve(id, DORA, undefined, { reason: 'needed for the round' });
    expect(last).toMatchObject({ outcome: 'ACCEPTED', state: 'APPROVED', grantId: id });
    expect(last.transitions.map(({ type, from, to }) => [type, from, to])).toEqual([
      ['decision.approved', 'PENDING', 'APPROVED'],
      ['grant.scheduled', null, 'SCHEDULED'],
    ]);
    expect(log.request(id)).toMatchObject({ stage: 2, state: 'APPROVED' });
    expect(log.request(id).votes).toMatchObject([
      { human: 'ben', stage: 0 },
      { human: 'dora', stage: 1, reason: 'needed for the round', offset: last.offset },
    ]);
    expect(log.of(id)).toMatchObject({
      grant_id: id,
      request_id: id,
      version: 1,
      access_offset: last.offset,
      state: 'SCHEDULED',
      requester: 'ana',
      approved_by: ['ben', 'dora'],
      emergency: false,
      activate_before: log.nowMs + 4 * HOUR,
      not_before: 0,
      not_after: 0,
      scope_sha256: scopeHash(scopeOf()),
    });
  });

  test('of one person too few leaves the stage open', () => {
    const log = new TestLog();
    const id = log.pending(TWO_OWNERS);
    accepted(log.approve(id, BEN));
    expect(log.request(id).stage).toBe(0);
    expect(log.approve(id, DORA).code).toBe('ERR_ACCESS_ROLE');
    accepted(log.approve(id, CLEO));
    expect(log.request(id).stage).toBe(1);
    expect(log.approve(id, DORA).state).toBe('APPROVED');
  });

  test('counts once over all stages, whatever roles a person has', () => {
    const log = new TestLog();
    const id = log.pending();
    accepted(log.approve(id, BOTH));
    expect(log.approve(id, BOTH)).toMatchObject({ code: 'ERR_ACCESS_ALREADY_VOTED', state: 'PENDING' });
    expect(log.request(id).votes).toHaveLength(1);
    expect(log.approve(id, DORA).state).toBe('APPROVED');
  });

  test('is not for the requester, nor for whoever answers for the reader, whatever their roles', () => {
    const log = new TestLog();
    const asker = human('asker', 'data-owners', 'privacy-officers', 'operators', 'admin');
    const id = log.pending(undefined, asker);
    for (const by of [asker, OWNER])
      for (const verdict of [log.approve(id, by), log.deny(id, by)])
        expect(verdict.code).toBe('ERR_ACCESS_SELF');
    expect(log.request(id)).toMatchObject({ state: 'PENDING', votes: [], denial: null });
  });

  test('is for humans in their own name who hold the role that is asked now', () => {
    const log = new TestLog();
    const id = log.pending();
    for (const by of [SYSTEM, SERVICE]) expect(log.approve(id, by).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.approve(id, { ...BEN, on_behalf_of: 'ana' }).code).toBe('ERR_ACCESS_DELEGATE');
    for (const by of [STRANGER, DORA, human('root', 'admin', 'operators')])
      expect(log.approve(id, by).code).toBe('ERR_ACCESS_ROLE');
    expect(log.request(id).votes).toEqual([]);
  });

  test('names the scope as it is now: its hash, not the one before narrowing', () => {
    const log = new TestLog();
    const id = log.pending();
    const before = log.request(id).scopeSha256;
    for (const approve of [true, false])
      expect(log.decide(id, BEN, { approve, scope_sha256: sha('x') }).code).toBe('ERR_ACCESS_SCOPE_STALE');
    accepted(log.approve(id, BEN, scopeOf({ max_records: 5 })));
    expect(log.decide(id, DORA, { scope_sha256: before }).code).toBe('ERR_ACCESS_SCOPE_STALE');
    expect(log.approve(id, DORA).state).toBe('APPROVED');
  });

  test('that denies is final, from any stage and in the first word as in the last', () => {
    const log = new TestLog();
    const [one, two] = [log.pending(), log.pending()];
    expect(log.deny(one, STRANGER).code).toBe('ERR_ACCESS_ROLE');
    const verdict = log.deny(one, DORA);
    expect(types(verdict)).toEqual(['decision.denied']);
    expect(log.request(one)).toMatchObject({
      state: 'DENIED',
      denial: { human: 'dora', offset: verdict.offset },
    });
    expect(log.approve(one, BEN)).toMatchObject({ code: 'ERR_ACCESS_LATE', state: 'DENIED' });
    accepted(log.approve(two, BEN));
    expect(log.deny(two, BEN).state).toBe('DENIED');
    expect(log.state.grants.size).toBe(0);
  });

  test('that comes after the end of the pending time is late, to the millisecond', () => {
    const log = new TestLog();
    const [one, two] = [log.pending(), log.pending()];
    log.nowMs = log.request(one).pendingUntilMs - MINUTE - 1;
    expect(log.approve(one, BEN).outcome).toBe('ACCEPTED');
    log.nowMs = log.request(two).pendingUntilMs - MINUTE;
    const late = log.approve(two, BEN);
    expect(late).toMatchObject({ outcome: 'REFUSED', code: 'ERR_ACCESS_LATE', state: 'EXPIRED' });
    expect(types(late)).toEqual(['request.expired']);
    expect(log.approve(one, DORA)).toMatchObject({ code: 'ERR_ACCESS_LATE', state: 'EXPIRED' });
  });

  test('without its body, or about an id that nobody asked under, changes nothing', () => {
    const log = new TestLog();
    const id = log.pending();
    expect(log.put('DECIDED', BEN, { request_id: id }).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(log.approve('0'.repeat(16), BEN).code).toBe('ERR_ACCESS_UNKNOWN');
    expect(log.approve(id, BEN, undefined, { grant_id: '0'.repeat(16) }).code).toBe(
      'ERR_ACCESS_ENTRY_INCOMPLETE',
    );
    expect(log.request(id).history).toHaveLength(1);
  });
});

describe('an approver who narrows', () => {
  const less = scopeOf({ persons: [person(2)], max_records: 10 });

  test('leaves the votes before and has the later ones sign what is left', () => {
    const log = new TestLog();
    const id = log.pending(TWO_OWNERS);
    accepted(log.approve(id, BEN));
    const verdict = accepted(log.approve(id, CLEO, less));
    expect(types(verdict)).toEqual(['decision.narrowed', 'decision.approved']);
    expect(log.request(id)).toMatchObject({ scope: less, scopeSha256: scopeHash(less), stage: 1 });
    accepted(log.approve(id, DORA));
    expect(log.of(id)).toMatchObject({ scope: less, scope_sha256: scopeHash(less) });
    const [all, left] = [scopeHash(scopeOf()), scopeHash(less)];
    expect(log.request(id).votes.map(({ scopeSha256 }) => scopeSha256)).toEqual([all, left, left]);
  });

  test('cannot add or exchange anything, nor go back to what was narrowed away', () => {
    const log = new TestLog();
    const id = log.pending();
    for (const given of [{ max_records: 101 }, { beneficiary: 'User:ben' }, { persons: null }])
      expect(log.approve(id, BEN, scopeOf(given)).code).toBe('ERR_ACCESS_NOT_NARROWER');
    accepted(log.approve(id, BEN, less));
    expect(log.approve(id, DORA, scopeOf()).code).toBe('ERR_ACCESS_NOT_NARROWER');
    expect(log.request(id).scope).toEqual(less);
  });

  test('has to say the hash of what is left, and something has to be left', () => {
    const log = new TestLog();
    const id = log.pending();
    const wrong = { narrowed: less, narrowed_sha256: sha('x') };
    expect(log.decide(id, BEN, wrong).code).toBe('ERR_ACCESS_SCOPE_HASH');
    expect(log.decide(id, BEN, { narrowed: less }).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(log.decide(id, BEN, { narrowed_sha256: sha('x') }).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(
      log.decide(id, BEN, { approve: false, narrowed: less, narrowed_sha256: scopeHash(less) }).code,
    ).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(log.approve(id, BEN, scopeOf({ fields: [] })).code).toBe('ERR_ACCESS_SCOPE_INVALID');
    expect(log.request(id).votes).toEqual([]);
  });

  test('and leaves all as it was has not narrowed', () => {
    const log = new TestLog();
    const id = log.pending();
    expect(types(log.approve(id, BEN, scopeOf()))).toEqual(['decision.approved']);
  });
});

describe('a vote of somebody who was locked since', () => {
  test('is dropped where votes are counted, and the stage is open again', () => {
    const log = new TestLog();
    const id = log.pending();
    accepted(log.approve(id, BEN));
    accepted(log.lock('PERSON', 'ben'));
    const verdict = log.approve(id, DORA);
    expect(verdict).toMatchObject({ code: 'ERR_ACCESS_ROLE', state: 'PENDING' });
    expect(types(verdict)).toEqual(['decision.vote_dropped']);
    expect(log.request(id)).toMatchObject({ stage: 0, votes: [] });
    accepted(log.approve(id, CLEO));
    expect(log.approve(id, EMIL).state).toBe('APPROVED');
    expect(log.of(id).approved_by).toEqual(['cleo', 'emil']);
  });

  test('does not come back by itself when the lock is lifted, but may be cast again', () => {
    const log = new TestLog();
    const id = log.pending(TWO_OWNERS);
    accepted(log.approve(id, BEN));
    const { lockId } = accepted(log.lock('PERSON', 'ben'));
    expect(log.approve(id, BEN).code).toBe('ERR_ACCESS_LOCKED');
    accepted(log.approve(id, CLEO));
    accepted(log.unlock(lockId));
    expect(log.request(id)).toMatchObject({ stage: 0, votes: [{ human: 'cleo' }] });
    accepted(log.approve(id, BEN));
    expect(log.request(id).stage).toBe(1);
  });
});

test('no approval is given to what a lock touches, unless the lock is narrowed out of it', () => {
  const log = new TestLog();
  const id = log.pending();
  accepted(log.lock('TAG', 'PHI_MRN', EMIL));
  expect(log.approve(id, BEN)).toMatchObject({ code: 'ERR_ACCESS_LOCKED', state: 'PENDING' });
  accepted(log.approve(id, BEN, scopeOf({ fields: scopeOf().fields.slice(0, 1) })));
  expect(log.approve(id, DORA).state).toBe('APPROVED');
  expect(log.ask(undefined, ANA).code).toBe('ERR_ACCESS_LOCKED');
});
