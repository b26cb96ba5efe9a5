/**
 * Records whose times leave shifted: with the dates in them, and never raw.
 */
import { describe, expect, test } from '@jest/globals';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import type { Plan } from '../../processors/plan.ts';
import { SpanMasker } from '../../topology/span-masker.ts';
import { TransactionWork } from '../../topology/transaction-work.ts';
import type { TopicRules } from '../../topology/topic-rules.ts';
import { planFor } from '../support/plan-builder.ts';
import { rawBatch } from '../support/raw-batch.ts';
import type { RawRecord } from '../support/raw-batch.ts';
import { recordSetOf, recordsOf } from '../support/read-records.ts';
import { testKeys } from '../support/test-keys.ts';

const DAY_MS = 86_400_000;
/** The time of a record of `rawBatch` without a delta. */
const RAW_MS = 1_700_000_000_000;
const SCHEMA_ID = 7;
const keys = testKeys();
const plan: Plan = planFor(
  {
    type: 'record',
    name: 'Visit',
    fields: [
      { name: 'on', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'person', type: ['null', 'string'] },
    ],
  },
  { on: { method: 'date-shift', maxDays: 182 } },
  { schemaId: SCHEMA_ID, personPath: ['person'], timestamp: 'shift', timestampMaxDays: 182 },
);
const SHIFTED: TopicRules = {
  maskKey: (input, start, end, out, at) => at + input.copy(out, at, start, end),
  olderKeys: [],
  compacted: false,
  shiftsTimes: true,
  headers: new Set(),
};

/** A record whose date is its own time. */
function visit(person: string | null, timestampDelta = 0): RawRecord {
  const head = Buffer.alloc(5);
  head.writeInt32BE(SCHEMA_ID, 1);
  const on = BigInt(RAW_MS + timestampDelta);
  const value = avscTypes(plan).writer.toBuffer({ on, person: person === null ? null : { string: person } });
  return { key: Buffer.from('k'), value: Buffer.concat([head, value]), timestampDelta };
}

interface Out {
  readonly timeMs: number;
  readonly on: number | null;
}

function run(records: readonly RawRecord[], rules = SHIFTED, of = plan, keepTimestamps = true) {
  const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000, keepTimestamps });
  const masker = new SpanMasker({
    writer,
    rules,
    source: { topicId: 'a'.repeat(32), partition: 0 },
    plans: new Map([
      [
        SCHEMA_ID,
        {
          plan: of,
          transcoder: compileTranscoder(of, keys),
          prefix: Buffer.alloc(5),
          fieldsClear: [],
          dataClasses: [],
        },
      ],
    ]),
    ordered: new Set(),
    outputBytesMax: 1_000_000,
    recordsMax: 1_000,
    recordBytesMax: 900_000,
  });
  const { batches, nextOffset } = recordSetOf(rawBatch({ baseOffset: 100, records }), { fetchOffset: 100 });
  const work = new TransactionWork();
  masker.run({ firstOffset: 100, nextOffset, batches, bytes: 1 }, 100, work);
  const bytes = Buffer.concat(writer.finish().map((batch) => Buffer.from(writer.stamp(batch, 1n, 0, 0))));
  const out = recordsOf(bytes.length === 0 ? [] : recordSetOf(bytes).batches).map(
    ({ timestampMs, value }): Out => {
      if (value === null) return { timeMs: timestampMs, on: null };
      const { on } = avscTypes(of).derived.fromBuffer(Buffer.from(value, 'hex').subarray(5)) as {
        on: bigint;
      };
      return { timeMs: timestampMs, on: Number(on) };
    },
  );
  return { out, withheld: work.withheld, bytes };
}

describe('the time of a record', () => {
  test('moves with the dates in it, by whole days of its person, never by none', () => {
    const people = Array.from({ length: 40 }, (_, i) => `P-${i}`);
    const { out, withheld } = run(
      people.flatMap((person, i) => [visit(person, i), visit(person, 5 * DAY_MS)]),
    );
    expect(withheld).toEqual([]);
    expect(out).toHaveLength(80);
    const days = new Set<number>();
    for (const [i, { timeMs, on }] of out.entries()) {
      expect(timeMs).toBe(on);
      const raw = RAW_MS + (i % 2 === 0 ? i / 2 : 5 * DAY_MS);
      const moved = (timeMs - raw) / DAY_MS;
      expect(Number.isInteger(moved) && moved !== 0 && Math.abs(moved) <= 182).toBe(true);
      days.add(moved);
      if (i % 2 === 1) expect(timeMs - out[i - 1]!.timeMs).toBe(5 * DAY_MS - (i - 1) / 2);
    }
    expect(days.size).toBeGreaterThan(20);
  });

  test('of a record that names nobody is never told: it is withheld, a tombstone too', () => {
    const { out, withheld, bytes } = run([
      visit(null),
      visit(''),
      { key: Buffer.from('k'), value: null },
      visit('P-1'),
    ]);
    const code = 'ERR_MASK_PERSON_MISSING';
    expect(withheld).toEqual([100, 101, 102].map((offset) => ({ offset, code })));
    expect(out).toHaveLength(1);
    // Nor does the batch's header begin with it.
    const time = Buffer.alloc(8);
    time.writeBigInt64BE(BigInt(RAW_MS));
    expect(bytes.includes(time)).toBe(false);
  });

  test('that cannot be shifted withholds', () => {
    const early = run(Array.from({ length: 20 }, (_, i) => visit(`P-${i}`, -RAW_MS + DAY_MS)));
    expect(early.withheld.length).toBeGreaterThan(0);
    expect(new Set(early.withheld.map(({ code }) => code))).toEqual(new Set(['ERR_MASK_RANGE']));
    expect(early.out.every(({ timeMs }) => timeMs >= 2 * DAY_MS)).toBe(true);
  });

  test('never leaves raw under a plan that does not know of the shift', () => {
    const { timestampMaxDays: _, ...unshifted } = plan;
    expect(() => run([visit('P-1')], SHIFTED, { ...unshifted, timestamp: 'keep' })).toThrow(
      expect.objectContaining({ code: 'ERR_INTERNAL' }),
    );
  });

  test('is no reason to withhold where no time leaves', () => {
    const { timestampMaxDays: _, ...unshifted } = planFor(
      { type: 'record', name: 'Visit', fields: [{ name: 'on', type: 'long' }] },
      {},
      { schemaId: SCHEMA_ID },
    );
    const head = Buffer.alloc(5);
    head.writeInt32BE(SCHEMA_ID, 1);
    const value = Buffer.concat([head, Buffer.from([2])]);
    const { out, withheld } = run([{ key: null, value }], SHIFTED, unshifted, false);
    expect([out.length, withheld]).toEqual([1, []]);
  });
});
