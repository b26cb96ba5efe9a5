/**
 * Where a partition begins later than at its first event: was it declared by an admin, in an event that was sealed
 * before, and is the archive the one that was declared? What was removed as declared is no finding beyond being told.
 */
import type { PhiAuditSeal } from '../../schemas/seal-codecs.ts';
import { RETENTION_DECLARED, readDeclaration } from '../retention/declaration.ts';
import { placeOf } from './chain-check.ts';
import type { ChainCheck, PlacedEvent } from './chain-check.ts';
import type { AuditSource, SourcePartition } from './audit-source.ts';
import type { Findings } from './finding.ts';

/** What was last declared of a partition. */
interface Declared {
  /** Below it records may be gone. */
  readonly offset: number;
  /** What is archived, as the event says; null where only a seal is left to tell. */
  readonly archive: { readonly uri: string; readonly from: number; readonly sha256: string } | null;
  /** Kept for no time at all. */
  readonly isSynthetic: boolean;
}

export interface PruningJson {
  readonly declared: readonly (readonly [string, Declared])[];
}

export class PruningCheck {
  private readonly findings: Findings;
  /** By topic and partition. */
  private readonly declared: Map<string, Declared>;
  private readonly told = new Set<string>();

  constructor(findings: Findings, json?: PruningJson) {
    this.findings = findings;
    this.declared = new Map(json?.declared ?? []);
  }

  accept(placed: PlacedEvent, chains: ChainCheck): void {
    const { event } = placed;
    if (event.type !== RETENTION_DECLARED) return;
    const read = readDeclaration(event);
    if (!read || !chains.isAdmin(event.chain_id.toString('hex'))) {
      this.findings.add(
        'UNKNOWN_WRITER',
        placeOf(placed),
        'only an admin may declare that records are removed',
      );
      return;
    }
    const { archiveUri: uri, archiveFrom: from, archiveSha256: sha256 } = read;
    const archive = uri !== null && from !== null && sha256 !== null ? { uri, from, sha256 } : null;
    const isSynthetic = read.retention === 'synthetic-data';
    this.learn(read, { offset: read.upToOffset, archive, isSynthetic });
  }

  /**
   * What a seal says of the beginnings, held against what was sealed before it. `isPruned`: the events that declared
   * what is gone may be gone with it; then the sealer's word, which is sealed too, is all there is.
   */
  seal({ n, partitions }: PhiAuditSeal, isPruned: boolean): void {
    for (const sealed of partitions) {
      const { topic, partition, log_start_offset: start, pruned_offset: offset } = sealed;
      if (isPruned) this.learn(sealed, { offset, archive: null, isSynthetic: false });
      else this.compare({ topic, partition, seal: n }, start);
    }
  }

  finish(places: readonly SourcePartition[]): void {
    for (const { topic, partition, logStartOffset, removedBelow } of places) {
      const start = removedBelow ?? logStartOffset;
      if (start <= 0 || !this.compare({ topic, partition }, start)) continue;
      const { archive, isSynthetic } = this.declared.get(`${topic} ${partition}`)!;
      const words = [
        `it begins at ${start}`,
        ...(archive ? [`archived at ${archive.uri}`] : []),
        ...(removedBelow === undefined ? [] : ['read from the archive']),
        ...(isSynthetic ? ['declared to hold synthetic data'] : []),
      ];
      this.findings.add('DECLARED_PRUNING', { topic, partition, from: 0, to: start }, words.join(', '));
    }
  }

  /** Is what an archive has what was declared? Asks a source that was given one. */
  async finishArchive(source: AuditSource, places: readonly SourcePartition[]): Promise<void> {
    for (const place of places) {
      const { topic, partition, removedBelow } = place;
      const declared = this.declared.get(`${topic} ${partition}`);
      if (removedBelow === undefined || !declared?.archive || !source.archivedSha256) continue;
      const { from, sha256 } = declared.archive;
      const found = await source.archivedSha256(place, { from, to: declared.offset });
      const at = { topic, partition, from, to: declared.offset };
      if (found === null) this.findings.once('PRUNED_BEFORE', at, 'the archive does not hold all of it');
      else if (found !== sha256)
        this.findings.add('ARCHIVE_DIFFERS', at, 'another SHA-256 than was declared');
    }
  }

  /** False where it begins later than was declared. */
  private compare(
    place: { readonly topic: string; readonly partition: number; readonly seal?: number },
    start: number,
  ): boolean {
    const key = `${place.topic} ${place.partition}`;
    const declared = this.declared.get(key)?.offset ?? 0;
    if (start <= declared) return true;
    if (!this.told.has(key))
      this.findings.add(
        'UNDECLARED_TRUNCATION',
        { ...place, from: declared, to: start },
        `it begins at ${start}, declared up to ${declared}`,
      );
    this.told.add(key);
    return false;
  }

  /** What was once declared stays so. */
  private learn(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    declared: Declared,
  ): void {
    const key = `${topic} ${partition}`;
    const known = this.declared.get(key);
    if (declared.offset > 0 && (known?.offset ?? 0) <= declared.offset) this.declared.set(key, declared);
  }

  toJSON(): PruningJson {
    return { declared: [...this.declared] };
  }
}
