/**
 * Unpacks LZ4 frames (LZ4 Frame Format 1.6.x) into a bounded buffer. Our own, because no library can be told how much a
 * frame may unpack to, and a few bytes can ask for gigabytes. Checksums inside the frame are passed over: the CRC of
 * the record batch covers the same bytes. It must never read or write outside its buffers: every length is checked.
 */
import { GauzeError } from '../platform/errors.ts';

const MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION = 0x40;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const DICTIONARY = 0x01;
/** High bit of a block's size: the block is as it is. */
const IS_PLAIN = 0x8000_0000;
/** The shortest match, LZ4 Block Format. */
const MATCH_MIN = 4;
const LENGTH_GOES_ON = 15;
const FIRST_ROOM_BYTES = 64 * 1024;

/** The content of all frames, at most `bytesMax`. Throws ERR_BATCH_TOO_LARGE, and ERR_BATCH_CORRUPT for what is no LZ4 frame. */
export function unpackLz4(packed: Buffer, bytesMax: number): Buffer {
  return new Unpacking(packed, bytesMax).run();
}

class Unpacking {
  private readonly input: Buffer;
  private readonly bytesMax: number;
  private at = 0;
  private out: Buffer;
  private size = 0;

  constructor(input: Buffer, bytesMax: number) {
    this.input = input;
    this.bytesMax = bytesMax;
    this.out = Buffer.allocUnsafe(Math.min(Math.max(FIRST_ROOM_BYTES, input.length * 2), bytesMax));
  }

  run(): Buffer {
    do this.frame();
    while (this.at < this.input.length);
    return this.out.subarray(0, this.size);
  }

  private frame(): void {
    const { input } = this;
    this.need(7);
    if (input.readUInt32LE(this.at) !== MAGIC) throw corrupt();
    const flags = input[this.at + 4]!;
    if ((flags & VERSION_MASK) !== VERSION || (flags & DICTIONARY) !== 0) throw corrupt();
    this.at += 6 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8) + 1;
    for (;;) {
      this.need(4);
      const header = input.readUInt32LE(this.at);
      this.at += 4;
      if (header === 0) break;
      const length = header & ~IS_PLAIN;
      if (length < 0) throw corrupt();
      this.need(length);
      if ((header & IS_PLAIN) === 0) this.block(this.at + length);
      else this.literals(length);
      if ((flags & BLOCK_CHECKSUM) !== 0) this.at += 4;
    }
    if ((flags & CONTENT_CHECKSUM) !== 0) this.at += 4;
    if (this.at > input.length) throw corrupt();
  }

  /** Sequences of literals and matches up to `end`; the last one has no match. */
  private block(end: number): void {
    const { input } = this;
    while (this.at < end) {
      const token = input[this.at++]!;
      this.literals(this.length(token >>> 4, end), end);
      if (this.at >= end) return;
      if (this.at + 2 > end) throw corrupt();
      const distance = input.readUInt16LE(this.at);
      this.at += 2;
      this.match(distance, this.length(token & 0x0f, end) + MATCH_MIN);
    }
  }

  /** A length of 15 goes on in the bytes that follow, as long as they are 255. */
  private length(nibble: number, end: number): number {
    let length = nibble;
    if (nibble !== LENGTH_GOES_ON) return length;
    for (let byte = 255; byte === 255;) {
      if (this.at >= end) throw corrupt();
      byte = this.input[this.at++]!;
      length += byte;
    }
    return length;
  }

  private literals(length: number, end = this.input.length): void {
    if (this.at + length > end) throw corrupt();
    this.reserve(length);
    this.input.copy(this.out, this.size, this.at, this.at + length);
    this.at += length;
    this.size += length;
  }

  /** A match may overlap what it writes: then it repeats itself. */
  private match(distance: number, length: number): void {
    const from = this.size - distance;
    if (distance === 0 || from < 0) throw corrupt();
    this.reserve(length);
    const { out } = this;
    if (distance >= length) out.copy(out, this.size, from, from + length);
    else for (let i = 0; i < length; i += 1) out[this.size + i] = out[from + i]!;
    this.size += length;
  }

  private reserve(more: number): void {
    const needed = this.size + more;
    if (needed > this.bytesMax) throw new GauzeError('ERR_BATCH_TOO_LARGE', {});
    if (needed <= this.out.length) return;
    const grown = Buffer.allocUnsafe(Math.min(this.bytesMax, Math.max(needed, this.out.length * 2)));
    this.out.copy(grown, 0, 0, this.size);
    this.out = grown;
  }

  private need(bytes: number): void {
    if (this.at + bytes > this.input.length) throw corrupt();
  }
}

function corrupt(): GauzeError {
  return new GauzeError('ERR_BATCH_CORRUPT', {});
}
