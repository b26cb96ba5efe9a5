/**
 * The approval service on real parts: broker, registry, Redis, identity provider. From asking to a grant, with
 * everything that is refused on the way; what is on record; what is nowhere.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { ClinicalRecord } from '../../examples/hospital/clinical-values.ts';
import type { HospitalPerson } from '../../stack/identity-people.ts';
import { ApprovalsSite } from '../support/approvals-site.ts';
import type { ApiAnswer, RunningApprovals } from '../support/approvals-site.ts';
import { auditedEvents } from '../support/audit-oracle.ts';
import { eventually } from '../support/stack.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const TOPICS = ['clinical.patients', 'clinical.encounters'] as const;
const REASON = 'agreed in the morning round';

let it: ApprovalsSite;
let second: RunningApprovals;
let encounters: readonly ClinicalRecord[];
/** Every refusal that the tests have got, to be found on record at the end. */
const refused: { readonly status: number; readonly code: string }[] = [];

beforeAll(async () => {
  it = await ApprovalsSite.make({ partitions: 2, topics: TOPICS });
  const records = [...generateHospital({ patients: 40, seed: 77 })];
  encounters = records.filter(({ topic }) => topic === 'clinical.encounters');
  await it.site.feed(records);
  await it.site.apply();
  const topology = it.site.run();
  await it.site.caughtUp();
  expect(await topology.end('SIGTERM')).toBe(0);
  await it.start();
  second = await it.start();
}, 180_000);

afterAll(async () => {
  await it.close();
});

async function send(by: HospitalPerson | null, method: string, path: string, body?: unknown, url?: string) {
  const answer = await it.send(by, method, path, body, url === undefined ? {} : { url });
  if ([401, 403, 404, 409, 422].includes(answer.status))
    refused.push({ status: answer.status, code: String(answer.body['code']) });
  return answer;
}

async function asked(
  given: object = {},
  by: HospitalPerson = 'alice',
): Promise<{ id: string; scopeHash: string }> {
  const answer = await send(by, 'POST', '/v1/requests', it.question(given));
  expect([answer.status, answer.body['code']]).toEqual([201, undefined]);
  return answer.body as { id: string; scopeHash: string };
}

async function decide(
  by: HospitalPerson,
  id: string,
  scopeHash: string,
  given: object = {},
): Promise<ApiAnswer> {
  const body = { decision: 'approve', scopeHash, reason: REASON, ...given };
  return await send(by, 'POST', `/v1/requests/${id}/decisions`, body);
}

function outcome({ status, body }: ApiAnswer): readonly unknown[] {
  return [status, body['code']];
}

