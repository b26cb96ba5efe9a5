/**
 * Decisions about policies as lanes read them: each way in which an approval is none, and a comparison with the
 * reducer of approvals over random logs, which must agree on every request about a policy.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { PolicyApprovals } from '../../policy/policy-approval.ts';
import type { AccessActor, AccessEntry, AccessEntryKind, RequestBody } from '../../schemas/access-codecs.ts';
import { AccessState } from '../../approvals/access-state.ts';
import { bodyOf, human, scopeOf, sha, SERVICE, SYSTEM } from '../approvals/access-fixture.ts';

const ASKER = human('asker', 'privacy-officers');
const DORA = human('dora', 'privacy-officers');
const EMIL = human('emil', 'privacy-officers');
const CLERK = human('clerk', 'data-owners');
const HASH = sha('policy');
const MINUTE = 60_000;

function proposal(given: Partial<RequestBody> = {}, hash = HASH): RequestBody {
  return bodyOf(scopeOf(), {
    subject: 'POLICY',
    scope: null,
    policy: { audience: 'research', sha256: hash, opens: ['research: a new audience'] },
    scope_sha256: hash,
    stages: [{ role: 'privacy-officers', count: 1 }],
    beneficiary_owner: 'asker',
    ...given,
  });
}

const BARE: AccessEntry = {
  entry_id: Buffer.alloc(16),
  kind: 'REQUESTED',
  at: 0,
  by: ASKER,
  idempotency_key: null,
  request_id: null,
  grant_id: null,
  cause: null,
  reason: 'as agreed',
  request: null,
  decision: null,
  topic: null,
  lock: null,
  justified: null,
};

let serial = 0;

function entry(kind: AccessEntryKind, by: AccessActor, given: Partial<AccessEntry> = {}): AccessEntry {
  serial++;
  return { ...BARE, entry_id: Buffer.from(serial.toString(16).padStart(32, '0'), 'hex'), kind, by, ...given };
}

const ID = '00000000000000aa';

function decision(approve = true, hash = HASH): Partial<AccessEntry> {
  const body = { approve, scope_sha256: hash, narrowed: null, narrowed_sha256: null };
  return { request_id: ID, decision: body };
}

/** Folds the entries a minute apart, at offsets 0, 2, 4. */
function after(...entries: readonly AccessEntry[]): PolicyApprovals {
  const approvals = new PolicyApprovals();
  entries.forEach((each, at) => approvals.fold(at * 2, at * MINUTE, each));
  return approvals;
}

const asked = (body = proposal(), by = ASKER): AccessEntry =>
  entry('REQUESTED', by, { request_id: ID, request: body });
const approvedAt = (approvals: PolicyApprovals, offset: number): boolean =>
  approvals.approved({ request_id: ID, decision_offset: offset }) !== null;

