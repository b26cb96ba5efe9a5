/**
 * Batches for control topics: few small records, each with the same key or none.
 */
import { RecordBatchWriter } from './record-batch-writer.ts';

/** Keeps control batches under any sensible max.message.bytes; several batches are made where needed. */
const CONTROL_BATCH_BYTES_MAX = 900_000;

/** The values in order, all under `key`. */
export function controlBatch(values: readonly Buffer[], key: Buffer | null): RecordBatchWriter {
  const writer = new RecordBatchWriter({ batchBytesMax: CONTROL_BATCH_BYTES_MAX, initialBytes: 2_048 });
  for (const value of values) {
    // `full`: the writer has ended the batch; the record goes into the next one.
    while (writer.record(key, value) === 'full');
  }
  return writer;
}
