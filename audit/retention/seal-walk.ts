/**
 * Walks the log of seals with the verifier's own checks, for whoever archives or removes what is sealed: hands out the
 * points at which the audit topics may be cut. It takes no seal for good that no quorum stands behind.
 */
import type { PhiAuditSeal, SealedChain, SealedPartition } from '../../schemas/seal-codecs.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import { GauzeError } from '../../platform/errors.ts';
import type { AuditSource, SourcePartition, SourceRecord } from '../verify/audit-source.ts';
import { Findings } from '../verify/finding.ts';
import { NoteCheck } from '../verify/note-check.ts';
import { SealCheck } from '../verify/seal-check.ts';
import { leafOf } from '../verify/tree-check.ts';
import type { Trust } from '../verify/trust.ts';

/** A seal that carries frontiers, under a checkpoint with its quorum: from here on everything verifies by itself. */
export interface SealedPoint {
  readonly n: number;
  readonly sealedAtMs: number;
  /** Each with its frontier. */
  readonly partitions: readonly SealedPartition[];
  readonly chains: readonly SealedChain[];
  /** Offset in the topic of seals after the checkpoint that closes it. */
  readonly notedOffset: number;
}

/** The newest seal, closed or not. */
export interface NewestSeal {
  readonly n: number;
  readonly sealedAtMs: number;
  readonly partitions: readonly SealedPartition[];
  readonly chains: readonly SealedChain[];
}

export class SealWalk {
  /** What was found wrong in the log of seals. */
  readonly findings = new Findings();
  newest: NewestSeal | null = null;
  private readonly source: AuditSource;
  private readonly seals: SealCheck;
  private readonly notes: NoteCheck;
  private nextOffset: number | null = null;
  /** Points that no quorum stands behind yet. */
  private open: Omit<SealedPoint, 'notedOffset'>[] = [];

  constructor(source: AuditSource, trust: Trust) {
    this.source = source;
    this.seals = new SealCheck(this.findings, trust.origin, source.clusterId);
    this.notes = new NoteCheck(this.findings, trust);
  }

  /** Seals that a quorum stands behind. */
  get quorumSize(): number {
    return this.notes.quorumSize;
  }

  /**
   * Reads what is in the log of seals now and was not read before; `onPoint` is told of each point once it is closed.
   * @throws GauzeError ERR_AUDIT_NOT_SOUND where seals or checkpoints are not what was written
   */
  async goOn(onPoint: (point: SealedPoint) => void = () => undefined): Promise<SourcePartition> {
    const place = (await this.source.partitions()).find(({ kind }) => kind === 'seals');
    if (!place) throw new GauzeError('ERR_AUDIT_NOTHING_SEALED', {});
    const from = this.nextOffset ?? place.logStartOffset;
    for await (const piece of this.source.records(place, from)) {
      for (const record of piece) {
        this.take(record, place, onPoint);
        this.nextOffset = record.offset + 1;
      }
    }
    const wrong = this.findings.all.find((finding) => finding.class === 'TAMPERED');
    if (wrong) throw new GauzeError('ERR_AUDIT_NOT_SOUND', { topic: place.topic, actual: wrong.name });
    return place;
  }

  private take(
    { key, value, offset, appendTimeMs }: SourceRecord,
    { topic, partition }: SourcePartition,
    onPoint: (point: SealedPoint) => void,
  ): void {
    const place = { topic, partition, offset };
    const read = recordOf(key, value);
    if (!read) return this.findings.add('SEAL_MALFORMED', place, 'it does not decode');
    if (read.kind === 'seal') return this.takeSeal(read.seal, leafOf(read.value));
    this.notes.acceptNote(read.note, place, appendTimeMs);
    const closed = this.open.filter(({ n }) => n < this.quorumSize);
    this.open = this.open.filter(({ n }) => n >= this.quorumSize);
    for (const point of closed) onPoint({ ...point, notedOffset: offset + 1 });
  }

  private takeSeal(seal: PhiAuditSeal, leaf: Buffer): void {
    this.seals.accept(seal, leaf);
    this.notes.appendSeal(leaf, seal.n);
    const { n, partitions, chains } = seal;
    this.newest = { n, sealedAtMs: Math.floor(seal.sealed_at / 1000), partitions, chains };
    if (seal.seals_frontier && partitions.every(({ frontier }) => frontier !== null))
      this.open.push(this.newest);
  }
}

function recordOf(key: Buffer | null, value: Buffer | null): ReturnType<typeof readSealRecord> | null {
  try {
    return readSealRecord(key, value);
  } catch {
    return null;
  }
}
