/**
 * Records that are sensitive by a code: found on bytes as on values, emptied or withheld, and never half.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { GauzeError } from '../../platform/errors.ts';
import { guardTree, nodeAt } from '../../policy/guard-tree.ts';
import { faultCode } from '../../processors/fault.ts';
import { guardedBytes } from '../../processors/guarded.ts';
import type { Plan, SensitiveRule } from '../../processors/plan.ts';
import { comparedCode, holdsCode } from '../../processors/sensitive-codes.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { avscTypes, maskDecoded } from '../../processors/value-oracle.ts';
import { leavesOf, pathTags } from '../../schemas/tags.ts';
import { arbitraryCase } from '../support/arbitrary-plan.ts';
import { NOWHERE, planFor } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(1 << 20);

function byOracle(plan: Plan, encoded: Buffer, timeMs: number): string {
  const { writer, derived } = avscTypes(plan);
  try {
    const masked = maskDecoded(plan, writer.fromBuffer(encoded), keys, timeMs, NOWHERE);
    return derived.toBuffer(masked).toString('hex');
  } catch (thrown) {
    if (thrown instanceof GauzeError) return thrown.code;
    throw thrown;
  }
}

function byTranscoder(plan: Plan, encoded: Buffer, timeMs: number): string {
  const end = compileTranscoder(plan, keys).mask(encoded, 0, encoded.length, out, 0, timeMs, NOWHERE);
  return end < 0 ? faultCode(end) : out.toString('hex', 0, end);
}

/** Rules and guards for a plan, picked by numbers. */
function guarded(plan: Plan, picks: readonly number[], withholds: boolean): Plan | null {
  const { schema } = plan.root;
  const leaves = leavesOf(schema).filter(({ type }) => holdsCode(type));
  if (leaves.length === 0) return null;
  const where = (pick: number): string[] => [leaves[pick % leaves.length]!.path];
  const places = [...pathTags(schema).keys()].filter((path) => {
    const node = nodeAt(plan.root, path);
    return path !== '$' && node !== null && guardedBytes(node) !== null;
  });
  const [first = 0, second = 0, ...others] = picks;
  const sensitive: SensitiveRule[] = [
    {
      tag: 'SENSITIVE_SUD',
      where: where(first),
      codes: ['100'],
      startsWith: ['0', '1', 'S', 'M'],
      effect: 'redact',
    },
    {
      tag: 'SENSITIVE_HIV',
      where: where(second),
      codes: ['036'],
      startsWith: ['2', '5', 'L'],
      effect: withholds ? 'withhold' : 'redact',
    },
  ];
  const guards = new Map(
    places.length === 0 ? [] : others.map((pick) => [places[pick % places.length]!, 1 + (pick % 3)]),
  );
  return { ...plan, root: guardTree(plan.root, guards), sensitive };
}

describe('transcoder and avsc', () => {
  test('give the same bytes where records meet rules, in 800 random cases', () => {
    const seen = { withheld: 0, emptied: 0, same: 0 };
    fc.assert(
      fc.property(
        arbitraryCase(),
        fc.array(fc.nat(), { minLength: 4, maxLength: 6 }),
        fc.boolean(),
        (one, picks, withholds) => {
          const plan = guarded(one.plan, picks, withholds);
          if (!plan) return;
          const encoded = avscTypes(plan).writer.toBuffer(one.value);
          const expected = byOracle(plan, encoded, one.recordTimeMs);
          expect(byTranscoder(plan, encoded, one.recordTimeMs)).toBe(expected);
          if (expected === 'ERR_WITHHELD_SENSITIVE') seen.withheld += 1;
          else if (expected === byOracle(one.plan, encoded, one.recordTimeMs)) seen.same += 1;
          else seen.emptied += 1;
        },
      ),
      { numRuns: 800 },
    );
    expect(Math.min(seen.withheld, seen.emptied, seen.same)).toBeGreaterThan(40);
  });
});

const VISIT = {
  type: 'record',
  name: 'Visit',
  fields: [
    { name: 'code', type: ['null', 'string'] },
    { name: 'others', type: { type: 'array', items: 'string' } },
    { name: 'byKind', type: { type: 'map', values: 'string' } },
    { name: 'snomed', type: 'long' },
    { name: 'status', type: { type: 'enum', name: 'Status', symbols: ['OPEN', 'F10_20'] } },
    { name: 'note', type: 'string' },
  ],
};
const PLAIN = { code: null, others: [], byKind: {}, snomed: 1n, status: 'OPEN', note: 'synthetic' };
const ALL = ['code', 'others[]', 'byKind{}', 'byKind{key}', 'snomed', 'status'];

