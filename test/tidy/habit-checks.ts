/**
 * The checks on habits of code: calls that belong to one file, words that switch checks off, headers, length.
 * Tables of patterns with what to write instead.
 */
import { codeText } from './code-text.ts';
import { linesOf, roomOf } from './source-files.ts';
import type { TextFile, Violation } from './source-files.ts';

/** A pattern of code that is for `homes` alone. */
interface Ban {
  readonly pattern: RegExp;
  readonly what: string;
  readonly replacement: string;
  /** Where it belongs: a file, or a folder with `/` at its end. */
  readonly homes: readonly string[];
}

/** In product code; tests may do as they need. */
const PRODUCT_BANS: readonly Ban[] = [
  {
    pattern: /\bMath\.random\b/,
    what: 'Math.random',
    replacement: 'random(size) of platform/clock.ts; never in masking',
    homes: [],
  },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)/,
    what: 'the clock',
    replacement: 'nowMs() or monotonicMs() of platform/clock.ts; never in masking',
    homes: ['platform/clock.ts'],
  },
  {
    pattern: /\b(setTimeout|setInterval)\s*\(/,
    what: 'a timer',
    replacement: 'sleep(ms) or timer(ms, callback) of platform/clock.ts',
    // The supervisor is a process of its own that must outlast everything else.
    homes: ['platform/clock.ts', 'stack/supervisor.ts'],
  },
  {
    pattern: /\bprocess\.env\b/,
    what: 'the environment',
    replacement: 'environment(name) of platform/config.ts',
    homes: ['platform/config.ts'],
  },
  {
    pattern: /\bconsole\./,
    what: 'console',
    replacement: 'a Logger of platform/log.ts, or cli/terminal.ts in commands',
    homes: [],
  },
  {
    pattern: /(?<![\w.#])process\.(stdout|stderr)\b/,
    what: 'writing to the terminal',
    replacement: 'cli/terminal.ts, or a Logger of platform/log.ts',
    // The supervisor's output is its way to speak to the process that started it.
    homes: ['cli/terminal.ts', 'platform/log.ts', 'scripts/', 'bench/', 'stack/supervisor.ts'],
  },
  {
    pattern: /\bnew (Type|Range|Syntax|Eval|Reference|URI|Aggregate)?Error\(/,
    what: 'an error of its own',
    replacement: 'new GauzeError(code, context), with a row in platform/errors.ts',
    // A RangeError without data is how readers of bytes tell their callers, who turn it into a GauzeError.
    homes: [
      'platform/errors.ts',
      'scripts/',
      'bench/',
      'kafka/protocol-reader.ts',
      'schemas/control-codec.ts',
      'schemas/subject-offsets.ts',
      'policy/policy-log.ts',
    ],
  },
  {
    // The cause of a transition is a word of ours; what was thrown must not travel on inside another error.
    pattern: /\bcause:\s*(e|err|error|thrown)\b|\bsuper\([^)]*\bcause\b/,
    what: 'a thrown error as a cause',
    replacement: 'ownError(thrown, code): a foreign error may hold what a record held',
    homes: [],
  },
];

/** Everywhere. */
const BANS: readonly Ban[] = [
  {
    pattern: /:\s*any\b|<any\b|\bas any\b|\bany\[\]/,
    what: 'any',
    replacement: 'the type, or unknown and a check',
    homes: [],
  },
  {
    pattern: /\bas unknown as\b/,
    what: 'as unknown as',
    replacement: 'a type that says what is known, or a check at run time',
    homes: [],
  },
  {
    pattern: /\.only\(|\bf(describe|it)\(/,
    what: 'a test that silences others',
    replacement: 'test( or describe(',
    homes: [],
  },
  {
    pattern: /^export default\b/,
    what: 'a default export',
    replacement: 'a named export',
    homes: [
      'jest.config.js',
      'test/support/start-stack.ts',
      'test/support/stop-stack.ts',
      'test/support/count-reporter.ts',
    ],
  },
];

/** In comments as well. */
const WORD_BANS: readonly Ban[] = [
  {
    pattern: /@ts-(?:ignore|nocheck)\b/,
    what: 'a switched-off type check',
    replacement: 'a type that fits; in a test of types @ts-expect-error with a reason',
    homes: [],
  },
  {
    pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/,
    what: 'a note to come back',
    replacement: 'do it now, or write it down where work is planned',
    homes: [],
  },
];

/** Calls and words that do not belong where they are. */
export function habitViolations(files: readonly TextFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    const code = codeText(file.text);
    const bans = roomOf(file.path) === 'test' ? BANS : [...PRODUCT_BANS, ...BANS];
    return [
      ...bans.flatMap((ban) => banViolations(file, code, ban)),
      ...WORD_BANS.flatMap((ban) => banViolations(file, file.text, ban)),
    ];
  });
}

function banViolations(file: TextFile, text: string, ban: Ban): readonly Violation[] {
  if (ban.homes.some((home) => file.path === home || (home.endsWith('/') && file.path.startsWith(home))))
    return [];
  const { what, replacement } = ban;
  return linesOf(text, ban.pattern).map((line) => ({ path: file.path, line, what, replacement }));
}

/** Files that do not open with a comment on what they do; of tests their names say it. */
export function headerViolations(files: readonly TextFile[]): readonly Violation[] {
  return files
    .filter((file) => !file.path.endsWith('.test.ts'))
    .filter(({ text }) => {
      const opening = /^(#![^\n]*\n)?(\/\*\*[\s\S]*?\*\/|(\/\/[^\n]*\n)+)/.exec(text)?.[0] ?? '';
      return opening.replace(/[\s*/]+/g, ' ').length < 50;
    })
    .map((file) => ({
      path: file.path,
      line: 1,
      what: 'no header',
      replacement: 'open with 2-6 lines of comment: what it does, what it must never do',
    }));
}

/** Most lines of a product file without a reason in LONG_FILES. */
export const MAX_LINES = 300;

/** Longer files, each with the reason why it is not two. */
export const LONG_FILES: Readonly<Record<string, string>> = {
  'platform/errors.ts': 'one table of all errors',
  'scripts/troubleshooting-rows.ts': 'one table of what can be wrong',
  'kafka/connection.ts': 'one connection: its framing, time limits and log-in share their state',
};

/** Product files that are too long, and reasons for files that are not. */
export function lengthViolations(
  files: readonly TextFile[],
  reasons: Readonly<Record<string, string>> = LONG_FILES,
): readonly Violation[] {
  const long = files
    .filter((file) => roomOf(file.path) !== 'test')
    .map((file) => ({ path: file.path, line: file.text.trimEnd().split('\n').length }))
    .filter(({ line }) => line > MAX_LINES);
  const stale = Object.keys(reasons).filter((name) => !long.some(({ path }) => path === name));
  return [
    ...long
      .filter(({ path }) => !(path in reasons))
      .map((file) => ({
        ...file,
        what: `more than ${MAX_LINES} lines`,
        replacement: 'split it by what its parts are for, or give a reason in LONG_FILES',
      })),
    ...stale.map((path) => ({
      path,
      line: 1,
      what: 'a reason in LONG_FILES that is not needed',
      replacement: 'take it off the list',
    })),
  ];
}
