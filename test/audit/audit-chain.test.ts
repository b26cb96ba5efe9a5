import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { AuditChain, eventHash } from '../../audit/audit-chain.ts';
import type { EventBody } from '../../audit/audit-chain.ts';
import { laneHeartbeat, sessionBatch, sessionOpened } from '../../audit/lane-events.ts';
import type { LaneIdentity, PolicyInForce } from '../../audit/lane-events.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { testWriterKey } from '../support/signed-chains.ts';

const LANE: LaneIdentity = {
  recipient: 'research',
  clusterId: 'cluster',
  audience: 'research',
  group: 'gauze.research',
  rawTopic: 'clinical.encounters',
  rawTopicId: 'ab'.repeat(16),
  partition: 3,
  outputTopic: 'clinical.encounters.for-research',
  principal: 'User:gauze-topology',
  purpose: ['HRESCH'],
  accounting: 'EXEMPT_LIMITED_DATA_SET',
};
const POLICY: PolicyInForce = { version: 4, sha256: 'cd'.repeat(32), policyLogOffset: 12, keyEpoch: 1 };
const SCHEMA_ID = 0x01020304;

const beat = (position: number): EventBody => laneHeartbeat(LANE, POLICY, 1_750_000_000_000, position);
const opened = (): EventBody =>
  sessionOpened(LANE, POLICY, { nowMs: 1_750_000_000_000, position: 1, previous: null });
const chain = (): AuditChain =>
  new AuditChain({
    writerId: 'gauze.lane.research.clinical.encounters.3',
    schemaId: SCHEMA_ID,
    key: testWriterKey(),
  });

/** Whether each event names the one before it and counts on, as a verifier sees it. */
function isWhole(values: readonly Buffer[]): boolean {
  let previous = Buffer.alloc(32);
  for (const [i, value] of values.entries()) {
    const event = auditEventCodec.decode(value);
    if (event.seq !== i || !event.prev_hash.equals(previous)) return false;
    previous = Buffer.from(
      createHash('sha256')
        .update(Buffer.from([0]))
        .update(value)
        .digest(),
    );
  }
  return true;
}

describe('the chain', () => {
  test('begins with 32 zero bytes at sequence 0, and names SHA-256(0x00 || value as produced) after it', () => {
    const [first, second] = chain().link([opened(), beat(2)]);
    const events = [first!, second!].map(({ value }) => auditEventCodec.decode(value));
    expect(events.map(({ seq }) => seq)).toEqual([0, 1]);
    expect(events[0]!.prev_hash).toEqual(Buffer.alloc(32));
    const hash = createHash('sha256')
      .update(Buffer.concat([Buffer.from([0]), first!.value]))
      .digest();
    expect(events[1]!.prev_hash).toEqual(hash);
    expect(eventHash(first!.value)).toEqual(hash);
    expect(first!.head.head).toBe(hash.toString('hex'));
    // As produced: the registry prefix is part of what is hashed.
    expect(first!.value.subarray(0, 5)).toEqual(Buffer.from([0, 1, 2, 3, 4]));
  });

  test('moves its head only when the events are accepted: an aborted attempt leaves no trace', () => {
    const one = chain();
    const before = one.head;
    expect(before).toMatchObject({ seq: -1, head: '0'.repeat(64) });
    one.link([opened(), beat(2)]);
    expect(one.head).toEqual(before);
    const again = one.link([opened()]);
    expect(auditEventCodec.decode(again[0]!.value).seq).toBe(0);
    one.accept(again);
    expect(one.head).toEqual(again[0]!.head);
    one.accept([]);
    expect(one.head).toEqual(again[0]!.head);
    const next = one.link([beat(2)]);
    expect(isWhole([again[0]!.value, next[0]!.value])).toBe(true);
  });

  test('breaks at any changed byte, and at a removed, doubled or moved event', () => {
    const one = chain();
    const linked = one.link([opened(), beat(2), beat(3)]);
    const values = linked.map(({ value }) => value);
    expect(isWhole(values)).toBe(true);
    const [first, second, third] = values as [Buffer, Buffer, Buffer];
    for (let at = 0; at < second.length; at++) {
      const changed = Buffer.from(second);
      changed[at]! ^= 1;
      expect(eventHash(changed).equals(eventHash(second))).toBe(false);
    }
    const renamed = Buffer.from(second);
    renamed.write('R', renamed.indexOf('research'));
    for (const broken of [
      [first, third],
      [first, first, second],
      [second, first, third],
      [first, renamed, third],
      [second, third],
    ]) {
      expect(isWhole(broken)).toBe(false);
    }
  });

  test('has an id of its own in each session, and every event its own of version 7', () => {
    const [one, other] = [chain(), chain()];
    expect(one.head.chainId).not.toBe(other.head.chainId);
    const events = one.link([opened(), beat(1)]).map(({ value }) => auditEventCodec.decode(value));
    expect(events[0]!.event_id).not.toEqual(events[1]!.event_id);
    for (const { event_id: id, chain_id: chainId } of events) {
      expect(id[6]! >> 4).toBe(7);
      expect(chainId.toString('hex')).toBe(one.head.chainId);
    }
  });

  test('sorts the rare fields by name, so that the same facts give the same bytes', () => {
    const ext = [
      { k: 'plan.9', v: 'z' },
      { k: 'how', v: 'y' },
      { k: 'plan.10', v: 'x' },
    ];
    const [, event] = chain().link([opened(), { ...beat(1), ext }]);
    const decoded = auditEventCodec.decode(event!.value).ext.map(({ k }) => k);
    expect(decoded).toEqual(['how', 'plan.10', 'plan.9']);
    expect(ext[0]!.k).toBe('plan.9');
  });
});

