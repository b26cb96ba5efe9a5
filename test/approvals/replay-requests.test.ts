/**
 * Replays among the rules of raw access: asked for and decided like any other, revealing nothing, ending by themselves.
 */
import { describe, expect, test } from '@jest/globals';
import { parseAccessRules } from '../../approvals/access-rules-file.ts';
import { isUsableScope, isWithin, isWithoutPhi } from '../../approvals/narrowing.ts';
import { narrowScope } from '../../approvals/scope.ts';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { taskOf } from '../../approvals/provisioner.ts';
import { GauzeErrors } from '../../platform/errors.ts';
import type { ReplayResult, Scope } from '../../schemas/access-codecs.ts';
import { mayRun } from '../../topology/grant-permission.ts';
import { ANA, BEN, DORA, EMERGENCY, SYSTEM, TestLog, bodyOf, human, scopeOf, sha } from './access-fixture.ts';

const AUDITOR = human('abe', 'auditors');

function replayScope(given: Partial<Scope> = {}): Scope {
  return scopeOf({
    fields: [],
    schemas: [],
    partitions: [{ partition: 0, first_offset: 5, next_offset: 9 }],
    persons: null,
    max_persons: null,
    beneficiary: '',
    max_records: 4,
    replay: {
      event_partition: 1,
      event_offset: 17,
      event_sha256: sha('event'),
      recipient: 'research',
      grant_id: null,
      plan_hash: sha('plan'),
      key_epoch: 1,
      output_topic: 'clinical.encounters.for-research',
    },
    ...given,
  });
}

const REPLAY = replayScope();
const FOUND: ReplayResult = { outcome: 'DIFFERENT', code: 'BYTES', records: 4, differs_at: 7 };

/** A log with a replay that people have approved and that runs. */
function running(): { readonly log: TestLog; readonly id: string } {
  const log = new TestLog();
  const asked = log.ask(bodyOf(REPLAY, { beneficiary_owner: 'abe' }), AUDITOR);
  expect(asked).toMatchObject({ outcome: 'ACCEPTED', state: 'PENDING' });
  const id = asked.requestId!;
  const decision = { approve: true, scope_sha256: scopeHash(REPLAY), narrowed: null, narrowed_sha256: null };
  for (const by of [BEN, DORA]) log.put('DECIDED', by, { request_id: id, decision, reason: 'agreed' });
  log.put('ACTIVATION_ORDERED', SYSTEM, { grant_id: id });
  return { log, id };
}

describe('the scope of a replay', () => {
  test('is one only if nothing is revealed to nobody, of one range', () => {
    expect(isUsableScope(REPLAY)).toBe(true);
    const others: Partial<Scope>[] = [
      { fields: scopeOf().fields },
      { beneficiary: 'User:ana' },
      { persons: scopeOf().persons },
      { max_persons: 1 },
      { partitions: [] },
      { partitions: scopeOf().partitions },
      { replay: null },
    ];
    for (const given of others) expect(isUsableScope(replayScope(given))).toBe(false);
  });

  test('may get less time, and cannot become another one, or a part of one', () => {
    expect(isWithin(replayScope({ duration_ms: 5 }), REPLAY)).toBe(true);
    expect(narrowScope(REPLAY, { durationMs: 5 }).duration_ms).toBe(5);
    const others: Partial<Scope>[] = [
      { max_records: 3 },
      { partitions: [{ partition: 0, first_offset: 6, next_offset: 9 }] },
      { replay: { ...REPLAY.replay!, event_offset: 18 } },
      { replay: { ...REPLAY.replay!, event_sha256: sha('other') } },
      { replay: { ...REPLAY.replay!, recipient: 'billing' } },
      { replay: { ...REPLAY.replay!, key_epoch: 2 } },
      { replay: null },
    ];
    for (const given of others) expect(isWithin(replayScope(given), REPLAY)).toBe(false);
    expect(isWithin(REPLAY, replayScope({ replay: null }))).toBe(false);
  });

  test('is never taken for one without identifiers, which needs nobody', () => {
    expect(isWithoutPhi(REPLAY)).toBe(false);
    const alone = new TestLog().ask(bodyOf(REPLAY, { stages: [] }), AUDITOR);
    expect(alone).toMatchObject({ outcome: 'REFUSED', code: 'ERR_ACCESS_STAGES' });
  });

  test('is never an emergency', () => {
    const verdict = new TestLog().ask(bodyOf(REPLAY, EMERGENCY), AUDITOR);
    expect(verdict).toMatchObject({ outcome: 'REFUSED', code: 'ERR_ACCESS_SCOPE_INVALID' });
  });
});

