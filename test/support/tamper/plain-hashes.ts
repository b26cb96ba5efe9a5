/**
 * Hashes and signatures of the audit log as an attacker would make them: from the written formats and node:crypto,
 * with none of the product's code for chains, trees and notes, so that both being wrong in the same way shows.
 */
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../../schemas/control-codecs.ts';

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Leaf of RFC 6962 2.1, and link of a chain. */
export function leafOf(value: Uint8Array): Buffer {
  return sha256(Buffer.from([0]), value);
}

/** Merkle tree hash of RFC 6962 2.1, by its recursive definition. */
export function treeRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const left = largestPowerBelow(leaves.length);
  return sha256(Buffer.from([1]), treeRoot(leaves.slice(0, left)), treeRoot(leaves.slice(left)));
}

/** Roots of the complete subtrees, largest first. */
export function subtreeRoots(leaves: readonly Buffer[]): Buffer[] {
  const roots: Buffer[] = [];
  let rest = leaves;
  while (rest.length > 0) {
    const size = 2 ** Math.floor(Math.log2(rest.length));
    roots.push(treeRoot(rest.slice(0, size)));
    rest = rest.slice(size);
  }
  return roots;
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

export function newKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}

/** The 32 bytes of the public half. */
export function publicBytes(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** The event as bytes; with `key` signed anew, without one as it stands. */
export function eventBytes(event: PhiAuditEvent, schemaId: number, key: KeyObject | null = null): Buffer {
  if (!key) return auditEventCodec.encode(event, schemaId);
  const unsigned = auditEventCodec.encode({ ...event, sig: null }, schemaId);
  const message = Buffer.concat([Buffer.from('phi-audit-event/v1\n'), unsigned.subarray(0, -1)]);
  return Buffer.concat([unsigned.subarray(0, -1), Buffer.from([2]), sign(null, message, key)]);
}

/** What vouches for a session's key: of the writer for the first, of the key before for each later one. */
export function sessionKeySignature(by: KeyObject, chainId: Buffer, epoch: number, key: KeyObject): string {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch);
  const message = Buffer.concat([Buffer.from('gauze-session/v1\n'), chainId, number, publicBytes(key)]);
  return sign(null, message, by).toString('base64');
}

/** Who signs a checkpoint: name as in its signature line, and key. */
export interface NoteKey {
  readonly name: string;
  readonly privateKey: KeyObject;
}

/** A checkpoint as a C2SP note, signed by `log`, and cosigned by `witness` where there is one. */
export function checkpointNote(
  { origin, size, root }: { origin: string; size: number; root: Buffer },
  log: NoteKey,
  witness: NoteKey | null,
  atSeconds: number,
): string {
  const text = `${origin}\n${size}\n${root.toString('base64')}\n`;
  const lines = [signatureLine(log, 1, sign(null, Buffer.from(text), log.privateKey))];
  if (witness) {
    const message = Buffer.from(`cosignature/v1\ntime ${atSeconds}\n${text}`);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(atSeconds));
    lines.push(signatureLine(witness, 4, Buffer.concat([time, sign(null, message, witness.privateKey)])));
  }
  return `${text}\n${lines.join('')}`;
}

function signatureLine({ name, privateKey }: NoteKey, type: number, signature: Buffer): string {
  const id = sha256(Buffer.from(`${name}\n`), Buffer.from([type]), publicBytes(privateKey)).subarray(0, 4);
  return `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}
