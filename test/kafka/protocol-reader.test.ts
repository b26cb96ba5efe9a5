import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ProtocolReader } from '../../kafka/protocol-reader.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';

const ID = '00112233445566778899aabbccddeeff';

/** One of everything, nested, with tagged fields that a reader does not know. */
function everything(): Buffer {
  const body = new ProtocolWriter(4).int8(-3).boolean(true).int16(-300).int32(70_000).int64(-5n);
  body.int64(2 ** 53 - 1).unsignedVarint(300);
  body
    .string('ä')
    .bytes(Buffer.from([1, 2]))
    .compactString('text')
    .compactString(null);
  body.compactBytes(Buffer.from([9])).uuid(ID);
  body.compactArray([1, 2], (n) => body.int32(n).noTags());
  body.array(['x', 'y'], (text) => body.string(text));
  body.unsignedVarint(1).unsignedVarint(7).unsignedVarint(3).raw(Buffer.from('abc'));
  return Buffer.from(body.done());
}

function readEverything(bytes: Buffer): unknown[] {
  const r = new ProtocolReader(bytes);
  const values: unknown[] = [r.int8(), r.boolean(), r.int16(), r.int32(), r.int64(), r.offset()];
  values.push(r.unsignedVarint(), r.string(), [...r.bytes()], r.compactString(), r.compactNullableString());
  values.push([...r.compactBytes()], r.uuid());
  values.push(
    r.compactArray(() => {
      const n = r.int32();
      r.tags();
      return n;
    }),
  );
  values.push(r.array(() => r.string()));
  r.tags((tag, length) => values.push([tag, length, r.raw(2).toString()]));
  values.push(r.position);
  return values;
}

describe('ProtocolReader', () => {
  test('reads back what ProtocolWriter has written, and stands after unknown tagged fields', () => {
    const bytes = everything();
    expect(readEverything(bytes)).toEqual([
      -3,
      true,
      -300,
      70_000,
      -5n,
      2 ** 53 - 1,
      300,
      'ä',
      [1, 2],
      'text',
      null,
      [9],
      ID,
      [1, 2],
      ['x', 'y'],
      [7, 3, 'ab'],
      bytes.length,
    ]);
  });

  test('raises RangeError for every truncation of an answer', () => {
    const bytes = everything();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readEverything(bytes.subarray(0, length))).toThrow(RangeError);
    }
  });

  test('reads every unsigned varint of 32 bits, and refuses one that does not end', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), (value) => {
        const bytes = new ProtocolWriter().unsignedVarint(value).done();
        expect(new ProtocolReader(bytes).unsignedVarint()).toBe(value);
      }),
    );
    const endless = new ProtocolReader(Buffer.alloc(8, 0xff));
    expect(() => endless.unsignedVarint()).toThrow(RangeError);
  });

  test('refuses an array that counts more items than its frame has bytes, before reading any', () => {
    let read = 0;
    const count = (): void => {
      read++;
    };
    const plain = new ProtocolWriter().int32(0x7fffffff).int32(1).done();
    expect(() => new ProtocolReader(plain).array(count)).toThrow(RangeError);
    const compact = new ProtocolWriter().unsignedVarint(1000).int32(1).done();
    expect(() => new ProtocolReader(compact).compactArray(count)).toThrow(RangeError);
    expect(read).toBe(0);
  });

  test('takes a null array or null bytes as empty', () => {
    expect(new ProtocolReader(Buffer.from([0])).compactArray(() => 1)).toEqual([]);
    expect(new ProtocolReader(Buffer.from([0xff, 0xff, 0xff, 0xff])).array(() => 1)).toEqual([]);
    expect(new ProtocolReader(Buffer.from([0])).compactBytes()).toHaveLength(0);
    expect(new ProtocolReader(Buffer.from([0xff, 0xff, 0xff, 0xff])).bytes()).toHaveLength(0);
  });

  test('refuses an offset beyond the safe integers', () => {
    const bytes = new ProtocolWriter().int64(2n ** 53n).done();
    expect(() => new ProtocolReader(bytes).offset()).toThrow(RangeError);
  });

  test('refuses lengths below zero', () => {
    expect(() => new ProtocolReader(Buffer.from([0xff, 0xff, 0])).string()).toThrow(RangeError);
    expect(() => new ProtocolReader(Buffer.alloc(4)).raw(-1)).toThrow(RangeError);
  });
});
