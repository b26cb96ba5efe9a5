/**
 * The keyring in a file: one root key per audience and epoch, and what is derived from them.
 * Key bytes stay inside this room: what leaves are verbs (AudienceKeys) and names.
 * It never prints a key, never overwrites one, and never reads a file that others may read.
 */
import { createSecretKey } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { GauzeError } from '../platform/errors.ts';
import { random, randomId } from '../platform/clock.ts';
import { AUDIT_WRITER_ROLES, SEED_BYTES, auditWriterKey } from './audit-writer-key.ts';
import type { AuditWriterKey, AuditWriterRole } from './audit-writer-key.ts';
import type { AudienceKeys } from './audience-keys.ts';
import { Hidden } from './hidden.ts';
import { KeyringOpener } from './opener.ts';
import type { Opener } from './opener.ts';
import { RootAudienceKeys } from './root-audience-keys.ts';
import { RootSubjectTokens } from './subject-tokens.ts';
import type { SubjectTokens } from './subject-tokens.ts';

const FORMAT = 'gauze-keyring/1';
const ROOT_BYTES = 32;
const OTHERS_MAY_DO = 0o077;
const OWNER_ONLY = 0o600;
const LARGEST_EPOCH = 0xffffffff;
/** The reserved audience that a missing root of subject tokens is reported for. */
const SUBJECT_TOKENS_OWNER = 'index';

const rootText = z.string().refine((text) => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === ROOT_BYTES && bytes.toString('base64') === text;
});

const epochRoots = z
  .strictObject({
    /** The epoch in use; older roots stay for what was made under them. */
    epoch: z.int().min(1).max(LARGEST_EPOCH),
    roots: z.record(z.string().regex(/^[1-9][0-9]{0,9}$/), rootText),
  })
  .refine(({ epoch, roots }) => Object.hasOwn(roots, String(epoch)));

const keyringFile = z.strictObject({
  format: z.literal(FORMAT),
  audiences: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,30}$/), epochRoots),
  /** Root of the tokens that stand for persons in the audit index. */
  subjectTokens: epochRoots.optional(),
  /** Root of the key that signs audit seals. */
  auditSigning: epochRoots.optional(),
  /** Seed of the key with which each role vouches for its audit sessions; a role's own file needs only its own. */
  auditWriters: z.partialRecord(z.enum(AUDIT_WRITER_ROLES), rootText).optional(),
});

type KeyringFile = z.infer<typeof keyringFile>;
type EpochRoots = z.infer<typeof epochRoots>;

/** All root keys of one deployment. */
export interface Keyring {
  /** Names of the audiences that have a root key, sorted. */
  readonly audiences: readonly string[];
  /**
   * The keys of one audience, the same object at each call; the first ones, or of the epoch that its policy names.
   * Throws ERR_KEY_MISSING, ERR_KEY_EPOCH_MISSING.
   */
  audience(name: string, epoch?: number): AudienceKeys;
  /**
   * The keys of one grant, for what it does not reveal: derived from the base audience's root, but none of the base
   * audience's, so that an identity that a grant reveals opens no pseudonym of the audience. Throws ERR_KEY_MISSING.
   */
  grant(baseAudience: string, grantId: string, epoch?: number): AudienceKeys;
  /** Opens what was encrypted for an audience, or for a grant on it, under any key epoch. Throws ERR_KEY_MISSING. */
  opener(audience: string, grantId?: string): Opener;
  /** The tokens of persons, the same object at each call. Throws ERR_KEY_MISSING. */
  subjectTokens(): SubjectTokens;
  /** Those of every key epoch that the keyring still has, newest first: to find what was written under older ones. */
  subjectTokenEpochs(): readonly SubjectTokens[];
  /** The key that vouches for what a role writes to the audit topic. Throws ERR_KEY_MISSING. */
  auditWriter(role: AuditWriterRole): AuditWriterKey;
}

/** Reads a keyring. Throws ERR_KEY_FILE (absent, unreadable, not a keyring) or ERR_KEY_FILE_PERMISSIONS. */
export async function loadKeyring(file: string): Promise<Keyring> {
  return new FileKeyring(await readKeyringFile(file));
}

/**
 * Makes a keyring with a random root for each of `audiences` and a key for each audit writer, readable by its owner
 * only; a keyring that exists gets what it lacks, and what it has is never changed. Returns the audiences added.
 * Throws ERR_KEY_FILE where something else stands at that path, ERR_KEY_FILE_PERMISSIONS as loadKeyring does.
 */
