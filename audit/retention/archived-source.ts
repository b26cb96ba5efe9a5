/**
 * A source of the verifier whose removed beginning is read from an archive: what was pruned is checked once more, as if
 * it were still there. What the archive does not have stays missing, and where the topic really begins is told.
 */
import type {
  AuditSource,
  CommittedPosition,
  CommittedWhen,
  ResumeOrder,
  SourcePartition,
  SourceRecord,
} from '../verify/audit-source.ts';
import type { AuditArchive } from './audit-archive.ts';

export class ArchivedSource implements AuditSource {
  private readonly source: AuditSource;
  private readonly archive: AuditArchive;
  private gaps: { readonly place: string; readonly detail: string }[] = [];
  /** Where partitions begin without the archive. */
  private readonly begins = new Map<string, number>();

  constructor(source: AuditSource, archive: AuditArchive) {
    this.source = source;
    this.archive = archive;
  }

  get clusterId(): string {
    return this.source.clusterId;
  }

  get asOfMs(): number {
    return this.source.asOfMs;
  }

  get isLive(): boolean {
    return this.source.isLive;
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    const places = await this.source.partitions();
    this.gaps = [];
    return places.map((place) => {
      const { topic, partition, logStartOffset: removedBelow, topicId } = place;
      const found = this.archive.find(place);
      if (removedBelow === 0) return place;
      if (!found || found.topicId !== topicId || found.nextOffset < removedBelow) {
        const detail = `it does not hold what was before ${removedBelow}`;
        this.gaps.push({ place: `archive, ${topic}/${partition}`, detail });
        return place;
      }
      this.begins.set(`${topic} ${partition}`, removedBelow);
      return { ...place, logStartOffset: Math.min(found.firstOffset, removedBelow), removedBelow };
    });
  }

  async *records(place: SourcePartition, fromOffset: number): AsyncGenerator<readonly SourceRecord[]> {
    const begin = this.begins.get(`${place.topic} ${place.partition}`) ?? 0;
    if (fromOffset < begin) yield* this.archive.records(place, fromOffset, begin);
    yield* this.source.records({ ...place, logStartOffset: begin }, Math.max(fromOffset, begin));
  }

  async archivedSha256(
    place: SourcePartition,
    range: { readonly from: number; readonly to: number },
  ): Promise<string | null> {
    return await this.archive.digest(place, range);
  }

  async resumeOrders(): Promise<readonly ResumeOrder[] | null> {
    return (await this.source.resumeOrders?.()) ?? null;
  }

  async committed(when: CommittedWhen): Promise<readonly CommittedPosition[] | null> {
    return await this.source.committed(when);
  }

  async witnessNotes(): Promise<readonly string[] | null> {
    return await this.source.witnessNotes();
  }

  unsettled(): ReturnType<NonNullable<AuditSource['unsettled']>> {
    return this.source.unsettled?.() ?? [];
  }

  async damage(): Promise<readonly { readonly place: string; readonly detail: string }[]> {
    const seen = new Map(this.archive.damage.map((each) => [`${each.place} ${each.detail}`, each]));
    return [...(await this.source.damage()), ...this.gaps, ...seen.values()];
  }

  async close(): Promise<void> {
    await this.source.close();
  }
}