describe('a replay that was approved', () => {
  test('runs without a topic, and would not run with one', () => {
    const { log, id } = running();
    const topic = { topic_id: 'cd'.repeat(16), partitions: 1 };
    expect(log.put('PROVISIONED', SYSTEM, { grant_id: id, topic })).toMatchObject({ outcome: 'REFUSED' });
    expect(log.put('PROVISIONED', SYSTEM, { grant_id: id })).toMatchObject({ state: 'ACTIVE' });
    const { grant } = log.state.grants.get(id)!;
    expect([grant.grant_topic_id, mayRun(grant)]).toEqual([null, true]);
    expect(mayRun({ ...grant, grant_topic_id: 'cd'.repeat(16) })).toBe(false);
  });

  test('asks the provisioner for nothing while it runs', () => {
    const { log, id } = running();
    log.put('PROVISIONED', SYSTEM, { grant_id: id });
    const { grant } = log.state.grants.get(id)!;
    expect(taskOf(grant, grant.not_before)).toBe('nothing');
    expect(taskOf({ ...grant, state: 'SUSPENDED' }, grant.not_before)).toBe('nothing');
  });

  test('ends with what it has found, said by a process of gauze, once', () => {
    const { log, id } = running();
    log.put('PROVISIONED', SYSTEM, { grant_id: id });
    const end = { grant_id: id, cause: 'REPLAYED', replayed: FOUND };
    expect(log.put('END_ORDERED', DORA, end)).toMatchObject({ outcome: 'REFUSED' });
    expect(log.put('END_ORDERED', SYSTEM, end)).toMatchObject({ outcome: 'ACCEPTED', state: 'ENDING' });
    expect(log.put('END_ORDERED', SYSTEM, end)).toMatchObject({ outcome: 'REFUSED' });
    expect(log.put('REMOVED', SYSTEM, { grant_id: id })).toMatchObject({ state: 'ENDED' });
    const record = log.state.grants.get(id)!;
    expect([record.replayed, record.grant.cause]).toEqual([
      expect.objectContaining(FOUND),
      'REPLAY_DIFFERENT',
    ]);
  });

  test('is no way to end another grant', () => {
    const log = new TestLog();
    const id = log.ask(bodyOf(scopeOf()), ANA).requestId!;
    const decision = {
      approve: true,
      scope_sha256: scopeHash(scopeOf()),
      narrowed: null,
      narrowed_sha256: null,
    };
    for (const by of [BEN, DORA]) log.put('DECIDED', by, { request_id: id, decision, reason: 'agreed' });
    log.put('ACTIVATION_ORDERED', SYSTEM, { grant_id: id });
    expect(log.put('PROVISIONED', SYSTEM, { grant_id: id })).toMatchObject({ outcome: 'REFUSED' });
    log.put('PROVISIONED', SYSTEM, { grant_id: id, topic: { topic_id: 'cd'.repeat(16), partitions: 1 } });
    const verdict = log.put('END_ORDERED', SYSTEM, { grant_id: id, cause: 'REPLAYED', replayed: FOUND });
    expect(verdict).toMatchObject({ outcome: 'REFUSED', state: 'ACTIVE' });
  });
});

describe('a rule with replay: true', () => {
  const words = { roles: { auditors: ['a'], officers: ['o'] }, siteTags: new Map() };
  const rule = (more: string): string => `rules:
  - name: replays
    topics: [clinical.encounters]
    requesters: [auditors]
    stages: [{ approvers: officers, count: 1 }]
    purposes: [HCOMPL]
    pendingFor: 24h
    maxDuration: 1h
    maxRecords: 100
    ${more}
`;
  const question = {
    requester: { id: 'abe', roles: ['auditors'] },
    topic: 'clinical.encounters',
    fields: [],
    purpose: 'HCOMPL',
    durationMs: 60_000,
    maxRecords: 4,
    maxPersons: null,
    namedPersons: null,
    emergency: false,
  };

  test('lets replays be asked for, and nothing else', () => {
    const rules = parseAccessRules(rule('replay: true'), 'access.yaml', words);
    expect(rules.find({ ...question, replay: true })).toMatchObject({ rule: 'replays', maxRecords: 4 });
    expect(() => rules.find(question)).toThrow(expect.objectContaining({ code: 'ERR_ACCESS_RULE_TOPIC' }));
    expect(rules.offered(['auditors'], false)).toEqual([]);
    const other = parseAccessRules(rule('fields: [PHI_MRN]'), 'access.yaml', words);
    const asked = () => other.find({ ...question, replay: true });
    expect(asked).toThrow(expect.objectContaining({ code: 'ERR_ACCESS_RULE_TOPIC' }));
  });

  test('takes neither fields nor anything that goes ahead without people', () => {
    const faults = (more: string): readonly string[] => {
      try {
        parseAccessRules(rule(more), 'access.yaml', words);
        return [];
      } catch (error) {
        return error instanceof GauzeErrors ? error.errors.map(({ code }) => code) : ['?'];
      }
    };
    expect(faults('replay: true')).toEqual([]);
    expect(faults('replay: true\n    fields: [PHI_MRN]')).toEqual(['ERR_ACCESS_SETTING_WRONG']);
    expect(faults('replay: true\n    maxPersons: 5')).toEqual(['ERR_ACCESS_SETTING_WRONG']);
    expect(faults('replay: false')).toEqual(['ERR_ACCESS_SETTING_MISSING']);
    const glass = 'breakGlass: { allowed: [auditors], maxDuration: 1h, reviewWithin: 24h }';
    expect(faults(`replay: true\n    ${glass}`)).toEqual(['ERR_ACCESS_SETTING_WRONG']);
  });
});
