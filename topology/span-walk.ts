/**
 * Walks the data records of a span in offset order, one call for each; what is done with a record is the caller's.
 * Never goes back, never skips a record from `position` on.
 */
import { GauzeError } from '../platform/errors.ts';
import type { RecordCursor } from '../kafka/record-cursor.ts';
import type { Span } from './held-span.ts';

export type StopReason =
  /** Everything in the span is done. */
  | { readonly kind: 'end' }
  /** The transaction has as much as it should, the record just done included. */
  | { readonly kind: 'full' }
  /** What a schema needs is to be found first; the record at `offset` is not done. */
  | { readonly kind: 'plan'; readonly schemaId: number; readonly offset: number }
  /** The batch cannot be walked any further; everything before is done. */
  | { readonly kind: 'corrupt'; readonly error: GauzeError };

export interface WalkEnd {
  /** Where to go on: after the last record done. */
  readonly position: number;
  readonly stop: StopReason;
}

/** Calls `record` with `cursor` at each record from `position` on; null from it means done, go on. */
export function walkSpan(
  cursor: RecordCursor,
  span: Span,
  position: number,
  record: () => StopReason | null,
): WalkEnd {
  let at = position;
  try {
    for (const batch of span.batches) {
      cursor.open(batch);
      while (cursor.next()) {
        if (cursor.offset < at) continue;
        const stop = record();
        if (stop && stop.kind !== 'full') return { position: cursor.offset, stop };
        at = cursor.offset + 1;
        if (stop) return { position: at, stop };
      }
    }
  } catch (error) {
    if (!(error instanceof GauzeError) || error.code !== 'ERR_BATCH_CORRUPT') throw error;
    return { position: at, stop: { kind: 'corrupt', error } };
  }
  return { position: Math.max(at, span.nextOffset), stop: { kind: 'end' } };
}