describe('a request for raw fields', () => {
  test('is frozen to offsets, leaves, tags and policy; two people make a grant of it, which the queue activates', async () => {
    const made = await send('alice', 'POST', '/v1/requests', it.question({ ticket: 'INC0012345' }));
    expect(made.status).toBe(201);
    const { id, scopeHash, scope } = made.body as {
      id: string;
      scopeHash: string;
      scope: Record<string, unknown>;
    };
    expect(scope).toMatchObject({
      topic: it.site.raw('clinical.encounters'),
      baseAudience: 'research',
      policyVersion: 1,
      persons: null,
      maxPersons: 500,
      beneficiary: 'User:alice',
    });
    const fields = scope['fields'] as { path: string; tags: string[] }[];
    expect(fields.find(({ path }) => path === 'patientId')?.tags).toEqual(['PHI_ID']);
    expect(fields.map(({ path }) => path)).toEqual(expect.arrayContaining(['period.start', 'period.end']));
    expect(fields.every(({ path, tags }) => path === 'patientId' || tags.includes('PHI_DATE'))).toBe(true);
    const ranges = scope['ranges'] as { firstOffset: number; nextOffset: number }[];
    expect(ranges.length).toBe(2);
    expect(ranges.reduce((sum, r) => sum + r.nextOffset - r.firstOffset, 0)).toBeGreaterThanOrEqual(
      encounters.length,
    );

    const inbox = await send('carol', 'GET', '/v1/requests?state=PENDING');
    expect((inbox.body['requests'] as object[]).at(0)).toMatchObject({ id, mayDecide: true });
    const cut = await decide('carol', id, scopeHash, { narrow: { maxRecords: 10, durationMinutes: 30 } });
    expect(cut.body).toMatchObject({
      state: 'PENDING',
      stage: 1,
      scope: { maxRecords: 10, durationMinutes: 30 },
    });
    expect(outcome(await decide('dan', id, scopeHash))).toEqual([409, 'ERR_ACCESS_SCOPE_STALE']);
    const done = await decide('dan', id, String(cut.body['scopeHash']));
    expect(done.body['state']).toBe('APPROVED');
    await eventually(async () => {
      const { body } = await send('alice', 'GET', `/v1/grants/${id}`);
      expect(body).toMatchObject({ state: 'ACTIVATING', approvedBy: ['carol', 'dan'] });
    });
    const other = await it.send('alice', 'GET', `/v1/requests/${id}`, undefined, { url: second.url });
    expect(other.body['state']).toBe('APPROVED');
    const revoked = await send('alice', 'POST', `/v1/grants/${id}/revoke`, {
      reason: 'it was found elsewhere',
    });
    expect(revoked.body).toMatchObject({ state: 'REVOKING', revokedBy: 'alice' });
  });

  test.each([
    ['a topic that no policy covers', { topic: 'nothing.of.the.kind' }, 422, 'ERR_ACCESS_TOPIC_UNKNOWN'],
    ['an audience that there is not', { baseAudience: 'nobody' }, 422, 'ERR_ACCESS_TOPIC_UNKNOWN'],
    ['a field that there is not', { fields: ['patientId', 'shoeSize'] }, 422, 'ERR_ACCESS_FIELD_UNKNOWN'],
    ['a field that the rule does not have', { fields: ['notes'] }, 422, 'ERR_ACCESS_RULE_FIELD'],
    ['what the audience sees anyway', { fields: ['status', 'PHI_AGE'] }, 422, 'ERR_ACCESS_NOTHING_TO_REVEAL'],
    ['a reader that nobody answers for', { beneficiary: 'User:nobody' }, 422, 'ERR_ACCESS_OWNER_UNKNOWN'],
    ['a purpose that the rule does not have', { purpose: 'HMARKT' }, 422, 'ERR_ACCESS_RULE_PURPOSE'],
    ['more than the rule gives', { maxRecords: 1001 }, 422, 'ERR_ACCESS_RULE_CAP'],
    ['longer than the rule gives', { durationMinutes: 481 }, 422, 'ERR_ACCESS_RULE_CAP'],
    [
      'times between which nothing lies',
      { from: '2001-01-01T00:00:00Z', to: '2001-01-02T00:00:00Z' },
      422,
      'ERR_ACCESS_RANGE_EMPTY',
    ],
    ['a reason with a date', { reason: 'admitted on 2026-02-11' }, 422, 'ERR_ACCESS_REASON_PHI'],
    ['a ticket with a person', { ticket: '900-12-3456' }, 422, 'ERR_ACCESS_REASON_PHI'],
  ])('is refused for %s', async (_what, given, status, code) => {
    expect(outcome(await send('alice', 'POST', '/v1/requests', it.question(given)))).toEqual([status, code]);
  });

  test('is refused to people whom no rule names', async () => {
    for (const by of ['carol', 'erin', 'frank'] as const)
      expect(outcome(await send(by, 'POST', '/v1/requests', it.question()))).toEqual([
        403,
        'ERR_ACCESS_RULE_REQUESTER',
      ]);
  });
});

