/**
 * What a witness must not forget: the latest checkpoint it cosigned of each log, in one file that is replaced as a
 * whole and reaches the disk before anybody hears of it. A key and its state are made together and belong together: a
 * state that is lost is never begun anew, because a witness that forgot could cosign a fork.
 */
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { random } from '../../platform/clock.ts';
import { GauzeError, ownError } from '../../platform/errors.ts';
import { openCheckpoint } from '../checkpoint.ts';
import type { Checkpoint } from '../checkpoint.ts';
import {
  NOTE_KEY,
  formatSkey,
  formatVkey,
  noteSigner,
  ed25519Signer,
  parseNote,
  parseSkey,
} from '../signed-note.ts';
import type { NoteSigner, NoteVerifier } from '../signed-note.ts';

/** Files in a witness's folder. */
export const WITNESS_FILES = { key: 'witness.key', state: 'witness.state', lock: 'witness.lock' } as const;

const FORMAT = 'gauze-witness/1';
const PRIVATE_MODE = 0o600;

const stateSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** Stands in the key file as well. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  vkey: z.string(),
  /** Latest checkpoint by origin: signed by the log and by this witness. */
  notes: z.record(z.string(), z.string()),
});

type StateFile = z.infer<typeof stateSchema>;

/** Makes a key and its empty state in a folder; returns the vkey. Never writes over a file that is there. */
export async function createWitness(folder: string, name: string): Promise<string> {
  const seed = random(32);
  const id = random(16).toString('hex');
  const vkey = formatVkey(noteSigner(name, NOTE_KEY.COSIGNATURE, ed25519Signer(seed)));
  const skey = formatSkey(name, NOTE_KEY.COSIGNATURE, seed);
  seed.fill(0);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // The key first: a state without a key is no danger, a key without its state is refused at start.
    await writeNew(path.join(folder, WITNESS_FILES.key), `${skey}\nstate ${id}\n`);
    const state: StateFile = { format: FORMAT, id, vkey, notes: {} };
    await writeNew(path.join(folder, WITNESS_FILES.state), `${JSON.stringify(state)}\n`);
    await syncFolder(folder);
  } catch (thrown) {
    throw ownError(thrown, 'ERR_WITNESS_FOLDER', { file: folder });
  }
  return vkey;
}

/** A witness's key and memory; one process at a time. */
export class WitnessState {
  readonly signer: NoteSigner;
  private readonly folder: string;
  private readonly lock: DatabaseSync;
  private held: StateFile;
  private failed = false;

  private constructor(folder: string, lock: DatabaseSync, signer: NoteSigner, held: StateFile) {
    this.folder = folder;
    this.lock = lock;
    this.signer = signer;
    this.held = held;
  }

  /**
   * @throws GauzeError ERR_WITNESS_FOLDER (cannot be read), ERR_WITNESS_KEY_FILE, ERR_WITNESS_STATE_LOST,
   * ERR_WITNESS_STATE (damaged or of another key), ERR_WITNESS_LOCKED
   */
  static async open(folder: string, nowSeconds?: () => number): Promise<WitnessState> {
    const { signer, id } = await readKey(path.join(folder, WITNESS_FILES.key), nowSeconds);
    const lock = lockFolder(folder);
    try {
      const held = await readState(path.join(folder, WITNESS_FILES.state), id, signer);
      return new WitnessState(folder, lock, signer, held);
    } catch (thrown) {
      lock.close();
      throw thrown;
    }
  }

  /** The latest checkpoint of a log that this witness cosigned; null if it never did. */
  latest(origin: string): { readonly checkpoint: Checkpoint; readonly note: string } | null {
    const note = Object.hasOwn(this.held.notes, origin) ? this.held.notes[origin] : undefined;
    if (note === undefined) return null;
    return { checkpoint: openCheckpoint(note, origin, [this.signer]).checkpoint, note };
  }

  /**
   * Remembers a checkpoint; resolves once it is on the disk. After a failure nothing is remembered any more: what is on
   * the disk is then in doubt.
   */
  async remember(origin: string, note: string): Promise<void> {
    if (this.failed) throw new GauzeError('ERR_WITNESS_FOLDER', { file: this.folder, causeName: 'EIO' });
    const next = { ...this.held, notes: { ...this.held.notes, [origin]: note } };
    try {
      const file = path.join(this.folder, WITNESS_FILES.state);
      await writeSynced(`${file}.new`, 'w', `${JSON.stringify(next)}\n`);
      await rename(`${file}.new`, file);
      await syncFolder(this.folder);
    } catch (thrown) {
      this.failed = true;
      throw ownError(thrown, 'ERR_WITNESS_FOLDER', { file: this.folder });
    }
    this.held = next;
  }

  close(): void {
    this.lock.close();
  }
}

async function readKey(
  file: string,
  nowSeconds?: () => number,
): Promise<{ readonly signer: NoteSigner; readonly id: string }> {
  const fault = (expected: string): GauzeError => new GauzeError('ERR_WITNESS_KEY_FILE', { file, expected });
  const text = await readText(file);
  if (text === null) throw fault('made by `gauze witness init`');
  if (((await stat(file)).mode & 0o077) !== 0) throw fault('readable by its owner only (mode 0600)');
  const [, skey, id] = /^(\S+)\nstate ([0-9a-f]{32})\n$/.exec(text) ?? [];
  if (skey === undefined || id === undefined) throw fault('two lines, as `gauze witness init` wrote them');
  const signer = parseSkey(skey, nowSeconds);
  if (signer.type !== NOTE_KEY.COSIGNATURE) throw fault('a key of a witness');
  return { signer, id };
}

async function readState(file: string, id: string, signer: NoteVerifier): Promise<StateFile> {
  const text = await readText(file);
  if (text === null) throw new GauzeError('ERR_WITNESS_STATE_LOST', { file });
  const state = parseState(text);
  if (!state) throw new GauzeError('ERR_WITNESS_STATE', { file, expected: 'whole' });
  if (state.id !== id || state.vkey !== formatVkey(signer))
    throw new GauzeError('ERR_WITNESS_STATE', { file, expected: 'made together with the key' });
  for (const [origin, note] of Object.entries(state.notes)) {
    try {
      openCheckpoint(note, origin, [signer]);
    } catch {
      throw new GauzeError('ERR_WITNESS_STATE', { file, expected: 'cosigned by the key' });
    }
  }
  return state;
}

function parseState(text: string): StateFile | null {
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Null where there is no such file. */
async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw ownError(thrown, 'ERR_WITNESS_FOLDER', { file });
  }
}

/** An exclusive lock that ends with the process, however it ends: SQLite's, on a file of its own. */
function lockFolder(folder: string): DatabaseSync {
  try {
    const lock = new DatabaseSync(path.join(folder, WITNESS_FILES.lock));
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return lock;
  } catch {
    throw new GauzeError('ERR_WITNESS_LOCKED', { file: folder });
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeSynced(file, 'wx', text);
}

async function writeSynced(file: string, flags: 'w' | 'wx', text: string): Promise<void> {
  const handle = await open(file, flags, PRIVATE_MODE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename is on the disk only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The origin that a note claims, verified by nobody. @throws GauzeError ERR_AUDIT_NOTE */
export function claimedOrigin(note: Uint8Array): string {
  return parseNote(note).text.split('\n')[0]!;
}
