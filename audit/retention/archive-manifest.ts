/**
 * The manifests of an archive of the audit topics: numbered files that are never changed, each naming the segments that
 * came with it and the SHA-256 of the manifest before. A segment that no manifest names is no part of the archive.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';

export const ARCHIVE_FORMAT = 'gauze-audit-archive/1';
/** Folder of the manifests. */
export const MANIFESTS = 'manifests';
const MANIFEST_NAME = /^(\d{8})\.json$/;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const offset = z.number().int().min(0);
const segmentSchema = z.strictObject({
  /** Below the archive's folder, `/` between folder and file. */
  file: z.string().regex(/^(events|subjects|seals)-\d{1,6}\/\d{20}-\d{20}\.segment$/),
  firstOffset: offset,
  /** All records from the first offset up to here are in it. */
  nextOffset: offset,
  records: z.number().int().min(0),
  bytes: z.number().int().min(0),
  sha256,
});
const partitionSchema = z.strictObject({
  kind: z.enum(['events', 'subjects', 'seals']),
  topic: z.string(),
  topicId: z.string().regex(/^[0-9a-f]{32}$/),
  partition: z.number().int().min(0),
  segments: z.array(segmentSchema),
  /** The tree over all records that are archived with these segments; null for seals, which have their own log. */
  tree: z.strictObject({ size: z.number().int().min(0), hashes: z.array(sha256) }).nullable(),
});
const manifestSchema = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  number: z.number().int().min(0),
  /** Hex; null in the first one. */
  previousSha256: sha256.nullable(),
  clusterId: z.string(),
  origin: z.string(),
  archivedAtMs: z.number().int(),
  /** The seal up to which everything is archived with this manifest; null where it only says how far it came. */
  seal: z.number().int().min(0).nullable(),
  partitions: z.array(partitionSchema),
});

export type ArchiveManifest = z.infer<typeof manifestSchema>;
export type ArchivedPartition = ArchiveManifest['partitions'][number];
export type ArchivedSegment = ArchivedPartition['segments'][number];

/** A manifest with the hash of its file. */
export interface StoredManifest {
  readonly manifest: ArchiveManifest;
  /** Hex. */
  readonly sha256: string;
}

/**
 * All manifests of a folder in order; none where the folder is empty or not there.
 * @throws GauzeError ERR_AUDIT_ARCHIVE where one is missing, malformed or does not follow the one before
 */
export async function readManifests(directory: string): Promise<readonly StoredManifest[]> {
  const names = await readdir(join(directory, MANIFESTS)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw damaged(directory);
  });
  const stored: StoredManifest[] = [];
  for (const name of names.filter((each) => MANIFEST_NAME.test(each)).toSorted()) {
    const file = `${MANIFESTS}/${name}`;
    const before = stored.at(-1);
    const read = await manifestIn(directory, file);
    const { manifest } = read;
    const follows =
      name === manifestName(stored.length) &&
      manifest.number === stored.length &&
      manifest.previousSha256 === (before?.sha256 ?? null) &&
      (!before || isSameLog(before.manifest, manifest));
    if (!follows) throw damaged(file);
    stored.push(read);
  }
  return stored;
}

/** Writes the next manifest, whole or not at all; gives it as stored. Throws ERR_AUDIT_ARCHIVE. */
export async function writeManifest(directory: string, manifest: ArchiveManifest): Promise<StoredManifest> {
  const file = `${MANIFESTS}/${manifestName(manifest.number)}`;
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeWhole(directory, file, async (write) => await write(Buffer.from(text)));
  return { manifest, sha256: hashOf(text) };
}

/**
 * Writes a file under another name and renames it when it is complete and on the disk: a file that has its name is
 * whole. Throws ERR_AUDIT_ARCHIVE where the folder cannot be written.
 */
export async function writeWhole(
  directory: string,
  file: string,
  fill: (write: (bytes: Buffer) => Promise<void>) => Promise<void>,
): Promise<void> {
  const path = join(directory, file);
  try {
    await mkdir(join(path, '..'), { recursive: true });
    const handle = await open(`${path}.new`, 'w');
    try {
      await fill(async (bytes) => void (await handle.write(bytes)));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.new`, path);
  } catch (error) {
    throw error instanceof GauzeError ? error : damaged(file);
  }
}

async function manifestIn(directory: string, file: string): Promise<StoredManifest> {
  try {
    const text = await readFile(join(directory, file), 'utf8');
    return { manifest: manifestSchema.parse(JSON.parse(text)), sha256: hashOf(text) };
  } catch {
    throw damaged(file);
  }
}

function manifestName(number: number): string {
  return `${String(number).padStart(8, '0')}.json`;
}

function isSameLog(one: ArchiveManifest, other: ArchiveManifest): boolean {
  return one.clusterId === other.clusterId && one.origin === other.origin;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function damaged(file: string): GauzeError {
  return new GauzeError('ERR_AUDIT_ARCHIVE', { file });
}
