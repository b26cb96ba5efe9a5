/**
 * `gauze run` of the demo: the real service in a process of its own, which ends with the demo however that ends.
 * Its log goes to a file of the site; gauze never logs a value.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Supervised } from '../stack/supervised.ts';

/** Name of the service under its supervisor. */
const NAME = 'gauze-run';
const LOG_FILE = 'gauze-run.log';
const LOG_LINES = 12;

/** True from its start to its end. */
export function isRunUp(supervised: Supervised): boolean {
  return supervised.pids.has(NAME);
}

/** Starts it. */
export async function startRun(supervised: Supervised, directory: string, config: string): Promise<void> {
  // As TypeScript in the work tree, as JavaScript in a published package.
  const script = import.meta.url.endsWith('.ts') ? './gauze.ts' : './gauze.js';
  await supervised.start({
    name: NAME,
    command: process.execPath,
    args: [fileURLToPath(new URL(script, import.meta.url)), 'run', '--config', config],
    directory,
    logFile: join(directory, LOG_FILE),
  });
}

/** The last lines of its log, for people who want to know why it does not go on. */
export async function runLog(directory: string): Promise<readonly string[]> {
  const text = await readFile(join(directory, LOG_FILE), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-LOG_LINES);
}
