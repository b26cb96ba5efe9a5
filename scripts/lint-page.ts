/**
 * The figures of docs/lint.md as text, between their marks. Reads the labels and, for the first table, the public data.
 */
import { freshScore, hl7Scores, precision, radarScore, recall, standardScores } from './lint-figures.ts';
import type { Score } from './lint-figures.ts';

/** A stretch of docs/lint.md that is made by `node scripts/measure-lint.ts`. */
export interface FigureBlock {
  readonly mark: string;
  /** It can only be made where the public data is. */
  readonly needsData: boolean;
  readonly render: () => string;
}

export const FIGURE_BLOCKS: readonly FigureBlock[] = [
  { mark: 'public data', needsData: true, render: renderPublicData },
  { mark: 'standards', needsData: false, render: renderStandards },
];

/** The page with the text of a block between its marks. */
export function withBlock(page: string, { mark, render }: FigureBlock): string {
  const [begin, end] = [`<!-- figures: ${mark} -->`, `<!-- end of figures: ${mark} -->`];
  const [before = '', rest = ''] = page.split(begin);
  const after = rest.split(end)[1] ?? '';
  return `${before}${begin}\n\n${render()}\n\n${end}${after}`;
}

function renderPublicData(): string {
  const radar = radarScore();
  const scores = hl7Scores();
  return [
    scoreTable(scores),
    missedLine('Missed in the first row', scores[0]!),
    `RADAR-base, ${radar.schemas} schemas with ${radar.leaves} leaves: ${radar.identifiers} of its own identifiers are refused ` +
      `(\`test/policy/lint-labels/radar-identifiers.csv\` lists them with reasons); of the rest ${radar.inVain.length} ` +
      `(${percent(radar.inVain.length / radar.leaves)}) are refused in vain: ${names(radar.inVain)}. ` +
      `${radar.hints.length} more (${percent(radar.hints.length / radar.leaves)}) are only warned of: ${names(radar.hints)}.`,
  ].join('\n\n');
}

function renderStandards(): string {
  const scores = [...standardScores(), freshScore()];
  const lacking = scores.filter(({ missed }) => missed.length > 0);
  return [scoreTable(scores), ...lacking.map((each) => missedLine(`Missed of ${each.name}`, each))].join(
    '\n\n',
  );
}

function scoreTable(scores: readonly Score[]): string {
  const heads = ['fields', 'labelled', 'PHI', 'refused', 'recall', 'in vain', 'precision', 'same tag'];
  return alignedTable([
    heads,
    ...scores.map((score) => [
      score.name,
      String(score.fields),
      String(score.phi),
      String(score.found),
      recall(score).toFixed(3),
      String(score.inVain),
      precision(score).toFixed(3),
      score.hasTags ? String(score.sameTag) : '',
    ]),
  ]);
}

/** As `npm run format` would align it. */
function alignedTable([heads = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) =>
    Math.max(3, ...[heads, ...rows].map((cells) => cells[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function missedLine(what: string, { missed }: Score): string {
  return `${what}: ${names(missed)}.`;
}

function names(fields: readonly string[]): string {
  return fields.length === 0 ? 'none' : fields.map((field) => `\`${field}\``).join(', ');
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}
