/**
 * The files of the repository as the tidy tests see them: their text, and their text without comments and
 * without what stands in strings, line by line. Reads only; a check gets files handed in, so that each can
 * be fed an offending one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Root of the repository. */
export const ROOT = path.resolve(import.meta.dirname, '../..');

const SKIPPED_FOLDERS = new Set(['node_modules', '.git', 'dist', 'coverage', '.gauze']);
const TEXT_ENDINGS = /\.(ts|js|mjs|md|ya?ml|json|avsc|sh|txt)$|^(LICENSE|Dockerfile|\.[a-z]+rc|\.gitignore)$/;

/** A file by its path from the root, with `/`. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** Something that is not as it should be; `replacement` says what to write instead. */
export interface Violation {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly what: string;
  readonly replacement: string;
}

/** All text files of the repository but package-lock.json. */
export function repositoryFiles(): readonly TextFile[] {
  return filesBelow('').filter((file) => file.path !== 'package-lock.json');
}

/** Those of them that are code. */
export function sourceFiles(): readonly TextFile[] {
  return repositoryFiles().filter((file) => /\.(ts|js)$/.test(file.path));
}

/** The first folder of a path; '' for files at the root. */
export function roomOf(filePath: string): string {
  return filePath.includes('/') ? filePath.slice(0, filePath.indexOf('/')) : '';
}

/** Violations as a text that says where and what to do; '' where there are none. */
export function report(violations: readonly Violation[]): string {
  return violations
    .map(({ path: where, line, what, replacement }) => `${where}:${line}: ${what}: ${replacement}`)
    .join('\n');
}

/** Each match of `pattern` in `text`, as the line it begins on. */
export function linesOf(text: string, pattern: RegExp): readonly number[] {
  return [...text.matchAll(new RegExp(pattern, pattern.ignoreCase ? 'gim' : 'gm'))].map((match) =>
    lineAt(text, match.index),
  );
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function filesBelow(folder: string): TextFile[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const filePath = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : filesBelow(filePath);
    if (!entry.isFile() || !TEXT_ENDINGS.test(entry.name)) return [];
    return [{ path: filePath, text: readFileSync(path.join(ROOT, filePath), 'utf8') }];
  });
}
