/**
 * From the raw bytes of a Fetch answer to the data batches that count: CRC checked, control batches and
 * aborted transactions left out, compressed ones unpacked. Never hands out a record of an aborted transaction.
 * Format: https://kafka.apache.org/documentation/#recordbatch
 */
import { crc32c } from '@node-rs/crc32';
import { GauzeError } from '../platform/errors.ts';
import { CODEC_NAMES, unpack } from './compression.ts';
import type { AbortedTransaction } from './fetch.ts';

/** Bytes of a record batch before its first record. */
export const BATCH_HEADER_BYTES = 61;
/** Base offset and length, which the length itself does not count. */
export const BATCH_PREFIX_BYTES = 12;
const CRC_FROM = 21;
const ATTRIBUTE_CODEC = 0x07;
const ATTRIBUTE_APPEND_TIME = 0x08;
const ATTRIBUTE_TRANSACTIONAL = 0x10;
const ATTRIBUTE_CONTROL = 0x20;
const MAGIC = 2;

/** One batch of data records, uncompressed; records are walked in place by RecordCursor. */
export interface DataBatch {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly baseOffset: number;
  readonly baseTimestampMs: number;
  /** Time of append, where the topic stamps records itself; null where each record has its own. */
  readonly appendTimeMs: number | null;
}

export interface RecordSet {
  readonly batches: readonly DataBatch[];
  /** The position after everything in this answer: also after markers, empty and aborted batches. */
  readonly nextOffset: number;
}

export interface RecordSetSource {
  readonly topic: string;
  readonly partition: number;
  /** Where the fetch began: records before it are in the first batch but not wanted. */
  readonly fetchOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Most bytes that one compressed batch may unpack to, and all of one answer together. */
  readonly unpackedBytesMax: number;
}

/**
 * Reads a record set. Throws ERR_BATCH_CORRUPT, ERR_BATCH_CODEC or ERR_BATCH_TOO_LARGE, with the offset of the
 * batch in question, if it is the first; if batches before it are sound, those are returned and the next
 * fetch begins at the faulty one. So it does where many small batches would unpack to more than one large one may.
 */
export function readRecordSet(records: Buffer, source: RecordSetSource): RecordSet {
  const batches: DataBatch[] = [];
  const filter = new AbortedFilter(source.aborted);
  let nextOffset = source.fetchOffset;
  let unpackedBytesMax = source.unpackedBytesMax;
  for (let at = 0; at + BATCH_PREFIX_BYTES <= records.length;) {
    const baseOffset = readOffset(records, at);
    const end = at + BATCH_PREFIX_BYTES + records.readInt32BE(at + 8);
    // A broker may cut the last batch of an answer off in the middle; the next fetch brings it whole.
    if (end > records.length && nextOffset > source.fetchOffset) break;
    try {
      const batch = readBatch(records, at, end, baseOffset, { ...source, unpackedBytesMax }, filter);
      if (batch) batches.push(batch);
      if (batch && batch.bytes !== records) unpackedBytesMax -= batch.bytes.length;
    } catch (error) {
      if (nextOffset > source.fetchOffset) break;
      throw error;
    }
    nextOffset = Math.max(nextOffset, baseOffset + records.readInt32BE(at + 23) + 1);
    at = end;
  }
  return { batches, nextOffset };
}

function readBatch(
  records: Buffer,
  at: number,
  end: number,
  baseOffset: number,
  source: RecordSetSource,
  filter: AbortedFilter,
): DataBatch | null {
  const where = { topic: source.topic, partition: source.partition, offset: baseOffset };
  const corrupt = (expected: string): GauzeError =>
    new GauzeError('ERR_BATCH_CORRUPT', { ...where, expected });
  if (end > records.length || end - at < BATCH_HEADER_BYTES) throw corrupt('a whole batch');
  if (records[at + 16] !== MAGIC) throw corrupt('record batch format 2');
  const sum = crc32c(records.subarray(at + CRC_FROM, end));
  if (sum !== records.readUInt32BE(at + 17)) throw corrupt('a matching CRC-32C');

  const attributes = records.readInt16BE(at + 21);
  const lastOffset = baseOffset + records.readInt32BE(at + 23);
  const producerId = records.readBigInt64BE(at + 43);
  filter.reach(lastOffset);
  if (attributes & ATTRIBUTE_CONTROL) {
    filter.marker(producerId);
    return null;
  }
  if (attributes & ATTRIBUTE_TRANSACTIONAL && filter.isAborted(producerId)) return null;

  const count = records.readInt32BE(at + 57);
  if (count < 0) throw corrupt('a count of records');
  if (count === 0) return null;
  const timestamps = {
    baseTimestampMs: readOffset(records, at + 27),
    appendTimeMs: attributes & ATTRIBUTE_APPEND_TIME ? readOffset(records, at + 35) : null,
  };
  const codec = attributes & ATTRIBUTE_CODEC;
  if (codec === 0)
    return { bytes: records, start: at + BATCH_HEADER_BYTES, end, count, baseOffset, ...timestamps };
  const unpacked = unpack(codec, records.subarray(at + BATCH_HEADER_BYTES, end), source.unpackedBytesMax);
  if (unpacked.ok) {
    const bytes = unpacked.bytes;
    return { bytes, start: 0, end: bytes.length, count, baseOffset, ...timestamps };
  }
  if (unpacked.fault === 'codec') {
    throw new GauzeError('ERR_BATCH_CODEC', { ...where, actual: CODEC_NAMES[codec] ?? 'an unknown codec' });
  }
  if (unpacked.fault === 'too-large') {
    throw new GauzeError('ERR_BATCH_TOO_LARGE', { ...where, limit: source.unpackedBytesMax });
  }
  throw corrupt('records that can be unpacked');
}

/**
 * Which producers' transactions are aborted at the batch being looked at. The broker's list may be out of order
 * and hold several transactions of one producer; each counts from its first offset to the next control batch of
 * that producer. Only the control bit tells a marker: a record's key proves nothing.
 */
class AbortedFilter {
  private readonly waiting: AbortedTransaction[];
  private next = 0;
  private readonly active = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Takes up the transactions that begin at or before `lastOffset`. */
  reach(lastOffset: number): void {
    while (this.next < this.waiting.length && this.waiting[this.next]!.firstOffset <= lastOffset) {
      this.active.add(this.waiting[this.next++]!.producerId);
    }
  }

  marker(producerId: bigint): void {
    this.active.delete(producerId);
  }

  isAborted(producerId: bigint): boolean {
    return this.active.has(producerId);
  }
}

/** An int64 that is an offset or a time; exact up to 2^53. */
function readOffset(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4294967296 + bytes.readUInt32BE(at + 4);
}
