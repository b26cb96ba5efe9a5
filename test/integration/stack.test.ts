/**
 * Promises of the local stack and of the admin client: real log-ins, default deny, nothing left behind.
 */
import { describe, expect, test } from '@jest/globals';
import { testStack } from '../support/stack.ts';

describe('the local stack', () => {
  test('has a super user', () => {
    expect(testStack().logins['admin']?.mechanism).toBe('scram-sha-256');
  });
});
