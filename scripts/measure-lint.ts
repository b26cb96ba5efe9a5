/**
 * Measures the lint on labelled fields and writes the figures into docs/lint.md. What needs the public data beside the
 * checkout is left as it stands where there is none. Usage: node scripts/measure-lint.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { HAS_DATA } from './lint-figures.ts';
import { FIGURE_BLOCKS, withBlock } from './lint-page.ts';

const file = path.resolve(import.meta.dirname, '../docs/lint.md');
const blocks = FIGURE_BLOCKS.filter(({ needsData }) => HAS_DATA || !needsData);
writeFileSync(
  file,
  blocks.reduce((page, block) => withBlock(page, block), readFileSync(file, 'utf8')),
);
if (!HAS_DATA) process.stderr.write('The public data is not there: its figures are left as they were.\n');
