/**
 * A text made to hurt costs time in proportion to its length: no pattern goes back over it again and again.
 */
import { describe, expect, test } from '@jest/globals';
import { KnownValues } from '../../../processors/text/known-values.ts';
import { scrubbed } from '../../../processors/text/scrubber.ts';
import { wordLists } from '../../../processors/text/word-lists.ts';

const MEBIBYTE = 1 << 20;
/** The slowest piece takes 1.4 s on a busy machine; a quadratic pattern would take minutes. */
const MOST_MS = 15_000;
const known = new KnownValues(
  [
    { kind: 'name', text: 'Rose Brown' },
    { kind: 'phone', text: '555-810-7203' },
    { kind: 'ID', text: 'aaaaaaaa' },
    { kind: 'date', date: { year: 1927, month: 5, day: 21 } },
  ],
  wordLists(),
);

const SLOWEST = ['Aa ', 'rose ', '12 Aa Aa Aa Aa '];
const OTHERS = [
  'Aa-',
  "a'",
  '1/2/',
  'a@',
  'a.',
  'a',
  'A',
  '1',
  '1 ',
  '123-45-',
  '1-',
  'A1-',
  '(',
  'a:',
  ':',
  'www.',
  '\n   ',
  'Dr. ',
  'name: ',
].concat(['|patient ', 'may 1 ', 'lives in Aa ', 'id number is ', 'a\u0300']);

describe('what was made to hurt is scrubbed in bounded time', () => {
  test.each([
    ...SLOWEST.map((piece) => [piece, MEBIBYTE] as const),
    ...OTHERS.map((piece) => [piece, MEBIBYTE / 8] as const),
  ])('%j again and again, %d characters', (piece, length) => {
    const text = piece.repeat(Math.ceil(length / piece.length));
    const began = performance.now();
    scrubbed(text, known);
    expect(performance.now() - began).toBeLessThan(MOST_MS);
  });
});
