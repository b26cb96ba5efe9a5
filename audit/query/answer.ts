/**
 * What all answers have in common: the place of the events that an answer follows from, times, and what the index does
 * not know. An answer holds names, counts, paths and places; never a token or an identifier.
 */
import { cellText } from './audit-index.ts';
import type { AuditIndex, Row } from './audit-index.ts';
import type { IndexedEvent } from './event-facts.ts';
import { PARTITIONS_MAX, rowIdOf } from './index-tables.ts';
import type { RecordPlace } from './index-tables.ts';

/** A stretch of time: from its first millisecond up to, and without, its last. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

export const ALL_TIME: Period = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
export const DAY_MS = 86_400_000;

/** An event that an answer follows from: where it stands in gauze.audit.events, and when it was appended. */
export interface EventReference extends RecordPlace {
  /** ISO 8601, UTC, the broker's time. */
  readonly appended: string;
}

/** What stands in the way of a complete answer, in words; none: the answer is complete up to now. */
export type Remarks = readonly string[];

export function reference({ at, appendedMs }: IndexedEvent): EventReference {
  return { ...at, appended: iso(appendedMs) };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Is the time within the period? */
export function isWithin(ms: number, { fromMs, toMs }: Period): boolean {
  return ms >= fromMs && ms < toMs;
}

/** Sorted, each once. */
export function distinct(words: Iterable<string>): readonly string[] {
  return [...new Set(words)].sort();
}

/** A place of raw data: `topic/partition`. */
export function placeName(
  index: AuditIndex,
  place: number,
): { readonly topic: string; readonly partition: number } {
  const row = index.get('SELECT topic, partition FROM places WHERE id = ?', place);
  return { topic: String(row?.['topic']), partition: Number(row?.['partition']) };
}

/** From when on the events of a partition are known, where its beginning is not. */
function sinceWhen(index: AuditIndex, gap: Row): string {
  if (!cellText(gap, 'topic').endsWith('.audit.events')) return '';
  const partition = Number(gap['partition']);
  const first = index.get(
    'SELECT appended_ms FROM events WHERE id >= ? AND id % ? = ? ORDER BY id LIMIT 1',
    rowIdOf({ partition, offset: Number(gap['next']) }),
    PARTITIONS_MAX,
    partition,
  );
  return first ? `: answers are complete from ${iso(Number(first['appended_ms']))} on` : '';
}

/** What the index could not read; holds for every answer. */
export function indexRemarks(index: AuditIndex): Remarks {
  const gaps = index
    .all('SELECT topic, partition, first, next FROM gaps')
    .map(
      (row) =>
        `${cellText(row, 'topic')}/${cellText(row, 'partition')}: offsets ${cellText(row, 'first')} to ${Number(row['next']) - 1} were gone before they were indexed${sinceWhen(index, row)}`,
    );
  const unreadable = index
    .all('SELECT topic, partition, COUNT(*) AS records FROM unreadable GROUP BY topic, partition')
    .map(
      (row) =>
        `${cellText(row, 'topic')}/${cellText(row, 'partition')}: ${cellText(row, 'records')} records cannot be read`,
    );
  return [...gaps, ...unreadable];
}
