/**
 * `node bench/page.ts`: writes what bench/results/ holds into docs/performance.md, between the marks of each benchmark,
 * and its pictures to docs/plots/. No figure there is written by hand, and words around the marks stay as they are.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { renderPlot } from './plot.ts';
import { readRecorded } from './record.ts';
import type { Recorded } from './record.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** Where results, page and pictures are. */
export const PAGE_PATHS = {
  results: join(ROOT, 'bench/results'),
  page: join(ROOT, 'docs/performance.md'),
  plots: join(ROOT, 'docs/plots'),
} as const;

/** The page with the sections of all that was recorded; throws if it has no place for one. */
export function withSections(page: string, all: Iterable<Recorded>): string {
  let text = page;
  for (const recorded of all) {
    const [begin, end] = [`<!-- measured: ${recorded.name} -->`, `<!-- end of ${recorded.name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${recorded.name}`);
    text = `${text.slice(0, from + begin.length)}\n\n${section(recorded)}\n\n${text.slice(to)}`;
  }
  return text;
}

/** What stands between the marks. */
export function section({ command, date, machine, table }: Recorded): string {
  const { columns, rows, notes, plots = [] } = table;
  const isNumber = columns.map((_, i) => rows.every((row) => /^[\d.,]*$/.test(String(row[i]))));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = isNumber.map((is) => (is ? '---:' : '---'));
  const body = rows.map((row) => line(row.map(cellText)));
  const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Node ${machine.node}, Kafka ${machine.kafka}, JDK ${machine.java}`;
  return [
    `## ${table.title}`,
    ...(rows.length > 0 ? [[line(columns.map(escaped)), line(rule), ...body].join('\n')] : []),
    ...plots.map(({ name, title }) => `![${title}](plots/${name}.svg)`),
    notes.map((note) => `- ${escaped(note)}`).join('\n'),
    `Measured ${date} by \`${command}\`: ${where}.`,
  ].join('\n\n');
}

function cellText(cell: string | number): string {
  return typeof cell === 'number' ? cell.toLocaleString('en-US') : escaped(cell);
}

function escaped(words: string): string {
  return words.replaceAll('|', '\\|').replaceAll(/ us\b/g, ' µs').replaceAll('_', '\\_');
}

if (import.meta.main) {
  const all = await readRecorded(PAGE_PATHS.results);
  await mkdir(PAGE_PATHS.plots, { recursive: true });
  for (const { table } of all.values()) {
    for (const plot of table.plots ?? [])
      await writeFile(join(PAGE_PATHS.plots, `${plot.name}.svg`), renderPlot(plot));
  }
  const page = await readFile(PAGE_PATHS.page, 'utf8');
  await writeFile(PAGE_PATHS.page, withSections(page, all.values()));
  // Tables and records as the house aligns them.
  const written = [PAGE_PATHS.page, PAGE_PATHS.results];
  spawnSync('npx', ['prettier', '--write', ...written], { stdio: 'inherit', cwd: ROOT });
}
