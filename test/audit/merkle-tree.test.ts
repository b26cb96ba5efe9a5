import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { verifyConsistency, verifyInclusion } from '../../audit/merkle-proof.ts';
import {
  EMPTY_ROOT,
  MerkleFrontier,
  MerkleTree,
  consistencyProof,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
} from '../../audit/merkle-tree.ts';
import { askGo, goMissing } from '../support/go-oracle.ts';
import {
  corruptConsistency,
  corruptInclusion,
  sampleLeaves,
  slowConsistency,
  slowInclusion,
  slowPath,
  slowProof,
  slowRoot,
} from '../support/proof-mutations.ts';
import type { ConsistencyCase, InclusionCase } from '../support/proof-mutations.ts';

const VECTORS = path.resolve(import.meta.dirname, '../..', '../shared/data/rfc6962/merkle-vectors.json');
const hasVectors = existsSync(VECTORS);
const noGo = goMissing();

/** All sizes that are tried: around every power of two up to here. */
const MOST = 33;
const leaves = sampleLeaves(MOST);
const tree = treeOf(leaves);

function treeOf(hashes: readonly Buffer[], start?: MerkleFrontier): MerkleTree {
  const grown = new MerkleTree(start);
  for (const hash of hashes) grown.append(hash);
  return grown;
}

function frontierOf(hashes: readonly Buffer[]): MerkleFrontier {
  const frontier = new MerkleFrontier();
  for (const hash of hashes) frontier.append(hash);
  return frontier;
}

function inclusions(most = MOST): InclusionCase[] {
  return Array.from({ length: most }, (_, i) => i + 1).flatMap((size) =>
    leaves.slice(0, size).map((leaf, index) => ({
      what: `leaf ${index} of ${size}`,
      leaf,
      index,
      size,
      path: [...inclusionProof(tree, index, size)],
      root: tree.root(size),
    })),
  );
}

function growths(most = MOST): ConsistencyCase[] {
  return Array.from({ length: most + 1 }, (_, size) => size).flatMap((size) =>
    Array.from({ length: size + 1 }, (_, oldSize) => ({
      what: `${oldSize} to ${size}`,
      oldSize,
      oldRoot: tree.root(oldSize),
      size,
      root: tree.root(size),
      proof: [...consistencyProof(tree, oldSize, size)],
    })),
  );
}

function includes(c: InclusionCase): boolean {
  return verifyInclusion(c.leaf, c.index, c.size, c.path, c.root);
}

function grows(c: ConsistencyCase): boolean {
  return verifyConsistency({ size: c.oldSize, root: c.oldRoot }, { size: c.size, root: c.root }, c.proof);
}

interface Vectors {
  readonly leafInputs: readonly string[];
  readonly nodeHashes: readonly (readonly string[])[];
  readonly rootHashesByTreeSize: readonly string[];
}

