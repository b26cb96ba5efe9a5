/**
 * Generated pages in Markdown: a title, a note that they are generated, sections and tables. Text only.
 */

/** A whole page. */
export function page(title: string, intro: string, sections: readonly string[]): string {
  const note = '<!-- Made by `npm run docs:generate`; do not edit. -->';
  return `${[`# ${title}`, note, intro, ...sections].join('\n\n')}\n`;
}

/** A table; bars in cells are escaped. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => tableLine(cells)).join('\n');
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
