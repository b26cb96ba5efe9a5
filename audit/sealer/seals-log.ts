/**
 * The topic of seals as its one writer reads it: from the last seal that carries frontiers on, every link checked, and
 * then what is new. It hands out committed records only, and never goes on over a fault: a sealer that signed over
 * one would put its name to it.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { GauzeError } from '../../platform/errors.ts';
import { readSealRecord, sealCodec } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal, SealRecord } from '../../schemas/seal-codecs.ts';
import { leafHash, MerkleFrontier } from '../merkle-tree.ts';
import { SealsTree } from './seals-tree.ts';

/** A seal as read back. */
export interface ReadSeal {
  readonly seal: PhiAuditSeal;
  /** Leaf hash. */
  readonly hash: Buffer;
}

/** What the topic says at start. */
export interface SealsSoFar {
  /** From the last one with frontiers on; empty where nothing was ever sealed. */
  readonly seals: readonly ReadSeal[];
  readonly tree: SealsTree;
  /** The last checkpoint; null where there is none among what was read. */
  readonly note: string | null;
}

/** Offsets that are looked back over first: some more than a hundred rounds take. */
const LOOK_BACK = 1_024;
const SETTLE_WAIT_MS = 100;

export class SealsLog {
  private readonly cluster: Cluster;
  private readonly topic: string;
  private readonly reader: LogReader;

  constructor(cluster: Cluster, topic: string) {
    this.cluster = cluster;
    this.topic = topic;
    this.reader = new LogReader(cluster, topic, 0);
  }

  /**
   * Reads back to the last seal with frontiers. Call when nobody else can be writing.
   * @throws GauzeError ERR_SEAL_LOG where seals are missing or do not follow each other
   */
  async start(): Promise<SealsSoFar> {
    const [first, end] = await this.ends();
    for (let back = LOOK_BACK; ; back *= 8) {
      this.reader.position = Math.max(first, end - back);
      const whole = this.reader.position === first;
      const records = await this.readNew();
      const read = records.flatMap((record) => (record.kind === 'seal' ? [readSeal(record)] : []));
      const from = read.findLastIndex(({ seal }) => seal.seals_frontier !== null);
      if (from >= 0) return { ...this.chained(read.slice(from)), note: lastNote(records) };
      if (whole && read.length > 0) throw this.broken(read[0]!.seal.n);
      if (whole) return { seals: [], tree: new SealsTree(), note: lastNote(records) };
    }
  }

  /** All records that have been committed since the last call, in order. */
  async readNew(): Promise<readonly SealRecord[]> {
    const records: SealRecord[] = [];
    await this.reader.readToEnd(({ offset, key, value }) => {
      try {
        records.push(readSealRecord(key, value && Buffer.from(value)));
      } catch {
        throw this.broken(offset);
      }
    });
    return records;
  }

  /**
   * Reads until `offset` is among what was committed: what was appended there, as everybody will see it.
   * @throws GauzeError ERR_SEAL_LOG where it is not what was to be written
   */
  async readBack(value: Buffer, offset: number, signal: AbortSignal): Promise<ReadSeal> {
    const found: Buffer[] = [];
    while (this.reader.position <= offset) {
      signal.throwIfAborted();
      await this.reader.read(SETTLE_WAIT_MS, (record) => {
        if (record.offset === offset && record.value) found.push(Buffer.from(record.value));
        else this.refuseForeignSeal(record.key, record.value, record.offset);
      });
    }
    if (!found[0]?.equals(value)) throw this.broken(offset);
    return readSeal({ seal: sealCodec.decode(found[0]), value: found[0] });
  }

  close(): void {
    this.reader.close();
  }

  private refuseForeignSeal(key: Buffer | null, value: Buffer | null, offset: number): void {
    if (readSealRecord(key, value).kind === 'seal') throw this.broken(offset);
  }

  /** Each must follow the one before, and all of them be leaves in order. */
  private chained(read: readonly ReadSeal[]): Omit<SealsSoFar, 'note'> {
    const [{ seal: first }] = read as [ReadSeal];
    const hashes = (first.seals_frontier ?? []).map((node) => node.toString('hex'));
    const tree = new SealsTree(MerkleFrontier.from({ size: first.n, hashes }));
    let before: ReadSeal | null = null;
    for (const each of read) {
      const { seal, hash } = each;
      const follows = !before || seal.prev_seal_hash.equals(before.hash);
      if (seal.n !== tree.size || !follows) throw this.broken(seal.n);
      tree.append(hash);
      before = each;
    }
    return { seals: read, tree };
  }

  private async ends(): Promise<readonly [number, number]> {
    const connections = new BrokerConnections(this.cluster);
    try {
      const at = async (which: 'earliest' | 'latest') =>
        await listOffset(this.cluster, connections, this.topic, 0, which);
      return [await at('earliest'), await at('latest')];
    } finally {
      connections.close();
    }
  }

  private broken(offset: number): GauzeError {
    return new GauzeError('ERR_SEAL_LOG', { topic: this.topic, partition: 0, offset });
  }
}

function readSeal({ seal, value }: { readonly seal: PhiAuditSeal; readonly value: Buffer }): ReadSeal {
  return { seal, hash: leafHash(value) };
}

function lastNote(records: readonly SealRecord[]): string | null {
  return records.findLast((record) => record.kind === 'checkpoint')?.note ?? null;
}
