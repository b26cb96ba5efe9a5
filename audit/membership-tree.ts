/**
 * The Merkle tree (RFC 6962) over the persons of one batch: their subject tokens, each once, in rising order, so that
 * a person's place in it, or the place where they would stand, can be shown without the others. Records that name
 * nobody have no leaf. It sees tokens, never an identifier.
 */
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import { EMPTY_ROOT, MerkleFrontier, MerkleTree, inclusionProof, leafHash } from './merkle-tree.ts';

/** The `ext` field of an event with the root, hex; the tree has `subjects.distinct` leaves. */
export const EXT_SUBJECTS_ROOT = 'subjects_root';

/** Leaf of a token. */
export interface ProvenLeaf {
  readonly token: Buffer;
  /** Among the tokens of the batch, from 0. */
  readonly index: number;
  readonly path: readonly Buffer[];
}

/** Where a token stands, or between which two it would; null at the ends. */
export type ProvenToken =
  | { readonly isIn: true; readonly leaf: ProvenLeaf }
  | { readonly isIn: false; readonly before: ProvenLeaf | null; readonly after: ProvenLeaf | null };

/** Root over the tokens of a batch as the index of persons has them: 8 bytes for each record, zeros for nobody. */
export function subjectsRoot(tokens: Buffer): Buffer {
  return subjectsHead(tokens).root;
}

/** The same with the number of leaves. */
export function subjectsHead(tokens: Buffer): { readonly root: Buffer; readonly size: number } {
  const frontier = new MerkleFrontier();
  for (const token of leavesOf(tokens)) frontier.append(leafHash(token));
  return { root: frontier.root(), size: frontier.size };
}

/** The tree itself, for whoever has the index of the batch. */
export class MembershipTree {
  readonly root: Buffer;
  private readonly leaves: readonly Buffer[];
  private readonly tree = new MerkleTree();

  constructor(tokens: Buffer) {
    this.leaves = leavesOf(tokens);
    for (const token of this.leaves) this.tree.append(leafHash(token));
    this.root = this.leaves.length === 0 ? EMPTY_ROOT : this.tree.root();
  }

  get size(): number {
    return this.leaves.length;
  }

  /** Shows that a token is in the batch, or, with two others, that it is not. */
  prove(token: Buffer): ProvenToken {
    const at = this.leaves.findIndex((leaf) => Buffer.compare(leaf, token) >= 0);
    if (at >= 0 && this.leaves[at]!.equals(token)) return { isIn: true, leaf: this.leaf(at) };
    const after = at < 0 ? this.size : at;
    return {
      isIn: false,
      before: after === 0 ? null : this.leaf(after - 1),
      after: after === this.size ? null : this.leaf(after),
    };
  }

  private leaf(index: number): ProvenLeaf {
    return { token: this.leaves[index]!, index, path: inclusionProof(this.tree, index, this.size) };
  }
}

/** Distinct tokens, rising, without that of nobody. */
function leavesOf(tokens: Buffer): readonly Buffer[] {
  const numbers = new BigUint64Array(Math.floor(tokens.length / SUBJECT_TOKEN_BYTES));
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = tokens.readBigUInt64BE(i * SUBJECT_TOKEN_BYTES);
  numbers.sort();
  const leaves: Buffer[] = [];
  let last = 0n;
  for (const number of numbers) {
    if (number === last) continue;
    last = number;
    const leaf = Buffer.alloc(SUBJECT_TOKEN_BYTES);
    leaf.writeBigUInt64BE(number);
    leaves.push(leaf);
  }
  return leaves;
}