describe('the published vectors', () => {
  (hasVectors ? test : test.skip)('are met: leaves, nodes and roots (needs ../shared/data)', () => {
    const vectors = JSON.parse(readFileSync(VECTORS, 'utf8')) as Vectors;
    const hashes = vectors.leafInputs.map((input) => leafHash(Buffer.from(input, 'hex')));
    const grown = treeOf(hashes);
    vectors.nodeHashes.forEach((level, l) =>
      level.forEach((hash, i) => expect(Buffer.from(grown.node(l, i)).toString('hex')).toBe(hash)),
    );
    vectors.rootHashesByTreeSize.forEach((root, size) => {
      expect(grown.root(size).toString('hex')).toBe(root);
      expect(rootOf(hashes.slice(0, size)).toString('hex')).toBe(root);
      expect(frontierOf(hashes.slice(0, size)).root().toString('hex')).toBe(root);
    });
    expect(vectors.rootHashesByTreeSize).toHaveLength(9);
  });

  test('are met for the empty tree', () => {
    expect(EMPTY_ROOT.toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(new MerkleFrontier().root()).toEqual(EMPTY_ROOT);
  });
});

describe('a tree', () => {
  test('has the roots, paths and proofs of the recursion in the RFC, at every size', () => {
    for (let size = 1; size <= MOST; size += 1) {
      const some = leaves.slice(0, size);
      expect(tree.root(size)).toEqual(slowRoot(some));
      some.forEach((_, i) => expect(inclusionProof(tree, i, size)).toEqual(slowPath(some, i)));
      for (let old = 1; old <= size; old += 1)
        expect(consistencyProof(tree, old, size)).toEqual(slowProof(some, old));
    }
  });

  test('started from a frontier makes the same proofs of growth', () => {
    for (let old = 0; old <= MOST; old += 1) {
      const frontier = MerkleFrontier.from(frontierOf(leaves.slice(0, old)).toJSON());
      const later = treeOf(leaves.slice(old), frontier);
      expect(later.root()).toEqual(tree.root());
      for (let size = old; size <= MOST; size += 1)
        expect(consistencyProof(later, old, size)).toEqual(consistencyProof(tree, old, size));
    }
  });

  test('says what it does not hold', () => {
    expect(() => tree.node(0, MOST)).toThrow(/has no node/);
    expect(() => inclusionProof(tree, 3, 3)).toThrow(/has no leaf 3/);
    expect(() => consistencyProof(tree, 4, 3)).toThrow(/has no older tree of 4/);
    expect(() => inclusionProof(treeOf([], frontierOf(leaves.slice(0, 4))), 1, 4)).toThrow(/has no node/);
    expect(() => tree.append(Buffer.alloc(31))).toThrow(/has no such hash/);
    expect(() => nodeHash(Buffer.alloc(32), Buffer.alloc(33))).toThrow(/has no such hash/);
  });
});

describe('a frontier', () => {
  test('is written down and read back at every size, and grows on', () => {
    const frontier = new MerkleFrontier();
    leaves.forEach((leaf, i) => {
      frontier.append(leaf);
      const again = MerkleFrontier.from(frontier.toJSON());
      expect(again.size).toBe(i + 1);
      expect(again.root()).toEqual(tree.root(i + 1));
      again.append(leaf);
      expect(frontier.root()).toEqual(tree.root(i + 1));
    });
  });

  test.each([
    { size: 3, hashes: ['00'.repeat(32)] },
    { size: 1, hashes: ['00'.repeat(32), '00'.repeat(32)] },
    { size: 1, hashes: ['00'.repeat(31)] },
    { size: 0, hashes: ['00'.repeat(32)] },
    { size: -1, hashes: [] },
    { size: 1.5, hashes: ['00'.repeat(32)] },
    { size: Number.NaN, hashes: [] },
  ])('refuses hashes that do not fit its size: $size', (json) => {
    expect(() => MerkleFrontier.from(json)).toThrow(/frontier with those hashes/);
  });
});

describe('proofs', () => {
  test('of every leaf and every growth hold', () => {
    for (const c of inclusions()) expect([c.what, includes(c)]).toEqual([c.what, true]);
    for (const c of growths()) expect([c.what, grows(c)]).toEqual([c.what, true]);
  });

  test('that were corrupted are judged as the recursion of the RFC judges them: refused, many hundreds', () => {
    const wrong = inclusions(20).flatMap((c) => corruptInclusion(c).map((d) => [c.what, d] as const));
    const found = wrong.map(([of, d]) => [of, d.what, includes(d)]);
    expect(found).toEqual(wrong.map(([of, d]) => [of, d.what, isWhole(d) && slowInclusion(d)]));
    // A path does not tell sizes of one shape apart (leaf 0 of 3 and of 4): the size comes from the signed note.
    const accepted = wrong.map(([, d]) => d).filter((d) => includes(d) && !d.what.startsWith('size'));
    expect(
      accepted.filter((d) => !d.leaf.equals(leaves[d.index]!) || !d.root.equals(tree.root(d.size))),
    ).toEqual([]);
    expect(found.filter(([, , accepted]) => accepted === false).length).toBeGreaterThan(4_000);
  });

  test('of growth that were corrupted are judged as the recursion judges them: refused, many hundreds', () => {
    const wrong = growths(20).flatMap((c) => corruptConsistency(c).map((d) => [c.what, d] as const));
    const found = wrong.map(([of, d]) => [of, d.what, grows(d)]);
    expect(found).toEqual(wrong.map(([of, d]) => [of, d.what, isWhole(d) && slowConsistency(d)]));
    const accepted = wrong.map(([, d]) => d).filter((d) => grows(d) && !d.what.startsWith('size'));
    // Every tree grows from the empty one.
    const isTrue = (d: ConsistencyCase): boolean =>
      d.oldSize === 0 || (d.oldRoot.equals(tree.root(d.oldSize)) && d.root.equals(tree.root(d.size)));
    expect(accepted.filter((d) => !isTrue(d))).toEqual([]);
    expect(found.filter(([, , yes]) => yes === false).length).toBeGreaterThan(4_000);
  });
});

/** Sizes that can be sizes: the slow checks count on it. */
function isWhole(c: { readonly size: number; readonly index?: number; readonly oldSize?: number }): boolean {
  return [c.size, c.index ?? 0, c.oldSize ?? 0].every((n) => Number.isSafeInteger(n) && n >= 0);
}

(noGo === null ? test : test.skip)(
  `Go's sumdb agrees about roots and proofs, right and wrong (${noGo ?? 'asked'})`,
  () => {
    const text = (hash: Buffer): string => hash.toString('base64');
    const isHashes = (all: readonly Buffer[]): boolean => all.every((hash) => hash.length === 32);
    const records = inclusions(12)
      .flatMap((c) => [c, ...corruptInclusion(c)])
      .filter((c) => isWhole(c) && c.size < 2 ** 52 && isHashes([c.leaf, c.root, ...c.path]));
    // tlog has no proof from the empty tree.
    const trees = growths(12)
      .flatMap((c) => [c, ...corruptConsistency(c)])
      .filter(
        (c) => isWhole(c) && c.oldSize > 0 && c.size < 2 ** 52 && isHashes([c.oldRoot, c.root, ...c.proof]),
      );
    const values = Array.from({ length: 21 }, (_, i) => Buffer.from(`leaf ${i}`));
    const answers = askGo({
      Notes: [],
      Vkeys: [],
      Text: 'text\n',
      Skey: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
      Leaves: values.map(text),
      Records: records.map((c) => ({
        Proof: c.path.map(text),
        Size: c.size,
        Root: text(c.root),
        Index: c.index,
        Leaf: text(c.leaf),
      })),
      Trees: trees.map((c) => ({
        Proof: c.proof.map(text),
        Size: c.size,
        Root: text(c.root),
        OldSize: c.oldSize,
        OldRoot: text(c.oldRoot),
      })),
    });
    expect(answers.Root).toBe(text(rootOf(values.map((value) => leafHash(value)))));
    expect(records.map((c, i) => [c.what, answers.Records[i]])).toEqual(
      records.map((c) => [c.what, includes(c)]),
    );
    expect(trees.map((c, i) => [c.what, answers.Trees[i]])).toEqual(trees.map((c) => [c.what, grows(c)]));
    expect(answers.Records.filter(Boolean).length).toBeGreaterThan(70);
    expect(answers.Trees.filter((yes) => !yes).length).toBeGreaterThan(500);
  },
);
