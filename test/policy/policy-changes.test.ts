/**
 * What becomes of the question whether a policy may open what it opens: asked once, asked anew where it came to
 * nothing, and never again where people said no.
 */
import { describe, expect, test } from '@jest/globals';
import { PolicyState } from '../../policy/policy-log.ts';
import { judgeChanges } from '../../policy/policy-changes.ts';
import type { PolicyChange } from '../../policy/policy-changes.ts';
import type { AccessActor, AccessEntry } from '../../schemas/access-codecs.ts';
import type { PolicyApprovalEntry } from '../../schemas/control-codecs.ts';
import { bodyOf, human, scopeOf } from '../approvals/access-fixture.ts';
import { policyWith } from '../support/policy-fixture.ts';

const MINUTE = 60_000;
const BEFORE = policyWith();
const AFTER = policyWith({ readers: ['User:research-app', 'User:vendor'] });
const OPENS = ['research: User:vendor is a new reader'];
const ASKER = human('asker');
const OFFICER = human('officer', 'privacy-officers');

class Site {
  readonly state = new PolicyState();

  constructor() {
    this.apply(BEFORE, null);
    this.put({ kind: 'APPROVALS_REQUIRED', policy: null, approval: null });
  }

  put(
    entry: Partial<Parameters<PolicyState['fold']>[1]> & { kind: Parameters<PolicyState['fold']>[1]['kind'] },
  ): void {
    const bare = { at: 1, by: 'User:gauze-admin', policy: null, tags: null, lane: null, resume: null };
    this.state.fold(this.state.endOffset, { ...bare, ...entry });
  }

  apply({ sha256, text }: typeof AFTER, approval: PolicyApprovalEntry | null): void {
    const policy = { audience: 'research', version: 1, sha256: Buffer.from(sha256, 'hex'), as_of: 1, text };
    this.put({ kind: 'POLICY_APPLIED', policy, approval });
  }

  access(kind: AccessEntry['kind'], by: AccessActor, given: Partial<AccessEntry>): number {
    const { versions } = this.state;
    const offset = versions.approvals.endOffset;
    const entry_id = Buffer.from((offset + 1).toString(16).padStart(32, '0'), 'hex');
    const bare = {
      at: 0,
      idempotency_key: null,
      request_id: null,
      grant_id: null,
      cause: null,
      reason: 'asked',
    };
    const rest = { request: null, decision: null, topic: null, lock: null, justified: null };
    versions.foldAccess(offset, offset * MINUTE, { ...bare, ...rest, entry_id, kind, by, ...given });
    this.state.settle();
    return offset;
  }

  ask(id: string, opens = OPENS): void {
    const sha256 = Buffer.from(AFTER.sha256, 'hex');
    const request = bodyOf(scopeOf(), {
      subject: 'POLICY',
      scope: null,
      policy: { audience: 'research', sha256, opens },
      scope_sha256: sha256,
      stages: [{ role: 'privacy-officers', count: 1 }],
      pending_ms: 60 * MINUTE,
    });
    this.access('REQUESTED', ASKER, { request_id: id, request });
  }

  decide(id: string, approve: boolean): number {
    const scope_sha256 = Buffer.from(AFTER.sha256, 'hex');
    const decision = { approve, scope_sha256, narrowed: null, narrowed_sha256: null };
    return this.access('DECIDED', OFFICER, { request_id: id, decision });
  }

  judge(nowMs = 0, isRequired = true): PolicyChange {
    const known = new Map();
    const { versions } = this.state;
    const input = { versions, asOfDay: 1, isRequired, logged: known, inSchemas: known, nowMs };
    return judgeChanges({ ...input, changed: [AFTER] })[0]!;
  }
}

describe('a policy that opens anything', () => {
  test('waits for nobody where approvals are not required, and says all the same what it opens', () => {
    expect(new Site().judge(0, false)).toMatchObject({ opens: OPENS, approval: null, question: null });
  });

  test('is asked about under one id, as long as the question is the same', () => {
    const site = new Site();
    const { id, state } = site.judge().question!;
    expect(state).toBe('NEW');
    expect(new Site().judge().question).toEqual({ id, state: 'NEW' });
    site.ask(id);
    expect(site.judge().question).toEqual({ id, state: 'PENDING' });
  });

  test('is asked about anew where nobody decided in time, or the question was withdrawn', () => {
    const site = new Site();
    const first = site.judge().question!.id;
    site.ask(first);
    const second = site.judge(61 * MINUTE).question!;
    expect(second.state).toBe('NEW');
    expect(second.id).not.toBe(first);
    site.access('WITHDRAWN', ASKER, { request_id: first });
    expect(site.judge().question).toEqual(second);
  });

  test('is not asked about again after a no', () => {
    const site = new Site();
    const { id } = site.judge().question!;
    site.ask(id);
    site.decide(id, false);
    expect(site.judge().question).toEqual({ id, state: 'DENIED' });
  });

  test('names its decision, which is used up once it is in force', () => {
    const site = new Site();
    const { id } = site.judge().question!;
    site.ask(id);
    const decision_offset = site.decide(id, true);
    const approval = { request_id: id, decision_offset };
    expect(site.judge()).toMatchObject({ approval, question: null });
    site.apply(AFTER, approval);
    site.apply(BEFORE, null);
    const again = site.judge();
    expect(again.approval).toBeNull();
    expect(again.question).toMatchObject({ state: 'NEW' });
    expect(again.question!.id).not.toBe(id);
  });

  test('does not take the decision of people who were told less', () => {
    const site = new Site();
    site.ask('0'.repeat(16), ['research: something else']);
    site.decide('0'.repeat(16), true);
    expect(site.judge()).toMatchObject({ approval: null, question: { state: 'NEW' } });
  });
});
