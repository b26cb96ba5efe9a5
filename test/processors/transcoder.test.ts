/**
 * The transcoder on bytes written by hand: what it refuses, what it leaves as it is, what it costs.
 */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EMPTY_ITEM_LIMIT } from '../../processors/avro-bytes.ts';
import { faultCode } from '../../processors/fault.ts';
import { compileKeyMasker, compileTranscoder } from '../../processors/transcoder.ts';
import { generateTranscoder } from '../../processors/transcoder-source.ts';
import { avscTypes, maskDecoded } from '../../processors/value-oracle.ts';
import type { Instruction, Plan } from '../../processors/plan.ts';
import { NOWHERE, planFor } from '../support/plan-builder.ts';
import type { Instructions } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(1 << 20);
const MRN: Instruction = { method: 'pseudonym', domain: 'mrn' };
const SHIFT: Instruction = { method: 'date-shift', maxDays: 182 };
const DATE = { type: 'int', logicalType: 'date' };

function fields(...types: readonly unknown[]): object {
  return { type: 'record', name: 'R', fields: types.map((type, i) => ({ name: `f${i}`, type })) };
}

/** Masked bytes in hex, or the code of the fault. */
function mask(plan: Plan, input: Buffer | string): string {
  const bytes = typeof input === 'string' ? Buffer.from(input.replaceAll(' ', ''), 'hex') : input;
  const end = compileTranscoder(plan, keys).mask(bytes, 0, bytes.length, out, 0, 0, NOWHERE);
  return end < 0 ? faultCode(end) : out.toString('hex', 0, end);
}

/** One field of a type, kept or otherwise. */
function one(type: unknown, input: string, instruction: Instruction = { method: 'keep' }): string {
  return mask(planFor(fields(type), { f0: instruction }), input);
}

const TRUNCATED = 'ERR_DECODE_TRUNCATED';
const VALUE = 'ERR_DECODE_VALUE';

const count = (n: number): Buffer => {
  const bytes: number[] = [];
  let rest = n * 2;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from(n === 0 ? [0] : [...bytes, rest, 0]);
};

const shifted = (plan: Plan, value: unknown): unknown => {
  const { writer, derived } = avscTypes(plan);
  const result = mask(plan, writer.toBuffer(value));
  return result.startsWith('ERR') ? result : derived.fromBuffer(Buffer.from(result, 'hex'));
};

const compileFor = (personPath: string[]): unknown =>
  compileTranscoder(
    planFor(fields(DATE, { type: 'array', items: 'string' }, 'string'), { f0: SHIFT }, { personPath }),
    keys,
  );

