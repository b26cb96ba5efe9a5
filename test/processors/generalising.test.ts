/**
 * Promises of the methods that leave a constant, some characters, a range or a round number.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { readInstruction } from '../../policy/instruction.ts';
import { faultCode } from '../../processors/fault.ts';
import { METHODS, acceptsLeaf, compileLeaf, isAsStrictWithin } from '../../processors/method-table.ts';
import { RecordState } from '../../processors/record-state.ts';
import type { Instruction } from '../../processors/plan.ts';
import { AT } from '../support/plan-builder.ts';
import { leafFor, maskBoth } from '../support/method-mask.ts';
import { testKeys } from '../support/test-keys.ts';

/** An instruction as a policy writes it. */
const written = (text: object): Instruction => {
  const read = readInstruction(text);
  if (!('method' in read)) throw new Error(JSON.stringify(read));
  return read;
};
const isRefused = (text: object): boolean => !('method' in readInstruction(text));
const takes = (type: unknown, text: object): boolean => acceptsLeaf(leafFor(type), written(text));

const DECIMAL = { type: 'bytes', logicalType: 'decimal', precision: 6, scale: 2 };
const ENUM = { type: 'enum', name: 'E', symbols: ['A', 'B'] };
const FIXED = { type: 'fixed', name: 'F', size: 2 };

describe('fixed', () => {
  test('writes its value whatever was there, in every type', () => {
    const of = (type: unknown, value: unknown, given: unknown): unknown =>
      maskBoth(given, leafFor(type), written({ method: 'fixed', value }));
    for (const given of ['', 'Ada', 'x'.repeat(300)]) expect(of('string', 'none', given)).toBe('none');
    expect(of('string', 'long '.repeat(40), 'x')).toBe('long '.repeat(40));
    expect(of(ENUM, 'unknown', 'B')).toBe('unknown');
    expect(of('boolean', true, false)).toBe(true);
    expect(of('int', -7, 3)).toBe(-7);
    expect(of('long', '9223372036854775807', 3n)).toBe(2n ** 63n - 1n);
    expect(of('double', 1.5, 3)).toBe(1.5);
    expect(of('float', 0.1, 3)).toBe(Math.fround(0.1));
    expect(of('bytes', 'c0ffee', Buffer.from('x'))).toEqual(Buffer.from('c0ffee', 'hex'));
    expect(of(FIXED, 'c0ff', Buffer.from('xy'))).toEqual(Buffer.from('c0ff', 'hex'));
    expect(of({ type: 'long', logicalType: 'timestamp-millis' }, '1970-01-02', 5n)).toBe(86_400_000n);
  });

  test('is refused where the value does not fit the type', () => {
    const fits = (type: unknown, value: unknown): boolean => takes(type, { method: 'fixed', value });
    const unfit: readonly (readonly [unknown, unknown])[] = [
      ['string', 1],
      ['int', 1.5],
      ['int', 2 ** 31],
      ['int', '7'],
      ['long', 2 ** 60],
      ['long', '9223372036854775808'],
      ['boolean', 'true'],
      ['double', '1'],
      ['bytes', 'zz'],
      [FIXED, 'c0ffee'],
      [{ type: 'string', logicalType: 'uuid' }, 'none'],
      [{ type: 'int', logicalType: 'date' }, '2026-02-30'],
      ['null', 'x'],
    ];
    for (const [type, value] of unfit) expect([type, value, fits(type, value)]).toEqual([type, value, false]);
    expect(isRefused({ method: 'fixed' })).toBe(true);
  });
});

