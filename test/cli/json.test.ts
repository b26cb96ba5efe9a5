/**
 * `--json` on every verb that prints anything to be read by a program: one document on standard output, nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { gauzeProgram } from '../../cli/program.ts';
import { fullName, verbsOf } from '../../scripts/cli-page.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PATIENTS = 'schemas/clinical/patient.avsc';

/** Verbs without it, and why there is nothing that a program would want otherwise. */
const WITHOUT: Readonly<Record<string, string>> = {
  'gauze keys rekey-map': 'its output is CSV, which programs read',
  'gauze keys decrypt': 'its output is one JSON value in each line already',
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-json-'));
  const policies = path.join(ROOT, 'examples/hospital/policies');
  const config = [
    'kafka: { brokers: ["127.0.0.1:1"], ssl: false, roles: {} }',
    'registry: { url: "http://127.0.0.1:1" }',
    'keys: { file: secrets/keyring.json }',
    `policies: ${policies}`,
  ];
  writeFileSync(path.join(folder, 'gauze.yaml'), `${config.join('\n')}\n`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, ['cli/gauze.ts', ...args], { cwd: ROOT, encoding: 'utf8' });
}

test('every verb takes it, but for those that say why not', () => {
  const verbs = verbsOf(gauzeProgram());
  expect(verbs.length).toBeGreaterThan(35);
  const without = verbs.filter(({ options }) => !options.some(({ long }) => long === '--json'));
  expect(without.map(fullName).toSorted()).toEqual(Object.keys(WITHOUT).toSorted());
});

test.each([
  ['check', ['check', '--offline', '--config', '@/gauze.yaml', '--json'], 'problems'],
  ['check of a schema', ['check', PATIENTS, '--json'], 'problems'],
  [
    'explain',
    ['explain', 'clinical.patients', '--schema', PATIENTS, '--config', '@/gauze.yaml', '--json'],
    'topics',
  ],
  [
    'explain for one',
    ['explain', 'clinical.patients', 'research', '--schema', PATIENTS, '--config', '@/gauze.yaml', '--json'],
    'topics',
  ],
  ['keys init', ['keys', 'init', '--dir', '@/keys', '--origin', 'example.org/log', '--json'], 'made'],
  [
    'witness init',
    ['witness', 'init', '--folder', '@/witness', '--name', 'witness.example.org/w1', '--json'],
    'vkey',
  ],
])('%s gives one document on standard output', (_, args, member) => {
  const inFolder = args.map((arg) => arg.replace(/^@/, folder));
  const { stdout, stderr } = run(...inFolder);
  expect({ stderr, document: JSON.parse(stdout) as unknown }).toMatchObject({
    document: expect.objectContaining({ [member]: expect.anything() }),
  });
});

test('what goes wrong is one JSON object in each line of standard error, and standard output stays empty', () => {
  const { stdout, stderr, status } = run('plan', '--config', path.join(folder, 'none.yaml'), '--json');
  expect([status, stdout]).toEqual([1, '']);
  const errors = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_CONFIG_FILE_ABSENT' })]);
});
