/**
 * Where the records of an index of persons stand: offsets as distances, because markers and compaction leave holes.
 * Nothing else in gauze writes or reads this form.
 */
import type { PhiSubjectIndex } from './access-codecs.ts';

const LARGEST_VARINT_BYTES = 8;

/** Distances between rising offsets, as they come. While none is missing, they are only counted. */
export class OffsetDistances {
  private bytes: number[] = [];
  private first = -1;
  private last = -1;
  private isDense = true;

  /** Takes the next offset, which is higher than the one before. */
  add(offset: number): void {
    if (this.first < 0) this.first = offset;
    else if (!this.isDense || offset !== this.last + 1) this.addDistance(offset);
    this.last = offset;
  }

  private addDistance(offset: number): void {
    if (this.isDense) this.bytes = this.ones();
    this.isDense = false;
    writeVarint(this.bytes, offset - this.last);
  }

  /** Bytes that they take, or a little more. */
  get size(): number {
    return this.isDense ? this.last - this.first : this.bytes.length;
  }

  /** `PhiSubjectIndex.offsets` for a range that begins at `firstOffset`. */
  encode(firstOffset: number): Buffer | null {
    if (this.first < 0 || (this.isDense && this.first === firstOffset)) return null;
    const first: number[] = [];
    writeVarint(first, this.first - firstOffset);
    return Buffer.from([...first, ...(this.isDense ? this.ones() : this.bytes)]);
  }

  /** The distances of all so far, where none is missing. */
  private ones(): number[] {
    return Array.from({ length: this.last - this.first }, () => 1);
  }

  clear(): void {
    this.bytes = [];
    this.first = this.last = -1;
    this.isDense = true;
  }
}

/**
 * The offset of each record of an index, in order. Throws RangeError where the index contradicts itself: a record
 * outside of its range, or other counts than it says.
 */
export function indexedOffsets(index: PhiSubjectIndex): readonly number[] {
  const { record_count: count, first_offset: first, next_offset: next, offsets } = index;
  const found = offsets === null ? dense(first, count) : spreadOut(offsets, first, count);
  if ((found.at(-1) ?? first - 1) >= next) throw new RangeError('a record beyond its range');
  return found;
}

function dense(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function spreadOut(offsets: Buffer, first: number, count: number): number[] {
  const found: number[] = [];
  let position = 0;
  let at = first;
  while (position < offsets.length) {
    let distance = 0;
    for (let i = 0, scale = 1; ; i += 1, scale *= 128) {
      const byte = offsets[position++];
      if (byte === undefined || i === LARGEST_VARINT_BYTES) throw new RangeError('a varint without an end');
      distance += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (distance === 0 && found.length > 0) throw new RangeError('an offset twice');
    at += distance;
    found.push(at);
  }
  if (found.length !== count) throw new RangeError('another number of offsets than records');
  return found;
}

/** Unsigned, seven bits a byte, lowest first; by arithmetic, since offsets pass 32 bits. */
function writeVarint(into: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) into.push((rest % 128) | 0x80);
  into.push(rest);
}
