/**
 * Tables and their pages agree: docs/reference/ is as the code would write it, every error is raised
 * somewhere, and its texts name only context that exists.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ERRORS, errorRow } from '../../platform/errors.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import { REFERENCE_PAGES, renderConfig, renderErrors } from '../../scripts/reference-pages.ts';
import { ROOT, roomOf, sourceFiles } from './source-files.ts';
import type { TextFile } from './source-files.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];
const product = sourceFiles().filter(
  (file) => !['test', 'scripts', 'bench'].includes(roomOf(file.path)) && file.path !== 'platform/errors.ts',
);

/** Codes of parts that are still to be built; each goes off the list with its part. */
const CODES_TO_COME: readonly string[] = [
  'ERR_USAGE_ARGUMENT',
  'ERR_POLICY_LOOKS_LIKE_PHI',
  'ERR_POLICY_EXAMPLE',
  'ERR_AUDIT_CHAIN',
];

/** Codes of Node.js that the code looks for. */
const FOREIGN_CODES: readonly string[] = ['ERR_BUFFER_TOO_LARGE'];

function unused(allCodes: readonly string[], files: readonly TextFile[]): readonly string[] {
  return allCodes.filter((code) => !files.some((file) => new RegExp(`\\b${code}\\b`).test(file.text)));
}

describe.each(REFERENCE_PAGES)('docs/reference/$file', ({ file, render }) => {
  test('is as `npm run docs:generate` writes it', () => {
    expect(readFileSync(path.join(ROOT, 'docs/reference', file), 'utf8')).toBe(render());
  });
});

test('the pages name every error and every setting', () => {
  for (const code of codes) expect(renderErrors()).toContain(`\`${code}\``);
  expect(renderConfig()).toContain('| `limits.batchBytes` | whole number | `4194304` | bytes |');
});

describe('errors', () => {
  test('that nobody raises are seen', () => {
    const files = [{ path: 'a.ts', text: "new GauzeError('ERR_ONE_MORE')" }];
    expect(unused(['ERR_ONE', 'ERR_ONE_MORE'], files)).toEqual(['ERR_ONE']);
  });

  test('are all raised somewhere', () => {
    expect(unused(codes, product).filter((code) => !CODES_TO_COME.includes(code))).toEqual([]);
  });

  test('that are raised are all in the table', () => {
    const known: readonly string[] = [...codes, ...FOREIGN_CODES];
    const named = product.flatMap((file) => file.text.match(/\bERR_[A-Z0-9_]*[A-Z0-9]\b(?!_)/g) ?? []);
    expect(named.length).toBeGreaterThan(50);
    expect([...new Set(named)].filter((code) => !known.includes(code))).toEqual([]);
  });

  test('name in their texts only context that there is', () => {
    const source = readFileSync(path.join(ROOT, 'platform/errors.ts'), 'utf8');
    const context = new Set(
      [...source.matchAll(/^ {2}readonly (\w+)\?: (string|number|bigint);$/gm)].map((match) => match[1]),
    );
    expect(context.size).toBeGreaterThan(20);
    const named = codes.flatMap((code) =>
      [...`${errorRow(code).message} ${errorRow(code).action}`.matchAll(/\{(\w+)\}/g)].map(
        (match) => match[1],
      ),
    );
    expect(named.filter((name) => !context.has(name))).toEqual([]);
  });

  test('say what ends them if they hold, and only then', () => {
    for (const code of codes) {
      const { kind, ends } = errorRow(code);
      expect([code, ends !== undefined]).toEqual([code, kind === 'hold']);
    }
  });
});
