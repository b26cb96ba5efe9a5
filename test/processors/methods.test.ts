/**
 * Each method's promise, on values and on bytes.
 */
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { fromExample, toExample } from '../../policy/example-value.ts';
import { readInstruction } from '../../policy/instruction.ts';
import { faultCode } from '../../processors/fault.ts';
import { METHODS, derivedLeaf, maskLeafValue } from '../../processors/method-table.ts';
import { POPULOUS_ZIP3 } from '../../processors/methods/zip3-table.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import type { ValueContext } from '../../processors/method.ts';
import type { Instruction } from '../../processors/plan.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { leafJson } from '../support/method-mask.ts';
import { AT, NOWHERE, planFor } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(1024);
const DAY_MS = 86_400_000;

const day = (text: string): number => Date.parse(text) / DAY_MS;
const leafOf = (kind: 'string' | 'int' | 'long' | 'bytes', logical?: string): AvroLeaf => ({
  kind,
  logical: logical === undefined ? null : { name: logical },
  tags: [],
});

/** Masks one value both ways, beside a person; the two must agree. Gives the value, or the code. */
function mask(
  value: unknown,
  leaf: AvroLeaf,
  instruction: Instruction,
  asOf = '2026-06-01',
  person = 'P-1',
): unknown {
  const schema = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'person', type: 'string' },
      { name: 'value', type: leafJson(leaf) },
    ],
  };
  const plan = planFor(schema, { value: instruction }, { personPath: ['person'], asOfDay: day(asOf) });
  const { writer, derived } = avscTypes(plan);
  const encoded = writer.toBuffer({ person, value });
  const end = compileTranscoder(plan, keys).mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
  const context: ValueContext = { ...AT, keys, person, asOfDay: day(asOf) };
  if (end < 0) {
    const code = faultCode(end);
    expect(() => maskLeafValue(value, leaf, instruction, context)).toThrow(expect.objectContaining({ code }));
    return code;
  }
  const masked = (derived.fromBuffer(out.subarray(0, end)) as { value: unknown }).value;
  expect(maskLeafValue(value, leaf, instruction, context)).toEqual(masked);
  return masked;
}

const checked = (method: keyof typeof METHODS, value: object): unknown =>
  METHODS[method].parameters.safeParse(value).data;

const isPseudonymous = (leaf: AvroLeaf): boolean => METHODS.pseudonym.accepts(leaf);

const by = (unit: 'year' | 'month', over89: 'cap' | 'keep' = 'cap'): Instruction => ({
  method: 'date-truncate',
  unit,
  over89,
});

/** Month and day as a number, for comparing. */
const inYear = (at: Date): number => at.getUTCMonth() * 100 + at.getUTCDate();

/** Age in whole years. */
const ageOn = (born: Date, asOf: Date): number => {
  const years = asOf.getUTCFullYear() - born.getUTCFullYear();
  return inYear(asOf) < inYear(born) ? years - 1 : years;
};

describe('method table', () => {
  test('names each method by its key, with a promise and rows for the docs', () => {
    for (const [name, method] of Object.entries(METHODS)) {
      expect(method.name).toBe(name);
      expect(method.promise.length).toBeGreaterThan(20);
      expect(method.rows.length).toBeGreaterThan(0);
    }
  });

  for (const [name, { examples }] of Object.entries(METHODS)) {
    for (const { type, instruction, given, gives } of examples) {
      test(`${name}: the example of ${JSON.stringify(type)} comes true`, () => {
        const parsed = readInstruction(instruction) as Instruction;
        const leaf = parseAvroSchema(JSON.stringify(type)) as AvroLeaf;
        expect(METHODS[parsed.method].accepts(leaf) || parsed.method === 'redact').toBe(true);
        const derived = derivedLeaf(leaf, parsed);
        const came = mask(fromExample(given, leaf), leaf, parsed);
        if (gives === null) return expect(came).toBeUndefined();
        const shown = toExample(came, derived);
        return gives instanceof RegExp ? expect(String(shown)).toMatch(gives) : expect(shown).toBe(gives);
      });
    }
  }

  test('has parameters that default as documented and refuse what is unknown', () => {
    expect(checked('date-shift', {})).toEqual({ maxDays: 182 });
    expect(checked('date-truncate', {})).toEqual({ unit: 'year', over89: 'cap' });
    expect(checked('age-cap', {})).toEqual({ over: 89 });
    expect(checked('pseudonym', { domain: 'mrn' })).toEqual({ domain: 'mrn' });
    for (const wrong of [
      checked('pseudonym', {}),
      checked('pseudonym', { domain: '' }),
      checked('date-shift', { maxDays: 0 }),
      checked('date-shift', { maxDays: 1.5 }),
      checked('keep', { domain: 'mrn' }),
      checked('zip3', { digits: 5 }),
    ]) {
      expect(wrong).toBeUndefined();
    }
  });

  test('drop is the strictest and keep the laxest', () => {
    const ranks = Object.values(METHODS).map(({ strictness }) => strictness);
    expect(METHODS.drop.strictness).toBe(Math.min(...ranks));
    expect(METHODS.keep.strictness).toBe(Math.max(...ranks));
    expect(METHODS.redact.strictness).toBeLessThan(METHODS.pseudonym.strictness);
  });
});

