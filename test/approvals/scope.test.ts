/**
 * Promises of scopes: one request has one hash however it was written down, names of persons do not get in, and
 * what an approver cuts out lies within.
 */
import { describe, expect, test } from '@jest/globals';
import { isWithin } from '../../approvals/narrowing.ts';
import { buildScope, narrowScope, personTokens } from '../../approvals/scope.ts';
import type { ScopeNarrowing, ScopeParts } from '../../approvals/scope.ts';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { GauzeError } from '../../platform/errors.ts';
import { NO_ALIASES, parsePersonAliases } from '../../keys/person-aliases.ts';
import { RootSubjectTokens } from '../../keys/subject-tokens.ts';
import { scopeCodec } from '../../schemas/access-codecs.ts';
import type { Scope, ScopePartition } from '../../schemas/access-codecs.ts';

/** Under a key that is not secret. */
const TOKENS = new RootSubjectTokens(Buffer.alloc(32, 1), 3);

const PARTS: ScopeParts = {
  clusterId: 'cluster',
  topic: 'clinical.encounters',
  topicId: 'a'.repeat(32),
  baseAudience: 'research',
  policyVersion: 4,
  policySha256: Buffer.alloc(32, 1),
  schemas: [
    { schemaId: 9, fingerprint: Buffer.alloc(32, 9) },
    { schemaId: 2, fingerprint: Buffer.alloc(32, 2) },
  ],
  fields: [
    { path: 'patientMrn', tags: ['PHI_MRN', 'PHI_ID'] },
    { path: 'birthDate', tags: ['PHI_BIRTH_DATE'] },
  ],
  fromMs: 1_000,
  toMs: 2_000,
  persons: ['MRN-7', 'MRN-1', 'MRN-7'],
  beneficiary: 'User:alice',
  purpose: 'TREAT',
  maxRecords: 40,
  maxPersons: 2,
  durationMs: 3_600_000,
  window: null,
};

const RANGES: readonly ScopePartition[] = [
  { partition: 2, first_offset: 10, next_offset: 30 },
  { partition: 1, first_offset: 5, next_offset: 5 },
  { partition: 0, first_offset: 100, next_offset: 160 },
];

async function build(
  change: Partial<ScopeParts> = {},
  ranges = RANGES,
  aliases = NO_ALIASES,
): Promise<Scope> {
  return await buildScope(
    { ...PARTS, ...change },
    async () => await Promise.resolve(ranges),
    TOKENS,
    aliases,
  );
}

async function codeOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    if (error instanceof GauzeError) return [error.code, error.context.setting];
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a scope', () => {
  test('is the same however its parts were ordered or repeated, and so is its hash', async () => {
    const scope = await build();
    const other = await build(
      {
        schemas: PARTS.schemas.toReversed(),
        fields: [
          { path: 'birthDate', tags: ['PHI_BIRTH_DATE'] },
          { path: 'patientMrn', tags: ['PHI_ID'] },
          { path: 'patientMrn', tags: ['PHI_MRN'] },
        ],
        persons: ['MRN-1', 'MRN-7'],
      },
      RANGES.toReversed(),
    );
    expect(other).toEqual(scope);
    expect(scopeHash(other)).toEqual(scopeHash(scope));
    expect(scope.partitions.map(({ partition }) => partition)).toEqual([0, 2]);
    expect(scope.fields[1]).toEqual({ path: 'patientMrn', tags: ['PHI_ID', 'PHI_MRN'] });
    expect(scope.token_epoch).toBe(3);
  });

  test('has another hash where anything in it is another', async () => {
    const hash = scopeHash(await build()).toString('hex');
    const changes: Partial<ScopeParts>[] = [
      { topicId: 'b'.repeat(32) },
      { policyVersion: 5 },
      { policySha256: Buffer.alloc(32, 2) },
      { schemas: PARTS.schemas.slice(1) },
      { fields: PARTS.fields.slice(1) },
      { fields: [{ path: 'patientMrn', tags: ['PHI_MRN'] }, PARTS.fields[1]!] },
      { persons: null },
      { persons: ['MRN-1'] },
      { beneficiary: 'User:bob' },
      { purpose: 'HRESCH' },
      { maxRecords: 41 },
      { maxPersons: null },
      { durationMs: 1 },
      { window: { zone: 'UTC', days: [1], from_minute: 0, to_minute: 60 } },
    ];
    const hashes = await Promise.all(
      changes.map(async (change) => scopeHash(await build(change)).toString('hex')),
    );
    const ranged = await build({}, [{ ...RANGES[0]!, next_offset: 31 }]);
    expect(new Set([hash, scopeHash(ranged).toString('hex'), ...hashes]).size).toBe(changes.length + 2);
  });

  test('holds tokens, never the names of persons', async () => {
    const bytes = scopeCodec.encode(await build(), 0);
    expect(bytes.includes('MRN-7')).toBe(false);
    const merges = Buffer.from('merged,into,since\nMRN-9,MRN-7,2025-01-01\n');
    const joined = await build({}, RANGES, parsePersonAliases(merges, 'merges.csv'));
    expect(joined.persons).toEqual(personTokens(['MRN-1', 'MRN-7', 'MRN-9'], TOKENS, NO_ALIASES));
    expect((await build()).persons).toEqual(personTokens(['MRN-1', 'MRN-7'], TOKENS, NO_ALIASES));
  });

  test.each<[string, Partial<ScopeParts>, readonly ScopePartition[], string]>([
    ['without records', {}, [RANGES[1]!], 'ERR_ACCESS_RANGE_EMPTY'],
    ['without partitions', {}, [], 'ERR_ACCESS_RANGE_EMPTY'],
    ['without fields', { fields: [] }, RANGES, 'ERR_ACCESS_SCOPE_INVALID'],
    ['about nobody', { persons: [] }, RANGES, 'ERR_ACCESS_SCOPE_INVALID'],
    ['without a cap', { maxRecords: 0 }, RANGES, 'ERR_ACCESS_SCOPE_INVALID'],
  ])('%s is refused', async (_, change, ranges, code) => {
    expect(await codeOf(async () => await build(change, ranges))).toEqual([code, undefined]);
  });
});

