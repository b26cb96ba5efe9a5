/**
 * The eighteen identifiers of 45 CFR 164.514(b)(2)(i), each held twice: a method that the paragraph does not allow is
 * refused by the compiler with its letter, and what is allowed leaves, on bytes, no more than the paragraph lets stay.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { METHODS } from '../../processors/method-table.ts';
import type { Instruction, MethodName } from '../../processors/plan.ts';
import { POPULOUS_ZIP3, POPULOUS_ZIP3_SHA256 } from '../../processors/methods/zip3-table.ts';
import { readInstruction } from '../../policy/instruction.ts';
import { REGIME_TABLE, regimeObjection } from '../../policy/regimes.ts';
import { SAFE_HARBOR_LIST, tagsOfLetter } from '../../policy/safe-harbor-list.ts';
import { TAGS } from '../../schemas/tags.ts';
import type { TagName } from '../../schemas/tags.ts';
import { maskingPlan } from '../support/masked-values.ts';
import type { MaskingPlan } from '../support/masked-values.ts';
import { TOPIC, mistakes, policyText, policyWith } from '../support/policy-fixture.ts';
import { parsePolicy } from '../../policy/policy-file.ts';

const DATE = { type: 'int', logicalType: 'date' };
const TIME = { type: 'long', logicalType: 'timestamp-millis' };

interface Case {
  readonly type: unknown;
  readonly values: readonly unknown[];
  /** What may stay of the values, by method beyond those that leave nothing. */
  readonly stays?: Readonly<
    Record<string, { readonly written: object | string; readonly left: readonly unknown[] }>
  >;
}

/** Days since 1970-01-01. */
const day = (text: string): number => Date.parse(text) / 86_400_000;
const year = { method: 'date-truncate', unit: 'year', over89: 'cap' };

/** Synthetic values; the as-of day is 2024-10-04, so that 1934 is the year of "90 or older". */
const dates = (): Case => ({
  type: DATE,
  values: [day('1984-07-19'), day('1931-02-03'), day('1934-12-31'), day('1935-01-01')],
  stays: {
    'date-truncate': {
      written: year,
      left: [day('1984-01-01'), day('1934-01-01'), day('1934-01-01'), day('1935-01-01')],
    },
  },
});
const text = (...values: readonly string[]): Case => ({ type: 'string', values });

const CASES: Readonly<Partial<Record<TagName, Case>>> = {
  PHI_NAME: text('Abernathy', 'A. B.'),
  PHI_GEO: text('12 Mill Lane', 'Springfield', '42.269478'),
  PHI_ZIP: {
    type: 'string',
    values: ['02139', '03601', '00501', '09012', '0213', 'K1A 0B1'],
    stays: { zip3: { written: 'zip3', left: ['021', '000', '000', '000', '000', '000'] } },
  },
  PHI_DATE: dates(),
  PHI_BIRTH_DATE: dates(),
  PHI_DEATH_DATE: {
    type: TIME,
    values: [Date.parse('2021-06-05T04:03:02Z'), Date.parse('1990-12-31T23:59:59Z')],
    stays: {
      'date-truncate': { written: year, left: [Date.parse('2021-01-01'), Date.parse('1990-01-01')] },
    },
  },
  PHI_AGE: {
    type: 'int',
    values: [0, 41, 89, 90, 93, 117],
    stays: {
      'age-cap': { written: 'age-cap', left: [0, 41, 89, 90, 90, 90] },
      bucket: {
        written: { method: 'bucket', size: 10, upper: 90 },
        left: ['0-9', '40-49', '80-89', '90+', '90+', '90+'],
      },
    },
  },
  PHI_PHONE: text('555-0134-771', '+1 555 0100 222'),
  PHI_FAX: text('555-0134-772'),
  PHI_EMAIL: text('someone@example.org'),
  PHI_SSN: text('900-12-3456', '3456'),
  PHI_MRN: text('MRN-0012345'),
  PHI_MEMBER_ID: text('W123456789'),
  PHI_ACCOUNT: text('ACC-778812'),
  PHI_LICENSE: text('S99953792'),
  PHI_VEHICLE: text('1M8GDM9AXKP042788'),
  PHI_DEVICE: text('(01)00844588003288(17)141120(21)1234'),
  PHI_URL: text('https://example.org/patients/77'),
  PHI_IP: text('192.0.2.17', '2001:db8::17'),
  PHI_BIOMETRIC: { type: 'bytes', values: [Buffer.from('voice-print-of-somebody')] },
  PHI_PHOTO: { type: 'bytes', values: [Buffer.from('full-face-of-somebody')] },
  PHI_ID: text('patient-0012345'),
};

