/**
 * What a fetch of raw records brought, and how long its memory may be looked at. Memory that went back to the pool is
 * never looked at again: its bytes may be those of other records by then.
 */
import { GauzeError } from '../platform/errors.ts';
import { giveBackFrame } from '../kafka/frame-pool.ts';
import type { SpanSubjects } from './span-subjects.ts';
import type { DataBatch } from '../kafka/record-set.ts';

/** What one fetch brought: everything in [firstOffset, nextOffset). */
export interface Span {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly batches: readonly DataBatch[];
  /** Memory it holds. */
  readonly bytes: number;
  /** Whom its records are about, as far as lanes have noted; absent where no index lane asks. */
  readonly subjects?: SpanSubjects | null;
}

/**
 * A span whose memory goes back to the pool when its last holder lets go. Whoever looks at it afterwards is stopped:
 * its bytes may be those of other records by then.
 */
export class HeldSpan implements Span {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly bytes: number;
  readonly subjects: SpanSubjects | null;
  private readonly records: Buffer;
  private readonly found: readonly DataBatch[];
  private holders = 1;

  constructor(
    records: Buffer,
    found: readonly DataBatch[],
    firstOffset: number,
    nextOffset: number,
    subjects: SpanSubjects | null = null,
  ) {
    this.records = records;
    this.found = found;
    this.firstOffset = firstOffset;
    this.nextOffset = nextOffset;
    this.subjects = subjects;
    this.bytes = memoryOf(records, found);
  }

  /** Throws ERR_INTERNAL once the memory has been given back. */
  get batches(): readonly DataBatch[] {
    this.assertHeld();
    return this.found;
  }

  /** One holder more. Throws ERR_INTERNAL once the memory has been given back. */
  hold(): this {
    this.assertHeld();
    this.holders++;
    return this;
  }

  /** One holder less. Throws ERR_INTERNAL where there is none. */
  release(): void {
    this.assertHeld();
    this.holders--;
    if (this.holders > 0) return;
    giveBackFrame(this.records);
    this.subjects?.release();
  }

  private assertHeld(): void {
    if (this.holders === 0) throw new GauzeError('ERR_INTERNAL', { causeName: 'SpanGivenBack' });
  }
}

function memoryOf(records: Buffer, batches: readonly DataBatch[]): number {
  let bytes = records.length;
  for (const batch of batches) if (batch.bytes !== records) bytes += batch.bytes.length;
  return bytes;
}
