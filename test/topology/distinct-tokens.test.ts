import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { SUBJECT_TOKEN_BYTES } from '../../schemas/access-codecs.ts';
import { DistinctTokens } from '../../topology/distinct-tokens.ts';

/** A token of its own for each number. */
function token(number: number): Buffer {
  return createHash('sha256').update(`person ${number}`).digest().subarray(0, SUBJECT_TOKEN_BYTES);
}

function counted(tokens: Buffer): number {
  const found = new Set<bigint>();
  for (let at = 0; at < tokens.length; at += SUBJECT_TOKEN_BYTES) found.add(tokens.readBigUInt64LE(at));
  found.delete(0n);
  return found.size;
}

describe('DistinctTokens', () => {
  test('counts as a set does, whatever was counted before', () => {
    const distinct = new DistinctTokens();
    for (const [records, people] of [
      [0, 1],
      [1, 1],
      [5_000, 20],
      [20_000, 15_000],
      [3, 2],
      [9_000, 9_000],
    ] as const) {
      const tokens = Buffer.concat(Array.from({ length: records }, (_, i) => token((i * 7_919) % people)));
      expect(distinct.count(tokens)).toBe(counted(tokens));
    }
  });

  test('takes zeros for nobody, and tokens that differ in one half for different ones', () => {
    const half = token(1).subarray(0, SUBJECT_TOKEN_BYTES / 2);
    const none = Buffer.alloc(SUBJECT_TOKEN_BYTES / 2);
    const all = [none, none, half, none, none, half, half, half, half, none, none, none];
    expect(new DistinctTokens().count(Buffer.concat(all))).toBe(3);
  });

  test('counts tokens that do not lie at a whole word, and after its memory was given back', () => {
    const tokens = Buffer.concat([
      Buffer.alloc(1),
      ...Array.from({ length: 3_000 }, (_, i) => token(i % 700)),
    ]);
    const distinct = new DistinctTokens();
    expect(distinct.count(tokens.subarray(1))).toBe(700);
    distinct.shrink();
    expect(distinct.count(tokens.subarray(1))).toBe(700);
  });
});
