/**
 * What `npm pack` makes, as a stranger has it: in an empty folder with its dependencies and nothing else, run by a Node
 * that knows no TypeScript.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const ROOT = path.resolve(import.meta.dirname, '../..');
const { version, dependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
};

let folder: string;
let packed: readonly string[];

/** A command in the folder; Node refuses TypeScript. */
function run(
  command: string,
  ...args: readonly string[]
): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    NODE_OPTIONS: '--no-experimental-strip-types',
    npm_config_offline: 'true',
    // What npm has to say of this machine's own settings is not gauze's output.
    npm_config_loglevel: 'error',
  };
  return spawnSync(command, args, { cwd: folder, encoding: 'utf8', env });
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-package-'));
  const made = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`npm pack ended with ${made.status}: ${made.stderr}`);
  const archive = path.join(folder, `gauze-${version}.tgz`);
  packed = spawnSync('tar', ['tzf', archive], { encoding: 'utf8' }).stdout.trim().split('\n');
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, '.bin'), { recursive: true });
  spawnSync('tar', ['xzf', archive, '-C', modules]);
  cpSync(path.join(modules, 'package'), path.join(modules, 'gauze'), { recursive: true });
  // As `npm install` would, with no network: only what package.json names as dependencies.
  for (const name of Object.keys(dependencies)) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  }
  chmodSync(path.join(modules, 'gauze/dist/cli/gauze.js'), 0o755);
  symlinkSync('../gauze/dist/cli/gauze.js', path.join(modules, '.bin/gauze'));
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  mkdirSync(path.join(folder, 'my-topic'));
  cpSync(path.join(ROOT, 'examples/your-own-topic'), path.join(folder, 'my-topic'), { recursive: true });
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('holds JavaScript, types and pages, and no source, test or secret', () => {
  for (const file of [
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'SECURITY.md',
    'docs/reference/cli.md',
    'dist/cli/gauze.js',
    'dist/topology/test-driver.d.ts',
  ])
    expect(packed).toContain(`package/${file}`);
  expect(packed.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
  expect(packed.filter((file) => /\/test\/|\/bench\/|secret|keyring\.json|\.key$/.test(file))).toEqual([]);
});

test('gauze runs from it, and knows its version', () => {
  const { status, stdout, stderr } = run('npx', '--no-install', 'gauze', '--version');
  expect({ status, stdout: stdout.trim(), stderr }).toEqual({ status: 0, stdout: version, stderr: '' });
});

test('gauze checks a schema, and a schema with a fault ends with 1', () => {
  expect(run('npx', '--no-install', 'gauze', 'check', 'my-topic/visit.avsc')).toMatchObject({
    status: 0,
    stderr: '',
  });
  const schema = readFileSync(path.join(folder, 'my-topic/visit.avsc'), 'utf8');
  writeFileSync(
    path.join(folder, 'untagged.avsc'),
    schema.replace(/,?\s*"confluent:tags": \["PHI_NAME"\]/, ''),
  );
  const { status, stdout, stderr } = run('npx', '--no-install', 'gauze', 'check', 'untagged.avsc');
  expect({ status, told: stdout + stderr }).toEqual({
    status: 1,
    told: expect.stringContaining('patientName'),
  });
});

test('a policy can be tried with no broker, as the page says, with types', () => {
  const page = readFileSync(path.join(ROOT, 'docs/your-own-topic.md'), 'utf8');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(page)!;
  writeFileSync(path.join(folder, 'try.ts'), example);
  const shown = example.replace(
    "driver.read('research', 'clinic.visits');",
    "console.log(JSON.stringify(driver.read('research', 'clinic.visits')));",
  );
  writeFileSync(path.join(folder, 'try.js'), shown);
  const { status, stdout, stderr } = run(process.execPath, 'try.js');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual([
    expect.objectContaining({ value: expect.objectContaining({ zip: '000', note: null }) }),
  ]);
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--types',
    'node',
  ];
  const types = ['--typeRoots', path.join(ROOT, 'node_modules/@types')];
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const checked = (file: string): string => run(process.execPath, tsc, ...options, ...types, file).stdout;
  expect(checked('try.ts')).toBe('');
  writeFileSync(path.join(folder, 'wrong.ts'), example.replace("key: 'P-1'", 'key: 1'));
  expect(checked('wrong.ts')).toContain('wrong.ts');
});

test('the folder has nothing but what the steps made', () => {
  expect(readdirSync(folder).toSorted()).toEqual(
    [
      `gauze-${version}.tgz`,
      'my-topic',
      'node_modules',
      'package.json',
      'try.js',
      'try.ts',
      'untagged.avsc',
      'wrong.ts',
    ].toSorted(),
  );
});
