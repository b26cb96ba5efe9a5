/** What a record of gauze.grants does to what is known. */
import { describe, expect, test } from '@jest/globals';
import { grantStateCodec } from '../../schemas/access-codecs.ts';
import type { GrantState } from '../../schemas/access-codecs.ts';
import { foldGrantState } from '../../topology/grant-state-log.ts';
import { GRANT_ID, grantState } from '../support/grant-states.ts';

const WHERE = { topic: 'gauze.grants', partition: 2 };
const KEY = Buffer.from(GRANT_ID);

function fold(states: Map<string, GrantState>, state: GrantState | null, key = KEY): boolean {
  const value = state && grantStateCodec.encode(state, 1);
  return foldGrantState(states, { key, value, offset: 5 }, WHERE);
}

describe('a state of a grant', () => {
  test('is taken in, and replaced by a newer one', () => {
    const states = new Map<string, GrantState>();
    expect(fold(states, grantState())).toBe(true);
    expect(fold(states, grantState({ state: 'REVOKING', access_offset: 13 }))).toBe(true);
    expect(states.get(GRANT_ID)?.state).toBe('REVOKING');
  });

  test('never comes back from a writer that was woken too late', () => {
    const states = new Map<string, GrantState>();
    fold(states, grantState({ state: 'REVOKING', access_offset: 13 }));
    expect(fold(states, grantState({ access_offset: 12 }))).toBe(false);
    expect(states.get(GRANT_ID)?.state).toBe('REVOKING');
  });

  test('is gone with a record without a value', () => {
    const states = new Map<string, GrantState>();
    fold(states, grantState());
    expect(fold(states, null)).toBe(true);
    expect(states.size).toBe(0);
  });

  test('stops everything where it cannot be read, or stands under the key of another', () => {
    const corrupt = expect.objectContaining({ code: 'ERR_GRANT_STATE_CORRUPT' });
    const broken = { key: KEY, value: Buffer.from('broken'), offset: 5 };
    expect(() => foldGrantState(new Map(), broken, WHERE)).toThrow(corrupt);
    expect(() => fold(new Map(), grantState(), Buffer.from('another'))).toThrow(corrupt);
    const keyless = { key: null, value: grantStateCodec.encode(grantState(), 1), offset: 5 };
    expect(() => foldGrantState(new Map(), keyless, WHERE)).toThrow(corrupt);
  });
});
