/**
 * The events of a source, decoded and within a period, for exports that show what they say. A record that is no event
 * is counted and never passed over in silence.
 */
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { isWithin } from '../query/answer.ts';
import type { Period } from '../query/answer.ts';
import type { AuditSource, SourcePartition } from '../verify/audit-source.ts';

/** An event, and where it stands. */
export interface ExportedEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The broker's time. */
  readonly appendedMs: number;
  readonly event: PhiAuditEvent;
}

/** Counts what `exportedEvents` met. */
export interface ReadCounts {
  /** Records that are no events, of any time. */
  unreadable: number;
  /** Partitions whose beginning is gone, and events of the period may be gone with it. */
  pruned: number;
}

/** Events whose broker time is within `period`: partition by partition, in order of their offsets. */
export async function* exportedEvents(
  source: AuditSource,
  period: Period,
  counts: ReadCounts,
  onRecords: (count: number) => void = () => undefined,
): AsyncGenerator<ExportedEvent> {
  const places = (await source.partitions()).filter(({ kind }) => kind === 'events');
  for (const place of places) {
    let isWhole = place.logStartOffset === 0;
    for await (const records of source.records(place, place.logStartOffset)) {
      // What is left begins before the period does.
      isWhole ||= records.some(({ appendTimeMs }) => appendTimeMs < period.fromMs);
      for (const { offset, appendTimeMs: appendedMs, value } of records) {
        if (!isWithin(appendedMs, period)) continue;
        const event = decoded(value);
        if (event) yield { ...placeOf(place), offset, appendedMs, event };
        else counts.unreadable += 1;
      }
      onRecords(records.length);
    }
    if (!isWhole) counts.pruned += 1;
  }
}

function placeOf({ topic, partition }: SourcePartition): Pick<ExportedEvent, 'topic' | 'partition'> {
  return { topic, partition };
}

function decoded(value: Buffer | null): PhiAuditEvent | null {
  try {
    return auditEventCodec.decode(value ?? Buffer.alloc(0));
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}
