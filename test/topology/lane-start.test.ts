import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { PolicyState } from '../../policy/policy-log.ts';
import type { PolicyLogEntry, ResumeFrom } from '../../schemas/control-codecs.ts';
import { encodeLaneMetadata } from '../../topology/lane-metadata.ts';
import type { LaneMetadata } from '../../topology/lane-metadata.ts';
import { decideStart } from '../../topology/lane-start.ts';
import type { LaneFacts, LaneStart } from '../../topology/lane-start.ts';
import { policyText } from '../support/policy-fixture.ts';

const LANE = { audience: 'research', topic: 'raw', partition: 2 };
const RAW = '0a'.repeat(16);
const TARGET = '0b'.repeat(16);
const OTHER = '0c'.repeat(16);
const METADATA: LaneMetadata = {
  chain: { chainId: '01'.repeat(16), seq: 9, head: '02'.repeat(32) },
  auditPartition: 0,
  auditOffset: 7,
  rawTopicId: RAW,
  targetTopicId: TARGET,
  policyLogOffset: 3,
  policyVersion: 1,
  committedAtMs: 1_750_000_000_000,
  held: null,
};
const EMPTY = { at: 1, by: 'User:gauze-topology', policy: null, tags: null, lane: null, resume: null };
const STARTED: PolicyLogEntry = {
  ...EMPTY,
  kind: 'LANE_STARTED',
  lane: { ...LANE, topic_id: RAW, target_topic_id: TARGET, start_offset: 0 },
};
const resume = (from: ResumeFrom): PolicyLogEntry => ({
  ...EMPTY,
  kind: 'LANE_RESUMED',
  resume: { ...LANE, from, withhold_offset: from === 'WITHHOLD' ? 50 : null, reason: 'looked at' },
});

/** What differs from a lane that was started, stands at 50 of [10, 100), and agrees with everything. */
interface Given {
  readonly log?: readonly PolicyLogEntry[];
  readonly offset?: number;
  readonly metadata?: Partial<LaneMetadata> | string | null;
  readonly earliest?: number;
  readonly latest?: number;
  readonly rawTopicId?: string;
  readonly targetTopicId?: string;
  /** Where the audit topic says the lane got to. */
  readonly audited?: number | null;
  /** The position of the policy log as read here; by default behind its last entry. */
  readonly logEnd?: number;
}

function facts(given: Given): LaneFacts {
  const state = new PolicyState();
  for (const [i, entry] of (given.log ?? [STARTED]).entries()) state.fold(i, entry);
  state.endOffset = given.logEnd ?? 10;
  const { offset = 50, metadata = {} } = given;
  const written = typeof metadata === 'object' && metadata !== null;
  const text = written ? encodeLaneMetadata({ ...METADATA, ...metadata }) : metadata;
  return {
    ...LANE,
    rawTopicId: given.rawTopicId ?? RAW,
    targetTopicId: given.targetTopicId ?? TARGET,
    committed: { offset, metadata: offset < 0 ? null : text },
    earliest: given.earliest ?? 10,
    latest: given.latest ?? 100,
    state,
  };
}

async function start(given: Given): Promise<LaneStart> {
  return await decideStart(facts(given), async () => await Promise.resolve(given.audited ?? null));
}

