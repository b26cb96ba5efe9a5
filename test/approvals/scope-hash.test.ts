import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { ownError } from '../../platform/errors.ts';
import { scopeCodec } from '../../schemas/access-codecs.ts';
import type { Scope } from '../../schemas/access-codecs.ts';
import { person, scopeOf, sha } from './access-fixture.ts';

const codeOf = (scope: Scope): string => {
  try {
    return scopeHash(scope).toString('hex');
  } catch (error) {
    return ownError(error).code;
  }
};

describe('the hash of a scope', () => {
  test('is SHA-256 over its Avro bytes without the prefix of the registry', () => {
    const bytes = scopeCodec.encode(scopeOf(), 99).subarray(5);
    expect(scopeHash(scopeOf())).toEqual(createHash('sha256').update(bytes).digest());
  });

  test('survives the way through the log', () => {
    const scope = scopeOf({ window: { zone: 'UTC', days: [1, 2], from_minute: 0, to_minute: 60 } });
    expect(scopeHash(scopeCodec.decode(scopeCodec.encode(scope, 1)))).toEqual(scopeHash(scope));
  });

  const changes: Partial<Scope>[] = [
    { cluster_id: 'c2' },
    { topic: 'clinical.patients' },
    { topic_id: 'ac'.repeat(16) },
    { base_audience: 'support' },
    { policy_version: 4 },
    { policy_sha256: sha('other') },
    { schemas: [{ schema_id: 8, fingerprint: sha('schema') }] },
    { schemas: [{ schema_id: 7, fingerprint: sha('other') }] },
    { fields: scopeOf().fields.slice(1) },
    { fields: [{ path: 'mrn', tags: ['PHI_MRN'] }] },
    { partitions: [{ partition: 0, first_offset: 0, next_offset: 101 }] },
    { persons: null },
    { persons: [person(1)] },
    { token_epoch: 2 },
    { beneficiary: 'User:ben' },
    { purpose: 'HRESCH' },
    { max_records: 101 },
    { max_persons: null },
    { duration_ms: 1 },
    { window: { zone: 'UTC', days: [1], from_minute: 0, to_minute: 60 } },
  ];

  test('is another one whatever is changed', () => {
    const hashes = [{}, ...changes].map((given) => codeOf(scopeOf(given)));
    expect(hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(new Set(changes.flatMap((change) => Object.keys(change)))).toEqual(
      new Set(Object.keys(scopeOf())),
    );
  });

  const [first, second] = [scopeOf().fields[0]!, scopeOf().fields[1]!];
  const { partitions, schemas } = scopeOf();
  test.each<[string, Partial<Scope>]>([
    ['fields out of order', { fields: [second, first] }],
    ['a field twice', { fields: [first, first] }],
    ['tags out of order', { fields: [{ path: 'mrn', tags: ['PHI_MRN', 'PHI_ID'] }] }],
    ['a tag twice', { fields: [{ path: 'mrn', tags: ['PHI_MRN', 'PHI_MRN'] }] }],
    ['partitions out of order', { partitions: partitions.toReversed() }],
    ['a partition twice', { partitions: [partitions[0]!, partitions[0]!] }],
    ['persons out of order', { persons: [person(2), person(1)] }],
    ['a person twice', { persons: [person(1), person(1)] }],
    ['a schema twice', { schemas: [schemas[0]!, schemas[0]!] }],
    ['days out of order', { window: { zone: 'UTC', days: [2, 1], from_minute: 0, to_minute: 60 } }],
  ])('does not exist for %s', (_, given) => {
    expect(codeOf(scopeOf(given))).toBe('ERR_ACCESS_SCOPE_ORDER');
  });

  test('does not exist for what is no scope', () => {
    expect(codeOf(scopeOf({ persons: [Buffer.alloc(7)] }))).toBe('ERR_ACCESS_SCOPE_INVALID');
  });
});
