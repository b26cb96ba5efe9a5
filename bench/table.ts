/**
 * What a benchmark hands back: figures with the words that are needed to read them.
 * It must never hold a figure without saying in `notes` what was measured, and how.
 */
export interface BenchTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Definition of each arm, sizes, rounds: one sentence each. */
  readonly notes: readonly string[];
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
