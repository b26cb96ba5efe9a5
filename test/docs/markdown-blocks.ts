/**
 * The fenced blocks of the pages that people read, each with its page and its place in it.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  readonly page: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  /** The word after the fence, and what stands behind it. */
  readonly language: string;
  readonly info: string;
  readonly text: string;
}

/** README and its neighbours, and everything below docs/ and examples/. */
export function pages(): readonly string[] {
  const below = (folder: string): string[] =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `${folder}/${file}`);
  const top = readdirSync(ROOT).filter((file) => file.endsWith('.md'));
  return [...top, ...below('docs'), ...below('examples')].toSorted();
}

/** Throws nothing; a fence without an end reaches to the end of the page. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; indent: string; words: string; lines: string[] } | null = null;
  for (const [at, line] of readFileSync(`${ROOT}${page}`, 'utf8').split('\n').entries()) {
    const [, indent = '', words = ''] = /^( *)```(.*)$/.exec(line) ?? [];
    if (!line.trimStart().startsWith('```')) open?.lines.push(line.slice(open.indent.length));
    else if (open === null) open = { line: at + 1, indent, words: words.trim(), lines: [] };
    else {
      const [language = '', ...info] = open.words.split(' ');
      blocks.push({ page, line: open.line, language, info: info.join(' '), text: open.lines.join('\n') });
      open = null;
    }
  }
  return blocks;
}
