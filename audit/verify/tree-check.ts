/**
 * The Merkle tree of one audit partition (RFC 6962), grown from the bytes that are there and compared with each seal.
 * It takes no size, root or frontier on trust but where a prefix was pruned, and then says so.
 */
import { hash } from 'node:crypto';
import { MerkleFrontier } from '../merkle-tree.ts';
import type { FrontierJson } from '../merkle-tree.ts';
import type { SealedPartition } from '../../schemas/seal-codecs.ts';
import type { SourcePartition } from './audit-source.ts';
import type { Findings } from './finding.ts';

let scratch = Buffer.alloc(4096);

/** SHA-256(0x00 || value): leaf of the tree and link of the chain. */
export function leafOf(value: Uint8Array): Buffer {
  const length = value.length + 1;
  if (length > scratch.length) scratch = Buffer.alloc(2 * length);
  scratch.set(value, 1);
  return hash('sha256', scratch.subarray(0, length), 'buffer');
}

export interface TreeJson {
  readonly frontier: FrontierJson;
  readonly nextOffset: number;
  readonly sealed: { readonly n: number; readonly size: number; readonly nextOffset: number } | null;
  readonly isBroken: boolean;
  readonly isUnknown: boolean;
  readonly topicId: string;
}

export class TreeCheck {
  readonly place: SourcePartition;
  /** All that is below has been looked at. */
  nextOffset: number;
  /** What the last seal said. */
  sealed: TreeJson['sealed'] = null;
  private frontier = new MerkleFrontier();
  /** It differs from what was sealed: every later root differs too, and says nothing more. */
  private isBroken = false;
  /** The beginning is not here: sizes and roots cannot be known before a seal with a frontier. */
  isUnknown: boolean;
  private readonly findings: Findings;

  constructor(place: SourcePartition, findings: Findings, json?: TreeJson) {
    this.place = place;
    this.findings = findings;
    this.nextOffset = place.logStartOffset;
    this.isUnknown = place.logStartOffset > 0;
    if (!json) return;
    this.frontier = MerkleFrontier.from(json.frontier);
    ({ nextOffset: this.nextOffset, sealed: this.sealed } = json);
    ({ isBroken: this.isBroken, isUnknown: this.isUnknown } = json);
  }

  get size(): number {
    return this.frontier.size;
  }

  append(leaf: Buffer, offset: number): void {
    this.frontier.append(leaf);
    this.nextOffset = offset + 1;
  }

  /** The partition has been read up to where seal `n` says; does it agree? */
  compare(n: number, sealed: SealedPartition): void {
    const { topic, partition } = this.place;
    const at = { topic, partition, seal: n };
    const before = this.sealed;
    this.sealed = { n, size: sealed.tree_size, nextOffset: sealed.next_offset };
    if (sealed.next_offset > this.nextOffset) this.nextOffset = sealed.next_offset;
    if (sealed.topic_id.toString('hex') !== this.place.topicId) {
      if (!this.isBroken)
        this.findings.add('TOPIC_RECREATED', at, `sealed ${sealed.topic_id.toString('hex')}`);
      this.isBroken = true;
      return;
    }
    if (this.isUnknown) return this.adopt(sealed);
    if (this.isBroken) return;
    const range = { ...at, from: before?.nextOffset ?? 0, to: sealed.next_offset };
    const sizes = `${this.size} events where ${sealed.tree_size} were sealed`;
    if (this.size < sealed.tree_size) this.findings.add('SHORTER_THAN_SEALED', range, sizes);
    if (this.size === sealed.tree_size && this.frontier.root().equals(sealed.root)) return;
    this.isBroken = true;
    this.findings.add('ROOT_MISMATCH', range, this.size === sealed.tree_size ? 'another root' : sizes);
  }

  /** The tree goes on from a frontier that a seal carries, once what is here begins at or before that seal's end. */
  private adopt(sealed: SealedPartition): void {
    if (!sealed.frontier || sealed.next_offset < this.place.logStartOffset) return;
    try {
      const hashes = sealed.frontier.map((bytes) => bytes.toString('hex'));
      this.frontier = MerkleFrontier.from({ size: sealed.tree_size, hashes });
      this.isUnknown = false;
      this.isBroken = !this.frontier.root().equals(sealed.root);
    } catch {
      this.isBroken = true;
    }
    if (!this.isBroken) return;
    const { topic, partition } = this.place;
    this.findings.add('ROOT_MISMATCH', { topic, partition }, 'the frontier of a seal does not give its root');
  }

  toJSON(): TreeJson {
    const { nextOffset, sealed, isBroken, isUnknown } = this;
    const { topicId } = this.place;
    return { frontier: this.frontier.toJSON(), nextOffset, sealed, isBroken, isUnknown, topicId };
  }
}
