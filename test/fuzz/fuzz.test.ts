/**
 * A smoke of `npm run fuzz`: some seconds of each target under a fixed seed, and proof that the fuzzer looks.
 */
import { describe, expect, test } from '@jest/globals';
import { BROKEN_TARGETS } from './broken-targets.ts';
import { Random, changedBytes, changedJson, changedText } from './random.ts';
import { runCases } from './target.ts';
import { TARGETS } from './targets.ts';

const SEED = 20_261_122;
/** About a second of each. */
const CASES: Readonly<Record<string, number>> = {
  transcoder: 6_000,
  compiler: 600,
  policy: 300,
  registry: 500,
  paths: 1_500,
};

describe('only our errors come out, in time', () => {
  test.each(TARGETS.map((target) => [target.name, target] as const))('of %s', async (name, target) => {
    const seen = new Map<string, number>();
    expect(await runCases(target, SEED, [0, CASES[name]!], seen)).toBeNull();
    for (const outcome of target.expects) expect([outcome, seen.get(outcome) ?? 0]).not.toEqual([outcome, 0]);
  });
});

describe('the fuzzer', () => {
  test.each(BROKEN_TARGETS.map((target) => [target.name, target] as const))('finds %s', async (_, target) => {
    const found = await runCases(target, SEED, [0, 20_000], new Map());
    expect(found?.what).toMatch(/^(RangeError|SyntaxError|slow)/);
    // The same seed and case find it again.
    expect(await runCases(target, SEED, [found!.index, found!.index + 1], new Map())).toMatchObject({
      index: found!.index,
    });
  });

  test('makes the same case of the same seed', () => {
    const cases = [0, 0, 1].map((index) => {
      const random = new Random(SEED, index);
      const bytes = changedBytes(random, Buffer.from('sound bytes')).toString('hex');
      const json = JSON.stringify(changedJson(random, { a: [1, { b: 'c' }] }, ['x']));
      return [bytes, changedText(random, 'a: b\nc: d', ['word']), json].join();
    });
    expect(cases[1]).toBe(cases[0]);
    expect(cases[2]).not.toBe(cases[0]);
  });
});
