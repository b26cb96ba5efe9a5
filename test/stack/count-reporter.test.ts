/**
 * The count line of a test run must never look better than the run was.
 */
import { expect, test } from '@jest/globals';
import { countLine } from '../support/count-reporter.ts';

const NOTHING = {
  numPassedTests: 0,
  numFailedTests: 0,
  numRuntimeErrorTestSuites: 0,
  numPendingTests: 0,
  numTodoTests: 0,
};

test('counts a suite that could not start as failed', () => {
  expect(countLine({ ...NOTHING, numPassedTests: 7, numRuntimeErrorTestSuites: 2, numFailedTests: 1 })).toBe(
    '7 passed, 3 failed',
  );
});

test('says nothing of skipped tests where there are none', () => {
  expect(countLine({ ...NOTHING, numPassedTests: 3 })).toBe('3 passed, 0 failed');
});

test('counts skipped and planned tests as skipped, not as passed', () => {
  expect(countLine({ ...NOTHING, numPassedTests: 3, numPendingTests: 2, numTodoTests: 1 })).toBe(
    '3 passed, 0 failed, 3 skipped',
  );
});
