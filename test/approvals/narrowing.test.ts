import { describe, expect, test } from '@jest/globals';
import { isUsableScope, isWithin, isWithoutPhi } from '../../approvals/narrowing.ts';
import type { Scope } from '../../schemas/access-codecs.ts';
import { person, scopeOf, sha } from './access-fixture.ts';

const window = { zone: 'UTC', days: [1], from_minute: 0, to_minute: 60 };
const wide = scopeOf({ window });
const narrowed = (given: Partial<Scope>): boolean => isWithin({ ...wide, ...given }, wide);

describe('narrowing', () => {
  test.each<[string, Partial<Scope>]>([
    ['the same', {}],
    ['fewer fields', { fields: wide.fields.slice(1) }],
    ['fewer partitions', { partitions: wide.partitions.slice(1) }],
    ['a shorter range', { partitions: [{ partition: 1, first_offset: 11, next_offset: 89 }] }],
    ['an empty range', { partitions: [{ partition: 1, first_offset: 90, next_offset: 90 }] }],
    ['fewer persons', { persons: [person(2)] }],
    ['fewer records', { max_records: 1 }],
    ['a lower cap on persons', { max_persons: 1 }],
    ['less time', { duration_ms: 1 }],
  ])('may leave %s', (_, given) => {
    expect(narrowed(given)).toBe(true);
  });

  test('may name persons and cap them where there was no list and no cap', () => {
    const anybody = { ...wide, persons: null, max_persons: null };
    expect(isWithin(wide, anybody)).toBe(true);
    expect(isWithin(anybody, wide)).toBe(false);
  });

  test.each<[string, Partial<Scope>]>([
    ['a field that was not asked for', { fields: [{ path: 'ssn', tags: ['PHI_SSN'] }] }],
    ['a field with other tags', { fields: [{ path: 'mrn', tags: ['PHI_NONE'] }] }],
    ['a field with fewer tags', { fields: [{ path: 'mrn', tags: ['PHI_ID'] }] }],
    ['an earlier start', { partitions: [{ partition: 1, first_offset: 9, next_offset: 90 }] }],
    ['a later end', { partitions: [{ partition: 1, first_offset: 10, next_offset: 91 }] }],
    [
      'a partition that was not asked for',
      { partitions: [{ partition: 2, first_offset: 10, next_offset: 11 }] },
    ],
    ['a person who was not named', { persons: [person(1), person(3)] }],
    ['anybody instead of persons', { persons: null }],
    ['more records', { max_records: 101 }],
    ['more persons', { max_persons: 11 }],
    ['no cap on persons', { max_persons: null }],
    ['more time', { duration_ms: wide.duration_ms + 1 }],
    ['another cluster', { cluster_id: 'c2' }],
    ['another topic', { topic: 'clinical.patients' }],
    ['another topic under the same name', { topic_id: 'ac'.repeat(16) }],
    ['another base audience', { base_audience: 'support' }],
    ['another policy', { policy_version: 2 }],
    ['another text of the policy', { policy_sha256: sha('other') }],
    ['another schema', { schemas: [{ schema_id: 8, fingerprint: sha('schema') }] }],
    ['another text of the schema', { schemas: [{ schema_id: 7, fingerprint: sha('other') }] }],
    ['fewer schemas', { schemas: [] }],
    ['another epoch of tokens', { token_epoch: 2 }],
    ['another reader', { beneficiary: 'User:ben' }],
    ['another purpose', { purpose: 'HRESCH' }],
    ['no window', { window: null }],
    ['another zone', { window: { ...window, zone: 'Europe/Berlin' } }],
    ['more days', { window: { ...window, days: [1, 2] } }],
    ['another begin', { window: { ...window, from_minute: 1 } }],
    ['another end', { window: { ...window, to_minute: 61 } }],
  ])('must not bring in %s', (_, given) => {
    expect(narrowed(given)).toBe(false);
  });
});

describe('a scope', () => {
  test('is usable when it reveals a field within caps', () => {
    expect(isUsableScope(scopeOf())).toBe(true);
    expect(isUsableScope(scopeOf({ persons: null, max_persons: null, window }))).toBe(true);
  });

  test.each<Partial<Scope>>([
    { fields: [] },
    { fields: [{ path: '', tags: [] }] },
    { persons: [] },
    { topic: '' },
    { topic_id: '' },
    { beneficiary: '' },
    { max_records: 0 },
    { max_persons: 0 },
    { duration_ms: 0 },
    { duration_ms: -1 },
    { partitions: [{ partition: -1, first_offset: 0, next_offset: 1 }] },
    { partitions: [{ partition: 0, first_offset: -1, next_offset: 1 }] },
    { partitions: [{ partition: 0, first_offset: 2, next_offset: 1 }] },
    { window: { ...window, zone: 'Mars/Olympus' } },
  ])('is not usable with %j', (given) => {
    expect(isUsableScope(scopeOf(given))).toBe(false);
  });

  test('is without PHI only where each field was reviewed and says so', () => {
    const of = (...tags: string[]) => isWithoutPhi(scopeOf({ fields: [{ path: 'a', tags }] }));
    expect([of('PHI_NONE'), of(), of('PHI_NONE', 'PHI_ZIP'), of('PHI_MRN')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
