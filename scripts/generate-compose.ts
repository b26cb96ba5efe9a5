/**
 * Writes docker-compose.yml from the table of broker settings; run it after a change there.
 * test/stack/compose-file.test.ts fails where the two differ.
 */
import { writeFile } from 'node:fs/promises';
import { composeText } from '../stack/compose-file.ts';

await writeFile(new URL('../docker-compose.yml', import.meta.url), composeText());
