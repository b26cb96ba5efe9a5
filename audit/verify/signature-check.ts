/**
 * Signatures of audit events: whose key opens a chain, which key signs what comes next, whether a signature holds.
 * It knows public keys only, and decides nothing about what follows from a wrong signature.
 */
import { createHash, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ed25519PublicKey } from '../../keys/ed25519.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { enrolledWriters } from './trust.ts';
import type { Trust } from './trust.ts';

const EVENT_PREFIX = Buffer.from('phi-audit-event/v1\n', 'latin1');
const SESSION_PREFIX = Buffer.from('gauze-session/v1\n', 'latin1');
/** Union branch and 64 bytes: what is not signed of a signed event. */
const SIGNATURE_TAIL_BYTES = 65;
let scratch = Buffer.alloc(4096);
EVENT_PREFIX.copy(scratch);

/** Does `key` sign these bytes of an event, whose signature is its end? */
export function eventSignatureHolds(value: Buffer, signature: Uint8Array, key: KeyObject): boolean {
  const bodyBytes = value.length - SIGNATURE_TAIL_BYTES;
  const length = EVENT_PREFIX.length + bodyBytes;
  if (bodyBytes <= 0) return false;
  if (length > scratch.length) {
    scratch = Buffer.alloc(2 * length);
    EVENT_PREFIX.copy(scratch);
  }
  value.copy(scratch, EVENT_PREFIX.length, 0, bodyBytes);
  return verify(null, scratch.subarray(0, length), key, signature);
}

/** A session key as an event hands it out. */
export interface SessionKey {
  readonly key: KeyObject;
  /** Base64 of its 32 bytes. */
  readonly text: string;
}

/** What an opening says of its chain's key, judged. */
export type Opening =
  | { readonly verdict: 'enrolled'; readonly session: SessionKey; readonly isAdmin: boolean }
  | { readonly verdict: 'unchecked' | 'unknown-writer'; readonly session: SessionKey }
  | { readonly verdict: 'unsigned' };

/**
 * The session key of an opening. `unchecked`: there is no trust file, so it is believed; `unsigned`: it has none.
 */
export function openingKey(event: PhiAuditEvent, appendTimeMs: number, trust: Trust | null): Opening {
  const session = sessionKeyOf(event);
  if (!session) return { verdict: 'unsigned' };
  if (!trust) return { verdict: 'unchecked', session };
  const name = extOf(event, 'writer_key') ?? '';
  const signature = Buffer.from(extOf(event, 'session_key_sig') ?? '', 'base64');
  const message = sessionMessage(event.chain_id, 1, session);
  const enrolled = enrolledWriters(trust, name, event.writer_id, appendTimeMs).find((writer) => {
    const key = ed25519PublicKey(writer.publicKey);
    return key !== null && verify(null, message, key, signature);
  });
  if (!enrolled) return { verdict: 'unknown-writer', session };
  return { verdict: 'enrolled', session, isAdmin: enrolled.isAdmin };
}

/** The key that `key.rotated` hands on to; null where the key before did not sign it. */
export function rotatedKey(event: PhiAuditEvent, epoch: number, before: KeyObject): SessionKey | null {
  const session = sessionKeyOf(event);
  if (!session) return null;
  const signature = Buffer.from(extOf(event, 'session_key_sig') ?? '', 'base64');
  return verify(null, sessionMessage(event.chain_id, epoch, session), before, signature) ? session : null;
}

/** A key written down before. */
export function sessionKeyFrom(text: string): SessionKey | null {
  const key = ed25519PublicKey(Buffer.from(text, 'base64'));
  return key && { key, text };
}

/** Hex SHA-256 of the schema that events are read with here. */
const SCHEMA_FINGERPRINT = createHash('sha256').update(auditEventCodec.schemaText).digest('hex');

/** Does an opening say that its events are written with the schema that they are read with? */
export function isKnownSchema(opening: PhiAuditEvent): boolean {
  return extOf(opening, 'schema_fp') === SCHEMA_FINGERPRINT;
}

export function extOf(event: PhiAuditEvent, k: string): string | null {
  return event.ext.find((each) => each.k === k)?.v ?? null;
}

function sessionKeyOf(event: PhiAuditEvent): SessionKey | null {
  const text = extOf(event, 'session_key');
  return text === null ? null : sessionKeyFrom(text);
}

function sessionMessage(chainId: Buffer, epoch: number, { text }: SessionKey): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  return Buffer.concat([SESSION_PREFIX, chainId, number, Buffer.from(text, 'base64')]);
}
