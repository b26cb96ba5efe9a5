/**
 * The audit topics as logs of c2sp.org/tlog-tiles, for checking by tools of others: one folder for the log of seals
 * with its signed checkpoint, one for each partition that the last seal under it names. A partition has no signature
 * of its own and is given none: its head is what the seal says, with the proof that the seal stands in the signed log.
 */
import { GauzeError } from '../../platform/errors.ts';
import { readSealRecord, sealCodec } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal, SealedPartition } from '../../schemas/seal-codecs.ts';
import { formatCheckpoint } from '../checkpoint.ts';
import { MerkleTree, inclusionProof } from '../merkle-tree.ts';
import { TLOG_PROOF_FORMAT } from '../tlog-proof.ts';
import type { AuditSource, SourcePartition, SourceRecord } from '../verify/audit-source.ts';
import type { HashedFolder } from './hashed-files.ts';
import { sealedRecords } from './sealed-records.ts';
import { MAX_ENTRY_BYTES, TileWriter } from './tile-writer.ts';

/** The signed checkpoint of the log of seals. */
export const CHECKPOINT_FILE = 'checkpoint';
/** The head of a partition, three lines as in a checkpoint and no signature. */
export const HEAD_FILE = 'head';
/** The proof that a seal of the signed log says so. */
export const HEAD_PROOF_FILE = 'head.tlog-proof';
/** First line of the extra data of that proof. */
export const HEAD_PROOF_FORMAT = 'gauze-head-proof/1';

/** One log of the export. */
export interface TiledLog {
  /** Folder in the export. */
  readonly folder: string;
  readonly topic: string;
  readonly partition: number;
  /** Entries: of a partition, those that are sealed under the checkpoint. */
  readonly size: number;
}

/**
 * Writes all logs into `folder`; what is not under the newest checkpoint is left out. `onRecords` is told of each piece.
 * Throws ERR_AUDIT_EXPORT_TILES where a log is not whole from its beginning, is not what was sealed, or has an entry
 * that the format cannot hold; and the errors of the folder.
 */
export async function writeTlogTiles(
  source: AuditSource,
  folder: HashedFolder,
  onRecords: (count: number) => void = () => undefined,
): Promise<readonly TiledLog[]> {
  const partitions = await source.partitions();
  const place = partitions.find(({ kind }) => kind === 'seals');
  if (!place)
    throw new GauzeError('ERR_AUDIT_EXPORT_TILES', {
      topic: 'seals',
      partition: 0,
      expected: 'a log of seals',
    });
  requireBeginning(place);
  const signed = await newestCheckpoint(source, place);
  const logs: TiledLog[] = [];
  const sealsFolder = folderOf(place);
  const last = await writeLog(source, place, signed.size, folder, onRecords);
  if (!last.root.equals(signed.tree.root(signed.size))) throw missing(place, 'seals that stay as they are');
  await folder.file(`${sealsFolder}/${CHECKPOINT_FILE}`, signed.note);
  logs.push({ folder: sealsFolder, topic: place.topic, partition: place.partition, size: signed.size });
  const seal = sealCodec.decode(last.entry);
  for (const sealed of seal.partitions) {
    const found = partitions.find(
      ({ topic, partition }) => topic === sealed.topic && partition === sealed.partition,
    );
    logs.push(
      await writePartition(source, { found, sealed, seal, value: last.entry, signed }, folder, onRecords),
    );
  }
  await folder.file('README', README);
  return logs;
}

interface Signed {
  readonly note: string;
  readonly origin: string;
  readonly size: number;
  readonly tree: MerkleTree;
}

/** The largest checkpoint over the seals that there are; of several, the one with the most signatures. */
async function newestCheckpoint(source: AuditSource, place: SourcePartition): Promise<Signed> {
  const tree = new MerkleTree();
  let newest: Omit<Signed, 'tree'> & { readonly signatures: number } = {
    note: '',
    origin: '',
    size: 0,
    signatures: 0,
  };
  try {
    for await (const record of sealedRecords(source, place, tree)) {
      if (record.kind === 'seal') continue;
      const isMore = record.size === newest.size && record.signatures > newest.signatures;
      if (record.size > newest.size || isMore) newest = record;
    }
  } catch (thrown) {
    throw thrown instanceof RangeError ? missing(place, 'seals that can be read') : thrown;
  }
  if (newest.size === 0) throw missing(place, 'a checkpoint; wait for the sealer');
  return { ...newest, tree };
}

