/**
 * The cache of keyed hashes gives what the hash gives, whatever was asked before.
 */
import { describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { KeyedCache, keyedCache, personCache } from '../../processors/keyed-cache.ts';
import { IdentifierTable } from '../../processors/identifier-table.ts';
import { viewOf } from '../../processors/record-state.ts';
import type { KeyedHash } from '../../keys/audience-keys.ts';
import { testKeys } from '../support/test-keys.ts';

const hash = testKeys().pseudonyms('mrn');

function direct(input: Buffer): string {
  const out = Buffer.alloc(16);
  hash.hashInto(input, 0, input.length, out, 0);
  return out.toString('hex');
}

function through(cache: KeyedCache, input: Buffer): string {
  const at = cache.find(input, viewOf(input), 0, input.length);
  return cache.bytes.toString('hex', at, at + 16);
}

/** Counts how often the hash is asked. */
function counted(): { readonly hash: KeyedHash; asked: number } {
  const counter = {
    asked: 0,
    hash: {
      hashInto(input: Uint8Array, start: number, end: number, out: Uint8Array, at: number): void {
        counter.asked += 1;
        hash.hashInto(input, start, end, out, at);
      },
    },
  };
  return counter;
}

const id = (i: number): Buffer => Buffer.from(`MRN-${i}`);

function find(cache: KeyedCache, i: number): void {
  const input = id(i);
  cache.find(input, viewOf(input), 0, input.length);
}

const word = (text: string): number => Buffer.from(text).readInt32LE(0);

const bytes = (...words: number[]): Buffer => Buffer.from(Int32Array.from(words).buffer);

describe('keyed cache', () => {
  test('gives the hash of any identifier, cold and warm, also beside others that look alike', () => {
    const cache = new KeyedCache(hash);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(255), (array, byte) => {
        const input = Buffer.from(array);
        const like = [
          input,
          Buffer.concat([input, Buffer.from([byte])]),
          Buffer.concat([input, Buffer.from([0])]),
          input.subarray(0, -1),
          Buffer.concat([Buffer.from([byte]), input]),
        ];
        for (let turn = 0; turn < 2; turn += 1) {
          for (const each of like) expect(through(cache, each)).toBe(direct(each));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('stays right and bounded with more identifiers than it has slots, of which most come again', () => {
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    const many = 100_000;
    for (let turn = 0; turn < 6; turn += 1) {
      counter.asked = 0;
      for (let i = 0; i < many; i += 1) find(cache, i >>> 1);
      for (let i = 0; i < many; i += 997) expect(through(cache, id(i))).toBe(direct(id(i)));
    }
    // It has grown until all of them had a place: next to none is hashed again.
    expect(counter.asked).toBeLessThan(many / 100);
    expect(cache.bytes.length).toBeLessThan(33 * 1024 * 1024);
  });

  test('keeps what it knew when it grows', () => {
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    const size = cache.bytes.length;
    let i = 0;
    // Each once more, after another one: who is asked about twice in a row has not come again.
    for (; cache.bytes.length === size; i += 1) for (const each of [i, Math.max(0, i - 1)]) find(cache, each);
    counter.asked = 0;
    const newest = 4_000;
    for (let n = i - newest; n < i; n += 1) expect(through(cache, id(n))).toBe(direct(id(n)));
    // Some had been taken over by others of their home before.
    expect(counter.asked).toBeLessThan(newest / 8);
  });

  test('does not grow for identifiers that never come again, and is right about them', () => {
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    const size = cache.bytes.length;
    for (let i = 0; i < 400_000; i += 1) find(cache, i);
    expect(counter.asked).toBe(400_000);
    for (let i = 0; i < 400_000; i += 9_973) expect(through(cache, id(i))).toBe(direct(id(i)));
    expect(cache.bytes.length).toBe(size);
    expect(size).toBeLessThan(1.1 * 1024 * 1024);
  });

  test('notices when identifiers that never came again begin to', () => {
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    for (let i = 0; i < 100_000; i += 1) find(cache, i);
    for (let i = 0; i < 600_000; i += 1) find(cache, i % 5_000);
    counter.asked = 0;
    for (let i = 0; i < 5_000; i += 1) find(cache, i);
    expect(counter.asked).toBeLessThan(50);
  });

  test('sees that identifiers come again of which a small table keeps too few to know', () => {
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    const people = 250_000;
    for (let turn = 0; turn < 4; turn += 1) {
      counter.asked = 0;
      for (let i = 0; i < people; i += 1) find(cache, i);
    }
    expect(counter.asked).toBeLessThan(people / 10);
  });

  test('asks the hash once for an identifier of up to 44 bytes, and each time for a longer one', () => {
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    for (const length of [0, 1, 3, 4, 5, 43, 44]) {
      counter.asked = 0;
      const input = Buffer.alloc(length, 0x41);
      for (let i = 0; i < 3; i += 1) through(cache, input);
      expect([length, counter.asked]).toEqual([length, 1]);
    }
    counter.asked = 0;
    for (let i = 0; i < 3; i += 1)
      expect(through(cache, Buffer.alloc(45, 0x41))).toBe(direct(Buffer.alloc(45, 0x41)));
    expect(counter.asked).toBe(3);
  });

  test('tells identifiers apart that were chosen to have the same tag', () => {
    // The tag is 32 bits of a function that can be turned round, so anybody can make such pairs.
    const factor = 0x85ebca6b;
    const step = (state: number, value: number): number => Math.imul(state ^ value, factor);
    const inverse = [1, 2, 3, 4, 5].reduce((guess) => Math.imul(guess, 2 - Math.imul(factor, guess)), factor);
    expect(Math.imul(factor, inverse)).toBe(1);
    const short = bytes(word('abcd'));
    const longer = bytes(word('abcd'), Math.imul(step(4, word('abcd')), inverse) ^ step(8, word('abcd')));
    const other = bytes(word('wxyz'), longer.readInt32LE(4) ^ step(8, word('abcd')) ^ step(8, word('wxyz')));
    const counter = counted();
    const cache = new KeyedCache(counter.hash);
    for (const each of [longer, short, other, short, longer, other])
      expect(through(cache, each)).toBe(direct(each));
    // All three stand side by side, so each was hashed once.
    expect(counter.asked).toBe(3);
  });

  test('is shared by those who have the same keyed hash, and by nobody else', () => {
    expect(keyedCache(hash)).toBe(keyedCache(hash));
    expect(keyedCache(testKeys().pseudonyms('mrn'))).not.toBe(keyedCache(hash));
  });

  test('prints no identifier', () => {
    const cache = new KeyedCache(hash);
    through(cache, Buffer.from('MRN-1'));
    expect([String(cache), JSON.stringify(cache), inspect(cache, { showHidden: true })]).toEqual([
      '[hidden]',
      '"[hidden]"',
      '[hidden]',
    ]);
  });
});

describe('caches that are asked about persons', () => {
  /** What is kept of the hash of an identifier, under a hash of its own. */
  const kept = (cache: KeyedCache, input: Buffer, words: number): string => {
    const at = cache.find(input, viewOf(input), 0, input.length);
    return cache.bytes.toString('hex', at, at + words * 4);
  };
  const under = (keyed: KeyedHash, input: Buffer, words: number): string => {
    const out = Buffer.alloc(16);
    keyed.hashInto(input, 0, input.length, out, 0);
    return out.toString('hex', 0, words * 4);
  };
  const WORDS = [4, 1, 2, 4, 2, 1, 4, 2] as const;
  const hashes = WORDS.map((_, i) => testKeys().pseudonyms(`persons-${i}`));
  const all = hashes.map((keyed, i) => ({ keyed, words: WORDS[i]!, cache: personCache(keyed, WORDS[i]) }));

  test('share rows, and each gives what its own hash gives, in whatever order they are asked', () => {
    expect(new Set(all.map(({ cache }) => cache.bytes)).size).toBeLessThan(all.length);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(all.length - 1), fc.nat(40), fc.nat(2)), { maxLength: 60 }),
        (asked) => {
          for (const [which, person, long] of asked) {
            const { keyed, words, cache } = all[which]!;
            // Of up to 32 bytes, up to 96, and longer ones.
            const input = Buffer.from(`MRN-${person}`.padEnd([0, 60, 120][long]!, '.'));
            expect(kept(cache, input, words)).toBe(under(keyed, input, words));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('keep what they know beside each other, and when the table grows', () => {
    const counter = counted();
    const cache = personCache(counter.hash, 2);
    const other = personCache(testKeys().pseudonyms('grows'), 1);
    const people = 60_000;
    for (let turn = 0; turn < 4; turn += 1) {
      counter.asked = 0;
      for (let i = 0; i < people; i += 1) {
        const input = id(i);
        if (i % 3 === 0) other.find(input, viewOf(input), 0, input.length);
        cache.find(input, viewOf(input), 0, input.length);
      }
    }
    expect(counter.asked).toBeLessThan(people / 50);
    for (let i = 0; i < people; i += 97) expect(kept(cache, id(i), 2)).toBe(under(hash, id(i), 2));
  });

  test('a cache that was asked about others before gives the same', () => {
    const keyed = testKeys().pseudonyms('moves');
    const cache = keyedCache(keyed);
    expect(kept(cache, id(1), 4)).toBe(under(keyed, id(1), 4));
    expect(personCache(keyed)).toBe(cache);
    for (let turn = 0; turn < 2; turn += 1) expect(kept(cache, id(1), 4)).toBe(under(keyed, id(1), 4));
  });

  test('hash a person once each, though all ask', () => {
    const counters = [counted(), counted(), counted()];
    const caches = counters.map(({ hash: keyed }) => personCache(keyed, 1));
    for (let turn = 0; turn < 3; turn += 1) for (const cache of caches) kept(cache, id(7), 1);
    expect(counters.map(({ asked }) => asked)).toEqual([1, 1, 1]);
  });
});

describe('words of a row', () => {
  test('whose owner is gone are forgotten before another one has them', () => {
    const table = new IdentifierTable(7, 2);
    const input = id(1);
    const row = table.put(
      0,
      0,
      viewOf(input),
      0,
      input.length - 4,
      input.length,
      input.readInt32LE(input.length - 4),
    );
    for (const word of [0, 4, 5]) {
      expect(table.has(row, word)).toBe(false);
      table.mark(row, word);
    }
    table.bytes.fill(0xaa, table.hashAt(row, 0), table.hashAt(row, 7));
    table.forget(4, 1);
    expect([0, 4, 5].map((word) => table.has(row, word))).toEqual([true, false, true]);
    expect(table.bytes.toString('hex', table.hashAt(row, 0), table.hashAt(row, 7))).toBe(
      `${'aa'.repeat(16)}${'00'.repeat(4)}${'aa'.repeat(8)}`,
    );
  });
});
