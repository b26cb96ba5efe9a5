/**
 * Merkle proofs made wrong in every way we could think of, and the same checks once more as the recursion of RFC 6962
 * has them: slow, and written apart from the loops of the product, so that each can be held against the other.
 */
import { createHash } from 'node:crypto';

export interface InclusionCase {
  readonly what: string;
  readonly leaf: Buffer;
  readonly index: number;
  readonly size: number;
  readonly path: readonly Buffer[];
  readonly root: Buffer;
}

export interface ConsistencyCase {
  readonly what: string;
  readonly oldSize: number;
  readonly oldRoot: Buffer;
  readonly size: number;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** The leaf hashes of values 0, 1, 2 ... */
export function sampleLeaves(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => sha(Buffer.from([0]), Buffer.from(`leaf ${i}`)));
}

/** MTH of RFC 6962, 2.1. */
export function slowRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha();
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return node(slowRoot(leaves.slice(0, k)), slowRoot(leaves.slice(k)));
}

/** PATH of RFC 6962, 2.1.1. */
export function slowPath(leaves: readonly Buffer[], index: number): Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...slowPath(leaves.slice(0, k), index), slowRoot(leaves.slice(k))]
    : [...slowPath(leaves.slice(k), index - k), slowRoot(leaves.slice(0, k))];
}

/** PROOF of RFC 6962, 2.1.2. */
export function slowProof(leaves: readonly Buffer[], old: number, whole = true): Buffer[] {
  if (old === leaves.length) return whole ? [] : [slowRoot(leaves)];
  const k = split(leaves.length);
  return old <= k
    ? [...slowProof(leaves.slice(0, k), old, whole), slowRoot(leaves.slice(k))]
    : [...slowProof(leaves.slice(k), old - k, false), slowRoot(leaves.slice(0, k))];
}

export function slowInclusion(c: InclusionCase): boolean {
  const from = (path: readonly Buffer[], index: number, size: number): Buffer | null => {
    if (size === 1) return path.length === 0 ? c.leaf : null;
    const sibling = path.at(-1);
    const k = split(size);
    const below =
      index < k ? from(path.slice(0, -1), index, k) : from(path.slice(0, -1), index - k, size - k);
    if (!sibling || !below) return null;
    return index < k ? node(below, sibling) : node(sibling, below);
  };
  if (c.index < 0 || c.index >= c.size || !allHashes([c.leaf, c.root, ...c.path])) return false;
  return from(c.path, c.index, c.size)?.equals(c.root) ?? false;
}

export function slowConsistency(c: ConsistencyCase): boolean {
  type Roots = readonly [old: Buffer, now: Buffer] | null;
  const from = (proof: readonly Buffer[], old: number, size: number, whole: boolean): Roots => {
    if (old === size && whole) return proof.length === 0 ? [c.oldRoot, c.oldRoot] : null;
    if (old === size) return proof.length === 1 ? [proof[0]!, proof[0]!] : null;
    const last = proof.at(-1);
    const rest = proof.slice(0, -1);
    const k = split(size);
    const below = old <= k ? from(rest, old, k, whole) : from(rest, old - k, size - k, false);
    if (!last || !below) return null;
    return old <= k ? [below[0], node(below[1], last)] : [node(last, below[0]), node(last, below[1])];
  };
  if (c.oldSize < 0 || c.oldSize > c.size || !allHashes([c.oldRoot, c.root, ...c.proof])) return false;
  if (c.oldSize === 0) return c.proof.length === 0 && c.oldRoot.equals(sha());
  const roots = from(c.proof, c.oldSize, c.size, true);
  return roots !== null && roots[0].equals(c.oldRoot) && roots[1].equals(c.root);
}

export function corruptInclusion(c: InclusionCase): InclusionCase[] {
  return [
    ...corruptHashes(c.path).map(([what, path]) => ({ ...c, what, path })),
    ...corruptNumbers(c.index).map((index) => ({ ...c, what: `index ${index}`, index })),
    ...corruptNumbers(c.size).map((size) => ({ ...c, what: `size ${size}`, size })),
    { ...c, what: 'bit of the leaf', leaf: flip(c.leaf, c.index) },
    { ...c, what: 'bit of the root', root: flip(c.root, c.size) },
    { ...c, what: 'root for the leaf', leaf: c.root, root: c.leaf },
    { ...c, what: 'short leaf', leaf: c.leaf.subarray(1) },
    { ...c, what: 'root of nothing', root: sha() },
    { ...c, what: 'root at the end of the path', path: [...c.path, c.root] },
  ];
}

export function corruptConsistency(c: ConsistencyCase): ConsistencyCase[] {
  return [
    ...corruptHashes(c.proof).map(([what, proof]) => ({ ...c, what, proof })),
    ...corruptNumbers(c.oldSize).map((oldSize) => ({ ...c, what: `old size ${oldSize}`, oldSize })),
    ...corruptNumbers(c.size).map((size) => ({ ...c, what: `size ${size}`, size })),
    { ...c, what: 'swapped roots', root: c.oldRoot, oldRoot: c.root },
    { ...c, what: 'old root twice', root: c.oldRoot },
    { ...c, what: 'new root twice', oldRoot: c.root },
    { ...c, what: 'bit of the old root', oldRoot: flip(c.oldRoot, c.size) },
    { ...c, what: 'bit of the root', root: flip(c.root, c.oldSize) },
    { ...c, what: 'root of nothing', root: sha() },
    { ...c, what: 'swapped sizes', size: c.oldSize, oldSize: c.size },
    { ...c, what: 'old root first', proof: [c.oldRoot, ...c.proof] },
  ];
}

/** A list of hashes with garbage in it, one after another. */
function corruptHashes(hashes: readonly Buffer[]): [string, Buffer[]][] {
  const garbage = sha(Buffer.from('garbage'));
  return [
    ...hashes.map((hash, i): [string, Buffer[]] => [`bit of ${i}`, hashes.with(i, flip(hash, i))]),
    ...hashes.map((_, i): [string, Buffer[]] => [`without ${i}`, hashes.toSpliced(i, 1)]),
    ...hashes.map((hash, i): [string, Buffer[]] => [`${i} short`, hashes.with(i, hash.subarray(0, 31))]),
    ['garbage after', [...hashes, garbage]],
    ['garbage before', [garbage, ...hashes]],
    ['nothing after', [...hashes, Buffer.alloc(32)]],
    ['turned round', hashes.length > 1 ? hashes.toReversed() : [garbage, garbage]],
    ['emptied', hashes.length > 0 ? [] : [garbage]],
    ['far too long', Array.from({ length: 100 }, () => garbage)],
  ];
}

function corruptNumbers(n: number): number[] {
  return [...new Set([n - 1, n + 1, n ^ 2, n * 2 + 1, Math.floor(n / 2), -1, n + 0.5, 2 ** 53])].filter(
    (other) => other !== n,
  );
}

/** The hash with one bit changed; which one depends on `seed`. */
function flip(hash: Buffer, seed: number): Buffer {
  const bit = (seed * 37 + 11) % 256;
  const changed = Buffer.from(hash);
  changed[bit >> 3]! ^= 1 << (bit & 7);
  return changed;
}

function allHashes(hashes: readonly Buffer[]): boolean {
  return hashes.every((hash) => hash.length === 32);
}

function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

function node(left: Buffer, right: Buffer): Buffer {
  return sha(Buffer.from([1]), left, right);
}

function sha(...parts: readonly Buffer[]): Buffer {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest();
}
