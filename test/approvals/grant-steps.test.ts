import { describe, expect, test } from '@jest/globals';
import type { AccessEntryKind } from '../../schemas/access-codecs.ts';
import {
  accepted,
  ANA,
  BEN,
  bodyOf,
  CLEO,
  DORA,
  EMERGENCY,
  EMIL,
  HOUR,
  human,
  MINUTE,
  OWNER,
  scopeOf,
  SERVICE,
  START,
  STRANGER,
  SYSTEM,
  TestLog,
  types,
} from './access-fixture.ts';

/** Open from 10:00 to 11:00 UTC, each day. */
const WINDOW = { zone: 'UTC', days: [1, 2, 3, 4, 5, 6, 7], from_minute: 600, to_minute: 660 };

describe('a grant', () => {
  test('begins when its topic is there and ends after the time that was approved', () => {
    const log = new TestLog();
    const id = log.scheduled();
    expect(log.provision(id)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'SCHEDULED' });
    expect(types(accepted(log.order(id)))).toEqual(['grant.activating']);
    expect(log.of(id)).toMatchObject({ state: 'ACTIVATING', version: 2, not_after: 0 });
    const verdict = accepted(log.provision(id));
    expect(log.of(id)).toMatchObject({
      state: 'ACTIVE',
      version: 3,
      access_offset: verdict.offset,
      not_before: log.nowMs,
      not_after: log.nowMs + HOUR,
      grant_topic_id: 'cd'.repeat(16),
    });
    log.nowMs = log.of(id).not_after - MINUTE - 1;
    expect(log.grant('END_ORDERED', id, SYSTEM)).toMatchObject({
      code: 'ERR_ACCESS_NOT_YET',
      state: 'ACTIVE',
    });
    log.nowMs = log.of(id).not_after - MINUTE;
    expect(types(accepted(log.grant('END_ORDERED', id, SYSTEM)))).toEqual(['grant.ending']);
    expect(log.of(id)).toMatchObject({ state: 'ENDING', cause: 'TIME' });
    expect(types(accepted(log.grant('REMOVED', id, SYSTEM)))).toEqual(['grant.ended']);
    expect(log.of(id)).toMatchObject({ state: 'ENDED', version: 5, cause: 'TIME' });
  });

  test('never changes once it has ended', () => {
    const log = new TestLog();
    const [ended, revoked, failed, lapsed] = [
      log.active(),
      log.scheduled(),
      log.scheduled(),
      log.scheduled(),
    ];
    accepted(log.order(failed));
    accepted(log.grant('PROVISION_FAILED', failed, SYSTEM, { cause: 'NO_RIGHTS' }));
    accepted(log.grant('REVOKED', revoked, ANA));
    log.nowMs += 5 * HOUR;
    accepted(log.grant('REMOVED', ended, SYSTEM));
    accepted(log.put('EXPIRED', SYSTEM, { grant_id: lapsed }));
    const before = [ended, revoked, failed, lapsed].map((id) => log.of(id));
    expect(before.map(({ state }) => state)).toEqual(['ENDED', 'REVOKED', 'ACTIVATION_FAILED', 'LAPSED']);
    const kinds: AccessEntryKind[] = ['ACTIVATION_ORDERED', 'PROVISION_FAILED', 'QUOTA_REACHED', 'SUSPENDED'];
    kinds.push('RESUMED', 'END_ORDERED', 'REVOKED', 'REMOVED', 'EXTERNALLY_MODIFIED', 'REVIEWED');
    for (const { grant_id: id } of before) {
      for (const kind of kinds)
        for (const by of [SYSTEM, DORA]) {
          expect(log.grant(kind, id, by, { cause: 'LATE_APPEND', justified: true }).outcome).toBe('REFUSED');
        }
      expect(log.provision(id).outcome).toBe('REFUSED');
    }
    accepted(log.lock('TOPIC', 'clinical.encounters'));
    expect(before.map(({ grant_id }) => log.of(grant_id))).toEqual(before);
  });

  test('lapses when nobody activates it in time, and with a topic half made only after its removal', () => {
    const log = new TestLog();
    const [unused, half] = [log.scheduled(), log.scheduled()];
    accepted(log.order(half));
    log.nowMs = log.of(half).activate_before;
    expect(log.order(unused)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'LAPSED' });
    expect(log.provision(half)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'ENDING' });
    expect(log.of(half)).toMatchObject({ not_before: 0, not_after: 0, cause: 'NOT_ACTIVATED' });
    expect(accepted(log.grant('REMOVED', half, SYSTEM)).state).toBe('LAPSED');
  });

  test('that could not be made is final', () => {
    const log = new TestLog();
    const id = log.scheduled();
    expect(log.grant('PROVISION_FAILED', id, SYSTEM).code).toBe('ERR_ACCESS_STATE');
    accepted(log.order(id));
    expect(accepted(log.grant('PROVISION_FAILED', id, SYSTEM, { cause: 'NO_RIGHTS' })).state).toBe(
      'ACTIVATION_FAILED',
    );
    expect(log.of(id).cause).toBe('NO_RIGHTS');
  });

  test('is activated only with a topic', () => {
    const log = new TestLog();
    const id = log.scheduled();
    accepted(log.order(id));
    for (const topic of [null, { topic_id: '', partitions: 1 }, { topic_id: 'ab', partitions: 0 }])
      expect(log.grant('PROVISIONED', id, SYSTEM, { topic }).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(log.of(id).state).toBe('ACTIVATING');
  });

  test('is ordered, made, exhausted, ended and removed by gauze alone', () => {
    const log = new TestLog();
    const id = log.scheduled();
    const kinds = [
      'ACTIVATION_ORDERED',
      'PROVISIONED',
      'PROVISION_FAILED',
      'QUOTA_REACHED',
      'END_ORDERED',
      'REMOVED',
      'EXTERNALLY_MODIFIED',
    ] as const;
    for (const kind of kinds)
      for (const by of [ANA, DORA, SERVICE])
        for (const cause of [null, 'LATE_APPEND'])
          expect(log.grant(kind, id, by, { cause }).code).toBe('ERR_ACCESS_NOT_SYSTEM');
    expect(log.of(id)).toMatchObject({ state: 'SCHEDULED', version: 1 });
  });

  test('with a window is activated while that is open, and ends with it', () => {
    const log = new TestLog();
    const id = log.scheduled(bodyOf(scopeOf({ window: WINDOW }), { activation_ms: 48 * HOUR }));
    log.nowMs = START + HOUR;
    expect(log.order(id)).toMatchObject({ code: 'ERR_ACCESS_WINDOW', state: 'SCHEDULED' });
    log.nowMs = START + 24 * HOUR + 50 * MINUTE;
    accepted(log.order(id));
    accepted(log.provision(id));
    expect(log.of(id).not_after).toBe(START + 25 * HOUR);
  });

  test('whose window closes while its topic is made waits for the next one', () => {
    const log = new TestLog();
    const id = log.scheduled(bodyOf(scopeOf({ window: WINDOW }), { activation_ms: 48 * HOUR }));
    accepted(log.order(id));
    log.nowMs = START + HOUR;
    expect(accepted(log.provision(id)).state).toBe('SCHEDULED');
    expect(log.of(id)).toMatchObject({
      not_before: 0,
      cause: 'WINDOW_CLOSED',
      grant_topic_id: 'cd'.repeat(16),
    });
    log.nowMs = START + 24 * HOUR;
    log.activate(id);
    accepted(log.grant('REVOKED', id, ANA));
    expect(log.of(id).state).toBe('REVOKING');
  });

  test('that reaches a cap delivers nothing more and stays readable until its end', () => {
    const log = new TestLog();
    const id = log.active();
    const { not_after: end } = log.of(id);
    expect(types(accepted(log.grant('QUOTA_REACHED', id, SYSTEM, { cause: 'PERSONS' })))).toEqual([
      'grant.exhausted',
    ]);
    expect(log.of(id)).toMatchObject({ state: 'ACTIVE', exhausted: true, cause: 'PERSONS', not_after: end });
    expect(log.grant('QUOTA_REACHED', id, SYSTEM).code).toBe('ERR_ACCESS_STATE');
    log.nowMs = end;
    expect(accepted(log.grant('REMOVED', id, SYSTEM)).state).toBe('EXHAUSTED');
  });

  test('is ended before its time where its topic is another one or an append came late', () => {
    const log = new TestLog();
    for (const cause of ['LATE_APPEND', 'TOPIC_CHANGED']) {
      const id = log.active();
      expect(types(accepted(log.grant('END_ORDERED', id, SYSTEM, { cause })))).toEqual(['grant.revoking']);
      expect(log.of(id)).toMatchObject({ state: 'REVOKING', cause });
      expect(accepted(log.grant('REMOVED', id, SYSTEM)).state).toBe('REVOKED');
    }
    const id = log.active();
    expect(log.grant('END_ORDERED', id, SYSTEM, { cause: 'TIRED' }).code).toBe('ERR_ACCESS_NOT_YET');
  });

  test('that somebody else has changed says so until its end', () => {
    const log = new TestLog();
    const id = log.active();
    expect(types(accepted(log.grant('EXTERNALLY_MODIFIED', id, SYSTEM)))).toEqual(['grant.modified']);
    const { version } = log.of(id);
    expect(log.grant('EXTERNALLY_MODIFIED', id, SYSTEM).code).toBe('ERR_ACCESS_STATE');
    expect(log.of(id).version).toBe(version);
    accepted(log.grant('REVOKED', id, ANA));
    accepted(log.grant('REMOVED', id, SYSTEM));
    expect(log.of(id)).toMatchObject({ state: 'REVOKED', externally_modified: true });
  });
});

