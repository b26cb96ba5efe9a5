/**
 * Which version of a policy is in force once approvals are required: what opens waits for its decision, what closes
 * does not, and no decision is good for anything but what people were told.
 */
import { describe, expect, test } from '@jest/globals';
import { PolicyState } from '../../policy/policy-log.ts';
import type { AccessActor, AccessEntry } from '../../schemas/access-codecs.ts';
import type { PolicyApprovalEntry, PolicyLogEntry } from '../../schemas/control-codecs.ts';
import { bodyOf, human, scopeOf, sha } from '../approvals/access-fixture.ts';
import { policyText, TOPIC } from '../support/policy-fixture.ts';

const MINUTE = 60_000;
const ASKER = human('asker');
const OFFICER = human('officer', 'privacy-officers');

/** The fixture's policy with this method for MRNs, and a remark that tells versions of the same content apart. */
function text(mrn: unknown, remark = ''): string {
  const methods = { PHI_ID: { method: 'pseudonym', domain: 'patient' }, PHI_MRN: mrn, PHI_NONE: 'keep' };
  return policyText({ regime: 'tpo', methods, description: `Treatment ${remark}` });
}

const DROP = text('drop');
const HASHED = text({ method: 'pseudonym', domain: 'mrn' });
const KEEP = text('keep');
const KEEP_OPENS = [
  'research: PHI_MRN: keep instead of drop',
  'research: clinical.tests: mrn: keep instead of drop',
];

/** Both logs in memory; entries of the one see what stands in the other. */
class Logs {
  readonly state = new PolicyState();
  private serial = 0;
  private version = 0;

  put(entry: Partial<PolicyLogEntry> & Pick<PolicyLogEntry, 'kind'>): this {
    const offset = this.state.endOffset;
    this.state.fold(offset, {
      at: 1,
      by: 'User:gauze-admin',
      policy: null,
      tags: null,
      lane: null,
      resume: null,
      ...entry,
    });
    return this;
  }

  tag(path: string, ...tags: string[]): this {
    return this.put({ kind: 'TAGS_SEEN', tags: { subject: `${TOPIC}-value`, paths: [{ path, tags }] } });
  }

  apply(policy: string, approval: PolicyApprovalEntry | null = null, given: object = {}): this {
    const applied = {
      audience: 'research',
      version: ++this.version,
      sha256: sha(policy),
      as_of: 20_000,
      text: policy,
    };
    return this.put({ kind: 'POLICY_APPLIED', policy: { ...applied, ...given }, approval });
  }

  require(): this {
    return this.put({ kind: 'APPROVALS_REQUIRED' });
  }

  /** Asks and decides in gauze.access; what the entry of the policy log names. */
  decide(
    policy: string,
    opens: readonly string[],
    by: AccessActor = OFFICER,
    approve = true,
  ): PolicyApprovalEntry {
    const id = (++this.serial).toString(16).padStart(16, '0');
    const request = bodyOf(scopeOf(), {
      subject: 'POLICY',
      scope: null,
      policy: { audience: 'research', sha256: sha(policy), opens },
      scope_sha256: sha(policy),
      stages: [{ role: 'privacy-officers', count: 1 }],
      beneficiary_owner: 'asker',
    });
    this.access({ kind: 'REQUESTED', by: ASKER, request_id: id, request, reason: 'asked' });
    const decision = { approve, scope_sha256: sha(policy), narrowed: null, narrowed_sha256: null };
    const offset = this.access({ kind: 'DECIDED', by, request_id: id, decision });
    return { request_id: id, decision_offset: offset };
  }

  access(given: Partial<AccessEntry> & Pick<AccessEntry, 'kind' | 'by'>): number {
    const offset = this.state.versions.approvals.endOffset;
    const bare = {
      at: 0,
      idempotency_key: null,
      request_id: null,
      grant_id: null,
      cause: null,
      reason: null,
    };
    const rest = { request: null, decision: null, topic: null, lock: null, justified: null };
    const entry_id = Buffer.from((offset + 1).toString(16).padStart(32, '0'), 'hex');
    this.state.versions.foldAccess(offset, offset * MINUTE, { ...bare, ...rest, entry_id, ...given });
    this.state.settle();
    return offset;
  }

  get inForce(): number | undefined {
    return this.state.policies.get('research')?.version;
  }
}

