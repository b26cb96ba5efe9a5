/**
 * The proof of one audit event in one file, checked with nothing but the keys that the reader trusts: no Kafka, no
 * registry, no network. It is a proof of c2sp.org/tlog-proof that a seal stands in the log of seals; its extra data
 * holds the event, the seal, and the path from the event to the root that the seal has of the event's partition.
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base64 of the lines below>       gauze-event-proof/1
 *   index <number of the seal>              partition <topic> <partition>
 *   <path from the seal, one hash a line>   index <place of the event among its partition's>
 *                                           event <base64 of the value as produced>
 *   <checkpoint note with cosignatures>     seal <base64 of the value as produced>
 *                                           <path from the event, one hash a line>
 *
 * A check must never show an event of which one of these steps does not hold.
 */
import { GauzeError } from '../platform/errors.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import { sealCodec } from '../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../schemas/seal-codecs.ts';
import { openCheckpoint, parseCheckpoint, parseSize } from './checkpoint.ts';
import type { SignedCheckpoint } from './checkpoint.ts';
import { MAX_PROOF_HASHES, verifyInclusion } from './merkle-proof.ts';
import { HASH_BYTES, inclusionProof, leafHash } from './merkle-tree.ts';
import type { NodeSource } from './merkle-tree.ts';
import { parseNote, strictBase64 } from './signed-note.ts';
import type { TlogPolicy } from './tlog-policy.ts';
import { openByPolicy } from './tlog-policy.ts';
import { enrolledCosignatures, isValidAt } from './verify/trust.ts';
import type { Trust } from './verify/trust.ts';

/** First line of the file, by c2sp.org/tlog-proof. */
export const TLOG_PROOF_FORMAT = 'c2sp.org/tlog-proof@v1';
/** First line of its extra data. */
export const EVENT_PROOF_FORMAT = 'gauze-event-proof/1';
/** An event is under 64 KiB and a seal under 1 MiB; twice in base64. */
const MAX_PROOF_BYTES = 4 * 1024 * 1024;

/** Where an event stands. */
export interface EventPlace {
  readonly topic: string;
  readonly partition: number;
  /** Among the events of its partition, from 0; no offset, for control batches take offsets too. */
  readonly index: number;
}

/** What a proof is made of; whoever reads the topics supplies it. */
export interface ProofParts extends EventPlace {
  /** Value of the event as produced. */
  readonly event: Buffer;
  /** Value of a seal whose tree of the partition holds the event. */
  readonly seal: Buffer;
  /** Tree of the partition. */
  readonly events: NodeSource;
  /** Tree of the log of seals. */
  readonly seals: NodeSource;
  /** Checkpoint over at least that seal, with its cosignatures. */
  readonly note: string;
}

/** An event that was proven. */
export interface ProvenEvent extends EventPlace {
  readonly event: PhiAuditEvent;
  /** The seal that first held it, or a later one. */
  readonly seal: PhiAuditSeal;
  readonly checkpoint: SignedCheckpoint;
}

/** Opens a checkpoint note as the reader trusts it; throws where he does not. */
export type OpenCheckpoint = (note: string, seal: PhiAuditSeal) => SignedCheckpoint;

/** By a policy file of c2sp.org/tlog-policy. */
export function trustPolicy(policy: TlogPolicy): OpenCheckpoint {
  return (note) => openByPolicy(note, policy);
}

/** By a trust file: a sealer that was enrolled when it sealed, and a quorum of witnesses, enrolled when they cosigned. */
export function trustFile(trust: Trust): OpenCheckpoint {
  return (note, seal) => {
    const sealedMs = seal.sealed_at / 1000;
    const sealers = trust.sealers.filter((sealer) => isValidAt(sealer, sealedMs));
    const opened = openCheckpoint(
      note,
      trust.origin,
      sealers.map(({ verifier }) => verifier),
      trust.witnesses,
    );
    const cosignatures = enrolledCosignatures(trust, opened.cosignatures);
    if (cosignatures.length < trust.quorum)
      throw new GauzeError('ERR_AUDIT_QUORUM', { count: cosignatures.length });
    return { ...opened, cosignatures };
  };
}

/**
 * Makes the file.
 * @throws GauzeError ERR_AUDIT_TREE where a source lacks a node, ERR_AUDIT_PROOF where the parts do not belong together
 */
export function makeEventProof(parts: ProofParts): string {
  const { topic, partition, index, event, note } = parts;
  const seal = sealOf(parts.seal);
  const { tree_size: size } = partitionIn(seal, parts);
  const { size: seals } = parseCheckpoint(parseNote(note).text);
  const extra = [
    EVENT_PROOF_FORMAT,
    `partition ${topic} ${partition}`,
    `index ${index}`,
    `event ${event.toString('base64')}`,
    `seal ${parts.seal.toString('base64')}`,
    ...inclusionProof(parts.events, index, size).map((hash) => hash.toString('base64')),
  ];
  const proof = [
    TLOG_PROOF_FORMAT,
    `extra ${Buffer.from(`${extra.join('\n')}\n`).toString('base64')}`,
    `index ${seal.n}`,
    ...inclusionProof(parts.seals, seal.n, seals).map((hash) => hash.toString('base64')),
    '',
    note,
  ];
  return proof.join('\n');
}

