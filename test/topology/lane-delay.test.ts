/**
 * How long a lane is behind, from offsets by time alone.
 */
import { describe, expect, test } from '@jest/globals';
import { delaySeconds } from '../../topology/lane-delay.ts';
import type { OffsetAt } from '../../topology/lane-delay.ts';
import { Random } from '../fuzz/random.ts';

const NOW_MS = 1_790_000_000_000;

/** A partition whose records have these timestamps, asked as a broker answers. */
function partition(timestamps: readonly number[], first = 0): { readonly at: OffsetAt; asked: number } {
  const answer = {
    asked: 0,
    at: async (atMs: number) => {
      answer.asked += 1;
      const found = timestamps.findIndex((each) => each >= atMs);
      return await Promise.resolve(found < 0 ? -1 : first + found);
    },
  };
  return answer;
}

describe('the delay of a lane', () => {
  test('is the age of the first record that it has not reached, to 5 % and a quarter of a second', async () => {
    const random = new Random(7);
    for (let each = 0; each < 200; each += 1) {
      const ages = Array.from({ length: 1 + random.int(50) }, () => random.int(10 ** (1 + random.int(10))));
      const timestamps = ages.toSorted((one, other) => other - one).map((age) => NOW_MS - age);
      const position = random.int(timestamps.length);
      const log = partition(timestamps);
      const seconds = (await delaySeconds(position, NOW_MS, log.at))!;
      const ageMs = NOW_MS - timestamps[position]!;
      expect(seconds * 1_000).toBeGreaterThanOrEqual(ageMs - 50);
      expect(seconds * 1_000).toBeLessThanOrEqual(Math.max(1_050, ageMs + 300, ageMs * 1.06));
      expect(log.asked).toBeLessThan(50);
    }
  });

  test('is that of the newest record before it, where producers do not write in order', async () => {
    const log = partition([NOW_MS - 5_000, NOW_MS - 500_000, NOW_MS]);
    const seconds = (await delaySeconds(1, NOW_MS, log.at))!;
    expect(seconds).toBeGreaterThanOrEqual(5);
    expect(seconds).toBeLessThan(5.4);
  });

  test('is not known where the record is gone, or none has a time', async () => {
    expect(await delaySeconds(3, NOW_MS, partition([NOW_MS - 10], 100).at)).toBeNull();
    expect(await delaySeconds(3, NOW_MS, partition([-1, -1, -1, -1, -1]).at)).toBeNull();
  });
});
