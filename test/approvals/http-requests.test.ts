import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  BEN,
  BOTH,
  CLEO,
  DORA,
  EMIL,
  HOUR,
  OWNER,
  SERVICE,
  STRANGER,
  SYSTEM,
  ANA,
  human,
} from './access-fixture.ts';
import { TestApi, bearer, questionOf } from './api-fixture.ts';

const AUDITOR = human('quinn', 'auditors');
const REASON = 'agreed in the morning round';
let api: TestApi;

beforeEach(async () => {
  api = await TestApi.make();
});
afterEach(async () => {
  await api.server.close();
});

function decision(scopeHash: string, given: object = {}): object {
  return { decision: 'approve', scopeHash, reason: REASON, ...given };
}

async function decide(by: typeof ANA, id: string, scopeHash: string, given: object = {}) {
  return await api.send(by, 'POST', `/v1/requests/${id}/decisions`, decision(scopeHash, given));
}

async function hashOf(id: string): Promise<string> {
  return (await api.send(DORA, 'GET', `/v1/requests/${id}`)).body['scopeHash'] as string;
}

/** A request that two people have approved; its grant is scheduled. */
async function granted(): Promise<string> {
  const { id, scopeHash } = await api.asked();
  await decide(BEN, id, scopeHash);
  expect((await decide(DORA, id, scopeHash)).body['state']).toBe('APPROVED');
  return id;
}

describe('a request', () => {
  test('becomes a grant by the decisions of two people, each on record before the answer', async () => {
    const { id, scopeHash } = await api.asked();
    const first = await decide(BEN, id, scopeHash);
    expect(first.body).toMatchObject({ state: 'PENDING', stage: 1, approvals: [{ by: 'ben', stage: 0 }] });
    const second = await decide(DORA, id, scopeHash);
    expect(second.body).toMatchObject({ state: 'APPROVED' });
    const grant = await api.send(ANA, 'GET', `/v1/grants/${id}`);
    expect(grant.body).toMatchObject({
      id,
      state: 'SCHEDULED',
      grantTopic: `gauze.grant.${id}`,
      approvedBy: ['ben', 'dora'],
      notAfter: null,
    });
    expect(api.types()).toEqual(['request.submitted', 'decision.submitted', 'decision.submitted']);
  });

  test('is answered with what waits and until when, and where it stands', async () => {
    const answer = await api.send(ANA, 'POST', '/v1/requests', questionOf({ ticket: 'INC0012345' }));
    expect(answer.status).toBe(201);
    expect(answer.headers['location']).toBe(`/v1/requests/${String(answer.body['id'])}`);
    expect(answer.body).toMatchObject({
      state: 'PENDING',
      stages: [
        { role: 'data-owners', count: 1 },
        { role: 'privacy-officers', count: 1 },
      ],
      scope: { maxRecords: 40, durationMinutes: 60 },
      ticket: 'INC0012345',
      mayDecide: false,
    });
    expect(Date.parse(answer.body['pendingUntil'] as string)).toBe(api.log.nowMs + 24 * HOUR);
  });

  test('shows how many persons are named, and neither their identifiers nor their tokens', async () => {
    const answer = await api.send(
      ANA,
      'POST',
      '/v1/requests',
      questionOf({ persons: ['PAT-CANARY', 'PAT-2'] }),
    );
    expect(answer.body).toMatchObject({ scope: { persons: 2 } });
    const token = Buffer.from('PAT-CANA');
    for (const text of [answer.text, JSON.stringify(api.events), api.logged.join()])
      for (const leak of ['CANARY', token.toString('hex'), token.toString('base64'), token.join(',')])
        expect(text).not.toContain(leak);
  });

  test.each([
    ['a social security number', 'asked for 900-12-3456 by phone'],
    ['a date', 'readmitted on 2026-02-11, see chart'],
    ['a mail address', 'please answer to kim@example.org'],
    ['the number of a record, a patient or a member', 'about MRN 0012345 on ward 3'],
  ])('is refused where its reason looks like it holds %s; the text goes nowhere', async (what, reason) => {
    const answer = await api.send(ANA, 'POST', '/v1/requests', questionOf({ reason }));
    expect([answer.status, answer.body['code']]).toEqual([422, 'ERR_ACCESS_REASON_PHI']);
    expect(answer.body['title']).toContain(what);
    expect(api.log.entries).toEqual([]);
    expect(api.events).toMatchObject([{ type: 'request.refused', outcomeReason: 'ERR_ACCESS_REASON_PHI' }]);
    for (const text of [answer.text, JSON.stringify(api.events), api.logged.join()])
      expect(text).not.toContain(reason.slice(6, 20));
  });

  test('keeps its reason in the access log alone', async () => {
    const reason = 'zebra crossing lantern';
    const { id, scopeHash } = await api.asked(ANA, { reason });
    await decide(BEN, id, scopeHash, { reason: `${reason} two` });
    expect(api.log.entries.map(({ entry }) => entry.reason)).toEqual([reason, `${reason} two`]);
    expect(JSON.stringify(api.events) + api.logged.join()).not.toContain('zebra');
  });

  test('sent twice under one key is one request', async () => {
    const headers = { ...bearer(ANA), 'idempotency-key': 'a-key-of-my-own' };
    const options = { method: 'POST', url: '/v1/requests', headers, payload: questionOf() } as const;
    const [first, second] = [await api.inject(options), await api.inject(options)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body['id']).toBe(first.body['id']);
    expect(api.state.requests.size).toBe(1);
    const other = await api.inject({ ...options, payload: questionOf({ beneficiary: 'User:other' }) });
    expect([other.status, other.body['code']]).toEqual([422, 'ERR_ACCESS_KEY_REUSED']);
    expect(api.log.entries[0]?.entry.idempotency_key).toMatch(/^[0-9a-f]{32}$/);
  });

  test('can be asked by a person only, not by a machine', async () => {
    const answer = await api.send(SERVICE, 'POST', '/v1/requests', questionOf());
    expect([answer.status, answer.body['code']]).toEqual([403, 'ERR_ACCESS_NOT_HUMAN']);
  });

  test('is taken back by who asked, and by nobody else', async () => {
    const { id } = await api.asked();
    const other = await api.send(BEN, 'POST', `/v1/requests/${id}/withdraw`, {});
    expect(other.status).toBe(403);
    const own = await api.send(ANA, 'POST', `/v1/requests/${id}/withdraw`, { reason: 'not needed any more' });
    expect([own.status, own.body['state']]).toEqual([200, 'WITHDRAWN']);
    const again = await api.send(ANA, 'POST', `/v1/requests/${id}/withdraw`, {});
    expect([again.status, again.body['state']]).toEqual([409, 'WITHDRAWN']);
  });
});

