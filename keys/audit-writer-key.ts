/**
 * The key with which a role vouches for its audit sessions: Ed25519 (RFC 8032), made from a seed of the keyring.
 * It signs what the trust file lets others check. The private key never leaves the object.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Hidden } from './hidden.ts';

/** Roles that write evidence, each with a key of its own. */
export const AUDIT_WRITER_ROLES = [
  'topology',
  'approvals',
  'provisioner',
  'admin',
  'sealer',
  'auditor',
] as const;
export type AuditWriterRole = (typeof AUDIT_WRITER_ROLES)[number];

/** A key that signs evidence. */
export interface AuditWriterKey {
  /** By which the trust file calls it; the role. */
  readonly name: string;
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Buffer;
  /** 64 bytes. */
  sign(message: Uint8Array): Buffer;
}

export const SEED_BYTES = 32;
/** What comes before the 32 bytes of a seed in PKCS8, and before those of a public key in SPKI (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The key of `seed` (32 bytes); whoever gives the seed wipes it. */
export function auditWriterKey(name: string, seed: Uint8Array): AuditWriterKey {
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return new SeededWriterKey(name, key);
}

/** The 32 bytes of an Ed25519 public key. */
export function publicKeyBytes(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return der.subarray(SPKI_PREFIX.length);
}

class SeededWriterKey extends Hidden implements AuditWriterKey {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly #key: KeyObject;

  constructor(name: string, key: KeyObject) {
    super();
    this.name = name;
    this.publicKey = publicKeyBytes(key);
    this.#key = key;
  }

  sign(message: Uint8Array): Buffer {
    return sign(null, message, this.#key);
  }
}
