/** A state of a grant that may deliver, for tests that change one thing about it. */
import { createHash } from 'node:crypto';
import type { GrantState } from '../../schemas/access-codecs.ts';

export const GRANT_ID = 'c0ffee0123456789';

export function grantState(change: Partial<GrantState> = {}): GrantState {
  return {
    grant_id: GRANT_ID,
    request_id: GRANT_ID,
    version: 3,
    access_offset: 12,
    state: 'ACTIVE',
    cause: null,
    exhausted: false,
    externally_modified: false,
    scope: {
      cluster_id: 'c',
      topic: 'clinical.encounters',
      topic_id: 'ab'.repeat(16),
      base_audience: 'research',
      policy_version: 1,
      policy_sha256: Buffer.alloc(32),
      schemas: [],
      fields: [],
      partitions: [],
      persons: null,
      token_epoch: 1,
      beneficiary: 'User:alice',
      purpose: 'TREAT',
      max_records: 100,
      max_persons: null,
      duration_ms: 3_600_000,
      window: null,
    },
    scope_sha256: createHash('sha256').update('scope').digest(),
    requester: 'alice@example.org',
    approved_by: ['bob@example.org'],
    emergency: false,
    activate_before: 2_000_000,
    not_before: 1_000_000,
    not_after: 4_600_000,
    grant_topic_id: 'cd'.repeat(16),
    ...change,
  };
}
