/**
 * Whom the verifier believes: the trust file, opened with the root key that the auditor pins. What is not in it is
 * nobody. It holds public keys and names only.
 */
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { NoteVerifier } from '../signed-note.ts';

/** A key that may open chains, or declare things. */
export interface TrustedWriter {
  readonly name: string;
  readonly isAdmin: boolean;
  /** 32 bytes. */
  readonly publicKey: Buffer;
  readonly notBeforeMs: number;
  /** null: still valid. */
  readonly notAfterMs: number | null;
  /** Beginning of the writer ids that it may speak for. */
  readonly writerIdPrefix: string;
}

export interface TrustedSealer {
  readonly verifier: NoteVerifier;
  readonly notBeforeMs: number;
  readonly notAfterMs: number | null;
}

export interface Trust {
  readonly origin: string;
  readonly rootVkey: string;
  readonly writers: readonly TrustedWriter[];
  readonly sealers: readonly TrustedSealer[];
  readonly witnesses: readonly NoteVerifier[];
  /** Cosignatures that a checkpoint needs. */
  readonly quorum: number;
}

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Ed25519 key of its 32 bytes; null where they are none. */
export function ed25519Key(bytes: Uint8Array): KeyObject | null {
  if (bytes.length !== 32) return null;
  try {
    return createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** The writer by this name that was valid at a time and may speak for a writer id. */
export function enrolledWriters(
  trust: Trust,
  name: string,
  writerId: string,
  atMs: number,
): readonly TrustedWriter[] {
  return trust.writers.filter(
    (writer) =>
      writer.name === name &&
      writerId.startsWith(writer.writerIdPrefix) &&
      writer.notBeforeMs <= atMs &&
      (writer.notAfterMs === null || atMs <= writer.notAfterMs),
  );
}