describe('refuses', () => {
  const MASKED: Instructions = { f0: { method: 'age-cap', over: 89 } };
  test.each([
    ['an int of 6 bytes', 'int', 'ff ff ff ff ff 01', VALUE],
    ['an int beyond 32 bits', 'int', 'ff ff ff ff 1f', VALUE],
    ['an int that does not end', 'int', 'ff ff', TRUNCATED],
    ['a long of 11 bytes', 'long', 'ff ff ff ff ff ff ff ff ff ff 01', VALUE],
    ['a long beyond 64 bits', 'long', 'ff ff ff ff ff ff ff ff ff 03', VALUE],
    ['a long that does not end', 'long', 'ff', TRUNCATED],
  ])('%s, kept or masked', (_name, type, input, code) => {
    expect(one(type, input)).toBe(code);
    expect(mask(planFor(fields(type), MASKED), input)).toBe(code);
  });

  test.each([
    ['a negative length of a string', 'string', '01', VALUE],
    ['a very negative length', 'string', 'ff ff ff ff ff ff ff ff ff 01', VALUE],
    ['a length past the end', 'string', '04 61', TRUNCATED],
    ['a length of 2^62', 'string', 'fe ff ff ff ff ff ff ff 7f 61', TRUNCATED],
    ['a negative length of bytes', 'bytes', '03', VALUE],
    ['a boolean of 2', 'boolean', '02', VALUE],
    ['a boolean of 255', 'boolean', 'ff', VALUE],
    ['half a float', 'float', '00 00', TRUNCATED],
    ['half a double', 'double', '00 00 00 00', TRUNCATED],
    ['a union branch beyond the last', ['null', 'int'], '04 00', VALUE],
    ['a negative union branch', ['null', 'int'], '01', VALUE],
    ['a union branch of many bytes', ['null', 'int'], '84 80 80 80 01', VALUE],
    ['an enum symbol beyond the last', { type: 'enum', name: 'E', symbols: ['A'] }, '02', VALUE],
    ['a negative enum symbol', { type: 'enum', name: 'E', symbols: ['A'] }, '01', VALUE],
    ['half a fixed', { type: 'fixed', name: 'F', size: 4 }, '00 00', TRUNCATED],
    ['nothing where an int should be', 'int', '', TRUNCATED],
  ])('%s', (_name, type, input, code) => {
    expect(one(type, input)).toBe(code);
    expect(one(type, input, { method: 'drop' })).toBe(code);
  });

  test('bytes after the record', () => {
    expect(one('int', '02 00')).toBe('ERR_DECODE_TRAILING');
    expect(one('int', '02 00', { method: 'drop' })).toBe('ERR_DECODE_TRAILING');
  });

  test('an input whose end lies outside the buffer', () => {
    const plan = planFor(fields('string'), {});
    const own = compileTranscoder(plan, keys);
    const input = Buffer.from([0x02, 0x61]);
    for (const [start, end] of [
      [0, 3],
      [-1, 2],
      [0, Number.NaN],
    ] as const) {
      expect(faultCode(own.mask(input, start, end, out, 0, 0, NOWHERE))).toBe(TRUNCATED);
    }
  });
});

describe('arrays and maps', () => {
  const ARRAY = { type: 'array', items: 'string' };
  const items: Instructions = { 'f0[]': MRN };
  const hex = (text: string): string =>
    mask(planFor(fields('string'), { f0: MRN }), Buffer.from([text.length * 2, ...Buffer.from(text)]));

  test('kept ones are copied as they are, also in blocks with sizes and in several', () => {
    for (const input of ['00', '02026100', '0104026100', '020261 0104026200', '8200 0261 00']) {
      expect(one(ARRAY, input)).toBe(input.replaceAll(' ', ''));
    }
  });

  test('a block whose items change loses its size, since it would be untrue', () => {
    expect(mask(planFor(fields(ARRAY), items), '03 08 0261 0262 00')).toBe(`04${hex('a')}${hex('b')}00`);
    expect(mask(planFor(fields(ARRAY), items), '02 0261 01 04 0262 00')).toBe(`02${hex('a')}02${hex('b')}00`);
  });

  test('a block whose size and items disagree is refused, kept or masked', () => {
    for (const instructions of [{ f0: { method: 'keep' } }, {}, items] as const) {
      const plan = planFor(fields(ARRAY), instructions);
      expect(mask(plan, '01 06 0261 00')).toBe(VALUE);
      expect(mask(plan, '01 02 0261 00')).toBe(VALUE);
      expect(mask(plan, '01 03 0261 00')).toBe(VALUE);
      expect(mask(plan, '01 08 0261 00')).toBe(TRUNCATED);
    }
  });

  test('a count that cannot fit is refused before any item is read', () => {
    for (const instructions of [{ f0: { method: 'keep' } }, {}, items] as const) {
      const plan = planFor(fields(ARRAY), instructions);
      expect(mask(plan, 'fe ff ff ff 0f 00')).toBe(TRUNCATED);
      expect(mask(plan, 'ff ff ff ff ff ff ff ff ff 01 00 00')).toBe(TRUNCATED);
      expect(mask(plan, 'fe ff ff ff ff ff ff ff ff 01 00')).toBe(TRUNCATED);
    }
  });

  test('a list of many nothings is refused, over all lists of the record', () => {
    const nulls = { type: 'array', items: 'null' };
    const plan = planFor(fields(nulls, nulls), {});
    const both = (a: number, b: number): string => mask(plan, Buffer.concat([count(a), count(b)]));
    expect(both(EMPTY_ITEM_LIMIT / 2, EMPTY_ITEM_LIMIT / 2)).not.toMatch(/^ERR/);
    expect(both(EMPTY_ITEM_LIMIT / 2, EMPTY_ITEM_LIMIT / 2 + 1)).toBe('ERR_DECODE_BOMB');
    expect(both(2 ** 40, 0)).toBe('ERR_DECODE_BOMB');
    const empty = { type: 'array', items: { type: 'record', name: 'Empty', fields: [] } };
    expect(mask(planFor(fields(empty), {}), count(EMPTY_ITEM_LIMIT + 1))).toBe('ERR_DECODE_BOMB');
    // The limit is one of each record, not of the transcoder's life.
    const own = compileTranscoder(plan, keys);
    const full = Buffer.concat([count(EMPTY_ITEM_LIMIT), count(0)]);
    for (let i = 0; i < 3; i += 1)
      expect(own.mask(full, 0, full.length, out, 0, 0, NOWHERE)).toBe(full.length);
  });

  test('map keys are masked where the plan says so', () => {
    const plan = planFor(fields({ type: 'map', values: 'int' }), { 'f0{key}': MRN });
    expect(mask(plan, '02 0261 06 00')).toBe(`02${hex('a')}0600`);
  });
});