describe('a lane', () => {
  test('that was never started begins at the first offset, and puts that on record', async () => {
    expect(await start({ log: [], offset: -1 })).toEqual({
      position: 10,
      from: null,
      previous: null,
      started: true,
      order: null,
      ordersSeen: -1,
    });
  });

  test('where everything agrees goes on from its committed offset', async () => {
    expect(await start({})).toEqual({
      position: 50,
      from: 50,
      previous: METADATA,
      started: false,
      order: null,
      ordersSeen: -1,
    });
  });

  test('may stand at either end of what there is', async () => {
    expect((await start({ offset: 10 })).position).toBe(10);
    expect((await start({ offset: 100 })).position).toBe(100);
  });

  const holds: readonly (readonly [why: string, given: Given, code: string])[] = [
    ['was started but has no offset', { offset: -1 }, 'ERR_LANE_OFFSET_LOST'],
    ['has lost its offset with its raw topic', { offset: -1, rawTopicId: OTHER }, 'ERR_LANE_RAW_RECREATED'],
    ['has an offset of nobody’s writing', { metadata: '' }, 'ERR_LANE_OFFSET_MOVED'],
    ['has an offset without metadata', { metadata: null }, 'ERR_LANE_OFFSET_MOVED'],
    ['has an offset but was never started', { log: [] }, 'ERR_LANE_OFFSET_MOVED'],
    ['has an offset behind the end of the partition', { offset: 101 }, 'ERR_LANE_OFFSET_MOVED'],
    ['reads another raw topic', { rawTopicId: OTHER }, 'ERR_LANE_RAW_RECREATED'],
    [
      'reads another, shorter raw topic',
      { rawTopicId: OTHER, earliest: 0, latest: 0 },
      'ERR_LANE_RAW_RECREATED',
    ],
    ['writes another target', { targetTopicId: OTHER }, 'ERR_LANE_TARGET_RECREATED'],
    [
      'has another raw topic and another target',
      { rawTopicId: OTHER, targetTopicId: OTHER },
      'ERR_LANE_RAW_RECREATED',
    ],
    ['was overtaken by retention', { earliest: 51 }, 'ERR_LANE_RETENTION'],
    ['has read more of the policy log than there is here', { logEnd: 2 }, 'ERR_POLICY_LOG_BEHIND'],
    [
      'has read more of the policy log than there is here, whatever people say',
      { logEnd: 2, log: [STARTED, resume('EARLIEST')] },
      'ERR_POLICY_LOG_BEHIND',
    ],
  ];
  test.each(holds)('that %s holds', async (_why, given, code) => {
    await expect(start(given)).rejects.toMatchObject({ code, context: LANE });
  });
});

describe('a resume', () => {
  const positions: readonly (readonly [how: ResumeFrom, given: Given, position: number])[] = [
    ['EARLIEST', {}, 10],
    ['EARLIEST', { rawTopicId: OTHER, metadata: '' }, 10],
    ['EARLIEST', { offset: -1 }, 10],
    ['COMMITTED', { metadata: '' }, 50],
    ['COMMITTED', { targetTopicId: OTHER }, 50],
    ['WITHHOLD', {}, 50],
    ['AUDIT', { offset: -1, audited: 47 }, 47],
    ['AUDIT', { metadata: '', offset: 99, audited: 47 }, 47],
  ];
  test.each(positions)('from %s with %j goes on at %i', async (how, given, position) => {
    const decided = await start({ ...given, log: [STARTED, resume(how)] });
    expect(decided).toMatchObject({
      position,
      started: true,
      ordersSeen: 1,
      order: { from: how, logOffset: 1 },
    });
    expect(decided.from).toBe(given.offset === -1 ? null : (given.offset ?? 50));
  });

  const impossible: readonly (readonly [how: ResumeFrom, given: Given, code: string])[] = [
    ['COMMITTED', { offset: -1 }, 'ERR_LANE_OFFSET_LOST'],
    ['WITHHOLD', { offset: -1 }, 'ERR_LANE_OFFSET_LOST'],
    ['AUDIT', { offset: -1, audited: null }, 'ERR_LANE_OFFSET_LOST'],
    ['AUDIT', { offset: -1, audited: 9 }, 'ERR_LANE_RETENTION'],
    ['AUDIT', { offset: -1, audited: 101 }, 'ERR_LANE_OFFSET_MOVED'],
    ['COMMITTED', { earliest: 51 }, 'ERR_LANE_RETENTION'],
    ['COMMITTED', { latest: 49, earliest: 0 }, 'ERR_LANE_OFFSET_MOVED'],
  ];
  test.each(impossible)('from %s with %j cannot be carried out: the lane holds', async (how, given, code) => {
    await expect(start({ ...given, log: [STARTED, resume(how)] })).rejects.toMatchObject({ code });
  });

  test('is used up once: after the start that it led to, a disagreement holds again', async () => {
    const log = [STARTED, resume('EARLIEST'), STARTED];
    await expect(start({ log, metadata: '' })).rejects.toMatchObject({ code: 'ERR_LANE_OFFSET_MOVED' });
    expect(await start({ log })).toMatchObject({
      position: 50,
      started: false,
      order: null,
      ordersSeen: 1,
    });
    const again = [...log, resume('COMMITTED')];
    expect(await start({ log: again, metadata: '' })).toMatchObject({ position: 50, ordersSeen: 3 });
  });

  test('counts by its latest: an earlier one is not carried out', async () => {
    const log = [STARTED, resume('EARLIEST'), resume('COMMITTED')];
    expect(await start({ log, metadata: '' })).toMatchObject({ position: 50, order: { from: 'COMMITTED' } });
  });

  test('of one lane moves no other', async () => {
    const other = { ...resume('EARLIEST'), resume: { ...resume('EARLIEST').resume!, partition: 3 } };
    await expect(start({ log: [STARTED, other], metadata: '' })).rejects.toMatchObject({
      code: 'ERR_LANE_OFFSET_MOVED',
    });
  });

  test('asks the audit topic only where it is to go on from there', async () => {
    const asked: string[] = [];
    for (const how of ['EARLIEST', 'COMMITTED', 'WITHHOLD', 'AUDIT'] as const) {
      await decideStart(facts({ log: [STARTED, resume(how)] }), async () => {
        asked.push(how);
        return await Promise.resolve(20);
      });
    }
    expect(asked).toEqual(['AUDIT']);
  });
});

