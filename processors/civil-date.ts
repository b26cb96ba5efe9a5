/**
 * Days since 1970-01-01 to years and months and back, in the proleptic Gregorian calendar and UTC, by integer
 * arithmetic that allocates nothing. It must never depend on a clock or a time zone.
 */

/** 400 years are 146,097 days. */
const MEAN_YEAR_DAYS = 146_097 / 400;
/** From 0001-01-01 to 1970-01-01. */
const DAYS_TO_EPOCH = 719_162;
/** Days before each month of a year that is no leap year. */
const MONTH_STARTS = Int32Array.of(0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334);
/** Day of the year, from 0, of March 1 in a leap year. */
const LEAP_MARCH = 60;

/** The first day of a year. */
export function firstDayOfYear(year: number): number {
  const before = year - 1;
  const century = Math.floor(before / 100);
  return before * 365 + (before >> 2) - century + (century >> 2) - DAYS_TO_EPOCH;
}

/** The year of a day. */
export function yearOfDay(day: number): number {
  // Years begin less than two days off the mean, so the guess is off by one at most.
  const guess = Math.floor(day / MEAN_YEAR_DAYS) + 1970;
  const first = firstDayOfYear(guess);
  if (day < first) return guess - 1;
  return day - first >= 365 && day >= firstDayOfYear(guess + 1) ? guess + 1 : guess;
}

/** The first day of the month that `day` lies in; `year` is the day's year. */
export function firstDayOfMonth(day: number, year: number): number {
  const first = firstDayOfYear(year);
  const isLeap = firstDayOfYear(year + 1) - first === 366;
  const dayOfYear = day - first;
  // From March on a leap year's days stand where the day before stands in other years; February 29 counts as 28.
  const common = isLeap && dayOfYear >= LEAP_MARCH - 1 ? dayOfYear - 1 : dayOfYear;
  let month = 11;
  while (MONTH_STARTS[month]! > common) month -= 1;
  return first + MONTH_STARTS[month]! + (isLeap && month >= 2 ? 1 : 0);
}
