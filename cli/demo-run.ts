/**
 * `gauze run` of the demo: the real service in a process of its own, which ends with the demo however that ends.
 * Its log goes to a file of the site; gauze never logs a value.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Supervised } from '../stack/supervised.ts';

/** Names of the services under their supervisor begin so. */
const NAME = 'gauze-run';
const LOG_LINES = 12;

/** True from its start to its end. */
export function isRunUp(supervised: Supervised): boolean {
  return supervised.pids.has(nameOf('topology'));
}

/** Starts a role of the service. */
export async function startRun(
  supervised: Supervised,
  directory: string,
  config: string,
  role: string,
): Promise<void> {
  // As TypeScript in the work tree, as JavaScript in a published package.
  const script = import.meta.url.endsWith('.ts') ? './gauze.ts' : './gauze.js';
  await supervised.start({
    name: nameOf(role),
    command: process.execPath,
    args: [fileURLToPath(new URL(script, import.meta.url)), 'run', '--role', role, '--config', config],
    directory,
    logFile: join(directory, logFile(role)),
  });
}

function nameOf(role: string): string {
  return `${NAME}-${role}`;
}

function logFile(role: string): string {
  return `${nameOf(role)}.log`;
}

/** The last lines of a role's log, for people who want to know why it does not go on. */
export async function runLog(directory: string, role: string): Promise<readonly string[]> {
  const text = await readFile(join(directory, logFile(role)), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-LOG_LINES);
}
