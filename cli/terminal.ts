/**
 * The one place that writes to the terminal. Results go to standard output, everything else to standard error;
 * colour only where a person looks. It prints what verbs hand it: names, numbers and codes, never a record
 * (the demo's side-by-side view, of people that exist only there, and `gauze tail`, whose reader has the log-in of the
 * audience, are the exceptions and say so).
 */
import { createInterface } from 'node:readline/promises';
import type { WriteStream } from 'node:tty';
import { stripVTControlCharacters, styleText } from 'node:util';
import { monotonicMs } from '../platform/clock.ts';
import { environment } from '../platform/config.ts';
import { ownFrames } from '../platform/error-frames.ts';
import { GauzeError, GauzeErrors, ownError } from '../platform/errors.ts';
import { ApiRefusal } from './api-refusal.ts';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** Exit codes of all verbs. docs/reference/cli.md is made from what they mean. */
export const EXIT = { ok: 0, problems: 1, usage: 2, waiting: 3, interrupted: 130 } as const;

/** What each says, in whole sentences. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'It is done, and nothing is wrong. Also when a service or a stack was asked to end, and has ended.',
  problems: 'Something is wrong, or could not be done; standard error, or the report, says what.',
  usage:
    'It was called wrongly: an argument or an option is missing, unknown or of a wrong form. Nothing was done.',
  waiting:
    'It is done as far as it goes, and the rest waits or stays open: for what people decide, or for what could not be shown either way.',
  interrupted: 'Ctrl-C came before it was done. What it had started is stopped and removed.',
};

// A reader that closes early (`| head`) has what it wanted: no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

/** Has everything printed been taken by whoever reads it? */
export function isPrinted(): boolean {
  return process.stdout.writableLength + process.stderr.writableLength === 0;
}

/** Does a person see the messages, or do they go to a file or another program? */
export function messagesToTerminal(): boolean {
  return process.stderr.isTTY;
}

/** A line of result. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A line of progress or explanation. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A line of progress that takes the place of the one before; nothing where that cannot be. Empty: it goes away. */
export function noteInPlace(line: string): void {
  if (canMoveCursor(process.stderr)) process.stderr.write(`\r\x1b[2K${line}`);
}

/** Asks a person for a yes; a script says `option` instead. Throws ERR_USAGE_ARGUMENT where nobody can be asked. */
export async function confirmed(question: string, option: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: option,
      expected: 'given where nobody can be asked',
    });
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(question)).trim());
  } finally {
    prompt.close();
  }
}

/** The text in a style, where standard output is a terminal that has colours. */
export function styled(style: Style, text: string): string {
  return coloured(process.stdout, style, text);
}

/**
 * In a style where a person looks who wants colours: not in a file or a pipe, not with NO_COLOR (no-color.org), not where
 * TERM is `dumb`. Node reads the last two.
 */
function coloured(stream: WriteStream, style: Style, text: string): string {
  const hasColours = stream.isTTY && stream.getColorDepth() > 1;
  return hasColours ? styleText(style, text, { validateStream: false }) : text;
}

/** Can lines be written again in place? A terminal that calls itself dumb shows the codes for it as characters. */
function canMoveCursor(stream: WriteStream): boolean {
  return stream.isTTY && environment('TERM') !== 'dumb';
}

/** Rows under a head, columns as wide as needed; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = rows.map((row) => row.map(String));
  const widths = head.map((title, i) => Math.max(title.length, ...texts.map((row) => width(row[i] ?? ''))));
  const isNumber = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const blank = ' '.repeat(Math.max(0, widths[i]! - width(cell)));
        return isNumber[i] ? blank + cell : cell + blank;
      })
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((characters) => '-'.repeat(characters))), ...texts.map(line)];
}

/** Characters that are seen: colours take no room. */
function width(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** A part of the screen that is written again and again; where nobody looks, a line now and then. */
export interface LiveArea {
  /** Shows `lines` in place of those before; `summary` stands for them where output goes to a file or a pipe. */
  draw(lines: readonly string[], summary: string): void;
  /** Leaves what stands there; the next line goes below. */
  leave(): void;
}

/** A live area at the cursor; `quiet`: it shows nothing at all. */
export function liveArea(mode: 'shown' | 'quiet'): LiveArea {
  const isScreen = canMoveCursor(process.stdout) && (process.stdout.rows ?? 0) > 16;
  let height = 0;
  let waiting: string | null = null;
  let writtenMs = monotonicMs();
  return {
    draw(lines, summary) {
      if (mode === 'quiet') return;
      if (!isScreen) {
        waiting = summary;
        if (monotonicMs() - writtenMs < 1_000) return;
        writtenMs = monotonicMs();
        waiting = null;
        return print(summary);
      }
      const up = height > 0 ? `\x1b[${height}A` : '';
      process.stdout.write(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
      height = lines.length;
    },
    leave() {
      height = 0;
      if (waiting !== null) print(waiting);
      waiting = null;
    },
  };
}

/** Width of the terminal, in characters; 100 where there is none. */
export function terminalWidth(): number {
  return process.stdout.columns ?? 100;
}

/**
 * Writes errors for people, or as one JSON object per line; returns the exit code. `debug`: with the places in gauze
 * that they came from.
 */
export function report(thrown: unknown, json: boolean, debug = false): number {
  const errors = toldErrors(thrown);
  for (const error of errors) {
    const frames = debug && error instanceof Error ? ownFrames(error) : [];
    if (json) note(JSON.stringify(debug ? { ...asObject(error), frames } : error));
    else note([errorText(error), ...frames.map((frame) => `    at ${frame}`)].join('\n'));
  }
  return errors.every(({ code }) => code === 'ERR_USAGE_ARGUMENT') ? EXIT.usage : EXIT.problems;
}

/** What is told of an error: ours, or a refusal of the API in the same words. */
type Told = Pick<GauzeError, 'code' | 'message' | 'action'> | ApiRefusal;

function toldErrors(thrown: unknown): readonly Told[] {
  if (thrown instanceof ApiRefusal) return [thrown];
  return thrown instanceof GauzeErrors ? thrown.errors : [ownError(thrown)];
}

function asObject(error: Told): object {
  return JSON.parse(JSON.stringify(error)) as object;
}

function errorText(error: Told): string {
  return `${coloured(process.stderr, 'red', error.code)}  ${error.message}\n    ${error.action.replaceAll('\n', '\n    ')}`;
}
