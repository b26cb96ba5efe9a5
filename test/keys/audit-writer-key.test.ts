/**
 * The keys that vouch for audit sessions: one per role, kept, never shown, and missed loudly.
 */
import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AUDIT_WRITER_ROLES, auditWriterKey } from '../../keys/audit-writer-key.ts';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gauze-writers-'));
  file = join(directory, 'keyring.json');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const seedsOf = async () =>
  (JSON.parse(await readFile(file, 'utf8')) as { auditWriters: Record<string, string> }).auditWriters;

describe('the key of an audit writer', () => {
  test('is Ed25519 of its seed: the first test vector of RFC 8032, 7.1', () => {
    const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
    const key = auditWriterKey('topology', Buffer.from(seed, 'hex'));
    expect(key.publicKey.toString('hex')).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    expect(key.sign(Buffer.alloc(0)).toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
  });

  test('is made for every role, each its own, and stays when the keyring grows', async () => {
    await createKeyringFile(file, ['research']);
    const before = await seedsOf();
    expect(Object.keys(before).sort()).toEqual([...AUDIT_WRITER_ROLES].sort());
    expect(new Set(Object.values(before)).size).toBe(AUDIT_WRITER_ROLES.length);
    await createKeyringFile(file, ['research', 'billing']);
    expect(await seedsOf()).toEqual(before);
    const ring = await loadKeyring(file);
    const { publicKey, name } = ring.auditWriter('topology');
    const x = publicKey.toString('base64url');
    const jwk = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const message = Buffer.from('m');
    expect(verify(null, message, jwk, ring.auditWriter('topology').sign(message))).toBe(true);
    expect(name).toBe('topology');
  });

  test('is added to a keyring of before, which keeps all that it has', async () => {
    await createKeyringFile(file, ['research']);
    const { auditWriters, ...old } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify(old), { mode: 0o600 });
    expect(await createKeyringFile(file, ['research'])).toEqual([]);
    const now = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    expect(now).toMatchObject(old);
    expect(now['auditWriters']).not.toEqual(auditWriters);
  });

  test('is missed by name where a keyring has only that of another role', async () => {
    const auditWriters = { approvals: Buffer.alloc(32, 4).toString('base64') };
    await writeFile(file, JSON.stringify({ format: 'gauze-keyring/1', audiences: {}, auditWriters }), {
      mode: 0o600,
    });
    const ring = await loadKeyring(file);
    expect(ring.auditWriter('approvals').name).toBe('approvals');
    expect(() => ring.auditWriter('topology')).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_MISSING', context: { audience: 'audit writer topology' } }),
    );
  });

  test.each([
    ['a role that does not exist', { auditor2: Buffer.alloc(32).toString('base64') }],
    ['a seed of another length', { topology: Buffer.alloc(31).toString('base64') }],
  ])('refuses %s', async (_name, auditWriters) => {
    await writeFile(file, JSON.stringify({ format: 'gauze-keyring/1', audiences: {}, auditWriters }), {
      mode: 0o600,
    });
    await expect(loadKeyring(file)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' });
  });

  test('shows itself in no print', async () => {
    await createKeyringFile(file, []);
    const key = (await loadKeyring(file)).auditWriter('sealer');
    expect([
      inspect(key, { showHidden: true, depth: 9 }),
      JSON.stringify(key),
      inspect({ key }, { depth: 9 }),
    ]).toEqual(['[hidden]', '"[hidden]"', '{ key: [hidden] }']);
  });
});
