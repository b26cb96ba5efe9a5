import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { crc32cBitwise, rawRecord, varint } from '../support/raw-batch.ts';
import type { RawRecord } from '../support/raw-batch.ts';
import { recordSetOf, recordsOf } from '../support/read-records.ts';

/** All batches as a broker would store them: one after another, offsets assigned. */
function appended(writer: RecordBatchWriter): Buffer {
  let offset = 0;
  const batches = writer.finish().map((batch) => {
    const bytes = Buffer.from(writer.stamp(batch, 77n, 3, offset));
    bytes.writeBigInt64BE(BigInt(offset), 0);
    offset += batch.count;
    return bytes;
  });
  return Buffer.concat(batches);
}

interface Wanted {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
  readonly timestampMs: number;
}

/** Guesses of lengths, which a writer must not depend on. */
interface Hints {
  readonly record: number;
  readonly field: number;
}

/** Writes one record the way the masker does: key and value in place, everything else by field. */
function write(writer: RecordBatchWriter, record: Wanted, hints: Hints): 'ok' | 'full' | 'too-large' {
  writer.beginRecord(record.timestampMs, hints.record);
  for (const bytes of [record.key, record.value]) {
    if (!bytes) {
      writer.nullField();
      continue;
    }
    writer.beginField(hints.field);
    writer.reserve(bytes.length);
    bytes.copy(writer.buffer, writer.position);
    writer.position += bytes.length;
    writer.endField();
  }
  writer.number(record.headers.length);
  for (const [name, value] of record.headers) {
    const nameBytes = Buffer.from(name);
    writer.field(nameBytes, 0, nameBytes.length);
    if (value) writer.field(value, 0, value.length);
    else writer.nullField();
  }
  return writer.endRecord();
}

const sizes = fc.oneof(fc.nat({ max: 200 }), fc.constantFrom(0, 63, 64, 127, 128, 8_191, 8_192, 20_000));
const bytes = fc.option(
  fc.tuple(sizes, fc.nat({ max: 255 })).map(([size, fill]) => Buffer.alloc(size, fill)),
  { nil: null },
);
const record: fc.Arbitrary<Wanted> = fc.record({
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ maxLength: 4 }), bytes), { maxLength: 2 }),
  timestampMs: fc.integer({ min: 0, max: 2 ** 42 }),
});
const hints: fc.Arbitrary<Hints> = fc.record({
  record: fc.constantFrom(0, 1, 63, 64, 100, 8_191, 8_192, 1_048_576),
  field: fc.constantFrom(0, 1, 63, 64, 8_192, 100_000),
});

function plain({ key, value, headers, timestampMs }: Wanted, offset: number) {
  return {
    offset,
    timestampMs,
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: headers.map(([name, content]) => [name, content?.toString('hex') ?? null]),
  };
}

