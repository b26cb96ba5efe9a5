/**
 * Signed notes of C2SP (c2sp.org/signed-note): a text and the signatures under it. Ed25519 (type 0x01) and cosignatures
 * of witnesses (type 0x04, c2sp.org/tlog-cosignature), no other. The text must never be looked at before a key that
 * the caller trusts has verified; a note that bends the format in any way is refused whole.
 */
import { hash, sign as signBytes, verify as verifyBytes } from 'node:crypto';
import { ED25519_KEY_BYTES, ed25519PrivateKey, ed25519PublicKey, publicKeyBytes } from '../keys/ed25519.ts';
import { GauzeError } from '../platform/errors.ts';
import { nowMs } from '../platform/clock.ts';

/** Type byte of a key: what its signatures say. */
export const NOTE_KEY = {
  /** Ed25519 over the text. */
  ED25519: 0x01,
  /** cosignature/v1: a time, and Ed25519 over that time and the text. */
  COSIGNATURE: 0x04,
} as const;

export type NoteKeyType = (typeof NOTE_KEY)[keyof typeof NOTE_KEY];

/** A key that is trusted to sign notes. */
export interface NoteVerifier {
  readonly name: string;
  readonly type: NoteKeyType;
  /** First four bytes of SHA-256(name || 0x0A || type || key), big-endian. */
  readonly keyId: number;
  /** 32 bytes. */
  readonly publicKey: Buffer;
}

/** What signs with a private key that stays where it is. */
export interface Ed25519Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Buffer): Uint8Array;
}

/** A key that signs notes. */
export interface NoteSigner extends NoteVerifier {
  /** What stands behind the key id in a signature line. */
  signature(text: string): Buffer;
}

/** One line under a note. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  /** What follows the key id. */
  readonly bytes: Buffer;
}

/** A signature that verified. */
export interface VerifiedSignature extends NoteSignature {
  readonly verifier: NoteVerifier;
  /** Seconds since the Unix epoch, as a cosignature says; null for others. */
  readonly timeSeconds: number | null;
}

/** A note whose text may be looked at. */
export interface OpenedNote {
  /** Ends in a newline. */
  readonly text: string;
  /** At least one, each of another key. */
  readonly verified: readonly VerifiedSignature[];
  /** Of keys that nobody here knows. */
  readonly unknown: readonly NoteSignature[];
}

/** Longest note that is looked at. */
export const MAX_NOTE_BYTES = 65_536;
const MAX_SIGNATURES = 64;
const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
/** Every ASCII control character but the newline. */
const CONTROL = /[^\P{Cc}\n\x7f-\x9f]/u;
const PRIVATE_PREFIX = 'PRIVATE+KEY+';

/** A verifier of these. @throws GauzeError ERR_AUDIT_NOTE_KEY on a name or key that can't be one */
export function noteVerifier(name: string, type: NoteKeyType, publicKey: Uint8Array): NoteVerifier {
  if (!isName(name)) throw keyFault('a name without spaces and +');
  if (publicKey.length !== ED25519_KEY_BYTES) throw keyFault('a key of 32 bytes');
  const head = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([type]), publicKey]);
  const keyId = hash('sha256', head, 'buffer').readUInt32BE(0);
  return { name, type, keyId, publicKey: Buffer.from(publicKey) };
}

/** Reads `name+keyid+base64`. @throws GauzeError ERR_AUDIT_NOTE_KEY */
export function parseVkey(vkey: string): NoteVerifier {
  const { name, keyId, type, key } = keyParts(vkey);
  const verifier = noteVerifier(name, type, key);
  if (verifier.keyId !== keyId) throw keyFault('a key id that fits the key');
  return verifier;
}

export function formatVkey({ name, type, keyId, publicKey }: NoteVerifier): string {
  return `${name}+${hexId(keyId)}+${Buffer.concat([Buffer.from([type]), publicKey]).toString('base64')}`;
}

