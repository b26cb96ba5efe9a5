/**
 * The count of the source once more: where its records are still there and may be read, each range has as many as its
 * event says. It asks a counter that its caller provides, and reads no record itself.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import type { Findings, FindingPlace } from './finding.ts';

/** A range of a raw partition. */
export interface SourceRange {
  readonly topic: string;
  /** 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Counts data records; null where they are gone, are of another topic, or may not be read. */
export type CountSource = (range: SourceRange) => Promise<number | null>;

interface Waiting {
  readonly range: SourceRange;
  readonly records: number;
  readonly place: FindingPlace;
}

export class SourceCheck {
  private readonly findings: Findings;
  private readonly count: CountSource | null;
  private waiting: Waiting[] = [];
  /** Ranges that were counted again. */
  counted = 0;

  constructor(findings: Findings, count: CountSource | null) {
    this.findings = findings;
    this.count = count;
  }

  accept(placed: PlacedEvent): void {
    const { range, phase } = placed.event;
    if (!this.count || !range || phase !== 'COMMITTED' || range.next_offset <= range.first_offset) return;
    this.waiting.push({ range: rangeOf(range), records: range.record_count, place: placeOf(placed) });
  }

  /** Counts what has come together. */
  async settle(): Promise<void> {
    if (!this.count) return;
    const { waiting } = this;
    this.waiting = [];
    for (const { range, records, place } of waiting) {
      const found = await this.count(range);
      const at = {
        ...place,
        source: range.topic,
        sourcePartition: range.partition,
        from: range.from,
        to: range.to,
      };
      if (found === null)
        this.findings.add('SOURCE_UNREADABLE', at, 'gone by retention, another topic, or no right');
      else if (found !== records)
        this.findings.add('SOURCE_COUNT', at, `${found} records, the event says ${records}`);
      if (found !== null) this.counted += 1;
    }
  }
}

function rangeOf(range: NonNullable<PhiAuditEvent['range']>): SourceRange {
  const { topic, partition, first_offset: from, next_offset: to } = range;
  return { topic, topicId: range.topic_id?.toString('hex') ?? '', partition, from, to };
}
