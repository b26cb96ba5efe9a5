/**
 * Proofs for a witness that has not been asked for so long that the sealer no longer holds what it needs: the seals
 * since then are read from their topic once more. It trusts nothing it reads; a wrong proof is refused by the witness.
 */
import type { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import { consistencyProof, leafHash, MerkleFrontier, MerkleTree } from '../merkle-tree.ts';

/** Reads the whole topic; holds 64 bytes for each seal since `oldSize`. @throws GauzeError ERR_AUDIT_TREE */
export async function olderProof(
  cluster: Cluster,
  topic: string,
  oldSize: number,
  size: number,
): Promise<readonly Buffer[]> {
  const reader = new LogReader(cluster, topic, 0);
  let tree = new MerkleTree();
  try {
    await reader.readToEnd(({ key, value }) => {
      const record = readSealRecord(key, value);
      if (record.kind !== 'seal' || tree.size >= size) return;
      const { n, seals_frontier: frontier } = record.seal;
      if (frontier && n <= oldSize)
        tree = new MerkleTree(
          MerkleFrontier.from({ size: n, hashes: frontier.map((hash) => hash.toString('hex')) }),
        );
      tree.append(leafHash(record.value));
    });
  } finally {
    reader.close();
  }
  return consistencyProof(tree, oldSize, size);
}
