import { describe, expect, test } from '@jest/globals';
import type { RequestBody } from '../../schemas/access-codecs.ts';
import {
  accepted,
  ANA,
  BEN,
  bodyOf,
  CLEO,
  DORA,
  EMERGENCY,
  HOUR,
  human,
  MINUTE,
  OWNER,
  person,
  scopeOf,
  SERVICE,
  sha,
  START,
  STRANGER,
  SYSTEM,
  TestLog,
  types,
} from './access-fixture.ts';

const NO_PHI = scopeOf({ fields: [{ path: 'ward', tags: ['PHI_NONE'] }] });
const POLICY: Partial<RequestBody> = {
  subject: 'POLICY',
  scope: null,
  policy: { audience: 'research', sha256: sha('new policy'), opens: ['zip is shown with 5 digits'] },
  scope_sha256: sha('new policy'),
  stages: [{ role: 'privacy-officers', count: 1 }],
};

describe('a request', () => {
  test('waits for people from the append time on, for as long as its rule says', () => {
    const log = new TestLog();
    const verdict = log.ask();
    expect(verdict).toMatchObject({ outcome: 'ACCEPTED', code: null, state: 'PENDING', grantId: null });
    expect(types(verdict)).toEqual(['request.submitted']);
    const at = START + MINUTE;
    expect(log.request(verdict.requestId!)).toMatchObject({
      requester: 'ana',
      submittedMs: at,
      pendingUntilMs: at + 24 * HOUR,
      stage: 0,
      votes: [],
      denial: null,
      history: [{ atMs: at, by: 'ana', type: 'request.submitted', reason: 'follow-up of readmissions' }],
    });
    expect(log.state.grants.size).toBe(0);
  });

  test.each<[string, string, Partial<RequestBody>]>([
    ['a hash of another scope', 'ERR_ACCESS_SCOPE_HASH', { scope_sha256: sha('x') }],
    ['no scope', 'ERR_ACCESS_ENTRY_INCOMPLETE', { scope: null }],
    [
      'a scope out of order',
      'ERR_ACCESS_SCOPE_ORDER',
      { scope: scopeOf({ persons: [person(2), person(1)] }) },
    ],
    ['a scope that reveals nothing', 'ERR_ACCESS_SCOPE_INVALID', { scope: scopeOf({ fields: [] }) }],
    ['no stages', 'ERR_ACCESS_STAGES', { stages: [] }],
    ['a stage of nobody', 'ERR_ACCESS_ENTRY_INCOMPLETE', { stages: [{ role: 'data-owners', count: 0 }] }],
    ['a stage without a role', 'ERR_ACCESS_ENTRY_INCOMPLETE', { stages: [{ role: '', count: 1 }] }],
    ['no owner of the reader', 'ERR_ACCESS_ENTRY_INCOMPLETE', { beneficiary_owner: '' }],
    ['no time to decide', 'ERR_ACCESS_ENTRY_INCOMPLETE', { pending_ms: 0 }],
    ['no time to activate', 'ERR_ACCESS_ENTRY_INCOMPLETE', { activation_ms: 0 }],
    ['more time than its rule', 'ERR_ACCESS_DURATION', { rule_duration_ms: HOUR - 1 }],
    ['an emergency without a code', 'ERR_ACCESS_ENTRY_INCOMPLETE', { emergency: { code: '', review_ms: 1 } }],
    [
      'an emergency never reviewed',
      'ERR_ACCESS_ENTRY_INCOMPLETE',
      { emergency: { code: 'E', review_ms: 0 } },
    ],
    ['a grant to prolong that there is not', 'ERR_ACCESS_EXTENDS', { extends_grant: '0'.repeat(16) }],
    ['a scope and a policy', 'ERR_ACCESS_ENTRY_INCOMPLETE', { policy: POLICY.policy! }],
  ])('is refused with %s', (_, code, given) => {
    const log = new TestLog();
    expect(log.ask(bodyOf(scopeOf(), given))).toMatchObject({ outcome: 'REFUSED', code, state: null });
    expect(log.state.requests.size).toBe(0);
  });

  test('is refused without a reason, under an id in use, under no proper id', () => {
    const log = new TestLog();
    for (const reason of [null, '', ' \n'])
      expect(log.ask(undefined, ANA, { reason }).code).toBe('ERR_ACCESS_REASON_MISSING');
    const id = log.pending();
    expect(log.ask(undefined, ANA, { request_id: id })).toMatchObject({
      code: 'ERR_ACCESS_ID_USED',
      state: 'PENDING',
    });
    for (const request_id of [null, 'ABCDEF0123456789', '0123', '../../../../etc/p'])
      expect(log.ask(undefined, ANA, { request_id }).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
    expect(log.ask(undefined, ANA, { request: null }).code).toBe('ERR_ACCESS_ENTRY_INCOMPLETE');
  });

  test('is for humans in their own name', () => {
    const log = new TestLog();
    expect(log.ask(undefined, SERVICE).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.ask(undefined, SYSTEM).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.ask(undefined, { ...ANA, on_behalf_of: 'ben' }).code).toBe('ERR_ACCESS_DELEGATE');
  });

  test('is approved without people only where each field was reviewed and is no PHI', () => {
    const log = new TestLog();
    const verdict = log.ask(bodyOf(NO_PHI, { stages: [] }));
    expect(types(verdict)).toEqual(['request.submitted', 'decision.auto', 'grant.scheduled']);
    expect(log.of(verdict.requestId!)).toMatchObject({ state: 'SCHEDULED', version: 1, approved_by: [] });
    for (const tags of [[], ['PHI_ZIP'], ['PHI_NONE', 'PHI_ZIP'], ['SENSITIVE_SUD']]) {
      const fields = [{ path: 'ward', tags }];
      expect(log.ask(bodyOf(scopeOf({ fields }), { stages: [] })).code).toBe('ERR_ACCESS_STAGES');
    }
  });

  test('expires at its time, not before, and a timer that comes early changes nothing', () => {
    const log = new TestLog();
    const id = log.pending();
    const { pendingUntilMs } = log.request(id);
    log.nowMs = pendingUntilMs - MINUTE - 1;
    expect(log.put('EXPIRED', SYSTEM, { request_id: id })).toMatchObject({
      code: 'ERR_ACCESS_NOT_YET',
      state: 'PENDING',
    });
    log.nowMs = pendingUntilMs - MINUTE;
    const verdict = log.put('EXPIRED', SYSTEM, { request_id: id });
    expect(verdict).toMatchObject({ outcome: 'ACCEPTED', state: 'EXPIRED' });
    expect(types(verdict)).toEqual(['request.expired']);
    expect(log.put('EXPIRED', SYSTEM, { request_id: id }).code).toBe('ERR_ACCESS_STATE');
    expect(log.request(id).history.map(({ type, by }) => [type, by])).toEqual([
      ['request.submitted', 'ana'],
      ['request.expired', null],
    ]);
  });

  test('goes by the running maximum of append times, so a broker whose clock went back revives nothing', () => {
    const log = new TestLog();
    const id = log.pending();
    log.nowMs = log.request(id).pendingUntilMs;
    log.pending();
    log.nowMs = START;
    expect(log.approve(id, BEN)).toMatchObject({ code: 'ERR_ACCESS_LATE', state: 'EXPIRED' });
  });

  test('is withdrawn by whoever asked, and by nobody else', () => {
    const log = new TestLog();
    const id = log.pending();
    for (const by of [BEN, DORA, OWNER]) {
      expect(log.put('WITHDRAWN', by, { request_id: id }).code).toBe('ERR_ACCESS_ROLE');
    }
    expect(log.put('WITHDRAWN', SYSTEM, { request_id: id }).code).toBe('ERR_ACCESS_NOT_HUMAN');
    expect(log.put('WITHDRAWN', ANA, { request_id: id }).state).toBe('WITHDRAWN');
    expect(log.put('WITHDRAWN', ANA, { request_id: id })).toMatchObject({
      code: 'ERR_ACCESS_LATE',
      state: 'WITHDRAWN',
    });
  });

  test('is cancelled by system or a privacy officer, and is superseded where what it asked for has changed', () => {
    const log = new TestLog();
    const [one, two, three] = [log.pending(), log.pending(), log.pending()];
    for (const by of [BEN, ANA, SERVICE])
      expect(log.put('CANCELLED', by, { request_id: one }).code).toBe('ERR_ACCESS_ROLE');
    expect(log.put('CANCELLED', DORA, { request_id: one }).state).toBe('CANCELLED');
    expect(log.put('CANCELLED', SYSTEM, { request_id: two, cause: 'LEFT' }).state).toBe('CANCELLED');
    expect(log.put('CANCELLED', SYSTEM, { request_id: three, cause: 'POLICY_CHANGED' }).state).toBe(
      'SUPERSEDED',
    );
    for (const id of [one, two, three]) expect(log.approve(id, BEN).code).toBe('ERR_ACCESS_LATE');
  });

  test('is escalated by system in its history alone', () => {
    const log = new TestLog();
    const id = log.pending();
    const before = { ...log.request(id), history: [] };
    expect(log.put('ESCALATED', DORA, { request_id: id }).code).toBe('ERR_ACCESS_NOT_SYSTEM');
    expect(types(log.put('ESCALATED', SYSTEM, { request_id: id, cause: 'REMINDER' }))).toEqual([
      'request.escalated',
    ]);
    expect({ ...log.request(id), history: [] }).toEqual(before);
    expect(log.request(id).history.at(-1)).toMatchObject({ type: 'request.escalated', cause: 'REMINDER' });
  });
});

describe('a request about a policy', () => {
  test('needs a privacy officer and never makes a grant', () => {
    const log = new TestLog();
    const id = log.pending(bodyOf(scopeOf(), POLICY));
    expect(log.approve(id, human('eve', 'privacy-officers')).state).toBe('APPROVED');
    expect(log.state.grants.size).toBe(0);
  });

  test.each<[string, Partial<RequestBody>]>([
    ['ERR_ACCESS_STAGES', { stages: [] }],
    ['ERR_ACCESS_STAGES', { stages: [{ role: 'data-owners', count: 2 }] }],
    ['ERR_ACCESS_SCOPE_HASH', { scope_sha256: sha('x') }],
    ['ERR_ACCESS_ENTRY_INCOMPLETE', { scope: scopeOf() }],
    ['ERR_ACCESS_ENTRY_INCOMPLETE', { policy: null }],
    ['ERR_ACCESS_ENTRY_INCOMPLETE', { ...EMERGENCY }],
    ['ERR_ACCESS_ENTRY_INCOMPLETE', { extends_grant: '0'.repeat(16) }],
  ])('is refused as %s with %j', (code, given) => {
    expect(new TestLog().ask(bodyOf(scopeOf(), { ...POLICY, ...given })).code).toBe(code);
  });

  test('can be denied, and cannot be narrowed', () => {
    const log = new TestLog();
    const id = log.pending(bodyOf(scopeOf(), POLICY));
    expect(log.approve(id, DORA, scopeOf()).code).toBe('ERR_ACCESS_NOT_NARROWER');
    expect(log.deny(id, DORA).state).toBe('DENIED');
  });
});

describe('prolonging', () => {
  const extending = (id: string, scope = scopeOf()) =>
    bodyOf(scope, { extends_grant: id, rule_duration_ms: 3 * HOUR });

  test('makes a new grant and leaves the end of the old one where it is', () => {
    const log = new TestLog();
    const old = log.active();
    const { not_after: end } = log.of(old);
    const id = log.active(extending(old));
    expect(log.of(id)).toMatchObject({ cause: null, state: 'ACTIVE' });
    expect(log.of(id).not_after).toBeGreaterThan(end);
    expect(log.of(old)).toMatchObject({ state: 'ACTIVE', not_after: end });
  });

  test('is capped by the rule over the whole family, also where two prolong the same grant', () => {
    const log = new TestLog();
    const root = log.scheduled();
    const child = log.scheduled(extending(root));
    const asked = log.pending(extending(root));
    expect(log.ask(extending(child)).code).toBe('ERR_ACCESS_DURATION');
    expect(log.ask(extending(root, scopeOf({ duration_ms: 1 }))).code).toBe('ERR_ACCESS_DURATION');
    accepted(log.deny(asked, BEN));
    expect(log.ask(extending(child)).outcome).toBe('ACCEPTED');
  });

  test('gives back to the family what an approver has narrowed away', () => {
    const log = new TestLog();
    const root = log.scheduled();
    const asked = log.pending(extending(root, scopeOf({ duration_ms: 2 * HOUR })));
    expect(log.ask(extending(root, scopeOf({ duration_ms: MINUTE }))).code).toBe('ERR_ACCESS_DURATION');
    accepted(log.approve(asked, BEN, scopeOf({ duration_ms: HOUR })));
    expect(log.ask(extending(root)).outcome).toBe('ACCEPTED');
    expect(log.ask(extending(root, scopeOf({ duration_ms: 1 }))).code).toBe('ERR_ACCESS_DURATION');
  });

  test('is for the same reader and topic, of a grant that is live', () => {
    const log = new TestLog();
    const id = log.active();
    for (const given of [{ beneficiary: 'User:x' }, { topic: 'other' }, { topic_id: 'ac'.repeat(16) }])
      expect(log.ask(extending(id, scopeOf(given))).code).toBe('ERR_ACCESS_EXTENDS');
    log.nowMs = log.of(id).not_after;
    const verdict = log.ask(extending(id));
    expect(verdict.code).toBe('ERR_ACCESS_EXTENDS');
    expect(verdict.transitions).toEqual([expect.objectContaining({ type: 'grant.ending', grantId: id })]);
  });

  test('is not for emergencies, neither way', () => {
    const log = new TestLog();
    expect(log.ask(bodyOf(scopeOf(), { ...EMERGENCY, extends_grant: log.active() })).code).toBe(
      'ERR_ACCESS_EMERGENCY_EXTENDS',
    );
    expect(log.ask(extending(log.emergency())).code).toBe('ERR_ACCESS_EMERGENCY_EXTENDS');
  });
});

describe('an emergency', () => {
  const emergency = (given = {}) => bodyOf(scopeOf(given), EMERGENCY);

  test('is granted at once, names no approver, and is due for review once it is active', () => {
    const log = new TestLog();
    const verdict = log.ask(emergency());
    expect(types(verdict)).toEqual(['request.submitted', 'breakglass.started', 'grant.scheduled']);
    const id = verdict.requestId!;
    expect(log.of(id)).toMatchObject({ state: 'SCHEDULED', emergency: true, approved_by: [] });
    expect(log.review(id).state).toBe('NONE');
    log.activate(id);
    expect(log.review(id)).toMatchObject({ state: 'DUE', dueMs: log.of(id).not_before + 24 * HOUR });
  });

  test('is refused while the same person, or the same reader, has one on that topic', () => {
    const log = new TestLog();
    const id = log.emergency();
    expect(log.ask(emergency()).code).toBe('ERR_ACCESS_EMERGENCY_LIVE');
    expect(log.ask(emergency({ beneficiary: 'User:other' })).code).toBe('ERR_ACCESS_EMERGENCY_LIVE');
    expect(log.ask(emergency(), STRANGER).code).toBe('ERR_ACCESS_EMERGENCY_LIVE');
    expect(log.ask(emergency({ topic: 'clinical.patients' })).outcome).toBe('ACCEPTED');
    expect(log.ask(emergency({ beneficiary: 'User:stranger' }), STRANGER).outcome).toBe('ACCEPTED');
    log.nowMs = log.of(id).not_after;
    expect(log.ask(emergency()).outcome).toBe('ACCEPTED');
  });

  test('is refused to people whose last one was not reviewed in time, until it is', () => {
    const log = new TestLog();
    const id = log.emergency();
    log.nowMs = log.review(id).dueMs - MINUTE;
    const inTime = log.ask(emergency());
    expect(inTime.outcome).toBe('ACCEPTED');
    accepted(log.grant('REVOKED', inTime.requestId!, ANA));
    const verdict = log.ask(emergency({ topic: 'clinical.patients' }));
    expect(verdict.code).toBe('ERR_ACCESS_REVIEW_OVERDUE');
    expect(types(verdict)).toContain('breakglass.overdue');
    expect(log.review(id).state).toBe('OVERDUE');
    expect(log.ask(emergency({ beneficiary: 'User:stranger' }), STRANGER).outcome).toBe('ACCEPTED');
    accepted(log.grant('REVIEWED', id, DORA, { justified: false }));
    expect(log.ask(emergency({ topic: 'clinical.patients' })).outcome).toBe('ACCEPTED');
  });

  test('is not decided about by anybody', () => {
    const log = new TestLog();
    const id = log.pending(emergency());
    expect(log.approve(id, CLEO)).toMatchObject({ code: 'ERR_ACCESS_LATE', state: 'APPROVED' });
    expect(log.of(id).approved_by).toEqual([]);
  });
});
