/**
 * The log of seals as a Merkle tree: grown only by seals that were read back as committed. It holds the leaves of the
 * last day or so, which is what proofs for witnesses need; older ones are read from the topic.
 */
import type { Checkpoint } from '../checkpoint.ts';
import { consistencyProof, MerkleFrontier, MerkleTree } from '../merkle-tree.ts';

/** Leaves after which the older half is let go. */
const LEAVES_HELD = 8_192;

export class SealsTree {
  private readonly frontier: MerkleFrontier;
  /** Two trees begun at different sizes, the one that reaches further back first. */
  private older: { readonly from: number; readonly tree: MerkleTree };
  private newer: { readonly from: number; readonly tree: MerkleTree };

  /** @param start of the seals before those that will be appended */
  constructor(start: MerkleFrontier = new MerkleFrontier()) {
    this.frontier = start.copy();
    this.older = { from: start.size, tree: new MerkleTree(start) };
    this.newer = { from: start.size, tree: new MerkleTree(start) };
  }

  get size(): number {
    return this.frontier.size;
  }

  append(leaf: Buffer): void {
    if (this.size - this.newer.from >= LEAVES_HELD) {
      this.older = this.newer;
      this.newer = { from: this.size, tree: new MerkleTree(this.frontier) };
    }
    this.frontier.append(leaf);
    this.older.tree.append(leaf);
    this.newer.tree.append(leaf);
  }

  root(): Buffer {
    return this.frontier.root();
  }

  /** Root of the first `size` seals; null where that lies before what is held. */
  rootAt(size: number): Buffer | null {
    return size < this.older.from ? null : this.older.tree.root(size);
  }

  checkpoint(origin: string): Checkpoint {
    return { origin, size: this.size, root: this.root() };
  }

  /** Roots of the complete subtrees, largest first: what every hundredth seal carries. */
  get subtreeRoots(): readonly Buffer[] {
    return this.frontier.subtrees().map(({ hash }) => hash);
  }

  /** Proof that the first `oldSize` seals are the beginning of all; null where that lies before what is held. */
  proofFrom(oldSize: number): readonly Buffer[] | null {
    if (oldSize !== 0 && oldSize < this.older.from) return null;
    return consistencyProof(this.older.tree, oldSize, this.size);
  }
}
