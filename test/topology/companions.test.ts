/**
 * Lanes near each other stay together; one that does not come on is waited for only now and then.
 */
import { describe, expect, test } from '@jest/globals';
import { Companions } from '../../topology/companions.ts';

const OLDEST = { firstOffset: 1_000, nextOffset: 1_100 };
const END = 1_400;

async function msOf(wait: Promise<void>): Promise<number> {
  const from = performance.now();
  await wait;
  return performance.now() - from;
}

/** Whether it is over at once: without any timer. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
  return await Promise.race([wait.then(() => true), later]);
}

describe('before the window drops its oldest span', () => {
  test('a lane that needs it is waited for until it goes on', async () => {
    const companions = new Companions();
    const place = companions.join();
    companions.move(place, 1_050);
    const wait = companions.waitFor(OLDEST, END);
    expect(await isOver(wait)).toBe(false);
    companions.move(place, 1_099);
    expect(await isOver(wait)).toBe(false);
    companions.move(place, 1_100);
    expect(await isOver(wait)).toBe(true);
  });

  test('so is one that closes, and one that stands before it by no more than the window is long', async () => {
    const companions = new Companions();
    const near = companions.join();
    companions.move(near, 600);
    const wait = companions.waitFor(OLDEST, END);
    expect(await isOver(wait)).toBe(false);
    companions.leave(near);
    expect(await isOver(wait)).toBe(true);
  });

  test.each([599, 1_100, 1_400])('one at %d is not', async (position) => {
    const companions = new Companions();
    companions.move(companions.join(), position);
    expect(await isOver(companions.waitFor(OLDEST, END))).toBe(true);
  });

  test('one that does not go on is waited for once, and then not again for a while', async () => {
    const companions = new Companions();
    companions.move(companions.join(), 1_050);
    expect(await msOf(companions.waitFor(OLDEST, END))).toBeGreaterThan(90);
    expect(await isOver(companions.waitFor(OLDEST, END))).toBe(true);
  });
});
