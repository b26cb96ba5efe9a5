/**
 * Record batches (format 2) built field by field, without any code of the product, so that tests can make every
 * kind a broker may hand out, and broken ones too. https://kafka.apache.org/documentation/#recordbatch
 */
import { gzipSync, zstdCompressSync } from 'node:zlib';

export interface RawRecord {
  readonly key?: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: readonly (readonly [name: string, value: Buffer | null])[];
  readonly timestampDelta?: number;
  /** By default the index in the batch. */
  readonly offsetDelta?: number;
}

export interface RawBatch {
  readonly baseOffset: number;
  readonly records?: readonly RawRecord[];
  readonly producerId?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
  /** Time of append, where the broker stamps. */
  readonly appendTimeMs?: number;
  readonly baseTimestampMs?: number;
  readonly codec?: 0 | 1 | 2 | 3 | 4 | 5;
  /** What stands in the header; by default the number of records. */
  readonly count?: number;
  /** By default that of the last record. */
  readonly lastOffsetDelta?: number;
  /** The bytes of the records part, in place of those of `records`. */
  readonly body?: Buffer;
}

/** A whole batch with the right length and CRC. */
export function rawBatch(batch: RawBatch): Buffer {
  const { baseOffset, records = [], baseTimestampMs = 1_700_000_000_000, codec = 0 } = batch;
  const plain = Buffer.concat(records.map((record, i) => rawRecord(record, i)));
  const body = batch.body ?? packed(codec, plain);
  const head = Buffer.alloc(61);
  head.writeBigInt64BE(BigInt(baseOffset), 0);
  head.writeInt32BE(49 + body.length, 8);
  head.writeInt32BE(3, 12);
  head[16] = 2;
  let attributes: number = codec;
  if (batch.appendTimeMs !== undefined) attributes |= 8;
  if (batch.transactional ?? false) attributes |= 16;
  if (batch.control ?? false) attributes |= 32;
  head.writeInt16BE(attributes, 21);
  head.writeInt32BE(batch.lastOffsetDelta ?? Math.max(0, records.length - 1), 23);
  head.writeBigInt64BE(BigInt(baseTimestampMs), 27);
  head.writeBigInt64BE(BigInt(batch.appendTimeMs ?? baseTimestampMs), 35);
  head.writeBigInt64BE(BigInt(batch.producerId ?? -1), 43);
  head.writeInt16BE(batch.producerId === undefined ? -1 : 0, 51);
  head.writeInt32BE(0, 53);
  head.writeInt32BE(batch.count ?? records.length, 57);
  const bytes = Buffer.concat([head, body]);
  bytes.writeUInt32BE(crc32cBitwise(bytes.subarray(21)), 17);
  return bytes;
}

/** A commit or abort marker: a control batch with one record. */
export function markerBatch(baseOffset: number, producerId: number, type: 'commit' | 'abort'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'commit' ? 1 : 0]);
  const records = [{ key, value: Buffer.alloc(6) }];
  return rawBatch({ baseOffset, producerId, transactional: true, control: true, records });
}

/** One record as it stands in a batch. */
export function rawRecord(record: RawRecord, index: number): Buffer {
  const { key = null, value = null, headers = [], timestampDelta = 0, offsetDelta = index } = record;
  const parts = [Buffer.from([0]), varint(timestampDelta), varint(offsetDelta)];
  parts.push(...field(key), ...field(value), varint(headers.length));
  for (const [name, content] of headers) parts.push(...field(Buffer.from(name)), ...field(content));
  const whole = Buffer.concat(parts);
  return Buffer.concat([varint(whole.length), whole]);
}

/** Zigzag varint of 64 bits, as the format says it. */
export function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function field(bytes: Buffer | null): readonly Buffer[] {
  return bytes ? [varint(bytes.length), bytes] : [varint(-1)];
}

function packed(codec: number, plain: Buffer): Buffer {
  if (codec === 1) return gzipSync(plain);
  if (codec === 4) return zstdCompressSync(plain);
  return plain;
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), bit by bit. */
export function crc32cBitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
