import { describe, expect, test } from '@jest/globals';
import { canonicalJson } from '../../policy/canonical-json.ts';
import { sameInstruction } from '../../policy/instruction.ts';

describe('the canonical form', () => {
  test('is the same for equal data, in whatever order it was written', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true })).toBe(
      '{"a":true,"b":[1,{"c":"x","d":null}]}',
    );
    expect(canonicalJson({ a: true, b: [1, { c: 'x', d: null }] })).toBe(
      canonicalJson({ b: [1, { d: null, c: 'x' }], a: true }),
    );
  });

  test('tells different data apart', () => {
    const texts = [{ a: 1 }, { a: '1' }, { a: [1] }, { a: null }, {}, { b: 1 }, [{ a: 1 }]].map(
      canonicalJson,
    );
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('refuses what JSON cannot say, instead of leaving it out', () => {
    for (const value of [1n, Number.NaN, Infinity, [undefined], () => 1])
      expect(() => canonicalJson(value)).toThrow();
  });

  test('compares instructions with their parameters', () => {
    const shift = { method: 'date-shift', maxDays: 10 } as const;
    expect(sameInstruction(shift, { maxDays: 10, method: 'date-shift' })).toBe(true);
    expect(sameInstruction(shift, { method: 'date-shift', maxDays: 11 })).toBe(false);
  });
});