describe('a preview', () => {
  test('counts what the generator made, by offsets and by the index of persons', async () => {
    const { id } = await asked();
    const { status, body } = await send('carol', 'POST', `/v1/requests/${id}/preview`);
    expect(status).toBe(200);
    const persons = new Set(encounters.map(({ key }) => key));
    expect(body).toMatchObject({
      records: { indexed: encounters.length, ofNamedPersons: null, atMost: 40 },
      persons: { indexed: persons.size, withoutPerson: 0, named: null },
      index: { complete: true, otherKeyEpochs: false },
      sample: null,
      narrower: [{ change: 'maxPersons', to: persons.size }],
    });
    const reveals = body['reveals'] as { path: string; says: string; instead: string }[];
    expect(reveals.find(({ path }) => path === 'patientId')).toMatchObject({ instead: 'a pseudonym' });
  });

  test('of a request about named persons says how many records they have, and shows no identifier', async () => {
    const [one, other] = [...Map.groupBy(encounters, ({ key }) => key).entries()];
    const persons = [one![0], other![0], 'PAT-CANARY-7'];
    const { id } = await asked({ persons });
    const answer = await send('carol', 'POST', `/v1/requests/${id}/preview`);
    const count = one![1].length + other![1].length;
    expect(answer.body).toMatchObject({
      records: { ofNamedPersons: count, atMost: Math.min(40, count) },
      persons: { named: 3, namedFound: 2, atMost: 3 },
    });
    expect(answer.body['narrower']).toEqual(
      expect.arrayContaining([expect.objectContaining({ change: 'persons', to: 2 })]),
    );
    for (const person of persons) expect(answer.text).not.toContain(person);
  });

  test('shows a sample only to people whose own principal reads that audience, as it is sanitized', async () => {
    const { id } = await asked();
    const path = `/v1/requests/${id}/preview?sample=true`;
    expect(outcome(await send('dan', 'POST', path))).toEqual([403, 'ERR_ACCESS_SAMPLE_READER']);
    const { body, text } = await send('carol', 'POST', path);
    expect(body['sample']).toHaveLength(5);
    const raw = new Set(encounters.map(({ key }) => key));
    for (const person of raw) expect(text).not.toContain(person);
    expect((body['sample'] as { json: string }[])[0]?.json).toContain('"encounterId"');
  });
});

describe('a decision', () => {
  test('is refused to who asked, to others without the role, twice to one, and to all once it is denied', async () => {
    const { id, scopeHash } = await asked();
    expect(outcome(await decide('alice', id, scopeHash))).toEqual([403, 'ERR_ACCESS_SELF']);
    expect(outcome(await decide('frank', id, scopeHash))).toEqual([403, 'ERR_ACCESS_ROLE']);
    expect(outcome(await decide('bob', id, scopeHash))).toEqual([404, 'ERR_ACCESS_NOT_VISIBLE']);
    expect(outcome(await decide('dan', id, scopeHash))).toEqual([403, 'ERR_ACCESS_ROLE']);
    expect((await decide('carol', id, scopeHash)).status).toBe(200);
    expect(outcome(await decide('carol', id, scopeHash))).toEqual([409, 'ERR_ACCESS_ALREADY_VOTED']);
    const denied = await decide('dan', id, scopeHash, { decision: 'deny' });
    expect(denied.body['state']).toBe('DENIED');
    const late = await decide('dan', id, scopeHash);
    expect([...outcome(late), late.body['state']]).toEqual([409, 'ERR_ACCESS_LATE', 'DENIED']);
  });

  test('races of an approval with a withdrawal have one winner, and two services say the same', async () => {
    for (let i = 0; i < 15; i++) {
      const { id, scopeHash } = await asked();
      await decide('carol', id, scopeHash);
      const [approved, withdrawn] = await Promise.all([
        decide('dan', id, scopeHash),
        send('alice', 'POST', `/v1/requests/${id}/withdraw`, {}, second.url),
      ]);
      expect([approved.status, withdrawn.status].toSorted((a, b) => a - b)).toEqual([200, 409]);
      const state = approved.status === 200 ? 'APPROVED' : 'WITHDRAWN';
      for (const url of [it.service.url, second.url])
        await eventually(async () => {
          const { body } = await it.send('dan', 'GET', `/v1/requests/${id}`, undefined, { url });
          expect(body['state']).toBe(state);
        });
    }
  });
});

describe('break-glass', () => {
  test('is for those whom the rule names, with the purposes of an emergency', async () => {
    const question = it.question({
      beneficiary: 'User:erin',
      purpose: 'ETREAT',
      emergencyCode: 'RESUS',
      durationMinutes: 30,
    });
    expect(outcome(await send('alice', 'POST', '/v1/break-glass', question))).toEqual([
      403,
      'ERR_ACCESS_RULE_EMERGENCY',
    ]);
    const made = await send('erin', 'POST', '/v1/break-glass', question);
    expect([made.status, made.body['state']]).toEqual([201, 'APPROVED']);
    expect(outcome(await send('erin', 'POST', '/v1/break-glass', question))).toEqual([
      409,
      'ERR_ACCESS_EMERGENCY_LIVE',
    ]);
  });
});