describe('a replay', () => {
  const hash = 'ab'.repeat(32);
  const question = {
    event: { partition: 1, offset: 17, sha256: hash },
    topic: 'clinical.encounters',
    topicId: 'cd'.repeat(16),
    partition: 0,
    firstOffset: 5,
    nextOffset: 55,
    records: 50,
    audience: 'research',
    policyVersion: 3,
    policySha256: hash,
    recipient: 'research',
    grant: null,
    planHash: hash,
    keyEpoch: 1,
    outputTopic: 'clinical.encounters.for-research',
    purpose: 'HCOMPL',
    reason: 'spot check of what research gets',
    durationMinutes: 30,
  };

  test('is a request that names its event, and is decided by somebody else', async () => {
    const asked = await api.send(AUDITOR, 'POST', '/v1/replays', question);
    expect([asked.status, asked.body]).toMatchObject([
      201,
      {
        state: 'PENDING',
        scope: { fields: [], beneficiary: '', replay: { event: '1/17', eventSha256: hash } },
      },
    ]);
    const { id, scopeHash } = asked.body as { id: string; scopeHash: string };
    expect((await decide(AUDITOR, id, scopeHash)).status).toBe(403);
    expect((await decide(DORA, id, scopeHash)).status).toBe(200);
    const grant = await api.send(AUDITOR, 'GET', `/v1/grants/${id}`);
    expect(grant.body).toMatchObject({ state: 'SCHEDULED', replayed: null });
  });

  test('cannot ask for fields, a reader or a hash that is none beside it', async () => {
    for (const more of [
      { fields: ['mrn'] },
      { beneficiary: 'User:ana' },
      { planHash: 'ab' },
      { records: 0 },
    ]) {
      const refused = await api.send(AUDITOR, 'POST', '/v1/replays', { ...question, ...more });
      expect(refused.status).toBe(400);
    }
  });
});

