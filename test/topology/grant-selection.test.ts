/** Which records a grant takes: persons, caps and range, record by record. */
import { describe, expect, test } from '@jest/globals';
import { RecordCursor } from '../../kafka/record-cursor.ts';
import type { CompiledPlan } from '../../topology/plan-store.ts';
import { GrantSelection, tokenBuffers, tokenSet } from '../../topology/grant-selection.ts';
import type { SelectionLimits } from '../../topology/grant-selection.ts';
import type { SubjectTokenizer } from '../../topology/subject-tokenizer.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import { testKeys } from '../support/test-keys.ts';
import { planFor } from '../support/plan-builder.ts';

const SCHEMA_ID = 7;
const plan = planFor(
  { type: 'record', name: 'V', fields: [{ name: 'x', type: 'int' }] },
  {},
  { schemaId: SCHEMA_ID },
);
const PLAN: CompiledPlan = {
  plan,
  transcoder: compileTranscoder(plan, testKeys()),
  prefix: Buffer.alloc(5),
  fieldsClear: [],
  dataClasses: [],
};
const ANYTHING: SelectionLimits = {
  endOffset: 1_000,
  persons: null,
  counted: new Set(),
  recordsLeft: 1_000,
  personsMax: null,
  survivors: new Map(),
};

/** Runs over records about these persons (0: nobody); what became of each. */
function run(persons: readonly number[], limits: Partial<SelectionLimits>) {
  let next = 0;
  const tokenizer: SubjectTokenizer = {
    fault: null,
    tokenInto: (_bytes, _start, _end, out, at) => {
      out.writeBigUInt64BE(BigInt(persons[next]!), at);
      return persons[next] !== 0;
    },
  };
  const selection = new GrantSelection({ ...ANYTHING, ...limits }, new Map([[SCHEMA_ID, tokenizer]]));
  const cursor = new RecordCursor();
  const outcomes: string[] = [];
  for (next = 0; next < persons.length; next++) {
    const decision = selection.decide(cursor, PLAN);
    outcomes.push(decision);
    if (decision === 'stop') break;
    if (decision === 'take') selection.taken();
  }
  return { outcomes, selection };
}

describe('a selection', () => {
  test('takes every record where nothing depends on whom it is about', () => {
    const { outcomes, selection } = run([1, 0, 1, 2], {});
    expect(outcomes).toEqual(['take', 'take', 'take', 'take']);
    expect([...selection.newPersons]).toEqual([1n, 2n]);
  });

  test('passes over persons who were not named, and over records that name nobody', () => {
    expect(run([1, 2, 0, 3, 1], { persons: new Set([1n, 3n]) }).outcomes).toEqual([
      'take',
      'pass',
      'pass',
      'take',
      'take',
    ]);
  });

  test('stops before the record that would be one too many', () => {
    const { outcomes, selection } = run([1, 2, 1, 1], { recordsLeft: 2 });
    expect(outcomes).toEqual(['take', 'take', 'stop']);
    expect(selection.reached).toBe('RECORDS');
    expect(selection.count).toBe(2);
    expect(run([2, 1], { persons: new Set([1n]), recordsLeft: 0 }).outcomes).toEqual(['pass', 'stop']);
  });

  test('stops before the person that would be one too many, those of earlier leases counted', () => {
    const { outcomes, selection } = run([5, 1, 1, 2, 3], { personsMax: 3, counted: new Set([5n, 6n]) });
    expect(outcomes).toEqual(['take', 'take', 'take', 'stop']);
    expect(selection.reached).toBe('PERSONS');
    expect([...selection.newPersons]).toEqual([1n]);
  });

  test('counts a person once, however many ids were merged into one', () => {
    const survivors = new Map([
      [1n, 1n],
      [2n, 1n],
      [3n, 1n],
    ]);
    const { outcomes, selection } = run([2, 1, 3, 4], { personsMax: 1, survivors });
    expect(outcomes).toEqual(['take', 'take', 'take', 'stop']);
    expect([...selection.newPersons]).toEqual([2n, 1n, 3n]);
    expect(run([3, 4], { personsMax: 1, survivors, counted: new Set([2n]) }).outcomes).toEqual([
      'take',
      'stop',
    ]);
    expect(run([2, 1], { personsMax: 1 }).outcomes).toEqual(['take', 'stop']);
  });

  test('takes for a lease that is done again nobody whom it has not counted, whatever the cap', () => {
    const limits = { personsMax: 0, counted: new Set([1n]) };
    expect(run([1, 2], limits).outcomes).toEqual(['take', 'stop']);
    expect(run([1, 2], { ...limits, personsMax: null }).outcomes).toEqual(['take', 'take']);
  });

  test('passes over records that name nobody where persons are counted', () => {
    expect(run([0, 1], { personsMax: 1 }).outcomes).toEqual(['pass', 'take']);
  });

  test('counts neither record nor person before it is written', () => {
    const { selection } = run([], {});
    expect(selection.reaches(999)).toBe(true);
    expect(selection.reaches(1_000)).toBe(false);
    expect(selection.count).toBe(0);
  });

  test('writes tokens in order, and reads them back', () => {
    const tokens = new Set([2n ** 63n + 5n, 1n]);
    expect(tokenSet(tokenBuffers(tokens))).toEqual(tokens);
    expect(tokenBuffers(tokens)[0]!.toString('hex')).toBe('0000000000000001');
  });
});
