/**
 * Promises of the line about long work: a person at a terminal sees it grow and go away, a file or a pipe gets nothing.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { progressLine } from '../../cli/progress-line.ts';
import { rawTopics } from '../../policy/raw-topics.ts';
import { policyWith, TOPIC } from '../support/policy-fixture.ts';

const TERM = process.env['TERM'];
const isTTY = process.stderr.isTTY;
let written: string[];

beforeEach(() => {
  written = [];
  process.env['TERM'] = 'xterm';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
});

afterEach(() => {
  jest.restoreAllMocks();
  process.stderr.isTTY = isTTY;
  if (TERM === undefined) delete process.env['TERM'];
  else process.env['TERM'] = TERM;
});

/** Tells for half a second, or until something is seen. */
function tellUntilSeen(): void {
  const { tell, end } = progressLine();
  const began = Date.now();
  while (written.length === 0 && Date.now() - began < 500)
    tell((seconds) => `rights: ${seconds.toFixed(1)} s`);
  end();
}

test('at a terminal it is written in place, and is gone at the end', () => {
  process.stderr.isTTY = true;
  tellUntilSeen();
  expect(written).toEqual([expect.stringContaining('\r\u001b[2Krights: 0.'), '\r\u001b[2K']);
});

test('in a file or a pipe there is none', () => {
  process.stderr.isTTY = false;
  tellUntilSeen();
  expect(written).toEqual([]);
});

describe('how far it is', () => {
  test('is told for each raw topic before it is asked about', async () => {
    const told: unknown[] = [];
    const policies = [policyWith()];
    const admin = {
      describeTopics: (topics: readonly string[]) =>
        Promise.resolve(topics.map((topic) => ({ topic, partitions: 3 }))),
      describeConfigs: (topic: string) => {
        told.push(topic);
        return Promise.resolve(new Map());
      },
    };
    const raw = await rawTopics({ policies, admin }, (...step) => told.push(step));
    expect([...raw.keys()]).toEqual([TOPIC]);
    expect(told).toEqual([['looking at raw topics', 0, 1], TOPIC]);
  });
});
