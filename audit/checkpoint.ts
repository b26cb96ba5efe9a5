/**
 * Checkpoints of C2SP (c2sp.org/tlog-checkpoint): the head of a log's tree as the text of a signed note, three lines
 * and never an extension line, because nobody could audit what such a line says.
 */
import { GauzeError } from '../platform/errors.ts';
import { EMPTY_ROOT, HASH_BYTES } from './merkle-tree.ts';
import { openNote, signNote, strictBase64 } from './signed-note.ts';
import type { NoteSigner, NoteVerifier, OpenedNote, VerifiedSignature } from './signed-note.ts';

/** The head of a log. */
export interface Checkpoint {
  /** The one name of the log. */
  readonly origin: string;
  /** Leaves. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
}

/** A checkpoint that its log has signed. */
export interface SignedCheckpoint extends OpenedNote {
  readonly checkpoint: Checkpoint;
  /** By keys of the log: at least one. */
  readonly logSignatures: readonly VerifiedSignature[];
  /** By the witnesses that the caller knows. */
  readonly cosignatures: readonly VerifiedSignature[];
}

/** The text of the note. @throws GauzeError ERR_AUDIT_NOTE on a head that no checkpoint can hold */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n`;
  parseCheckpoint(text);
  return text;
}

/** Reads the text of a note, which somebody must have verified. @throws GauzeError ERR_AUDIT_NOTE */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, digits, base64, end, ...more] = text.split('\n');
  if (!origin || end !== '' || more.length > 0) throw fault('a checkpoint of three lines');
  const size = parseSize(digits ?? '');
  if (size === null) throw fault('a tree size without leading zeros');
  const root = strictBase64(base64 ?? '');
  if (root?.length !== HASH_BYTES) throw fault('a root of 32 bytes in base64');
  if (size === 0 && !root.equals(EMPTY_ROOT)) throw fault('the root of an empty tree');
  return { origin, size, root };
}

/** ASCII decimal without leading zeros, up to 2^53 - 1; null for everything else. */
export function parseSize(digits: string): number | null {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(digits)) return null;
  const size = Number(digits);
  return Number.isSafeInteger(size) ? size : null;
}

/** The checkpoint as a note, signed by the log. */
export function signCheckpoint(checkpoint: Checkpoint, ...signers: readonly NoteSigner[]): string {
  return signNote(formatCheckpoint(checkpoint), ...signers);
}

/**
 * Opens the checkpoint of the log `origin`, which a key of `logKeys` must have signed; a witness alone is not enough.
 * @throws GauzeError ERR_AUDIT_NOTE, ERR_AUDIT_NOTE_SIGNATURE, ERR_AUDIT_NOTE_UNTRUSTED, ERR_AUDIT_ORIGIN
 */
export function openCheckpoint(
  note: string | Uint8Array,
  origin: string,
  logKeys: readonly NoteVerifier[],
  witnesses: readonly NoteVerifier[] = [],
): SignedCheckpoint {
  const opened = openNote(note, [...logKeys, ...witnesses]);
  const logSignatures = opened.verified.filter(({ verifier }) => logKeys.includes(verifier));
  if (logSignatures.length === 0) throw new GauzeError('ERR_AUDIT_NOTE_UNTRUSTED');
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint.origin !== origin) throw new GauzeError('ERR_AUDIT_ORIGIN');
  const cosignatures = opened.verified.filter(({ verifier }) => witnesses.includes(verifier));
  return { ...opened, checkpoint, logSignatures, cosignatures };
}

function fault(expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_NOTE', { expected });
}
