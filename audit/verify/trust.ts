/**
 * Whom the verifier believes: the trust file, opened with the root key that the auditor pins. What is not in it is
 * nobody. It holds public keys and names only.
 */
import type { NoteVerifier, VerifiedSignature } from '../signed-note.ts';

/** From when to when a key may sign. */
export interface Validity {
  readonly notBeforeMs: number;
  /** null: still valid. */
  readonly notAfterMs: number | null;
}

/** A key that may open chains, or declare things. */
export interface TrustedWriter extends Validity {
  readonly name: string;
  readonly isAdmin: boolean;
  /** 32 bytes. */
  readonly publicKey: Buffer;
  /** Beginning of the writer ids that it may speak for. */
  readonly writerIdPrefix: string;
}

export interface TrustedSealer extends Validity {
  readonly verifier: NoteVerifier;
}

export interface TrustedWitness extends NoteVerifier {
  /** Absent: always. */
  readonly validity?: Validity;
}

export interface Trust {
  readonly origin: string;
  readonly rootVkey: string;
  readonly writers: readonly TrustedWriter[];
  readonly sealers: readonly TrustedSealer[];
  readonly witnesses: readonly TrustedWitness[];
  /** Cosignatures that a checkpoint needs. */
  readonly quorum: number;
}

/** Clocks of brokers, of witnesses and of whoever signs the trust file may be so far apart. */
const CLOCKS_APART_MS = 5 * 60_000;

/** Was the key valid at a time that another clock tells? */
export function isValidAt({ notBeforeMs, notAfterMs }: Validity, atMs: number): boolean {
  if (atMs < notBeforeMs - CLOCKS_APART_MS) return false;
  return notAfterMs === null || atMs <= notAfterMs + CLOCKS_APART_MS;
}

/** Cosignatures of a checkpoint by witnesses that were enrolled when they cosigned; one of each. */
export function enrolledCosignatures(
  trust: Trust,
  cosignatures: readonly VerifiedSignature[],
): readonly VerifiedSignature[] {
  return cosignatures.filter(({ verifier, timeSeconds }) => {
    const witness = trust.witnesses.find((each) => each === verifier);
    if (!witness) return false;
    return !witness.validity || (timeSeconds !== null && isValidAt(witness.validity, timeSeconds * 1000));
  });
}

/** The writer by this name that was valid at a time and may speak for a writer id. */
export function enrolledWriters(
  trust: Trust,
  name: string,
  writerId: string,
  atMs: number,
): readonly TrustedWriter[] {
  return trust.writers.filter(
    (writer) => writer.name === name && writerId.startsWith(writer.writerIdPrefix) && isValidAt(writer, atMs),
  );
}
