/** When a grant task may deliver: only while everything says so. */
import { describe, expect, test } from '@jest/globals';
import {
  END_MARGIN_MS,
  STATE_AGE_MAX_MS,
  refusal,
  stillAllows,
  validForMs,
} from '../../topology/grant-permission.ts';
import type { PermissionFacts } from '../../topology/grant-permission.ts';
import { grantState } from '../support/grant-states.ts';

const begun = grantState();
const allowed: PermissionFacts = { begun, state: begun, stateAgeMs: 0, brokerMs: begun.not_after - 60_000 };

describe('permission', () => {
  test('is given to an active grant in its time whose state is known', () => {
    expect(refusal(allowed)).toBeNull();
    expect(refusal({ ...allowed, state: grantState({ version: 4, access_offset: 13 }) })).toBeNull();
  });

  test.each(['SCHEDULED', 'ACTIVATING', 'SUSPENDED', 'ENDING', 'REVOKING', 'ENDED', 'REVOKED'] as const)(
    'is refused in the state %s',
    (state) => {
      expect(refusal({ ...allowed, state: grantState({ state }) })).toBe('state');
    },
  );

  test('is refused where the grant is exhausted, unknown, or another one than was begun', () => {
    for (const state of [
      null,
      grantState({ exhausted: true }),
      grantState({ not_after: begun.not_after + 1 }),
      grantState({ grant_topic_id: 'ef'.repeat(16) }),
      grantState({ scope_sha256: Buffer.alloc(32) }),
    ])
      expect(refusal({ ...allowed, state })).toBe('state');
    const never = grantState({ not_after: 0 });
    expect(stillAllows(never, never)).toBe(false);
  });

  test('is refused from the margin before the end on, and while no broker has told the time', () => {
    const last = begun.not_after - END_MARGIN_MS;
    expect(refusal({ ...allowed, brokerMs: last - 1 })).toBeNull();
    expect(refusal({ ...allowed, brokerMs: last })).toBe('time');
    expect(refusal({ ...allowed, brokerMs: Number.POSITIVE_INFINITY })).toBe('time');
    expect(refusal({ ...allowed, brokerMs: Number.NaN })).toBe('time');
  });

  test('is refused where the state has not been confirmed for too long', () => {
    expect(refusal({ ...allowed, stateAgeMs: STATE_AGE_MAX_MS })).toBeNull();
    expect(refusal({ ...allowed, stateAgeMs: STATE_AGE_MAX_MS + 1 })).toBe('stale');
    expect(refusal({ ...allowed, stateAgeMs: Number.POSITIVE_INFINITY })).toBe('stale');
  });

  test('is valid no longer than the first of its reasons', () => {
    expect(validForMs({ ...allowed, stateAgeMs: 1_000 })).toBe(STATE_AGE_MAX_MS - 1_000);
    expect(validForMs({ ...allowed, brokerMs: begun.not_after - END_MARGIN_MS - 7 })).toBe(7);
  });
});
