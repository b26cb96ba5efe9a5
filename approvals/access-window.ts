/**
 * When a window of a grant is open: weekdays and minutes in an IANA time zone, over midnight and over changes of the
 * clock. Works on instants, never on texts of the clock. Pure, apart from the time zone data of the runtime.
 */
import type { AccessWindow } from '../schemas/access-codecs.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAY_MINUTES = 1_440;
/** Within that many days every weekday has come, even where one opening was lost to a change of the clock. */
const DAYS_AHEAD = 15;

/** One opening of a window, in milliseconds since the epoch; `endMs` is outside. */
export interface Opening {
  readonly startMs: number;
  readonly endMs: number;
}

/** Whether the window names a zone that the runtime knows, days 1 to 7, and two different minutes of the day. */
export function isWindow(window: AccessWindow): boolean {
  const { days, from_minute: from, to_minute: to } = window;
  return (
    days.length > 0 &&
    days.every((day) => Number.isInteger(day) && day >= 1 && day <= 7) &&
    isWithin(from, 0, DAY_MINUTES - 1) &&
    isWithin(to, 0, DAY_MINUTES) &&
    from !== to &&
    formatOf(window.zone) !== null
  );
}

/** The opening that `atMs` lies in; null when the window is closed then, or is none. */
export function openingAt(window: AccessWindow, atMs: number): Opening | null {
  if (!isWindow(window)) return null;
  const midnight = localMidnight(window.zone, atMs);
  for (const day of [midnight, midnight - DAY_MS]) {
    const opening = openingOf(window, day);
    if (opening && opening.startMs <= atMs && atMs < opening.endMs) return opening;
  }
  return null;
}

/** The opening that `atMs` lies in, or else the next one. */
export function nextOpening(window: AccessWindow, atMs: number): Opening | null {
  const open = openingAt(window, atMs);
  if (open || !isWindow(window)) return open;
  const midnight = localMidnight(window.zone, atMs);
  for (let ahead = 0; ahead <= DAYS_AHEAD; ahead++) {
    const opening = openingOf(window, midnight + ahead * DAY_MS);
    if (opening && opening.startMs >= atMs) return opening;
  }
  return null;
}

/** The opening that begins on a day, given as its midnight on the wall; null where it has none. */
function openingOf(
  { zone, days, from_minute: from, to_minute: to }: AccessWindow,
  day: number,
): Opening | null {
  const weekday = new Date(day).getUTCDay() || 7;
  if (!days.includes(weekday)) return null;
  const startMs = instantOf(zone, day + from * MINUTE_MS);
  const endMs = instantOf(zone, day + to * MINUTE_MS + (to < from ? DAY_MS : 0));
  return startMs < endMs ? { startMs, endMs } : null;
}

/**
 * The instant at which the clocks of a zone show a time. A time that they show twice means the first; one that they
 * skip means as long after the change as it would have been (as ECMA-402's Temporal does under `compatible`).
 */
function instantOf(zone: string, wallMs: number): number {
  const before = offsetMs(zone, wallMs - DAY_MS);
  const after = offsetMs(zone, wallMs + DAY_MS);
  const fits = [before, after]
    .map((offset) => wallMs - offset)
    .filter((at) => at + offsetMs(zone, at) === wallMs);
  return fits.length > 0 ? Math.min(...fits) : wallMs - before;
}

function localMidnight(zone: string, atMs: number): number {
  const wallMs = atMs + offsetMs(zone, atMs);
  return wallMs - (((wallMs % DAY_MS) + DAY_MS) % DAY_MS);
}

/** How far the clocks of a zone are ahead of UTC. */
function offsetMs(zone: string, atMs: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone)!.formatToParts(atMs)) part[type] = Number(value);
  const wallMs = Date.UTC(
    part['year']!,
    part['month']! - 1,
    part['day'],
    part['hour'],
    part['minute'],
    part['second'],
  );
  return wallMs - Math.floor(atMs / 1_000) * 1_000;
}

/** Making one takes far longer than using it; there are no more than zones. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const known = formats.get(zone);
  if (known) return known;
  try {
    const numeric = 'numeric';
    const format = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
      timeZone: zone,
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    formats.set(zone, format);
    return format;
  } catch {
    return null;
  }
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
