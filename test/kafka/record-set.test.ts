import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { unpack } from '../../kafka/compression.ts';
import type { AbortedTransaction } from '../../kafka/fetch.ts';
import { RecordCursor } from '../../kafka/record-cursor.ts';
import { markerBatch, rawBatch, rawRecord, varint } from '../support/raw-batch.ts';
import type { RawRecord } from '../support/raw-batch.ts';
import { recordSetOf, recordsOf } from '../support/read-records.ts';

const text = (value: string): RawRecord => ({ value: Buffer.from(value) });
const data = (baseOffset: number, producerId: number, ...values: readonly string[]): Buffer =>
  rawBatch({ baseOffset, producerId, transactional: true, records: values.map(text) });
/** The values handed out, as text. */
function valuesOf(parts: readonly Buffer[], aborted: readonly AbortedTransaction[] = [], fetchOffset = 0) {
  const { batches, nextOffset } = recordSetOf(Buffer.concat(parts), { aborted, fetchOffset });
  const values = recordsOf(batches).map(({ value }) => Buffer.from(value ?? '', 'hex').toString());
  return { values, nextOffset };
}
const aborted = (producerId: number, firstOffset: number): AbortedTransaction => ({
  producerId: BigInt(producerId),
  firstOffset,
});

/** Reads a batch at offset 40 that counts one record. */
function readOne(body: Buffer, after: Buffer = Buffer.alloc(0)): unknown {
  const set = recordSetOf(Buffer.concat([rawBatch({ baseOffset: 40, body, count: 1 }), after]));
  return recordsOf(set.batches);
}

