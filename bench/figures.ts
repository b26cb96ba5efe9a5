/**
 * Words around figures: spread, ratios and the machine they were measured on.
 */
import { cpus, totalmem } from 'node:os';
import { median } from './table.ts';

/** In the place of a figure that the window gave none for. */
const NO_FIGURE = 'too short to tell';

/**
 * A figure with so many digits. The kernel counts processor time in hundredths of a second: over a window that is
 * shorter, as `--quick` may have them, there is no figure to show, and that is what the cell says.
 */
export function figureText(figure: number, digits: number): string {
  return Number.isFinite(figure) ? figure.toFixed(digits) : NO_FIGURE;
}

/** A rate in whole records; a window that begins and ends at the same glance gives none. */
export function wholeFigure(figure: number): number | string {
  return Number.isFinite(figure) ? Math.round(figure) : NO_FIGURE;
}

/** Median and spread of ratios taken in pairs; says so where one of them is none. */
export function ratioText(ratios: readonly number[], digits = 2): string {
  if (!ratios.every(Number.isFinite)) return NO_FIGURE;
  return `${median(ratios).toFixed(digits)} (${spreadText(ratios, digits)})`;
}

/** `lowest to highest`. */
export function spreadText(figures: readonly number[], digits: number): string {
  if (!figures.every(Number.isFinite)) return NO_FIGURE;
  return `${Math.min(...figures).toFixed(digits)} to ${Math.max(...figures).toFixed(digits)}`;
}

/** The machine, for the notes of a table. */
export function machineNote(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores shared with the broker, ${memory} GiB, Node ${process.versions.node}.`;
}