describe('what is kept', () => {
  test('longs beyond 2^53, bad UTF-8, NaN and varints with zeros at the end stay byte for byte', () => {
    expect(one('long', 'ff ff ff ff ff ff ff ff ff 01')).toBe('ffffffffffffffffff01');
    expect(one('string', '04 ff fe')).toBe('04fffe');
    expect(one('double', '01 00 00 00 00 00 f4 7f')).toBe('010000000000f47f');
    expect(one('int', '82 80 00')).toBe('828000');
    expect(one(['null', 'int'], '82 00 02')).toBe('820002');
  });

  test('a map entry called __proto__ survives', () => {
    const entry = `12${Buffer.from('__proto__').toString('hex')}`;
    expect(one({ type: 'map', values: 'int' }, `02 ${entry} 02 00`)).toBe(`02${entry}0200`);
  });

  test('spans of every length are copied whole, at every place', () => {
    const schema = fields('int', 'string', 'int', 'string', 'int');
    const plan = planFor(schema, { f0: { method: 'drop' }, f2: { method: 'drop' }, f4: { method: 'drop' } });
    const { writer, derived } = avscTypes(plan);
    for (let length = 0; length < 300; length += 1) {
      const text = Array.from({ length }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
      const value = { f0: 1, f1: text, f2: 2, f3: `${text}!`, f4: 3 };
      const expected = derived.toBuffer({ f1: text, f3: `${text}!` }).toString('hex');
      expect(mask(plan, writer.toBuffer(value))).toBe(expected);
    }
  });
});

describe('the person', () => {
  const TEXT = ['null', 'string'];
  const nested = {
    type: 'record',
    name: 'Subject',
    fields: [
      { name: 'note', type: 'string' },
      { name: 'id', type: TEXT },
    ],
  };
  test('gives the same shift before and after the date, nested or not, as text or as number', () => {
    const first = planFor(fields('string', DATE), { f1: SHIFT }, { personPath: ['f0'] });
    const last = planFor(
      fields(DATE, 'string'),
      { f0: SHIFT, f1: { method: 'drop' } },
      { personPath: ['f1'] },
    );
    const deep = planFor(
      fields(DATE, ['null', nested]),
      { f0: SHIFT, f1: { method: 'redact' } },
      { personPath: ['f1', 'id'] },
    );
    const long = planFor(fields(DATE, 'long'), { f0: SHIFT }, { personPath: ['f1'] });
    for (const id of ['1', '77', '-9', '9007199254740993']) {
      const shift = (shifted(first, { f0: id, f1: 0 }) as { f1: number }).f1;
      expect(shift).not.toBe(0);
      expect(shifted(last, { f0: 100, f1: id })).toEqual({ f0: 100 + shift });
      expect(shifted(deep, { f0: 0, f1: { Subject: { note: 'x', id: { string: id } } } })).toEqual({
        f0: shift,
        f1: null,
      });
      expect(shifted(long, { f0: 0, f1: BigInt(id) })).toEqual({ f0: shift, f1: BigInt(id) });
    }
  });

  test('a record that names nobody is withheld, unless it has no date to shift', () => {
    const plan = planFor(fields(['null', DATE], TEXT), { f0: SHIFT }, { personPath: ['f1'] });
    expect(shifted(plan, { f0: { int: 5 }, f1: null })).toBe('ERR_MASK_PERSON_MISSING');
    expect(shifted(plan, { f0: { int: 5 }, f1: { string: '' } })).toBe('ERR_MASK_PERSON_MISSING');
    expect(shifted(plan, { f0: null, f1: null })).toEqual({ f0: null, f1: null });
    const without = planFor(fields(DATE), { f0: SHIFT });
    expect(shifted(without, { f0: 5 })).toBe('ERR_MASK_PERSON_MISSING');
  });

  test('of the record before is never used for the next', () => {
    const plan = planFor(fields(TEXT, DATE), { f1: SHIFT }, { personPath: ['f0'] });
    const own = compileTranscoder(plan, keys);
    const { writer } = avscTypes(plan);
    const named = writer.toBuffer({ f0: { string: 'P-1' }, f1: 0 });
    const nobody = writer.toBuffer({ f0: null, f1: 0 });
    expect(own.mask(named, 0, named.length, out, 0, 0, NOWHERE)).toBeGreaterThan(0);
    expect(faultCode(own.mask(nobody, 0, nobody.length, out, 0, 0, NOWHERE))).toBe('ERR_MASK_PERSON_MISSING');
  });

  test('is found in each branch of a union, before the date or after it', () => {
    const first = {
      type: 'record',
      name: 'A',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'on', type: DATE },
      ],
    };
    const last = {
      type: 'record',
      name: 'B',
      fields: [
        { name: 'on', type: DATE },
        { name: 'id', type: 'string' },
      ],
    };
    const plan = planFor(fields([first, last]), { 'f0.on': SHIFT }, { personPath: ['f0', 'id'] });
    const a = shifted(plan, { f0: { A: { id: 'P-1', on: 0 } } }) as { f0: Record<string, { on: number }> };
    const b = shifted(plan, { f0: { B: { on: 0, id: 'P-1' } } }) as typeof a;
    const days = (value: typeof a): number | undefined => Object.values(value.f0)[0]?.on;
    expect(days(a)).toEqual(expect.any(Number));
    expect(days(b)).toBe(days(a));
  });

  test('a path that leads to no string, int or long is refused when the plan is compiled', () => {
    for (const path of [['f0'], ['f1'], ['f9'], [], ['f2', 'f0']]) {
      expect(() => compileFor(path)).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA_PERSON' }));
    }
    expect(() => compileFor(['f2'])).not.toThrow();
  });
});

