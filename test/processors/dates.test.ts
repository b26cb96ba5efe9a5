/**
 * Promises of the date methods on texts, nanoseconds, quarters, years and ages.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { readInstruction } from '../../policy/instruction.ts';
import { DateText, parsedDate } from '../../processors/date-text.ts';
import { acceptsLeaf, isAsStrictWithin } from '../../processors/method-table.ts';
import type { Instruction } from '../../processors/plan.ts';
import { dateText } from '../support/arbitrary-plan.ts';
import { leafFor, maskBoth } from '../support/method-mask.ts';

const DAY_MS = 86_400_000;
const STRING = leafFor('string');
const NANOS = leafFor({ type: 'long', logicalType: 'timestamp-nanos' });
const BAD = 'ERR_MASK_DATE_TEXT';

const written = (method: string, parameters: object = {}): Instruction =>
  readInstruction({ method, ...parameters }) as Instruction;
const SHIFT = written('date-shift', { maxDays: 182 });
const shift = (text: string, person = 'P-1'): string => maskBoth(text, STRING, SHIFT, { person }) as string;
const truncate = (text: string, parameters: object = {}, asOf = '2026-06-01'): unknown =>
  maskBoth(text, STRING, written('date-truncate', parameters), { asOf });

/** The days between two dates that begin two texts. */
const daysBetween = (from: string, to: string): number => {
  const [a, b] = [from, to].map((text) => Date.parse(`${text.slice(0, 10)}T00:00:00Z`));
  return (b! - a!) / DAY_MS;
};

const READ_AS_DATES = [
  '2026-05-17',
  '2026-05-17T10:15',
  '2026-05-17T10:15:00',
  '2026-05-17 10:15:00.123456',
  '2026-05-17T10:15:60Z',
  '2026-05-17t10:15:00,5z',
  '2026-05-17T10:15:00+02',
  '2026-05-17T10:15:00+0200',
  '2026-05-17T10:15:00.000-05:30',
  '20260517',
  '2026051710',
  '202605171015',
  '20260517101500',
  '20260517101500.5',
  '20260517101500.1234-0500',
  '20260517+0100',
  '20260517T101500Z',
  '2024-02-29',
];
const NO_DATES = [
  '2026-02-29',
  '20260229',
  '2026-13-01',
  '2026-00-01',
  '2026-01-00',
  '0000-01-01',
  '2026-5-17',
  '2026-05-17T',
  '2026-05-17T24:00',
  '2026-05-17T10',
  '2026-05-17T10:60',
  '2026-05-17T10:15:61',
  '2026-05-17T10:15:00.',
  '2026-05-17T10:15:00.1234567890123',
  '2026-05-17T10:15:00+2',
  '2026-05-17T10:15:00Z ',
  '2026-05-17Z',
  ' 2026-05-17',
  '2026-',
  '2026-05-',
  '20265',
  '202613',
  '2026051',
  '20260517T',
  '202605171',
  '2026051710150',
  '+002026-05-17',
  '05/17/2026',
  '17 May 2026',
  'unknown',
  '２０２６',
];