describe('suspending', () => {
  test('stops a grant at any step before its end, by system or a privacy officer', () => {
    const log = new TestLog();
    const [scheduled, activating, active] = [log.scheduled(), log.scheduled(), log.active()];
    accepted(log.order(activating));
    for (const by of [ANA, BEN, SERVICE])
      expect(log.grant('SUSPENDED', active, by).code).toBe('ERR_ACCESS_ROLE');
    for (const [id, by] of [
      [scheduled, DORA],
      [activating, SYSTEM],
      [active, SYSTEM],
    ] as const) {
      expect(accepted(log.grant('SUSPENDED', id, by, { cause: 'TAGS_CHANGED' })).state).toBe('SUSPENDED');
      expect(log.of(id).cause).toBe('TAGS_CHANGED');
      expect(log.grant('SUSPENDED', id, by).code).toBe('ERR_ACCESS_STATE');
    }
    expect(log.order(scheduled).code).toBe('ERR_ACCESS_STATE');
  });

  test('is ended by a privacy officer who is not concerned, and gives no time back', () => {
    const log = new TestLog();
    const asker = human('asker', 'privacy-officers');
    const id = log.pending(undefined, asker);
    for (const by of [BEN, DORA]) accepted(log.approve(id, by));
    log.activate(id);
    const { not_after: end } = log.of(id);
    accepted(log.grant('SUSPENDED', id, SYSTEM));
    for (const by of [asker, OWNER]) expect(log.grant('RESUMED', id, by).code).toBe('ERR_ACCESS_SELF');
    expect(log.grant('RESUMED', id, BEN).code).toBe('ERR_ACCESS_ROLE');
    expect(log.grant('RESUMED', id, SYSTEM).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.grant('RESUMED', id, { ...DORA, on_behalf_of: 'x' }).code).toBe('ERR_ACCESS_DELEGATE');
    expect(accepted(log.grant('RESUMED', id, DORA)).state).toBe('ACTIVE');
    expect(log.of(id).not_after).toBe(end);
    expect(log.grant('RESUMED', id, DORA).code).toBe('ERR_ACCESS_STATE');
  });

  test('does not keep a grant from ending in time', () => {
    const log = new TestLog();
    const id = log.active();
    accepted(log.grant('SUSPENDED', id, SYSTEM));
    log.nowMs = log.of(id).not_after - MINUTE;
    expect(log.grant('RESUMED', id, DORA)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'ENDING' });
  });

  test('before activation leads back to being scheduled, and lapses like it', () => {
    const log = new TestLog();
    const [one, two] = [log.scheduled(), log.scheduled()];
    accepted(log.order(one));
    for (const id of [one, two]) accepted(log.grant('SUSPENDED', id, SYSTEM));
    expect(accepted(log.provision(one)).state).toBe('SUSPENDED');
    expect(log.of(one)).toMatchObject({ grant_topic_id: 'cd'.repeat(16), not_before: 0 });
    expect(log.provision(two).code).toBe('ERR_ACCESS_STATE');
    expect(accepted(log.grant('RESUMED', one, DORA)).state).toBe('SCHEDULED');
    log.activate(one);
    log.nowMs = log.of(two).activate_before;
    expect(log.grant('RESUMED', two, DORA)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'LAPSED' });
  });
});