/**
 * Checks a proof: the event is in the tree of its partition, that tree's root in the seal, the seal in the log of
 * seals, and that log's head signed and cosigned by whom the reader trusts.
 * @throws GauzeError ERR_AUDIT_PROOF with the step that fails, and those of `open`
 */
export function verifyEventProof(bytes: Uint8Array, open: OpenCheckpoint): ProvenEvent {
  const { extra, index: number, path, note } = parseTlogProof(bytes);
  const inner = parseExtra(extra);
  const seal = sealOf(inner.seal);
  const checkpoint = open(note, seal);
  const { size, root, origin } = checkpoint.checkpoint;
  if (seal.n !== number || seal.origin !== origin) throw fault('a seal of the log that signed');
  if (!verifyInclusion(leafHash(inner.seal), number, size, path, root))
    throw fault('a path from the seal to the checkpoint');
  const sealed = partitionIn(seal, inner);
  if (!verifyInclusion(leafHash(inner.event), inner.index, sealed.tree_size, inner.path, sealed.root))
    throw fault('a path from the event to its seal');
  const { topic, partition, index } = inner;
  return { topic, partition, index, event: eventOf(inner.event), seal, checkpoint };
}

interface TlogProof {
  readonly extra: Buffer;
  readonly index: number;
  readonly path: readonly Buffer[];
  readonly note: string;
}

function parseTlogProof(bytes: Uint8Array): TlogProof {
  if (bytes.length > MAX_PROOF_BYTES) throw fault(`at most ${MAX_PROOF_BYTES} bytes`);
  const text = Buffer.from(bytes).toString('utf8');
  const end = text.indexOf('\n\n');
  if (end < 0 || !Buffer.from(text).equals(bytes)) throw fault('lines, an empty one and a checkpoint');
  const [format, extra, index, ...hashes] = text.slice(0, end).split('\n');
  if (format !== TLOG_PROOF_FORMAT) throw fault(TLOG_PROOF_FORMAT);
  return {
    extra: base64After('extra ', extra),
    index: sizeAfter('index ', index),
    path: hashes.map((line) => hashOf(line)),
    note: text.slice(end + 2),
  };
}

interface Extra extends EventPlace {
  readonly event: Buffer;
  readonly seal: Buffer;
  readonly path: readonly Buffer[];
}

function parseExtra(bytes: Buffer): Extra {
  const text = bytes.toString('latin1');
  const [format, place, index, event, seal, ...hashes] = text.slice(0, -1).split('\n');
  if (format !== EVENT_PROOF_FORMAT || !text.endsWith('\n')) throw fault(EVENT_PROOF_FORMAT);
  const [, topic, digits] = /^partition ([\w.-]{1,249}) (\d{1,9})$/.exec(place ?? '') ?? [];
  const partition = parseSize(digits ?? '');
  if (topic === undefined || partition === null) throw fault('a partition');
  if (hashes.length > MAX_PROOF_HASHES) throw fault(`at most ${MAX_PROOF_HASHES} hashes`);
  return {
    topic,
    partition,
    index: sizeAfter('index ', index),
    event: base64After('event ', event),
    seal: base64After('seal ', seal),
    path: hashes.map((line) => hashOf(line)),
  };
}

function sizeAfter(word: string, line = ''): number {
  const size = line.startsWith(word) ? parseSize(line.slice(word.length)) : null;
  if (size === null) throw fault(`${word}and a number`);
  return size;
}

function base64After(word: string, line = ''): Buffer {
  const bytes = line.startsWith(word) ? strictBase64(line.slice(word.length)) : null;
  if (!bytes) throw fault(`${word}and base64`);
  return bytes;
}

function hashOf(line: string): Buffer {
  const hash = strictBase64(line);
  if (hash?.length !== HASH_BYTES) throw fault('a hash in base64 on each line of a path');
  return hash;
}

function partitionIn(
  seal: PhiAuditSeal,
  { topic, partition }: EventPlace,
): PhiAuditSeal['partitions'][number] {
  const [found, ...more] = seal.partitions.filter((p) => p.topic === topic && p.partition === partition);
  if (!found || more.length > 0) throw fault('a seal that names the partition once');
  return found;
}

function sealOf(value: Buffer): PhiAuditSeal {
  try {
    return sealCodec.decode(value);
  } catch {
    throw fault('a seal');
  }
}

function eventOf(value: Buffer): PhiAuditEvent {
  try {
    return auditEventCodec.decode(value);
  } catch {
    throw fault('an audit event');
  }
}

function fault(expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_PROOF', { expected });
}
