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

/** The month of a day, from 0; `year` is the day's year. */
export function monthOfDay(day: number, year: number): number {
  const first = firstDayOfYear(year);
  const dayOfYear = day - first;
  // From March on a leap year's days stand where the day before stands in other years; February 29 counts as 28.
  const common = isLeapYear(year) && dayOfYear >= LEAP_MARCH - 1 ? dayOfYear - 1 : dayOfYear;
  let month = 11;
  while (MONTH_STARTS[month]! > common) month -= 1;
  return month;
}

/** The first day of a month, from 0. */
export function firstOfMonth(year: number, month: number): number {
  return firstDayOfYear(year) + MONTH_STARTS[month]! + (month >= 2 && isLeapYear(year) ? 1 : 0);
}

/** The first day of the month that `day` lies in; `year` is the day's year. */
export function firstDayOfMonth(day: number, year: number): number {
  return firstOfMonth(year, monthOfDay(day, year));
}

/** The first day of the quarter that `day` lies in; `year` is the day's year. */
export function firstDayOfQuarter(day: number, year: number): number {
  const month = monthOfDay(day, year);
  return firstOfMonth(year, month - (month % 3));
}

/** How many days a month has, from 0. */
export function daysInMonth(year: number, month: number): number {
  return (
    (month === 11 ? firstDayOfYear(year + 1) : firstOfMonth(year, month + 1)) - firstOfMonth(year, month)
  );
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