describe('revoking', () => {
  test('is for the requester, the owner, approvers, those who could have been, and privacy officers', () => {
    for (const by of [ANA, OWNER, human('ben'), CLEO, EMIL, SYSTEM, { ...ANA, on_behalf_of: 'x' }]) {
      const log = new TestLog();
      const id = log.active();
      expect(accepted(log.grant('REVOKED', id, by)).state).toBe('REVOKING');
      expect(log.state.grants.get(id)?.revokedBy).toBe(by.id);
    }
  });

  test('is for nobody else', () => {
    const log = new TestLog();
    const id = log.active();
    for (const by of [STRANGER, human('root', 'admin', 'operators')])
      expect(log.grant('REVOKED', id, by).code).toBe('ERR_ACCESS_ROLE');
    expect(log.grant('REVOKED', id, SERVICE).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.of(id).state).toBe('ACTIVE');
  });

  test('ends at once what was never made, and else as soon as it is removed', () => {
    const log = new TestLog();
    const [scheduled, activating, suspended] = [log.scheduled(), log.scheduled(), log.active()];
    accepted(log.order(activating));
    accepted(log.grant('SUSPENDED', suspended, SYSTEM));
    const states = [scheduled, activating, suspended].map(
      (id) => accepted(log.grant('REVOKED', id, ANA)).state,
    );
    expect(states).toEqual(['REVOKED', 'REVOKING', 'REVOKING']);
    expect(log.provision(activating)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'REVOKING' });
    expect(log.grant('REVOKED', activating, ANA)).toMatchObject({
      code: 'ERR_ACCESS_STATE',
      state: 'REVOKING',
    });
    expect(accepted(log.grant('REMOVED', activating, SYSTEM)).state).toBe('REVOKED');
  });

  test('comes too late for what has ended', () => {
    const log = new TestLog();
    const id = log.active();
    log.nowMs = log.of(id).not_after;
    expect(log.grant('REVOKED', id, ANA)).toMatchObject({ code: 'ERR_ACCESS_STATE', state: 'ENDING' });
    expect(log.state.grants.get(id)?.revokedBy).toBeNull();
  });
});

