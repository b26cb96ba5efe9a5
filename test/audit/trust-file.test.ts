/**
 * The trust file and what makes it: one form only, nothing that is there changed, no key in print.
 */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ed25519Signer, formatVkey, noteSigner, noteVerifier, signNote } from '../../audit/signed-note.ts';
import { parseTrustFile } from '../../audit/trust-file.ts';
import { makeAuditTrust, unknownWriters } from '../../audit/trust-maker.ts';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import { topicNames } from '../../schemas/topic-names.ts';

const ORIGIN = 'audit.example.org/hospital';
const NAMES = topicNames('gauze');
let directory: string;
let keyringFile: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gauze-trust-'));
  keyringFile = join(directory, 'keyring.json');
  await createKeyringFile(keyringFile, ['research']);
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const make = async () =>
  await makeAuditTrust(directory, { keyring: await loadKeyring(keyringFile), origin: ORIGIN, names: NAMES });

describe('a made trust file', () => {
  test('enrols the key of every writer, for the ids of its own role alone', async () => {
    const { trust, rootVkey, trustFile } = await make();
    const keyring = await loadKeyring(keyringFile);
    expect(parseTrustFile(await readFile(trustFile), rootVkey)).toEqual(trust);
    const lane = NAMES.laneTransactionalId('research', 'clinical.patients', 0);
    const may = (id: string) => trust.writers.filter(({ writerIdPrefix: p }) => id.startsWith(p));
    expect(may(lane).map(({ name }) => name)).toEqual(['topology']);
    expect(may(lane)[0]!.publicKey).toEqual(keyring.auditWriter('topology').publicKey);
    for (const id of [NAMES.taskTransactionalId('1'), NAMES.heartbeatTransactionalId('1')])
      expect(may(id).map(({ name }) => name)).toEqual(['topology']);
    expect(may(NAMES.grantsTransactionalId).map(({ name }) => name)).toEqual(['approvals']);
    expect(may(NAMES.approvalsTransactionalId('admin.1')).map(({ name }) => name)).toContain('admin');
    expect(trust.writers.filter(({ isAdmin }) => isAdmin).map(({ name }) => name)).toEqual(['admin']);
    expect(trust.sealers[0]!.verifier).toMatchObject({
      name: ORIGIN,
      publicKey: keyring.auditWriter('sealer').publicKey,
    });
    expect(trust).toMatchObject({ origin: ORIGIN, witnesses: [], quorum: 0 });
  });

  test('stays as it is the second time, also without its root key', async () => {
    const first = await make();
    expect(first.made).toEqual(['root.key', 'root.vkey', 'trust.note']);
    expect((await stat(first.rootKeyFile)).mode & 0o777).toBe(0o600);
    const text = await readFile(first.trustFile, 'utf8');
    expect(text).not.toContain('PRIVATE');
    await rm(first.rootKeyFile);
    const again = await make();
    expect(again).toMatchObject({ rootVkey: first.rootVkey, made: [] });
    expect(await readFile(first.trustFile, 'utf8')).toBe(text);
  });

  test('is told to be stale once the keyring has a writer that it does not know', async () => {
    const { trust } = await make();
    expect(unknownWriters(trust, await loadKeyring(keyringFile))).toEqual([]);
    await rm(keyringFile);
    await createKeyringFile(keyringFile, []);
    const unknown = unknownWriters(trust, await loadKeyring(keyringFile));
    expect(unknown).toEqual(['topology', 'approvals', 'provisioner', 'admin', 'sealer', 'auditor']);
  });

  test('is not believed without the vkey that it is checked with', async () => {
    const { trustFile } = await make();
    await rm(join(directory, 'root.vkey'));
    await expect(make()).rejects.toMatchObject({
      code: 'ERR_AUDIT_TRUST_EXISTS',
      context: { file: trustFile },
    });
  });
});

describe('reading', () => {
  const root = noteSigner('root', 1, ed25519Signer(Buffer.alloc(32, 1)));
  const rootVkey = formatVkey(root);
  const key = Buffer.alloc(32, 3).toString('base64');
  const from = '2026-01-01T00:00:00.000Z';
  const sealer = formatVkey(noteVerifier(ORIGIN, 1, Buffer.alloc(32, 4)));
  const witness = formatVkey(noteVerifier('witness', 4, Buffer.alloc(32, 5)));
  const read = (...lines: string[]) =>
    parseTrustFile(signNote(`${['gauze-trust/1', ORIGIN, ...lines].join('\n')}\n`, root), rootVkey);

  test('takes each kind of line', () => {
    const trust = read(
      `writer topology ${key} ${from} 2027-01-01T00:00:00.000Z gauze.lane.`,
      `admin admin ${key} ${from} - gauze.`,
      `sealer ${sealer} ${from} -`,
      `witness ${witness}`,
      'quorum 1',
    );
    expect(trust.writers.map(({ isAdmin, notAfterMs }) => [isAdmin, notAfterMs])).toEqual([
      [false, Date.parse('2027-01-01T00:00:00.000Z')],
      [true, null],
    ]);
    expect([trust.sealers.length, trust.witnesses.length, trust.quorum]).toEqual([1, 1, 1]);
  });

  test.each([
    ['a kind that it does not know', ['reader x', 'quorum 0']],
    ['a writer without a beginning of ids', [`writer topology ${key} ${from} -`, 'quorum 0']],
    ['a key of another length', [`writer topology ${key.slice(4)} ${from} - gauze.`, 'quorum 0']],
    ['a time in another form', [`writer topology ${key} 2026-01-01 - gauze.`, 'quorum 0']],
    ['a witness of the kind of a log', [`witness ${sealer}`, 'quorum 0']],
    ['a sealer of the kind of a witness', [`sealer ${witness} ${from} -`, 'quorum 0']],
    ['a witness with a beginning and no end', [`witness ${witness} ${from}`, 'quorum 0']],
    ['no quorum', [`witness ${witness}`]],
    ['two quorums', ['quorum 0', 'quorum 0']],
    ['a quorum of more than there are', [`witness ${witness}`, 'quorum 2']],
    ['a blank too many', [`writer  topology ${key} ${from} - gauze.`, 'quorum 0']],
  ])('refuses %s', (_name, lines) => {
    expect(() => read(...lines)).toThrow(expect.objectContaining({ code: 'ERR_AUDIT_TRUST_FILE' }));
  });

  test('refuses what another root has signed, and a changed byte', async () => {
    const { trustFile, rootVkey: own } = await make();
    const text = await readFile(trustFile, 'utf8');
    expect(() => parseTrustFile(text, rootVkey)).toThrow(
      expect.objectContaining({ code: 'ERR_AUDIT_NOTE_UNTRUSTED' }),
    );
    await writeFile(trustFile, text.replace('quorum 0', 'quorum 1'));
    await expect(make()).rejects.toMatchObject({ code: 'ERR_AUDIT_NOTE_SIGNATURE' });
    expect(parseTrustFile(text, own).origin).toBe(ORIGIN);
  });
});
