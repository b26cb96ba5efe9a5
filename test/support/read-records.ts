/** Record sets as plain objects, for comparing: what the record batch plane hands out of some bytes. */
import type { AbortedTransaction } from '../../kafka/fetch.ts';
import { RecordCursor } from '../../kafka/record-cursor.ts';
import { readRecordSet } from '../../kafka/record-set.ts';
import type { DataBatch, RecordSet } from '../../kafka/record-set.ts';

export interface PlainRecord {
  readonly offset: number;
  readonly timestampMs: number;
  /** Hex. */
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
}

/** Reads a record set of the topic `raw.tests`, partition 2. */
export function recordSetOf(
  records: Buffer,
  source: {
    fetchOffset?: number;
    aborted?: readonly AbortedTransaction[];
    unpackedBytesMax?: number;
  } = {},
): RecordSet {
  return readRecordSet(records, {
    topic: 'raw.tests',
    partition: 2,
    fetchOffset: source.fetchOffset ?? 0,
    aborted: source.aborted ?? [],
    unpackedBytesMax: source.unpackedBytesMax ?? 1_000_000,
  });
}

/** Every record of the batches. */
export function recordsOf(batches: readonly DataBatch[]): readonly PlainRecord[] {
  const cursor = new RecordCursor();
  const found: PlainRecord[] = [];
  const hex = (start: number, end: number): string | null =>
    start < 0 ? null : cursor.bytes.toString('hex', start, end);
  for (const batch of batches) {
    cursor.open(batch);
    while (cursor.next()) {
      const headers: [string, string | null][] = [];
      cursor.headers((nameStart, nameEnd, valueStart, valueEnd) => {
        headers.push([cursor.bytes.toString('utf8', nameStart, nameEnd), hex(valueStart, valueEnd)]);
      });
      found.push({
        offset: cursor.offset,
        timestampMs: cursor.timestampMs,
        key: hex(cursor.keyStart, cursor.keyEnd),
        value: hex(cursor.valueStart, cursor.valueEnd),
        headers,
      });
    }
  }
  return found;
}
