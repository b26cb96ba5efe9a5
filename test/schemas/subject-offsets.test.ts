/**
 * Offsets of an index of persons, there and back: with holes, far offsets and nothing at all; and what contradicts
 * itself is refused.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import type { PhiSubjectIndex } from '../../schemas/access-codecs.ts';
import { OffsetDistances, indexedOffsets } from '../../schemas/subject-offsets.ts';

function indexOf(first: number, next: number, offsets: Buffer | null, count: number): PhiSubjectIndex {
  return {
    topic: 'raw',
    topic_id: '00'.repeat(16),
    partition: 0,
    first_offset: first,
    next_offset: next,
    record_count: count,
    key_epoch: 1,
    offsets,
    tokens: Buffer.alloc(8 * count),
  };
}

/** By way of the encoded index, as a reader gets it. */
function thereAndBack(first: number, next: number, wanted: readonly number[]): readonly number[] {
  const distances = new OffsetDistances();
  for (const offset of wanted) distances.add(offset);
  const value = subjectIndexCodec.encode(indexOf(first, next, distances.encode(first), wanted.length), 1);
  return indexedOffsets(subjectIndexCodec.decode(value));
}

describe('offsets of an index', () => {
  test('come back as they were, whatever holes they have', () => {
    const distance = fc.oneof(
      fc.constant(1),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 2 ** 40 }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 45 }),
        fc.nat(3),
        fc.array(distance, { maxLength: 50 }),
        fc.nat(9),
        (first, gap, gaps, tail) => {
          let at = first + gap - 1;
          const offsets = gaps.map((each) => (at += each));
          expect(thereAndBack(first, (offsets.at(-1) ?? first) + 1 + tail, offsets)).toEqual(offsets);
        },
      ),
    );
  });

  test('take no room where there are no holes', () => {
    const distances = new OffsetDistances();
    for (const offset of [7, 8, 9]) distances.add(offset);
    expect(distances.encode(7)).toBeNull();
    expect(distances.encode(6)).toEqual(Buffer.from([1, 1, 1]));
    distances.clear();
    expect(distances.encode(7)).toBeNull();
    for (const offset of [7, 9]) distances.add(offset);
    expect(distances.encode(7)).toEqual(Buffer.from([0, 2]));
  });

  test.each([
    ['more records than the range has room for', indexOf(5, 7, null, 3)],
    ['a record beyond its range', indexOf(5, 7, Buffer.from([0, 2]), 2)],
    ['other counts', indexOf(5, 9, Buffer.from([0, 1]), 3)],
    ['an offset twice', indexOf(5, 9, Buffer.from([0, 0]), 2)],
    ['a varint without an end', indexOf(5, 9, Buffer.from([0, 0x80]), 2)],
    ['a varint of nine bytes', indexOf(5, 9, Buffer.alloc(9, 0x81), 1)],
  ])('are refused with %s', (_, index) => {
    expect(() => indexedOffsets(index)).toThrow(RangeError);
  });
});
