/**
 * The checks on all text of the repository: no number that may be somebody's, no path of a machine, no
 * number of a ticket. The repository speaks of the product alone.
 */
import { linesOf } from './source-files.ts';
import type { TextFile, Violation } from './source-files.ts';

const TEXT_BANS = [
  {
    // 900-999 was never given out.
    pattern: /(?<![\d-])[0-8]\d\d-\d\d-\d{4}(?![\d-])/,
    what: 'a Social Security number that may be real',
    replacement: 'one of the range 900-999',
  },
  {
    pattern: /(?<![\w.:/-])(?:\/(?:work|home|root|Users)\/\w|[A-Z]:\\\w)/,
    what: 'a path of one machine',
    replacement: 'a path from the root of the repository, or a setting',
  },
  {
    pattern: /(?:^|[\s(])#\d{1,5}\b|\b(?:issue|ticket|PR)s? #?\d+\b/,
    what: 'a number of a ticket',
    replacement: 'say in words what it is about',
  },
  {
    pattern: /\b(?:cl[a]ude|anthr[o]pic|chatg[p]t|j[i]ra)\b/i,
    what: 'a tool of a workplace',
    replacement: 'speak of the product alone',
  },
] as const;

export function textViolations(files: readonly TextFile[]): readonly Violation[] {
  return files.flatMap((file) =>
    TEXT_BANS.flatMap(({ pattern, what, replacement }) =>
      linesOf(file.text, pattern).map((line) => ({ path: file.path, line, what, replacement })),
    ),
  );
}
