/**
 * What the sealer keeps of one audit partition: the right edge of its Merkle tree and how far it has been read. The
 * tree follows from the committed records alone, so every sealer comes to the same one. It keeps no record.
 */
import { GauzeError } from '../../platform/errors.ts';
import type { LogRecord } from '../../kafka/log-reader.ts';
import type { SealedPartition } from '../../schemas/seal-codecs.ts';
import { leafHash, MerkleFrontier } from '../merkle-tree.ts';

/** A partition of an audit topic. */
export interface AuditPlace {
  readonly topic: string;
  /** 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
}

const NO_BYTES = Buffer.alloc(0);

export class PartitionTree {
  readonly place: AuditPlace;
  /** All committed records below this offset are in the tree. */
  nextOffset = 0;
  logStartOffset = 0;
  /** What an admin has declared may be gone: records, and the offset below which they stood. */
  prunedSize = 0;
  prunedOffset = 0;
  private frontier = new MerkleFrontier();

  constructor(place: AuditPlace) {
    this.place = place;
  }

  /**
   * Goes on from where a seal left off. `sealed` must carry its frontier.
   * @throws GauzeError ERR_SEAL_STATE where frontier and root do not fit each other
   */
  static from(sealed: SealedPartition): PartitionTree {
    const { topic, topic_id: topicId, partition, tree_size: size, frontier, root } = sealed;
    const tree = new PartitionTree({ topic, topicId: topicId.toString('hex'), partition });
    const hashes = (frontier ?? []).map((node) => node.toString('hex'));
    tree.frontier = MerkleFrontier.from({ size, hashes });
    if (!tree.frontier.root().equals(root)) throw new GauzeError('ERR_SEAL_STATE', { topic, partition });
    tree.nextOffset = sealed.next_offset;
    tree.logStartOffset = sealed.log_start_offset;
    ({ pruned_size: tree.prunedSize, pruned_offset: tree.prunedOffset } = sealed);
    return tree;
  }

  get size(): number {
    return this.frontier.size;
  }

  root(): Buffer {
    return this.frontier.root();
  }

  /** Takes the next committed record; gives its hash. A record without value has the hash of no bytes. */
  append({ value }: Pick<LogRecord, 'value'>): Buffer {
    const leaf = leafHash(value ?? NO_BYTES);
    this.frontier.append(leaf);
    return leaf;
  }

  sealed(how: { readonly withFrontier: boolean }): SealedPartition {
    const { topic, topicId, partition } = this.place;
    return {
      topic,
      topic_id: Buffer.from(topicId, 'hex'),
      partition,
      tree_size: this.size,
      root: this.root(),
      next_offset: this.nextOffset,
      log_start_offset: this.logStartOffset,
      pruned_size: this.prunedSize,
      pruned_offset: this.prunedOffset,
      frontier: how.withFrontier ? this.frontier.subtrees().map(({ hash }) => hash) : null,
    };
  }
}
