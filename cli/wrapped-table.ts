/**
 * Tables whose cells may have several lines and are wrapped at words, for output that must fit a terminal of any
 * width. Pure text; what a cell says must never move the cursor, so control characters become blanks.
 */
import { styled } from './terminal.ts';

/** A line of a cell before it is wrapped. */
export interface CellLine {
  readonly text: string;
  readonly style?: 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';
}

export type Cell = readonly CellLine[];

const GAP = '  ';
const LEAST_WIDTH = 16;

/** The widths of columns in `total` characters: the first as wide as it needs up to a third, the others share alike. */
export function columnWidths(total: number, first: number, others: number): readonly number[] | null {
  const own = Math.max(LEAST_WIDTH, Math.min(first, Math.floor(total / 3)));
  const left = Math.floor((total - own) / others) - GAP.length;
  return left < LEAST_WIDTH ? null : [own, ...Array.from({ length: others }, () => left)];
}

/** Lines of the table: a head, a rule, and the rows. */
export function wrappedTable(
  head: Cell,
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
): readonly string[] {
  const titles = head.map((line) => [line]);
  const rule = widths.map((width) => '-'.repeat(width)).join(GAP);
  return [...rowLines(titles, widths), styled('dim', rule), ...rows.flatMap((row) => rowLines(row, widths))];
}

function rowLines(cells: readonly Cell[], widths: readonly number[]): string[] {
  const wrapped = cells.map((cell, at) =>
    cell.flatMap(({ text, style }) => wrap(text, widths[at]!).map((line) => ({ text: line, style }))),
  );
  const height = Math.max(1, ...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, row) =>
    wrapped
      .map((lines, at) => {
        const { text, style } = lines[row] ?? { text: '' };
        const isLast = at === wrapped.length - 1;
        const blank = isLast ? '' : ' '.repeat(Math.max(0, widths[at]! - text.length));
        return (style && text !== '' ? styled(style, text) : text) + blank;
      })
      .join(GAP)
      .trimEnd(),
  );
}

/** Lines of at most `width` characters, broken at blanks where there are any, and behind dots of a path. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.replace(/\p{Cc}+/gu, ' ').split(/ +/)) {
    for (const piece of pieces(word, width)) {
      const isJoined = line === '' || !piece.isFirst;
      const longer = isJoined ? line + piece.text : `${line} ${piece.text}`;
      if (line !== '' && longer.length > width) {
        lines.push(line);
        line = piece.text;
      } else line = longer;
    }
  }
  return [...lines, line];
}

/** A word that is too long for a line, in parts: behind its dots, or else anywhere. */
function pieces(word: string, width: number): readonly { text: string; isFirst: boolean }[] {
  if (word.length <= width) return [{ text: word, isFirst: true }];
  const parts = word.match(/[^.<]*[.]|<?[^.<]+|</g) ?? [word];
  const short = parts.flatMap((part) => part.match(new RegExp(`.{1,${width}}`, 'gu')) ?? []);
  return short.map((text, at) => ({ text, isFirst: at === 0 }));
}
