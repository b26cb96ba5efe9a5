/**
 * What one transaction of a masking lane has read so far, and which of it is withheld: coordinates and codes only.
 */
import type { ErrorCode } from '../platform/errors.ts';
import type { CompiledPlan } from './plan-store.ts';

/** A record that an audience does not get. */
export interface Withheld {
  readonly offset: number;
  readonly code: ErrorCode;
}

/** What one transaction has read so far. */
export class TransactionWork {
  recordCount = 0;
  bytes = 0;
  fromMs = 0;
  toMs = 0;
  readonly withheld: Withheld[] = [];
  readonly plans = new Map<number, CompiledPlan>();
  /** Index among the data records of each one not delivered, for the bitmap. */
  private readonly missingIndexes: number[] = [];

  get deliveredCount(): number {
    return this.recordCount - this.missingIndexes.length;
  }

  count(timestampMs: number, valueBytes: number): void {
    if (this.recordCount === 0) this.fromMs = this.toMs = timestampMs;
    this.fromMs = Math.min(this.fromMs, timestampMs);
    this.toMs = Math.max(this.toMs, timestampMs);
    this.recordCount++;
    this.bytes += valueBytes;
  }

  withhold(offset: number, code: ErrorCode): void {
    this.withheld.push({ offset, code });
    this.pass();
  }

  /** The record counted last is not delivered. */
  pass(): void {
    this.missingIndexes.push(this.recordCount - 1);
  }

  /** One bit per data record in offset order, lowest first: 1 is delivered. Null where all were. */
  deliveredBitmap(): Buffer | null {
    if (this.missingIndexes.length === 0) return null;
    const bits = Buffer.alloc(Math.ceil(this.recordCount / 8));
    for (let i = 0; i < this.recordCount; i++) bits[i >> 3]! |= 1 << (i & 7);
    for (const i of this.missingIndexes) bits[i >> 3]! &= ~(1 << (i & 7));
    return bits;
  }
}
