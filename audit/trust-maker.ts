/**
 * Makes a site's root key and the trust file that it signs. Files that are there are never written over; the root's
 * private key stands in one file, which belongs offline from then on.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_WRITER_ROLES } from '../keys/audit-writer-key.ts';
import type { AuditWriterRole } from '../keys/audit-writer-key.ts';
import type { Keyring } from '../keys/keyring.ts';
import { nowMs, random } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { NOTE_KEY, formatSkey, formatVkey, noteVerifier, parseSkey } from './signed-note.ts';
import type { NoteSigner, NoteVerifier } from './signed-note.ts';
import { formatTrustFile, parseTrustFile } from './trust-file.ts';
import type { Trust, TrustedWriter } from './verify/trust.ts';

export const TRUST_FILE = 'trust.note';
export const ROOT_KEY_FILE = 'root.key';
export const ROOT_VKEY_FILE = 'root.vkey';

export interface TrustOptions {
  readonly keyring: Keyring;
  /** Name of the log of seals. */
  readonly origin: string;
  readonly names: TopicNames;
  readonly witnesses?: readonly NoteVerifier[];
  /** Cosignatures that a checkpoint needs; default: none. */
  readonly quorum?: number;
}

export interface MadeTrust {
  readonly trustFile: string;
  readonly rootKeyFile: string;
  readonly rootVkey: string;
  readonly trust: Trust;
  /** Names of the files that were made now. */
  readonly made: readonly string[];
}

const OWNER_ONLY = 0o600;
const EVERYBODY_READS = 0o644;
const SEED_BYTES = 32;
/** A little before now, for brokers whose clocks are behind. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Makes what is missing of root key, its vkey and trust file in `directory`; gives what is there. A trust file that is
 * there stays as it is, and its root key need not be there any more.
 * @throws GauzeError ERR_AUDIT_TRUST_EXISTS (a trust file without the vkey to check it), ERR_AUDIT_TRUST_DIRECTORY
 */
export async function makeAuditTrust(directory: string, options: TrustOptions): Promise<MadeTrust> {
  const [trustFile, rootKeyFile, vkeyFile] = [TRUST_FILE, ROOT_KEY_FILE, ROOT_VKEY_FILE].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  const existing = await textOf(trustFile);
  const pinned = (await textOf(vkeyFile))?.trim();
  if (existing !== null) {
    if (pinned === undefined) throw new GauzeError('ERR_AUDIT_TRUST_EXISTS', { file: trustFile });
    return { trustFile, rootKeyFile, rootVkey: pinned, trust: parseTrustFile(existing, pinned), made: [] };
  }
  const made: string[] = [];
  const make = async (name: string, file: string, text: string, mode: number): Promise<void> => {
    await writeNew(file, text, mode);
    made.push(name);
  };
  const before = await textOf(rootKeyFile);
  // The name of the key says whose it is; the seed stands in its file alone.
  const skey = before?.trim() ?? formatSkey(`${options.origin}/root`, NOTE_KEY.ED25519, random(SEED_BYTES));
  const root: NoteSigner = parseSkey(skey);
  const rootVkey = formatVkey(root);
  if (before === null) await make(ROOT_KEY_FILE, rootKeyFile, `${skey}\n`, OWNER_ONLY);
  if (pinned === undefined) await make(ROOT_VKEY_FILE, vkeyFile, `${rootVkey}\n`, EVERYBODY_READS);
  const note = formatTrustFile(trustOf(options, nowMs() - CLOCK_SKEW_MS), root);
  await make(TRUST_FILE, trustFile, note, EVERYBODY_READS);
  return { trustFile, rootKeyFile, rootVkey, trust: parseTrustFile(note, rootVkey), made };
}

/** Writers that `keyring` has a key of, and the trust file does not know: it has to be signed anew. */
export function unknownWriters(trust: Trust, keyring: Keyring): readonly AuditWriterRole[] {
  return AUDIT_WRITER_ROLES.filter((role) => {
    const key = keyOf(keyring, role);
    return key && !trust.writers.some(({ publicKey }) => publicKey.equals(key.publicKey));
  });
}

function trustOf(
  { keyring, origin, names, ...more }: TrustOptions,
  notBeforeMs: number,
): Omit<Trust, 'rootVkey'> {
  const prefixes = writerIdPrefixes(names);
  const writers = AUDIT_WRITER_ROLES.flatMap((role) => {
    const key = keyOf(keyring, role);
    if (!key) return [];
    const common = { name: role, publicKey: key.publicKey, notBeforeMs, notAfterMs: null };
    return prefixes[role].map((writerIdPrefix): TrustedWriter => {
      return { ...common, isAdmin: role === 'admin', writerIdPrefix };
    });
  });
  const { publicKey } = keyring.auditWriter('sealer');
  const verifier = noteVerifier(origin, NOTE_KEY.ED25519, publicKey);
  const { witnesses = [], quorum = 0 } = more;
  return { origin, writers, sealers: [{ verifier, notBeforeMs, notAfterMs: null }], witnesses, quorum };
}

/** What the transactional ids of each role begin with. */
function writerIdPrefixes(names: TopicNames): Readonly<Record<AuditWriterRole, readonly string[]>> {
  const { prefix } = names;
  return {
    topology: [`${prefix}.lane.`, `${prefix}.task.`, names.heartbeatTransactionalId('')],
    approvals: [names.approvalsTransactionalId('')],
    provisioner: [names.approvalsTransactionalId('provisioner')],
    admin: [names.approvalsTransactionalId('admin')],
    sealer: [names.sealerTransactionalId],
    auditor: [names.auditorTransactionalId('')],
  };
}

/** A role's own keyring holds its own key alone. */
function keyOf(keyring: Keyring, role: AuditWriterRole): ReturnType<Keyring['auditWriter']> | null {
  try {
    return keyring.auditWriter(role);
  } catch {
    return null;
  }
}

/** null where there is no such file. */
async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw new GauzeError('ERR_AUDIT_TRUST_DIRECTORY', { file });
  }
}

/** Never over something that is there. */
async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    const handle = await open(file, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    throw new GauzeError('ERR_AUDIT_TRUST_DIRECTORY', { file });
  }
}