/** The note of a masked record, or the code of its fault. */
function noteOf(value: object, rule: Partial<SensitiveRule>): string {
  const plain = planFor(VISIT, {});
  const whole = {
    tag: 'SENSITIVE_SUD',
    where: ALL,
    codes: [],
    startsWith: [],
    effect: 'redact' as const,
    ...rule,
  };
  const plan = { ...plain, root: guardTree(plain.root, new Map([['note', 1]])), sensitive: [whole] };
  const encoded = avscTypes(plan).writer.toBuffer({ ...PLAIN, ...value });
  const came = byTranscoder(plan, encoded, -1);
  expect(came).toBe(byOracle(plan, encoded, -1));
  if (came.startsWith('ERR')) return came;
  return (avscTypes(plan).derived.fromBuffer(Buffer.from(came, 'hex')) as { note: string }).note;
}

describe('a code', () => {
  test.each([
    ['in a union', { code: { string: 'F10.20' } }],
    ['in an array, not the first', { others: ['E11', 'F1020'] }],
    ['in the values of a map', { byKind: { main: 'f10.20' } }],
    ['in the keys of a map', { byKind: { 'F10.20': 'x' } }],
    ['as the symbol of an enum', { status: 'F10_20' }],
    ['with blanks, dots and signs around it', { code: { string: ' F 10-.20\t' } }],
    ['with a letter that cannot be seen', { code: { string: 'F10\u200b.20' } }],
  ])('is found %s', (_where, value) => {
    expect(noteOf(value, { codes: ['F1020'] })).toBe('');
    expect(noteOf(value, { startsWith: ['F10'] })).toBe('');
    expect(noteOf(value, { codes: ['F1020'], effect: 'withhold' })).toBe('ERR_WITHHELD_SENSITIVE');
    // A whole code is not its beginning, and the beginning is not any part.
    expect(noteOf(value, { codes: ['F10'] })).toBe('synthetic');
    expect(noteOf(value, { startsWith: ['10', 'F10200'] })).toBe('synthetic');
  });

  test('is found in a number, a large one too', () => {
    for (const snomed of [191816009n, 9_007_199_254_740_993_001n]) {
      expect(noteOf({ snomed }, { codes: [String(snomed)] })).toBe('');
      expect(noteOf({ snomed }, { startsWith: [String(snomed).slice(0, 3)] })).toBe('');
      expect(noteOf({ snomed: snomed + 1n }, { codes: [String(snomed)] })).toBe('synthetic');
    }
  });

  test('that is missing makes no record sensitive', () => {
    expect(noteOf({}, { startsWith: ['F'] })).toBe('synthetic');
  });

  test('is compared by its letters and digits alone', () => {
    expect(comparedCode(' f10.20-A ')).toBe('F1020A');
  });
});

test('a record inside itself is emptied at every depth', () => {
  const tree = {
    type: 'record',
    name: 'Node',
    fields: [
      { name: 'code', type: 'string' },
      { name: 'note', type: 'string' },
      { name: 'children', type: { type: 'array', items: 'Node' } },
    ],
  };
  const leaf = (code: string): object => ({ code, note: 'synthetic', children: [] });
  const value = { ...leaf('E11'), children: [{ ...leaf('E11'), children: [leaf('F10')] }, leaf('E11')] };
  const plain = planFor(tree, {});
  const rule = {
    tag: 'SENSITIVE_SUD',
    where: ['code'],
    codes: [],
    startsWith: ['F1'],
    effect: 'redact',
  } as const;
  const plan = { ...plain, root: guardTree(plain.root, new Map([['note', 1]])), sensitive: [rule] };
  const encoded = avscTypes(plan).writer.toBuffer(value);
  const came = byTranscoder(plan, encoded, -1);
  expect(came).toBe(byOracle(plan, encoded, -1));
  expect(came).not.toContain(Buffer.from('synthetic').toString('hex'));
  const harmless = avscTypes(plan).writer.toBuffer(leaf('E11'));
  expect(byTranscoder(plan, harmless, -1)).toBe(harmless.toString('hex'));
});
