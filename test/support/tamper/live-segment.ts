/**
 * A segment file of a broker in an attacker's hands: its batches, and the same file with other records in it. Batches
 * that nothing was done to stay as they are, byte for byte; every other one gets a right length and CRC. Own code for
 * the format (https://kafka.apache.org/documentation/#recordbatch): nothing of the product reads or writes it here.
 */
import { crc32cBitwise, rawBatch, rawRecord } from '../raw-batch.ts';

/** One record as it shall be read. */
export interface WantedRecord {
  readonly offset: number;
  readonly appendTimeMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** A batch where it stands in the file. */
export interface FileBatch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly isControl: boolean;
  readonly isTransactional: boolean;
  readonly producerId: bigint;
  readonly records: readonly FileRecord[];
}

interface FileRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

const HEADER_BYTES = 61;
const CRC_AT = 17;
const CRC_FROM = 21;
const LAST_DELTA_AT = 23;
const PRODUCER_AT = 43;
const COUNT_AT = 57;
const CODEC = 0x07;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** The batches of a segment; an unfinished one at the end of a file that grew is left out. */
export function batchesOf(file: Buffer): readonly FileBatch[] {
  const batches: FileBatch[] = [];
  for (let at = 0; at + 12 <= file.length;) {
    const end = at + 12 + file.readInt32BE(at + 8);
    if (end > file.length || end === at + 12) break;
    batches.push(batchAt(file.subarray(at, end)));
    at = end;
  }
  return batches;
}

function batchAt(bytes: Buffer): FileBatch {
  const attributes = bytes.readInt16BE(CRC_FROM);
  if (attributes & CODEC) throw new Error('a compressed batch: the audit topics have none');
  const baseOffset = Number(bytes.readBigInt64BE(0));
  return {
    bytes,
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(LAST_DELTA_AT),
    isControl: (attributes & CONTROL) !== 0,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    producerId: bytes.readBigInt64BE(PRODUCER_AT),
    records: recordsAt(bytes, baseOffset),
  };
}

function recordsAt(bytes: Buffer, baseOffset: number): FileRecord[] {
  let at = HEADER_BYTES;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n));
    }
  };
  const field = (): Buffer | null => {
    const length = varint();
    if (length < 0) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  return Array.from({ length: bytes.readInt32BE(COUNT_AT) }, () => {
    const length = varint();
    const end = at + length;
    at += 1;
    varint();
    const offset = baseOffset + varint();
    const record = { offset, key: field(), value: field() };
    at = end;
    return record;
  });
}

/** The same bytes with a CRC that fits them. */
export function withCrc(batch: Buffer): Buffer {
  const bytes = Buffer.from(batch);
  bytes.writeUInt32BE(crc32cBitwise(bytes.subarray(CRC_FROM)), CRC_AT);
  return bytes;
}

/**
 * The segment `file` with `wanted` in place of its records, ending before `endOffset`. Where a record has to stand on
 * the place of a marker, the partition is written as if nobody had used transactions.
 */
export function rewritten(file: Buffer, wanted: readonly WantedRecord[], endOffset: number): Buffer {
  const batches = batchesOf(file);
  const data = new Set(
    batches
      .filter(({ isControl }) => !isControl)
      .flatMap((batch) => batch.records.map(({ offset }) => offset)),
  );
  const fileEnd = (batches.at(-1)?.lastOffset ?? -1) + 1;
  const isInPlace = wanted.every(({ offset }) => data.has(offset) || offset >= fileEnd);
  return isInPlace ? inPlace(batches, wanted, fileEnd, endOffset) : plain(wanted, endOffset);
}

function inPlace(
  batches: readonly FileBatch[],
  wanted: readonly WantedRecord[],
  fileEnd: number,
  endOffset: number,
): Buffer {
  const byOffset = new Map(wanted.map((record) => [record.offset, record]));
  const kept = batches
    .filter(({ baseOffset }) => baseOffset < endOffset)
    .filter((batch) => batch.isControl || batch.records.some(({ offset }) => byOffset.has(offset)));
  // A transaction whose marker is gone would keep readers waiting, and so show: whoever cuts a log hides that too.
  const settled = new Set<bigint>();
  const bytes = kept.toReversed().map((batch) => {
    if (batch.isControl) settled.add(batch.producerId);
    const changed = batch.isControl ? batch.bytes : changedBatch(batch, byOffset, endOffset);
    return batch.isTransactional && !batch.isControl && !settled.has(batch.producerId)
      ? withoutTransaction(changed)
      : changed;
  });
  const added = wanted.filter(({ offset }) => offset >= fileEnd);
  return Buffer.concat([...bytes.toReversed(), ...added.map(single)]);
}

function changedBatch(
  batch: FileBatch,
  byOffset: ReadonlyMap<number, WantedRecord>,
  endOffset: number,
): Buffer {
  const isSame = (record: FileRecord): boolean => {
    const want = byOffset.get(record.offset);
    return want !== undefined && sameBytes(want.value, record.value) && sameBytes(want.key, record.key);
  };
  if (batch.records.every(isSame) && batch.lastOffset < endOffset) return batch.bytes;
  const records = batch.records.flatMap(({ offset }) => {
    const want = byOffset.get(offset);
    return want ? [rawRecord({ key: want.key, value: want.value }, offset - batch.baseOffset)] : [];
  });
  const bytes = Buffer.concat([batch.bytes.subarray(0, HEADER_BYTES), ...records]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(Math.min(batch.lastOffset, endOffset - 1) - batch.baseOffset, LAST_DELTA_AT);
  bytes.writeInt32BE(records.length, COUNT_AT);
  return withCrc(bytes);
}

/** As an ordinary producer would have written it. */
function withoutTransaction(batch: Buffer): Buffer {
  const bytes = Buffer.from(batch);
  bytes.writeInt16BE(bytes.readInt16BE(CRC_FROM) & ~TRANSACTIONAL, CRC_FROM);
  bytes.writeBigInt64BE(-1n, PRODUCER_AT);
  bytes.writeInt16BE(-1, PRODUCER_AT + 8);
  bytes.writeInt32BE(-1, PRODUCER_AT + 10);
  return withCrc(bytes);
}

function plain(wanted: readonly WantedRecord[], endOffset: number): Buffer {
  const batches = wanted.map(single);
  const next = (wanted.at(-1)?.offset ?? -1) + 1;
  // As compaction leaves them: an empty batch that holds the end where it was.
  if (next < endOffset)
    batches.push(rawBatch({ baseOffset: next, lastOffsetDelta: endOffset - 1 - next, appendTimeMs: 0 }));
  return Buffer.concat(batches);
}

function single({ offset, appendTimeMs, key, value }: WantedRecord): Buffer {
  return rawBatch({
    baseOffset: offset,
    appendTimeMs,
    baseTimestampMs: appendTimeMs,
    records: [{ key, value }],
  });
}

function sameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
