import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { scopeHash } from '../../approvals/scope-hash.ts';
import { ownError } from '../../platform/errors.ts';
import { accessEntryCodec, scopeCodec } from '../../schemas/access-codecs.ts';
import type { Scope } from '../../schemas/access-codecs.ts';
import { person, scopeOf, sha } from './access-fixture.ts';

const codeOf = (scope: Scope): string => {
  try {
    return scopeHash(scope).toString('hex');
  } catch (error) {
    return ownError(error).code;
  }
};

const replayScope = scopeOf({
  replay: {
    event_partition: 1,
    event_offset: 17,
    event_sha256: sha('event'),
    recipient: 'research',
    grant_id: null,
    plan_hash: sha('plan'),
    key_epoch: 1,
    output_topic: 'clinical.encounters.for-research',
  },
});

/** A request for `scopeOf()`, without the fields that came with replays. */
const EARLIER_ENTRY =
  'AAAAAAEAAAAAAAAAAAAAAAAAAAACAAAABmFuYQIUY2xpbmljaWFucwAAAAACIDAwMDAwMDAwMDAwMDAwMDEAAAIyZm9sbG93LXVwIG9mIHJlYWRt' +
  'aXNzaW9ucwIACm93bmVyHGVuY291bnRlcnMtcmF3bGIdGgUTiniI032Saanaji4R5KztL2z9JLBasbnmG7ACBGMxJmNsaW5pY2FsLmVuY291bnRl' +
  'cnNAYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWIQcmVzZWFyY2gGgjQS0erLZ5ViIOUylZ8BBGAwV8iHBIY8o4580Yj9qBICDt8K1uQ4' +
  'gPCckOv5XxkRAXirpokN8AEOvadIUCnitUO0AAQSYmlydGhEYXRlAhxQSElfQklSVEhfREFURQAGbXJuBAxQSElfSUQOUEhJX01STgAABAAAyAEC' +
  'FLQBAAIEAQEBAQEBAQECAgICAgICAgACEFVzZXI6YW5hClRSRUFUyAECFIC6twMAABAu88xVNvJ/RKgEAZNDLb8fd8jAQJrm3eP4KnTAhBASBBZk' +
  'YXRhLW93bmVycwIgcHJpdmFjeS1vZmZpY2VycwIAAIDwslKA6N0NgNC7GwAAAAAAAA==';

describe('the hash of a scope', () => {
  test('is SHA-256 over its Avro bytes without the prefix of the registry', () => {
    const bytes = scopeCodec.encode(replayScope, 99).subarray(5);
    expect(scopeHash(replayScope)).toEqual(createHash('sha256').update(bytes).digest());
  });

  test('of a scope without a replay is the one that was signed before there were any', () => {
    const signed = '102ef3cc5536f27f44a8040193432dbf1f77c8c0409ae6dde3f82a74c0841012';
    expect(scopeHash(scopeOf()).toString('hex')).toBe(signed);
  });

  test('holds for a request that an earlier version has put into the log', () => {
    const { request } = accessEntryCodec.decode(Buffer.from(EARLIER_ENTRY, 'base64'));
    expect(request?.scope).toEqual(expect.objectContaining({ topic: 'clinical.encounters', replay: null }));
    expect(scopeHash(request!.scope!)).toEqual(request!.scope_sha256);
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
    { replay: replayScope.replay! },
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
