/**
 * Which events delivered the record at an offset. Exact where the index of persons is complete: the bitmap of an event
 * counts data records, so an offset's bit is found by counting the records before it. Where that cannot be counted the
 * record counts as delivered, and the answer says that it is not certain; a doubt never hides a delivery.
 */
import type { AuditIndex } from './audit-index.ts';
import { EVENT_COLUMNS, EVENT_TABLES, eventOf } from './event-facts.ts';
import type { IndexedEvent } from './event-facts.ts';
import { unpackRest } from './index-tables.ts';

/** An event that delivered records of the offsets asked about. */
export interface Delivery {
  readonly event: IndexedEvent;
  /** Rising. */
  readonly offsets: readonly number[];
  /** False: an upper bound. A lease whose delivery is not on record, or a bitmap that cannot be read without gaps. */
  readonly isCertain: boolean;
}

/** Types of events that say what was read for somebody. */
const READS: ReadonlySet<string> = new Set(['session.batch', 'session.lease']);

export class Deliveries {
  private readonly index: AuditIndex;
  private readonly records = new Map<number, readonly number[]>();
  private readonly spans = new Map<number, readonly number[]>();
  private readonly events = new Map<number, IndexedEvent>();

  constructor(index: AuditIndex) {
    this.index = index;
  }

  /** All deliveries, to whomever, of the records at `offsets` (rising) of a place, in order of the audit topic. */
  of(place: number, offsets: readonly number[]): readonly Delivery[] {
    const found = new Map<number, { event: IndexedEvent; offsets: number[]; isCertain: boolean }>();
    for (const offset of offsets) {
      for (const event of withoutRedeemedLeases(this.covering(place, offset))) {
        const verdict = this.verdict(event, offset);
        if (verdict === 'not delivered') continue;
        const isCertain = verdict === 'delivered' && event.facts.phase !== 'LEASE';
        const known = found.get(event.id);
        if (known) {
          known.offsets.push(offset);
          known.isCertain &&= isCertain;
        } else found.set(event.id, { event, offsets: [offset], isCertain });
      }
    }
    return [...found.values()].sort((a, b) => a.event.id - b.event.id);
  }

  /** Events with a range that covers the offset. */
  private covering(place: number, offset: number): readonly IndexedEvent[] {
    return this.spansOf(place).flatMap((span) =>
      this.index
        .all(
          `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
           WHERE e.place = ? AND e.span = ? AND e.first > ? AND e.first <= ? AND e.next > ?`,
          place,
          span,
          offset - 2 ** span,
          offset,
          offset,
        )
        .map((row) => this.remembered(Number(row['id']), () => eventOf(row)))
        .filter(({ facts }) => READS.has(facts.type)),
    );
  }

  private remembered(id: number, make: () => IndexedEvent): IndexedEvent {
    const known = this.events.get(id);
    if (known) return known;
    const event = make();
    this.events.set(id, event);
    return event;
  }

  private verdict({ id, range }: IndexedEvent, offset: number): 'delivered' | 'not delivered' | 'unknown' {
    const { bitmap, first, next, records, delivered } = range!;
    if (delivered === 0) return 'not delivered';
    if (bitmap === null) return delivered === records ? 'delivered' : 'unknown';
    const rank = next - first === records ? offset - first : this.rankIn(id, range!, offset);
    if (rank === null || rank >= bitmap.length * 8) return 'unknown';
    return (bitmap[rank >> 3]! & (1 << (rank & 7))) === 0 ? 'not delivered' : 'delivered';
  }

  /** How many data records of the event's range stand before the offset; null where the index cannot tell. */
  private rankIn(id: number, range: NonNullable<IndexedEvent['range']>, offset: number): number | null {
    let records = this.records.get(id);
    if (!records) this.records.set(id, (records = dataRecords(this.index, range)));
    if (records.length !== range.records) return null;
    const rank = records.indexOf(offset);
    return rank < 0 ? null : rank;
  }

  private spansOf(place: number): readonly number[] {
    let spans = this.spans.get(place);
    if (!spans) {
      spans = spansIn(this.index, 'events', place);
      this.spans.set(place, spans);
    }
    return spans;
  }
}

/** Powers of two in which ranges of a place lie: one look at each, however many ranges there are. */
export function spansIn(
  index: AuditIndex,
  table: 'events' | 'subject_ranges',
  place: number,
): readonly number[] {
  const spans: number[] = [];
  for (let after = -1; ;) {
    const row = index.get(
      `SELECT MIN(span) AS span FROM ${table} WHERE place = ? AND span > ?`,
      place,
      after,
    );
    if (row?.['span'] === null || row === undefined) return spans;
    after = Number(row['span']);
    spans.push(after);
  }
}

/** Offsets of the data records in a range, as the index of persons has them; rising. */
function dataRecords(
  index: AuditIndex,
  { place, first, next }: { readonly place: number; readonly first: number; readonly next: number },
): readonly number[] {
  const offsets = new Set<number>();
  for (const span of spansIn(index, 'subject_ranges', place)) {
    const rows = index.all(
      `SELECT first, records, offsets FROM subject_ranges
       WHERE place = ? AND span = ? AND first > ? AND first < ? AND next > ?`,
      place,
      span,
      first - 2 ** span,
      next,
      first,
    );
    for (const row of rows)
      for (const offset of offsetsOf(row)) if (offset >= first && offset < next) offsets.add(offset);
  }
  return [...offsets].sort((a, b) => a - b);
}

function offsetsOf(row: Readonly<Record<string, unknown>>): readonly number[] {
  const [first, records, packed] = [Number(row['first']), Number(row['records']), row['offsets']];
  if (!(packed instanceof Uint8Array)) return Array.from({ length: records }, (_, i) => first + i);
  // The distance of the first record to the beginning of the range stands in front.
  return unpackRest(first, packed).slice(1);
}

/** A lease whose delivery is on record says nothing that the delivery does not say better. */
function withoutRedeemedLeases(events: readonly IndexedEvent[]): readonly IndexedEvent[] {
  if (!events.some(({ facts }) => facts.phase === 'LEASE')) return events;
  const delivered = new Set(events.filter(({ facts }) => facts.phase !== 'LEASE').map(rangeOfGrant));
  return events.filter((event) => event.facts.phase !== 'LEASE' || !delivered.has(rangeOfGrant(event)));
}

function rangeOfGrant({ facts, range }: IndexedEvent): string {
  return `${facts.grant?.id} ${range?.first}-${range?.next}`;
}
