/**
 * Masks the raw records of an event's range again, in memory: those that the event says were delivered, by the plans of
 * then. What comes out is compared and forgotten; there is no way from here to any topic.
 */
import type { ReplayableEvent } from '../audit/replay-events.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import type { ReplayResult } from '../schemas/access-codecs.ts';
import type { Span } from './held-span.ts';
import type { PastPlans } from './replay-plans.ts';
import { different, unverifiable } from './replay-result.ts';
import { SpanMasker } from './span-masker.ts';
import { TransactionWork } from './transaction-work.ts';

/** The records of the range as they are in the raw topic now. */
export interface RawRange {
  readonly spans: readonly Span[];
  /** Offsets of the data records in the range. */
  readonly offsets: readonly number[];
}

/** What became of them. */
export interface MaskedAgain {
  readonly writer: RecordBatchWriter;
  /** Of each record in the writer, in its order, the offset of the raw one: tombstones may be several to one. */
  readonly offsets: readonly number[];
  /** Everything that was read, for the event of the read. */
  readonly work: TransactionWork;
}

/** Which data records lie in [firstOffset, nextOffset). Throws ERR_BATCH_CORRUPT. */
export function rawRange(spans: readonly Span[], firstOffset: number, nextOffset: number): RawRange {
  const cursor = new RecordCursor();
  const offsets: number[] = [];
  for (const { batches, firstOffset: from } of spans) {
    for (const batch of batches) {
      cursor.open(batch);
      while (cursor.next()) {
        const { offset } = cursor;
        if (offset >= Math.max(from, firstOffset) && offset < nextOffset) offsets.push(offset);
      }
    }
  }
  return { spans, offsets };
}

/** Why the range cannot be what the event tells of; null where it can. */
export function countFault({ range }: ReplayableEvent, { offsets }: RawRange): ReplayResult | null {
  if (offsets.length < range.record_count) return unverifiable('RAW_RECORDS');
  if (offsets.length > range.record_count)
    return different('RECORDS', 0, offsets[range.record_count] ?? null);
  return null;
}

/**
 * Masks what was delivered, or says why it can't be done again. The numbers of records must agree (`countFault`).
 * Throws ERR_BATCH_CORRUPT, outages.
 */
export async function maskAgain(
  event: ReplayableEvent,
  raw: RawRange,
  plans: PastPlans,
  batchBytesMax: number,
): Promise<MaskedAgain | ReplayResult> {
  const { delivered, first_offset: firstOffset } = event.range;
  const isDelivered = (i: number): boolean =>
    delivered === null || ((delivered[i >> 3] ?? 0) >> (i & 7)) % 2 === 1;
  const offsets: number[] = [];
  const work = new TransactionWork();
  const writer = new RecordBatchWriter({ batchBytesMax });
  const masker = new SpanMasker({
    writer,
    rules: plans.rules,
    source: { topicId: event.range.topic_id?.toString('hex') ?? '', partition: event.range.partition },
    plans: plans.plans,
    ordered: new Set(raw.offsets.filter((_, i) => !isDelivered(i))),
    outputBytesMax: Number.POSITIVE_INFINITY,
    recordsMax: raw.offsets.length,
    recordBytesMax: batchBytesMax,
    written: (offset) => void offsets.push(offset),
  });
  let position = firstOffset;
  for (const span of raw.spans) {
    while (work.recordCount < raw.offsets.length) {
      const end = masker.run(span, position, work);
      ({ position } = end);
      if (end.stop.kind === 'corrupt') throw end.stop.error;
      if (end.stop.kind !== 'plan') break;
      const missing = await plans.learn(end.stop.schemaId);
      if (missing) return missing;
    }
  }
  const fault = work.withheld.find(({ code }) => code !== 'ERR_WITHHELD_BY_PERSON');
  if (fault) return different('UNMASKABLE', work.deliveredCount, fault.offset);
  return { writer, offsets, work };
}
