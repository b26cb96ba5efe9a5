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

function person(id: string): MaskedPerson {
  const personInput = Buffer.from(`..${id}..`);
  return { personInput, personView: viewOf(personInput), personStart: 2, personEnd: 2 + id.length };
}

function tokenAt(subjects: SpanSubjects, offset: number): string {
  const out = Buffer.alloc(8, 0xee);
  subjects.tokenInto(offset, out, 0);
  return out.toString('hex');
}

describe('notes on a span', () => {
  test('give the token of whom was noted, of each record its own', () => {
    const subjects = SpanSubjects.of(hash, 1_000, 1_010)!;
    subjects.note(1_000, person('MRN-900001'));
    subjects.note(1_009, person('MRN-900002'));
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
    subjects.note(3, person(''));
    expect(subjects.knows(3, hash)).toBe(true);
    expect(tokenAt(subjects, 3)).toBe('0'.repeat(16));
  });

  test('know nothing under other keys, nor beyond their span', () => {
    const subjects = SpanSubjects.of(hash, 100, 110)!;
    subjects.note(100, person('MRN-900001'));
    const other = new RootSubjectTokens(Buffer.alloc(32, 7), 2).hash('patient');
    expect(subjects.knows(100, other)).toBe(false);
    expect([99, 110].map((offset) => subjects.knows(offset, hash))).toEqual([false, false]);
  });

  test('are not taken of a span that is mostly holes', () => {
    expect(SpanSubjects.of(hash, 5, 5 + 65_536)).not.toBeNull();
    expect(SpanSubjects.of(hash, 5, 5 + 65_537)).toBeNull();
  });

  test('print no token', () => {
    const subjects = SpanSubjects.of(hash, 0, 10)!;
    subjects.note(0, person('MRN-900001'));
    expect([String(subjects), JSON.stringify(subjects), inspect(subjects, { showHidden: true })]).toEqual([
      '[hidden]',
      '"[hidden]"',
      '[hidden]',
    ]);
  });
});
