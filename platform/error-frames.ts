/**
 * Where an error came from, as places in gauze: file and line, nothing else. A stack as JavaScript keeps it begins with
 * a message, which of a foreign error may hold what a record held; of that no character may ever come out of here.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
/** A frame of V8: `    at name (file:line:column)` or `    at file:line:column`, the file as path or as URL. */
const FRAME = /^ {4}at (?:[^\n]* \()?(?:file:\/\/)?(\/[^\n:()]+):(\d{1,5}):\d{1,5}\)?$/;
/** Of our files: no dots but before the ending, so nothing above the root and nothing of a package. */
const OWN_FILE = /^[a-z][a-z0-9/-]*\.(?:ts|js)$/;
const FRAMES_MAX = 20;

/** Foreign errors, by the errors of ours that took their place. */
const origins = new WeakMap<Error, unknown>();

/** `error` is told in place of `origin`. */
export function rememberOrigin(error: Error, origin: unknown): void {
  origins.set(error, origin);
}

/** `cli/status-command.ts:33`, the innermost first. Only files of gauze that are there. */
export function ownFrames(error: Error): readonly string[] {
  const origin = origins.get(error) ?? error;
  const lines = origin instanceof Error ? (origin.stack ?? '').split('\n') : [];
  const frames = lines.flatMap((line) => {
    const [, file = '', lineNumber = ''] = FRAME.exec(line) ?? [];
    const relative = path.relative(ROOT, file);
    const isOurs = file !== '' && OWN_FILE.test(relative) && existsSync(file);
    return isOurs ? [`${relative}:${lineNumber}`] : [];
  });
  return frames.slice(0, FRAMES_MAX);
}
