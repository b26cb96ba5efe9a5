/**
 * `gauze keys rotate` and `gauze keys rekey-map`, and what `gauze check` says of keys and lists that a policy pins: on a
 * site in a folder, without Kafka.
 */
import { spawnSync } from 'node:child_process';
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { stringify } from 'yaml';
import { derivationInfo } from '../../keys/derivation.ts';
import { createKeyringFile } from '../../keys/keyring.ts';

/** Each test starts processes. */
jest.setTimeout(60_000);

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
const IDENTIFIERS = ['MRN-2', 'MRN-1', ' mrn-1', '', 'MRN-3'];

let folder: string;

const at = (...steps: string[]): string => join(folder, ...steps);

function policy(more: object = {}): void {
  const methods = {
    PHI_MRN: { method: 'pseudonym', domain: 'mrn', prefix: 'm_', normalize: ['trim', 'case'] },
  };
  const whole = {
    audience: 'research',
    regime: 'limited-data-set',
    owner: 'privacy@example.org',
    readers: ['User:research-app'],
    topics: { 'clinical.patients': { key: { tag: 'PHI_MRN' } } },
    methods,
    ...more,
  };
  writeFileSync(at('policies', 'research.yaml'), stringify(whole));
}

function gauze(args: readonly string[], input = ''): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [GAUZE, ...args, '-c', at('gauze.yaml')], {
    encoding: 'utf8',
    input,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: status, out: stdout, err: stderr };
}

const rekey = (...more: string[]) =>
  gauze(['keys', 'rekey-map', 'research', '--domain', 'mrn', ...more], IDENTIFIERS.join('\n'));

/** HMAC by node:crypto, of an identifier that is normalised already. */
function pseudonym(epoch: number, id: string): string {
  const ring = JSON.parse(readFileSync(at('keyring.json'), 'utf8')) as {
    audiences: { research: { roots: Record<string, string> } };
  };
  const root = Buffer.from(ring.audiences.research.roots[String(epoch)]!, 'base64');
  const info = derivationInfo({ purpose: 'pseudonym', audience: 'research', domain: 'mrn', epoch });
  const key = Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), info, 32));
  return `m_${createHmac('sha256', key).update(id).digest('hex').slice(0, 32)}`;
}

function pairs(ids: readonly string[]): readonly string[] {
  return ids.map((id) => `${pseudonym(1, id)},${pseudonym(2, id)}`).toSorted();
}

const codes = (text: string): readonly string[] => [...new Set(text.match(/ERR_[A-Z_]+/g))];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gauze-keys-'));
  mkdirSync(at('policies'));
  await createKeyringFile(at('keyring.json'), ['research']);
  writeFileSync(at('merges.csv'), 'merged,into,since\nMRN-1,MRN-2,2026-01-01\n', { mode: 0o600 });
  const config = [
    'kafka: { brokers: ["127.0.0.1:9"], roles: {} }',
    'registry: { url: "http://127.0.0.1:9" }',
    'keys: { file: keyring.json }',
    'persons: { aliasFile: merges.csv }',
    'policies: policies/',
  ];
  writeFileSync(at('gauze.yaml'), config.join('\n'));
  policy();
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a key epoch', () => {
  test('is added to the keyring, changes nothing by itself, and is refused of a key that is not there', () => {
    const before = readFileSync(at('keyring.json'), 'utf8');
    const { code, out, err } = gauze(['keys', 'rotate', 'research']);
    expect([code, out]).toEqual([0, 'research: key epoch 2 is in the keyring; nothing uses it yet\n']);
    expect(err).toContain('keys: { epoch: 2 }');
    const after = readFileSync(at('keyring.json'), 'utf8');
    const roots = [...after.matchAll(/[A-Za-z0-9+/]{43}=/g)].map(([root]) => root);
    expect(roots.length).toBe([...before.matchAll(/[A-Za-z0-9+/]{43}=/g)].length + 1);
    for (const root of roots) expect(out + err).not.toContain(root);
    expect(codes(gauze(['keys', 'rotate', 'nobody']).err)).toEqual(['ERR_KEY_MISSING']);
  });

  test('that a policy names and the keyring lacks is a problem of gauze check', () => {
    policy({ keys: { epoch: 3 } });
    expect(codes(gauze(['check']).out)).toEqual(['ERR_KEY_EPOCH_MISSING']);
    policy({ keys: { epoch: 2 } });
    expect(codes(gauze(['check']).out)).toEqual([]);
  });
});

