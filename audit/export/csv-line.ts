/**
 * Lines of CSV by RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it, which
 * makes it text there; whoever reads the file with a program takes it away again.
 */

/** Beginnings of cells that spreadsheets calculate, or drop to look at what follows. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** One line, its end included. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