interface PartitionParts {
  readonly found: SourcePartition | undefined;
  readonly sealed: SealedPartition;
  readonly seal: PhiAuditSeal;
  /** The seal as produced. */
  readonly value: Buffer;
  readonly signed: Signed;
}

async function writePartition(
  source: AuditSource,
  { found, sealed, seal, value, signed }: PartitionParts,
  folder: HashedFolder,
  onRecords: (count: number) => void,
): Promise<TiledLog> {
  const { topic, partition, tree_size: size, root } = sealed;
  if (!found || found.topicId !== sealed.topic_id.toString('hex'))
    throw missing(sealed, 'the topic that was sealed');
  requireBeginning(found);
  const written = await writeLog(source, found, size, folder, onRecords);
  if (!written.root.equals(root)) throw missing(sealed, 'the records that were sealed');
  const name = folderOf(found);
  await folder.file(
    `${name}/${HEAD_FILE}`,
    formatCheckpoint({ origin: `${signed.origin}/${topic}/${partition}`, size, root }),
  );
  const extra = [
    HEAD_PROOF_FORMAT,
    `partition ${topic} ${partition}`,
    `seal ${value.toString('base64')}`,
    '',
  ];
  const path = inclusionProof(signed.tree, seal.n, signed.size);
  const proof = [
    TLOG_PROOF_FORMAT,
    `extra ${Buffer.from(extra.join('\n')).toString('base64')}`,
    `index ${seal.n}`,
    ...path.map((hash) => hash.toString('base64')),
    '',
    signed.note,
  ];
  await folder.file(`${name}/${HEAD_PROOF_FILE}`, proof.join('\n'));
  return { folder: name, topic, partition, size };
}

/** Writes tiles and entries of the first `size` records; gives their root and the last of them. */
async function writeLog(
  source: AuditSource,
  place: SourcePartition,
  size: number,
  folder: HashedFolder,
  onRecords: (count: number) => void,
): Promise<{ readonly root: Buffer; readonly entry: Buffer }> {
  const name = folderOf(place);
  const tiles = new TileWriter(async (path, bytes) => await folder.file(`${name}/${path}`, bytes));
  let entry: Buffer = Buffer.alloc(0);
  for await (const entries of entriesOf(source, place)) {
    const wanted = entries.slice(0, size - tiles.size);
    for (const each of wanted) {
      if (each.length > MAX_ENTRY_BYTES) throw missing(place, `records of at most ${MAX_ENTRY_BYTES} bytes`);
      await tiles.append(each);
    }
    entry = Buffer.from(wanted.at(-1) ?? entry);
    onRecords(wanted.length);
    if (tiles.size === size) break;
  }
  if (tiles.size < size) throw missing(place, 'as many records as were sealed');
  const root = tiles.root();
  await tiles.end();
  return { root, entry };
}

/** Values that are leaves: of the log of seals the seals alone. */
async function* entriesOf(source: AuditSource, place: SourcePartition): AsyncGenerator<readonly Buffer[]> {
  for await (const records of source.records(place, 0))
    yield place.kind === 'seals' ? sealsOf(records) : records.map(({ value }) => value ?? Buffer.alloc(0));
}

function sealsOf(records: readonly SourceRecord[]): readonly Buffer[] {
  return records.flatMap(({ key, value }) => {
    const record = readSealRecord(key, value);
    return record.kind === 'seal' ? [record.value] : [];
  });
}

/** As Kafka names the folders of partitions. */
function folderOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`;
}

function requireBeginning(place: SourcePartition): void {
  if (place.logStartOffset > 0) throw missing(place, 'the beginning of the log, which was pruned');
}

function missing(
  { topic, partition }: { readonly topic: string; readonly partition: number },
  expected: string,
): GauzeError {
  return new GauzeError('ERR_AUDIT_EXPORT_TILES', { topic, partition, expected });
}

const README = `Audit topics as transparency logs (c2sp.org/tlog-tiles).

The folder of the seals is a log with a signed checkpoint. Each other folder holds the log of one partition:

  tile/            hashes, 256 in each full tile; tile/entries/ holds the records, each with its length before it
  head             origin, size and root, as in a checkpoint, without a signature: partitions have none of their own
  head.tlog-proof  why to believe it (c2sp.org/tlog-proof): the seal that names this size and root, its path in the
                   log of seals, and the signed checkpoint of that log. The seal is Avro, in the proof's extra data.

A leaf is SHA-256 over a zero byte and the record's value as it was produced (RFC 6962).
SHA256SUMS is checked by: sha256sum --check SHA256SUMS
`;