/** A signer of notes over a key that is held elsewhere. `nowSeconds` gives cosignatures their time. */
export function noteSigner(
  name: string,
  type: NoteKeyType,
  key: Ed25519Signer,
  nowSeconds: () => number = () => Math.floor(nowMs() / 1000),
): NoteSigner {
  const signature = (text: string): Buffer => {
    if (type === NOTE_KEY.ED25519) return Buffer.from(key.sign(Buffer.from(text)));
    const seconds = nowSeconds();
    const time = Buffer.alloc(TIME_BYTES);
    time.writeBigUInt64BE(BigInt(seconds));
    return Buffer.concat([time, key.sign(cosigned(seconds, text))]);
  };
  return { ...noteVerifier(name, type, key.publicKey), signature };
}

/** Ed25519 by the 32 bytes of its seed, RFC 8032; the seed stays inside. */
export function ed25519Signer(seed: Uint8Array): Ed25519Signer {
  if (seed.length !== ED25519_KEY_BYTES) throw keyFault('a seed of 32 bytes');
  const key = ed25519PrivateKey(seed);
  return { publicKey: publicKeyBytes(key), sign: (message) => signBytes(null, message, key) };
}

/** Is it the Ed25519 signature of `message` by this key (32 bytes)? Answers no to whatever is malformed. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = ed25519PublicKey(publicKey);
  return key !== null && signature.length === SIGNATURE_BYTES && verifyBytes(null, message, key, signature);
}

/** Reads `PRIVATE+KEY+name+keyid+base64`. @throws GauzeError ERR_AUDIT_NOTE_KEY */
export function parseSkey(skey: string, nowSeconds?: () => number): NoteSigner {
  if (!skey.startsWith(PRIVATE_PREFIX)) throw keyFault('PRIVATE+KEY+ before a private key');
  const { name, keyId, type, key } = keyParts(skey.slice(PRIVATE_PREFIX.length));
  const signer = noteSigner(name, type, ed25519Signer(key), nowSeconds);
  if (signer.keyId !== keyId) throw keyFault('a key id that fits the key');
  return signer;
}

/** The text of a private key, for its own file alone. */
export function formatSkey(name: string, type: NoteKeyType, seed: Uint8Array): string {
  const { keyId } = noteVerifier(name, type, ed25519Signer(seed).publicKey);
  return `${PRIVATE_PREFIX}${name}+${hexId(keyId)}+${Buffer.concat([Buffer.from([type]), seed]).toString('base64')}`;
}