describe('a decision about a policy', () => {
  test('counts by its own offset and no other', () => {
    const approvals = after(asked(), entry('DECIDED', DORA, decision()), entry('DECIDED', EMIL, decision()));
    expect(approvals.approved({ request_id: ID, decision_offset: 2 })).toMatchObject({
      audience: 'research',
      sha256: HASH.toString('hex'),
      opens: ['research: a new audience'],
      requester: 'asker',
    });
    expect([0, 1, 4].filter((offset) => approvedAt(approvals, offset))).toEqual([]);
    expect(approvals.approved({ request_id: 'bb', decision_offset: 2 })).toBeNull();
  });

  const never: Readonly<Record<string, readonly AccessEntry[]>> = {
    'by the requester': [asked(), entry('DECIDED', ASKER, decision())],
    'by whom the request is for': [
      asked(proposal({ beneficiary_owner: 'dora' })),
      entry('DECIDED', DORA, decision()),
    ],
    'by somebody without the role': [asked(), entry('DECIDED', CLERK, decision())],
    'by a machine': [asked(), entry('DECIDED', SERVICE, decision())],
    'by the system': [asked(), entry('DECIDED', { ...SYSTEM, roles: ['privacy-officers'] }, decision())],
    'by a delegate': [asked(), entry('DECIDED', { ...DORA, on_behalf_of: 'emil' }, decision())],
    'that says no': [asked(), entry('DECIDED', DORA, decision(false))],
    'about another text': [asked(), entry('DECIDED', DORA, decision(true, sha('other')))],
    'without a request': [entry('DECIDED', DORA, decision())],
    'before the request': [entry('DECIDED', DORA, decision()), asked()],
    'after a no': [asked(), entry('DECIDED', EMIL, decision(false)), entry('DECIDED', DORA, decision())],
    'after it was withdrawn': [
      asked(),
      entry('WITHDRAWN', ASKER, { request_id: ID }),
      entry('DECIDED', DORA, decision()),
    ],
    'after it was cancelled': [
      asked(),
      entry('CANCELLED', SYSTEM, { request_id: ID }),
      entry('DECIDED', DORA, decision()),
    ],
    'after its time': [asked(proposal({ pending_ms: MINUTE })), entry('DECIDED', DORA, decision())],
    'by somebody who is locked': [
      asked(),
      entry('LOCKED', EMIL, { lock: { id: 'l', target: 'PERSON', value: 'dora' } }),
      entry('DECIDED', DORA, decision()),
    ],
    'of a request by somebody who is locked': [
      entry('LOCKED', EMIL, { lock: { id: 'l', target: 'PERSON', value: 'asker' } }),
      asked(),
      entry('DECIDED', DORA, decision()),
    ],
    'of a request without stages': [asked(proposal({ stages: [] })), entry('DECIDED', DORA, decision())],
    'of a request that asks others': [
      asked(proposal({ stages: [{ role: 'data-owners', count: 1 }] })),
      entry('DECIDED', CLERK, decision()),
    ],
    'of a request that asks nobody': [
      asked(proposal({ stages: [{ role: 'privacy-officers', count: 0 }] })),
      entry('DECIDED', DORA, decision()),
    ],
    'of a request by a machine': [asked(proposal(), SERVICE), entry('DECIDED', DORA, decision())],
    'of a request for raw access': [
      asked(bodyOf(scopeOf(), { stages: [{ role: 'privacy-officers', count: 1 }] })),
      entry('DECIDED', DORA, decision(true, bodyOf(scopeOf()).scope_sha256)),
    ],
    'of an emergency': [
      asked(proposal({ emergency: { code: 'ETREAT', review_ms: MINUTE } })),
      entry('DECIDED', DORA, decision()),
    ],
    'of one that signs another hash': [
      asked(proposal({ scope_sha256: sha('other') })),
      entry('DECIDED', DORA, decision(true, sha('other'))),
    ],
  };
  for (const [name, entries] of Object.entries(never)) {
    test(`${name} is no approval`, () => {
      const approvals = after(...entries);
      expect(entries.filter((_, at) => approvedAt(approvals, at * 2))).toEqual([]);
    });
  }

  test('needs as many people as the request says, and each counts once', () => {
    const two = proposal({ stages: [{ role: 'privacy-officers', count: 2 }] });
    const twice = after(asked(two), entry('DECIDED', DORA, decision()), entry('DECIDED', DORA, decision()));
    expect(twice.requests.get(ID)?.state).toBe('PENDING');
    const both = after(asked(two), entry('DECIDED', DORA, decision()), entry('DECIDED', EMIL, decision()));
    expect([2, 4].map((offset) => approvedAt(both, offset))).toEqual([false, true]);
  });

  test('does not count the vote of somebody who was locked since, even once the lock is lifted', () => {
    const lock = { lock: { id: 'l', target: 'PERSON' as const, value: 'dora' } };
    const approvals = after(
      asked(proposal({ stages: [{ role: 'privacy-officers', count: 2 }] })),
      entry('DECIDED', DORA, decision()),
      entry('LOCKED', EMIL, lock),
      entry('DECIDED', EMIL, decision()),
      entry('UNLOCKED', EMIL, lock),
    );
    expect(approvals.requests.get(ID)?.state).toBe('PENDING');
    approvals.fold(10, 5 * MINUTE, entry('DECIDED', DORA, decision()));
    expect(approvedAt(approvals, 10)).toBe(true);
  });

  test('cannot be had for an id that was used before', () => {
    const other = proposal({}, sha('harmless'));
    const approvals = after(
      asked(other),
      asked(),
      entry('DECIDED', DORA, decision()),
      entry('DECIDED', DORA, decision(true, sha('harmless'))),
    );
    expect(approvals.requests.get(ID)).toMatchObject({
      sha256: sha('harmless').toString('hex'),
      decisionOffset: 6,
    });
  });
});

// ---- against the reducer of approvals

