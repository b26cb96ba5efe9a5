/**
 * The hash of what was published: SHA-256 over the records of one transaction in offset order, each from the length
 * of its key to the end of its headers as Kafka's record format writes them. How records were put into batches, and
 * their times, are no part of it; so whoever reads the topic, or makes the view again, comes to the same hash.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { BATCH_HEADER_BYTES } from '../kafka/record-set.ts';
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { RecordCursor } from '../kafka/record-cursor.ts';

/** Records are gathered in pieces of this size: a call of the hash costs more than copying a record. */
const PIECE_BYTES = 64 * 1024;

/** Takes records one after another; the same object may not be used after `digest`. */
export class OutputHash {
  private readonly hash: Hash = createHash('sha256');
  private readonly piece = Buffer.allocUnsafe(PIECE_BYTES);
  private filled = 0;

  /** The record's bytes [start, end): from the length of its key to the end of its headers. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.filled + end - start > PIECE_BYTES) this.flush();
    if (end - start > PIECE_BYTES) {
      this.hash.update(bytes.subarray(start, end));
      return;
    }
    this.filled += bytes.copy(this.piece, this.filled, start, end);
  }

  /** The record under a cursor, of a batch that was read. */
  addRecord({ bytes, bodyStart, end }: RecordCursor): void {
    this.add(bytes, bodyStart, end);
  }

  /** 32 bytes. */
  digest(): Buffer {
    this.flush();
    return this.hash.digest();
  }

  private flush(): void {
    if (this.filled > 0) this.hash.update(this.piece.subarray(0, this.filled));
    this.filled = 0;
  }
}

/** Of everything that stands in the writer; null where that is nothing. */
export function outputSha256(writer: RecordBatchWriter): Buffer | null {
  if (writer.isEmpty) return null;
  const hash = new OutputHash();
  publishedBodies(writer, (bytes, start, end) => hash.add(bytes, start, end));
  return hash.digest();
}

/** Visits each record in the writer, in order: from the length of its key to the end of its headers. */
export function publishedBodies(
  writer: RecordBatchWriter,
  visit: (bytes: Buffer, start: number, end: number) => void,
): void {
  const { buffer } = writer;
  for (const { start, count } of writer.finish()) {
    let at = start + BATCH_HEADER_BYTES;
    for (let left = count; left > 0; left--) {
      const length = varint(buffer, at);
      const body = afterVarint(buffer, at);
      // Behind the attributes stand the deltas of time and offset.
      visit(buffer, afterVarint(buffer, afterVarint(buffer, body + 1)), body + length);
      at = body + length;
    }
  }
}

/** The non-negative zigzag varint at `at`. */
function varint(bytes: Buffer, at: number): number {
  let value = 0;
  let factor = 1;
  for (let i = at; ; i++) {
    const byte = bytes[i]!;
    value += (byte & 127) * factor;
    if (byte < 128) return value / 2;
    factor *= 128;
  }
}

function afterVarint(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end]! >= 128) end++;
  return end + 1;
}