describe('who sees a request', () => {
  test('has to do with it; to others it is not there, and that they tried is on record', async () => {
    const { id } = await api.asked();
    for (const by of [ANA, OWNER, BEN, CLEO, DORA, AUDITOR])
      expect([by.id, (await api.send(by, 'GET', `/v1/requests/${id}`)).status]).toEqual([by.id, 200]);
    expect(api.types()).toEqual(['request.submitted']);
    const stranger = await api.send(STRANGER, 'GET', `/v1/requests/${id}`);
    const nothing = await api.send(STRANGER, 'GET', '/v1/requests/0000000000000000');
    expect([stranger.status, nothing.status]).toEqual([404, 404]);
    expect({ ...stranger.body, instance: '' }).toEqual({ ...nothing.body, instance: '' });
    expect(api.events.at(-2)).toMatchObject({ type: 'request.refused', requestId: id, actor: STRANGER });
    expect((await api.send(STRANGER, 'GET', '/v1/requests')).body).toEqual({ requests: [], next: null });
  });

  test('cannot act on one that is not there for them, and the log has no entry of it', async () => {
    const id = await granted();
    const scopeHash = await hashOf(id);
    const before = api.log.entries.length;
    const acts: readonly [string, object][] = [
      [`/v1/requests/${id}/decisions`, decision(scopeHash)],
      [`/v1/requests/${id}/withdraw`, {}],
      [`/v1/grants/${id}/revoke`, { reason: REASON }],
      [`/v1/grants/${id}/resume`, { reason: REASON }],
      [`/v1/grants/${id}/review`, { justified: true, reason: REASON }],
    ];
    for (const [url, body] of acts) expect((await api.send(STRANGER, 'POST', url, body)).status).toBe(404);
    expect(api.log.entries.length).toBe(before);
    expect(api.types().slice(-5)).toEqual([
      'decision.refused',
      'request.withdraw_refused',
      'grant.revoke_refused',
      'grant.resume_refused',
      'breakglass.review_refused',
    ]);
  });

  test('finds the newest first, page by page, by state', async () => {
    const ids = [];
    for (let i = 0; i < 5; i++) ids.unshift((await api.asked()).id);
    await api.send(ANA, 'POST', `/v1/requests/${ids[1]}/withdraw`, {});
    const first = await api.send(ANA, 'GET', '/v1/requests?limit=2');
    const second = await api.send(ANA, 'GET', `/v1/requests?limit=2&before=${String(first.body['next'])}`);
    const listed = [first, second].flatMap(({ body }) =>
      (body['requests'] as { id: string }[]).map(({ id }) => id),
    );
    expect(listed).toEqual(ids.slice(0, 4));
    const pending = await api.send(ANA, 'GET', '/v1/requests?state=PENDING');
    expect(pending.body['requests']).toHaveLength(4);
    expect(pending.body['next']).toBeNull();
  });
});