const PEOPLE = [ASKER, DORA, EMIL, CLERK, { ...DORA, on_behalf_of: 'emil' }, SERVICE, SYSTEM];
const person = fc.constantFrom(...PEOPLE);
const id = fc.constantFrom(1, 2, 3).map((each) => each.toString(16).padStart(16, '0'));
const hash = fc.constantFrom(sha('one'), sha('two'));
const lockId = fc.constantFrom('a', 'b', '');
const stages = fc.array(
  fc.record({
    role: fc.constantFrom('privacy-officers', 'data-owners'),
    count: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 2 },
);

const command: fc.Arbitrary<AccessEntry> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({
        by: person,
        request_id: id,
        stages,
        hash,
        signed: hash,
        owner: fc.constantFrom('asker', 'dora', ''),
        pending_ms: fc.constantFrom(0, 5 * MINUTE, 60 * MINUTE),
        reason: fc.constantFrom('asked', 'asked', ' ', null),
      })
      .map((g) =>
        entry('REQUESTED', g.by, {
          request_id: g.request_id,
          reason: g.reason,
          request: proposal(
            {
              stages: g.stages,
              beneficiary_owner: g.owner,
              pending_ms: g.pending_ms,
              scope_sha256: g.signed,
            },
            g.hash,
          ),
        }),
      ),
  },
  // Most requests are sound: else there would be nothing to decide.
  {
    weight: 4,
    arbitrary: fc
      .record({ by: fc.constantFrom(ASKER, EMIL), request_id: id, hash, count: fc.constantFrom(1, 2) })
      .map((g) =>
        entry('REQUESTED', g.by, {
          request_id: g.request_id,
          request: proposal({ stages: [{ role: 'privacy-officers', count: g.count }] }, g.hash),
        }),
      ),
  },
  {
    weight: 14,
    arbitrary: fc
      .record({
        by: person,
        request_id: id,
        hash,
        approve: fc.constantFrom(true, true, true, false),
        narrowed: fc.constantFrom(null, null, null, HASH),
        key: fc.constantFrom(null, null, 'k'),
      })
      .map((g) =>
        entry('DECIDED', g.by, {
          request_id: g.request_id,
          idempotency_key: g.key,
          decision: { approve: g.approve, scope_sha256: g.hash, narrowed: null, narrowed_sha256: g.narrowed },
        }),
      ),
  },
  fc
    .record({
      by: person,
      request_id: id,
      kind: fc.constantFrom('WITHDRAWN' as const, 'CANCELLED' as const, 'EXPIRED' as const),
      cause: fc.constantFrom(null, 'POLICY_CHANGED'),
    })
    .map((g) => entry(g.kind, g.by, { request_id: g.request_id, cause: g.cause })),
  fc
    .record({
      by: person,
      kind: fc.constantFrom('LOCKED' as const, 'UNLOCKED' as const, 'UNLOCKED' as const),
      lock: fc.record({
        id: lockId,
        target: fc.constantFrom('PERSON' as const, 'PERSON' as const, 'TOPIC' as const),
        value: fc.constantFrom('asker', 'dora', 'emil', ''),
      }),
    })
    .map((g) => entry(g.kind, g.by, { lock: g.lock })),
);

test('agrees with the reducer of approvals on every request about a policy', () => {
  let approved = 0;
  const log = fc.array(
    fc.record({
      entry: command,
      again: fc.constantFrom(false, false, false, true),
      wait: fc.constantFrom(0, 1, 3, 30),
    }),
    { minLength: 20, maxLength: 80 },
  );
  fc.assert(
    fc.property(log, (steps) => {
      const [state, approvals] = [new AccessState(), new PolicyApprovals()];
      let [offset, nowMs] = [0, 0];
      for (const { entry: next, again, wait } of steps) {
        for (let times = again ? 2 : 1; times > 0; times--) {
          state.fold(offset, nowMs, next);
          approvals.fold(offset, nowMs, next);
          offset += 1;
          nowMs += wait * MINUTE;
        }
        for (const request of state.requests.values()) {
          const mine = approvals.requests.get(request.id);
          const decisionOffset = request.state === 'APPROVED' ? request.votes.at(-1)!.offset : null;
          const told = request.state === 'SUPERSEDED' ? 'CANCELLED' : request.state;
          expect({ id: request.id, ...mine }).toMatchObject({ state: told, decisionOffset });
          if (decisionOffset !== null) approved++;
        }
        expect(approvals.requests.size).toBe(state.requests.size);
      }
    }),
    { numRuns: 400 },
  );
  expect(approved).toBeGreaterThan(100);
});
