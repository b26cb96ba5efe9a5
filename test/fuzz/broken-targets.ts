/**
 * Targets that are wrong on purpose, each in its own way and for few cases only: a fuzzer that does not find them does
 * not look.
 */
import { parsePolicy } from '../../policy/policy-file.ts';
import { policyText } from '../support/policy-fixture.ts';
import { Random, changedBytes, changedText } from './random.ts';
import type { FuzzTarget } from './target.ts';

/** Reads a length without looking whether so much is there. */
const UNCHECKED: FuzzTarget = {
  name: 'broken: a bound is not checked',
  share: 0,
  expects: [],
  run(seed, index) {
    const bytes = changedBytes(new Random(seed, index, 6), Buffer.from([6, 1, 2, 3, 0]));
    // Throws a RangeError of Node's, as a reader without checks would.
    if (bytes.length > 0) bytes.readInt8(bytes[0]! >> 1);
    return 'read';
  },
};

/** Lets another library's error out. */
const FOREIGN_ERROR: FuzzTarget = {
  name: 'broken: a foreign error',
  share: 0,
  expects: [],
  run(seed, index) {
    const text = changedText(new Random(seed, index, 7), policyText(), ['audience: ']);
    if (text.includes('audience: audience: ')) JSON.parse(text);
    parsePolicy(text, 'fuzz.yaml');
    return 'parsed';
  },
};

/** Takes too long for few of its cases. */
const SLOW: FuzzTarget = {
  name: 'broken: slow',
  msMax: 200,
  share: 0,
  expects: [],
  run(seed, index) {
    if (!new Random(seed, index, 8).chance(300)) return 'quick';
    const until = performance.now() + 250;
    while (performance.now() < until);
    return 'slow';
  },
};

export const BROKEN_TARGETS: readonly FuzzTarget[] = [UNCHECKED, FOREIGN_ERROR, SLOW];
