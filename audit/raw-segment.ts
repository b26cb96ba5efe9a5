/**
 * The file format of a raw export's segments: the records of one partition as the topic has them, byte for byte.
 * It reads and writes lengths and bytes, and knows nothing of what is in a record. A file that is not as it was
 * written is told, never passed over.
 *
 * A segment is the eight bytes `GZAUDIT1`, then for each record: offset (int64), append time in milliseconds (int64),
 * length of the key and of the value (int32 each, -1 for null), key, value; all numbers big-endian.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { SourceRecord } from './verify/audit-source.ts';

export const SEGMENT_MAGIC = Buffer.from('GZAUDIT1', 'latin1');
const HEAD_BYTES = 24;
const READ_BYTES = 1024 * 1024;
/** Far above what a broker takes as one record. */
const FIELD_BYTES_MAX = 64 * 1024 * 1024;

/** One record as a segment holds it. */
export function encodeSegmentRecord({ offset, appendTimeMs, key, value }: SourceRecord): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeBigInt64BE(BigInt(offset), 0);
  head.writeBigInt64BE(BigInt(appendTimeMs), 8);
  head.writeInt32BE(key?.length ?? -1, 16);
  head.writeInt32BE(value?.length ?? -1, 20);
  return Buffer.concat([head, key ?? Buffer.alloc(0), value ?? Buffer.alloc(0)]);
}

/** What was read of a piece of a segment: whole records, and the bytes of one that is not whole yet. */
export interface SegmentPiece {
  readonly records: readonly SourceRecord[];
  readonly rest: Buffer;
}

/** Reads whole records from bytes after the magic; null where lengths make no sense. */
export function decodeSegmentRecords(bytes: Buffer): SegmentPiece | null {
  const records: SourceRecord[] = [];
  let at = 0;
  while (bytes.length - at >= HEAD_BYTES) {
    const keyLength = bytes.readInt32BE(at + 16);
    const valueLength = bytes.readInt32BE(at + 20);
    if (!isLength(keyLength) || !isLength(valueLength)) return null;
    const keyStart = at + HEAD_BYTES;
    const valueStart = keyStart + Math.max(0, keyLength);
    const end = valueStart + Math.max(0, valueLength);
    if (end > bytes.length) break;
    records.push({
      offset: Number(bytes.readBigInt64BE(at)),
      appendTimeMs: Number(bytes.readBigInt64BE(at + 8)),
      key: keyLength < 0 ? null : bytes.subarray(keyStart, valueStart),
      value: valueLength < 0 ? null : bytes.subarray(valueStart, end),
    });
    at = end;
  }
  return { records, rest: bytes.subarray(at) };
}

function isLength(length: number): boolean {
  return length >= -1 && length <= FIELD_BYTES_MAX;
}

/** A segment as a manifest names it. */
export interface NamedSegment {
  /** Path of the file. */
  readonly path: string;
  /** What it is called where it is told of. */
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
}

/**
 * The records of a segment in pieces; `onDamage` is told in words where the file is not the one that is named, at
 * latest when all its records have been handed out.
 */
export async function* segmentRecords(
  { path, sha256 }: NamedSegment,
  onDamage: (detail: string) => void,
): AsyncGenerator<readonly SourceRecord[]> {
  const hash = createHash('sha256');
  let rest: Buffer = Buffer.alloc(0);
  let isBegun = false;
  for await (const chunk of fileBytes(path, onDamage)) {
    hash.update(chunk);
    let bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    if (!isBegun && bytes.length < SEGMENT_MAGIC.length) {
      rest = bytes;
      continue;
    }
    if (!isBegun) {
      if (!bytes.subarray(0, SEGMENT_MAGIC.length).equals(SEGMENT_MAGIC)) {
        onDamage('it is no segment');
        return;
      }
      bytes = bytes.subarray(SEGMENT_MAGIC.length);
      isBegun = true;
    }
    const piece = decodeSegmentRecords(bytes);
    if (!piece) {
      onDamage('lengths in it make no sense');
      return;
    }
    ({ rest } = piece);
    if (piece.records.length > 0) yield piece.records;
  }
  if (rest.length > 0) onDamage('it ends inside a record');
  if (hash.digest('hex') !== sha256) onDamage('it is not the file that the manifest names');
}

async function* fileBytes(path: string, onDamage: (detail: string) => void): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) yield chunk as Buffer;
  } catch {
    onDamage('it cannot be read');
  }
}
