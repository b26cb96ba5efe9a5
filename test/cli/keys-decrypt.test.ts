/**
 * `gauze keys decrypt` as a process: values out for who holds the keyring, nothing for a text that was moved or changed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKeyring } from '../../keys/keyring.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { maskLeafValue } from '../../processors/method-table.ts';
import type { Instruction } from '../../processors/plan.ts';
import { AT, NOWHERE } from '../support/plan-builder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let directory: string;
let keyringFile: string;
let keyring: Keyring;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gauze-decrypt-'));
  keyringFile = join(directory, 'keyring.json');
  const root = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
  const audiences = {
    research: { epoch: 1, roots: { '1': root(1), '2': root(2) } },
    billing: { epoch: 1, roots: { '1': root(1) } },
  };
  await writeFile(keyringFile, JSON.stringify({ format: 'gauze-keyring/1', audiences }), { mode: 0o600 });
  keyring = await loadKeyring(keyringFile);
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** One value of an audience, as it stands in its records. */
function encrypted(value: string, instruction: Instruction, epoch = 1, grant?: string): string {
  const keys =
    grant === undefined ? keyring.audience('research', epoch) : keyring.grant('research', grant, epoch);
  const leaf = { kind: 'string', logical: null, tags: [] } as const;
  return maskLeafValue(value, leaf, instruction, { ...AT, keys, person: null, asOfDay: 0 }) as string;
}

function decrypt(texts: readonly string[], ...options: string[]) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['cli/gauze.ts', 'keys', 'decrypt', ...options, '--keyring', keyringFile],
    { cwd: ROOT, encoding: 'utf8', input: texts.join('\n') },
  );
  const values = stdout === '' ? [] : stdout.trimEnd().split('\n');
  return { values: values.map((line) => JSON.parse(line) as unknown), stderr, status };
}

const PLACE = ['--topic-id', NOWHERE.topicId, '--partition', '3', '--path', 'value'];
const MRN: Instruction = { method: 'encrypt-deterministic', domain: 'mrn' };
const SSN: Instruction = { method: 'format-preserving', domain: 'ssn', alphabet: 'digits', separators: '-' };

describe('gauze keys decrypt', () => {
  test('gives values back in their order, of every key epoch, and null for what does not open', () => {
    const texts = [
      encrypted('MRN-1', { method: 'encrypt' }),
      encrypted('two\nlines', { method: 'encrypt' }, 2),
      encrypted('MRN-3', { method: 'encrypt' }).replace(/.$/, '-'),
      encrypted('MRN-4', MRN),
      'no text of ours',
      encrypted('MRN-5', { method: 'encrypt' }),
    ];
    const { values, stderr, status } = decrypt(texts, 'research', '--method', 'encrypt', ...PLACE);
    expect(values).toEqual(['MRN-1', 'two\nlines', null, null, null, 'MRN-5']);
    expect([status, stderr.includes('ERR_KEY_TEXT_CLOSED')]).toEqual([1, true]);
    expect(stderr).not.toContain('MRN');
    const asKafkaSays = Buffer.from(NOWHERE.topicId, 'hex').toString('base64url');
    const place = ['--topic-id', asKafkaSays, '--partition', '3', '--path', 'value', '--offset', '7'];
    expect(decrypt([texts[0]!], 'research', '--method', 'encrypt', ...place)).toEqual({
      values: ['MRN-1'],
      stderr: '',
      status: 0,
    });
    for (const other of [
      ['research', '--method', 'encrypt', ...PLACE, '--offset', '8'],
      ['research', '--grant', 'c0ffee', '--method', 'encrypt', ...PLACE],
    ])
      expect(decrypt([texts[0]!], ...other)).toMatchObject({ values: [null], status: 1 });
  });

  test('opens deterministic texts by domain, those of grants, and bytes', () => {
    const texts = [encrypted('MRN-1', MRN), encrypted('MRN-1', MRN, 2)];
    const options = ['--method', 'encrypt-deterministic', '--domain', 'mrn'];
    expect(decrypt(texts, 'research', ...options)).toEqual({
      values: ['MRN-1', 'MRN-1'],
      stderr: '',
      status: 0,
    });
    expect(decrypt(texts, 'research', ...options.with(3, 'account')).values).toEqual([null, null]);
    const granted = encrypted('MRN-1', MRN, 1, 'c0ffee');
    expect(decrypt([granted], 'research', '--grant', 'c0ffee', ...options).values).toEqual(['MRN-1']);
    expect(decrypt([granted], 'research', ...options).values).toEqual([null]);
    const asBytes = decrypt(texts.slice(0, 1), 'research', ...options, '--bytes').values;
    expect(asBytes).toEqual([Buffer.from('MRN-1').toString('base64')]);
  });

  test('reverses format-preserving texts by domain, format and epoch, and says that nothing proves them', () => {
    const options = ['--method', 'format-preserving', '--domain', 'ssn', '--separators', '-'];
    const { values, stderr, status } = decrypt([encrypted('900-12-3456', SSN)], 'research', ...options);
    expect([values, status]).toEqual([['900-12-3456'], 0]);
    expect(stderr).toContain('Nothing proves these values');
    const newer = encrypted('900-12-3456', SSN, 2);
    expect(decrypt([newer], 'research', ...options, '--epoch', '2').values).toEqual(['900-12-3456']);
    expect(decrypt([newer], 'research', ...options).values).not.toEqual(['900-12-3456']);
    expect(decrypt(['12-3'], 'research', ...options)).toMatchObject({ values: [null], status: 1 });
  });

  test('refuses what is not said, and says what', async () => {
    for (const [options, setting] of [
      [['--method', 'pseudonym'], '--method'],
      [['--method', 'encrypt', '--topic-id', 'x', '--partition', '0', '--path', 'mrn'], '--topic-id'],
      [
        ['--method', 'encrypt', '--topic-id', NOWHERE.topicId, '--partition', '-1', '--path', 'm'],
        '--partition',
      ],
      [['--method', 'encrypt-deterministic'], '--domain'],
      [['--method', 'format-preserving', '--domain', 'ssn', '--alphabet', 'AA'], '--alphabet'],
    ] as const) {
      const { values, stderr, status } = decrypt(['text'], 'research', ...options);
      expect([values, status]).toEqual([[], 2]);
      expect(stderr).toContain(setting);
    }
    expect(decrypt(['text'], 'nobody', '--method', 'encrypt', ...PLACE).stderr).toContain('ERR_KEY_MISSING');
    expect(await readFile(keyringFile, 'utf8')).toContain('gauze-keyring/1');
  });
});
