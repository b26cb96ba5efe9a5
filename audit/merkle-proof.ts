/**
 * The checks of Merkle proofs, RFC 9162 sections 2.1.3.2 and 2.1.4.2. They answer yes or no and must never throw on
 * what a stranger sent: whatever does not fit is a no.
 */
import { EMPTY_ROOT, HASH_BYTES, isSize, nodeHash } from './merkle-tree.ts';

/** Most hashes that a proof can have, by c2sp.org/tlog-witness. */
export const MAX_PROOF_HASHES = 63;

/** The root that a path leads to, or null where the path does not fit index and size; RFC 9162, 2.1.3.2. */
export function rootOfPath(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Buffer | null {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, ...path])) return null;
  let node = index;
  let last = size - 1;
  let root: Buffer = Buffer.from(leaf);
  for (const sibling of path) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      root = nodeHash(sibling, root);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else root = nodeHash(root, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? root : null;
}

/** Is the leaf at `index` of the tree with this size and root? */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  return rootOfPath(leaf, index, size, path)?.equals(root) ?? false;
}

/** A tree as a checkpoint names it. */
export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Does the newer tree begin with all of the older one? RFC 9162, 2.1.4.2. */
export function verifyConsistency(older: TreeHead, newer: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (!isSize(older.size) || !isSize(newer.size) || older.size > newer.size) return false;
  if (!areHashes([older.root, newer.root, ...proof])) return false;
  if (older.size === 0) return proof.length === 0 && EMPTY_ROOT.equals(older.root);
  if (older.size === newer.size) return proof.length === 0 && Buffer.from(older.root).equals(newer.root);
  const isWhole = Number.isInteger(Math.log2(older.size));
  const [seed, ...rest] = isWhole ? [older.root, ...proof] : proof;
  return seed !== undefined && growsFrom(seed, rest, older, newer);
}

function growsFrom(seed: Uint8Array, rest: readonly Uint8Array[], older: TreeHead, newer: TreeHead): boolean {
  let node = older.size - 1;
  let last = newer.size - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let oldRoot: Uint8Array = seed;
  let newRoot: Uint8Array = seed;
  for (const next of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldRoot = nodeHash(next, oldRoot);
      newRoot = nodeHash(next, newRoot);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else newRoot = nodeHash(newRoot, next);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && Buffer.from(oldRoot).equals(older.root) && Buffer.from(newRoot).equals(newer.root);
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((bytes) => bytes.length === HASH_BYTES);
}
