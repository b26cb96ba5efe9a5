/**
 * `node scripts/free-text-figures.ts`: measures scrub and writes the figures into docs/free-text.md.
 * Needs the public data beside the repository, and says so where it is missing. Touches no other file.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hasFreeTextData } from './free-text-measures.ts';
import { withFigures } from './free-text-page.ts';

const file = path.resolve(import.meta.dirname, '../docs/free-text.md');

if (hasFreeTextData()) await writeFile(file, withFigures(await readFile(file, 'utf8')));
else {
  process.stderr.write(
    'No figures: ../shared/data has no smart-bulk-fhir, presidio-research and synthea-smart.\n',
  );
  process.exitCode = 1;
}
