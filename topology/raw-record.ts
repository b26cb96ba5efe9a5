/**
 * A raw record as a feed would write it, as the bytes of a record batch: for tries of a policy without a broker.
 */
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { readRecordSet } from '../kafka/record-set.ts';
import type { Span } from './held-span.ts';

export interface RawRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}

const BATCH_BYTES_MAX = 64 * 1024 * 1024;

/** The record at `offset`, as a fetch would bring it. Throws ERR_BATCH_* for what no broker would take. */
export function spanOf(topic: string, offset: number, { key, value, headers, timestampMs }: RawRecord): Span {
  const writer = new RecordBatchWriter({ batchBytesMax: BATCH_BYTES_MAX, keepTimestamps: true });
  writer.beginRecord(timestampMs, (key?.length ?? 0) + (value?.length ?? 0) + 64);
  for (const field of [key, value]) {
    if (field) writer.field(field, 0, field.length);
    else writer.nullField();
  }
  const named = Object.entries(headers).map(
    ([name, text]) => [Buffer.from(name), Buffer.from(text)] as const,
  );
  writer.number(named.length);
  for (const [name, content] of named) {
    writer.field(name, 0, name.length);
    writer.field(content, 0, content.length);
  }
  writer.endRecord();
  const [batch] = writer.finish();
  const bytes = Buffer.from(writer.stamp(batch!, -1n, -1, -1));
  bytes.writeBigInt64BE(BigInt(offset), 0);
  const source = { topic, partition: 0, fetchOffset: offset, aborted: [], unpackedBytesMax: BATCH_BYTES_MAX };
  const { batches, nextOffset } = readRecordSet(bytes, source);
  return { firstOffset: offset, nextOffset, batches, bytes: bytes.length };
}
