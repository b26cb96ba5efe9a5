/**
 * Chains of audit events for tests, linked and signed from the written format alone: nothing of the product's own
 * writers but the bodies of events is used, so that a verifier and a writer that are wrong in the same way show.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { EventBody } from '../../audit/audit-chain.ts';

export const MADE_SCHEMA_ID = 7;
const EVENT_PREFIX = Buffer.from('phi-audit-event/v1\n');
const SESSION_PREFIX = Buffer.from('gauze-session/v1\n');

/** A key pair of Ed25519 whose public half is at hand as 32 bytes. */
export interface MadeKey {
  readonly publicKey: Buffer;
  readonly privateKey: KeyObject;
}

export function makeKey(): MadeKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { publicKey: spki.subarray(spki.length - 32), privateKey };
}

/** Leaf of the tree and link of the chain. */
export function hashOf(value: Buffer): Buffer {
  return createHash('sha256')
    .update(Buffer.from([0]))
    .update(value)
    .digest();
}

/** The event with a new signature by `key`, or without one. */
export function resign(event: PhiAuditEvent, key: MadeKey | null): Buffer {
  const unsigned = auditEventCodec.encode({ ...event, sig: null }, MADE_SCHEMA_ID);
  if (!key) return unsigned;
  const message = Buffer.concat([EVENT_PREFIX, unsigned.subarray(0, -1)]);
  return auditEventCodec.encode({ ...event, sig: sign(null, message, key.privateKey) }, MADE_SCHEMA_ID);
}

/** What a session key is enrolled with: by the writer's key, or by the session key before it. */
export function sessionSignature(by: MadeKey, chainId: Buffer, epoch: number, publicKey: Buffer): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  return sign(null, Buffer.concat([SESSION_PREFIX, chainId, number, publicKey]), by.privateKey);
}

type Ext = Readonly<Record<string, string>>;

export interface MadeWriter {
  readonly name: string;
  readonly key: MadeKey;
}

/** One chain: each event linked to the one before, signed where the caller says so. */
export class MadeChain {
  readonly chainId: Buffer;
  readonly writerId: string;
  seq = -1;
  head: Buffer = Buffer.alloc(32);
  epoch = 1;
  sessionKey = makeKey();
  private readonly writer: MadeWriter;

  constructor(chainId: Buffer, writerId: string, writer: MadeWriter) {
    this.chainId = chainId;
    this.writerId = writerId;
    this.writer = writer;
  }

  /** What the first event says of the session's key. */
  get opening(): Ext {
    const { publicKey } = this.sessionKey;
    const signature = sessionSignature(this.writer.key, this.chainId, 1, publicKey);
    return {
      session_key: publicKey.toString('base64'),
      session_key_sig: signature.toString('base64'),
      writer_key: this.writer.name,
      schema_fp: createHash('sha256').update(auditEventCodec.schemaText).digest('hex'),
    };
  }

  /** The next event as bytes. */
  link(body: EventBody, atMs: number, { signed, ext = {} }: { signed: boolean; ext?: Ext }): Buffer {
    this.seq += 1;
    const more = Object.entries(ext).map(([k, v]) => ({ k, v }));
    const event: PhiAuditEvent = {
      ...body,
      ext: [...body.ext, ...more].toSorted((a, b) => (a.k < b.k ? -1 : 1)),
      event_id: Buffer.concat([this.chainId.subarray(0, 8), Buffer.from(hex16(this.seq), 'hex')]),
      recorded_at: atMs * 1000,
      writer_id: this.writerId,
      chain_id: this.chainId,
      seq: this.seq,
      prev_hash: this.head,
      key_epoch: this.epoch,
      sig: null,
    };
    const value = resign(event, signed ? this.sessionKey : null);
    this.head = hashOf(value);
    return value;
  }

  /** `key.rotated`, signed with the key that goes; the new one signs from the next event on. */
  rotate(body: EventBody, atMs: number): Buffer {
    const next = makeKey();
    const signature = sessionSignature(this.sessionKey, this.chainId, this.epoch + 1, next.publicKey);
    const ext = {
      session_key: next.publicKey.toString('base64'),
      session_key_sig: signature.toString('base64'),
    };
    const value = this.link({ ...body, type: 'key.rotated' }, atMs, { signed: true, ext });
    this.sessionKey = next;
    this.epoch += 1;
    return value;
  }
}

function hex16(n: number): string {
  return n.toString(16).padStart(16, '0');
}
