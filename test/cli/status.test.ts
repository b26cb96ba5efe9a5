/**
 * Promises of `gauze status` that need no Kafka: what makes it end with something else than 0.
 */
import { expect, test } from '@jest/globals';
import { nobodyAlarms } from '../../cli/status-command.ts';
import { EXIT, EXIT_MEANINGS } from '../../cli/terminal.ts';
import { told } from '../support/told.ts';

const ALIVE = { id: 'a1', lanes: 2, held: 0, grants: 0, memoryBytes: null };

test('policies that nobody works by are an alarm, which says what to do', () => {
  expect(nobodyAlarms({ instances: [] })).toEqual([
    expect.objectContaining({ code: 'ERR_RUN_NOBODY', kind: 'usage', context: { limit: 30 } }),
  ]);
  expect(told('ERR_RUN_NOBODY', { limit: 30 })).toMatch(
    /for 30 s: nothing is masked\.\n {4}Start one with `gauze run`/,
  );
  expect([EXIT.problems, EXIT_MEANINGS.problems]).toEqual([1, expect.stringContaining('Something is wrong')]);
});

test('one instance that is alive is enough', () => {
  expect(nobodyAlarms({ instances: [ALIVE] })).toEqual([]);
});