describe('dates as text', () => {
  test('are read alike on bytes and on values, in 10,000 texts, some of them broken', () => {
    const date = new DateText();
    const counts = { dates: 0, others: 0 };
    const broken = fc
      .tuple(dateText(), fc.nat(30), fc.constantFrom('', '0', '-', ':', 'T', '9', ' '))
      .map(([text, at, by]) => text.slice(0, at) + by + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(dateText(), broken), (text) => {
        const bytes = Buffer.from(text);
        const isDate = date.read(bytes, 0, bytes.length);
        const parsed = parsedDate(text);
        expect(isDate).toBe(parsed !== null);
        counts[parsed ? 'dates' : 'others'] += 1;
        if (!parsed) return;
        expect([date.year, date.month + 1, date.day, date.hasDashes]).toEqual([
          Number(parsed.year),
          Number(parsed.month ?? 0),
          Number(parsed.day ?? 0),
          parsed.dash === '-' && parsed.month !== undefined,
        ]);
      }),
      { numRuns: 10_000 },
    );
    expect(Math.min(counts.dates, counts.others)).toBeGreaterThan(2000);
  });

  test.each(READ_AS_DATES)('%s is shifted, and its form, time and zone stay', (text) => {
    const came = shift(text);
    expect(came).toHaveLength(text.length);
    expect(came).not.toBe(text);
    const dash = text.includes('-') && text[4] === '-';
    expect(came.slice(dash ? 10 : 8)).toBe(text.slice(dash ? 10 : 8));
    expect(truncate(text)).toBe(text.slice(0, 4));
  });

  test.each(NO_DATES)('%j never passes', (text) => {
    expect(shift(text)).toBe(BAD);
    expect(truncate(text)).toBe(BAD);
  });

  test('that are partial lose all but the year under a shift, and keep their precision under a truncation', () => {
    for (const text of ['2026', '2026-05', '202605']) expect(shift(text)).toBe('2026');
    expect(truncate('2026', { unit: 'month' })).toBe('2026');
    expect(truncate('2026-05', { unit: 'month' })).toBe('2026-05');
    expect(truncate('202605', { unit: 'quarter' })).toBe('202604');
    expect([shift(''), truncate('')]).toEqual(['', '']);
  });
});

describe('a shift', () => {
  const day = fc
    .integer({ min: -100_000, max: 100_000 })
    .map((days) => new Date(days * DAY_MS).toISOString().slice(0, 10));

  test('keeps every interval of one person, in all types alike, and is never none', () => {
    fc.assert(
      fc.property(day, day, fc.string({ minLength: 1, maxLength: 8 }), (first, second, person) => {
        const [a, b] = [shift(first, person), shift(second, person)];
        expect(daysBetween(a, b)).toBe(daysBetween(first, second));
        const moved = daysBetween(first, a);
        expect(Math.abs(moved)).toBeGreaterThanOrEqual(1);
        expect(Math.abs(moved)).toBeLessThanOrEqual(182);
        expect(shift(first.replaceAll('-', ''), person)).toBe(a.replaceAll('-', ''));
        const asInt = maskBoth(
          Date.parse(first) / DAY_MS,
          leafFor({ type: 'int', logicalType: 'date' }),
          SHIFT,
          { person },
        );
        expect((asInt as number) * DAY_MS).toBe(Date.parse(a));
        const ticks = BigInt(Date.parse(first)) * 1_000_000n + 1n;
        expect(maskBoth(ticks, NANOS, SHIFT, { person })).toBe(ticks + BigInt(moved) * 86_400_000_000_000n);
      }),
      { numRuns: 500 },
    );
  });

  test('withholds where the year would take more than four digits, or the nanoseconds more than 64 bits', () => {
    const ends = ['0001-01-01', '9999-12-31'].map((text) =>
      ['P-1', 'P-2', 'P-3', 'P-4'].map((person) => shift(text, person)),
    );
    expect(ends.flat()).toContain('ERR_MASK_RANGE');
    const far = [-(2n ** 63n), 2n ** 63n - 1n].map((ticks) => maskBoth(ticks, NANOS, SHIFT));
    expect(far).toContain('ERR_MASK_RANGE');
  });
});

