/**
 * The one place that writes to the terminal. Results go to standard output, everything else to standard error;
 * colour only where a person looks. It prints what verbs hand it: names, numbers and codes, never a record
 * (the demo's side-by-side view, of people that exist only there, is the one exception and says so).
 */
import { styleText } from 'node:util';
import { GauzeError, GauzeErrors, ownError } from '../platform/errors.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** Exit codes of all verbs. */
export const EXIT = { ok: 0, problems: 1, usage: 2, interrupted: 130 } as const;

// A reader that closes early (`| head`) has what it wanted: no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

/** A line of result. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A line of progress or explanation. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The text in a style, where standard output is a terminal. */
export function styled(style: Style, text: string): string {
  return process.stdout.isTTY ? styleText(style, text) : text;
}

/** Rows under a head, columns as wide as needed; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = rows.map((row) => row.map(String));
  const widths = head.map((title, i) => Math.max(title.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const isNumber = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...texts.map(line)];
}

/** Writes errors for people, or as one JSON object per line; returns the exit code. */
export function report(thrown: unknown, json: boolean): number {
  const errors = thrown instanceof GauzeErrors ? thrown.errors : [ownError(thrown)];
  for (const error of errors) note(json ? JSON.stringify(error) : errorText(error));
  return errors.every(({ code }) => code === 'ERR_USAGE_ARGUMENT') ? EXIT.usage : EXIT.problems;
}

function errorText(error: GauzeError): string {
  const head = process.stderr.isTTY ? styleText('red', error.code) : error.code;
  return `${head}  ${error.message}\n    ${error.action}`;
}