describe('pseudonym', () => {
  const instruction: Instruction = { method: 'pseudonym', domain: 'mrn' };

  test('is 32 lower-case hex digits, also of an empty text and of a long one', () => {
    for (const text of ['MRN-1', '', 'x'.repeat(5000), 'ünïcode']) {
      expect(mask(text, leafOf('string'), instruction)).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  test('is the same for one identifier whatever its type', () => {
    for (const id of ['0', '42', '-7', '9007199254740993', '-9223372036854775808']) {
      const hex = mask(id, leafOf('string'), instruction) as string;
      const long = mask(BigInt(id), leafOf('long'), instruction) as bigint;
      expect(long).toBe(BigInt(`0x${hex.slice(0, 16)}`) & 0x7fff_ffff_ffff_ffffn);
      const bytes = mask(Buffer.from(id), leafOf('bytes'), instruction) as Buffer;
      expect(Buffer.from(bytes).toString('hex')).toBe(hex);
    }
  });

  test('is a number from 0 to 2^63 - 1 for a long', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const masked = mask(value, leafOf('long'), instruction) as bigint;
        expect(masked >= 0n && masked < 2n ** 63n).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('is a UUID of version 8 and variant 10 for a UUID', () => {
    for (let i = 0; i < 50; i += 1) {
      const uuid = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
      expect(mask(uuid, leafOf('string', 'uuid'), instruction)).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });

  test('is the same for a UUID as text and as 16 bytes', () => {
    const bytes = Buffer.from('00112233445546778899aabbccddeeff', 'hex');
    const fixed: AvroLeaf = { kind: 'fixed', fullName: 'U', size: 16, logical: { name: 'uuid' }, tags: [] };
    const context: ValueContext = { ...AT, keys, person: null, asOfDay: 0 };
    const fromBytes = maskLeafValue(bytes, fixed, instruction, context) as Buffer;
    const text = mask(
      '00112233-4455-4677-8899-aabbccddeeff',
      leafOf('string', 'uuid'),
      instruction,
    ) as string;
    expect(fromBytes.toString('hex')).toBe(text.replaceAll('-', ''));
  });

  test('differs by domain and by audience', () => {
    const leaf = leafOf('string');
    const one = (audience: string, domain: string): unknown =>
      maskLeafValue(
        '1',
        leaf,
        { method: 'pseudonym', domain },
        { ...AT, keys: testKeys(audience), person: null, asOfDay: 0 },
      );
    const all = [one('research', 'mrn'), one('research', 'patient'), one('billing', 'mrn')];
    expect(new Set(all).size).toBe(3);
    expect(one('research', 'mrn')).toBe(all[0]);
  });

  test('stays what it is today', () => {
    expect(mask('MRN-1', leafOf('string'), instruction)).toBe('3dfeb05bf1c1b1fc89e9455b3fba0723');
    expect(mask(1n, leafOf('long'), instruction)).toBe(4893330833885328506n);
  });

  test('refuses what is no identifier', () => {
    const named = { fullName: 'N', logical: null, tags: [] };
    expect(isPseudonymous({ kind: 'fixed', size: 16, ...named })).toBe(true);
    expect(
      [
        leafOf('int'),
        leafOf('int', 'date'),
        leafOf('long', 'timestamp-millis'),
        leafOf('bytes', 'decimal'),
        { kind: 'float', logical: null, tags: [] } as const,
        { kind: 'boolean', logical: null, tags: [] } as const,
        { kind: 'enum', symbols: ['A'], ...named } as const,
        { kind: 'fixed', size: 7, ...named } as const,
        { kind: 'fixed', size: 12, ...named, logical: { name: 'duration' } } as const,
      ].filter(isPseudonymous),
    ).toEqual([]);
  });
});

describe('date-shift', () => {
  const date = leafOf('int', 'date');

  test('moves by 1 to maxDays days either way, never by none, and reaches both ends', () => {
    for (const maxDays of [1, 2, 30]) {
      const seen = new Set<number>();
      for (let i = 0; i < 600; i += 1) {
        seen.add((mask(0, date, { method: 'date-shift', maxDays }, '2026-06-01', `P-${i}`) as number) - 0);
      }
      const all = Array.from({ length: 2 * maxDays }, (_, i) =>
        i < maxDays ? i - maxDays : i - maxDays + 1,
      );
      expect([...seen].sort((a, b) => a - b)).toEqual(all);
    }
  });

  test('moves all dates of one person by the same days, in every unit, and keeps the time of day', () => {
    const instruction: Instruction = { method: 'date-shift', maxDays: 182 };
    const shift = (mask(day('2020-01-01'), date, instruction) as number) - day('2020-01-01');
    expect(shift).not.toBe(0);
    const time = Date.parse('2024-02-29T13:14:15.167Z');
    for (const [logical, perMs] of [
      ['timestamp-millis', 1n],
      ['local-timestamp-millis', 1n],
      ['timestamp-micros', 1000n],
      ['local-timestamp-micros', 1000n],
    ] as const) {
      const masked = mask(BigInt(time) * perMs, leafOf('long', logical), instruction);
      expect(masked).toBe((BigInt(time) + BigInt(shift * DAY_MS)) * perMs);
    }
  });

  test('withholds a record that names nobody, and results out of range', () => {
    const instruction: Instruction = { method: 'date-shift', maxDays: 182 };
    expect(mask(0, date, instruction, '2026-06-01', '')).toBe('ERR_MASK_PERSON_MISSING');
    const ends = ['P-1', 'P-2', 'P-3', 'P-4', 'P-5', 'P-6'].map((person) => [
      mask(2 ** 31 - 1, date, instruction, '2026-06-01', person),
      mask(-(2 ** 31), date, instruction, '2026-06-01', person),
    ]);
    // Each person moves one of the two ends out of range.
    for (const pair of ends) expect(pair.filter((value) => value === 'ERR_MASK_RANGE')).toHaveLength(1);
    const millis = leafOf('long', 'timestamp-millis');
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(mask(value, millis, instruction)).toBe('ERR_MASK_RANGE');
    }
  });
});

describe('date-truncate', () => {
  const date = leafOf('int', 'date');
  test('gives the first day of the year or month', () => {
    expect(mask(day('1984-03-17'), date, by('year'))).toBe(day('1984-01-01'));
    expect(mask(day('1984-03-17'), date, by('month'))).toBe(day('1984-03-01'));
    expect(mask(day('2024-02-29'), date, by('month'))).toBe(day('2024-02-01'));
    const time = Date.parse('1969-12-31T23:59:59.999Z');
    expect(mask(BigInt(time), leafOf('long', 'timestamp-millis'), by('month'))).toBe(
      BigInt(Date.parse('1969-12-01')),
    );
    expect(mask(BigInt(time) * 1000n, leafOf('long', 'local-timestamp-micros'), by('year'))).toBe(
      BigInt(Date.parse('1969-01-01')) * 1000n,
    );
  });

  test('puts every year of 90 and more ago into one', () => {
    for (const unit of ['year', 'month'] as const) {
      for (const born of ['1936-12-31', '1936-01-01', '1935-06-01', '1900-05-05', '0001-01-01']) {
        expect([born, mask(day(born), date, by(unit), '2026-06-01')]).toEqual([born, day('1936-01-01')]);
      }
      expect(mask(-(2 ** 31), date, by(unit), '2026-06-01')).toBe(day('1936-01-01'));
    }
    expect(mask(day('1937-01-01'), date, by('year'), '2026-06-01')).toBe(day('1937-01-01'));
    expect(mask(day('1931-02-03'), date, by('month', 'keep'), '2026-06-01')).toBe(day('1931-02-01'));
  });

  test('never tells an age over 89: all who share a result with somebody over 89 are in the one category', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: day('1890-01-01'), max: day('2030-01-01') }),
        fc.integer({ min: day('2020-01-01'), max: day('2060-01-01') }),
        fc.constantFrom('year' as const, 'month' as const),
        (born, asOf, unit) => {
          const asOfDate = new Date(asOf * DAY_MS);
          const context: ValueContext = { ...AT, keys, person: null, asOfDay: asOf };
          const shown = maskLeafValue(born, date, by(unit), context) as number;
          const category = Date.UTC(asOfDate.getUTCFullYear() - 90, 0, 1) / DAY_MS;
          if (ageOn(new Date(born * DAY_MS), asOfDate) > 89) expect(shown).toBe(category);
          // Who is not in the category was born on the shown day at the earliest.
          if (shown !== category) expect(ageOn(new Date(shown * DAY_MS), asOfDate)).toBeLessThanOrEqual(89);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('tells ages at the later of the record and the plan', () => {
    const schema = { type: 'record', name: 'R', fields: [{ name: 'born', type: leafJson(date) }] };
    const plan = planFor(schema, { born: by('year') }, { asOfDay: day('2026-01-01') });
    const born = avscTypes(plan).writer.toBuffer({ born: day('1938-05-05') });
    const at = (recordTimeMs: number): unknown => {
      const end = compileTranscoder(plan, keys).mask(born, 0, born.length, out, 0, recordTimeMs, NOWHERE);
      return (avscTypes(plan).derived.fromBuffer(out.subarray(0, end)) as { born: number }).born;
    };
    expect(at(-1)).toBe(day('1938-01-01'));
    expect(at(Date.parse('1999-01-01'))).toBe(day('1938-01-01'));
    expect(at(Date.parse('2027-12-31'))).toBe(day('1938-01-01'));
    expect(at(Date.parse('2028-01-01'))).toBe(day('1938-01-01'));
    expect(at(Date.parse('2029-01-01'))).toBe(day('1939-01-01'));
    // A time that no producer can mean only generalises more.
    for (const time of [1e300, Infinity]) expect(at(time)).toBe(day('9909-01-01'));
  });

  test('withholds what lies out of range', () => {
    expect(mask(-(2 ** 31), date, by('year', 'keep'))).toBe('ERR_MASK_RANGE');
    expect(mask(2n ** 53n, leafOf('long', 'timestamp-millis'), by('year'))).toBe('ERR_MASK_RANGE');
  });
});

describe('age-cap', () => {
  test('keeps ages up to the limit and gives one category above', () => {
    const instruction: Instruction = { method: 'age-cap', over: 89 };
    for (const [age, shown] of [
      [0, 0],
      [63, 63],
      [64, 64],
      [89, 89],
      [90, 90],
      [91, 90],
      [2 ** 31 - 1, 90],
    ] as const) {
      expect(mask(age, leafOf('int'), instruction)).toBe(shown);
      expect(mask(BigInt(age), leafOf('long'), instruction)).toBe(BigInt(shown));
    }
    expect(mask(2n ** 63n - 1n, leafOf('long'), instruction)).toBe(90n);
  });

  test('withholds a negative age and refuses dates', () => {
    expect(mask(-1, leafOf('int'), { method: 'age-cap', over: 89 })).toBe('ERR_MASK_RANGE');
    expect(mask(-(2n ** 63n), leafOf('long'), { method: 'age-cap', over: 89 })).toBe('ERR_MASK_RANGE');
    expect(METHODS['age-cap'].accepts(leafOf('int', 'date'))).toBe(false);
  });
});

describe('zip3', () => {
  test('gives three digits where the area is populous, else 000', () => {
    for (const [zip, shown] of [
      ['10001', '100'],
      ['60614-1234', '606'],
      ['606141234', '606'],
      ['100', '100'],
      ['03601', '000'],
      ['036', '000'],
      ['00501', '000'],
      ['00601', '006'],
      ['09012', '000'],
      ['', '000'],
      ['1', '000'],
      ['10', '000'],
      ['1000', '000'],
      ['10 01', '000'],
      ['abcde', '000'],
      ['100x1', '000'],
      ['١٠٠٠١', '000'],
      ['K1A 0B1', '000'],
      [' 10001', '000'],
    ] as const) {
      expect([zip, mask(zip, leafOf('string'), { method: 'zip3' })]).toEqual([zip, shown]);
    }
  });

  test('has the table that was checked against the Census', () => {
    const list = [...POPULOUS_ZIP3];
    expect(list).toHaveLength(876);
    expect(list.toSorted()).toEqual(list);
    expect(createHash('sha256').update(list.join(' ')).digest('hex')).toBe(
      'b4bc8d4c72c2fb38d0e3d72a60e441cf7142c19cbe5b149d4451983821d04d5d',
    );
    // The 18 prefixes that have people, but 20,000 or fewer.
    const small = '036 059 102 202 203 204 205 369 556 692 753 772 821 823 878 879 884 893'.split(' ');
    expect(small.filter((prefix) => POPULOUS_ZIP3.has(prefix))).toEqual([]);
  });

  const CENSUS = new URL('../../../shared/data/census-zip3/zip3.json', import.meta.url);
  const withCensus = existsSync(CENSUS) ? test : test.skip;
  withCensus('shows exactly the prefixes above 20,000 people (skipped where shared/data is absent)', () => {
    const census = JSON.parse(readFileSync(CENSUS, 'utf8')) as {
      census2020: { populations: Record<string, number> };
    };
    const populous = Object.entries(census.census2020.populations)
      .filter(([, population]) => population > 20_000)
      .map(([prefix]) => prefix);
    expect([...POPULOUS_ZIP3].toSorted()).toEqual(populous.toSorted());
  });
});

describe('redact', () => {
  test('writes the empty value of each type, whatever the value', () => {
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'text', type: 'string' },
        { name: 'uuid', type: { type: 'string', logicalType: 'uuid' } },
        { name: 'bytes', type: 'bytes' },
        { name: 'decimal', type: { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 } },
        { name: 'int', type: 'int' },
        { name: 'long', type: 'long' },
        { name: 'float', type: 'float' },
        { name: 'double', type: 'double' },
        { name: 'flag', type: 'boolean' },
        { name: 'list', type: { type: 'array', items: 'string' } },
        { name: 'map', type: { type: 'map', values: 'int' } },
        { name: 'maybe', type: ['null', 'string'] },
        { name: 'maybeLast', type: ['string', 'null'] },
        { name: 'choice', type: ['string', 'int'] },
      ],
    };
    const names = schema.fields.map(({ name }) => name);
    const plan = planFor(schema, Object.fromEntries(names.map((name) => [name, { method: 'redact' }])));
    const { writer, derived } = avscTypes(plan);
    const encoded = writer.toBuffer({
      text: 'a',
      uuid: '00000000-0000-4000-8000-000000000001',
      bytes: Buffer.from('b'),
      decimal: Buffer.from([1, 2]),
      int: 5,
      long: 6n,
      float: 1.5,
      double: 2.5,
      flag: true,
      list: ['c'],
      map: { d: 1 },
      maybe: { string: 'e' },
      maybeLast: { string: 'f' },
      choice: { int: 7 },
    });
    const end = compileTranscoder(plan, keys).mask(encoded, 0, encoded.length, out, 0, -1, NOWHERE);
    expect(derived.toString(derived.fromBuffer(out.subarray(0, end)))).toBe(
      JSON.stringify({
        text: '',
        uuid: '00000000-0000-0000-0000-000000000000',
        bytes: '',
        decimal: '\u0000',
        int: 0,
        long: '0',
        float: 0,
        double: 0,
        flag: false,
        list: [],
        map: {},
        maybe: null,
        maybeLast: null,
        choice: { string: '' },
      }),
    );
  });

  test('refuses an enum and a fixed', () => {
    const named = { fullName: 'N', logical: null, tags: [] };
    expect(METHODS.redact.accepts({ kind: 'enum', symbols: ['A'], ...named })).toBe(false);
    expect(METHODS.redact.accepts({ kind: 'fixed', size: 4, ...named })).toBe(false);
  });
});