export async function createKeyringFile(file: string, audiences: readonly string[]): Promise<string[]> {
  const existing = await readKeyringFile(file, 'may be absent');
  const present = existing?.audiences ?? {};
  const added = [...new Set(audiences)].filter((name) => !Object.hasOwn(present, name));
  const writers = existing?.auditWriters ?? {};
  const newWriters = AUDIT_WRITER_ROLES.filter((role) => !Object.hasOwn(writers, role));
  const complete = keyringFile.safeParse({
    ...existing,
    format: FORMAT,
    audiences: { ...present, ...Object.fromEntries(added.map((name) => [name, newRoots()])) },
    subjectTokens: existing?.subjectTokens ?? newRoots(),
    auditWriters: { ...writers, ...Object.fromEntries(newWriters.map((role) => [role, newSeed()])) },
  });
  if (!complete.success) throw new GauzeError('ERR_KEY_FILE', { file });
  if (existing?.subjectTokens && added.length + newWriters.length === 0) return [];
  await writeKeyringFile(file, complete.data, existing === null ? 'new' : 'replace');
  return added;
}

/**
 * Adds a key epoch to the subject tokens and makes it the one in use; older roots stay, so that what was indexed under
 * them is still found. Gives the new epoch. Throws as loadKeyring does, and ERR_KEY_MISSING without a first epoch.
 */
export async function addSubjectTokenEpoch(file: string): Promise<number> {
  const existing = await readKeyringFile(file);
  const { subjectTokens } = existing;
  if (!subjectTokens) throw new GauzeError('ERR_KEY_MISSING', { audience: SUBJECT_TOKENS_OWNER });
  const epoch = Math.max(...Object.keys(subjectTokens.roots).map(Number)) + 1;
  const roots = { ...subjectTokens.roots, [String(epoch)]: random(ROOT_BYTES).toString('base64') };
  const complete = keyringFile.safeParse({ ...existing, subjectTokens: { epoch, roots } });
  if (!complete.success) throw new GauzeError('ERR_KEY_FILE', { file });
  await writeKeyringFile(file, complete.data, 'replace');
  return epoch;
}

/**
 * Adds a key epoch to an audience's keys; which one is in use, its policy says. Older roots stay, for what was made
 * under them. Gives the new epoch. Throws as loadKeyring does, and ERR_KEY_MISSING for an audience without keys.
 */
export async function addAudienceEpoch(file: string, audience: string): Promise<number> {
  const existing = await readKeyringFile(file);
  const keys = Object.hasOwn(existing.audiences, audience) ? existing.audiences[audience] : undefined;
  if (!keys) throw new GauzeError('ERR_KEY_MISSING', { audience });
  const epoch = Math.max(...Object.keys(keys.roots).map(Number)) + 1;
  const roots = { ...keys.roots, [String(epoch)]: random(ROOT_BYTES).toString('base64') };
  const audiences = { ...existing.audiences, [audience]: { ...keys, roots } };
  const complete = keyringFile.safeParse({ ...existing, audiences });
  if (!complete.success) throw new GauzeError('ERR_KEY_FILE', { file });
  await writeKeyringFile(file, complete.data, 'replace');
  return epoch;
}

function newRoots(): EpochRoots {
  return { epoch: 1, roots: { '1': random(ROOT_BYTES).toString('base64') } };
}

function newSeed(): string {
  return random(SEED_BYTES).toString('base64');
}

async function readKeyringFile(file: string): Promise<KeyringFile>;
async function readKeyringFile(file: string, absent: 'may be absent'): Promise<KeyringFile | null>;
async function readKeyringFile(file: string, absent?: 'may be absent'): Promise<KeyringFile | null> {
  const handle = await open(file, 'r').catch((thrown: unknown) => {
    if (absent && (thrown as { code?: unknown }).code === 'ENOENT') return null;
    throw new GauzeError('ERR_KEY_FILE', { file });
  });
  if (handle === null) return null;
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new GauzeError('ERR_KEY_FILE', { file });
    // Checked on the open file, so that the answer is about the bytes that are read.
    if ((status.mode & OTHERS_MAY_DO) !== 0) throw new GauzeError('ERR_KEY_FILE_PERMISSIONS', { file });
    return parseKeyring(await handle.readFile('utf8'), file);
  } finally {
    await handle.close();
  }
}

function parseKeyring(text: string, file: string): KeyringFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // A syntax error of JSON quotes the text: it must not become the cause.
    throw new GauzeError('ERR_KEY_FILE', { file });
  }
  const checked = keyringFile.safeParse(parsed);
  if (!checked.success) throw new GauzeError('ERR_KEY_FILE', { file });
  return checked.data;
}

