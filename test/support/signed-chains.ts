/**
 * Checks the signatures of audit chains from outside, with node:crypto and the schema of events alone: who opened the
 * chain, which key signs what, how keys follow one another, how much of it is signed.
 */
import { createPublicKey, verify } from 'node:crypto';
import { auditWriterKey } from '../../keys/audit-writer-key.ts';
import type { AuditWriterKey } from '../../keys/audit-writer-key.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';

/** A writer's key from a fixed seed; of nobody. */
export function testWriterKey(name = 'topology'): AuditWriterKey {
  return auditWriterKey(name, Buffer.alloc(32, name));
}

/** The public key of a writer by the name that an opening gives; null where nobody trusts that one. */
export type Trusted = (name: string, event: PhiAuditEvent) => Uint8Array | null;

export interface SignedChainsReport {
  /** What is wrong; empty where all is sound. */
  readonly faults: readonly string[];
  readonly chains: number;
  readonly signed: number;
  readonly rotations: number;
}

const TAIL = 65;

/** `values`: of the audit topic, each partition in order. Every chain must be signed as its kind is. */
export function checkSignedChains(values: readonly Buffer[], trusted: Trusted): SignedChainsReport {
  const read = values.map((value) => ({ value, event: auditEventCodec.decode(value) }));
  const chains = Map.groupBy(read, ({ event }) => event.chain_id.toString('hex'));
  const faults = [...chains].flatMap(([id, events]) =>
    chainFaults(events, trusted).map((fault) => `chain ${id} of ${events[0]!.event.writer_id}: ${fault}`),
  );
  return {
    faults,
    chains: chains.size,
    signed: read.filter(({ event }) => event.sig !== null).length,
    rotations: read.filter(({ event }) => event.type === 'key.rotated').length,
  };
}

function chainFaults(events: readonly { value: Buffer; event: PhiAuditEvent }[], trusted: Trusted): string[] {
  const faults: string[] = [];
  const [first] = events;
  const opening = first!.event;
  if (opening.type !== 'session.opened') return [`begins with ${opening.type}`];
  const named = extOf(opening);
  const writer = trusted(named['writer_key'] ?? '', opening);
  if (!writer) return ['nobody trusts its writer'];
  let epoch = 1;
  let key = Buffer.from(named['session_key'] ?? '', 'base64');
  if (!isSigned(writer, enrolment(opening.chain_id, 1, key), named['session_key_sig']))
    faults.push('the writer has not vouched for its first key');
  if (opening.sig === null) faults.push('its first event is not signed');
  for (const { value, event } of events) {
    if (event.key_epoch !== epoch)
      faults.push(`event ${event.seq} is of key ${event.key_epoch}, not ${epoch}`);
    if (event.sig) {
      const message = Buffer.concat([Buffer.from('phi-audit-event/v1\n'), value.subarray(0, -TAIL)]);
      if (!isSigned(key, message, event.sig)) faults.push(`the signature of event ${event.seq} is wrong`);
    }
    if (event.type !== 'key.rotated') continue;
    const next = extOf(event);
    const nextKey = Buffer.from(next['session_key'] ?? '', 'base64');
    epoch += 1;
    if (!isSigned(key, enrolment(event.chain_id, epoch, nextKey), next['session_key_sig']))
      faults.push(`event ${event.seq} brings a key that the one before has not vouched for`);
    if (event.sig === null) faults.push(`event ${event.seq} brings a key and is not signed`);
    key = nextKey;
  }
  return faults;
}

function enrolment(chainId: Buffer, epoch: number, key: Buffer): Buffer {
  return Buffer.concat([Buffer.from('gauze-session/v1\n'), chainId, Buffer.from([0, 0, 0, epoch]), key]);
}

function isSigned(key: Uint8Array, message: Buffer, signature: Buffer | string | undefined): boolean {
  const bytes = typeof signature === 'string' ? Buffer.from(signature, 'base64') : signature;
  if (!bytes || key.length !== 32) return false;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') };
  return verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), bytes);
}

function extOf({ ext }: PhiAuditEvent): Record<string, string> {
  return Object.fromEntries(ext.map(({ k, v }) => [k, v]));
}
