/**
 * The Merkle tree of RFC 6962 section 2.1 (the same as RFC 9162 section 2.1): hashes of leaves and nodes, the
 * frontier that grows by one leaf in O(log n), and the tree that makes proofs; merkle-proof.ts checks them. It hashes
 * what it is handed and must never decide what is worth hashing.
 */
import { createHash, hash } from 'node:crypto';
import { GauzeError } from '../platform/errors.ts';

/** Bytes of SHA-256. */
export const HASH_BYTES = 32;
/** Root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Buffer = hash('sha256', Buffer.alloc(0), 'buffer');

const LEAF = Buffer.from([0]);

/** SHA-256(0x00 || value). */
export function leafHash(value: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(value).digest();
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** SHA-256(0x01 || left || right). @throws GauzeError ERR_AUDIT_TREE on anything but two hashes */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  requireHash(left);
  requireHash(right);
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  return hash('sha256', pair, 'buffer');
}

function requireHash(bytes: Uint8Array): void {
  if (bytes.length !== HASH_BYTES)
    throw new GauzeError('ERR_AUDIT_TREE', { count: 0, expected: 'such hash' });
}

/** What a frontier is written down as. */
export interface FrontierJson {
  readonly size: number;
  /** Roots of the complete subtrees from left to right, hex: one for each bit that is set in `size`. */
  readonly hashes: readonly string[];
}

/** The right edge of a tree: enough to append and to know the root, at most 53 hashes whatever the size. */
export class MerkleFrontier {
  private leaves = 0;
  /** By level; null where the bit of the size is not set. */
  private readonly levels: (Buffer | null)[] = [];

  get size(): number {
    return this.leaves;
  }

  /** @param leaf hash of the leaf, 32 bytes */
  append(leaf: Uint8Array): void {
    requireHash(leaf);
    let carried: Buffer = Buffer.from(leaf);
    let level = 0;
    for (; ; level += 1) {
      const left = this.levels[level];
      if (!left) break;
      carried = nodeHash(left, carried);
      this.levels[level] = null;
    }
    this.levels[level] = carried;
    this.leaves += 1;
  }

  root(): Buffer {
    let root: Buffer | null = null;
    for (const node of this.levels) {
      if (node === null) continue;
      root = root === null ? node : nodeHash(node, root);
    }
    return root === null ? EMPTY_ROOT : Buffer.from(root);
  }

  /** The complete subtrees from left to right, each with its level (0: a leaf). */
  subtrees(): readonly { readonly level: number; readonly hash: Buffer }[] {
    return this.levels.flatMap((node, level) => (node === null ? [] : [{ level, hash: node }])).toReversed();
  }

  copy(): MerkleFrontier {
    const copy = new MerkleFrontier();
    copy.leaves = this.leaves;
    copy.levels.push(...this.levels);
    return copy;
  }

  toJSON(): FrontierJson {
    return { size: this.leaves, hashes: this.subtrees().map((subtree) => subtree.hash.toString('hex')) };
  }

  /** @throws GauzeError ERR_AUDIT_TREE where size and hashes do not fit each other */
  static from({ size, hashes }: FrontierJson): MerkleFrontier {
    const left = [...hashes];
    const frontier = new MerkleFrontier();
    let rest = isSize(size) ? size : 0;
    while (rest > 0) {
      const hex = rest % 2 === 1 ? left.pop() : null;
      if (hex === undefined || (hex !== null && !/^[0-9a-f]{64}$/.test(hex))) throw misfit(size);
      frontier.levels.push(hex === null ? null : Buffer.from(hex, 'hex'));
      rest = Math.floor(rest / 2);
    }
    if (left.length > 0 || !isSize(size)) throw misfit(size);
    frontier.leaves = size;
    return frontier;
  }
}

function misfit(size: number): GauzeError {
  return new GauzeError('ERR_AUDIT_TREE', { count: size, expected: 'frontier with those hashes' });
}

/** Where proofs take hashes from: a tree in memory, or tiles. */
export interface NodeSource {
  /**
   * Hash of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level).
   * @throws GauzeError ERR_AUDIT_TREE where the source does not hold it
   */
  node(level: number, index: number): Uint8Array;
}

/** One level of a tree: nodes from `first` on, one after another in one buffer. */
interface Level {
  readonly first: number;
  count: number;
  bytes: Buffer;
}

/**
 * A tree in memory, 64 bytes a leaf. Started from a frontier it holds what came after: enough for every consistency
 * proof from that size on and for the inclusion of every later leaf whose path stays right of it.
 */
export class MerkleTree implements NodeSource {
  private readonly levels: Level[] = [];
  private leaves: number;

  constructor(start: MerkleFrontier = new MerkleFrontier()) {
    this.leaves = start.size;
    for (const { level, hash: root } of start.subtrees()) this.push(level, root);
  }