describe('a review', () => {
  test('is done by a privacy officer who is not concerned, after the emergency, once', () => {
    const log = new TestLog();
    const asker = human('asker', 'privacy-officers');
    const id = log.emergency(scopeOf(), asker);
    const review = (by = DORA, justified: boolean | null = true) =>
      log.grant('REVIEWED', id, by, { justified });
    expect(review().code).toBe('ERR_ACCESS_NOT_YET');
    accepted(log.grant('REVOKED', id, asker));
    for (const by of [asker, OWNER]) expect(review(by).code).toBe('ERR_ACCESS_SELF');
    expect(review(BEN).code).toBe('ERR_ACCESS_ROLE');
    expect(review(SYSTEM).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(review(DORA, null).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    const { version } = log.of(id);
    const verdict = accepted(review(DORA, false));
    expect(verdict).toMatchObject({
      state: 'DONE',
      transitions: [{ cause: 'UNJUSTIFIED', from: 'DUE', to: 'DONE' }],
    });
    expect(log.review(id)).toMatchObject({ state: 'DONE', by: 'dora', justified: false });
    expect(log.of(id).version).toBe(version);
    expect(review(EMIL, true).code).toBe('ERR_ACCESS_NO_REVIEW');
  });

  test('is due of emergencies that became active, and of nothing else', () => {
    const log = new TestLog();
    const unused = log.pending(bodyOf(scopeOf(), EMERGENCY));
    accepted(log.grant('REVOKED', unused, ANA));
    const ordinary = log.active();
    accepted(log.grant('REVOKED', ordinary, ANA));
    for (const id of [unused, ordinary])
      expect(log.grant('REVIEWED', id, DORA, { justified: true }).code).toBe('ERR_ACCESS_NO_REVIEW');
  });

  test('is overdue after its time, reminded of by system, and can still be done', () => {
    const log = new TestLog();
    const id = log.emergency();
    accepted(log.grant('REVOKED', id, ANA));
    accepted(log.grant('REMOVED', id, SYSTEM));
    expect(types(accepted(log.put('ESCALATED', SYSTEM, { grant_id: id })))).toEqual(['request.escalated']);
    expect(log.put('EXPIRED', SYSTEM, { grant_id: id }).code).toBe('ERR_ACCESS_NOT_YET');
    log.nowMs = log.review(id).dueMs;
    expect(types(accepted(log.put('EXPIRED', SYSTEM, { grant_id: id })))).toEqual(['breakglass.overdue']);
    expect(accepted(log.grant('REVIEWED', id, DORA, { justified: true })).state).toBe('DONE');
    expect(log.put('ESCALATED', SYSTEM, { grant_id: id }).code).toBe('ERR_ACCESS_LATE');
  });
});

test('every change counts the version up by one, names its entry and is told as a transition of the grant', () => {
  const log = new TestLog();
  const id = log.active();
  accepted(log.grant('EXTERNALLY_MODIFIED', id, SYSTEM));
  accepted(log.grant('QUOTA_REACHED', id, SYSTEM));
  accepted(log.grant('SUSPENDED', id, SYSTEM));
  accepted(log.grant('RESUMED', id, DORA));
  accepted(log.grant('REVOKED', id, ANA));
  const last = accepted(log.grant('REMOVED', id, SYSTEM));
  expect(log.of(id)).toMatchObject({ version: 9, access_offset: last.offset });
  expect(log.state.grants.get(id)?.history).toHaveLength(9);
});

test('an entry about a grant that there is not is refused, whatever its kind', () => {
  const log = new TestLog();
  const id = log.pending();
  for (const kind of [
    'ACTIVATION_ORDERED',
    'REVOKED',
    'REVIEWED',
    'SUSPENDED',
    'RESUMED',
    'END_ORDERED',
  ] as const)
    expect(log.grant(kind, id, DORA)).toMatchObject({
      code: 'ERR_ACCESS_UNKNOWN',
      state: 'PENDING',
      grantId: null,
    });
});
