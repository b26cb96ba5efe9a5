/**
 * Derives the keys that are used from the root keys that are kept: HKDF-SHA-256 (RFC 5869).
 * One derived key serves one purpose, audience, domain and epoch, so nothing joins across them.
 * Derived bytes go into a keyed hash and are wiped, or into a cipher that keeps them; they must never leave this room.
 */
import { createSecretKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { HmacSha256 } from './keyed-hash.ts';

/** What a derived key is for. */
export type KeyPurpose =
  | 'pseudonym'
  | 'date-shift'
  | 'subject-token'
  | 'grant'
  | 'encrypt'
  | 'encrypt-nonce'
  | 'encrypt-deterministic'
  | 'format-preserving';

/** Everything that makes one derived key another one than its siblings. */
export interface DerivationContext {
  readonly purpose: KeyPurpose;
  /** Empty for what belongs to no audience. */
  readonly audience: string;
  /** Identifier domain, person space, or the id of a grant. */
  readonly domain: string;
  readonly epoch: number;
}

const FORMAT = 'gauze/1';
const DERIVED_BYTES = 32;
/** AES-256-SIV takes two keys of AES-256. */
const SIV_BYTES = 64;

/**
 * HKDF's `info`: each text as its length in 4 bytes and its UTF-8 bytes, then the epoch in 4 bytes.
 * With lengths in front no two contexts give the same bytes.
 */
export function derivationInfo(context: DerivationContext): Buffer {
  const texts = [FORMAT, context.purpose, context.audience, context.domain];
  return Buffer.concat([...texts.map(withLength), uint32(context.epoch)]);
}

/** The keyed hash of one context under `root` (32 random bytes; so HKDF needs no salt, RFC 5869, 3.1). */
export function deriveKeyedHash(root: KeyObject, context: DerivationContext): HmacSha256 {
  const key = derived(root, context);
  const hash = new HmacSha256(key);
  key.fill(0);
  return hash;
}

/** A root key under `root`: what is derived from it meets nothing that is derived from `root` itself. */
export function deriveRoot(root: KeyObject, context: DerivationContext): KeyObject {
  const key = derived(root, context);
  const below = createSecretKey(key);
  key.fill(0);
  return below;
}

/** The bytes of a key for a cipher of this room, which keeps them: the library cannot take a KeyObject. */
export function deriveCipherKey(
  root: KeyObject,
  context: DerivationContext,
  bytes: typeof DERIVED_BYTES | typeof SIV_BYTES,
): Uint8Array {
  return derived(root, context, bytes);
}

function derived(root: KeyObject, context: DerivationContext, bytes = DERIVED_BYTES): Uint8Array {
  return expanded(root, derivationInfo(context), bytes);
}

/** HKDF-SHA-256 without a salt. */
export function expanded(root: KeyObject, info: Uint8Array, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root, Buffer.alloc(0), info, bytes));
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