describe('records', () => {
  const bytes = fc.option(
    fc.uint8Array({ maxLength: 300 }).map((a) => Buffer.from(a)),
    { nil: null },
  );
  const record: fc.Arbitrary<Required<Omit<RawRecord, 'offsetDelta'>>> = fc.record({
    key: bytes,
    value: bytes,
    headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 5 }), bytes), { maxLength: 3 }),
    timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  });

  test('come out as they stand in the batch, packed or not', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(0 as const, 1 as const, 4 as const),
        fc.nat({ max: 2 ** 40 }),
        (records, codec, baseOffset) => {
          const baseTimestampMs = 1_700_000_000_000;
          const set = recordSetOf(rawBatch({ baseOffset, records, codec, baseTimestampMs }), {
            fetchOffset: baseOffset,
          });
          expect(recordsOf(set.batches)).toEqual(
            records.map(({ key, value, headers, timestampDelta }, i) => ({
              offset: baseOffset + i,
              timestampMs: baseTimestampMs + timestampDelta,
              key: key?.toString('hex') ?? null,
              value: value?.toString('hex') ?? null,
              headers: headers.map(([name, content]) => [name, content?.toString('hex') ?? null]),
            })),
          );
          expect(set.nextOffset).toBe(baseOffset + records.length);
        },
      ),
    );
  });

  test('bear the time of append where the topic stamps them', () => {
    const records = [{ timestampDelta: 0 }, { timestampDelta: 500 }];
    const { batches } = recordSetOf(
      rawBatch({ baseOffset: 0, records, baseTimestampMs: 0, appendTimeMs: 1_750_000_000_123 }),
    );
    expect(recordsOf(batches).map(({ timestampMs }) => timestampMs)).toEqual([
      1_750_000_000_123, 1_750_000_000_123,
    ]);
  });

  test('keep their offsets where compaction has left holes', () => {
    const records = [
      { ...text('a'), offsetDelta: 1 },
      { ...text('b'), offsetDelta: 7 },
    ];
    const { batches, nextOffset } = recordSetOf(rawBatch({ baseOffset: 10, records, lastOffsetDelta: 9 }));
    expect(recordsOf(batches).map(({ offset }) => offset)).toEqual([11, 17]);
    expect(nextOffset).toBe(20);
  });

  test('whose lengths do not fit raise ERR_BATCH_CORRUPT: every truncation, every length too large', () => {
    const whole = rawRecord({ key: Buffer.from('k'), value: Buffer.from('v'), headers: [['h', null]] }, 0);
    const corrupt = { code: 'ERR_BATCH_CORRUPT', context: { offset: 40 } };
    expect(() => readOne(whole)).not.toThrow();
    for (let length = 0; length < whole.length; length++) {
      expect(thrownBy(() => readOne(whole.subarray(0, length)))).toMatchObject(corrupt);
      // And with another batch behind it that could be read on into.
      const after = rawBatch({ baseOffset: 41, records: [text('next')] });
      expect(thrownBy(() => readOne(whole.subarray(0, length), after))).toMatchObject(corrupt);
    }
    const inner = whole.subarray(1);
    // Where the lengths of key, value, header name and header value stand, and the number of headers.
    for (const at of [3, 5, 7, 8, 10]) {
      const changed = Buffer.concat([inner.subarray(0, at), varint(2 ** 30), inner.subarray(at + 1)]);
      const record = Buffer.concat([varint(changed.length), changed]);
      expect(thrownBy(() => readOne(record))).toMatchObject(corrupt);
    }
    expect(thrownBy(() => readOne(Buffer.alloc(20, 0xff)))).toMatchObject(corrupt);
  });

  test('more of them than the header counts raise ERR_BATCH_CORRUPT: none is passed over in silence', () => {
    const records = [text('a'), text('b')];
    const { batches } = recordSetOf(rawBatch({ baseOffset: 0, records, count: 1 }));
    expect(thrownBy(() => recordsOf(batches))).toMatchObject({ code: 'ERR_BATCH_CORRUPT' });
  });

  test('hostile bytes end in records or ERR_BATCH_CORRUPT, inside the batch', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (body, count) => {
        const { batches } = recordSetOf(rawBatch({ baseOffset: 0, body: Buffer.from(body), count }));
        const cursor = new RecordCursor();
        cursor.open(batches[0]!);
        try {
          while (cursor.next()) {
            for (const end of [cursor.keyEnd, cursor.valueEnd, cursor.end]) {
              expect(end).toBeLessThanOrEqual(batches[0]!.end);
            }
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_BATCH_CORRUPT' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('batches', () => {
  test('with any byte changed under the CRC raise ERR_BATCH_CORRUPT with their offset', () => {
    const sound = rawBatch({ baseOffset: 12, records: [text('a'), text('b')] });
    for (let at = 16; at < sound.length; at++) {
      const changed = Buffer.from(sound);
      changed[at]! ^= 0x10;
      expect(thrownBy(() => recordSetOf(changed, { fetchOffset: 12 }))).toMatchObject({
        code: 'ERR_BATCH_CORRUPT',
        context: { topic: 'raw.tests', partition: 2, offset: 12 },
      });
    }
  });

  test('cut off at the end of an answer are left for the next fetch, wherever the cut is', () => {
    const first = rawBatch({ baseOffset: 5, records: [text('a')] });
    const second = rawBatch({ baseOffset: 6, records: [text('b')] });
    for (let length = 0; length < second.length; length++) {
      const { values, nextOffset } = valuesOf([first, second.subarray(0, length)], [], 5);
      expect({ values, nextOffset }).toEqual({ values: ['a'], nextOffset: 6 });
    }
  });

  test('cut off though they are the only one raise ERR_BATCH_CORRUPT', () => {
    const only = rawBatch({ baseOffset: 5, records: [text('a')] });
    expect(thrownBy(() => recordSetOf(only.subarray(0, -1), { fetchOffset: 5 }))).toMatchObject({
      code: 'ERR_BATCH_CORRUPT',
    });
  });

  test('without records, as compaction leaves them, still move the position on', () => {
    const empty = rawBatch({ baseOffset: 10, lastOffsetDelta: 4, count: 0 });
    expect(valuesOf([empty], [], 10)).toEqual({ values: [], nextOffset: 15 });
  });

  test('of the old formats are refused', () => {
    const old = rawBatch({ baseOffset: 0, records: [text('a')] });
    old[16] = 1;
    expect(thrownBy(() => recordSetOf(old))).toMatchObject({
      code: 'ERR_BATCH_CORRUPT',
      context: { expected: 'record batch format 2' },
    });
  });

  test('that are faulty after sound ones are left for the next fetch, and raise their error then', () => {
    const sound = rawBatch({ baseOffset: 0, records: [text('a'), text('b')] });
    const corrupt = rawBatch({ baseOffset: 2, records: [text('c')] });
    corrupt[corrupt.length - 1]! ^= 1;
    const faulty: readonly (readonly [Buffer, string])[] = [
      [corrupt, 'ERR_BATCH_CORRUPT'],
      [rawBatch({ baseOffset: 2, records: [text('c')], codec: 5 }), 'ERR_BATCH_CODEC'],
      [rawBatch({ baseOffset: 2, records: [text('c'.repeat(2_000_000))], codec: 1 }), 'ERR_BATCH_TOO_LARGE'],
    ];
    for (const [batch, code] of faulty) {
      expect(valuesOf([sound, batch])).toEqual({ values: ['a', 'b'], nextOffset: 2 });
      expect(thrownBy(() => recordSetOf(batch, { fetchOffset: 2 }))).toMatchObject({
        code,
        context: { offset: 2 },
      });
    }
  });
});

/** The framing of snappy-java: a header, and blocks each with its length. */
function javaSnappy(content: Buffer): Buffer {
  const header = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const blocks: Buffer[] = [header];
  for (let at = 0; at < content.length; at += 32_768) {
    const packed = compressSync(content.subarray(at, at + 32_768));
    const length = Buffer.alloc(4);
    length.writeInt32BE(packed.length);
    blocks.push(length, packed);
  }
  return Buffer.concat(blocks);
}

describe('compression', () => {
  test('of a codec that Kafka does not have raises ERR_BATCH_CODEC', () => {
    const batch = rawBatch({ baseOffset: 3, records: [text('a')], codec: 5 });
    expect(thrownBy(() => recordSetOf(batch, { fetchOffset: 3 }))).toMatchObject({
      code: 'ERR_BATCH_CODEC',
      context: { actual: 'an unknown codec', offset: 3, topic: 'raw.tests' },
    });
  });

  test('snappy and lz4 unpack what a library packs, as Java frames it too, whatever the content', () => {
    const contents = fc.oneof(
      fc.uint8Array({ maxLength: 3_000 }),
      fc
        .string({ maxLength: 40 })
        .chain((text) => fc.nat(20_000).map((n) => Buffer.from(text.repeat(n % 900)))),
    );
    fc.assert(
      fc.property(contents, (bytes) => {
        const content = Buffer.from(bytes);
        const twice = Buffer.concat([compressFrameSync(content), compressFrameSync(content)]);
        for (const [codec, packed, expected] of [
          [2, compressSync(content), content],
          [2, javaSnappy(content), content],
          [3, compressFrameSync(content), content],
          [3, twice, Buffer.concat([content, content])],
        ] as const) {
          const unpacked = unpack(codec, packed, 1_000_000);
          expect(unpacked.ok && unpacked.bytes.equals(expected)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('snappy and lz4 take exactly the limit, and refuse one byte more before taking memory', () => {
    const content = Buffer.alloc(100_000, 'ab');
    for (const [codec, packed] of [
      [2, compressSync(content)],
      [2, javaSnappy(content)],
      [3, compressFrameSync(content)],
    ] as const) {
      expect(unpack(codec, packed, content.length)).toEqual({ ok: true, bytes: content });
      expect(unpack(codec, packed, content.length - 1)).toEqual({ ok: false, fault: 'too-large' });
    }
    // 4 GiB, says the preamble.
    const lie = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect(unpack(2, lie, 1_000_000)).toEqual({ ok: false, fault: 'too-large' });
  });

  test('snappy and lz4 with any byte changed give the content, other content of a sane size, or a fault', () => {
    const content = Buffer.from('one record and another record and another record '.repeat(30));
    for (const [codec, packed] of [
      [2, compressSync(content)],
      [2, javaSnappy(content)],
      [3, compressFrameSync(content)],
    ] as const) {
      for (let i = 0; i < packed.length; i += 1) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const damaged = Buffer.from(packed);
          damaged[i]! ^= flip;
          const unpacked = unpack(codec, damaged, 10_000);
          if (unpacked.ok) expect(unpacked.bytes.length).toBeLessThanOrEqual(10_000);
          else expect(['corrupt', 'too-large']).toContain(unpacked.fault);
        }
      }
    }
  });

  test.each([
    ['gzip', 1, gzipSync],
    ['snappy', 2, compressSync],
    ['snappy of Java', 2, javaSnappy],
    ['lz4', 3, compressFrameSync],
    ['zstd', 4, zstdCompressSync],
  ] as const)('%s that is damaged or cut short raises ERR_BATCH_CORRUPT', (_name, codec, pack) => {
    const packed = pack(Buffer.concat([rawRecord(text('a'.repeat(100)), 0)]));
    for (const body of [
      packed.subarray(0, packed.length - 3),
      Buffer.from('no such thing'),
      Buffer.alloc(0),
    ]) {
      expect(thrownBy(() => recordSetOf(rawBatch({ baseOffset: 0, body, codec, count: 1 })))).toMatchObject({
        code: 'ERR_BATCH_CORRUPT',
      });
    }
  });

  test.each([
    ['gzip', 1, gzipSync],
    ['snappy', 2, compressSync],
    ['lz4', 3, compressFrameSync],
    ['zstd', 4, zstdCompressSync],
  ] as const)('a %s bomb raises ERR_BATCH_TOO_LARGE without taking its memory', (_name, codec, pack) => {
    const body = pack(Buffer.alloc(256 * 1024 * 1024));
    expect(body.length).toBeLessThan(16_000_000);
    const before = process.memoryUsage();
    const batch = rawBatch({ baseOffset: 9, body, codec, count: 1 });
    const error = thrownBy(() => recordSetOf(batch, { fetchOffset: 9, unpackedBytesMax: 1_000_000 }));
    const after = process.memoryUsage();
    expect(error).toMatchObject({ code: 'ERR_BATCH_TOO_LARGE', context: { limit: 1_000_000, offset: 9 } });
    const grown = after.arrayBuffers + after.external - before.arrayBuffers - before.external;
    expect(grown).toBeLessThan(32 * 1024 * 1024);
  });

  test('takes a batch of exactly the limit, and not one of a byte more', () => {
    const packed = gzipSync(Buffer.alloc(1_000));
    expect(unpack(1, packed, 1_000)).toMatchObject({ ok: true });
    expect(unpack(1, packed, 999)).toEqual({ ok: false, fault: 'too-large' });
  });

  test('of many batches in one answer unpacks no more in all than of one: the rest waits for the next fetch', () => {
    const batches = Array.from({ length: 10 }, (_, i) =>
      rawBatch({ baseOffset: i, records: [text('x'.repeat(400_000))], codec: 4 }),
    );
    const set = recordSetOf(Buffer.concat(batches), { unpackedBytesMax: 1_000_000 });
    expect(set.batches).toHaveLength(2);
    expect(set.nextOffset).toBe(2);
    const rest = recordSetOf(Buffer.concat(batches.slice(2)), {
      fetchOffset: 2,
      unpackedBytesMax: 1_000_000,
    });
    expect(rest.nextOffset).toBe(4);
  });
});

describe('aborted transactions', () => {
  test('are left out, and markers move the position on', () => {
    const parts = [
      data(0, 1, 'a', 'b'),
      markerBatch(2, 1, 'abort'),
      data(3, 1, 'c'),
      markerBatch(4, 1, 'commit'),
    ];
    expect(valuesOf(parts, [aborted(1, 0)])).toEqual({ values: ['c'], nextOffset: 5 });
  });

  test('open when the fetch begins are left out, two at a time', () => {
    const parts = [
      data(20, 2, 'b1'),
      data(21, 1, 'a1'),
      data(22, 3, 'kept'),
      data(23, 1, 'a2'),
      markerBatch(24, 1, 'abort'),
      data(25, 2, 'b2'),
      markerBatch(26, 2, 'abort'),
      markerBatch(27, 3, 'commit'),
    ];
    expect(valuesOf(parts, [aborted(1, 5), aborted(2, 7)], 20).values).toEqual(['kept']);
  });

  test('are left out in whatever order the broker lists them', () => {
    const parts = [
      data(0, 1, 'a'),
      markerBatch(1, 1, 'abort'),
      data(2, 2, 'b'),
      markerBatch(3, 2, 'abort'),
      data(4, 3, 'c'),
      markerBatch(5, 3, 'abort'),
      data(6, 1, 'kept'),
    ];
    const lists = [
      [aborted(3, 4), aborted(1, 0), aborted(2, 2)],
      [aborted(2, 2), aborted(3, 4), aborted(1, 0)],
    ];
    for (const list of lists) expect(valuesOf(parts, list).values).toEqual(['kept']);
  });

  test('of one producer end each at its own marker: what it commits between and after them counts', () => {
    const parts = [
      data(0, 1, 'x1'),
      markerBatch(1, 1, 'abort'),
      data(2, 1, 'kept 1'),
      markerBatch(3, 1, 'commit'),
      data(4, 1, 'x2'),
      markerBatch(5, 1, 'abort'),
      data(6, 1, 'kept 2'),
    ];
    expect(valuesOf(parts, [aborted(1, 4), aborted(1, 0)]).values).toEqual(['kept 1', 'kept 2']);
  });

  test('do not end at a record of theirs whose key looks like an abort marker', () => {
    const lookalike = rawBatch({
      baseOffset: 1,
      producerId: 1,
      transactional: true,
      records: [{ key: Buffer.alloc(4), value: Buffer.alloc(6) }],
    });
    const parts = [
      data(0, 1, 'a'),
      lookalike,
      data(2, 1, 'b'),
      markerBatch(3, 1, 'abort'),
      data(4, 1, 'kept'),
    ];
    expect(valuesOf(parts, [aborted(1, 0)]).values).toEqual(['kept']);
  });

  test('take nothing from producers without transactions, or with other ids', () => {
    const parts = [
      rawBatch({ baseOffset: 0, records: [text('plain')] }),
      rawBatch({ baseOffset: 1, producerId: 1, records: [text('idempotent')] }),
      data(2, 2, 'other'),
      data(3, 1, 'x'),
    ];
    expect(valuesOf(parts, [aborted(1, 0)]).values).toEqual(['plain', 'idempotent', 'other']);
  });

  test('that begin in the middle of a batch take all of it, as the Java client does', () => {
    expect(valuesOf([data(10, 1, 'a', 'b', 'c')], [aborted(1, 11)], 10).values).toEqual([]);
  });

  test('interleaved at random: exactly the committed records come out, from whichever offset on', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            producer: fc.integer({ min: 1, max: 4 }),
            end: fc.constantFrom('commit', 'abort', null),
          }),
          { minLength: 1, maxLength: 40 },
        ),
        fc.nat({ max: 39 }),
        fc.boolean(),
        (steps, from, reversed) => {
          const { parts, records, transactions } = history(steps);
          const list = transactions.filter(({ committed }) => !committed);
          const fetchOffset = Math.min(from, parts.length - 1);
          const { values, nextOffset } = valuesOf(
            parts.slice(fetchOffset),
            (reversed ? list.toReversed() : list)
              .filter(({ lastOffset }) => lastOffset >= fetchOffset)
              .map(({ producer, firstOffset }) => aborted(producer, firstOffset)),
            fetchOffset,
          );
          const expected = records
            .filter(({ offset, transaction }) => offset >= fetchOffset && transaction.committed)
            .map(({ offset }) => String(offset));
          expect(values).toEqual(expected);
          expect(nextOffset).toBe(parts.length);
        },
      ),
    );
  });
});

interface Transaction {
  readonly producer: number;
  readonly firstOffset: number;
  lastOffset: number;
  committed: boolean;
}

/** A log of one batch per offset: each step is a record of a producer, or the end of its open transaction. */
function history(steps: readonly { producer: number; end: 'commit' | 'abort' | null }[]) {
  const parts: Buffer[] = [];
  const records: { offset: number; transaction: Transaction }[] = [];
  const transactions: Transaction[] = [];
  const open = new Map<number, Transaction>();
  const end = (producer: number, type: 'commit' | 'abort'): void => {
    const transaction = open.get(producer);
    if (!transaction) return;
    transaction.lastOffset = parts.length;
    transaction.committed = type === 'commit';
    parts.push(markerBatch(parts.length, producer, type));
    open.delete(producer);
  };
  const write = (producer: number): void => {
    const offset = parts.length;
    let transaction = open.get(producer);
    if (!transaction) {
      transaction = { producer, firstOffset: offset, lastOffset: offset, committed: false };
      transactions.push(transaction);
      open.set(producer, transaction);
    }
    records.push({ offset, transaction });
    parts.push(data(offset, producer, String(offset)));
  };
  for (const { producer, end: type } of steps) {
    if (type === null || !open.has(producer)) write(producer);
    else end(producer, type);
  }
  for (const producer of open.keys()) end(producer, 'abort');
  return { parts, records, transactions };
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
