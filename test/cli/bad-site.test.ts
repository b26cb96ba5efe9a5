/**
 * A site that is not as it must be, seen from the terminal: each mistake with its code, in one sentence with file and
 * line, with what to do, exit code 1, and no stack trace.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createKeyringFile } from '../../keys/keyring.ts';
import { told } from '../support/told.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-bad-site-'));
  cpSync(path.join(ROOT, 'examples/hospital/policies'), file('policies'), { recursive: true });
  await createKeyringFile(file('keyring.json'), ['analytics', 'billing', 'research']);
  const roles = ['admin', 'topology'].map(
    (role) => `    ${role}: { mechanism: scram-sha-256, username: ${role}, passwordFile: password }`,
  );
  const kafka = ['kafka:', "  brokers: ['127.0.0.1:1']", '  roles:', ...roles];
  write('gauze.yaml', [
    ...kafka,
    "registry: { url: 'http://127.0.0.1:1/nobody' }",
    'keys: { file: keyring.json }',
  ]);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string): string {
  return path.join(folder, name);
}

function write(name: string, lines: readonly string[]): void {
  writeFileSync(file(name), `${lines.join('\n')}\n`);
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function gauze(args: readonly string[], environment: NodeJS.ProcessEnv = process.env): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'cli/gauze.ts'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
  });
  expect(`${stdout}${stderr}`).not.toMatch(/^\s+at .*:\d+/m);
  return { code: status, stdout, stderr };
}

describe('gauze check', () => {
  test('tells a policy that cannot be read and two policies for one audience, both at once', () => {
    mkdirSync(file('policies/unreadable.yaml'));
    cpSync(file('policies/billing.yaml'), file('policies/zz.yaml'));
    const { code, stdout } = gauze(['check', '--offline']);
    expect(code).toBe(1);
    expect(stdout).toContain(told('ERR_CONFIG_FILE_UNREADABLE', { file: 'policies/unreadable.yaml' }));
    const twice = told('ERR_POLICY_DUPLICATE', { file: 'policies/zz.yaml', line: 3, audience: 'billing' });
    expect(stdout).toContain(twice);
    expect(stdout).toContain('2 problems.');
  });

  test('in another folder tells that there is no config, and where it looked, and nothing that follows', () => {
    mkdirSync(file('elsewhere'));
    const [here, there] = [path.join('elsewhere', 'gauze.yaml'), file('elsewhere/gauze.yaml')];
    const absent = told('ERR_CONFIG_FILE_ABSENT', { file: here, actual: there });
    for (const args of [[], ['clinical.patients=none.avsc']]) {
      const { code, stdout } = gauze(['check', '-c', here, '--offline', ...args]);
      expect([code, stdout.slice(stdout.indexOf('ERR_'))]).toEqual([1, expect.stringContaining(absent)]);
      expect(stdout.match(/^ERR_\w+/gm)?.[0]).toBe('ERR_CONFIG_FILE_ABSENT');
      expect(stdout.match(/^ERR_\w+/gm)).toHaveLength(1 + args.length);
    }
    const { stderr } = gauze(['status', '-c', here]);
    expect(stderr).toBe(absent);
  });

  test('tells a keyring that is not there, and does not make a new one', () => {
    rmSync(file('keyring.json'));
    const missing = gauze(['check']);
    expect([missing.code, missing.stdout]).toEqual([
      1,
      expect.stringContaining(told('ERR_KEY_FILE', { file: 'keyring.json' })),
    ]);
    expect(missing.stdout).toContain('needs its own keyring back');
    const again = gauze(['check']);
    expect(again.stdout).toBe(missing.stdout);
  });

  test('tells a keyring that others may read, and how to mend it', () => {
    chmodSync(file('keyring.json'), 0o640);
    const { code, stdout } = gauze(['check']);
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining('ERR_KEY_FILE_PERMISSIONS  The keyring keyring.json can be read by others'),
    ]);
    expect(stdout).toMatch(/chmod 600 \S+keyring\.json/);
  });
});

describe('what would begin to work', () => {
  test('ends at an unknown setting before it does anything', () => {
    write('gauze.yaml', ['kafka:', "  brokers: ['127.0.0.1:1']", '  roles: {}', 'polices: p/']);
    const unknown = told('ERR_CONFIG_SETTING_UNKNOWN', {
      file: 'gauze.yaml',
      line: 4,
      setting: 'polices',
      nearest: 'policies',
    });
    for (const verb of ['run', 'apply']) {
      const { code, stdout, stderr } = gauze([verb]);
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(unknown)]);
    }
  });

  test('ends at a password file that is not there, and names it', () => {
    const { code, stderr } = gauze(['apply']);
    expect([code, stderr]).toEqual([1, told('ERR_CONFIG_FILE_UNREADABLE', { file: file('password') })]);
  });

  test('ends at a broker that nobody answers for, with its address', () => {
    write('password', ['synthetic']);
    const nobody = { host: '127.0.0.1', port: 1, causeName: 'ECONNREFUSED' };
    for (const verb of ['status', 'run']) {
      const { code, stderr } = gauze([verb]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(told('ERR_KAFKA_CONNECT', nobody))]);
    }
  });
});

test('a demo on a machine that lacks a program for it says which, how to get it, and leaves nothing', () => {
  const { code, stderr } = gauze(['demo'], { HOME: folder, TMPDIR: folder, PATH: file('nothing-here') });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^ERR_STACK_PREREQUISITE {2}The local stack cannot start; missing: .*redis-server 7/m,
  );
  expect(stderr).toMatch(/^ {4}(apt-get|brew) install.* redis/m);
  // Each further command stands below the first.
  for (const line of stderr.trimEnd().split('\n').slice(1)) expect(line).toMatch(/^ {4}\S/);
});
