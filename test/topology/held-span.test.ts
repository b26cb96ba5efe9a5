/**
 * Memory of raw records is looked at by those who hold it, and by nobody afterwards.
 */
import { expect, test } from '@jest/globals';
import { takeFrame } from '../../kafka/frame-pool.ts';
import { RootSubjectTokens } from '../../keys/subject-tokens.ts';
import { viewOf } from '../../processors/record-state.ts';
import { HeldSpan } from '../../topology/held-span.ts';
import { SpanSubjects } from '../../topology/span-subjects.ts';

const BYTES = 300 * 1024;

test('gives its memory back when the last holder lets go, and not before', () => {
  const frame = takeFrame(BYTES);
  const span = new HeldSpan(frame, [], 0, 10);
  span.hold().release();
  expect(span.batches).toEqual([]);
  expect(takeFrame(BYTES).buffer).not.toBe(frame.buffer);
  span.release();
  expect(takeFrame(BYTES).buffer).toBe(frame.buffer);
});

test('stops whoever looks at it, holds it or lets go of it afterwards', () => {
  const span = new HeldSpan(takeFrame(BYTES), [], 0, 10);
  span.release();
  const stopped = expect.objectContaining({ code: 'ERR_INTERNAL' });
  expect(() => span.batches).toThrow(stopped);
  expect(() => span.hold()).toThrow(stopped);
  expect(() => span.release()).toThrow(stopped);
});

test('takes what is noted of its records with it', () => {
  const hash = new RootSubjectTokens(Buffer.alloc(32, 7), 1).hash('patient');
  const subjects = SpanSubjects.of(hash, 0, 10)!;
  const personInput = Buffer.from('MRN-900001');
  subjects.note(3, { personInput, personView: viewOf(personInput), personStart: 0, personEnd: 10 }, 0, 1);
  const span = new HeldSpan(takeFrame(BYTES), [], 0, 10, subjects);
  span.hold().release();
  expect(subjects.knows(3, hash)).toBe(true);
  span.release();
  expect(subjects.knows(3, hash)).toBe(false);
});
