/**
 * The keyring file: what it refuses, what it never does, and that its keys are the derived ones.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHmac, hkdfSync } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { derivationInfo } from '../../keys/derivation.ts';
import type { AudienceKeys, KeyedHash } from '../../keys/audience-keys.ts';
import { addAudienceEpoch, createKeyringFile, loadKeyring } from '../../keys/keyring.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gauze-keyring-'));
  file = join(directory, 'keyring.json');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const ROOT = Buffer.alloc(32, 9).toString('base64');
const GOOD = {
  format: 'gauze-keyring/1',
  audiences: { research: { epoch: 1, roots: { '1': ROOT } } },
};

async function write(content: unknown, mode = 0o600): Promise<void> {
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content), { mode });
}

function hashed(hash: KeyedHash, text: string): string {
  const out = Buffer.alloc(16);
  hash.hashInto(Buffer.from(text), 0, text.length, out, 0);
  return out.toString('hex');
}

const lengthOf = (text: string): Buffer => Buffer.from([0, 0, 0, text.length]);

describe('derivation', () => {
  test('is HKDF-SHA-256 over an encoding with lengths, so that no two contexts meet', async () => {
    await write(GOOD);
    const keys = (await loadKeyring(file)).audience('research');
    const info = Buffer.concat([
      ...['gauze/1', 'pseudonym', 'research', 'mrn'].flatMap((text) => [lengthOf(text), Buffer.from(text)]),
      Buffer.from([0, 0, 0, 1]),
    ]);
    const key = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 9), Buffer.alloc(0), info, 32));
    const expected = createHmac('sha256', key).update('MRN-1').digest('hex').slice(0, 32);
    expect(hashed(keys.pseudonyms('mrn'), 'MRN-1')).toBe(expected);
    const context = { purpose: 'pseudonym', audience: 'ab', domain: 'c', epoch: 1 } as const;
    expect(derivationInfo(context)).not.toEqual(derivationInfo({ ...context, audience: 'a', domain: 'bc' }));
  });

  test("gives a grant keys that meet nothing of its base audience's, of another grant's, or of an audience of its name", async () => {
    const id = 'c0ffee0123456789';
    const named = `grant-${id}`;
    await write({
      ...GOOD,
      audiences: {
        ...GOOD.audiences,
        billing: { epoch: 1, roots: { '1': ROOT } },
        [named]: { epoch: 1, roots: { '1': ROOT } },
      },
    });
    const ring = await loadKeyring(file);
    const all = [
      ring.audience('research'),
      ring.grant('research', id),
      ring.grant('research', 'c0ffee0123456780'),
      ring.grant('billing', id),
      ring.audience(named),
    ].flatMap((keys) => [
      hashed(keys.pseudonyms('mrn'), 'MRN-1'),
      hashed(keys.pseudonyms(id), 'MRN-1'),
      hashed(keys.dateShifts('patient'), 'MRN-1'),
    ]);
    expect(new Set(all).size).toBe(all.length);
    const again = (await loadKeyring(file)).grant('research', id);
    expect(hashed(again.pseudonyms('mrn'), 'MRN-1')).toBe(all[3]);
    expect(() => ring.grant('nobody', id)).toThrow(expect.objectContaining({ code: 'ERR_KEY_MISSING' }));
    expect(inspect(ring.grant('research', id))).toBe('[hidden]');
  });

  test('gives unrelated keys to audiences, domains, purposes and epochs, also from one root', async () => {
    await write({
      format: 'gauze-keyring/1',
      audiences: {
        research: { epoch: 1, roots: { '1': ROOT } },
        billing: { epoch: 1, roots: { '1': ROOT } },
        rotated: { epoch: 2, roots: { '1': ROOT, '2': ROOT } },
      },
    });
    const ring = await loadKeyring(file);
    const keys = (name: string): AudienceKeys => ring.audience(name);
    const all = [
      keys('research').pseudonyms('mrn'),
      keys('research').pseudonyms('patient'),
      keys('research').dateShifts('patient'),
      keys('billing').pseudonyms('mrn'),
      keys('rotated').pseudonyms('mrn'),
    ].map((hash) => hashed(hash, 'MRN-1'));
    expect(new Set(all).size).toBe(all.length);
    expect(keys('rotated').epoch).toBe(2);
  });

  test('gives the same object each time, so that caches are shared', async () => {
    await write(GOOD);
    const ring = await loadKeyring(file);
    expect(ring.audience('research')).toBe(ring.audience('research'));
    expect(ring.audience('research').pseudonyms('mrn')).toBe(ring.audience('research').pseudonyms('mrn'));
  });
});

describe('loading', () => {
  test('refuses an audience without a key', async () => {
    await write(GOOD);
    const ring = await loadKeyring(file);
    expect(() => ring.audience('billing')).toThrow(expect.objectContaining({ code: 'ERR_KEY_MISSING' }));
    expect(() => ring.audience('__proto__')).toThrow(expect.objectContaining({ code: 'ERR_KEY_MISSING' }));
  });

  test.each([0o640, 0o604, 0o660, 0o644, 0o620])('refuses a file of mode %o', async (mode) => {
    await write(GOOD);
    await chmod(file, mode);
    await expect(loadKeyring(file)).rejects.toMatchObject({ code: 'ERR_KEY_FILE_PERMISSIONS' });
  });

  const audience = (roots: object, epoch: unknown = 1): object => ({
    ...GOOD,
    audiences: { research: { epoch, roots } },
  });
  test.each([
    ['no JSON', `{"format": "${ROOT}`],
    ['another format', { ...GOOD, format: 'gauze-keyring/2' }],
    ['an unknown setting', { ...GOOD, more: 1 }],
    ['an epoch without a root', audience({ '1': ROOT }, 2)],
    ['an epoch that is no number', audience({ '1': ROOT }, '1')],
    ['a root of 31 bytes', audience({ '1': Buffer.alloc(31).toString('base64') })],
    ['a root of 33 bytes', audience({ '1': Buffer.alloc(33).toString('base64') })],
    ['a root that is not base64', audience({ '1': `${ROOT.slice(0, -2)}!=` })],
    ['a root that is no text', audience({ '1': 5 })],
    ['a name that is no audience', { ...GOOD, audiences: { 'Re search': GOOD.audiences.research } }],
    ['a list', []],
  ])('refuses %s, and quotes nothing of it', async (_name, content) => {
    await write(content);
    const error: unknown = await loadKeyring(file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_KEY_FILE', context: { file } });
    expect(inspect(error, { depth: 9 })).not.toContain(ROOT.slice(0, 12));
  });

  test('refuses a file that is not there and a directory', async () => {
    await expect(loadKeyring(file)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' });
    await mkdir(file);
    await expect(loadKeyring(file)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' });
  });

  test('prints neither keyring nor keys', async () => {
    await write(GOOD);
    const ring = await loadKeyring(file);
    const keys = ring.audience('research');
    keys.pseudonyms('mrn');
    const format = { alphabet: '0123456789', separators: '-' };
    const ciphers = [keys.sealer(), keys.deterministic('mrn'), keys.formatPreserving('mrn', format)];
    for (const secret of [ring, keys, keys.pseudonyms('mrn'), ring.opener('research'), ...ciphers]) {
      expect([
        (secret as { toString(): string }).toString(),
        JSON.stringify(secret),
        inspect(secret, { showHidden: true }),
      ]).toEqual(['[hidden]', '"[hidden]"', '[hidden]']);
    }
    expect(JSON.stringify({ ...keys })).not.toContain(ROOT);
  });
});

describe('making', () => {
  test('writes random roots that only the owner may read', async () => {
    expect(await createKeyringFile(file, ['research', 'billing', 'research'])).toEqual([
      'research',
      'billing',
    ]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const ring = await loadKeyring(file);
    expect(ring.audiences).toEqual(['billing', 'research']);
    const roots = [...(await readFile(file, 'utf8')).matchAll(/"1": "([^"]+)"/g)].map(([, root]) => root);
    expect(roots).toHaveLength(3);
    expect(new Set(roots).size).toBe(3);
    expect(await readdir(directory)).toEqual(['keyring.json']);
  });

  test('adds what is missing and never changes what is there', async () => {
    await createKeyringFile(file, ['research']);
    const before = hashed((await loadKeyring(file)).audience('research').pseudonyms('mrn'), 'MRN-1');
    expect(await createKeyringFile(file, ['research', 'billing'])).toEqual(['billing']);
    const ring = await loadKeyring(file);
    expect(hashed(ring.audience('research').pseudonyms('mrn'), 'MRN-1')).toBe(before);
    const text = await readFile(file, 'utf8');
    expect(await createKeyringFile(file, ['billing'])).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe(text);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['keyring.json']);
  });

  test('adds an epoch to one audience, which is used only where it is named', async () => {
    await createKeyringFile(file, ['research', 'billing']);
    const hash = async (audience: string, epoch?: number): Promise<string> =>
      hashed((await loadKeyring(file)).audience(audience, epoch).pseudonyms('mrn'), 'MRN-1');
    const before = [await hash('research'), await hash('billing')];
    expect(await addAudienceEpoch(file, 'research')).toBe(2);
    expect([await hash('research'), await hash('billing'), await hash('research', 1)]).toEqual([
      ...before,
      before[0],
    ]);
    expect(await hash('research', 2)).not.toBe(before[0]);
    expect(await addAudienceEpoch(file, 'research')).toBe(3);
    await expect(hash('billing', 2)).rejects.toMatchObject({
      code: 'ERR_KEY_EPOCH_MISSING',
      context: { audience: 'billing', expected: '2' },
    });
    await expect(addAudienceEpoch(file, 'nobody')).rejects.toMatchObject({ code: 'ERR_KEY_MISSING' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('refuses to write over anything that is no keyring, or one that others may read', async () => {
    await write('not a keyring');
    await expect(createKeyringFile(file, ['research'])).rejects.toMatchObject({ code: 'ERR_KEY_FILE' });
    expect(await readFile(file, 'utf8')).toBe('not a keyring');
    await write(GOOD);
    await chmod(file, 0o644);
    await expect(createKeyringFile(file, ['billing'])).rejects.toMatchObject({
      code: 'ERR_KEY_FILE_PERMISSIONS',
    });
  });

  test('refuses a name that is no audience and leaves no file', async () => {
    await expect(createKeyringFile(file, ['Not A Name'])).rejects.toMatchObject({ code: 'ERR_KEY_FILE' });
    expect(await readdir(directory)).toEqual([]);
  });
});