function started(): Logs {
  return new Logs().tag('mrn', 'PHI_MRN').apply(DROP).require();
}

describe('a policy in force', () => {
  test('is the last one applied as long as approvals are not required', () => {
    const logs = new Logs().apply(DROP).apply(KEEP).apply('no policy');
    expect(logs.inForce).toBe(3);
    expect(logs.state.versions.refused.size).toBe(0);
  });

  test('stays the one before where the next one opens anything without a decision', () => {
    const logs = started().apply(KEEP);
    expect(logs.inForce).toBe(1);
    expect(logs.state.versions.refused.get('research')).toMatchObject({ version: 2, opens: KEEP_OPENS });
  });

  test('is none for a new audience without a decision', () => {
    const logs = new Logs().require().apply(DROP);
    expect(logs.inForce).toBeUndefined();
    expect(logs.state.versions.refused.get('research')?.opens).toContain('research: a new audience, tpo');
  });

  test('changes at once where the next one only closes', () => {
    const logs = new Logs().tag('mrn', 'PHI_MRN').apply(KEEP).require().apply(HASHED).apply(DROP);
    expect(logs.inForce).toBe(3);
    // What was closed is not open any more: the way back needs people.
    expect(logs.apply(KEEP).inForce).toBe(3);
  });

  test('changes with a decision about exactly that text and what it opens', () => {
    const logs = started();
    const approval = logs.decide(KEEP, KEEP_OPENS);
    expect(logs.apply(KEEP, approval).inForce).toBe(2);
    expect(logs.state.versions.refused.size).toBe(0);
  });

  test('gives its topic a new version only once it is in force', () => {
    const second = (mrn: unknown): string =>
      text(mrn).replace('"key":{"tag":"PHI_ID"}', '"key":{"tag":"PHI_ID"},"version":2');
    expect(second('keep')).toContain('"version":2');
    const logs = started();
    const version = (): number | undefined => logs.state.versions.topicVersion('research', TOPIC)?.version;
    expect(logs.apply(second('keep')).inForce).toBe(1);
    expect(version()).toBe(1);
    // Decided after the fact, for the entry that names the decision.
    const before = logs.state.endOffset;
    logs.apply(second('keep'), { request_id: '1'.padStart(16, '0'), decision_offset: 1 });
    expect(version()).toBe(1);
    logs.decide(second('keep'), KEEP_OPENS);
    expect(version()).toBe(2);
    expect(logs.state.versions.topicVersion('research', TOPIC)).toMatchObject({ logOffset: before });
    // What only closes needs nobody, but takes no version back.
    expect(logs.apply(DROP).inForce).toBe(3);
    expect([version(), logs.apply(second('drop')).inForce]).toEqual([2, 5]);
  });

  test('takes a decision up that is read after the policy that names it', () => {
    const logs = started();
    logs.apply(KEEP, { request_id: '1'.padStart(16, '0'), decision_offset: 1 });
    expect([logs.inForce, logs.state.versions.awaitsDecision]).toEqual([1, true]);
    const before = logs.state.rulesVersion;
    logs.decide(KEEP, KEEP_OPENS);
    expect([logs.inForce, logs.state.versions.awaitsDecision]).toEqual([2, false]);
    expect(logs.state.rulesVersion).toBeGreaterThan(before);
  });

  test('comes out the same whichever log is read first', () => {
    const first = started();
    const approval = first.decide(KEEP, KEEP_OPENS);
    first.apply(KEEP, approval).apply(HASHED).apply(KEEP, approval);
    const second = started().apply(KEEP, approval).apply(HASHED).apply(KEEP, approval);
    second.decide(KEEP, KEEP_OPENS);
    expect([first.inForce, second.inForce]).toEqual([3, 3]);
  });

  const useless: Readonly<Record<string, (logs: Logs) => PolicyApprovalEntry>> = {
    'about another text': (logs) => logs.decide(HASHED, KEEP_OPENS),
    'of which people were told less than it opens': (logs) => logs.decide(KEEP, KEEP_OPENS.slice(1)),
    'of the requester alone': (logs) =>
      logs.decide(KEEP, KEEP_OPENS, { ...ASKER, roles: ['privacy-officers'] }),
    'of somebody without the role': (logs) => logs.decide(KEEP, KEEP_OPENS, human('clerk', 'data-owners')),
    'that says no': (logs) => logs.decide(KEEP, KEEP_OPENS, OFFICER, false),
    'at another offset': (logs) => {
      const { request_id, decision_offset } = logs.decide(KEEP, KEEP_OPENS);
      return { request_id, decision_offset: decision_offset - 1 };
    },
    'that nobody has taken': () => ({ request_id: '1'.padStart(16, '0'), decision_offset: 99 }),
  };
  for (const [name, decide] of Object.entries(useless)) {
    test(`does not change by a decision ${name}`, () => {
      const logs = started();
      const approval = decide(logs);
      expect(logs.apply(KEEP, approval).inForce).toBe(1);
    });
  }

  test('does not change by the decision about another audience', () => {
    const logs = started();
    const billing = KEEP.replace('"research"', '"billing"');
    logs.apply(billing, null, { audience: 'billing' });
    const { opens } = logs.state.versions.refused.get('billing')!;
    // Asked about research, with the text and the sentences of billing.
    logs.apply(billing, logs.decide(billing, opens), { audience: 'billing' });
    expect(logs.state.policies.has('billing')).toBe(false);
    expect(logs.inForce).toBe(1);
  });

  test('does not change by a text that is not the one decided about, or of another audience', () => {
    const logs = started();
    const approval = logs.decide(KEEP, KEEP_OPENS);
    expect(logs.apply(text('keep', 'altered'), approval, { sha256: sha(KEEP) }).inForce).toBe(1);
    expect(logs.apply(DROP, null, { sha256: sha(KEEP) }).inForce).toBe(1);
    expect(logs.apply(DROP.replace('"research"', '"billing"')).inForce).toBe(1);
  });

  test('uses a decision up: what was closed since does not open by it again', () => {
    const logs = started();
    const approval = logs.decide(KEEP, KEEP_OPENS);
    logs.apply(KEEP, approval).apply(DROP);
    expect(logs.inForce).toBe(3);
    expect(logs.apply(KEEP, approval).inForce).toBe(3);
  });

  test('does not change by a decision once the change opens more than people were told', () => {
    const logs = started();
    const approval = logs.decide(KEEP, KEEP_OPENS);
    logs.tag('note', 'PHI_MRN');
    expect(logs.apply(KEEP, approval).inForce).toBe(1);
  });

  test('is judged by the tags that were known when it was applied, whatever comes later', () => {
    const exception = { [TOPIC]: { mrn: { method: 'redact', reason: 'decided' } } };
    const redacted = HASHED.replace(/^fields:.*$/m, '') + `\nfields: ${JSON.stringify(exception)}`;
    const logs = new Logs().tag('mrn', 'PHI_MRN').apply(HASHED).require().apply(redacted);
    expect(logs.inForce).toBe(2);
    // From now on the tags would hold it: judged anew, that exception would seem to open it.
    logs.tag('mrn', 'PHI_ID').apply(`${redacted}\n# a remark`);
    expect(logs.inForce).toBe(3);
  });

  test('holds its lanes where a version cannot be read, and is compared with the last that could', () => {
    const logs = started().apply('no policy');
    expect(logs.inForce).toBe(2);
    expect(logs.apply(KEEP).inForce).toBe(2);
    expect(logs.apply(DROP).inForce).toBe(4);
  });

  test('is none once it is removed, and then a new one has to be decided about', () => {
    const logs = started();
    logs.put({
      kind: 'POLICY_REMOVED',
      policy: { audience: 'research', version: 1, sha256: sha(''), as_of: 1, text: '' },
    });
    expect(logs.inForce).toBeUndefined();
    expect(logs.apply(DROP).inForce).toBeUndefined();
  });

  test('needs decisions for ever, whatever stands in the log after the first word of it', () => {
    const logs = started().require().apply(KEEP);
    expect(logs.inForce).toBe(1);
    expect(logs.state.versions.requiredFrom).toBe(2);
  });

  test('does not go back to an earlier day for ages without a decision', () => {
    const logs = started().apply(DROP, null, { as_of: 19_999 });
    expect(logs.inForce).toBe(1);
    expect(logs.apply(DROP, null, { as_of: 20_001 }).inForce).toBe(3);
  });
});
