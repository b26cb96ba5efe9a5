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

describe('the index lane, before it reads a span', () => {
  const SPAN = { firstOffset: 1_000, nextOffset: 1_100 };

  test('waits for a lane that notes, until it has passed the span', async () => {
    const companions = new Companions();
    const place = companions.join();
    place.notes = true;
    companions.move(place, 1_000);
    const wait = companions.noted(SPAN);
    expect(await isOver(wait)).toBe(false);
    companions.move(place, 1_099);
    expect(await isOver(wait)).toBe(false);
    companions.move(place, 1_100);
    expect(await isOver(wait)).toBe(true);
  });

  test('waits for none where one has passed it, though another has not', async () => {
    const companions = new Companions();
    for (const position of [1_000, 1_100]) {
      const place = companions.join();
      place.notes = true;
      companions.move(place, position);
    }
    expect(await isOver(companions.noted(SPAN))).toBe(true);
  });

  test.each([
    ['does not note', false, 1_000],
    ['is far behind', true, 199],
  ])('does not wait for one that %s', async (_, notes, position) => {
    const companions = new Companions();
    const place = companions.join();
    place.notes = notes;
    companions.move(place, position);
    expect(await isOver(companions.noted(SPAN))).toBe(true);
  });

  test('goes on when the lane that it waits for closes', async () => {
    const companions = new Companions();
    const place = companions.join();
    place.notes = true;
    companions.move(place, 200);
    const wait = companions.noted(SPAN);
    expect(await isOver(wait)).toBe(false);
    companions.leave(place);
    expect(await isOver(wait)).toBe(true);
  });

  test('waits once for one that stands still, and beside it for the window', async () => {
    const companions = new Companions();
    const place = companions.join();
    place.notes = true;
    companions.move(place, 1_050);
    const both = Promise.all([companions.noted(SPAN), companions.waitFor(SPAN, 1_400)]);
    expect(await msOf(both.then(() => undefined))).toBeGreaterThan(450);
    expect(await isOver(companions.noted(SPAN))).toBe(true);
  });
});