  get size(): number {
    return this.leaves;
  }

  /** @param leaf hash of the leaf, 32 bytes */
  append(leaf: Uint8Array): void {
    requireHash(leaf);
    let carried: Uint8Array = leaf;
    let index = this.leaves;
    this.leaves += 1;
    for (let level = 0; ; level += 1) {
      this.push(level, carried);
      if (index % 2 === 0) return;
      carried = nodeHash(this.node(level, index - 1), carried);
      index = (index - 1) / 2;
    }
  }

  node(level: number, index: number): Uint8Array {
    const held = this.levels[level];
    const at = index - (held?.first ?? 0);
    if (!held || !(at >= 0 && at < held.count))
      throw new GauzeError('ERR_AUDIT_TREE', {
        count: this.leaves,
        expected: `node ${index} at level ${level}`,
      });
    return held.bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  }

  /** Root of the first `size` leaves; of all without it. */
  root(size = this.leaves): Buffer {
    return size === 0 ? EMPTY_ROOT : rangeHash(this, 0, size);
  }

  private push(level: number, bytes: Uint8Array): void {
    // A level starts at an even index: its left neighbour is in a node further up.
    for (let l = this.levels.length; l <= level; l += 1)
      this.levels.push({
        first: 2 * Math.floor(this.leaves / 2 ** (l + 1)),
        count: 0,
        bytes: Buffer.alloc(0),
      });
    const held = this.levels[level]!;
    const end = held.count * HASH_BYTES;
    if (end === held.bytes.length) {
      const wider = Buffer.alloc(Math.max(2 * end, 4 * HASH_BYTES));
      held.bytes.copy(wider);
      held.bytes = wider;
    }
    held.bytes.set(bytes, end);
    held.count += 1;
  }
}

/** Root of the tree over these leaf hashes. */
export function rootOf(leafHashes: Iterable<Uint8Array>): Buffer {
  const frontier = new MerkleFrontier();
  for (const leaf of leafHashes) frontier.append(leaf);
  return frontier.root();
}

/** MTH of leaves [start, end), whose start is a multiple of the largest power of two below its length. */
function rangeHash(source: NodeSource, start: number, end: number): Buffer {
  const size = end - start;
  const level = Math.log2(size);
  if (Number.isInteger(level)) return Buffer.from(source.node(level, start / size));
  const middle = start + splitOf(size);
  return nodeHash(rangeHash(source, start, middle), rangeHash(source, middle, end));
}

/** The largest power of two below `size`, for sizes of 2 and more. */
function splitOf(size: number): number {
  const power = 2 ** Math.floor(Math.log2(size));
  return power === size ? size / 2 : power;
}

/**
 * Path from leaf `index` to the root of the first `size` leaves, the leaf's sibling first; RFC 6962, 2.1.1.
 * @throws GauzeError ERR_AUDIT_TREE where there is no such leaf or the source lacks a node
 */
export function inclusionProof(source: NodeSource, index: number, size: number): readonly Buffer[] {
  if (!isSize(index) || !isSize(size) || index >= size)
    throw new GauzeError('ERR_AUDIT_TREE', { count: size, expected: `leaf ${index}` });
  return pathTo(source, index, 0, size);
}

function pathTo(source: NodeSource, index: number, start: number, end: number): Buffer[] {
  if (end - start === 1) return [];
  const middle = start + splitOf(end - start);
  return index < middle
    ? [...pathTo(source, index, start, middle), rangeHash(source, middle, end)]
    : [...pathTo(source, index, middle, end), rangeHash(source, start, middle)];
}

/**
 * Proof that the first `oldSize` of `size` leaves are a tree of their own; RFC 6962, 2.1.2. Empty where the two are
 * equal, or the old one is empty.
 * @throws GauzeError ERR_AUDIT_TREE where the old tree is larger or the source lacks a node
 */
export function consistencyProof(source: NodeSource, oldSize: number, size: number): readonly Buffer[] {
  if (!isSize(oldSize) || !isSize(size) || oldSize > size)
    throw new GauzeError('ERR_AUDIT_TREE', { count: size, expected: `older tree of ${oldSize}` });
  return oldSize === 0 ? [] : growth(source, oldSize, 0, size, true);
}

/** SUBPROOF of the RFC for leaves [start, end); `known`: whoever checks has the root of [start, old) already. */
function growth(source: NodeSource, old: number, start: number, end: number, known: boolean): Buffer[] {
  if (old === end) return known ? [] : [rangeHash(source, start, end)];
  const middle = start + splitOf(end - start);
  return old <= middle
    ? [...growth(source, old, start, middle, known), rangeHash(source, middle, end)]
    : [...growth(source, old, middle, end, false), rangeHash(source, start, middle)];
}

/** Is it a number of leaves: whole, not negative, exact? */
export function isSize(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}
