/**
 * Walks one partition of a source record by record, in pieces as they come. It goes forward only and keeps one piece.
 */
import type { AuditSource, SourcePartition, SourceRecord } from './audit-source.ts';

export class PartitionCursor {
  readonly place: SourcePartition;
  /** All records below have been handed out. */
  nextOffset: number;
  private readonly pieces: AsyncIterator<readonly SourceRecord[]>;
  private piece: readonly SourceRecord[] = [];
  private at = 0;
  private isOver = false;

  constructor(source: AuditSource, place: SourcePartition, fromOffset: number) {
    this.place = place;
    this.nextOffset = fromOffset;
    this.pieces = source.records(place, fromOffset)[Symbol.asyncIterator]();
  }

  /** The next record without taking it; null at the end. */
  async peek(): Promise<SourceRecord | null> {
    while (this.at >= this.piece.length) {
      if (this.isOver) return null;
      const { value, done } = await this.pieces.next();
      if (done === true) this.isOver = true;
      else [this.piece, this.at] = [value, 0];
    }
    return this.piece[this.at]!;
  }

  /** The next record; null at the end. */
  async take(): Promise<SourceRecord | null> {
    const record = await this.peek();
    if (!record) return null;
    this.at += 1;
    this.nextOffset = record.offset + 1;
    return record;
  }

  /**
   * Hands out records below `endOffset`, at most `countMax`; gives how many.
   * `visit` must be done with the bytes when it returns.
   */
  async forward(endOffset: number, countMax: number, visit: (record: SourceRecord) => void): Promise<number> {
    let count = 0;
    while (count < countMax) {
      const record = this.piece[this.at] ?? (await this.peek());
      if (!record || record.offset >= endOffset) break;
      this.at += 1;
      count += 1;
      visit(record);
      this.nextOffset = record.offset + 1;
    }
    return count;
  }

  async end(): Promise<void> {
    await this.pieces.return?.();
  }
}