describe('a decision', () => {
  test('of who asked, of who answers for the reader, of a machine or of a delegate is refused', async () => {
    const { id, scopeHash } = await api.asked(BOTH);
    const cases = [
      [BOTH, 'ERR_ACCESS_SELF'],
      [OWNER, 'ERR_ACCESS_SELF'],
      [SERVICE, 'ERR_ACCESS_NOT_HUMAN'],
      [{ ...BEN, on_behalf_of: 'both' }, 'ERR_ACCESS_DELEGATE'],
    ] as const;
    for (const [by, code] of cases) {
      const answer = await decide(by, id, scopeHash);
      expect([answer.status, answer.body['code'], answer.body['state']]).toEqual([403, code, 'PENDING']);
    }
    expect((await hashOf(id)) === scopeHash && api.state.requests.get(id)?.votes).toEqual([]);
  });

  test('twice by one person counts once', async () => {
    const { id, scopeHash } = await api.asked();
    expect((await decide(BOTH, id, scopeHash)).status).toBe(200);
    const second = await decide(BOTH, id, scopeHash);
    expect([second.status, second.body['code'], second.body['state']]).toEqual([
      409,
      'ERR_ACCESS_ALREADY_VOTED',
      'PENDING',
    ]);
  });

  test('about another scope than the present one is refused with the present state', async () => {
    const { id, scopeHash } = await api.asked();
    const stale = await decide(BEN, id, 'ab'.repeat(32));
    expect([stale.status, stale.body['code'], stale.body['state']]).toEqual([
      409,
      'ERR_ACCESS_SCOPE_STALE',
      'PENDING',
    ]);
    expect((await decide(BEN, id, scopeHash, { narrow: { maxRecords: 10 } })).status).toBe(200);
    expect((await decide(DORA, id, scopeHash)).body['code']).toBe('ERR_ACCESS_SCOPE_STALE');
    expect((await decide(DORA, id, await hashOf(id))).body['state']).toBe('APPROVED');
  });

  test('that comes late is refused, by the time of the log', async () => {
    const { id, scopeHash } = await api.asked();
    api.log.nowMs += 25 * HOUR;
    const late = await decide(BEN, id, scopeHash);
    expect([late.status, late.body['code'], late.body['state']]).toEqual([409, 'ERR_ACCESS_LATE', 'EXPIRED']);
  });

  test('to deny is final, whoever approves later', async () => {
    const { id, scopeHash } = await api.asked();
    const denied = await decide(DORA, id, scopeHash, { decision: 'deny', reason: 'the audience would do' });
    expect(denied.body).toMatchObject({
      state: 'DENIED',
      denial: { by: 'dora', reason: 'the audience would do' },
    });
    const late = await decide(BEN, id, scopeHash);
    expect([late.status, late.body['state']]).toEqual([409, 'DENIED']);
  });

  test('narrows, and never widens', async () => {
    const { id, scopeHash } = await api.asked();
    for (const narrow of [{ maxRecords: 41 }, { fields: ['ssn'] }, { durationMinutes: 61 }]) {
      const wide = await decide(BEN, id, scopeHash, { narrow });
      expect([wide.status, wide.body['code']]).toEqual([422, 'ERR_ACCESS_NOT_NARROWER']);
    }
    const narrow = { fields: ['PHI_MRN'], maxRecords: 7, durationMinutes: 5 };
    const cut = await decide(BEN, id, scopeHash, { narrow });
    expect(cut.body).toMatchObject({
      scope: { fields: [{ path: 'mrn' }], maxRecords: 7, durationMinutes: 5 },
    });
    expect(cut.body['scopeHash']).not.toBe(scopeHash);
  });

  test('sent again under its key gets its first answer, also when it has narrowed', async () => {
    const { id, scopeHash } = await api.asked();
    const headers = { ...bearer(BEN), 'idempotency-key': 'twice-the-same' };
    const url = `/v1/requests/${id}/decisions`;
    const payload = decision(scopeHash, { narrow: { maxRecords: 7 } });
    const sent = { method: 'POST', url, headers, payload } as const;
    const [first, second] = [await api.inject(sent), await api.inject(sent)];
    expect([first.status, second.status, second.body['code']]).toEqual([200, 200, undefined]);
    expect(api.state.requests.get(id)?.votes).toHaveLength(1);
  });

  test('that the log refuses has one event of ours: the writer of grants tells its outcome', async () => {
    const { id, scopeHash } = await api.asked(BOTH);
    await decide(BOTH, id, scopeHash);
    expect(api.types()).toEqual(['request.submitted', 'decision.submitted']);
  });
});

