/**
 * Files of an export: written under a name that ends in `.part`, hashed as they are written, and given their own name
 * once the caller says so. What a kill leaves behind is overwritten by the next run; nobody finds half an export
 * under its own name.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GauzeError } from '../../platform/errors.ts';

/** Names of the files of an export and their SHA-256, as sha256sum writes and checks them. */
export const SUMS_FILE = 'SHA256SUMS';
/** Stands in a folder that is being made: the next run may remove that. */
const UNFINISHED = '.unfinished';
/** Readable by its owner alone: it may be about a patient. */
const OWNER_ONLY = 0o600;
const FLUSH_BYTES = 256 * 1024;

/** What is ready to be handed out, and not yet under its own name. */
export interface ReadyExport {
  /** Hex; of a directory, that of the file that holds the hashes of all others. */
  readonly sha256: string;
  /** Gives it its own name, and only then it is handed out; an earlier export makes way. */
  publish(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/** Has it put on record that it was made, and only then hands it out. What fails leaves nothing of it behind. */
export async function handOut(ready: ReadyExport, record: () => Promise<void>): Promise<void> {
  try {
    await record();
    await ready.publish();
  } catch (error) {
    await ready.discard();
    throw error;
  }
}

/** A text file that grows. Every method throws ERR_AUDIT_EXPORT_FILE where the file cannot be written. */
export class HashedFile {
  private readonly target: string;
  private readonly handle: FileHandle;
  private readonly hash = createHash('sha256');
  private pending: string[] = [];
  private pendingLength = 0;

  private constructor(target: string, handle: FileHandle) {
    this.target = target;
    this.handle = handle;
  }

  static async begin(target: string): Promise<HashedFile> {
    return await orFileError(target, async () => {
      await rm(partOf(target), { force: true });
      return new HashedFile(target, await open(partOf(target), 'w', OWNER_ONLY));
    });
  }

  async add(text: string): Promise<void> {
    this.pending.push(text);
    this.pendingLength += text.length;
    if (this.pendingLength >= FLUSH_BYTES) await this.flush();
  }

  /** Ends the file. */
  async ready(): Promise<ReadyExport> {
    await this.flush();
    const { target, handle } = this;
    await orFileError(target, async () => {
      await handle.sync();
      await handle.close();
    });
    return readyAt(target, this.hash.digest('hex'));
  }

  /** Gives it up. */
  async discard(): Promise<void> {
    await this.handle.close();
    await rm(partOf(this.target), { force: true });
  }

  private async flush(): Promise<void> {
    const bytes = Buffer.from(this.pending.join(''));
    this.pending = [];
    this.pendingLength = 0;
    this.hash.update(bytes);
    await orFileError(this.target, async () => await this.handle.write(bytes));
  }
}

/** A directory of files; `file` takes paths below it, with `/`. Throws as HashedFile does. */
export class HashedFolder {
  private readonly target: string;
  private readonly sums = new Map<string, string>();
  private readonly made = new Set<string>();

  private constructor(target: string) {
    this.target = target;
  }

  /** Throws ERR_AUDIT_EXPORT_FILE too where there is something at `target` that is no export. */
  static async begin(target: string): Promise<HashedFolder> {
    await beginFolder(target, SUMS_FILE);
    return new HashedFolder(target);
  }

  async file(path: string, bytes: string | Buffer): Promise<void> {
    const place = join(partOf(this.target), path);
    await orFileError(this.target, async () => {
      const folder = dirname(place);
      if (!this.made.has(folder)) await mkdir(folder, { recursive: true });
      this.made.add(folder);
      await writeFile(place, bytes);
    });
    this.sums.set(path, createHash('sha256').update(bytes).digest('hex'));
  }

  async ready(): Promise<ReadyExport> {
    const lines = [...this.sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, sum]) => `${sum}  ${path}\n`);
    const text = lines.join('');
    await orFileError(this.target, async () => await writeFile(join(partOf(this.target), SUMS_FILE), text));
    await endFolder(this.target);
    return readyAt(this.target, sha256OfText(text));
  }

  async discard(): Promise<void> {
    await rm(partOf(this.target), { force: true, recursive: true });
  }
}

/** The name that something has while it is being made. */
export function partOf(target: string): string {
  return `${target}.part`;
}

/** What was made under `partOf(target)`, with the hash that stands for it. */
export function readyAt(target: string, sha256: string): ReadyExport {
  return {
    sha256,
    publish: async () =>
      await orFileError(target, async () => {
        // Only an export was let stand there; a file is replaced by the renaming itself.
        if (await isFolder(partOf(target))) await rm(target, { force: true, recursive: true });
        await rename(partOf(target), target);
      }),
    discard: async () => await rm(partOf(target), { force: true, recursive: true }),
  };
}

/** SHA-256 of a text in UTF-8, hex. */
export function sha256OfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** SHA-256 of a file, hex. */
export async function sha256Of(file: string): Promise<string> {
  return await orFileError(file, async () => {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  });
}

/**
 * Begins a folder that takes the place of `target` later. Throws ERR_AUDIT_EXPORT_FILE where there is something that
 * would be lost: `target` may be nothing, empty, or an export, which has the file `marker`.
 */
export async function beginFolder(target: string, marker: string): Promise<void> {
  await requireReplaceable(target, marker);
  await requireReplaceable(partOf(target), UNFINISHED, marker);
  await orFileError(target, async () => {
    await rm(partOf(target), { force: true, recursive: true });
    await mkdir(partOf(target), { recursive: true });
    await writeFile(join(partOf(target), UNFINISHED), '');
  });
}

/** All of it is written. */
export async function endFolder(target: string): Promise<void> {
  await orFileError(target, async () => await rm(join(partOf(target), UNFINISHED)));
}

async function requireReplaceable(folder: string, ...markers: readonly string[]): Promise<void> {
  const found: readonly string[] | null = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : null,
  );
  if (found === null || (found.length > 0 && !markers.some((marker) => found.includes(marker))))
    throw new GauzeError('ERR_AUDIT_EXPORT_FILE', { file: folder });
}

async function isFolder(path: string): Promise<boolean> {
  return await readdir(path).then(
    () => true,
    () => false,
  );
}

async function orFileError<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof GauzeError) throw error;
    throw new GauzeError('ERR_AUDIT_EXPORT_FILE', { file });
  }
}
