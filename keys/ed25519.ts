/**
 * Ed25519 keys (RFC 8032) as node:crypto has them, and as the 32 bytes that files and events hold. It keeps no key and
 * signs nothing.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** Bytes of a public key, and of the seed of a private one. */
export const ED25519_KEY_BYTES = 32;
/** What stands in DER before the 32 bytes of a public key, and before those of a seed (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The public key of these bytes; null where they are none. */
export function ed25519PublicKey(bytes: Uint8Array): KeyObject | null {
  if (bytes.length !== ED25519_KEY_BYTES) return null;
  try {
    return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** The private key of a seed of 32 bytes; whoever gives the seed wipes it. */
export function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

/** The 32 bytes of a public key, or of the public half of a private one. */
export function publicKeyBytes(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return der.subarray(SPKI_PREFIX.length);
}