function keyParts(text: string): { name: string; keyId: number; type: NoteKeyType; key: Buffer } {
  const [, name, id, base64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(text) ?? [];
  const bytes = base64 === undefined ? null : strictBase64(base64);
  if (name === undefined || id === undefined || !bytes) throw keyFault('name+keyid+base64');
  const type = Object.values(NOTE_KEY).find((known) => known === bytes[0]);
  if (type === undefined) throw keyFault('of type Ed25519 (1) or cosignature (4)');
  return { name, keyId: Number.parseInt(id, 16), type, key: bytes.subarray(1) };
}

/**
 * The note of a text, signed.
 * @throws GauzeError ERR_AUDIT_NOTE where the text is not one
 */
export function signNote(text: string, ...signers: readonly NoteSigner[]): string {
  const parsed = parseNote(`${text}\n${signers.map((signer) => signatureLine(text, signer)).join('')}`);
  if (parsed.text !== text) throw noteFault('a text that ends in a newline');
  return parsed.note;
}

/** One signature line, its newline included. */
export function signatureLine(text: string, signer: NoteSigner): string {
  return formatSignature({ name: signer.name, keyId: signer.keyId, bytes: signer.signature(text) });
}

/** The line of a signature, its newline included. */
export function formatSignature({ name, keyId, bytes }: NoteSignature): string {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(keyId);
  return `\u2014 ${name} ${Buffer.concat([id, bytes]).toString('base64')}\n`;
}

/**
 * Opens a note: strictly read, every signature of a known key verified.
 * @throws GauzeError ERR_AUDIT_NOTE (malformed), ERR_AUDIT_NOTE_SIGNATURE (a known key's signature is wrong),
 * ERR_AUDIT_NOTE_UNTRUSTED (no known key signed it)
 */
export function openNote(note: string | Uint8Array, verifiers: readonly NoteVerifier[]): OpenedNote {
  const { text, signatures } = parseNote(note);
  const verified: VerifiedSignature[] = [];
  const unknown: NoteSignature[] = [];
  for (const signature of signatures) {
    const verifier = verifiers.find(
      ({ name, keyId }) => name === signature.name && keyId === signature.keyId,
    );
    if (!verifier) unknown.push(signature);
    else if (!verifies(verifier, text, signature.bytes)) throw new GauzeError('ERR_AUDIT_NOTE_SIGNATURE');
    else if (!verified.some((other) => other.verifier === verifier))
      verified.push({ ...signature, verifier, timeSeconds: timeOf(verifier, signature.bytes) });
  }
  if (verified.length === 0) throw new GauzeError('ERR_AUDIT_NOTE_UNTRUSTED');
  return { text, verified, unknown };
}

/** Is `signature` (what follows the key id) this key's under this text? */
export function verifies(verifier: NoteVerifier, text: string, signature: Uint8Array): boolean {
  if (verifier.type === NOTE_KEY.ED25519)
    return verifyEd25519(verifier.publicKey, Buffer.from(text), signature);
  const seconds = timeOf(verifier, signature);
  if (seconds === null) return false;
  return verifyEd25519(verifier.publicKey, cosigned(seconds, text), signature.subarray(TIME_BYTES));
}

/** The time of a cosignature; null of other signatures and of times no clock can show. */
function timeOf(verifier: NoteVerifier, signature: Uint8Array): number | null {
  if (verifier.type !== NOTE_KEY.COSIGNATURE || signature.length !== TIME_BYTES + SIGNATURE_BYTES)
    return null;
  const seconds = Number(Buffer.from(signature).readBigUInt64BE(0));
  return Number.isSafeInteger(seconds) ? seconds : null;
}

function cosigned(seconds: number, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** A note taken apart, nothing verified. */
export interface ParsedNote {
  readonly note: string;
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/**
 * Takes a note apart by the letter of the format; says nothing about who signed. For what must pass notes on; whoever
 * believes one calls `openNote`.
 * @throws GauzeError ERR_AUDIT_NOTE
 */
export function parseNote(bytes: string | Uint8Array): ParsedNote {
  if (bytes.length > MAX_NOTE_BYTES) throw noteFault(`at most ${MAX_NOTE_BYTES} bytes`);
  const note = typeof bytes === 'string' ? bytes : strictText(bytes);
  if (!note.isWellFormed() || CONTROL.test(note)) throw noteFault('text without control characters');
  const blank = note.lastIndexOf('\n\n');
  if (blank < 0 || !note.endsWith('\n')) throw noteFault('a text, an empty line and signatures');
  const lines = note.slice(blank + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw noteFault(`at most ${MAX_SIGNATURES} signatures`);
  return { note, text: note.slice(0, blank + 1), signatures: lines.map((line) => parseSignature(line)) };
}

/** Reads one signature line without its newline. @throws GauzeError ERR_AUDIT_NOTE */
export function parseSignature(line: string): NoteSignature {
  const [, name, base64] = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line) ?? [];
  const bytes = base64 === undefined ? null : strictBase64(base64);
  if (name === undefined || !isName(name) || !bytes || bytes.length < 5)
    throw noteFault('signature lines of a dash, a name and base64');
  return { name, keyId: bytes.readUInt32BE(0), bytes: bytes.subarray(4) };
}

/** Standard base64 with its padding, in the one form it has; null for everything else. */
export function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

function strictText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw noteFault('UTF-8');
  }
}

function isName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}\p{Cc}+]/u.test(name) && name.isWellFormed();
}

function hexId(keyId: number): string {
  return keyId.toString(16).padStart(8, '0');
}

function noteFault(expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_NOTE', { expected });
}

function keyFault(expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_NOTE_KEY', { expected });
}