describe('RecordBatchWriter', () => {
  test('writes what the cursor reads, whatever lengths were guessed, without the records taken back', () => {
    const steps = fc.array(fc.record({ record, hints, takeBack: fc.boolean() }), {
      minLength: 1,
      maxLength: 25,
    });
    fc.assert(
      fc.property(steps, (wanted) => {
        const writer = new RecordBatchWriter({
          batchBytesMax: 10_000_000,
          keepTimestamps: true,
          initialBytes: 64,
        });
        for (const step of wanted) {
          expect(write(writer, step.record, step.hints)).toBe('ok');
          if (!step.takeBack) continue;
          writer.beginRecord(2 ** 43, step.hints.record);
          writer.beginField(step.hints.field);
          writer.takeBack();
        }
        const { batches } = recordSetOf(appended(writer));
        expect(recordsOf(batches)).toEqual(wanted.map((step, i) => plain(step.record, i)));
      }),
    );
  });

  test('writes the same canonical bytes as a record built field by field, whatever lengths were guessed', () => {
    fc.assert(
      fc.property(record, hints, ({ timestampMs, ...rest }, guessed) => {
        const writer = new RecordBatchWriter({ batchBytesMax: 10_000_000, initialBytes: 64 });
        write(writer, { ...rest, timestampMs }, guessed);
        const expected: RawRecord = rest;
        expect(appended(writer).subarray(61)).toEqual(rawRecord(expected, 0));
      }),
    );
  });

  test('splits at goal and limit: only a record alone is over the goal, none is lost, doubled or moved', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 100, max: 30_000 }),
        fc.integer({ min: 50, max: 40_000 }),
        hints,
        (wanted, batchBytesMax, batchBytesGoal, guessed) => {
          const options = { batchBytesMax, batchBytesGoal, keepTimestamps: true, initialBytes: 64 };
          const writer = new RecordBatchWriter(options);
          const fitting: Wanted[] = [];
          for (const each of wanted) {
            let ended = write(writer, each, guessed);
            if (ended === 'full') ended = write(writer, each, guessed);
            const alone = 61 + rawRecord({ ...each, timestampDelta: 0 }, 0).length;
            expect(ended).toBe(alone <= batchBytesMax ? 'ok' : 'too-large');
            if (ended === 'ok') fitting.push(each);
          }
          const finished = writer.finish();
          for (const { start, end, count } of finished) {
            expect(end - start).toBeLessThanOrEqual(
              count === 1 ? batchBytesMax : Math.min(batchBytesMax, batchBytesGoal),
            );
            expect(count).toBeGreaterThan(0);
          }
          const { batches } = recordSetOf(appended(writer));
          expect(recordsOf(batches)).toEqual(fitting.map(plain));
        },
      ),
    );
  });

  test('writes a record of exactly the limit, and refuses one of a byte more', () => {
    const value = Buffer.alloc(1_000);
    const exactly = 61 + rawRecord({ value }, 0).length;
    const fits = new RecordBatchWriter({ batchBytesMax: exactly });
    expect(fits.record(null, value)).toBe('ok');
    expect(fits.record(null, Buffer.alloc(1))).toBe('full');
    const tight = new RecordBatchWriter({ batchBytesMax: exactly - 1 });
    expect(tight.record(null, value)).toBe('too-large');
    expect(tight.isEmpty).toBe(true);
    expect(tight.finish()).toEqual([]);
  });

  test('lets no event time out: base timestamp, max timestamp and every delta are 0 in the bytes', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 100_000 });
    const headers: Wanted['headers'] = [];
    for (const timestampMs of [1_700_000_000_000, 1_600_000_000_000, 1]) {
      write(writer, { key: null, value: Buffer.from('v'), headers, timestampMs }, { record: 9, field: 1 });
    }
    const stored = appended(writer);
    expect(stored.readBigInt64BE(27)).toBe(0n);
    expect(stored.readBigInt64BE(35)).toBe(0n);
    const records = [0, 1, 2].map((i) => rawRecord({ value: Buffer.from('v'), timestampDelta: 0 }, i));
    expect(stored.subarray(61)).toEqual(Buffer.concat(records));
  });

  test('keeps times where it is told to, and none of a record that was taken back', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 300, keepTimestamps: true });
    const one = (timestampMs: number, size: number): string =>
      write(
        writer,
        { key: null, value: Buffer.alloc(size), headers: [], timestampMs },
        { record: 1, field: 1 },
      );
    writer.beginRecord(9_999, 10);
    writer.takeBack();
    expect(one(1_000, 50)).toBe('ok');
    expect(one(1_500, 50)).toBe('ok');
    writer.beginRecord(8_888, 10);
    writer.takeBack();
    expect(one(7_777, 200)).toBe('full');
    expect(one(7_777, 200)).toBe('ok');
    const [first, second] = writer.finish().map((batch) => writer.stamp(batch, 1n, 0, 0));
    expect([first!.readBigInt64BE(27), first!.readBigInt64BE(35)]).toEqual([1_000n, 1_500n]);
    expect([second!.readBigInt64BE(27), second!.readBigInt64BE(35)]).toEqual([7_777n, 7_777n]);
  });

  test('stamps producer, epoch, sequence and a CRC that another implementation confirms, again at each retry', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 1_000 });
    writer.record(Buffer.from('k'), Buffer.from('v'));
    const [batch] = writer.finish();
    for (const epoch of [5, 6]) {
      const sent = writer.stamp(batch!, 2n ** 40n, epoch, 9);
      expect(sent.readInt32BE(8)).toBe(sent.length - 12);
      expect(sent[16]).toBe(2);
      expect(sent.readInt16BE(21)).toBe(0x10);
      expect(sent.readInt32BE(23)).toBe(0);
      expect(sent.readBigInt64BE(43)).toBe(2n ** 40n);
      expect(sent.readInt16BE(51)).toBe(epoch);
      expect(sent.readInt32BE(53)).toBe(9);
      expect(sent.readInt32BE(57)).toBe(1);
      expect(sent.readUInt32BE(17)).toBe(crc32cBitwise(sent.subarray(21)));
    }
  });

  test('begins empty again after a reset, and gives a buffer grown large back', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 20_000_000 });
    writer.record(null, Buffer.alloc(9_000_000));
    expect(writer.buffer.length).toBeGreaterThan(9_000_000);
    writer.reset();
    expect(writer.buffer.length).toBe(16_384);
    expect([writer.isEmpty, writer.bytesWritten, writer.finish().length]).toEqual([true, 0, 0]);
    writer.record(null, Buffer.from('x'));
    expect(recordsOf(recordSetOf(appended(writer)).batches)).toHaveLength(1);
  });

  test('keeps its memory through a reset where it was told to, so that the next transaction needs no new one', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 1_000_000, keptBytesMax: 16 * 1024 * 1024 });
    const write = (): void => {
      for (let i = 0; i < 12; i++) writer.record(null, Buffer.alloc(750_000));
    };
    write();
    const { buffer } = writer;
    writer.reset();
    write();
    expect(writer.buffer === buffer).toBe(true);
    writer.shrink();
    expect(writer.buffer.length).toBe(16_384);
  });

  test('hands the same batches out when asked twice', () => {
    const writer = new RecordBatchWriter({ batchBytesMax: 1_000 });
    writer.record(null, Buffer.from('x'));
    expect(writer.finish()).toEqual(writer.finish());
    expect(writer.finish()).toHaveLength(1);
  });

  test('writes numbers as the protocol does, up to 2^53', () => {
    for (const value of [0, 1, -1, 63, 64, -64, -65, 2 ** 31, 2 ** 40, 2 ** 52, -(2 ** 52)]) {
      const writer = new RecordBatchWriter({ batchBytesMax: 1_000 });
      const before = writer.position;
      writer.number(value);
      expect(writer.buffer.subarray(before, writer.position)).toEqual(varint(value));
    }
  });
});