describe('mask', () => {
  const STRING = leafFor('string');
  const of = (text: string, parameters: object = {}): unknown =>
    maskBoth(text, STRING, written({ method: 'mask', ...parameters }));

  test('counts code points, and leaves what it ignores', () => {
    expect(of('Łódź-😀', { character: '€' })).toBe('€€€€€€');
    expect(of('Łódź-😀', { ignore: '-', keepLast: 1 })).toBe('****-😀');
    expect(of('', { keepFirst: 3 })).toBe('');
    expect(of('AB-12-CD', { keepFirst: 2, keepLast: 2, ignore: '-' })).toBe('AB-**-CD');
    expect(of('abcdef', { count: 2 })).toBe('**cdef');
    expect(of('ab', { count: 2 })).toBe('**');
  });

  test('never keeps all of a text, however short', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 9 }),
        fc.nat(6),
        fc.nat(6),
        (text, keepFirst, keepLast) => {
          const masked = of(text, { keepFirst, keepLast, character: '\u0001' }) as string;
          const [before, after] = [Array.from(text), Array.from(masked)];
          expect(after).toHaveLength(before.length);
          const kept = before.length > keepFirst + keepLast ? keepFirst + keepLast : 0;
          expect(after.filter((each) => each === '\u0001').length).toBeGreaterThanOrEqual(
            before.length - kept,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('withholds what is no UTF-8', () => {
    const masker = compileLeaf(STRING, written({ method: 'mask' }), testKeys(), { ...AT, isPerson: false })!;
    const out = Buffer.alloc(64);
    const broken = ['80', 'c080', 'c3', 'e28228', 'eda080', 'f4908080', 'f0288cbc', '41ff'];
    for (const hex of broken) {
      const bytes = Buffer.from(hex, 'hex');
      const end = masker(bytes, 0, bytes.length, out, 0, new RecordState(0));
      expect([hex, end < 0 && faultCode(end)]).toEqual([hex, 'ERR_DECODE_VALUE']);
    }
  });

  test('has parameters that fit together', () => {
    expect(isRefused({ method: 'mask', count: 2, keepLast: 1 })).toBe(true);
    expect(isRefused({ method: 'mask', from: 'end' })).toBe(true);
    expect(isRefused({ method: 'mask', character: '' })).toBe(true);
    expect(isRefused({ method: 'mask', character: '**' })).toBe(true);
    expect(takes('bytes', { method: 'mask' })).toBe(false);
  });
});

describe('bucket', () => {
  test('gives the range that holds the number, at its borders too', () => {
    const age = written({ method: 'bucket', size: 10, lower: 20, upper: 85 });
    const of = (number: number): unknown => maskBoth(number, leafFor('int'), age);
    expect([19, 20, 29, 30, 79, 80, 84, 85, 200, -1].map(of)).toEqual([
      '<20',
      '20-29',
      '20-29',
      '30-39',
      '70-79',
      '80-84',
      '80-84',
      '85+',
      '85+',
      '<20',
    ]);
    const edges = written({ method: 'bucket', edges: [0.5, 10] });
    expect([0.4, 0.5, 9.9, 10].map((number) => maskBoth(number, leafFor('double'), edges))).toEqual([
      '<0.5',
      '0.5-<10',
      '0.5-<10',
      '10+',
    ]);
    expect(maskBoth(7, leafFor('int'), written({ method: 'bucket', size: 1 }))).toBe('7');
  });

  test('holds the number it was made of, is the same for all numbers in it, and as a number stays', () => {
    const size = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), size, (number, step) => {
        const text = maskBoth(number, leafFor('int'), written({ method: 'bucket', size: step })) as string;
        const [, first, last] = /^(-?\d+)(?:-(-?\d+))?$/.exec(text)!;
        const [from, to] = [Number(first), Number(last ?? first)];
        expect(from <= number && number <= to && to - from === step - 1).toBe(true);
        const asNumber = written({ method: 'bucket', size: step, as: 'number' });
        expect(maskBoth(number, leafFor('int'), asNumber)).toBe(from);
        expect(maskBoth(from, leafFor('int'), asNumber)).toBe(from);
      }),
      { numRuns: 500 },
    );
  });

  test('withholds numbers that it cannot tell the range of', () => {
    const ten = written({ method: 'bucket', size: 10 });
    expect(maskBoth(2n ** 53n, leafFor('long'), ten)).toBe('ERR_MASK_RANGE');
    for (const number of [Number.NaN, Infinity, -Infinity])
      expect(maskBoth(number, leafFor('double'), ten)).toBe('ERR_MASK_RANGE');
    const asNumber = written({ method: 'bucket', edges: [18], as: 'number' });
    expect(maskBoth(17, leafFor('int'), asNumber)).toBe('ERR_MASK_RANGE');
    expect(maskBoth(-(2 ** 31), leafFor('int'), written({ method: 'bucket', size: 100, as: 'number' }))).toBe(
      'ERR_MASK_RANGE',
    );
  });

  test('is refused where ranges make no sense', () => {
    for (const wrong of [
      {},
      { size: 0 },
      { size: 10, edges: [1] },
      { edges: [2, 2] },
      { edges: [] },
      { size: 10, lower: 5, upper: 5 },
      { size: 10, as: 'text' },
    ])
      expect([wrong, isRefused({ method: 'bucket', ...wrong })]).toEqual([wrong, true]);
    expect(takes('int', { method: 'bucket', size: 2.5 })).toBe(false);
    expect(takes({ type: 'int', logicalType: 'date' }, { method: 'bucket', size: 10 })).toBe(false);
    expect(takes('string', { method: 'bucket', size: 10 })).toBe(false);
  });
});

