/**
 * The hash chain of one session of one writer: each event names the one before it, so a removed, changed or
 * moved event shows. The head moves only when the transaction that carries the event has committed.
 */
import { createHash } from 'node:crypto';
import { nowMs, uuidV7 } from '../platform/clock.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';

/** An event before the chain has given it its place. */
export type EventBody = Omit<
  PhiAuditEvent,
  'event_id' | 'recorded_at' | 'writer_id' | 'chain_id' | 'seq' | 'prev_hash' | 'key_epoch' | 'sig'
>;

/** Where a chain ends. */
export interface ChainHead {
  /** 32 hex digits. */
  readonly chainId: string;
  /** Sequence of the last event; -1 before the first. */
  readonly seq: number;
  /** SHA-256 of the last event, hex; zeros before the first. */
  readonly head: string;
}

/** An encoded event and the head that the chain has once it is committed. */
export interface ChainedEvent {
  readonly value: Buffer;
  readonly head: ChainHead;
}

const HASH_BYTES = 32;
/** Domain separation between leaves and nodes of a Merkle tree, RFC 6962 section 2.1. */
const LEAF = Buffer.from([0]);

export class AuditChain {
  private readonly writerId: string;
  private readonly schemaId: number;
  private readonly chainId = uuidV7();
  private seq = -1;
  private headHash: Buffer = Buffer.alloc(HASH_BYTES);

  /** @param schemaId registry id of PhiAuditEvent */
  constructor(writerId: string, schemaId: number) {
    this.writerId = writerId;
    this.schemaId = schemaId;
  }

  get head(): ChainHead {
    return { chainId: this.chainId.toString('hex'), seq: this.seq, head: this.headHash.toString('hex') };
  }

  /** Encodes events that follow the head in this order. Nothing moves until `accept`. */
  link(bodies: readonly EventBody[]): readonly ChainedEvent[] {
    let { seq } = this;
    let previous = this.headHash;
    return bodies.map((body) => {
      seq += 1;
      const event: PhiAuditEvent = {
        ...body,
        ext: body.ext.toSorted((a, b) => (a.k < b.k ? -1 : 1)),
        event_id: uuidV7(),
        recorded_at: nowMs() * 1000,
        writer_id: this.writerId,
        chain_id: this.chainId,
        seq,
        prev_hash: previous,
        key_epoch: 0,
        sig: null,
      };
      const value = auditEventCodec.encode(event, this.schemaId);
      previous = eventHash(value);
      return { value, head: { chainId: this.chainId.toString('hex'), seq, head: previous.toString('hex') } };
    });
  }

  /** Moves the head to the last of `events`, which have been committed. */
  accept(events: readonly ChainedEvent[]): void {
    const last = events.at(-1);
    if (!last) return;
    this.seq = last.head.seq;
    this.headHash = Buffer.from(last.head.head, 'hex');
  }
}

/** SHA-256(0x00 || value bytes exactly as produced): chain link and Merkle leaf in one. */
export function eventHash(value: Buffer): Buffer {
  return createHash('sha256').update(LEAF).update(value).digest();
}
