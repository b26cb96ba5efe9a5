/**
 * All usual written forms of one date, as pieces of letters and digits without what stands between them.
 * Pure; it must never read a date more ways than one: what is ambiguous is asked for by its caller as parts.
 */

/** A calendar date. */
export interface CalendarDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

/** Reads a date as systems write it: ISO 8601 or HL7 (YYYY-MM-DD, YYYYMMDD, with a time after it or not), or MM/DD/YYYY. */
export function readDate(text: string): CalendarDate | null {
  const iso = /^\s*(\d{4})-?(\d{2})-?(\d{2})(?!\d(?!\d))/.exec(text);
  const american = /^\s*(\d{1,2})[/-](\d{1,2})[/-](\d{4})/.exec(text);
  if (iso) return valid(Number(iso[1]), Number(iso[2]), Number(iso[3]));
  return american ? valid(Number(american[3]), Number(american[1]), Number(american[2])) : null;
}

/** A date of days since 1970-01-01. */
export function dateOfDay(day: number): CalendarDate | null {
  const time = new Date(day * 86_400_000);
  if (Number.isNaN(time.getTime())) return null;
  return valid(time.getUTCFullYear(), time.getUTCMonth() + 1, time.getUTCDate());
}

function valid(year: number, month: number, day: number): CalendarDate | null {
  const fits = year > 0 && year < 10_000 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  return fits ? { year, month, day } : null;
}

/**
 * The forms of `date`, each as its letters and digits run together: `19270521`, `may211927`, `21stofmay`, `52127`.
 * Without a year only where a month's name stands in it, or with `/` (see `dayAndMonth`): a lone 5-21 may be anything.
 */
export function dateForms(date: CalendarDate): string[] {
  const { year, month, day } = date;
  const years = [String(year).padStart(4, '0'), String(year % 100).padStart(2, '0')];
  const days = eachOnce([String(day), String(day).padStart(2, '0')]);
  const months = eachOnce([String(month), String(month).padStart(2, '0')]);
  const forms: string[] = [];
  for (const d of days)
    for (const m of months) {
      forms.push(years[0]! + m + d);
      for (const y of years) forms.push(m + d + y, d + m + y);
    }
  const name = MONTHS[month - 1]!;
  const names = eachOnce([name, name.slice(0, 3), ...(month === 9 ? ['sept'] : [])]);
  const spoken = [...days, ...days.map((d) => d + ordinal(day))];
  for (const m of names)
    for (const d of spoken) {
      forms.push(m + d, `${m}the${d}`, d + m, `${d}of${m}`, years[0]! + m + d);
      for (const y of years) forms.push(m + d + y, `${m}the${d}${y}`, d + m + y, `${d}of${m}${y}`);
    }
  return forms;
}

function ordinal(day: number): string {
  if (day >= 11 && day <= 13) return 'th';
  return ['th', 'st', 'nd', 'rd'][day % 10] ?? 'th';
}

function eachOnce(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
