/**
 * Writes a log as c2sp.org/tlog-tiles has it: tiles of 256 hashes at each eighth level of the RFC 6962 tree, and
 * bundles of 256 entries, each with its length before it. It streams: whatever the size of the log, it holds one
 * unfinished tile a level. It knows nothing of what the entries are.
 */
import { GauzeError } from '../../platform/errors.ts';
import { HASH_BYTES, MerkleFrontier, leafHash } from '../merkle-tree.ts';

/** Hashes of a full tile and entries of a full bundle, by c2sp.org/tlog-tiles. */
export const TILE_WIDTH = 256;
/** Longest entry: the bundle has two bytes for its length. */
export const MAX_ENTRY_BYTES = 65_535;
const GROUP = 1000;

/** Takes the file of a path such as `tile/0/x001/067`. */
export type WriteTile = (path: string, bytes: Buffer) => Promise<void>;

interface OpenTile {
  index: number;
  hashes: Buffer[];
}

export class TileWriter {
  private readonly write: WriteTile;
  private readonly levels: OpenTile[] = [];
  private readonly frontier = new MerkleFrontier();
  private bundle: Buffer[] = [];

  constructor(write: WriteTile) {
    this.write = write;
  }

  /** Entries so far. */
  get size(): number {
    return this.frontier.size;
  }

  /** Root of the tree over all entries so far. */
  root(): Buffer {
    return this.frontier.root();
  }

  /** Adds an entry of at most MAX_ENTRY_BYTES. Throws ERR_AUDIT_TREE where it is longer. */
  async append(entry: Buffer): Promise<void> {
    if (entry.length > MAX_ENTRY_BYTES)
      throw new GauzeError('ERR_AUDIT_TREE', { count: this.size, expected: 'room for so long an entry' });
    const index = Math.floor(this.size / TILE_WIDTH);
    const leaf = leafHash(entry);
    this.frontier.append(leaf);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    this.bundle.push(length, Buffer.from(entry));
    if (this.bundle.length === 2 * TILE_WIDTH) {
      await this.write(tilePath('entries', index), Buffer.concat(this.bundle));
      this.bundle = [];
    }
    await this.push(0, leaf);
  }

  /** Writes what is not full; the writer is not to be used after it. */
  async end(): Promise<void> {
    const entries = this.bundle.length / 2;
    if (entries > 0)
      await this.write(
        tilePath('entries', Math.floor(this.size / TILE_WIDTH), entries),
        Buffer.concat(this.bundle),
      );
    for (const [level, { index, hashes }] of this.levels.entries())
      if (hashes.length > 0) await this.write(tilePath(level, index, hashes.length), Buffer.concat(hashes));
  }

  private async push(level: number, hash: Buffer): Promise<void> {
    const tile = (this.levels[level] ??= { index: 0, hashes: [] });
    tile.hashes.push(hash);
    if (tile.hashes.length < TILE_WIDTH) return;
    const above = new MerkleFrontier();
    for (const each of tile.hashes) above.append(each);
    await this.write(tilePath(level, tile.index), Buffer.concat(tile.hashes, TILE_WIDTH * HASH_BYTES));
    this.levels[level] = { index: tile.index + 1, hashes: [] };
    await this.push(level + 1, above.root());
  }
}

/** The path of a tile of hashes at a level, or of a bundle of entries; `width` where it is not full. */
export function tilePath(level: number | 'entries', index: number, width = TILE_WIDTH): string {
  const groups = [digits(index % GROUP)];
  for (let rest = Math.floor(index / GROUP); rest > 0; rest = Math.floor(rest / GROUP))
    groups.unshift(`x${digits(rest % GROUP)}`);
  return `tile/${level}/${groups.join('/')}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

function digits(group: number): string {
  return String(group).padStart(3, '0');
}
