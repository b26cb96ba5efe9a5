/**
 * The log of seals, read from its beginning: every seal, and of the checkpoints only those that are about the very
 * tree that the seals give. Anybody with a right to write may put a note there, so no note is taken at its word; who
 * signed it is for the reader to judge.
 */
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../schemas/seal-codecs.ts';
import { parseCheckpoint } from '../checkpoint.ts';
import { leafHash } from '../merkle-tree.ts';
import type { MerkleTree } from '../merkle-tree.ts';
import { parseNote } from '../signed-note.ts';
import type { AuditSource, SourcePartition } from '../verify/audit-source.ts';

/** A seal, or a checkpoint note over the first `size` seals that has their root. */
export type SealedRecord =
  | { readonly kind: 'seal'; readonly seal: PhiAuditSeal; readonly value: Buffer }
  | {
      readonly kind: 'checkpoint';
      readonly note: string;
      readonly origin: string;
      readonly size: number;
      readonly signatures: number;
    };

/**
 * Appends the leaf of each seal to `tree`, which begins empty, and gives what is read. Bytes stay as they are until the
 * next record is asked for. Throws RangeError where a record is neither a seal nor a checkpoint.
 */
export async function* sealedRecords(
  source: AuditSource,
  place: SourcePartition,
  tree: MerkleTree,
): AsyncGenerator<SealedRecord> {
  for await (const records of source.records(place, 0)) {
    for (const { key, value } of records) {
      const record = readSealRecord(key, value);
      if (record.kind === 'seal') {
        tree.append(leafHash(record.value));
        yield record;
        continue;
      }
      const checkpoint = checkpointOver(tree, record.note);
      if (checkpoint) yield checkpoint;
    }
  }
}

function checkpointOver(tree: MerkleTree, note: string): SealedRecord | null {
  try {
    const { text, signatures } = parseNote(note);
    const { origin, size, root } = parseCheckpoint(text);
    if (size === 0 || size > tree.size || !tree.root(size).equals(root)) return null;
    return { kind: 'checkpoint', note, origin, size, signatures: signatures.length };
  } catch {
    return null;
  }
}
