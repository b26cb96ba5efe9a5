/**
 * How a benchmark is asked, and what it hands back: figures with the words that are needed to read them.
 * It must never hold a figure without saying in `notes` what was measured, and how.
 */
import type { StackDescription } from '../stack/local-stack.ts';

/** How a benchmark is run. */
export interface BenchOptions {
  /** Few records and rounds: shows that it is alive; its figures mean nothing. */
  readonly quick: boolean;
  /** Rounds or pairs where a benchmark has them; its own number where this is absent. */
  readonly rounds?: number;
  /** Folder of the rival; absent: beside the checkout. */
  readonly peer?: string;
  /** The local stack, started by the first who asks and shared by all. */
  stack(): Promise<StackDescription>;
  /** Says how far it has got. */
  say(line: string): void;
}

export interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Definition of each arm, sizes, rounds: one sentence each. */
  readonly notes: readonly string[];
  /** Pictures of the same figures. */
  readonly plots?: readonly Plot[];
}

/** A picture of figures, drawn by plot.ts. */
export interface Plot {
  /** Of its file. */
  readonly name: string;
  readonly title: string;
  readonly kind: 'bars' | 'lines';
  /** What stands below and beside. */
  readonly x: string;
  readonly y: string;
  /** Whether figures are drawn by their logarithm; places of lines too. */
  readonly isLog?: boolean;
  readonly isLogX?: boolean;
  readonly series: readonly PlotSeries[];
}

export interface PlotSeries {
  readonly name: string;
  readonly points: readonly PlotPoint[];
}

export interface PlotPoint {
  /** A number for lines, a word for bars. */
  readonly x: number | string;
  readonly y: number;
  /** Lowest and highest. */
  readonly low?: number;
  readonly high?: number;
}

/** The middle of several figures. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The table as lines of text. */
export function renderTable({ title, columns, rows, notes }: BenchTable): string {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  return [title, '', ...lines, '', ...notes.map((note) => `- ${note}`), ''].join('\n');
}