describe('a lock', () => {
  test('is refused to all but privacy officers; placed, it stops requests and is lifted again', async () => {
    const lock = { target: 'PRINCIPAL', value: 'User:bob', reason: 'laptop was stolen this morning' };
    expect(outcome(await send('carol', 'POST', '/v1/locks', lock))).toEqual([403, 'ERR_ACCESS_ROLE']);
    const placed = await send('dan', 'POST', '/v1/locks', lock);
    expect(placed.status).toBe(201);
    const bob = it.question({ beneficiary: 'User:bob' });
    expect(outcome(await send('bob', 'POST', '/v1/requests', bob))).toEqual([403, 'ERR_ACCESS_LOCKED']);
    expect((await send('dan', 'DELETE', `/v1/locks/${String(placed.body['id'])}`)).status).toBe(200);
    expect((await send('bob', 'POST', '/v1/requests', bob)).status).toBe(201);
  });
});

describe('the service', () => {
  test('takes no call without a token that counts, and says so in our words', async () => {
    const machine = await it.identity.machineToken();
    const { idToken } = await it.identity.logIn('alice');
    const cases = [
      [undefined, 401, 'ERR_HTTP_TOKEN_MISSING'],
      ['Bearer nonsense', 401, 'ERR_HTTP_TOKEN_MALFORMED'],
      [`Bearer ${idToken}`, 401, undefined],
    ] as const;
    for (const [authorization, status, code] of cases) {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await it.send(null, 'GET', '/v1/requests', undefined, { headers });
      refused.push({ status: answer.status, code: String(answer.body['code']) });
      expect(answer.status).toBe(status);
      if (code !== undefined) expect(answer.body['code']).toBe(code);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
    const headers = { authorization: `Bearer ${machine}` };
    const me = await it.send(null, 'GET', '/v1/me', undefined, { headers });
    expect(me.body).toMatchObject({ kind: 'SERVICE', id: 'User:icu-app' });
    const asking = await it.send(null, 'POST', '/v1/requests', it.question(), { headers });
    refused.push({ status: asking.status, code: String(asking.body['code']) });
    expect(asking.status).toBe(403);
  });

  test('is ready, with every part there', async () => {
    await eventually(async () => {
      const { status, body } = await it.send(null, 'GET', '/readyz');
      expect([status, body]).toEqual([
        200,
        {
          ready: true,
          parts: { kafka: 'ok', log: 'ok', registry: 'ok', identityProvider: 'ok', redis: 'ok' },
        },
      ]);
    });
  });

  test('never fails by what a body holds', async () => {
    const { id, scopeHash } = await asked();
    const right = {
      ...it.question(),
      decision: 'approve',
      scopeHash,
      narrow: { maxRecords: 3 },
      justified: true,
    };
    const member = fc.constantFrom(
      ...Object.keys(right),
      'from',
      'to',
      'persons',
      'maxPersons',
      'ticket',
      'value',
    );
    const moment = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    const value = fc.oneof(fc.jsonValue(), fc.string({ unit: 'grapheme' }), moment, fc.array(fc.string()));
    const body = fc.dictionary(member, value).map((odd) => ({ ...right, ...odd }));
    const path = fc.constantFrom(
      '/v1/requests',
      '/v1/break-glass',
      `/v1/requests/${id}/decisions`,
      '/v1/locks',
    );
    await fc.assert(
      fc.asyncProperty(path, body, async (to, odd) => {
        expect((await it.send('alice', 'POST', to, odd)).status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });
});

describe('what is left', () => {
  test('each refusal is on record with its code, and nothing that people wrote or named is anywhere but in the log', async () => {
    const { auditEvents, access } = it.site.names;
    await eventually(async () => {
      const events = auditedEvents(await dumpTopics([auditEvents]));
      const codes = Map.groupBy(events, ({ event }) => event.outcome_reason);
      const missing = [...Map.groupBy(refused, ({ code }) => code)].filter(
        ([code, mine]) => (codes.get(code)?.length ?? 0) < mine.length,
      );
      expect(missing.map(([code]) => code)).toEqual([]);
    }, 30_000);
    const dump = await dumpTopics([auditEvents, access]);
    const text = (topic: string): string =>
      Buffer.concat(dump.filter((record) => record.topic === topic).map(({ value }) => value!)).toString(
        'latin1',
      );
    expect(text(access)).toContain(REASON);
    for (const word of [REASON, 'CANARY', 'readmitted', 'laptop', 'stolen']) {
      expect(text(auditEvents)).not.toContain(word);
      expect(it.logged.join()).not.toContain(word);
    }
    expect(text(access)).not.toContain('CANARY');
    expect(refused.length).toBeGreaterThan(30);
  });
});