const REMOVING: readonly MethodName[] = (Object.keys(METHODS) as MethodName[]).filter((method) =>
  ['drop', 'redact', 'fixed'].includes(method),
);

/** One way to write each method, from its own examples. */
const WRITTEN: ReadonlyMap<MethodName, Readonly<Record<string, unknown>>> = new Map(
  (Object.keys(METHODS) as MethodName[]).map((method) => {
    const [example] = METHODS[method].examples;
    return [method, example?.instruction ?? { method }];
  }),
);

function instructionOf(written: unknown): Instruction {
  const read = readInstruction(written);
  if (!('method' in read)) throw new Error(JSON.stringify(read));
  return read;
}

function policyFor(tag: TagName, written: unknown): ReturnType<typeof policyWith> {
  const methods = { PHI_ID: 'drop', PHI_MRN: 'drop', PHI_NONE: 'keep', [tag]: written };
  // A key can only be dropped here, whatever else is said of its tag.
  const key = { tag: tag === 'PHI_ID' ? 'PHI_MRN' : 'PHI_ID' };
  return policyWith({ regime: 'safe-harbor', methods, topics: { [TOPIC]: { key } } });
}

function planFor(tag: TagName, written: unknown, type: unknown): MaskingPlan {
  const plan = maskingPlan(policyFor(tag, written), type, [tag]);
  if (Array.isArray(plan)) throw new Error(plan.map(({ message }) => message).join('\n'));
  return plan;
}

const letters = SAFE_HARBOR_LIST.map(({ letter, title }) => [letter, title] as const);
const tagsWithLetter = letters.flatMap(([letter]) => tagsOfLetter(letter));

test('the list has eighteen letters, each with a tag, and every tag of PHI has a case here', () => {
  expect(letters.map(([letter]) => letter).join('')).toBe('ABCDEFGHIJKLMNOPQR');
  for (const [letter] of letters) expect(tagsOfLetter(letter).length).toBeGreaterThan(0);
  expect(Object.keys(CASES).toSorted()).toEqual([...tagsWithLetter].toSorted());
  expect(Object.values(TAGS).filter((tag) => tag.letter !== null)).toHaveLength(tagsWithLetter.length);
});

