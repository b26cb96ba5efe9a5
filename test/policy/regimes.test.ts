import { describe, expect, test } from '@jest/globals';
import { REGIMES, REGIME_TABLE, regimeObjection } from '../../policy/regimes.ts';
import type { Regime } from '../../policy/regimes.ts';
import type { Instruction } from '../../processors/plan.ts';
import { TAGS } from '../../schemas/tags.ts';
import type { TagName } from '../../schemas/tags.ts';

const INSTRUCTIONS: readonly Instruction[] = [
  { method: 'keep' },
  { method: 'drop' },
  { method: 'redact' },
  { method: 'pseudonym', domain: 'patient' },
  { method: 'date-shift', maxDays: 182 },
  { method: 'date-truncate', unit: 'year', over89: 'cap' },
  { method: 'age-cap', over: 89 },
  { method: 'zip3' },
];
const tags = Object.keys(TAGS) as TagName[];
const allowed = (regime: Regime, tag: TagName): string[] =>
  INSTRUCTIONS.filter((instruction) => !regimeObjection(regime, tag, instruction, false)).map(
    ({ method }) => method,
  );
const EVERY = INSTRUCTIONS.map(({ method }) => method);
const REMOVED = ['drop', 'redact'];

describe('safe harbor', () => {
  test('lets stay of the eighteen identifiers only the year, ages to 89 and three digits of the ZIP code', () => {
    const expected: Partial<Record<TagName, string[]>> = {
      PHI_ZIP: [...REMOVED, 'zip3'],
      PHI_DATE: [...REMOVED, 'date-truncate'],
      PHI_BIRTH_DATE: [...REMOVED, 'date-truncate'],
      PHI_DEATH_DATE: [...REMOVED, 'date-truncate'],
      PHI_AGE: [...REMOVED, 'age-cap'],
    };
    for (const tag of tags.filter((each) => TAGS[each].letter !== null))
      expect([tag, allowed('safe-harbor', tag)]).toEqual([tag, expected[tag] ?? REMOVED]);
  });

  test('fixes the parameters: years, one category from 90 on', () => {
    const refused: [TagName, Instruction][] = [
      ['PHI_DATE', { method: 'date-truncate', unit: 'month', over89: 'cap' }],
      ['PHI_BIRTH_DATE', { method: 'date-truncate', unit: 'year', over89: 'keep' }],
      ['PHI_AGE', { method: 'age-cap', over: 90 }],
      ['PHI_AGE', { method: 'bucket', size: 10, as: 'range' }],
      ['PHI_AGE', { method: 'bucket', size: 10, upper: 100, as: 'range' }],
      ['PHI_AGE', { method: 'bucket', edges: [18, 95], as: 'number' }],
      ['PHI_DATE', { method: 'date-truncate', unit: 'quarter', over89: 'cap' }],
    ];
    for (const [tag, instruction] of refused)
      expect(regimeObjection('safe-harbor', tag, instruction, false)?.paragraph).toContain('(C)');
    const fine: Instruction[] = [
      { method: 'age-cap', over: 80 },
      { method: 'bucket', size: 10, upper: 90, as: 'range' },
      { method: 'bucket', edges: [18, 65], as: 'number' },
      { method: 'fixed', value: 0 },
    ];
    for (const instruction of fine)
      expect(regimeObjection('safe-harbor', 'PHI_AGE', instruction, false)).toBeNull();
  });

  test('refuses a pseudonym of an identifier, and names both paragraphs', () => {
    const objection = regimeObjection(
      'safe-harbor',
      'PHI_MRN',
      { method: 'pseudonym', domain: 'mrn' },
      false,
    );
    expect(objection?.paragraph).toContain('164.514(b)(2)(i)(H)');
    expect(objection?.paragraph).toContain('164.514(c)(1)');
    expect(objection?.expected).toMatch(/^drop or redact\b/);
  });

  test('is not moved by a reason', () => {
    for (const tag of tags.filter((each) => TAGS[each].letter !== null))
      expect(regimeObjection('safe-harbor', tag, { method: 'keep' }, true)).not.toBeNull();
  });
});

describe('a limited data set', () => {
  test('keeps none of the sixteen direct identifiers, and lets dates, ages, ZIP codes and other codes stay', () => {
    const direct = tags.filter((tag) => REGIME_TABLE['limited-data-set'][tag].paragraph.includes('(e)(2)('));
    expect(direct).toHaveLength(16);
    for (const tag of direct) expect(allowed('limited-data-set', tag)).not.toContain('keep');
    for (const tag of ['PHI_DATE', 'PHI_BIRTH_DATE', 'PHI_AGE', 'PHI_ZIP', 'PHI_ID'] as const)
      expect(allowed('limited-data-set', tag)).toEqual(EVERY);
    expect(allowed('limited-data-set', 'PHI_FREE_TEXT')).toEqual(REMOVED);
  });

  test("takes no part of a direct identifier, no number that may be another person's, and scrubbed text for a reason only", () => {
    const part = { method: 'mask', character: '*', keepFirst: 0, keepLast: 4, ignore: '' } as const;
    const lookalike = {
      method: 'format-preserving',
      domain: 'x',
      alphabet: 'digits',
      separators: '',
    } as const;
    const of = (tag: TagName, instruction: Instruction, isException = false): string | null =>
      regimeObjection('limited-data-set', tag, instruction, isException)?.paragraph ?? null;
    for (const tag of ['PHI_NAME', 'PHI_SSN', 'PHI_MRN'] as const) expect(of(tag, part)).toContain('(e)(2)(');
    expect(of('PHI_SSN', lookalike, true)).toContain('(e)(2)(vi)');
    expect(of('PHI_PHONE', lookalike)).toContain('(e)(2)(iii)');
    expect(of('PHI_MRN', lookalike)).toBeNull();
    expect(of('PHI_SSN', { method: 'encrypt' })).toBeNull();
    expect(of('PHI_FREE_TEXT', { method: 'scrub' })).toContain('(e)(2)');
    expect(of('PHI_FREE_TEXT', { method: 'scrub' }, true)).toBeNull();
    expect(of('PHI_FREE_TEXT', { method: 'keep' }, true)).toContain('(e)(2)');
    for (const isException of [true, false])
      expect(
        regimeObjection('safe-harbor', 'PHI_FREE_TEXT', { method: 'scrub' }, isException)?.paragraph,
      ).toContain('(ii)');
  });

  test('lets a person decide that a town or a State stays', () => {
    const keep = { method: 'keep' } as const;
    expect(regimeObjection('limited-data-set', 'PHI_GEO', keep, false)?.paragraph).toContain('(e)(2)(ii)');
    expect(regimeObjection('limited-data-set', 'PHI_GEO', keep, true)).toBeNull();
    expect(regimeObjection('limited-data-set', 'PHI_NAME', keep, true)).not.toBeNull();
  });
});

test('sensitive records are removed unless the regime rests on a person', () => {
  for (const tag of tags.filter((each) => each.startsWith('SENSITIVE_'))) {
    expect(allowed('safe-harbor', tag)).toEqual(REMOVED);
    expect(allowed('limited-data-set', tag)).toEqual(REMOVED);
    expect(allowed('tpo', tag)).toEqual(EVERY);
  }
});

test('every regime says something of every tag, with a paragraph', () => {
  for (const regime of Object.keys(REGIMES) as Regime[])
    for (const tag of tags) expect(REGIME_TABLE[regime][tag].paragraph).toMatch(/CFR|law/);
});
