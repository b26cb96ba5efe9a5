/**
 * Writes record batches (format 2) whole, straight into one growing buffer: records are begun, filled in place
 * and ended, or taken back. Several batches may stand in the buffer one after another, each within the limit
 * of its topic. Producer id, epoch and CRC are put in when a batch is sent.
 * Format: https://kafka.apache.org/documentation/#recordbatch
 */
import { crc32c } from '@node-rs/crc32';
import { BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES } from './record-set.ts';

/** A finished batch inside the writer's buffer. */
export interface WrittenBatch {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** Memory kept from one transaction to the next, unless the maker says otherwise. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/** Attributes: no codec, create time, transactional. */
const TRANSACTIONAL = 0x10;

export class RecordBatchWriter {
  buffer: Buffer;
  /** Where the next byte goes. Callers that fill keys and values move it. */
  position = 0;
  /** Records in the batch being written. */
  count = 0;
  private readonly batchBytesMax: number;
  private readonly batchBytesGoal: number;
  private readonly initialBytes: number;
  private readonly keptBytesMax: number;
  /** Do the times given to `beginRecord` leave? */
  readonly keepTimestamps: boolean;
  private batchStart = 0;
  private firstTimestampMs = 0;
  private maxTimestampMs = 0;
  private recordTimestampMs = 0;
  private finished: WrittenBatch[] = [];
  private recordStart = 0;
  private recordLengthBytes = 0;
  private fieldStart = 0;
  private fieldLengthBytes = 0;

  /**
   * @param batchBytesMax the topic's max.message.bytes
   * @param batchBytesGoal a batch of several records is no larger than this; one record alone may be
   * @param keepTimestamps false writes base timestamp and deltas as 0, so that no event time leaves
   * @param keptBytesMax a buffer grown larger is given back by `reset`. Less than what is written again and again makes
   *   each transaction grow a buffer of its own, and the collector mark the heap for it
   */
  constructor(options: {
    batchBytesMax: number;
    batchBytesGoal?: number;
    keepTimestamps?: boolean;
    initialBytes?: number;
    keptBytesMax?: number;
  }) {
    this.batchBytesMax = options.batchBytesMax;
    this.batchBytesGoal = Math.min(options.batchBytesGoal ?? options.batchBytesMax, options.batchBytesMax);
    this.keepTimestamps = options.keepTimestamps ?? false;
    this.initialBytes = options.initialBytes ?? 16_384;
    this.keptBytesMax = options.keptBytesMax ?? KEPT_BYTES_MAX;
    this.buffer = Buffer.allocUnsafeSlow(this.initialBytes);
    this.reset();
  }

  /** Forgets everything written; a buffer grown larger than what is kept is given back. */
  reset(): void {
    if (this.buffer.length > this.keptBytesMax) this.buffer = Buffer.allocUnsafeSlow(this.initialBytes);
    this.finished = [];
    this.position = 0;
    this.beginBatch();
  }

  /** Gives the buffer's memory back while there is nothing to write. */
  shrink(): void {
    if (this.buffer.length > this.initialBytes) this.buffer = Buffer.allocUnsafeSlow(this.initialBytes);
    this.reset();
  }

  get isEmpty(): boolean {
    return this.count === 0 && this.finished.length === 0;
  }

  /** Bytes of all records written, finished batches included. */
  get bytesWritten(): number {
    return this.isEmpty ? 0 : this.position;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }

  /** Begins a record that is probably about `lengthHint` bytes long. */
  beginRecord(timestampMs: number, lengthHint: number): void {
    this.reserve(64);
    this.recordStart = this.position;
    this.recordLengthBytes = varintBytes(lengthHint);
    this.position += this.recordLengthBytes;
    this.buffer[this.position++] = 0;
    if (this.keepTimestamps) {
      if (this.count === 0) this.firstTimestampMs = timestampMs;
      this.recordTimestampMs = timestampMs;
      this.varint(timestampMs - this.firstTimestampMs);
    } else {
      this.buffer[this.position++] = 0;
    }
    this.varint(this.count);
  }

  /** A null key or value. */
  nullField(): void {
    this.reserve(1);
    this.buffer[this.position++] = 1;
  }

  /** Begins a key or value of about `lengthHint` bytes; the caller writes at `position` and moves it. */
  beginField(lengthHint: number): void {
    this.reserve(lengthHint + 16);
    this.fieldStart = this.position;
    this.fieldLengthBytes = varintBytes(lengthHint);
    this.position += this.fieldLengthBytes;
  }

  /** Ends the key or value at `position`. */
  endField(): void {
    this.position = this.fillLength(this.fieldStart, this.fieldLengthBytes);
  }

  /** A key, value, header name or header value that is there already. */
  field(source: Buffer, start: number, end: number): void {
    this.reserve(end - start + 5);
    this.varint(end - start);
    source.copy(this.buffer, this.position, start, end);
    this.position += end - start;
  }

