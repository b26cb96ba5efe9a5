/**
 * House rules that a reviewer would repeat, as checks: each is shown an offender, and a good neighbour that
 * it must leave alone, before it looks at the repository.
 */
import { describe, expect, test } from '@jest/globals';
import { codeText } from './code-text.ts';
import { habitViolations, headerViolations, lengthViolations, MAX_LINES } from './habit-checks.ts';
import { repositoryFiles, report, sourceFiles } from './source-files.ts';
import { textViolations } from './text-checks.ts';

const files = sourceFiles();

/** An offending text that does not stand in this file as such. */
function glued(...parts: readonly string[]): string {
  return parts.join('');
}

describe('the code of a file', () => {
  test('is left without comments and strings, at the same lines', () => {
    const text = [
      "const a = 'console.log'; // console.log",
      '/* console.log\n console.log */ const b = `x ${c("y")} console.log`;',
      String.raw`const r = /["'\/]console/.test(d) ? 1 / 2 : 3; e('it\'s');`,
      'f(`${g({ h: `deep` })}`);',
    ].join('\n');
    const code = codeText(text);
    expect(code).not.toContain('console');
    expect(code.split('\n').map((line) => line.length)).toEqual(text.split('\n').map((line) => line.length));
    expect(code).toContain('${c(" ")}');
    expect(code).toContain('1 / 2 : 3; e(');
    expect(code).toContain('g({ h: `    ` })');
  });

  test('keeps strings where they are asked for', () => {
    expect(codeText("import a from 'b'; // c", 'keep').trimEnd()).toBe("import a from 'b';");
  });
});

describe('habits', () => {
  test.each([
    ['topology/x.ts', 'const n = Math.random();'],
    ['topology/x.ts', 'const n = Date.now();'],
    ['topology/x.ts', 'const d = new Date();'],
    ['topology/x.ts', 'setTimeout(f, 5);'],
    ['topology/x.ts', 'setInterval(f, 5);'],
    ['topology/x.ts', 'const v = process.env.HOME;'],
    ['topology/x.ts', "console.log('x');"],
    ['topology/x.ts', "process.stdout.write('x');"],
    ['topology/x.ts', "throw new Error('x');"],
    ['topology/x.ts', "throw new TypeError('x');"],
    ['topology/x.ts', 'f({ cause: error });'],
    ['topology/x.ts', 'let x: any;'],
    ['topology/x.ts', 'const x = y as any;'],
    ['topology/x.ts', 'const x = new Map<any, string>();'],
    ['test/x.test.ts', 'const x = y as unknown as Z;'],
    ['test/x.test.ts', "test.only('x', f);"],
    ['test/x.test.ts', glued('// @ts', '-ignore')],
    ['test/x.test.ts', glued('// TO', 'DO later')],
    ['test/x.test.ts', 'export default 1;'],
  ])('in %s refuse: %s', (path, text) => {
    const found = habitViolations([{ path, text }]);
    expect(found).toHaveLength(1);
    expect(found[0]!.replacement).not.toBe('');
  });

  test.each([
    ['topology/x.ts', 'const d = new Date(ms); Date.parse(t); Date.UTC(2026, 0);'],
    ['topology/x.ts', "const message = 'never use console.log or Math.random';"],
    ['topology/x.ts', 'const many = company; // any of them'],
    ['platform/clock.ts', 'return Date.now();'],
    ['platform/config.ts', 'return process.env[name];'],
    ['cli/terminal.ts', 'process.stdout.write(text);'],
    ['test/x.test.ts', "throw new Error('x'); console.log(process.env.X);"],
    ['jest.config.js', 'export default {};'],
  ])('in %s allow: %s', (path, text) => {
    expect(report(habitViolations([{ path, text }]))).toBe('');
  });

  test('hold everywhere', () => {
    expect(report(habitViolations(files))).toBe('');
  });
});

describe('headers', () => {
  test.each([
    '',
    'const a = 1;\n',
    '/** x */\nconst a = 1;\n',
    "import a from 'b';\n/** Too late: what this file does and must never do. */\n",
  ])('are missed in %j', (text) => {
    expect(headerViolations([{ path: 'a/x.ts', text }])).toHaveLength(1);
  });

  test('open every source file', () => {
    expect(report(headerViolations(files))).toBe('');
  });
});

describe('length', () => {
  const long = { path: 'kafka/x.ts', text: '\n'.repeat(MAX_LINES) + 'end\n' };

  test('over the limit is seen, unless there is a reason; tests may be longer', () => {
    expect(lengthViolations([long], {})).toHaveLength(1);
    expect(lengthViolations([long], { 'kafka/x.ts': 'a table' })).toEqual([]);
    expect(lengthViolations([{ ...long, path: 'test/x.test.ts' }], {})).toEqual([]);
    expect(lengthViolations([{ ...long, text: long.text.slice(1) }], {})).toEqual([]);
  });

  test('a reason that is not needed any more is seen', () => {
    expect(lengthViolations([], { 'kafka/x.ts': 'a table' })).toHaveLength(1);
  });

  test('is within the limit everywhere', () => {
    expect(report(lengthViolations(files))).toBe('');
  });
});

describe('texts', () => {
  test.each([
    ['123', '45', '6789'].join('-'),
    `a file at ${['', 'home', 'someone', 'x'].join('/')}`,
    glued('see ', '#12 for more'),
    glued('mended in iss', 'ue 4'),
    glued('written in Ji', 'ra'),
  ])('refuse: %s', (text) => {
    expect(textViolations([{ path: 'docs/x.md', text }])).toHaveLength(1);
  });

  test.each(['999-12-3456', '2026-01-05', '+1-202-555-0123', 'a/home/b.ts', '#private', 'section 4'])(
    'allow: %s',
    (text) => {
      expect(textViolations([{ path: 'docs/x.md', text }])).toEqual([]);
    },
  );

  test('of the whole repository are clean', () => {
    expect(report(textViolations(repositoryFiles()))).toBe('');
  });
});
