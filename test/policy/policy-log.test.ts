import { describe, expect, test } from '@jest/globals';
import { PolicyState, laneKey } from '../../policy/policy-log.ts';
import type { PolicyLogEntry, ResumeFrom } from '../../schemas/control-codecs.ts';

const EMPTY: PolicyLogEntry = {
  kind: 'TAGS_SEEN',
  at: 1,
  by: 'User:gauze-admin',
  policy: null,
  tags: null,
  lane: null,
  resume: null,
};
const LANE = { audience: 'research', topic: 'clinical.encounters', partition: 2 };

function applied(audience: string, version: number): PolicyLogEntry {
  const policy = { audience, version, sha256: Buffer.alloc(32, version), as_of: 20_000, text: `v${version}` };
  return { ...EMPTY, kind: 'POLICY_APPLIED', policy };
}
function tagsSeen(subject: string, paths: Readonly<Record<string, readonly string[]>>): PolicyLogEntry {
  const list = Object.entries(paths).map(([path, tags]) => ({ path, tags }));
  return { ...EMPTY, tags: { subject, paths: list } };
}
function started(offset: number, topicId = 'aa'.repeat(16)): PolicyLogEntry {
  const ids = { topic_id: topicId, target_topic_id: 'bb'.repeat(16) };
  return { ...EMPTY, kind: 'LANE_STARTED', lane: { ...LANE, ...ids, start_offset: offset } };
}
function resumed(from: ResumeFrom, withholdOffset: number | null = null): PolicyLogEntry {
  const resume = { ...LANE, from, withhold_offset: withholdOffset, reason: 'looked at' };
  return { ...EMPTY, kind: 'LANE_RESUMED', resume };
}

/** The state after these entries, at offsets that have holes as transaction markers leave them. */
function stateOf(entries: readonly PolicyLogEntry[]): PolicyState {
  const state = new PolicyState();
  for (const [i, entry] of entries.entries()) state.fold(i * 2, entry);
  return state;
}

describe('the fold of the policy log', () => {
  test('keeps the latest version of each policy and where it stands, until it is removed', () => {
    const state = stateOf([applied('research', 1), applied('billing', 1), applied('research', 2)]);
    expect(state.policies.get('research')).toEqual({
      audience: 'research',
      version: 2,
      sha256: '02'.repeat(32),
      asOfDay: 20_000,
      text: 'v2',
      logOffset: 4,
    });
    expect(state.policies.get('billing')?.version).toBe(1);
    expect(state.endOffset).toBe(5);
    state.fold(8, { ...applied('research', 2), kind: 'POLICY_REMOVED' });
    expect([...state.policies.keys()]).toEqual(['billing']);
    expect(state.endOffset).toBe(9);
  });

  test('forgets no tag that was ever seen', () => {
    const state = stateOf([
      tagsSeen('a-value', { mrn: ['PHI_MRN'], note: ['PHI_FREE_TEXT'] }),
      tagsSeen('a-value', { mrn: ['PHI_ID'] }),
      tagsSeen('b-value', { mrn: ['PHI_NONE'] }),
      tagsSeen('a-value', { mrn: [] }),
    ]);
    expect([...state.tags.inForce('a-value').get('mrn')!]).toEqual(['PHI_MRN', 'PHI_ID']);
    expect([...state.tags.inForce('a-value').get('note')!]).toEqual(['PHI_FREE_TEXT']);
    expect([...state.tags.inForce('b-value').get('mrn')!]).toEqual(['PHI_NONE']);
  });

  test('keeps a tag in force through a release that does not say what it releases', () => {
    const release = { ...tagsSeen('a-value', { mrn: ['PHI_MRN'] }), kind: 'TAGS_RELEASED' as const };
    const state = stateOf([tagsSeen('a-value', { mrn: ['PHI_MRN'] }), release]);
    expect([...state.tags.inForce('a-value').get('mrn')!]).toEqual(['PHI_MRN']);
  });

  test('knows each lane that was ever started, by its latest start', () => {
    const state = stateOf([started(0), started(40)]);
    expect(state.started.get(laneKey(LANE))).toMatchObject({ start_offset: 40, logOffset: 2 });
    expect(state.started.has(laneKey({ ...LANE, partition: 3 }))).toBe(false);
  });

  test('knows the latest resume of a lane, and every offset that people had withheld', () => {
    const state = stateOf([resumed('WITHHOLD', 7), resumed('WITHHOLD', 9), resumed('EARLIEST')]);
    expect(state.resumed.get(laneKey(LANE))).toMatchObject({ from: 'EARLIEST', logOffset: 4 });
    expect([...state.withhold.get(laneKey(LANE))!]).toEqual([7, 9]);
  });

  test('forgets orders to withhold once the raw topic is another one, and only then', () => {
    const orders = [started(0), resumed('WITHHOLD', 7), started(8)];
    expect([...stateOf(orders).withhold.get(laneKey(LANE))!]).toEqual([7]);
    const remade = stateOf([...orders, started(0, 'cc'.repeat(16))]);
    expect(remade.withhold.has(laneKey(LANE))).toBe(false);
  });

  test('counts what changes the rules: policies, new tags, orders to withhold; and nothing else', () => {
    const state = new PolicyState();
    const changes = (entry: PolicyLogEntry): boolean => {
      const before = state.rulesVersion;
      state.fold(state.endOffset, entry);
      return state.rulesVersion !== before;
    };
    expect(changes(applied('research', 1))).toBe(true);
    expect(changes(applied('research', 2))).toBe(true);
    expect(changes({ ...applied('research', 2), kind: 'POLICY_REMOVED' })).toBe(true);
    expect(changes(tagsSeen('a-value', { mrn: ['PHI_MRN'] }))).toBe(true);
    expect(changes(tagsSeen('a-value', { mrn: ['PHI_MRN'] }))).toBe(false);
    expect(changes(resumed('WITHHOLD', 7))).toBe(true);
    expect(changes(resumed('EARLIEST'))).toBe(false);
    expect(changes(started(0))).toBe(false);
  });

  test('gives every lane a key of its own', () => {
    const keys = ['a', 'a.1'].flatMap((topic) =>
      [1, 11].map((partition) => laneKey({ audience: 'research', topic, partition })),
    );
    expect(new Set(keys).size).toBe(4);
  });
});
