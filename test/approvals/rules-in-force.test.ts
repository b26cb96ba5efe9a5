/**
 * The access rules themselves are changed by decision: a site begins with those it has, and from then on nobody asks
 * under others that no privacy officer has approved.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ACCESS_RULES } from '../../approvals/access-rule.ts';
import { AccessState } from '../../approvals/access-state.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import type { AccessEntry, RequestBody } from '../../schemas/access-codecs.ts';
import { human, requestOf, scopeOf } from '../support/access-plane.ts';

const alice = human('alice', 'clinicians');
const dan = human('dan', 'privacy-officers');
const erin = human('erin', 'privacy-officers');
const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
const [OLD, NEW] = [hash('old rules'), hash('new rules')];

class Log {
  readonly state = new AccessState();
  private next = 0;

  append(entry: Partial<AccessEntry> & Pick<AccessEntry, 'kind' | 'by'>): Verdict {
    const offset = this.next++;
    const entry_id = hash(`entry ${offset}`).subarray(0, 16);
    const none = { idempotency_key: null, request_id: null, grant_id: null, cause: null, reason: null };
    const more = { request: null, decision: null, topic: null, lock: null, justified: null };
    return this.state.fold(offset, 1_000_000 + offset, { entry_id, at: 0, ...none, ...more, ...entry });
  }

  ask(rules: Buffer): Verdict {
    const request_id = hash(`request ${this.next}`).toString('hex').slice(0, 16);
    const request = requestOf(scopeOf(), { rules_sha256: rules });
    return this.append({
      kind: 'REQUESTED',
      by: alice,
      request_id,
      request,
      reason: 'follow-up of patients',
    });
  }

  /** A question about rules, and what `by` says to it. */
  change(rules: Buffer, approve: boolean, by = erin): Verdict {
    const request_id = hash(`change ${this.next}`).toString('hex').slice(0, 16);
    const policy = { audience: ACCESS_RULES, sha256: rules, opens: ['encounters-raw: anybody may ask'] };
    const about: Partial<RequestBody> = { subject: 'POLICY', scope: null, policy, scope_sha256: rules };
    const stages = [{ role: 'privacy-officers', count: 1 }];
    const request = requestOf(scopeOf(), { ...about, beneficiary_owner: dan.id, stages });
    this.append({ kind: 'REQUESTED', by: dan, request_id, request, reason: 'the access rules were changed' });
    const decision = { approve, scope_sha256: rules, narrowed: null, narrowed_sha256: null };
    return this.append({ kind: 'DECIDED', by, request_id, decision, reason: 'seen and understood' });
  }
}

describe('access rules', () => {
  test('are those of the first request, and others are refused', () => {
    const log = new Log();
    expect(log.state.rulesInForce).toBeNull();
    expect(log.ask(OLD).outcome).toBe('ACCEPTED');
    expect(log.state.rulesInForce).toEqual(OLD);
    expect(log.ask(NEW)).toMatchObject({ outcome: 'REFUSED', code: 'ERR_ACCESS_RULES_UNAPPROVED' });
    expect(log.ask(OLD).outcome).toBe('ACCEPTED');
  });

  test('change by the decision of a privacy officer who has not asked for it', () => {
    const log = new Log();
    log.ask(OLD);
    expect(log.change(NEW, true, dan).outcome).toBe('REFUSED');
    expect(log.change(NEW, false).outcome).toBe('ACCEPTED');
    expect(log.ask(NEW).code).toBe('ERR_ACCESS_RULES_UNAPPROVED');
    expect(log.change(NEW, true).outcome).toBe('ACCEPTED');
    expect(log.ask(NEW).outcome).toBe('ACCEPTED');
    expect(log.ask(OLD).code).toBe('ERR_ACCESS_RULES_UNAPPROVED');
  });

  test('are not changed by a decision about an audience of that hash', () => {
    const log = new Log();
    log.ask(OLD);
    const policy = { audience: 'research', sha256: NEW, opens: ['something'] };
    const stages = [{ role: 'privacy-officers', count: 1 }];
    const request = requestOf(scopeOf(), {
      subject: 'POLICY',
      scope: null,
      policy,
      scope_sha256: NEW,
      stages,
    });
    const request_id = 'ab'.repeat(8);
    log.append({ kind: 'REQUESTED', by: dan, request_id, request, reason: 'a policy was changed' });
    const decision = { approve: true, scope_sha256: NEW, narrowed: null, narrowed_sha256: null };
    log.append({ kind: 'DECIDED', by: erin, request_id, decision, reason: 'seen and understood' });
    expect(log.ask(NEW).code).toBe('ERR_ACCESS_RULES_UNAPPROVED');
  });
});
