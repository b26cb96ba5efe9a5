/**
 * What lanes have noted of a span's records is handed on as it was noted, under the same keys only, and for no other record.
 */
import { describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { RootSubjectTokens, tokenOf } from '../../keys/subject-tokens.ts';
import { viewOf } from '../../processors/record-state.ts';
import type { MaskedPerson } from '../../processors/transcoder.ts';
import { SpanSubjects } from '../../topology/span-subjects.ts';

const tokens = new RootSubjectTokens(Buffer.alloc(32, 7), 1);
const hash = tokens.hash('patient');
const NOON_MS = 1_700_000_000_000;
/** Of so many offsets, notes take memory that is used again. */
const MANY = 20_000;

function person(id: string): MaskedPerson {
  const personInput = Buffer.from(`..${id}..`);
  return { personInput, personView: viewOf(personInput), personStart: 2, personEnd: 2 + id.length };
}

function tokenAt(subjects: SpanSubjects, offset: number): string {
  const out = Buffer.alloc(8, 0xee);
  subjects.tokensInto(offset, 1, out, 0);
  return out.toString('hex');
}

function note(subjects: SpanSubjects, offset: number, id: string): void {
  subjects.note(offset, person(id), NOON_MS + offset, 100 + offset);
}

describe('notes on a span', () => {
  test('give the token of whom was noted, of each record its own', () => {
    const subjects = SpanSubjects.of(hash, 1_000, 1_010)!;
    note(subjects, 1_000, 'MRN-900001');
    note(subjects, 1_009, 'MRN-900002');
    expect(tokenAt(subjects, 1_000)).toBe(tokenOf(tokens, 'MRN-900001').toString('hex'));
    expect(tokenAt(subjects, 1_009)).toBe(tokenOf(tokens, 'MRN-900002').toString('hex'));
    expect([1_000, 1_001, 1_008, 1_009].map((offset) => subjects.knows(offset, hash))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test('know of a record that it names nobody', () => {
    const subjects = SpanSubjects.of(hash, 0, 10)!;
    note(subjects, 3, '');
    expect(subjects.knows(3, hash)).toBe(true);
    expect(tokenAt(subjects, 3)).toBe('0'.repeat(16));
  });

  test('know nothing under other keys, nor beyond their span', () => {
    const subjects = SpanSubjects.of(hash, 100, 110)!;
    note(subjects, 100, 'MRN-900001');
    const other = new RootSubjectTokens(Buffer.alloc(32, 7), 2).hash('patient');
    expect(subjects.knows(100, other)).toBe(false);
    expect([99, 110].map((offset) => subjects.knows(offset, hash))).toEqual([false, false]);
  });

  test('tell time and length of each record', () => {
    const subjects = SpanSubjects.of(hash, 10, 20)!;
    note(subjects, 11, 'MRN-900001');
    note(subjects, 12, '');
    expect([11, 12].map((offset) => subjects.timestampMs(offset) - NOON_MS)).toEqual([11, 12]);
    expect([11, 12].map((offset) => subjects.valueBytes(offset))).toEqual([111, 112]);
  });

  test('tell what follows one another, up to what nobody has noted, once the whole span was walked', () => {
    const subjects = SpanSubjects.of(hash, 10, 20)!;
    for (const offset of [10, 11, 12, 14, 18, 19]) note(subjects, offset, 'MRN-900001');
    const runs = (): number[] => [10, 12, 13, 14, 15, 18].map((offset) => subjects.run(offset, 100, hash));
    expect(runs()).toEqual([0, 0, 0, 0, 0, 0]);
    subjects.walked();
    expect(runs()).toEqual([3, 1, 0, 1, 0, 2]);
    expect([2, 1, 0, -1].map((most) => subjects.run(10, most, hash))).toEqual([2, 1, 0, 0]);
    expect(subjects.run(10, 100, new RootSubjectTokens(Buffer.alloc(32, 7), 2).hash('patient'))).toBe(0);
  });

  test('are gone with their span, and nothing of them is known of the next one in the same memory', () => {
    const subjects = SpanSubjects.of(hash, 0, MANY)!;
    for (let offset = 0; offset < MANY; offset += 1) note(subjects, offset, 'MRN-900001');
    subjects.walked();
    subjects.release();
    note(subjects, 5, 'MRN-900001');
    expect([subjects.knows(5, hash), subjects.run(5, 100, hash)]).toEqual([false, 0]);
    const next = SpanSubjects.of(hash, 0, MANY)!;
    next.walked();
    expect([next.knows(5, hash), next.run(5, 100, hash)]).toEqual([false, 0]);
    note(next, 5, '');
    expect(tokenAt(next, 5)).toBe('0'.repeat(16));
  });

  test('are not taken of a span that is mostly holes', () => {
    expect(SpanSubjects.of(hash, 5, 5 + 65_536)).not.toBeNull();
    expect(SpanSubjects.of(hash, 5, 5 + 65_537)).toBeNull();
  });

  test('print no token', () => {
    const subjects = SpanSubjects.of(hash, 0, 10)!;
    note(subjects, 0, 'MRN-900001');
    expect([String(subjects), JSON.stringify(subjects), inspect(subjects, { showHidden: true })]).toEqual([
      '[hidden]',
      '"[hidden]"',
      '[hidden]',
    ]);
  });
});