describe('a re-key map', () => {
  test('holds the pseudonyms of both epochs by hand, one pair for each identifier, and no identifier', () => {
    policy();
    const { code, out } = rekey('--from', '1', '--to', '2');
    expect(code).toBe(0);
    const [header, ...rows] = out.trimEnd().split('\n');
    expect(header).toBe('epoch_1,epoch_2');
    expect(rows).toEqual(pairs(['mrn-1', 'mrn-2', 'mrn-3']));
    expect(out).not.toMatch(/mrn/i);
  });

  (existsSync('/usr/bin/script') ? test : test.skip)(
    'shows at a terminal how far it is, and not in a pipe',
    () => {
      policy();
      const many = Array.from({ length: 300_000 }, (_, i) => `MRN-${i}`).join('\n');
      writeFileSync(at('many.txt'), many);
      const args = ['keys', 'rekey-map', 'research', '--domain', 'mrn', '--from', '1', '--to', '2'];
      const command = [
        process.execPath,
        GAUZE,
        ...args,
        '-c',
        at('gauze.yaml'),
        '--file',
        at('many.txt'),
      ].join(' ');
      const env = { ...process.env, TERM: 'xterm-256color' };
      // What it prints goes to a file; what it tells, to the terminal.
      const told = spawnSync('script', ['-qec', `${command} > ${at('map.csv')}`, '/dev/null'], {
        encoding: 'utf8',
        env,
      });
      expect(told.stdout).toMatch(/\d+ pairs so far/);
      expect(told.stdout).not.toMatch(/mrn-\d/i);
      expect(readFileSync(at('map.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(300_001);
      const piped = gauze([...args, '--file', at('many.txt')]);
      expect(piped.err).not.toContain('so far');
    },
  );

  test('knows the merged persons that the policy pins', () => {
    const aliases = createHash('sha256')
      .update(readFileSync(at('merges.csv')))
      .digest('hex');
    policy({ persons: { aliases, domains: ['mrn'] } });
    expect(rekey('--from', '1', '--to', '2').out.trimEnd().split('\n').slice(1)).toEqual(
      pairs(['mrn-2', 'mrn-3']),
    );
    expect(codes(gauze(['check']).out)).toEqual([]);
  });

  test('is refused for another list than the one pinned, an epoch or a domain that is not there', () => {
    policy({ persons: { aliases: 'ab'.repeat(32), domains: ['mrn'] } });
    expect(codes(rekey('--from', '1', '--to', '2').err)).toEqual(['ERR_POLICY_ALIASES']);
    expect(codes(gauze(['check']).out)).toEqual(['ERR_POLICY_ALIASES']);
    policy();
    for (const [args, expected] of [
      [['--from', '1', '--to', '9'], 'ERR_KEY_EPOCH_MISSING'],
      [['--from', '0', '--to', '2'], 'ERR_USAGE_ARGUMENT'],
      [['--from', '1', '--to', '2', '--domain', 'patient'], 'ERR_USAGE_ARGUMENT'],
      [['--from', '1', '--to', '2', '--file', at('nowhere')], 'ERR_USAGE_ARGUMENT'],
    ] as const) {
      const { code, out, err } = rekey(...args);
      expect([args, codes(err), code === 0]).toEqual([args, [expected], false]);
      expect(out).toBe('');
    }
    const nobody = gauze(['keys', 'rekey-map', 'nobody', '--domain', 'mrn', '--from', '1', '--to', '2']);
    expect(codes(nobody.err)).toEqual(['ERR_POLICY_ABSENT']);
  });
});