test('docs/regimes.md has a row for each, in the words of the list', () => {
  const page = readFileSync(new URL('../../docs/regimes.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| ([A-R]) +\| (.*?) +\| (.*?) +\| (.*?) +\|$/gm)].map((row) =>
    row.slice(1),
  );
  const expected = SAFE_HARBOR_LIST.map(({ letter, title, mayStay }) => {
    const tags = tagsOfLetter(letter).map((tag) => `\`${tag}\``);
    return [letter, title, tags.join(', '), mayStay];
  });
  expect(rows).toEqual(expected);
});

describe.each(letters)('(%s) %s', (letter) => {
  const tags = tagsOfLetter(letter);

  test('refuses every other method, written for the tag or decided for one path, and cites the letter', () => {
    for (const tag of tags) {
      const { type, stays = {} } = CASES[tag]!;
      for (const [method, written] of WRITTEN) {
        if (REMOVING.includes(method) || method in stays) continue;
        const asked = mistakes(() =>
          parsePolicy(policyText({ regime: 'safe-harbor', methods: { [tag]: written } }), 'p.yaml'),
        );
        expect([tag, method, asked.map(({ code }) => code)]).toEqual([tag, method, ['ERR_POLICY_REGIME']]);
        expect(asked[0]?.context.paragraph).toContain(`164.514(b)(2)(i)(${letter})`);
        expect(asked[0]?.action).toContain('drop or redact');
        const methods = { PHI_ID: 'drop', PHI_NONE: 'keep', ...(tag === 'PHI_ID' ? {} : { [tag]: 'drop' }) };
        const exception = { ...written, reason: 'somebody wants it' };
        const policy = policyWith({ regime: 'safe-harbor', methods, fields: { [TOPIC]: { x: exception } } });
        const compiled = maskingPlan(policy, type, [tag]);
        const codes = Array.isArray(compiled) ? compiled.map(({ code }) => code) : [];
        expect([tag, method, codes]).toEqual([tag, method, expect.arrayContaining(['ERR_POLICY_REGIME'])]);
      }
    }
  });

  test('and leaves of values only what may stay', () => {
    for (const tag of tags) {
      const { type, values, stays = {} } = CASES[tag]!;
      expect(REGIME_TABLE['safe-harbor'][tag].permits.map(({ method }) => method).toSorted()).toEqual(
        [...REMOVING, ...Object.keys(stays)].toSorted(),
      );
      for (const written of ['drop', 'redact']) {
        const plan = planFor(tag, written, type);
        // Whatever the value, the same is left: nothing follows from it.
        const left = values.map((value) => plan.mask(value).bytes.toString('hex'));
        expect([tag, written, new Set(left).size]).toEqual([tag, written, 1]);
      }
      for (const { written, left } of Object.values(stays)) {
        const plan = planFor(tag, written, type);
        expect(values.map((value) => plan.mask(value).record['x'])).toEqual(left);
      }
    }
  });
});

describe('parameters that tell too much are refused, with what to write instead', () => {
  const refused: readonly (readonly [TagName, object, string])[] = [
    ['PHI_DATE', { ...year, unit: 'month' }, 'C'],
    ['PHI_BIRTH_DATE', { ...year, over89: 'keep' }, 'C'],
    ['PHI_DATE', { ...year, unit: 'quarter' }, 'C'],
    ['PHI_DATE', { method: 'date-shift', maxDays: 365 }, 'C'],
    ['PHI_AGE', { method: 'age-cap', over: 90 }, 'C'],
    ['PHI_AGE', { method: 'bucket', size: 10 }, 'C'],
    ['PHI_AGE', { method: 'bucket', size: 10, upper: 91 }, 'C'],
    ['PHI_AGE', { method: 'bucket', edges: [18, 65, 95] }, 'C'],
    ['PHI_AGE', { method: 'round', step: 5 }, 'C'],
    ['PHI_SSN', { method: 'mask', keepLast: 4 }, 'G'],
    ['PHI_SSN', { method: 'format-preserving', domain: 'ssn' }, 'G'],
    ['PHI_MRN', { method: 'encrypt' }, 'H'],
  ];

  test.each(refused)('%s %j', (tag, written, letter) => {
    const objection = regimeObjection('safe-harbor', tag, instructionOf(written), false);
    expect(objection?.paragraph).toContain(`(${letter})`);
    expect(objection?.expected).toMatch(/^drop or redact( or |$)/);
    if (letter === 'C') expect(objection?.expected).toMatch(/unit: year, over89: cap|over: 89 or less/);
  });
});

describe('years and ages in other writings', () => {
  test('of birth, as text and as plain numbers, tell no age over 89', () => {
    const text = planFor('PHI_BIRTH_DATE', year, 'string');
    const born = ['1984-07-19', '19840719', '1984', '1931-02-03', '1921', '1934-12-31T23:59:59Z', '1935'];
    expect(born.map((each) => text.mask(each).record['x'])).toEqual([
      '1984',
      '1984',
      '1984',
      '1934',
      '1934',
      '1934',
      '1935',
    ]);
    const number = planFor('PHI_BIRTH_DATE', { ...year, numbers: 'year' }, 'int');
    expect([1984, 1931, 1934, 1935].map((each) => number.mask(each).record['x'])).toEqual([
      1984, 1934, 1934, 1935,
    ]);
    expect(() => number.mask(19_840_719)).toThrow('ERR_MASK');
  });

  test('of ages, as text, are one group from 90 on', () => {
    const plan = planFor('PHI_AGE', 'age-cap', 'string');
    expect(['89 years', '90', '104Y'].map((each) => plan.mask(each).record['x'])).toEqual([
      '89 years',
      '90',
      '090Y',
    ]);
  });
});

describe('ages over 89', () => {
  test('are told as of the later of the plan and the record, never of the clock', () => {
    const plan = planFor('PHI_BIRTH_DATE', year, DATE);
    const born = day('1938-05-05');
    expect(plan.mask(born).record['x']).toBe(day('1938-01-01'));
    // A record of 2029: who was born in 1938 is 90 or older by then.
    expect(plan.mask(born, Date.parse('2029-06-01')).record['x']).toBe(day('1939-01-01'));
    // A record of long ago does not make anybody younger than the plan says.
    expect(plan.mask(day('1931-02-03'), Date.parse('1960-01-01')).record['x']).toBe(day('1934-01-01'));
  });
});

describe('ZIP prefixes', () => {
  const census = path.resolve(import.meta.dirname, '../../../shared/data/census-zip3/zip3.json');
  const isThere = existsSync(census);
  const whenPresent = isThere ? test : test.skip;
  const REASON = isThere ? '' : ' (skipped: ../shared/data/census-zip3 is not there)';
  const plan = planFor('PHI_ZIP', 'zip3', 'string');
  const shown = (zip: string): unknown => plan.mask(zip).record['x'];
  const every = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));
  /** Restricted by the Census of 2020. */
  const RESTRICTED = '036 059 102 202 203 204 205 369 556 692 753 772 821 823 878 879 884 893'.split(' ');

  test('of 20,000 people or fewer, and those that nobody lives under, come out as 000', () => {
    for (const prefix of RESTRICTED)
      for (const person of ['01', '47', '99', '01-1234'])
        expect([prefix, shown(prefix + person)]).toEqual([prefix, '000']);
    for (const prefix of ['000', '001', '090', '098', '340', '962', '999'])
      expect(shown(`${prefix}01`)).toBe(POPULOUS_ZIP3.has(prefix) ? prefix : '000');
    for (const prefix of ['090', '098', '340', '962']) expect(shown(`${prefix}01`)).toBe('000');
  });

  whenPresent(
    `all 894 of the Census are treated as their population says, the other 106 as unknown${REASON}`,
    () => {
      const { census2020 } = JSON.parse(readFileSync(census, 'utf8')) as {
        census2020: { populations: Record<string, number>; restricted: string[] };
      };
      const { populations, restricted } = census2020;
      expect(Object.keys(populations)).toHaveLength(894);
      expect(restricted).toEqual(RESTRICTED);
      const expected = every.map((prefix) => ((populations[prefix] ?? 0) > 20_000 ? prefix : '000'));
      expect(every.map((prefix) => shown(`${prefix}21`))).toEqual(expected);
      expect(expected.filter((prefix) => prefix !== '000')).toHaveLength(876);
    },
  );

  test('are pinned: the plan names the hash of the list, which is that of the list', () => {
    const list = [...POPULOUS_ZIP3].toSorted().join(' ');
    expect(createHash('sha256').update(list).digest('hex')).toBe(POPULOUS_ZIP3_SHA256);
    expect(plan.plan.tables).toEqual({ zip3: POPULOUS_ZIP3_SHA256 });
    expect(planFor('PHI_NAME', 'drop', 'string').plan.tables).toBeUndefined();
  });
});
