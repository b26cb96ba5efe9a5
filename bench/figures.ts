/**
 * Words around figures: spread, ratios and the machine they were measured on.
 */
import { cpus, totalmem } from 'node:os';
import { median } from './table.ts';

/** Median and spread of ratios taken in pairs. */
export function ratioText(ratios: readonly number[], digits = 2): string {
  return `${median(ratios).toFixed(digits)} (${spreadText(ratios, digits)})`;
}

/** `lowest to highest`. */
export function spreadText(figures: readonly number[], digits: number): string {
  return `${Math.min(...figures).toFixed(digits)} to ${Math.max(...figures).toFixed(digits)}`;
}

/** The machine, for the notes of a table. */
export function machineNote(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores shared with the broker, ${memory} GiB, Node ${process.versions.node}.`;
}
