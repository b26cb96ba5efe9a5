/**
 * What people meet at the terminal: colours only where somebody looks and wants them, exit codes as the page says, and
 * no word of anybody else's error, with --debug neither.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EXIT, EXIT_MEANINGS } from '../../cli/terminal.ts';
import { ownFrames } from '../../platform/error-frames.ts';
import { ERRORS, ownError } from '../../platform/errors.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SCHEMA = 'schemas/clinical/patient.avsc';
const ESCAPE = '\u001b[';
/** Of util-linux: runs a command with a terminal of its own. */
const hasTerminal = existsSync('/usr/bin/script');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-terminal-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function gauze(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['cli/gauze.ts', ...args], { cwd: ROOT, encoding: 'utf8' });
}

/** The same with a terminal at both ends of its output. */
function atTerminal(environment: NodeJS.ProcessEnv, ...args: readonly string[]): string {
  const command = [process.execPath, 'cli/gauze.ts', ...args].join(' ');
  // Node takes the terminal of a build server for one without colours.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...rest } = process.env;
  const env = { ...rest, TERM: 'xterm-256color', ...environment };
  return spawnSync('script', ['-qec', command, '/dev/null'], { cwd: ROOT, encoding: 'utf8', env }).stdout;
}

describe('colours', () => {
  test('are not in a pipe, even where somebody forces them on Node', () => {
    const env = { ...process.env, FORCE_COLOR: '1' };
    const { stdout } = spawnSync(process.execPath, ['cli/gauze.ts', 'check', SCHEMA], {
      cwd: ROOT,
      encoding: 'utf8',
      env,
    });
    expect(stdout).toContain('✓');
    expect(stdout).not.toContain(ESCAPE);
  });

  (hasTerminal ? test : test.skip)('are at a terminal, but not with NO_COLOR or TERM=dumb', () => {
    expect(atTerminal({}, 'check', SCHEMA)).toContain(ESCAPE);
    expect(atTerminal({ NO_COLOR: '1' }, 'check', SCHEMA)).not.toContain(ESCAPE);
    expect(atTerminal({ TERM: 'dumb' }, 'check', SCHEMA)).not.toContain(ESCAPE);
    expect(atTerminal({}, 'check', 'none.avsc')).toContain(ESCAPE);
    expect(atTerminal({ NO_COLOR: '1' }, 'check', 'none.avsc')).not.toContain(ESCAPE);
  });
});

describe('exit codes', () => {
  const page = readFileSync(path.join(ROOT, 'docs/reference/cli.md'), 'utf8');

  test('stand in one table, each with a whole sentence', () => {
    for (const name of Object.keys(EXIT) as (keyof typeof EXIT)[]) {
      expect(page).toContain(`| \`${EXIT[name]}\` | ${EXIT_MEANINGS[name]} |`);
      expect(EXIT_MEANINGS[name]).toMatch(/^[A-Z].*\.$/);
    }
  });

  test.each([
    [EXIT.ok, ['check', SCHEMA]],
    [EXIT.ok, ['--help']],
    [EXIT.ok, ['audit', 'verify', '--help']],
    [EXIT.problems, ['check', 'none.avsc']],
    [EXIT.problems, ['plan', '--config', 'none.yaml']],
    [EXIT.usage, ['chekc']],
    [EXIT.usage, ['status', '--what']],
    [EXIT.usage, ['tail', 'clinical.patients']],
    [EXIT.usage, ['demo', '--patients', 'many']],
    [EXIT.usage, []],
  ])('%i for gauze %j', (code, args) => {
    expect(gauze(...args).status).toBe(code);
  });
});

describe('an error', () => {
  test('is a code, a sentence and what to do, with no stack', () => {
    const { stderr } = gauze('plan', '--config', path.join(folder, 'none.yaml'));
    expect(stderr).toMatch(/^ERR_CONFIG_FILE_ABSENT {2}[A-Z].*\.\n {4}[A-Z].*\.\n$/);
  });

  test.each(Object.entries(ERRORS))('%s is told in whole sentences', (_, { message, action }) => {
    for (const text of [message, action]) expect(text).toMatch(/^(?=[A-Z`{"]).*(?:[.?)`]|\{\w+\})$/);
  });

  test('names the places in gauze that it came from where they are asked for, and no others', () => {
    const { stderr } = gauze('plan', '--debug', '--config', path.join(folder, 'none.yaml'));
    expect(stderr).toMatch(/^ {4}at platform\/config\.ts:\d+$/m);
    const places = stderr.split('\n').filter((line) => line.startsWith('    at '));
    for (const place of places) expect(place).toMatch(/^ {4}at [a-z]+\/[a-z/-]+\.ts:\d+$/);
    const json = gauze('plan', '--debug', '--json', '--config', path.join(folder, 'none.yaml')).stderr;
    expect(JSON.parse(json)).toMatchObject({
      frames: expect.arrayContaining([expect.stringMatching(/^platform\/config\.ts:\d+$/)]),
    });
  });

  test('of somebody else gives away where it passed through gauze, and not a character of what it says', () => {
    const message = `MRN-4711 of Ada\n    at lookup (${ROOT}/cli/no-such-file.ts:1:1)\n    at Ada (/srv/MRN-4711.ts:2:2)`;
    const foreign = new TypeError(message);
    foreign.stack += `\n    at async mask (file://${ROOT}/topology/lane.ts:12:34)\n    at run (${ROOT}/node_modules/avsc/lib/types.js:1:1)`;
    const error = ownError(foreign);
    const frames = ownFrames(error);
    expect(frames).toEqual(['topology/lane.ts:12']);
    expect(JSON.stringify([frames, error])).not.toMatch(/MRN|Ada|no-such-file|node_modules|4711/);
  });
});
