/**
 * What one transaction of an index lane has read so far: one token for each data record, in offset order.
 * A place that nobody fills stays zeros: about nobody who could be told.
 */
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import { OffsetDistances } from '../schemas/subject-offsets.ts';
import { DistinctTokens } from './distinct-tokens.ts';
import type { SpanSubjects } from './span-subjects.ts';

const INITIAL_BYTES = 4_096;

export class SubjectRange {
  recordCount = 0;
  bytes = 0;
  fromMs = 0;
  toMs = 0;
  private buffer = Buffer.alloc(INITIAL_BYTES);
  private readonly distances = new OffsetDistances();
  private readonly differing = new DistinctTokens();

  /** Notes a record; gives the place of its token in `room`, which holds zeros. */
  add(offset: number, timestampMs: number, valueBytes: number): number {
    this.makeRoom(1);
    return this.put(offset, timestampMs, valueBytes);
  }

  /** Notes `count` records that follow one another from `offset` on, of which all is noted. */
  addNoted(noted: SpanSubjects, offset: number, count: number): void {
    this.makeRoom(count);
    noted.tokensInto(offset, count, this.buffer, this.recordCount * SUBJECT_TOKEN_BYTES);
    for (let each = offset; each < offset + count; each += 1)
      this.put(each, noted.timestampMs(each), noted.valueBytes(each));
  }

  private put(offset: number, timestampMs: number, valueBytes: number): number {
    if (this.recordCount === 0) this.fromMs = this.toMs = timestampMs;
    this.fromMs = Math.min(this.fromMs, timestampMs);
    this.toMs = Math.max(this.toMs, timestampMs);
    const at = this.recordCount * SUBJECT_TOKEN_BYTES;
    this.recordCount += 1;
    this.bytes += valueBytes;
    this.distances.add(offset);
    return at;
  }

  private makeRoom(records: number): void {
    const wanted = (this.recordCount + records) * SUBJECT_TOKEN_BYTES;
    if (wanted > this.buffer.length)
      this.buffer = Buffer.concat([this.buffer], Math.max(wanted, this.buffer.length * 2));
  }

  /** Where tokens are written; another buffer after each `add`. */
  get room(): Buffer {
    return this.buffer;
  }

  /** All tokens; a view of `room`. */
  get tokens(): Buffer {
    return this.buffer.subarray(0, this.recordCount * SUBJECT_TOKEN_BYTES);
  }

  /** Bytes that the index of the range takes, or a little more. */
  get size(): number {
    return this.recordCount * SUBJECT_TOKEN_BYTES + this.distances.size;
  }

  /** `PhiSubjectIndex.offsets` */
  offsets(firstOffset: number): Buffer | null {
    return this.distances.encode(firstOffset);
  }

  /** How many different persons there are. */
  distinct(): number {
    return this.differing.count(this.tokens);
  }

  clear(): void {
    this.tokens.fill(0);
    this.recordCount = 0;
    this.bytes = 0;
    this.distances.clear();
  }

  shrink(): void {
    this.differing.shrink();
    if (this.recordCount === 0 && this.buffer.length > INITIAL_BYTES)
      this.buffer = Buffer.alloc(INITIAL_BYTES);
  }
}
