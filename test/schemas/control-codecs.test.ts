import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { policyLogCodec, withheldCodec } from '../../schemas/control-codecs.ts';
import type { PolicyLogEntry, WithheldRecord } from '../../schemas/control-codecs.ts';

const WITHHELD: WithheldRecord = {
  topic: 'clinical.encounters',
  topic_id: 'ab'.repeat(16),
  partition: 3,
  offset: 2 ** 52,
  audience: 'research',
  code: 'ERR_DECODE_MAGIC',
};
const ENTRY: PolicyLogEntry = {
  kind: 'POLICY_APPLIED',
  at: 1_750_000_000_000,
  by: 'User:gauze-admin',
  policy: {
    audience: 'research',
    version: 2,
    sha256: Buffer.alloc(32, 5),
    as_of: 20_000,
    text: 'audience: ä',
  },
  tags: null,
  lane: null,
  resume: null,
};
const SECRET = 'synthetic-value-that-must-not-show';

/** What entries can name that those of before could not, in the order in which it came; null is one byte. */
const LATER = {
  approval: null,
  release: null,
  topic_versions: null,
  sample_ask: null,
  sample_result: null,
  redrive: null,
};
const LATER_COUNT = Object.keys(LATER).length;

/** An entry as it was written before entries could name the last `count` things: these bytes were not there. */
function writtenBefore(entry: PolicyLogEntry, count = LATER_COUNT): Buffer {
  return policyLogCodec.encode(entry, 1).subarray(0, -count);
}

describe('control codecs', () => {
  test('read entries of the policy log that were written before they could name an approval', () => {
    for (let count = 1; count <= LATER_COUNT; count++)
      expect(policyLogCodec.decode(writtenBefore(ENTRY, count))).toMatchObject({ ...ENTRY, ...LATER });
    const approved = { ...ENTRY, approval: { request_id: 'a'.repeat(16), decision_offset: 7 } };
    expect(policyLogCodec.decode(writtenBefore(approved, LATER_COUNT - 1))).toMatchObject(approved);
    expect(() => policyLogCodec.decode(writtenBefore(approved))).toThrow(RangeError);
    expect(() => policyLogCodec.decode(writtenBefore(ENTRY).subarray(0, -1))).toThrow(RangeError);
  });

  test('are written where there is room, byte for byte as where there is none', () => {
    const bytes = withheldCodec.encode(WITHHELD, 3);
    const room = Buffer.alloc(bytes.length + 10, 0xee);
    const written = withheldCodec.encode(WITHHELD, 3, room);
    expect([written.buffer, written.byteOffset]).toEqual([room.buffer, room.byteOffset]);
    expect(written).toEqual(bytes);
    expect(room.subarray(bytes.length)).toEqual(Buffer.alloc(10, 0xee));
    for (const few of [bytes.length, bytes.length - 1, 6, 0]) {
      expect(withheldCodec.encode(WITHHELD, 3, Buffer.alloc(few))).toEqual(bytes);
    }
    expect(() => withheldCodec.encode({ ...WITHHELD, offset: 2 ** 60 }, 3, room)).toThrow(RangeError);
  });

  test('give back what was encoded, behind the prefix of the registry', () => {
    const bytes = withheldCodec.encode(WITHHELD, 0x0a0b0c0d);
    expect(bytes.subarray(0, 5)).toEqual(Buffer.from([0, 10, 11, 12, 13]));
    expect(withheldCodec.decode(bytes)).toMatchObject(WITHHELD);
  });

  test('give back every kind of policy log entry', () => {
    const none = { ...ENTRY, policy: null };
    const lane = { audience: 'research', topic: 'a', partition: 1 };
    const entries: readonly PolicyLogEntry[] = [
      ENTRY,
      {
        ...none,
        kind: 'TAGS_SEEN',
        tags: { subject: 'a-value', paths: [{ path: 'mrn', tags: ['PHI_MRN'] }] },
      },
      {
        ...none,
        kind: 'LANE_STARTED',
        lane: { ...lane, topic_id: '01'.repeat(16), target_topic_id: '02'.repeat(16), start_offset: 9 },
      },
      {
        ...none,
        kind: 'LANE_RESUMED',
        resume: { ...lane, from: 'WITHHOLD', withhold_offset: 12, reason: 'why' },
      },
      { ...none, kind: 'APPROVALS_REQUIRED' },
      { ...ENTRY, approval: { request_id: '0123456789abcdef', decision_offset: 7 } },
      { ...ENTRY, topic_versions: [{ topic: 'a', version: 2, from: 'EARLIEST' }] },
    ];
    for (const entry of entries) {
      const decoded = policyLogCodec.decode(policyLogCodec.encode(entry, 1));
      expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(JSON.stringify({ ...LATER, ...entry })));
    }
  });

  test('refuse every truncation and any byte after the value', () => {
    const bytes = policyLogCodec.encode(ENTRY, 1);
    // Without its last bytes it is an entry as it was written before entries could name more.
    for (let length = 0; length < bytes.length - LATER_COUNT; length++) {
      expect(() => policyLogCodec.decode(bytes.subarray(0, length))).toThrow(RangeError);
    }
    expect(() => policyLogCodec.decode(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(RangeError);
  });

  test('refuse a value without the prefix', () => {
    const bytes = policyLogCodec.encode(ENTRY, 1);
    bytes[0] = 1;
    expect(() => policyLogCodec.decode(bytes)).toThrow(RangeError);
  });

  test('raise nothing but RangeError for hostile bytes, and never quote what they hold', () => {
    const prefix = Buffer.from([0, 0, 0, 0, 1]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (body) => {
        try {
          policyLogCodec.decode(Buffer.concat([prefix, body]));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          expect((error as Error).message).toBe('value does not fit its schema');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('refuse what does not fit the schema without quoting it', () => {
    const wrong = { ...WITHHELD, partition: SECRET } as object as WithheldRecord;
    let message = '';
    try {
      withheldCodec.encode(wrong, 1);
    } catch (error) {
      message = String(error);
    }
    expect(message).toBe('RangeError: value does not fit its schema');
    expect(() => withheldCodec.encode({ ...WITHHELD, offset: 2 ** 60 }, 1)).toThrow(RangeError);
    const fraction = { ...WITHHELD, offset: 1.5 };
    expect(() => withheldCodec.encode(fraction, 1)).toThrow(RangeError);
  });
});
