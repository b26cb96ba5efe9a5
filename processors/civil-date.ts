/**
 * Days since 1970-01-01 to years and months and back, in the proleptic Gregorian calendar and UTC, by integer
 * arithmetic that allocates nothing (the method of Howard Hinnant, "chrono-compatible low-level date algorithms").
 * It must never depend on a clock or a time zone.
 */

const DAYS_PER_ERA = 146_097;
const YEARS_PER_ERA = 400;
/** From 0000-03-01, where an era begins, to 1970-01-01. */
const DAYS_TO_EPOCH = 719_468;

/** The year of a day. */
export function yearOfDay(day: number): number {
  const shifted = day + DAYS_TO_EPOCH;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = yearWithinEra(dayOfEra);
  const marchYear = era * YEARS_PER_ERA + yearOfEra;
  // January and February belong to the March-based year before.
  return dayOfEra - dayOfMarchYear(yearOfEra) >= 306 ? marchYear + 1 : marchYear;
}

/** The first day of a year. */
export function firstDayOfYear(year: number): number {
  const before = year - 1;
  const era = Math.floor(before / YEARS_PER_ERA);
  const yearOfEra = before - era * YEARS_PER_ERA;
  return era * DAYS_PER_ERA + dayOfMarchYear(yearOfEra) + 306 - DAYS_TO_EPOCH;
}

/** The first day of the month that `day` lies in. */
export function firstDayOfMonth(day: number): number {
  const shifted = day + DAYS_TO_EPOCH;
  const dayOfEra = shifted - Math.floor(shifted / DAYS_PER_ERA) * DAYS_PER_ERA;
  const dayOfYear = dayOfEra - dayOfMarchYear(yearWithinEra(dayOfEra));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  return day - (dayOfYear - Math.floor((153 * month + 2) / 5));
}

function yearWithinEra(dayOfEra: number): number {
  const leapDays =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  return Math.floor((dayOfEra - leapDays) / 365);
}

function dayOfMarchYear(yearOfEra: number): number {
  return 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
}
