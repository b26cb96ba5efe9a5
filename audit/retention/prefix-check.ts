/**
 * Is the beginning of an audit partition in the archive, as it stands in the topic and as it was sealed? All of it is
 * read, here and there; a file's word about its own hash is not enough.
 */
import { GauzeError } from '../../platform/errors.ts';
import type { SealedPartition } from '../../schemas/seal-codecs.ts';
import type { MerkleFrontier } from '../merkle-tree.ts';
import type { AuditSource, SourcePartition, SourceRecord } from '../verify/audit-source.ts';
import { leafOf } from '../verify/tree-check.ts';
import type { FrontierLookup } from './archive-writer.ts';
import { RecordDigest } from './audit-archive.ts';
import type { AuditArchive } from './audit-archive.ts';

export interface PrefixCheck {
  readonly archive: AuditArchive;
  readonly source: AuditSource;
  readonly place: SourcePartition;
  /** Where it is to be cut, and what stands below. */
  readonly sealed: SealedPartition;
  readonly starts: FrontierLookup;
  readonly onRecords?: ((count: number) => void) | undefined;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * The archive's hash over everything below the cut.
 * @throws GauzeError ERR_AUDIT_ARCHIVE_SHORT (not all of it is archived), ERR_AUDIT_ARCHIVE_DIFFERS (what is archived is
 * not what is in the topic, or not what was sealed), ERR_AUDIT_ARCHIVE (a file is not as its manifest says)
 */
export async function assertArchived(
  check: PrefixCheck,
): Promise<{ readonly from: number; readonly sha256: string }> {
  const { archive, place, sealed, starts } = check;
  const { topic, partition, next_offset: end } = sealed;
  const differs = new GauzeError('ERR_AUDIT_ARCHIVE_DIFFERS', { topic, partition });
  const found = archive.find(place);
  if (!found && end === 0) return { from: 0, sha256: new RecordDigest().hex() };
  const isWhole = found && found.nextOffset >= end && found.firstOffset <= place.logStartOffset;
  if (!isWhole) throw new GauzeError('ERR_AUDIT_ARCHIVE_SHORT', { topic, partition, offset: end });
  const tree = starts.at(place, found.firstOffset);
  if (found.topicId !== place.topicId || !tree) throw differs;
  const archived = await digests(check, found.firstOffset, tree);
  const [damage] = archive.damage;
  if (damage) throw new GauzeError('ERR_AUDIT_ARCHIVE', { file: damage.place });
  const isSealed = tree.size === sealed.tree_size && tree.root().equals(sealed.root);
  if (!isSealed || archived.left !== (await liveDigest(check))) throw differs;
  return { from: found.firstOffset, sha256: archived.all };
}

/** Over all that is archived below the cut, and over the part of it that the topic still has. */
async function digests(
  { archive, place, sealed, onRecords }: PrefixCheck,
  from: number,
  tree: MerkleFrontier,
): Promise<{ readonly all: string; readonly left: string }> {
  const [all, left] = [new RecordDigest(), new RecordDigest()];
  for await (const piece of archive.records(place, from, sealed.next_offset)) {
    for (const { value } of piece) tree.append(leafOf(value ?? NO_BYTES));
    all.take(piece);
    left.take(piece.filter(({ offset }) => offset >= place.logStartOffset));
    onRecords?.(piece.length);
  }
  return { all: all.hex(), left: left.hex() };
}

async function liveDigest({ source, place, sealed, onRecords }: PrefixCheck): Promise<string> {
  const digest = new RecordDigest();
  for await (const piece of source.records(place, place.logStartOffset)) {
    const wanted = piece.filter(({ offset }: SourceRecord) => offset < sealed.next_offset);
    digest.take(wanted);
    onRecords?.(wanted.length);
    if (wanted.length < piece.length) break;
  }
  return digest.hex();
}
