import { describe, expect, test } from '@jest/globals';
import { AuditChain } from '../../audit/audit-chain.ts';
import type { ChainedEvent } from '../../audit/audit-chain.ts';
import { eventHash } from '../../audit/audit-chain.ts';
import { sessionBatch, sessionOpened } from '../../audit/lane-events.ts';
import type { BatchFacts, LaneIdentity } from '../../audit/lane-events.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { checkAudit } from '../../cli/demo-audit.ts';
import type { LanePosition, ReadEvent } from '../../cli/demo-audit.ts';
import { totalsOf } from '../../cli/demo-totals.ts';
import type { Reading } from '../../cli/demo-readers.ts';
import { testWriterKey } from '../support/signed-chains.ts';

const TOPIC_ID = 'ab'.repeat(16);
const WRITER = 'gauze.lane.research.clinical.patients.0';
const IDENTITY: LaneIdentity = {
  recipient: 'research',
  clusterId: 'cluster',
  audience: 'research',
  group: 'gauze.research',
  rawTopic: 'clinical.patients',
  rawTopicId: TOPIC_ID,
  partition: 0,
  outputTopic: 'clinical.patients.for-research',
  principal: 'User:gauze-topology',
  purpose: [],
  accounting: 'EXEMPT_LIMITED_DATA_SET',
};
const POLICY = { version: 1, sha256: '00'.repeat(32), policyLogOffset: 3, keyEpoch: 1 };

function facts(firstOffset: number, nextOffset: number): BatchFacts {
  const recordCount = nextOffset - firstOffset;
  return {
    firstOffset,
    nextOffset,
    recordCount,
    deliveredCount: recordCount - 1,
    delivered: null,
    bytes: 10,
    fromMs: 0,
    toMs: 0,
    plans: [],
    planHash: '00'.repeat(32),
    fieldsClear: [],
    dataClasses: [],
  };
}

/** The events of one session over these ranges, and the chain's head after them. */
function session(ranges: readonly (readonly [number, number])[]) {
  const chain = new AuditChain({ writerId: WRITER, schemaId: 7, key: testWriterKey() });
  const opened = sessionOpened(IDENTITY, POLICY, { nowMs: 0, position: 0, previous: null });
  const bodies = ranges.map(([from, to]) => sessionBatch(IDENTITY, POLICY, 0, facts(from, to)));
  const linked = chain.link([opened, ...bodies]);
  chain.accept(linked);
  return { events: linked.map(asRead), head: chain.head };
}

function asRead({ value }: ChainedEvent): ReadEvent {
  return { event: auditEventCodec.decode(value), hash: eventHash(value) };
}

function lane(committed: number, chain: LanePosition['chain']): LanePosition {
  const place = { audience: 'research', topic: 'clinical.patients', partition: 0 };
  return { ...place, writer: WRITER, topicId: TOPIC_ID, first: 0, end: committed, committed, chain };
}

const NAME = 'research clinical.patients/0';

describe("the demo's audit check", () => {
  test('passes ranges that tile from the first to the committed offset', () => {
    const { events, head } = session([[0, 10], [10, 25], [25, 26]]); // prettier-ignore
    const found = checkAudit(events, [lane(26, head)]);
    expect(found).toMatchObject({ ok: true, batches: 3, chains: 1, read: 26, delivered: 23, broken: 0 });
  });

  test.each([
    ['a gap', [[0, 10], [11, 26]]], // prettier-ignore
    ['an overlap', [[0, 10], [9, 26]]], // prettier-ignore
    ['a late beginning', [[1, 26]]],
    ['an end before the committed offset', [[0, 25]]],
    ['an end after it', [[0, 27]]],
    ['nothing at all', []],
  ] as [string, [number, number][]][])('names a lane whose ranges leave %s', (_, ranges) => {
    const { events, head } = session(ranges);
    expect(checkAudit(events, [lane(26, head)])).toMatchObject({ ok: false, untiled: [NAME] });
  });

  test('names ranges of a lane that is not there, such as one of a topic that was made again', () => {
    const { events, head } = session([[0, 26]]);
    const other = { ...lane(26, head), topicId: 'cd'.repeat(16) };
    expect(checkAudit(events, [other]).untiled).toHaveLength(2);
  });

  test('sees an event that was taken out, changed or moved', () => {
    const { events, head } = session([[0, 10], [10, 20], [20, 26]]); // prettier-ignore
    const [opened, first, second, third] = events as [ReadEvent, ReadEvent, ReadEvent, ReadEvent];
    expect(checkAudit([opened, first, third], [lane(26, head)]).broken).toBe(1);
    expect(checkAudit([opened, second, first, third], [lane(26, head)]).broken).toBeGreaterThan(0);
    const changed = { ...first, hash: Buffer.alloc(32, 1) };
    expect(checkAudit([opened, changed, second, third], [lane(26, head)]).broken).toBe(1);
  });

  test('sees a tail that was cut off, by the head in the committed offset', () => {
    const { events, head } = session([[0, 10], [10, 26]]); // prettier-ignore
    const found = checkAudit(events.slice(0, -1), [lane(10, head)]);
    expect(found).toMatchObject({ ok: false, untiled: [], broken: 0, headless: [NAME] });
    expect(checkAudit(events, [lane(26, null)]).headless).toEqual([NAME]);
  });
});

describe("the demo's sums", () => {
  const RAW = {
    'clinical.patients': 5,
    'clinical.encounters': 3,
    'clinical.observations': 0,
    'clinical.claims': 1,
  };
  const withheld = {
    byLane: new Map([['research clinical.encounters', 2]]),
    byCode: new Map<string, number>(),
  };
  const reading = (encounters: number, more: Partial<Reading> = {}): Reading => ({
    audience: 'research',
    counts: { ...RAW, 'clinical.encounters': encounters },
    repeated: 0,
    missing: 0,
    picked: new Map(),
    ...more,
  });

  test('agree where published and withheld together are raw', () => {
    expect(totalsOf(RAW, [reading(1)], withheld)).toMatchObject({ ok: true });
  });

  test.each([
    ['one record too few', reading(0)],
    ['one too many', reading(2)],
    ['one twice in place of another', reading(1, { repeated: 1, missing: 1 })],
  ])('disagree over %s', (_, off) => {
    expect(totalsOf(RAW, [off], withheld).ok).toBe(false);
  });
});
