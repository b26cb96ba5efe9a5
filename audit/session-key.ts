/**
 * The keys that sign a chain: Ed25519, made for one session, in memory only, changed while it runs. A key that was
 * replaced is dropped, so what was signed with it cannot be forged by whoever takes the process over later.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { publicKeyBytes } from '../keys/ed25519.ts';
import { Hidden } from '../keys/hidden.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';

export const SIGNATURE_BYTES = 64;
/** The bytes that `sig` takes at the end of a signed event: its union branch and the signature. */
export const SIGNED_TAIL_BYTES = 1 + SIGNATURE_BYTES;
/** The `ext` fields of the first event of a chain and of `key.rotated`. */
export const EXT_SESSION_KEY = 'session_key';
export const EXT_SESSION_KEY_SIG = 'session_key_sig';
export const EXT_WRITER_KEY = 'writer_key';
export const EXT_SCHEMA_FP = 'schema_fp';

const EVENT_DOMAIN = Buffer.from('phi-audit-event/v1\n');
const SESSION_DOMAIN = Buffer.from('gauze-session/v1\n');

/** Hex SHA-256 of the text of the schema that events of this version are written with. */
export const AUDIT_SCHEMA_FINGERPRINT = createHash('sha256').update(auditEventCodec.schemaText).digest('hex');

type Ext = readonly { readonly k: string; readonly v: string }[];

/** What the signature of a signed event is over: its bytes, as produced, up to where the union of `sig` begins. */
export function signedBytes(value: Uint8Array): Buffer {
  return Buffer.concat([EVENT_DOMAIN, value.subarray(0, -SIGNED_TAIL_BYTES)]);
}

/** What the writer's key, and each session key for its successor, puts its name to. */
export function sessionKeyMessage(chainId: Uint8Array, epoch: number, publicKey: Uint8Array): Buffer {
  const epochBytes = Buffer.alloc(4);
  epochBytes.writeUInt32BE(epoch);
  return Buffer.concat([SESSION_DOMAIN, chainId, epochBytes, publicKey]);
}

/** The key of one epoch of a chain. */
export class SessionKey extends Hidden {
  readonly epoch: number;
  readonly publicKey: Buffer;
  /** Of when it was made, on the clock of who made it. */
  readonly madeMs: number;
  readonly #key: KeyObject;

  constructor(epoch: number, madeMs: number) {
    super();
    const { privateKey } = generateKeyPairSync('ed25519');
    this.epoch = epoch;
    this.madeMs = madeMs;
    this.publicKey = publicKeyBytes(privateKey);
    this.#key = privateKey;
  }

  /** Signs an encoded event in place: its last 64 bytes are zeros and become the signature. */
  signEvent(value: Buffer): void {
    this.#sign(signedBytes(value)).copy(value, value.length - SIGNATURE_BYTES);
  }

  /** What the first event of a chain says of its first key, vouched for by the writer's. */
  enrolledBy(writer: AuditWriterKey, chainId: Buffer): Ext {
    const message = sessionKeyMessage(chainId, this.epoch, this.publicKey);
    return [
      ...this.#named(writer.sign(message)),
      { k: EXT_WRITER_KEY, v: writer.name },
      { k: EXT_SCHEMA_FP, v: AUDIT_SCHEMA_FINGERPRINT },
    ];
  }

  /** What `key.rotated` says of the next key, vouched for by this one. */
  succeededBy(next: SessionKey, chainId: Buffer): Ext {
    return next.#named(this.#sign(sessionKeyMessage(chainId, next.epoch, next.publicKey)));
  }

  #named(signature: Buffer): Ext {
    return [
      { k: EXT_SESSION_KEY, v: this.publicKey.toString('base64') },
      { k: EXT_SESSION_KEY_SIG, v: signature.toString('base64') },
    ];
  }

  #sign(message: Buffer): Buffer {
    return sign(null, message, this.#key);
  }
}
