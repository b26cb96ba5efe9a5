/**
 * Builds what is published into dist/: JavaScript with types, and the files that the code reads beside it. Nothing in
 * dist/ is ever edited; it is made anew each time.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const DIST = join(ROOT, 'dist');
/** Files that are read at run time, by folder: what ends like this is copied. */
const ASSETS: Readonly<Record<string, string>> = {
  'schemas/control': '.avsc',
  'schemas/clinical': '.avsc',
  'examples/hospital': '.yaml',
  'examples/hospital/policies': '.yaml',
};

rmSync(DIST, { recursive: true, force: true });
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const built = spawnSync(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json')], {
  stdio: 'inherit',
});
if (built.status !== 0) process.exit(built.status ?? 1);
for (const [folder, ending] of Object.entries(ASSETS)) {
  for (const file of readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(ending)))
    cpSync(join(ROOT, folder, file), join(DIST, folder, file));
}
const { name, version, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
  string,
  string
>;
writeFileSync(
  join(DIST, 'package.json'),
  `${JSON.stringify({ name, version, license, type: 'module' }, null, 2)}\n`,
);
