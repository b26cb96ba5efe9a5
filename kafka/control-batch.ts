/**
 * Batches for control topics: few small records, encoded already.
 */
import { RecordBatchWriter } from './record-batch-writer.ts';

export interface KeyedValue {
  readonly key: Buffer | null;
  readonly value: Buffer;
}

/** Keeps control batches under any sensible max.message.bytes; several batches are made where needed. */
const CONTROL_BATCH_BYTES_MAX = 900_000;

/** The records in order. */
export function keyedBatch(records: readonly KeyedValue[]): RecordBatchWriter {
  const writer = new RecordBatchWriter({ batchBytesMax: CONTROL_BATCH_BYTES_MAX, initialBytes: 2_048 });
  for (const { key, value } of records) {
    // `full`: the writer has ended the batch; the record goes into the next one.
    while (writer.record(key, value) === 'full');
  }
  return writer;
}

/** The values in order, all under `key`. */
export function controlBatch(values: readonly Buffer[], key: Buffer | null): RecordBatchWriter {
  return keyedBatch(values.map((value) => ({ key, value })));
}
