/**
 * A raw export: a directory that holds the audit topics as they were, so that they can be verified without Kafka.
 * One segment per partition (raw-segment.ts) and a manifest with what Kafka said beside: topic ids, log starts,
 * committed positions, notes of witnesses, orders to lanes to jump. The writer copies bytes; the reader is a source of
 * the verifier.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GauzeError } from '../platform/errors.ts';
import { SEGMENT_MAGIC, encodeSegmentRecord, segmentRecords } from './raw-segment.ts';
import type {
  AuditSource,
  CommittedPosition,
  CommittedWhen,
  ResumeOrder,
  SourcePartition,
  SourceRecord,
} from './verify/audit-source.ts';

export const RAW_EXPORT_FORMAT = 'gauze-audit-export/1';
export const MANIFEST_FILE = 'manifest.json';

const offset = z.number().int().min(-1);
const committedPositions = z.array(
  z.strictObject({ group: z.string(), topic: z.string(), partition: z.number().int().min(0), offset }),
);
const manifestSchema = z.strictObject({
  format: z.literal(RAW_EXPORT_FORMAT),
  clusterId: z.string(),
  exportedAtMs: z.number().int(),
  partitions: z.array(
    z.strictObject({
      kind: z.enum(['events', 'subjects', 'seals']),
      topic: z.string(),
      topicId: z.string().regex(/^[0-9a-f]{32}$/),
      partition: z.number().int().min(0),
      logStartOffset: offset,
      endOffset: offset,
      file: z.string().regex(/^[\w.-]+\.segment$/),
      records: z.number().int().min(0),
      bytes: z.number().int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  committed: z.strictObject({
    before: committedPositions.nullable(),
    after: committedPositions.nullable(),
  }),
  witnessNotes: z.array(z.string()).nullable(),
  // Absent from exports of before it was told.
  resumeOrders: z
    .array(
      z.strictObject({
        offset: z.number().int().min(0),
        audience: z.string(),
        topic: z.string(),
        partition: z.number().int().min(0).nullable(),
        from: z.string(),
      }),
    )
    .nullable()
    .optional(),
});

/** What stands in manifest.json. */
export type RawExportManifest = z.infer<typeof manifestSchema>;
type ExportedPartition = RawExportManifest['partitions'][number];

/**
 * Writes all that `source` has into a new directory; the manifest comes last, so a directory without one is no export.
 * `onRecords` is told of each piece. Throws ERR_AUDIT_EXPORT_DIRECTORY where the directory cannot be made or written.
 */
export async function writeRawExport(
  source: AuditSource,
  directory: string,
  onRecords: (count: number) => void = () => undefined,
): Promise<RawExportManifest> {
  await orDirectoryError(directory, async () => await mkdir(directory, { recursive: true }));
  const before = await source.committed('before');
  const partitions: ExportedPartition[] = [];
  for (const place of await source.partitions()) {
    partitions.push(await writeSegment(source, place, directory, onRecords));
  }
  const manifest: RawExportManifest = {
    format: RAW_EXPORT_FORMAT,
    clusterId: source.clusterId,
    exportedAtMs: source.asOfMs,
    partitions,
    committed: { before: mutable(before), after: mutable(await source.committed('after')) },
    witnessNotes: mutable(await source.witnessNotes()),
    resumeOrders: mutable((await source.resumeOrders?.()) ?? null),
  };
  await writeManifest(directory, manifest);
  return manifest;
}

/** Replaces the manifest, whole or not at all. */
export async function writeManifest(directory: string, manifest: RawExportManifest): Promise<void> {
  const file = join(directory, MANIFEST_FILE);
  await orDirectoryError(directory, async () => {
    await writeFile(`${file}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(`${file}.new`, file);
  });
}

/** Throws ERR_AUDIT_EXPORT_DIRECTORY where there is no manifest of this format. */
export async function readManifest(directory: string): Promise<RawExportManifest> {
  return await orDirectoryError(directory, async () =>
    manifestSchema.parse(JSON.parse(await readFile(join(directory, MANIFEST_FILE), 'utf8'))),
  );
}

async function writeSegment(
  source: AuditSource,
  place: SourcePartition,
  directory: string,
  onRecords: (count: number) => void,
): Promise<ExportedPartition> {
  const { kind, topic, topicId, partition, logStartOffset, endOffset } = place;
  const file = `${kind}-${partition}.segment`;
  const hash = createHash('sha256').update(SEGMENT_MAGIC);
  let records = 0;
  let bytes = SEGMENT_MAGIC.length;
  await orDirectoryError(directory, async () => {
    const handle = await open(join(directory, file), 'w');
    try {
      await handle.write(SEGMENT_MAGIC);
      for await (const piece of source.records(place, logStartOffset)) {
        const encoded = Buffer.concat(piece.map(encodeSegmentRecord));
        hash.update(encoded);
        await handle.write(encoded);
        records += piece.length;
        bytes += encoded.length;
        onRecords(piece.length);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
  const where = { kind, topic, topicId, partition, logStartOffset, endOffset };
  return { ...where, file, records, bytes, sha256: hash.digest('hex') };
}

/** A raw export as a source of the verifier. */
export class ExportSource implements AuditSource {
  readonly clusterId: string;
  readonly asOfMs: number;
  readonly isLive = false;
  private readonly directory: string;
  private readonly manifest: RawExportManifest;
  private readonly found: { place: string; detail: string }[] = [];

  private constructor(directory: string, manifest: RawExportManifest) {
    this.directory = directory;
    this.manifest = manifest;
    this.clusterId = manifest.clusterId;
    this.asOfMs = manifest.exportedAtMs;
  }

  /** Throws ERR_AUDIT_EXPORT_DIRECTORY where the directory is no export. */
  static async open(directory: string): Promise<ExportSource> {
    return new ExportSource(directory, await readManifest(directory));
  }

  partitions(): Promise<readonly SourcePartition[]> {
    return Promise.resolve(this.manifest.partitions);
  }

  async *records(place: SourcePartition, fromOffset: number): AsyncGenerator<readonly SourceRecord[]> {
    const exported = this.manifest.partitions.find(
      ({ topic, partition }) => topic === place.topic && partition === place.partition,
    );
    if (!exported) return;
    const { file: name, sha256 } = exported;
    const segment = { path: join(this.directory, name), name, sha256 };
    const damaged = (detail: string): void => void this.found.push({ place: name, detail });
    for await (const piece of segmentRecords(segment, damaged)) {
      const wanted = piece.filter((record) => record.offset >= fromOffset);
      if (wanted.length > 0) yield wanted;
    }
  }

  committed(when: CommittedWhen): Promise<readonly CommittedPosition[] | null> {
    return Promise.resolve(this.manifest.committed[when]);
  }

  witnessNotes(): Promise<readonly string[] | null> {
    return Promise.resolve(this.manifest.witnessNotes);
  }

  resumeOrders(): Promise<readonly ResumeOrder[] | null> {
    return Promise.resolve(this.manifest.resumeOrders ?? null);
  }

  damage(): Promise<readonly { readonly place: string; readonly detail: string }[]> {
    return Promise.resolve(this.found);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function mutable<T>(list: readonly T[] | null): T[] | null {
  return list === null ? null : [...list];
}

async function orDirectoryError<T>(directory: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof GauzeError) throw error;
    throw new GauzeError('ERR_AUDIT_EXPORT_DIRECTORY', { file: directory });
  }
}
