/**
 * Copies what is sealed and closed of the audit topics into an archive: up to the newest seal with frontiers that a
 * quorum stands behind, compared with that seal while it is copied. It adds to an archive and never changes a file of
 * it; a run that was broken off goes on where its last manifest ends.
 */
import { createHash } from 'node:crypto';
import { nowMs } from '../../platform/clock.ts';
import { GauzeError } from '../../platform/errors.ts';
import type { SealedPartition } from '../../schemas/seal-codecs.ts';
import { MerkleFrontier } from '../merkle-tree.ts';
import { SEGMENT_MAGIC, encodeSegmentRecord } from '../raw-segment.ts';
import type { AuditSource, SourcePartition, SourceRecord } from '../verify/audit-source.ts';
import { leafOf } from '../verify/tree-check.ts';
import type { Trust } from '../verify/trust.ts';
import { ARCHIVE_FORMAT, writeManifest, writeWhole } from './archive-manifest.ts';
import type { ArchiveManifest, ArchivedPartition, ArchivedSegment } from './archive-manifest.ts';
import { AuditArchive } from './audit-archive.ts';
import { SealWalk } from './seal-walk.ts';
import type { SealedPoint } from './seal-walk.ts';

export interface ArchiveOptions {
  readonly source: AuditSource;
  readonly trust: Trust;
  /** Made where it is not there. */
  readonly directory: string;
  /** Bytes after which a segment is closed and recorded. */
  readonly segmentBytes?: number;
  /** Told of records as they are copied. */
  readonly onRecords?: (count: number) => void;
}

export interface ArchiveReport {
  /** The seal up to which everything is archived now. */
  readonly seal: number;
  /** Of this run; 0 where there was nothing new. */
  readonly records: number;
  readonly segments: number;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

/**
 * Brings an archive up to date.
 * @throws GauzeError ERR_AUDIT_NOTHING_SEALED (no seal to archive up to), ERR_AUDIT_NOT_SOUND (the seals),
 * ERR_AUDIT_ARCHIVE (the folder), ERR_AUDIT_ARCHIVE_OTHER (of another log), ERR_AUDIT_ARCHIVE_DIFFERS (records are not
 * those that were sealed, or gone before they were archived)
 */
export async function archiveAudit(options: ArchiveOptions): Promise<ArchiveReport> {
  const { source, trust, directory } = options;
  const archive = await AuditArchive.open(directory);
  const { last } = archive;
  const isOther =
    last && (last.manifest.clusterId !== source.clusterId || last.manifest.origin !== trust.origin);
  if (isOther) throw new GauzeError('ERR_AUDIT_ARCHIVE_OTHER', { file: directory });
  const places = await source.partitions();
  const starts = new FrontierLookup(places.filter((place) => !archive.find(place)));
  let newest: SealedPoint | null = null;
  const sealsPlace = await new SealWalk(source, trust).goOn((point) => {
    newest = point;
    starts.take(point);
  });
  const point = newest as SealedPoint | null;
  if (!point) throw new GauzeError('ERR_AUDIT_NOTHING_SEALED', {});
  if (archive.seal !== null && archive.seal >= point.n)
    return { seal: archive.seal, records: 0, segments: 0 };
  return await new Run(options, archive, starts).copy(point, places, sealsPlace);
}

/** Frontiers at the beginnings of partitions whose own beginning is gone already. */
export class FrontierLookup {
  private readonly wanted: ReadonlyMap<string, number>;
  private readonly found = new Map<string, MerkleFrontier>();

  /** @param places where to begin: `logStartOffset` of each */
  constructor(places: readonly Pick<SourcePartition, 'topic' | 'partition' | 'logStartOffset'>[]) {
    this.wanted = new Map(places.map((place) => [keyOf(place), place.logStartOffset]));
  }

  take({ partitions }: Pick<SealedPoint, 'partitions'>): void {
    for (const sealed of partitions)
      if (this.wanted.get(keyOf(sealed)) === sealed.next_offset)
        this.found.set(keyOf(sealed), frontierOf(sealed));
  }

