/**
 * An archive of the audit topics as its manifests describe it, and the records in it. It hands out bytes as they are
 * found and tells every file that is not the one that was archived; it writes nothing.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { GauzeError } from '../../platform/errors.ts';
import { encodeSegmentRecord, segmentRecords } from '../raw-segment.ts';
import type { SourceRecord } from '../verify/audit-source.ts';
import { readManifests } from './archive-manifest.ts';
import type { ArchivedPartition, ArchivedSegment, StoredManifest } from './archive-manifest.ts';

/** A partition, by name. */
export interface NamedPartition {
  readonly topic: string;
  readonly partition: number;
}

/** What is archived of a partition, over all manifests. */
export interface ArchivedPlace extends Omit<ArchivedPartition, 'segments'> {
  readonly segments: readonly ArchivedSegment[];
  readonly firstOffset: number;
  readonly nextOffset: number;
}

/** A file of an archive that is not as it was written. */
export interface ArchiveDamage {
  readonly place: string;
  readonly detail: string;
}

export class AuditArchive {
  readonly directory: string;
  readonly damage: ArchiveDamage[] = [];
  private readonly stored: readonly StoredManifest[];
  private readonly places: ReadonlyMap<string, ArchivedPlace>;

  private constructor(directory: string, stored: readonly StoredManifest[]) {
    this.directory = directory;
    this.stored = stored;
    this.places = placesOf(stored);
  }

  /** An empty one where the folder is not there yet. Throws ERR_AUDIT_ARCHIVE. */
  static async open(directory: string): Promise<AuditArchive> {
    return new AuditArchive(directory, await readManifests(directory));
  }

  get last(): StoredManifest | null {
    return this.stored.at(-1) ?? null;
  }

  /** The newest seal up to which all is archived; null where there is none. */
  get seal(): number | null {
    return this.stored.findLast(({ manifest }) => manifest.seal !== null)?.manifest.seal ?? null;
  }

  get partitions(): readonly ArchivedPlace[] {
    return [...this.places.values()];
  }

  find(place: NamedPartition): ArchivedPlace | null {
    return this.places.get(keyOf(place)) ?? null;
  }

  /** Records from an offset on and below another; damage of the files that were read is told in `damage`. */
  async *records(
    place: NamedPartition,
    fromOffset: number,
    upToOffset: number,
  ): AsyncGenerator<readonly SourceRecord[]> {
    for (const { file, sha256, firstOffset, nextOffset } of this.find(place)?.segments ?? []) {
      if (nextOffset <= fromOffset || firstOffset >= upToOffset) continue;
      const segment = { path: join(this.directory, file), name: file, sha256 };
      const damaged = (detail: string): void => void this.damage.push({ place: file, detail });
      for await (const piece of segmentRecords(segment, damaged)) {
        const wanted = piece.filter(({ offset }) => offset >= fromOffset && offset < upToOffset);
        if (wanted.length > 0) yield wanted;
      }
    }
  }

  /** SHA-256, hex, over the records between two offsets; null where the archive does not have them all. */
  async digest(
    place: NamedPartition,
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<string | null> {
    const found = this.find(place);
    if (!found || found.firstOffset > from || found.nextOffset < to) return null;
    const digest = new RecordDigest();
    for await (const piece of this.records(place, from, to)) digest.take(piece);
    return digest.hex();
  }
}

/** SHA-256 over records in the form of segments, without their magic: the same however segments are cut. */
export class RecordDigest {
  private readonly hash = createHash('sha256');
  count = 0;

  take(records: readonly SourceRecord[]): void {
    for (const record of records) this.hash.update(encodeSegmentRecord(record));
    this.count += records.length;
  }

  hex(): string {
    return this.hash.copy().digest('hex');
  }
}

function placesOf(stored: readonly StoredManifest[]): ReadonlyMap<string, ArchivedPlace> {
  const places = new Map<string, ArchivedPlace>();
  for (const { manifest } of stored) {
    for (const { segments, ...rest } of manifest.partitions) {
      const known = places.get(keyOf(rest));
      let nextOffset = known?.nextOffset ?? segments[0]?.firstOffset ?? 0;
      const firstOffset = known?.firstOffset ?? nextOffset;
      if (known && known.topicId !== rest.topicId) throw damaged(segments[0]?.file ?? rest.topic);
      for (const segment of segments) {
        if (segment.firstOffset !== nextOffset) throw damaged(segment.file);
        ({ nextOffset } = segment);
      }
      const all = [...(known?.segments ?? []), ...segments];
      places.set(keyOf(rest), { ...rest, segments: all, firstOffset, nextOffset });
    }
  }
  return places;
}

function keyOf({ topic, partition }: NamedPartition): string {
  return `${topic} ${partition}`;
}

function damaged(file: string): GauzeError {
  return new GauzeError('ERR_AUDIT_ARCHIVE', { file });
}
