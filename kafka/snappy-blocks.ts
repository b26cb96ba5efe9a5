/**
 * Unpacks snappy as Kafka clients write it: bare (librdkafka), or in the framing of snappy-java (the Java client). The
 * length that each block says it has is held against the bound before anything is unpacked.
 */
import { uncompressSync } from 'snappy';
import { GauzeError } from '../platform/errors.ts';

/** snappy-java's stream header: a name, then two versions of 4 bytes. */
const JAVA_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const JAVA_HEADER_BYTES = 16;
const VARINT_BYTES_MAX = 5;

/** The content, at most `bytesMax`. Throws ERR_BATCH_TOO_LARGE, ERR_BATCH_CORRUPT, and the library's errors for what is no snappy. */
export function unpackSnappy(packed: Buffer, bytesMax: number): Buffer {
  if (packed.length < JAVA_HEADER_BYTES || !packed.subarray(0, JAVA_MAGIC.length).equals(JAVA_MAGIC))
    return block(packed, bytesMax);
  const blocks: Buffer[] = [];
  let left = bytesMax;
  for (let at = JAVA_HEADER_BYTES; at < packed.length;) {
    const from = at + 4;
    const end = from + packed.readInt32BE(at);
    if (end <= from || end > packed.length) throw corrupt();
    const content = block(packed.subarray(from, end), left);
    left -= content.length;
    blocks.push(content);
    at = end;
  }
  return Buffer.concat(blocks);
}

function block(packed: Buffer, bytesMax: number): Buffer {
  const said = contentLength(packed);
  if (said > bytesMax) throw new GauzeError('ERR_BATCH_TOO_LARGE', {});
  const content = uncompressSync(packed, { asBuffer: true }) as Buffer;
  if (content.length !== said) throw corrupt();
  return content;
}

/** Snappy, 1: the length of the content as a varint stands before it. */
function contentLength(packed: Buffer): number {
  let length = 0;
  for (let i = 0; i < VARINT_BYTES_MAX; i += 1) {
    const byte = packed[i];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  throw corrupt();
}

function corrupt(): GauzeError {
  return new GauzeError('ERR_BATCH_CORRUPT', {});
}