/** Writes beside the target first, so that a crash never leaves half a keyring. */
async function writeKeyringFile(file: string, keyring: KeyringFile, mode: 'new' | 'replace'): Promise<void> {
  const text = `${JSON.stringify(keyring, null, 2)}\n`;
  const target = mode === 'new' ? file : `${file}.${randomId()}`;
  try {
    // 'wx' refuses a file that is there already, also one that appeared since it was looked for.
    const handle = await open(target, 'wx', OWNER_ONLY);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (target !== file) await rename(target, file);
  } catch {
    if (target !== file) await rm(target, { force: true });
    throw new GauzeError('ERR_KEY_FILE', { file });
  }
}

class FileKeyring extends Hidden implements Keyring {
  readonly audiences: readonly string[];
  readonly #keys: ReadonlyMap<string, ReadonlyMap<number | 'in use', RootAudienceKeys>>;
  readonly #subjectTokens: SubjectTokens | null;
  readonly #subjectTokenEpochs: readonly SubjectTokens[];
  readonly #auditWriters: ReadonlyMap<string, AuditWriterKey>;

  constructor(keyring: KeyringFile) {
    super();
    this.#auditWriters = new Map(
      Object.entries(keyring.auditWriters ?? {}).map(([role, seed]) => [role, writerKeyOf(role, seed)]),
    );
    this.#subjectTokenEpochs = keyring.subjectTokens ? subjectTokenEpochsOf(keyring.subjectTokens) : [];
    const inUse = keyring.subjectTokens?.epoch;
    this.#subjectTokens = this.#subjectTokenEpochs.find(({ epoch }) => epoch === inUse) ?? null;
    this.audiences = Object.keys(keyring.audiences).sort();
    this.#keys = new Map(
      Object.entries(keyring.audiences).map(([name, roots]) => [name, audienceKeysOf(name, roots)]),
    );
  }

  audience(name: string, epoch?: number): AudienceKeys {
    return this.#audience(name, epoch);
  }

  grant(baseAudience: string, grantId: string, epoch?: number): AudienceKeys {
    return this.#audience(baseAudience, epoch).forGrant(grantId);
  }

  opener(audience: string, grantId?: string): Opener {
    this.#audience(audience);
    const epochs = this.#keys.get(audience)!;
    return new KeyringOpener((epoch) => {
      const keys = epochs.get(epoch ?? 'in use') ?? null;
      return keys && grantId !== undefined ? keys.forGrant(grantId) : keys;
    });
  }

  subjectTokens(): SubjectTokens {
    if (!this.#subjectTokens) throw new GauzeError('ERR_KEY_MISSING', { audience: SUBJECT_TOKENS_OWNER });
    return this.#subjectTokens;
  }

  subjectTokenEpochs(): readonly SubjectTokens[] {
    if (this.#subjectTokenEpochs.length === 0)
      throw new GauzeError('ERR_KEY_MISSING', { audience: SUBJECT_TOKENS_OWNER });
    return this.#subjectTokenEpochs;
  }

  auditWriter(role: AuditWriterRole): AuditWriterKey {
    const key = this.#auditWriters.get(role);
    if (!key) throw new GauzeError('ERR_KEY_MISSING', { audience: `audit writer ${role}` });
    return key;
  }

  #audience(name: string, epoch: number | 'in use' = 'in use'): RootAudienceKeys {
    const epochs = this.#keys.get(name);
    if (!epochs) throw new GauzeError('ERR_KEY_MISSING', { audience: name });
    const keys = epochs.get(epoch);
    if (!keys) throw new GauzeError('ERR_KEY_EPOCH_MISSING', { audience: name, expected: String(epoch) });
    return keys;
  }
}

function writerKeyOf(role: string, seed: string): AuditWriterKey {
  const bytes = Buffer.from(seed, 'base64');
  const key = auditWriterKey(role, bytes);
  bytes.fill(0);
  return key;
}

function audienceKeysOf(audience: string, { epoch: inUse, roots }: EpochRoots) {
  const keys = new Map<number | 'in use', RootAudienceKeys>();
  for (const [epoch, root] of Object.entries(roots)) {
    const bytes = Buffer.from(root, 'base64');
    keys.set(Number(epoch), new RootAudienceKeys(audience, Number(epoch), createSecretKey(bytes)));
    bytes.fill(0);
  }
  return keys.set('in use', keys.get(inUse)!);
}

/** Tokens of all epochs, newest first. */
function subjectTokenEpochsOf({ roots }: EpochRoots): readonly SubjectTokens[] {
  return Object.entries(roots)
    .map(([epoch, root]) => {
      const bytes = Buffer.from(root, 'base64');
      const tokens = new RootSubjectTokens(bytes, Number(epoch));
      bytes.fill(0);
      return tokens;
    })
    .sort((one, other) => other.epoch - one.epoch);
}