  /** A varint inside the record, such as the number of headers. */
  number(value: number): void {
    this.reserve(10);
    this.varint(value);
  }

  /**
   * Ends the record. Where the batch has grown over its goal, the record is taken back and
   * `full` (the batch was ended: write the record again) or `too-large` (it is too large for any batch) returned.
   */
  endRecord(): 'ok' | 'full' | 'too-large' {
    this.position = this.fillLength(this.recordStart, this.recordLengthBytes);
    const limit = this.count === 0 ? this.batchBytesMax : this.batchBytesGoal;
    if (this.position - this.batchStart <= limit) {
      // Only now: the time of a record that is taken back must not stay in the batch's header.
      const { count, maxTimestampMs, recordTimestampMs } = this;
      this.maxTimestampMs = count === 0 ? recordTimestampMs : Math.max(maxTimestampMs, recordTimestampMs);
      this.count++;
      return 'ok';
    }
    this.takeBack();
    if (this.count === 0) return 'too-large';
    this.endBatch();
    return 'full';
  }

  /** Takes the record begun last back, whatever was written of it. */
  takeBack(): void {
    this.position = this.recordStart;
  }

  /** Adds a whole record; for small batches such as audit events. */
  record(key: Buffer | null, value: Buffer | null): 'ok' | 'full' | 'too-large' {
    this.beginRecord(0, (key?.length ?? 0) + (value?.length ?? 0) + 16);
    if (key) this.field(key, 0, key.length);
    else this.nullField();
    if (value) this.field(value, 0, value.length);
    else this.nullField();
    this.number(0);
    return this.endRecord();
  }

  /** Ends the last batch and gives all of them, in order. */
  finish(): readonly WrittenBatch[] {
    if (this.count > 0) this.endBatch();
    return this.finished;
  }

  /** Puts in what is known only when sending, and gives the batch's bytes. */
  stamp(batch: WrittenBatch, producerId: bigint, epoch: number, baseSequence: number): Buffer {
    const { buffer } = this;
    buffer.writeBigInt64BE(producerId, batch.start + 43);
    buffer.writeInt16BE(epoch, batch.start + 51);
    buffer.writeInt32BE(baseSequence, batch.start + 53);
    buffer.writeUInt32BE(crc32c(buffer.subarray(batch.start + 21, batch.end)), batch.start + 17);
    return buffer.subarray(batch.start, batch.end);
  }

  private beginBatch(): void {
    this.batchStart = this.position;
    this.count = 0;
    this.firstTimestampMs = 0;
    this.maxTimestampMs = 0;
    this.reserve(BATCH_HEADER_BYTES);
    this.position += BATCH_HEADER_BYTES;
  }

  private endBatch(): void {
    const { buffer, batchStart: at } = this;
    buffer.writeBigInt64BE(0n, at);
    buffer.writeInt32BE(this.position - at - BATCH_PREFIX_BYTES, at + 8);
    buffer.writeInt32BE(-1, at + 12);
    buffer[at + 16] = 2;
    buffer.writeInt16BE(TRANSACTIONAL, at + 21);
    buffer.writeInt32BE(this.count - 1, at + 23);
    buffer.writeBigInt64BE(BigInt(this.firstTimestampMs), at + 27);
    buffer.writeBigInt64BE(BigInt(this.maxTimestampMs), at + 35);
    buffer.writeInt32BE(this.count, at + 57);
    this.finished.push({ start: at, end: this.position, count: this.count });
    this.beginBatch();
  }

  /** Writes the length of what follows `at`; moves it where the length takes more or fewer bytes than kept free. */
  private fillLength(at: number, reserved: number): number {
    const length = this.position - at - reserved;
    const needed = varintBytes(length);
    if (needed !== reserved) {
      this.reserve(needed);
      this.buffer.copyWithin(at + needed, at + reserved, this.position);
    }
    this.position = at;
    this.varint(length);
    return at + needed + length;
  }

  /** Zigzag varint; exact for safe integers. */
  private varint(value: number): void {
    const { buffer } = this;
    // Nearly all are lengths of one or two bytes.
    if (value >= 0 && value < 64) {
      buffer[this.position++] = value << 1;
      return;
    }
    if (value >= 0 && value < 8_192) {
      buffer[this.position] = ((value << 1) & 127) | 128;
      buffer[this.position + 1] = value >>> 6;
      this.position += 2;
      return;
    }
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest > 127) {
      buffer[this.position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    buffer[this.position++] = rest;
  }
}

/** Bytes that a non-negative number takes as a zigzag varint. */
function varintBytes(value: number): number {
  if (value < 64) return 1;
  if (value < 8_192) return 2;
  if (value < 1_048_576) return 3;
  return value < 134_217_728 ? 4 : 5;
}