describe('a truncation', () => {
  test('is the same when done again, for each unit and type', () => {
    const units = fc.constantFrom('year', 'quarter', 'month');
    fc.assert(
      fc.property(
        dateText(),
        units,
        fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
        (text, unit, ticks) => {
          const once = truncate(text, { unit });
          if (once !== BAD) expect(truncate(once as string, { unit })).toBe(once);
          const instruction = written('date-truncate', { unit });
          const first = maskBoth(ticks, NANOS, instruction);
          if (typeof first === 'bigint') expect(maskBoth(first, NANOS, instruction)).toBe(first);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('to a quarter is its first day, and every month knows its quarter', () => {
    const date = leafFor({ type: 'int', logicalType: 'date' });
    for (let month = 0; month < 12; month += 1) {
      const instruction = written('date-truncate', { unit: 'quarter' });
      const came = maskBoth(Date.UTC(2024, month, 29) / DAY_MS, date, instruction) as number;
      expect(came * DAY_MS).toBe(Date.UTC(2024, month - (month % 3), 1));
    }
  });

  test('never tells a birth that makes an age over 89, in text, nanoseconds or a plain year', () => {
    const asOf = '2026-06-01';
    expect(
      ['1936-12-31', '19360101', '1901', '1936-05'].map((text) => truncate(text, { unit: 'month' }, asOf)),
    ).toEqual(['1936', '1936', '1936', '1936']);
    expect(truncate('1937-01-02', { unit: 'month' }, asOf)).toBe('1937-01');
    const old = BigInt(Date.parse('1910-03-04')) * 1_000_000n;
    expect(maskBoth(old, NANOS, written('date-truncate'), { asOf })).toBe(
      BigInt(Date.UTC(1936, 0, 1)) * 1_000_000n,
    );
    const year = written('date-truncate', { numbers: 'year' });
    for (const [leaf, as] of [
      [leafFor('int'), Number],
      [leafFor('long'), BigInt],
    ] as const) {
      expect(maskBoth(as(1910), leaf, year, { asOf })).toBe(as(1936));
      expect(maskBoth(as(1937), leaf, year, { asOf })).toBe(as(1937));
      for (const wrong of [0, 1799, 2201, 19_100_304, -1])
        expect(maskBoth(as(wrong), leaf, year)).toBe('ERR_MASK_RANGE');
    }
    expect(maskBoth(2n ** 60n, leafFor('long'), year)).toBe('ERR_MASK_RANGE');
  });

  test('takes plain numbers only where the policy says that they are years', () => {
    expect(acceptsLeaf(leafFor('int'), written('date-truncate'))).toBe(false);
    expect(acceptsLeaf(leafFor('int'), written('date-truncate', { numbers: 'year' }))).toBe(true);
    expect(
      acceptsLeaf(
        leafFor({ type: 'int', logicalType: 'time-millis' }),
        written('date-truncate', { numbers: 'year' }),
      ),
    ).toBe(false);
    expect(acceptsLeaf(leafFor({ type: 'string', logicalType: 'uuid' }), SHIFT)).toBe(false);
    expect(isAsStrictWithin(written('date-truncate'), written('date-truncate', { numbers: 'year' }))).toBe(
      true,
    );
    expect(isAsStrictWithin(written('date-truncate', { numbers: 'year' }), written('date-truncate'))).toBe(
      false,
    );
    expect(
      isAsStrictWithin(
        written('date-truncate', { unit: 'quarter' }),
        written('date-truncate', { unit: 'month' }),
      ),
    ).toBe(true);
    expect(
      isAsStrictWithin(
        written('date-truncate', { unit: 'month' }),
        written('date-truncate', { unit: 'quarter' }),
      ),
    ).toBe(false);
  });
});

describe('a capped age', () => {
  const cap = (value: unknown, type: string): unknown => maskBoth(value, leafFor(type), written('age-cap'));

  test('in text keeps the form that it has', () => {
    const texts = [
      '',
      '0',
      '89',
      '90',
      '93',
      '110',
      '93 years',
      '93Y',
      '093Y',
      '93 Yrs',
      '93 y/o',
      '101 years old',
      '7 a',
    ];
    expect(texts.map((text) => cap(text, 'string'))).toEqual([
      '',
      '0',
      '89',
      '90',
      '90',
      '090',
      '90 years',
      '90Y',
      '090Y',
      '90 Yrs',
      '90 y/o',
      '090 years old',
      '7 a',
    ]);
  });

  test.each(['93 months', '9.5', '-1', '1000', 'ninety', ' 93', '93  y', '93yy', '~90', '90+', '93\n'])(
    'is not read out of %j',
    (text) => expect(cap(text, 'string')).toBe(BAD),
  );

  test('with a fraction is told in whole years', () => {
    expect([0.1, 41.99, 89.99, 90, 117.3].map((age) => cap(age, 'double'))).toEqual([0, 41, 89, 90, 90]);
    expect(cap(Math.fround(89.9), 'float')).toBe(89);
    for (const wrong of [-0.5, Number.NaN, Infinity]) expect(cap(wrong, 'double')).toBe('ERR_MASK_RANGE');
  });
});
