/**
 * Calendar arithmetic against the platform's calendar.
 */
import { expect, test } from '@jest/globals';
import { firstDayOfMonth, firstDayOfYear, yearOfDay } from '../../processors/civil-date.ts';

const DAY_MS = 86_400_000;
/** Days of 400 years: the calendar repeats. */
const CYCLE = 146_097;

function check(day: number, asDay: number, years: number): void {
  const date = new Date(asDay * DAY_MS);
  const year = date.getUTCFullYear();
  const shift = day - asDay;
  const expected = [
    year + years,
    Date.UTC(year, 0, 1) / DAY_MS + shift,
    Date.UTC(year, date.getUTCMonth(), 1) / DAY_MS + shift,
  ];
  const own = yearOfDay(day);
  const result = [own, firstDayOfYear(own), firstDayOfMonth(day, own)];
  if (!result.every((value, i) => value === expected[i]))
    expect([day, ...result]).toEqual([day, ...expected]);
}

test('is right for every day of two cycles of 400 years around 1970', () => {
  for (let day = -CYCLE; day < CYCLE; day += 1) check(day, day, 0);
  expect(yearOfDay(0)).toBe(1970);
  expect(firstDayOfYear(2000)).toBe(10_957);
});

test('is right to both ends of 32 bits', () => {
  const cycles = 14_000;
  for (const sign of [-1, 1]) {
    for (let day = 0; day < CYCLE; day += 1) {
      check(day + sign * cycles * CYCLE, day, sign * cycles * 400);
    }
  }
  for (const day of [-(2 ** 31), 2 ** 31 - 1]) {
    const year = yearOfDay(day);
    expect(firstDayOfYear(year)).toBeLessThanOrEqual(day);
    expect(firstDayOfYear(year + 1)).toBeGreaterThan(day);
  }
});
