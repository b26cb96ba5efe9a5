/**
 * docs/troubleshooting.md: it is as its table says, and each row names a test that is there.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { ERRORS } from '../../platform/errors.ts';
import { renderTroubleshooting } from '../../scripts/troubleshooting-page.ts';
import { TROUBLE } from '../../scripts/troubleshooting-rows.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const rows = TROUBLE.flatMap((section) => section.rows);

/** Titles of the tests in a text, of a test.each too, before anything is filled in. */
function titlesOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:\btest\(|\)\()\s*(['"`])((?:(?!\1).)+)\1,/g)].map((match) => match[2]!);
}

function missing(wanted: readonly (readonly [file: string, title: string])[]): readonly string[] {
  return wanted.flatMap(([file, title]) =>
    titlesOf(readFileSync(path.join(ROOT, 'test', file), 'utf8')).includes(title)
      ? []
      : [`${file}: ${title}`],
  );
}

test('the page is as `npm run docs:generate` writes it', () => {
  expect(readFileSync(path.join(ROOT, 'docs/troubleshooting.md'), 'utf8')).toBe(renderTroubleshooting());
});

test('a test that is not there is seen', () => {
  expect(missing([['docs/troubleshooting.test.ts', 'a test that nobody wrote']])).toHaveLength(1);
  expect(missing([['docs/troubleshooting.test.ts', 'a test that is not there is seen']])).toEqual([]);
});

test('each row names a test that is there', () => {
  expect(missing(rows.map(({ shownBy }) => shownBy))).toEqual([]);
});

test('each row is there once, with codes of the table of errors', () => {
  expect(new Set(rows.map(({ what }) => what)).size).toBe(rows.length);
  for (const { codes } of rows) for (const code of codes) expect(ERRORS).toHaveProperty(code);
});

test('each test about bad surroundings and bad sites has its row', () => {
  const shown = new Set(rows.map(({ shownBy: [file, title] }) => `${file}: ${title}`));
  const files = ['integration/bad-surroundings.test.ts', 'cli/bad-site.test.ts'];
  const without = files.flatMap((file) =>
    titlesOf(readFileSync(path.join(ROOT, 'test', file), 'utf8'))
      .map((title) => `${file}: ${title}`)
      .filter((each) => !shown.has(each)),
  );
  // Beside the JDK, whose row the other test of the stack has.
  expect(without).toEqual([
    'cli/bad-site.test.ts: a demo on a machine that lacks a program for it says which, how to get it, and leaves nothing',
  ]);
});