  /** The tree of what lies below an offset; null where no seal knows it. */
  at(place: { readonly topic: string; readonly partition: number }, offset: number): MerkleFrontier | null {
    if (offset === 0) return new MerkleFrontier();
    if (this.wanted.get(keyOf(place)) !== offset) return null;
    return this.found.get(keyOf(place))?.copy() ?? null;
  }
}

export function frontierOf({ tree_size: size, frontier }: SealedPartition): MerkleFrontier {
  return MerkleFrontier.from({ size, hashes: (frontier ?? []).map((hash) => hash.toString('hex')) });
}

function keyOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`;
}

class Run {
  private readonly options: ArchiveOptions;
  private readonly archive: AuditArchive;
  private readonly starts: FrontierLookup;
  private previous: { readonly number: number; readonly sha256: string } | null;
  private waiting: ArchivedPartition[] = [];
  private records = 0;
  private segments = 0;

  constructor(options: ArchiveOptions, archive: AuditArchive, starts: FrontierLookup) {
    this.options = options;
    this.archive = archive;
    this.starts = starts;
    const { last } = archive;
    this.previous = last && { number: last.manifest.number, sha256: last.sha256 };
  }

  async copy(
    point: SealedPoint,
    places: readonly SourcePartition[],
    sealsPlace: SourcePartition,
  ): Promise<ArchiveReport> {
    for (const sealed of point.partitions) {
      const place = places.find((each) => keyOf(each) === keyOf(sealed));
      if (!place || place.topicId !== sealed.topic_id.toString('hex')) throw differs(sealed);
      await this.partition(place, sealed.next_offset, sealed);
    }
    await this.partition(sealsPlace, point.notedOffset, null);
    await this.record(point.n);
    return { seal: point.n, records: this.records, segments: this.segments };
  }

  /** Copies what is missing below `end`; `sealed`: what it must come to. */
  private async partition(
    place: SourcePartition,
    end: number,
    sealed: SealedPartition | null,
  ): Promise<void> {
    const known = this.archive.find(place);
    const begin = known?.nextOffset ?? place.logStartOffset;
    if (place.logStartOffset > begin) throw differs(place);
    const tree = sealed ? this.treeAt(place, known?.tree ?? null, begin) : null;
    let at = begin;
    for await (const segment of this.segmentsOf(place, begin, end, tree)) {
      this.segments += 1;
      this.records += segment.records;
      at = segment.nextOffset;
      this.waiting.push(archived(place, segment, tree));
      // What is complete is recorded at once: a run that is broken off need not do it again.
      if (at < end) await this.record(null);
    }
    if (sealed && !(tree!.size === sealed.tree_size && tree!.root().equals(sealed.root)))
      throw differs(sealed);
  }

  private treeAt(place: SourcePartition, json: ArchivedPartition['tree'], begin: number): MerkleFrontier {
    const tree = json ? MerkleFrontier.from(json) : this.starts.at(place, begin);
    if (!tree) throw differs(place);
    return tree;
  }

  private async *segmentsOf(
    place: SourcePartition,
    begin: number,
    end: number,
    tree: MerkleFrontier | null,
  ): AsyncGenerator<ArchivedSegment> {
    const pieces = below(this.options.source.records(place, begin), end);
    try {
      let firstOffset = begin;
      while (firstOffset < end) {
        const segment = await this.segment(place, firstOffset, end, pieces, tree);
        yield segment;
        firstOffset = segment.nextOffset;
      }
    } finally {
      await pieces.return(undefined);
    }
  }

  /** One file: up to `end`, or to the piece with which it is full. */
  private async segment(
    place: SourcePartition,
    firstOffset: number,
    end: number,
    pieces: AsyncGenerator<readonly SourceRecord[]>,
    tree: MerkleFrontier | null,
  ): Promise<ArchivedSegment> {
    const { segmentBytes = SEGMENT_BYTES, onRecords } = this.options;
    const draft = `${place.kind}-${place.partition}/${name(firstOffset)}-`;
    const hash = createHash('sha256').update(SEGMENT_MAGIC);
    let [records, bytes, nextOffset] = [0, SEGMENT_MAGIC.length, end];
    // Its end is part of its name, and known when it is full.
    const parts: Buffer[] = [SEGMENT_MAGIC];
    while (bytes < segmentBytes) {
      const { value: piece, done } = await pieces.next();
      if (done === true) break;
      for (const record of piece) tree?.append(leafOf(record.value ?? NO_BYTES));
      const encoded = Buffer.concat(piece.map(encodeSegmentRecord));
      hash.update(encoded);
      parts.push(encoded);
      records += piece.length;
      bytes += encoded.length;
      onRecords?.(piece.length);
      if (bytes >= segmentBytes) nextOffset = piece.at(-1)!.offset + 1;
    }
    const file = `${draft}${name(nextOffset)}.segment`;
    await writeWhole(this.options.directory, file, async (write) => {
      for (const part of parts) await write(part);
    });
    return { file, firstOffset, nextOffset, records, bytes, sha256: hash.digest('hex') };
  }

  private async record(seal: number | null): Promise<void> {
    const { source, trust, directory } = this.options;
    const manifest: ArchiveManifest = {
      format: ARCHIVE_FORMAT,
      number: (this.previous?.number ?? -1) + 1,
      previousSha256: this.previous?.sha256 ?? null,
      clusterId: source.clusterId,
      origin: trust.origin,
      archivedAtMs: nowMs(),
      seal,
      partitions: this.waiting,
    };
    const stored = await writeManifest(directory, manifest);
    this.previous = { number: manifest.number, sha256: stored.sha256 };
    this.waiting = [];
  }
}

function archived(
  { kind, topic, topicId, partition }: SourcePartition,
  segment: ArchivedSegment,
  tree: MerkleFrontier | null,
): ArchivedPartition {
  const edge = tree?.toJSON();
  const json = edge ? { size: edge.size, hashes: [...edge.hashes] } : null;
  return { kind, topic, topicId, partition, segments: [segment], tree: json };
}

async function* below(
  pieces: AsyncIterable<readonly SourceRecord[]>,
  end: number,
): AsyncGenerator<readonly SourceRecord[]> {
  for await (const piece of pieces) {
    const wanted = piece.filter(({ offset }) => offset < end);
    if (wanted.length > 0) yield wanted;
    if (wanted.length < piece.length) return;
  }
}

function name(offset: number): string {
  return String(offset).padStart(20, '0');
}

function differs({ topic, partition }: { readonly topic: string; readonly partition: number }): GauzeError {
  return new GauzeError('ERR_AUDIT_ARCHIVE_DIFFERS', { topic, partition });
}