describe('narrowing', () => {
  test.each<[string, ScopeNarrowing, Partial<Scope>]>([
    [
      'a field by its path',
      { fields: ['birthDate'] },
      { fields: [{ path: 'birthDate', tags: ['PHI_BIRTH_DATE'] }] },
    ],
    [
      'a field by its tag',
      { fields: ['PHI_MRN'] },
      { fields: [{ path: 'patientMrn', tags: ['PHI_ID', 'PHI_MRN'] }] },
    ],
    ['fewer records', { maxRecords: 39 }, { max_records: 39 }],
    ['fewer persons', { maxPersons: 1 }, { max_persons: 1 }],
    ['less time', { durationMs: 60_000 }, { duration_ms: 60_000 }],
    [
      'one person',
      { persons: personTokens(['MRN-1'], TOKENS, NO_ALIASES) },
      { persons: personTokens(['MRN-1'], TOKENS, NO_ALIASES) },
    ],
    [
      'a part of the ranges',
      { partitions: [{ partition: 2, first_offset: 0, next_offset: 20 }] },
      { partitions: [{ partition: 2, first_offset: 10, next_offset: 20 }] },
    ],
    ['nothing', {}, {}],
  ])('keeps %s and leaves the rest', async (_, narrowing, expected) => {
    const scope = await build();
    const narrow = narrowScope(scope, narrowing);
    expect(narrow).toEqual({ ...scope, ...expected });
    expect(isWithin(narrow, scope)).toBe(true);
    expect(scopeHash(narrow)).toHaveLength(32);
  });

  test('may name persons where anybody was asked for, and cap them where nobody had', async () => {
    const scope = await build({ persons: null, maxPersons: null });
    const persons = personTokens(['MRN-9', 'MRN-2'], TOKENS, NO_ALIASES);
    expect(narrowScope(scope, { persons, maxPersons: 5 })).toMatchObject({ persons, max_persons: 5 });
  });

  test.each<[string, ScopeNarrowing, string, string | undefined]>([
    ['a field more', { fields: ['birthDate', 'zip'] }, 'ERR_ACCESS_NOT_NARROWER', 'fields'],
    ['no field', { fields: [] }, 'ERR_ACCESS_NOT_NARROWER', 'fields'],
    ['more records', { maxRecords: 41 }, 'ERR_ACCESS_NOT_NARROWER', 'maxRecords'],
    ['no records', { maxRecords: 0 }, 'ERR_ACCESS_NOT_NARROWER', 'maxRecords'],
    ['more persons', { maxPersons: 3 }, 'ERR_ACCESS_NOT_NARROWER', 'maxPersons'],
    ['more time', { durationMs: 3_600_001 }, 'ERR_ACCESS_NOT_NARROWER', 'durationMinutes'],
    [
      'somebody else',
      { persons: personTokens(['MRN-9'], TOKENS, NO_ALIASES) },
      'ERR_ACCESS_NOT_NARROWER',
      'persons',
    ],
    ['nobody', { persons: [] }, 'ERR_ACCESS_NOT_NARROWER', 'persons'],
    [
      'a range without records',
      { partitions: [{ partition: 2, first_offset: 30, next_offset: 40 }] },
      'ERR_ACCESS_RANGE_EMPTY',
      undefined,
    ],
    [
      'another partition',
      { partitions: [{ partition: 7, first_offset: 0, next_offset: 9 }] },
      'ERR_ACCESS_RANGE_EMPTY',
      undefined,
    ],
  ])('to %s is refused', async (_, narrowing, code, setting) => {
    const scope = await build();
    expect(await codeOf(() => narrowScope(scope, narrowing))).toEqual([code, setting]);
  });
});
