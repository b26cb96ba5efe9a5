/**
 * `npm run docs:generate`: writes the generated pages of docs/reference/. Touches no other file.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { REFERENCE_PAGES } from './reference-pages.ts';

const folder = path.resolve(import.meta.dirname, '../docs/reference');
await mkdir(folder, { recursive: true });
for (const { file, render } of REFERENCE_PAGES) await writeFile(path.join(folder, file), render());
