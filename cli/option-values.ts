/**
 * Values of options, read strictly: a wrong one is a usage error that names the option.
 */
import { GauzeError } from '../platform/errors.ts';

const MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60, d: 1_440 };

/** `15m`, `8h`, `2d` as minutes. Throws ERR_USAGE_ARGUMENT. */
export function minutesOf(option: string, text: string): number {
  const [, digits, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: option, expected: 'a time such as 15m, 8h or 2d' });
  return Number(digits) * MINUTES[unit]!;
}

/** A whole number of at least 1. Throws ERR_USAGE_ARGUMENT. */
export function wholeNumberOf(option: string, text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text))
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: option, expected: 'a whole number of at least 1' });
  return Number(text);
}
