/**
 * The key with which a role vouches for its audit sessions: Ed25519 (RFC 8032), made from a seed of the keyring.
 * It signs what the trust file lets others check. The private key never leaves the object.
 */
import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ED25519_KEY_BYTES, ed25519PrivateKey, publicKeyBytes } from './ed25519.ts';
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

export const SEED_BYTES = ED25519_KEY_BYTES;

/** The key of `seed` (32 bytes); whoever gives the seed wipes it. */
export function auditWriterKey(name: string, seed: Uint8Array): AuditWriterKey {
  return new SeededWriterKey(name, ed25519PrivateKey(seed));
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
