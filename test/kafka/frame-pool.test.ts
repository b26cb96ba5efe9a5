/**
 * Memory of large answers is used again, and only what was given back.
 */
import { expect, test } from '@jest/globals';
import { giveBackFrame, takeFrame } from '../../kafka/frame-pool.ts';

const MIB = 1024 * 1024;

test('hands out what was given back, for answers that it fits', () => {
  const first = takeFrame(MIB + 100);
  expect(first.length).toBe(MIB + 100);
  giveBackFrame(first.subarray(50));
  const second = takeFrame(MIB + 7);
  expect(second.buffer).toBe(first.buffer);
  expect(second.length).toBe(MIB + 7);
});

test('never hands out memory that somebody still has', () => {
  const frames = Array.from({ length: 20 }, () => takeFrame(MIB));
  expect(new Set(frames.map(({ buffer }) => buffer)).size).toBe(20);
  giveBackFrame(frames[0]!);
  const [again, other] = [takeFrame(MIB), takeFrame(MIB)];
  expect(again.buffer).toBe(frames[0]!.buffer);
  expect(frames.map(({ buffer }) => buffer)).not.toContain(other.buffer);
});

test('keeps neither small answers nor much larger memory than an answer needs', () => {
  const small = takeFrame(1_000);
  giveBackFrame(small);
  expect(takeFrame(1_000).buffer).not.toBe(small.buffer);
  const large = takeFrame(20 * MIB);
  giveBackFrame(large);
  expect(takeFrame(MIB).buffer).not.toBe(large.buffer);
});

test('keeps a bounded amount', () => {
  const frames = Array.from({ length: 50 }, () => takeFrame(MIB));
  for (const frame of frames) giveBackFrame(frame);
  const given = new Set(frames.map(({ buffer }) => buffer));
  const kept = Array.from({ length: 50 }, () => takeFrame(MIB)).filter(({ buffer }) => given.has(buffer));
  expect(kept.length).toBeLessThanOrEqual(32);
  expect(kept.length).toBeGreaterThan(20);
});

/** What is handed out again of `given`, taken out of the pool by asking for every size. */
function keptOf(given: ReadonlySet<ArrayBufferLike>): readonly ArrayBufferLike[] {
  const kept: ArrayBufferLike[] = [];
  for (let size = 9 * MIB; size >= MIB / 4; size -= MIB / 4) {
    for (let { buffer } = takeFrame(size); given.has(buffer); { buffer } = takeFrame(size)) kept.push(buffer);
  }
  return kept;
}

test('keeps a bounded amount of whatever sizes came, and records of many megabytes do not drive all others out', () => {
  const sizes = Array.from({ length: 200 }, (_, i) => ((i * 7) % 34) * (MIB / 4) + 100_000);
  const frames = sizes.map((size) => takeFrame(size));
  for (const frame of frames) giveBackFrame(frame);
  const kept = keptOf(new Set(frames.map(({ buffer }) => buffer)));
  expect(kept.length).toBeGreaterThan(2);
  expect(kept.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThanOrEqual(32 * MIB);

  const small = Array.from({ length: 8 }, () => takeFrame(MIB));
  for (const frame of small) giveBackFrame(frame);
  giveBackFrame(takeFrame(33 * MIB));
  expect(keptOf(new Set(small.map(({ buffer }) => buffer)))).toHaveLength(8);
});
