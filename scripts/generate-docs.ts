/**
 * `npm run docs:generate`: writes the generated pages of docs/reference/, docs/troubleshooting.md and the JSON Schemas of
 * docs/schemas/.
 * Touches no other file.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EDITOR_SCHEMAS } from './editor-schemas.ts';
import { REFERENCE_PAGES } from './reference-pages.ts';
import { renderTroubleshooting } from './troubleshooting-page.ts';

for (const [folder, files] of [
  ['reference', REFERENCE_PAGES],
  ['schemas', EDITOR_SCHEMAS],
  ['.', [{ file: 'troubleshooting.md', render: renderTroubleshooting }]],
] as const) {
  const target = path.resolve(import.meta.dirname, '../docs', folder);
  await mkdir(target, { recursive: true });
  for (const { file, render } of files) await writeFile(path.join(target, file), render());
}
