import { describe, expect, test } from '@jest/globals';
import { isWindow, nextOpening, openingAt } from '../../approvals/access-window.ts';
import type { AccessWindow } from '../../schemas/access-codecs.ts';

const utc = (text: string): number => Date.parse(`${text}Z`);
const iso = (ms: number | undefined): string => new Date(ms ?? 0).toISOString().slice(0, 16);

function windowOf(given: Partial<AccessWindow>): AccessWindow {
  return { zone: 'UTC', days: [1, 2, 3, 4, 5, 6, 7], from_minute: 9 * 60, to_minute: 17 * 60, ...given };
}

function openingText(window: AccessWindow, at: string): string | null {
  const opening = openingAt(window, utc(at));
  return opening && `${iso(opening.startMs)} ${iso(opening.endMs)}`;
}

describe('a window', () => {
  test('is open from its first minute until just before its last', () => {
    const window = windowOf({});
    expect(openingAt(window, utc('2026-01-15T08:59:59.999'))).toBeNull();
    expect(openingText(window, '2026-01-15T09:00')).toBe('2026-01-15T09:00 2026-01-15T17:00');
    expect(openingAt(window, utc('2026-01-15T16:59:59.999'))).not.toBeNull();
    expect(openingAt(window, utc('2026-01-15T17:00'))).toBeNull();
  });

  test('is open on its days alone, by the calendar of its zone', () => {
    const friday = windowOf({ zone: 'Asia/Tokyo', days: [5], from_minute: 0, to_minute: 1440 });
    expect(openingText(friday, '2026-01-15T15:00')).toBe('2026-01-15T15:00 2026-01-16T15:00');
    expect(openingAt(friday, utc('2026-01-15T14:59'))).toBeNull();
    expect(openingAt(friday, utc('2026-01-16T15:00'))).toBeNull();
  });

  test('that crosses midnight stays open on the next day, which need not be one of its days', () => {
    const night = windowOf({ days: [4], from_minute: 22 * 60, to_minute: 6 * 60 });
    const thursdayNight = '2026-01-15T22:00 2026-01-16T06:00';
    expect(openingText(night, '2026-01-15T23:30')).toBe(thursdayNight);
    expect(openingText(night, '2026-01-16T00:00')).toBe(thursdayNight);
    expect(openingText(night, '2026-01-16T05:59')).toBe(thursdayNight);
    expect(openingAt(night, utc('2026-01-16T06:00'))).toBeNull();
    expect(openingAt(night, utc('2026-01-16T22:30'))).toBeNull();
    expect(openingAt(night, utc('2026-01-15T05:00'))).toBeNull();
  });

  test('follows the clocks of its zone over both changes of the year', () => {
    const day = windowOf({ zone: 'Europe/Berlin', from_minute: 60, to_minute: 4 * 60 });
    expect(openingText(day, '2026-03-28T00:30')).toBe('2026-03-28T00:00 2026-03-28T03:00');
    expect(openingText(day, '2026-03-29T00:30')).toBe('2026-03-29T00:00 2026-03-29T02:00');
    expect(openingText(day, '2026-10-25T00:30')).toBe('2026-10-24T23:00 2026-10-25T03:00');
  });

  test('that begins in the hour that clocks skip begins after it', () => {
    const window = windowOf({ zone: 'America/New_York', from_minute: 150, to_minute: 300 });
    expect(openingAt(window, utc('2026-03-08T07:10'))).toBeNull();
    expect(openingText(window, '2026-03-08T07:30')).toBe('2026-03-08T07:30 2026-03-08T09:00');
  });

  test('that ends in the hour that clocks show twice ends at its first time', () => {
    const window = windowOf({ zone: 'America/New_York', from_minute: 0, to_minute: 90 });
    expect(openingText(window, '2026-11-01T05:00')).toBe('2026-11-01T04:00 2026-11-01T05:30');
    expect(openingAt(window, utc('2026-11-01T06:00'))).toBeNull();
  });

  test('of a night in which clocks change is open through it', () => {
    const night = windowOf({ zone: 'Europe/Berlin', from_minute: 22 * 60, to_minute: 6 * 60 });
    expect(openingText(night, '2026-03-29T01:00')).toBe('2026-03-28T21:00 2026-03-29T04:00');
    expect(openingText(night, '2026-10-25T02:00')).toBe('2026-10-24T20:00 2026-10-25T05:00');
  });

  test('knows zones with offsets of quarter hours, and times before 1970', () => {
    const window = windowOf({ zone: 'Asia/Kathmandu', from_minute: 0, to_minute: 60 });
    expect(openingText(window, '2026-01-15T18:15')).toBe('2026-01-15T18:15 2026-01-15T19:15');
    expect(openingText(windowOf({}), '1960-02-29T10:00:00.5')).toBe('1960-02-29T09:00 1960-02-29T17:00');
  });

  test('says when it opens next, or that it is open', () => {
    const mondays = windowOf({ zone: 'Europe/Berlin', days: [1], from_minute: 8 * 60, to_minute: 9 * 60 });
    expect(iso(nextOpening(mondays, utc('2026-01-15T10:00'))?.startMs)).toBe('2026-01-19T07:00');
    expect(iso(nextOpening(mondays, utc('2026-01-19T07:30'))?.startMs)).toBe('2026-01-19T07:00');
    expect(iso(nextOpening(mondays, utc('2026-01-19T08:00'))?.startMs)).toBe('2026-01-26T07:00');
  });

  test.each([
    { zone: 'Mars/Olympus' },
    { zone: '' },
    { days: [] },
    { days: [0] },
    { days: [8] },
    { from_minute: -1 },
    { from_minute: 1440 },
    { to_minute: 1441 },
    { from_minute: 60, to_minute: 60 },
  ])('that makes no sense is none and never open: %j', (given) => {
    const window = windowOf(given);
    expect(isWindow(window)).toBe(false);
    for (let hour = 0; hour < 24 * 7; hour++)
      expect(openingAt(window, utc('2026-01-15T00:00') + hour * 3_600_000)).toBeNull();
    expect(nextOpening(window, utc('2026-01-15T00:00'))).toBeNull();
  });

  test('is open at an instant exactly if the clocks of its zone then show a time within it', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC'];
    let open = 0;
    for (const [z, zone] of zones.entries())
      for (let n = 0; n < 600; n++) {
        const window = windowOf({
          zone,
          days: [1 + (n % 7), 1 + ((n + 3) % 7)],
          from_minute: (n * 37) % 1440,
        });
        const at = utc('2026-03-01T00:00') + ((n * 7919 + z * 131) % 400_000) * 60_000;
        if (isNearChange(zone, at) || window.from_minute === window.to_minute) continue;
        expect({ window, at, open: openingAt(window, at) !== null }).toEqual({
          window,
          at,
          open: shows(window, at),
        });
        if (shows(window, at)) open++;
      }
    expect(open).toBeGreaterThan(100);
  });
});

/** Told by the texts that clocks show: right wherever no clock was changed in the two days around. */
function shows({ zone, days, from_minute: from, to_minute: to }: AccessWindow, at: number): boolean {
  const text = (ms: number) =>
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
    }).format(ms);
  const names = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const [, name, hour, minute] = /^(\w+) (\d+):(\d+)$/.exec(text(at).replace(',', '')) ?? [];
  const today = names.indexOf(name ?? '');
  const clock = Number(hour) * 60 + Number(minute);
  const yesterday = today === 1 ? 7 : today - 1;
  if (from < to) return days.includes(today) && clock >= from && clock < to;
  return (days.includes(today) && clock >= from) || (days.includes(yesterday) && clock < to);
}

function isNearChange(zone: string, at: number): boolean {
  const name = (ms: number) =>
    new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
      .formatToParts(ms)
      .find(({ type }) => type === 'timeZoneName')?.value;
  return name(at - 172_800_000) !== name(at + 172_800_000);
}