describe('the generated function', () => {
  test('holds no text of the schema, policy or keys', () => {
    const schema = {
      type: 'record',
      name: 'Zebrafish',
      namespace: 'org.quokka',
      fields: [
        { name: 'wombat', type: { type: 'enum', name: 'Axolotl', symbols: ['NUMBAT'] }, doc: 'tapir' },
        { name: 'okapi', type: ['null', 'string'], default: null },
      ],
    };
    const plan = planFor(schema, { okapi: { method: 'pseudonym', domain: 'pangolin' } }, { topic: 'kakapo' });
    const { text } = generateTranscoder(plan, keys);
    expect(text).toContain('return function mask');
    expect(text).not.toMatch(/zebrafish|quokka|wombat|axolotl|numbat|tapir|okapi|pangolin|kakapo|research/i);
  });

  test('is cut into parts for a record of many fields, and is right all the same', () => {
    const types = Array.from(
      { length: 700 },
      (_, i) => [DATE, ['null', 'string'], 'string', { type: 'array', items: 'long' }][i % 4],
    );
    const instructions: Record<string, Instruction> = {};
    types.forEach((_, i) => {
      const instruction = ([SHIFT, { method: 'redact' }, MRN, null] as const)[i % 4];
      if (instruction && i % 3 > 0) instructions[`f${i}`] = instruction;
    });
    const plan = planFor(fields(...types), instructions, { personPath: ['f698'] });
    const { writer, derived } = avscTypes(plan);
    const value = Object.fromEntries(
      types.map((_, i) => [`f${i}`, [i * 31, { string: `t${i}` }, `id-${i}`, [1n, BigInt(i)]][i % 4]]),
    );
    const encoded = writer.toBuffer(value);
    expect(
      generateTranscoder(plan, keys).text.match(/^function f\d+\(b, end, out\)/gm)!.length,
    ).toBeGreaterThan(3);
    const expected = derived
      .toBuffer(maskDecoded(plan, writer.fromBuffer(encoded), keys, 0, NOWHERE))
      .toString('hex');
    expect(mask(plan, encoded)).toBe(expected);
    expect(mask(plan, encoded.subarray(0, -1))).toBe(TRUNCATED);
  });

  test('allocates nothing per record', () => {
    // In a process of its own: here, coverage and the test's own context allocate.
    const probe = fileURLToPath(new URL('../support/allocation-probe.ts', import.meta.url));
    const { records, bytes, collections } = JSON.parse(
      execFileSync(process.execPath, [probe], { encoding: 'utf8' }),
    ) as { records: number; bytes: number; collections: number };
    expect(records).toBe(500_000);
    // The smallest object has 16 bytes.
    expect(bytes / records).toBeLessThan(0.5);
    expect(collections).toBe(0);
  });
});