describe('round', () => {
  test('gives the nearest multiple, the greater of two', () => {
    const five = written({ method: 'round', step: 5 });
    expect([0, 2, 3, 7, 8, -2, -3].map((number) => maskBoth(number, leafFor('int'), five))).toEqual([
      0,
      0,
      5,
      5,
      10,
      -0 + 0,
      -5,
    ]);
    expect(maskBoth(2.5, leafFor('double'), written({ method: 'round', digits: 0 }))).toBe(3);
    expect(maskBoth(-2.5, leafFor('double'), written({ method: 'round', digits: 0 }))).toBe(-2);
    expect(maskBoth(1e300, leafFor('double'), written({ method: 'round', digits: 2 }))).toBe(1e300);
  });

  test('is at most half a step away, and stays what it is when rounded again', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 1, max: 1000 }), (number, step) => {
        const instruction = written({ method: 'round', step });
        const rounded = maskBoth(number, leafFor('int'), instruction) as number;
        expect(Math.abs(rounded - number) * 2).toBeLessThanOrEqual(step);
        expect(Math.abs(rounded % step)).toBe(0);
        expect(maskBoth(rounded, leafFor('int'), instruction)).toBe(rounded);
      }),
      { numRuns: 500 },
    );
  });

  test('rounds decimals of both types, exactly, up to their precision', () => {
    const hex = (text: string, type: unknown, step: number): unknown => {
      const came = maskBoth(Buffer.from(text, 'hex'), leafFor(type), written({ method: 'round', step }));
      return Buffer.isBuffer(came) ? came.toString('hex') : came;
    };
    // -1.50 with step 1 is -1.00 (the greater), 9999.99 would need another digit.
    expect(hex('ff6a', DECIMAL, 1)).toBe('9c');
    expect(hex('0f423f', DECIMAL, 1)).toBe('ERR_MASK_RANGE');
    expect(hex('0080', DECIMAL, 0.05)).toBe('0082');
    expect(hex('', DECIMAL, 1)).toBe('ERR_MASK_RANGE');
    const inFixed = { ...FIXED, logicalType: 'decimal', precision: 4, scale: 2 };
    expect(hex('ff6a', inFixed, 1)).toBe('ff9c');
  });

  test('is refused where the step is no number of the type', () => {
    expect(isRefused({ method: 'round' })).toBe(true);
    expect(isRefused({ method: 'round', step: 1, digits: 1 })).toBe(true);
    expect(takes('int', { method: 'round', step: 0.5 })).toBe(false);
    expect(takes('long', { method: 'round', digits: 1 })).toBe(false);
    expect(takes(DECIMAL, { method: 'round', digits: 3 })).toBe(false);
    expect(takes(DECIMAL, { method: 'round', step: 0.001 })).toBe(false);
  });
});

describe('the order of instructions of one method', () => {
  const PAIRS: readonly (readonly [object, object])[] = [
    [
      { method: 'bucket', size: 20 },
      { method: 'bucket', size: 10 },
    ],
    [
      { method: 'bucket', size: 10, upper: 80 },
      { method: 'bucket', size: 10 },
    ],
    [
      { method: 'bucket', size: 10, upper: 80 },
      { method: 'bucket', size: 10, upper: 85 },
    ],
    [
      { method: 'bucket', edges: [18] },
      { method: 'bucket', edges: [18, 65] },
    ],
    [
      { method: 'round', step: 15 },
      { method: 'round', step: 5 },
    ],
    [
      { method: 'mask', count: 4 },
      { method: 'mask', count: 2 },
    ],
  ];
  const UNORDERED: readonly (readonly [object, object])[] = [
    [
      { method: 'bucket', size: 15 },
      { method: 'bucket', size: 10 },
    ],
    [
      { method: 'bucket', size: 10, upper: 85 },
      { method: 'bucket', size: 10 },
    ],
    [
      { method: 'round', step: 10 },
      { method: 'round', step: 5 },
    ],
    [
      { method: 'mask', keepLast: 1 },
      { method: 'mask', keepLast: 3 },
    ],
  ];

  test.each(PAIRS)('knows that %j tells less than %j', (a, b) => {
    expect(isAsStrictWithin(written(a), written(b))).toBe(true);
    expect(isAsStrictWithin(written(b), written(a))).toBe(false);
  });

  test.each(UNORDERED)('does not put %j before %j', (a, b) => {
    expect(isAsStrictWithin(written(a), written(b))).toBe(false);
  });

  test('is true of values: equal by the laxer one means equal by the stricter', () => {
    const leaf = leafFor('int');
    for (const [a, b] of PAIRS.slice(0, 5)) {
      const of = new Map<unknown, unknown>();
      for (let number = -100; number < 200; number += 1) {
        const [strict, lax] = [a, b].map((text) => maskBoth(number, leaf, written(text)));
        expect(of.get(lax) ?? strict).toEqual(strict);
        of.set(lax, strict);
      }
    }
  });

  test('puts a constant before codes, and characters and ranges behind them', () => {
    const { drop, redact, fixed, pseudonym, mask, bucket, round, keep } = METHODS;
    const ranks = [drop, redact, fixed, pseudonym, mask, keep].map(({ strictness }) => strictness);
    expect(ranks).toEqual([...ranks].sort((x, y) => x - y));
    expect(new Set(ranks).size).toBe(6);
    expect([bucket.strictness, round.strictness]).toEqual([mask.strictness, mask.strictness]);
  });
});