describe('the event', () => {
  test('has its fields in the order that was agreed, the signature last', () => {
    const agreed = `event_id type action outcome outcome_reason phase occurred_from occurred_to recorded_at
      actor recipient purpose accounting grant policy plan range view subjects group trace_id request_id ext
      output_sha256 writer_id chain_id seq prev_hash key_epoch sig`;
    const schema = JSON.parse(auditEventCodec.schemaText) as { fields: readonly { name: string }[] };
    expect(schema.fields.map(({ name }) => name)).toEqual(agreed.split(/\s+/));
  });

  test('holds no map and no float, whose bytes are not canonical', () => {
    expect(auditEventCodec.schemaText).not.toMatch(/"(map|float|double)"/);
  });

  test('that is not signed ends in one 0x00 byte; a signature takes 65 bytes at the end and changes no other', () => {
    const [, event] = chain().link([opened(), beat(1)]);
    const { value } = event!;
    expect(value.at(-1)).toBe(0);
    const sig = Buffer.alloc(64, 0xee);
    const signed = auditEventCodec.encode({ ...auditEventCodec.decode(value), sig }, SCHEMA_ID);
    expect(signed.subarray(0, -65)).toEqual(value.subarray(0, -1));
    expect(signed.subarray(-65)).toEqual(Buffer.concat([Buffer.from([2]), sig]));
  });

  test('of a batch says what was read, delivered and shown, and when', () => {
    const facts = {
      firstOffset: 10,
      nextOffset: 15,
      recordCount: 4,
      deliveredCount: 3,
      delivered: Buffer.from([0b1101]),
      bytes: 400,
      fromMs: 1_700_000_000_000,
      toMs: 1_700_000_000_500,
      plans: [
        { schemaId: 7, hash: '11'.repeat(32) },
        { schemaId: 8, hash: '22'.repeat(32) },
      ],
      planHash: '33'.repeat(32),
      fieldsClear: ['zip'],
      dataClasses: ['PHI_NONE'],
    };
    const [, linked] = chain().link([opened(), sessionBatch(LANE, POLICY, 1_750_000_000_000, facts)]);
    const event = auditEventCodec.decode(linked!.value);
    expect(event).toMatchObject({
      type: 'session.batch',
      outcome: 'MINOR_FAILURE',
      outcome_reason: 'withheld',
      occurred_from: 1_700_000_000_000_000,
      occurred_to: 1_700_000_000_500_000,
      range: {
        first_offset: 10,
        next_offset: 15,
        record_count: 4,
        delivered_count: 3,
        bytes: 400,
        partition: 3,
      },
      view: { masked: true, fields_clear: ['zip'], output_topic: LANE.outputTopic },
      plan: { policy_log_offset: 12, masking_key_epoch: 1 },
      policy: { id: 'research', version: 4 },
      group: { id: 'gauze.research', coverage: 'EXACT', offset_committed: true },
      ext: [
        { k: 'plan.7', v: '11'.repeat(32) },
        { k: 'plan.8', v: '22'.repeat(32) },
      ],
    });
    expect(event.range?.delivered).toEqual(Buffer.from([0b1101]));
    expect(event.range?.topic_id?.toString('hex')).toBe(LANE.rawTopicId);
    const all = { ...facts, deliveredCount: 4, delivered: null, plans: facts.plans.slice(0, 1) };
    expect(sessionBatch(LANE, POLICY, 0, all)).toMatchObject({
      outcome: 'SUCCESS',
      outcome_reason: null,
      ext: [],
    });
  });

  test('that opens a session points to the end of the one before', () => {
    const previous = { chainId: 'ef'.repeat(16), seq: 41, head: '0a'.repeat(32) };
    expect(sessionOpened(LANE, POLICY, { nowMs: 1, position: 9, previous }).ext).toEqual([
      { k: 'prev_chain', v: previous.chainId },
      { k: 'prev_head', v: previous.head },
      { k: 'prev_seq', v: '41' },
    ]);
    expect(sessionOpened(LANE, POLICY, { nowMs: 1, position: 9, previous: null }).ext).toEqual([]);
  });
});
