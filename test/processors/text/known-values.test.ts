/**
 * What is known of a person goes from a text in every usual form, and ordinary words that look like it stay.
 */
import { describe, expect, test } from '@jest/globals';
import { readDate } from '../../../processors/text/date-forms.ts';
import { KnownValues } from '../../../processors/text/known-values.ts';
import type { KnownValue } from '../../../processors/text/known-values.ts';
import { wordLists } from '../../../processors/text/word-lists.ts';

function left(text: string, values: readonly KnownValue[]): string {
  const known = new KnownValues(values, wordLists());
  const gone = new Uint8Array(text.length);
  known.find(text, (start, end) => gone.fill(1, start, end));
  return [...gone].map((isGone, i) => (isGone === 1 ? '' : text[i])).join('');
}

function name(text: string): KnownValue[] {
  return [{ kind: 'name', text }];
}

describe('a known name goes', () => {
  test.each([
    ['Sumiko Larue', 'SUMIKO and larue', ' and '],
    ['Szöllösy', 'SZOLLOSY, Szöllösy', ', '],
    ["O'Neill", "O'Neill O’NEILL", ' '],
    ['Smith-Jones', 'Smith\nJones, smith-jones, Smith', ', , '],
    ['Sumiko254 Larue605', "Sumiko254's Larue605", "'s "],
    ['Elizabeth Roe', 'Betty or Liz ROE', ' or  '],
    ['Ada Q. Lovelace', 'Ada Q. Lovelace', ''],
    ['Lovelace', 'J. Lovelace', ''],
    ['李小龍', '病人李小龍來診', '病人來診'],
  ])('%s in %j', (known, text, rest) => {
    expect(left(text, name(known)).replaceAll(/[. ]+$/g, '')).toBe(rest.replaceAll(/[. ]+$/g, ''));
  });

  test.each([
    ['Al', 'Al was well, also alone, et al', ' was well, also alone, et al'],
    ['An Do', 'An apple: An, do not', ' apple: , do not'],
    ['Rose Brown', 'Rose, who rose; brown sputum; ROSE; rose brown', ', who rose; brown sputum; ;  '],
    ['Rose Brown', 'rose was here', ' was here'],
    ['Ann', 'annual planning', 'annual planning'],
  ])('%s word by word in %j', (known, text, rest) => {
    expect(left(text, name(known))).toBe(rest);
  });
});

describe('a known date goes in all usual forms', () => {
  const date = readDate('1927-05-21T00:00:00Z')!;
  test.each(
    [
      '1927-05-21, 05/21/1927, 5/21/27, 21.05.1927, 19270521, 05211927',
      'May 21, 1927, MAY 21ST, 21 May 1927, 21st of May, 21-MAY-27, May the 21st 1927, Sat 21may1927, 5/21',
    ].flatMap((line) => line.split(/, (?!1927)/)),
  )('%s', (text) => {
    expect(left(text, [{ kind: 'date', date }])).not.toMatch(/\d|may/i);
  });

  test('another day of that month stays', () => {
    expect(left('May 22, 1927', [{ kind: 'date', date }])).toBe('May 22, 1927');
  });

  test.each([
    ['19270521', 1927],
    ['19270521113000', 1927],
    ['05/21/1927', 1927],
    ['1927-13-01', null],
    ['no date', null],
  ])('%s is read', (text, year) => {
    expect(readDate(text)?.year ?? null).toBe(year);
  });
});

describe('known numbers and addresses go', () => {
  const cases: [KnownValue, string, string][] = [
    [
      { kind: 'phone', text: '555-810-7203' },
      'call (555) 810 7203, +1 555.810.7203, 810-7203',
      'call (, +, ',
    ],
    [{ kind: 'ID', text: 'MRN-004711' }, 'MRN 004711, mrn004711, 4711', ', , 4711'],
    [{ kind: 'ID', text: '00471188' }, '471188', ''],
    [{ kind: 'SSN', text: '987-65-4321' }, '987654321 987 65 4321', ' '],
    [{ kind: 'address', text: '633 Abernathy Landing' }, '633 ABERNATHY LNDG', ' LNDG'],
    [{ kind: 'address', text: 'Emporia' }, 'in emporia', 'in '],
    [{ kind: 'ZIP', text: '66801' }, 'KS 66801-1234', 'KS -1234'],
    [{ kind: 'EMAIL', text: 'a.roe@example.org' }, 'A.ROE@EXAMPLE.ORG', ''],
  ];
  test.each(cases)('%j in %j', (value, text, rest) => {
    expect(left(text, [value])).toBe(rest);
  });

  test('a number of three digits is nobody’s', () => {
    expect(left('100 mg', [{ kind: 'ID', text: '100' }])).toBe('100 mg');
  });
});
