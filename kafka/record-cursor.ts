/**
 * Walks the records of one data batch in place: positions instead of objects, nothing allocated per record.
 * A record whose inner lengths do not fit raises ERR_BATCH_CORRUPT; nothing of it is handed out.
 */
import { GauzeError } from '../platform/errors.ts';
import type { DataBatch } from './record-set.ts';

export class RecordCursor {
  bytes: Buffer = Buffer.alloc(0);
  offset = 0;
  /** Milliseconds since the epoch: the record's own time, or the broker's where the topic stamps records. */
  timestampMs = 0;
  /** Where the length of the key stands. */
  bodyStart = 0;
  /** Start of the key's bytes; -1 where the key is null. */
  keyStart = -1;
  keyEnd = -1;
  /** Start of the value's bytes; -1 where the value is null. */
  valueStart = -1;
  valueEnd = -1;
  headerCount = 0;
  headersStart = 0;
  end = 0;
  private batch: DataBatch | null = null;
  private left = 0;
  private position = 0;

  /** Begins at the first record of `batch`. */
  open(batch: DataBatch): void {
    this.batch = batch;
    this.bytes = batch.bytes;
    this.position = batch.start;
    this.left = batch.count;
  }

  /** Goes to the next record; false at the end of the batch. Throws ERR_BATCH_CORRUPT. */
  next(): boolean {
    const batch = this.batch;
    if (!batch) return false;
    if (this.left === 0) {
      // Bytes after the last record mean that the count is wrong: a record would be passed over in silence.
      if (this.position !== batch.end) throw this.corrupt();
      return false;
    }
    this.left--;
    const length = this.varint();
    const end = this.position + length;
    if (!(length >= 0 && end <= batch.end)) throw this.corrupt();
    this.position++;
    const timestampDelta = this.varint();
    const offsetDelta = this.varint();
    this.bodyStart = this.position;
    const keyLength = this.varint();
    this.keyStart = keyLength < 0 ? -1 : this.position;
    if (keyLength > 0) this.position += keyLength;
    this.keyEnd = keyLength < 0 ? -1 : this.position;
    const valueLength = this.varint();
    this.valueStart = valueLength < 0 ? -1 : this.position;
    if (valueLength > 0) this.position += valueLength;
    this.valueEnd = valueLength < 0 ? -1 : this.position;
    this.headerCount = this.varint();
    this.headersStart = this.position;
    if (this.position > end || this.headerCount < 0 || (this.headerCount === 0 && this.position !== end)) {
      throw this.corrupt();
    }
    this.offset = batch.baseOffset + offsetDelta;
    this.timestampMs = batch.appendTimeMs ?? batch.baseTimestampMs + timestampDelta;
    this.end = end;
    this.position = end;
    return true;
  }

  /**
   * Hands out the headers of the present record: name as text, value as a range of bytes (-1 for null).
   * Throws ERR_BATCH_CORRUPT where they do not end with the record.
   */
  headers(visit: (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void): void {
    const after = this.position;
    this.position = this.headersStart;
    for (let i = 0; i < this.headerCount; i++) {
      const nameLength = this.varint();
      const nameStart = this.position;
      this.position += Math.max(0, nameLength);
      const nameEnd = this.position;
      const valueLength = this.varint();
      const valueStart = valueLength < 0 ? -1 : this.position;
      this.position += Math.max(0, valueLength);
      if (nameLength < 0 || this.position > this.end) throw this.corrupt();
      visit(nameStart, nameEnd, valueStart, valueLength < 0 ? -1 : this.position);
    }
    if (this.position !== this.end) throw this.corrupt();
    this.position = after;
  }

  /** Zigzag varint of up to 64 bits as a number; exact up to 2^53. */
  private varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.position++]!;
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    let factor = 128;
    do {
      byte = bytes[this.position++]!;
      value += (byte & 127) * factor;
      factor *= 128;
      if (factor > 2 ** 70 || byte === undefined) throw this.corrupt();
    } while (byte > 127);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  private corrupt(): GauzeError {
    const offset = this.batch?.baseOffset ?? -1;
    return new GauzeError('ERR_BATCH_CORRUPT', { offset, expected: 'records whose lengths fit' });
  }
}
