/**
 * Makes the proof of one event out of the audit topics, wherever they are read from: live, or an export. It reads the
 * event's partition and the log of seals from their beginnings and believes neither: what it makes is checked by
 * whoever gets it.
 */
import { GauzeError } from '../platform/errors.ts';
import type { PhiAuditSeal } from '../schemas/seal-codecs.ts';
import { sealedRecords } from './export/sealed-records.ts';
import { MerkleTree, leafHash } from './merkle-tree.ts';
import { makeEventProof } from './tlog-proof.ts';
import type { AuditSource, SourcePartition } from './verify/audit-source.ts';

/** An event by where Kafka has it. */
export interface EventOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * The proof file of an event: by the first seal that holds it, and the note over that seal with the most signatures.
 * @throws GauzeError ERR_AUDIT_NOT_PROVABLE: no such record, its partition does not begin at 0 any more, or it is not
 * sealed yet
 */
export async function proveEvent(source: AuditSource, at: EventOffset): Promise<string> {
  const partitions = await source.partitions();
  const place = partitions.find(({ topic, partition }) => topic === at.topic && partition === at.partition);
  if (place?.kind !== 'events') throw missing(at, 'a partition of audit events');
  const { tree, index, value } = await leavesOf(source, place, at);
  const log = partitions.filter(({ kind }) => kind === 'seals');
  const { seals, seal, note } = await sealOver(source, log[0], at, index);
  return makeEventProof({ ...at, index, event: value, seal, events: tree, seals, note });
}

async function leavesOf(
  source: AuditSource,
  place: SourcePartition,
  at: EventOffset,
): Promise<{ readonly tree: MerkleTree; readonly index: number; readonly value: Buffer }> {
  if (place.logStartOffset > 0) throw missing(at, 'a partition that still has its beginning');
  const tree = new MerkleTree();
  let index = -1;
  let value: Buffer | null = null;
  for await (const records of source.records(place, 0)) {
    for (const record of records) {
      if (record.offset === at.offset) {
        index = tree.size;
        value = record.value && Buffer.from(record.value);
      }
      tree.append(leafHash(record.value ?? Buffer.alloc(0)));
    }
  }
  if (value === null) throw missing(at, 'a record at that offset');
  return { tree, index, value };
}

interface SealedBy {
  readonly seals: MerkleTree;
  readonly seal: Buffer;
  readonly note: string;
}

async function sealOver(
  source: AuditSource,
  place: SourcePartition | undefined,
  at: EventOffset,
  index: number,
): Promise<SealedBy> {
  if (!place || place.logStartOffset > 0) throw missing(at, 'a log of seals with its beginning');
  const seals = new MerkleTree();
  let first: { readonly value: Buffer; readonly n: number } | null = null;
  let best: { readonly note: string; readonly signatures: number } | null = null;
  try {
    for await (const record of sealedRecords(source, place, seals)) {
      if (record.kind === 'seal') {
        if (!first && holds(record.seal, at, index))
          first = { value: Buffer.from(record.value), n: record.seal.n };
      } else if (first && record.size > first.n && record.signatures > (best?.signatures ?? 0)) best = record;
    }
  } catch (thrown) {
    throw thrown instanceof RangeError ? missing(at, 'a log of seals that can be read') : thrown;
  }
  if (!first || !best) throw missing(at, 'a seal and a checkpoint over it; wait for the sealer');
  return { seals, seal: first.value, note: best.note };
}

function holds(seal: PhiAuditSeal, { topic, partition }: EventOffset, index: number): boolean {
  return seal.partitions.some((p) => p.topic === topic && p.partition === partition && p.tree_size > index);
}

function missing({ topic, partition, offset }: EventOffset, expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_NOT_PROVABLE', { topic, partition, offset, expected });
}