describe('record keys', () => {
  const input = Buffer.from('..MRN-1..');

  test('get the pseudonym that the same identifier has in a value, as 32 hex digits', () => {
    const end = compileKeyMasker(MRN, keys)(input, 2, 7, out, 5);
    expect(end).toBe(37);
    const key = out.toString('latin1', 5, end);
    const inValue = mask(planFor(fields('string'), { f0: MRN }), Buffer.from('\u000aMRN-1'));
    expect(key).toBe(Buffer.from(inValue, 'hex').toString('latin1', 1));
  });

  test('are kept as they are, and report what did not fit', () => {
    const keep = compileKeyMasker({ method: 'keep' }, keys);
    expect(keep(input, 2, 7, out, 3)).toBe(8);
    expect(out.toString('latin1', 3, 8)).toBe('MRN-1');
    expect(keep(input, 2, 7, Buffer.alloc(4), 1)).toBe(6);
    const pseudonym = compileKeyMasker({ method: 'pseudonym', domain: 'mrn' }, keys);
    expect(pseudonym(input, 2, 7, Buffer.alloc(10), 0)).toBe(32);
  });

  test('that are dropped are the business of the caller', () => {
    expect(() => compileKeyMasker({ method: 'drop' }, keys)).toThrow(
      expect.objectContaining({ code: 'ERR_INTERNAL' }),
    );
  });
});

test('a number that is no fault has no code', () => {
  for (const number of [0, 1, -99, Number.NaN]) {
    expect(() => faultCode(number)).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }));
  }
});