/** The policy of the lane's audience, with its topic in a version. */
function applied(version: number, settings: object = {}): PolicyLogEntry {
  const text = policyText({ topics: { raw: { key: { tag: 'PHI_ID' }, version, ...settings } } });
  const sha256 = createHash('sha256').update(text).digest();
  const policy = { audience: 'research', version, sha256, as_of: 20_000, text };
  return { ...EMPTY, kind: 'POLICY_APPLIED', policy };
}

const startedOn = (target: string): PolicyLogEntry => ({
  ...STARTED,
  lane: { ...STARTED.lane!, target_topic_id: target },
});

describe('a new version of a topic', () => {
  const moved = { targetTopicId: OTHER };
  const raised = [applied(1), startedOn(TARGET), applied(2)];

  test('is begun at the first offset by the lane that wrote the one before, and put on record', async () => {
    expect(await start({ ...moved, log: raised })).toMatchObject({
      position: 10,
      from: 50,
      started: true,
      order: { from: 'EARLIEST', logOffset: 2 },
      ordersSeen: 2,
    });
  });

  test('is begun where the lane stands, where the policy says so', async () => {
    const log = [applied(1), startedOn(TARGET), applied(2, { from: 'committed' })];
    const begun = await start({ ...moved, log });
    expect(begun).toMatchObject({ position: 50, started: true, order: { from: 'COMMITTED' } });
  });

  test('is begun once: after that the lane goes on, and a topic that was made again holds it', async () => {
    const log = [...raised, startedOn(OTHER)];
    const metadata = { targetTopicId: OTHER };
    expect(await start({ ...moved, metadata, log })).toMatchObject({ position: 50, order: null });
    const again = { targetTopicId: '0d'.repeat(16), metadata, log };
    await expect(start(again)).rejects.toMatchObject({ code: 'ERR_LANE_TARGET_RECREATED' });
  });

  test('settles nothing else that disagrees', async () => {
    const cases: [Given, string][] = [
      [{ rawTopicId: OTHER }, 'ERR_LANE_RAW_RECREATED'],
      [{ offset: -1 }, 'ERR_LANE_OFFSET_LOST'],
      [{ metadata: '' }, 'ERR_LANE_OFFSET_MOVED'],
      [{ earliest: 51 }, 'ERR_LANE_RETENTION'],
      [{ metadata: { policyLogOffset: 11 } }, 'ERR_POLICY_LOG_BEHIND'],
    ];
    for (const [given, code] of cases)
      await expect(start({ ...moved, log: raised, ...given })).rejects.toMatchObject({ code });
  });

  test('counts before an older order of a person, and after a newer one', async () => {
    const [first, begun, second] = raised as [PolicyLogEntry, PolicyLogEntry, PolicyLogEntry];
    const older = await start({ ...moved, log: [first, begun, resume('COMMITTED'), second] });
    expect(older).toMatchObject({ position: 10, order: { logOffset: 3, settles: false } });
    const newer = await start({ ...moved, log: [...raised, resume('COMMITTED')] });
    expect(newer).toMatchObject({ position: 50, order: { logOffset: 3, settles: true } });
  });

  test('is never taken back: a policy that does so is not in force', () => {
    const { state } = facts({ log: [...raised, applied(1)] });
    expect(state.policies.get('research')).toMatchObject({ version: 2 });
    expect(state.versions.topicVersion('research', 'raw')).toMatchObject({ version: 2, logOffset: 2 });
    expect(state.versions.refused.get('research')).toMatchObject({ code: 'ERR_POLICY_TOPIC_VERSION' });
    const removed: PolicyLogEntry = { ...applied(2), kind: 'POLICY_REMOVED' };
    const after = facts({ log: [...raised, removed, applied(1)] }).state;
    expect(after.policies.get('research')).toBeUndefined();
  });
});