describe('a grant', () => {
  test('is revoked by who asked and by whoever decided, at once', async () => {
    for (const by of [ANA, BEN, DORA, EMIL]) {
      const id = await granted();
      const answer = await api.send(by, 'POST', `/v1/grants/${id}/revoke`, { reason: 'done with it today' });
      expect([by.id, answer.status, answer.body['state'], answer.body['revokedBy']]).toEqual([
        by.id,
        200,
        'REVOKED',
        by.id,
      ]);
    }
  });

  test('is listed for those who have to do with it', async () => {
    const id = await granted();
    const own = await api.send(ANA, 'GET', '/v1/grants');
    expect(own.body).toMatchObject({ total: 1, grants: [{ id }] });
    expect((await api.send(ANA, 'GET', '/v1/grants?state=ACTIVE')).body).toEqual({ total: 0, grants: [] });
    expect((await api.send(STRANGER, 'GET', '/v1/grants')).body).toEqual({ total: 0, grants: [] });
    const one = await api.send(ANA, 'GET', `/v1/grants/${id}`);
    expect((one.body['history'] as object[]).length).toBeGreaterThan(0);
  });

  test('of break-glass goes ahead at once, and is reviewed by somebody else', async () => {
    const body = questionOf({ purpose: 'ETREAT', emergencyCode: 'RESUS' });
    const answer = await api.send(ANA, 'POST', '/v1/break-glass', body);
    expect([answer.status, answer.body['state'], answer.body['emergency']]).toEqual([
      201,
      'APPROVED',
      { code: 'RESUS' },
    ]);
    expect(api.types()).toEqual(['breakglass.submitted']);
    const id = answer.body['id'] as string;
    api.log.activate(id);
    api.log.nowMs += 2 * HOUR;
    api.log.grant('END_ORDERED', id, SYSTEM);
    const url = `/v1/grants/${id}/review`;
    const verdict = { justified: true, reason: 'resuscitation, seen in the log' };
    expect((await api.send(ANA, 'POST', url, verdict)).status).toBe(403);
    const reviewed = await api.send(DORA, 'POST', url, verdict);
    expect(reviewed.body).toMatchObject({ review: { state: 'DONE', by: 'dora', justified: true } });
    expect((await api.send(EMIL, 'POST', url, verdict)).status).toBe(409);
  });
});

describe('a lock', () => {
  test('is placed, shown and lifted by privacy officers; what it stopped is resumed by one', async () => {
    const id = api.log.active();
    const body = { target: 'TOPIC', value: 'clinical.encounters', reason: 'leak suspected in the feed' };
    const placed = await api.send(DORA, 'POST', '/v1/locks', body);
    expect([placed.status, placed.body['target'], placed.body['by']]).toEqual([201, 'TOPIC', 'dora']);
    expect((await api.send(AUDITOR, 'GET', '/v1/locks')).body['locks']).toHaveLength(1);
    expect((await api.send(ANA, 'GET', `/v1/grants/${id}`)).body['state']).toBe('SUSPENDED');
    const asked = await api.send(ANA, 'POST', '/v1/requests', questionOf());
    expect([asked.status, asked.body['code']]).toEqual([403, 'ERR_ACCESS_LOCKED']);
    const lifted = await api.send(DORA, 'DELETE', `/v1/locks/${String(placed.body['id'])}`);
    expect(lifted.status).toBe(200);
    expect((await api.send(ANA, 'GET', `/v1/grants/${id}`)).body['state']).toBe('SUSPENDED');
    const resumed = await api.send(DORA, 'POST', `/v1/grants/${id}/resume`, {
      reason: 'suspicion was wrong',
    });
    expect([resumed.status, resumed.body['state']]).toEqual([200, 'ACTIVE']);
  });

  test('on a patient shows no value to anybody', async () => {
    const body = { target: 'PATIENT', value: 'PAT-CANARY', reason: 'consent was taken back' };
    const placed = await api.send(DORA, 'POST', '/v1/locks', body);
    expect(placed.body['value']).toBeNull();
    expect((await api.send(DORA, 'GET', '/v1/locks')).text).not.toContain('CANARY');
    expect(JSON.stringify(api.events)).not.toContain('CANARY');
  });

  test('is nobody else’s to place, to see or to lift, and their attempts are on record', async () => {
    const body = { target: 'PERSON', value: 'ben', reason: 'wants to be the only one' };
    const placed = await api.send(ANA, 'POST', '/v1/locks', body);
    const seen = await api.send(ANA, 'GET', '/v1/locks');
    const lifted = await api.send(AUDITOR, 'DELETE', '/v1/locks/0123456789abcdef');
    expect([placed.status, seen.status, lifted.status]).toEqual([403, 403, 403]);
    expect(api.types()).toEqual(['lock.refused', 'lock.refused', 'lock.refused']);
    expect(api.log.entries).toEqual([]);
  });
});
