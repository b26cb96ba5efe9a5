/**
 * The hash of what was published: the same whoever computes it, from whatever batches.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { OutputHash, outputSha256 } from '../../audit/output-hash.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { RecordCursor } from '../../kafka/record-cursor.ts';
import { readRecordSet } from '../../kafka/record-set.ts';

type Row = readonly [key: Buffer | null, value: Buffer | null];

const ROWS: readonly Row[] = [
  [Buffer.from('k1'), Buffer.from('v1')],
  [null, Buffer.alloc(200, 7)],
  [Buffer.from('gone'), null],
  [Buffer.alloc(0), Buffer.alloc(70_000, 9)],
  ...Array.from({ length: 500 }, (_, i): Row => [Buffer.from(String(i)), Buffer.alloc(i, i)]),
];

function written(rows: readonly Row[], options: { batchBytesMax: number; keepTimestamps?: boolean }) {
  const writer = new RecordBatchWriter(options);
  for (const [key, value] of rows) while (writer.record(key, value) === 'full');
  return writer;
}

/** By the definition, byte for byte, without any of the code under test. */
function expected(rows: readonly Row[]): string {
  const hash = createHash('sha256');
  const varint = (value: number): Buffer => {
    const bytes: number[] = [];
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    return Buffer.from([...bytes, rest]);
  };
  const field = (bytes: Buffer | null): Buffer =>
    bytes ? Buffer.concat([varint(bytes.length), bytes]) : varint(-1);
  for (const [key, value] of rows) hash.update(Buffer.concat([field(key), field(value), varint(0)]));
  return hash.digest('hex');
}

describe('the hash of what was published', () => {
  test('is over keys, values and headers in order, however they are put into batches', () => {
    const wanted = expected(ROWS);
    for (const options of [
      { batchBytesMax: 1_000_000 },
      { batchBytesMax: 71_000 },
      { batchBytesMax: 71_000, keepTimestamps: true },
    ])
      expect(outputSha256(written(ROWS, options))!.toString('hex')).toBe(wanted);
  });

  test('comes out the same from the bytes that a broker gives back', () => {
    const writer = written(ROWS, { batchBytesMax: 71_000 });
    const batches = writer.finish().map((batch) => Buffer.from(writer.stamp(batch, 1n, 0, 0)));
    expect(batches.length).toBeGreaterThan(1);
    const hash = new OutputHash();
    const cursor = new RecordCursor();
    for (const bytes of batches) {
      // Without the mark of a transaction: its end is not part of these bytes.
      const { batches: read } = readRecordSet(bytes, {
        topic: 't',
        partition: 0,
        fetchOffset: 0,
        aborted: [],
        unpackedBytesMax: 1,
      });
      for (const batch of read) {
        cursor.open(batch);
        while (cursor.next()) hash.addRecord(cursor);
      }
    }
    expect(hash.digest().toString('hex')).toBe(expected(ROWS));
  });

  test('is another one for a changed, missing, doubled or moved record, and none for no record', () => {
    const of = (rows: readonly Row[]) =>
      outputSha256(written(rows, { batchBytesMax: 1_000_000 }))?.toString('hex') ?? null;
    const [first, second] = ROWS as [Row, Row];
    const others = [
      [],
      [first],
      [second, first],
      [first, first, second],
      [first, [null, Buffer.alloc(200, 8)] as Row],
      [first, second],
    ];
    expect(new Set(others.map(of)).size).toBe(others.length);
    expect(of([])).toBeNull();
    // A length moved from key to value would otherwise hash the same.
    expect(of([[Buffer.from('ab'), Buffer.from('c')]])).not.toBe(of([[Buffer.from('a'), Buffer.from('bc')]]));
  });
});
