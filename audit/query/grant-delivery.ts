/**
 * What a grant delivered, and deliveries that came too late. A lease without its delivery on record counts as
 * delivered (design: G8), because a grantee may read what is not committed.
 */
import type { AuditIndex } from './audit-index.ts';
import { distinct, indexRemarks, iso, placeName, reference } from './answer.ts';
import type { EventReference, Remarks } from './answer.ts';
import { EVENT_COLUMNS, EVENT_TABLES, eventOf } from './event-facts.ts';
import type { IndexedEvent } from './event-facts.ts';

const TOKEN_BYTES = 8;

export interface GrantDelivery {
  readonly event: EventReference;
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly records: number;
  /** True: leased, and no delivery is on record: counts as delivered. */
  readonly isLeaseOnly: boolean;
  /** True: the broker recorded it after the grant's end. */
  readonly isLate: boolean;
}

export interface GrantAnswer {
  readonly question: 'grant';
  readonly grant: string;
  readonly recipient: string | null;
  readonly purpose: readonly string[];
  readonly approvedBy: readonly string[];
  readonly emergency: boolean;
  /** ISO 8601; null before activation. */
  readonly expires: string | null;
  readonly records: number;
  /** Distinct persons by the events; null where they say nothing of persons. */
  readonly persons: number | null;
  readonly fieldsClear: readonly string[];
  readonly deliveries: readonly GrantDelivery[];
  /** What else is on record of it, in order. */
  readonly steps: readonly { readonly event: EventReference; readonly type: string; readonly by: string }[];
  readonly remarks: Remarks;
}

export interface OverdueAnswer {
  readonly question: 'overdue-grants';
  /** Must be empty. */
  readonly overdue: readonly {
    readonly grant: string;
    readonly expires: string | null;
    readonly event: EventReference;
    readonly type: string;
    readonly records: number;
  }[];
  /** Grants looked at. */
  readonly grants: number;
  readonly remarks: Remarks;
}

export function grantDelivery(index: AuditIndex, grant: string): GrantAnswer {
  const events = index
    .all(`SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES} WHERE c.grant_id = ?`, grant)
    .map(eventOf)
    .sort((a, b) => a.appendedMs - b.appendedMs || a.id - b.id);
  const read = deliveriesOf(events);
  const named = read.filter(({ tokens }) => tokens !== null);
  const about = events.map(({ facts }) => facts.grant!);
  const active = about.findLast(({ expiresAtMs }) => expiresAtMs > 0);
  const last = events.at(-1)?.facts;
  return {
    question: 'grant',
    grant,
    recipient: events.find(({ facts }) => facts.recipient !== null)?.facts.recipient ?? null,
    purpose: last?.purpose ?? [],
    approvedBy: distinct(about.flatMap(({ approvedBy }) => approvedBy)),
    emergency: about.some(({ emergency }) => emergency),
    expires: active ? iso(active.expiresAtMs) : null,
    records: read.reduce((sum, { range }) => sum + range!.delivered, 0),
    persons: named.length > 0 ? personsOf(named) : null,
    fieldsClear: distinct(read.flatMap(({ facts }) => facts.fieldsClear)),
    deliveries: read.map((event) => deliveryOf(index, event)),
    steps: events
      .filter(({ facts }) => facts.type !== 'session.batch' && facts.type !== 'session.lease')
      .map((event) => ({ event: reference(event), type: event.facts.type, by: event.facts.actor })),
    remarks: indexRemarks(index),
  };
}

/** Deliveries that the broker recorded after the end of their grant, or under a grant that was not active. */
export function overdueGrants(index: AuditIndex): OverdueAnswer {
  const events = index
    .all(
      `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
       WHERE c.grant_id IS NOT NULL AND (
         (c.type IN ('session.batch', 'session.lease') AND e.delivered > 0
           AND e.appended_ms > json_extract(c.facts, '$.grant.expiresAtMs'))
         OR (c.type = 'grant.stopped' AND json_extract(c.facts, '$.outcomeReason') = 'LATE_APPEND'))
       ORDER BY e.appended_ms`,
    )
    .map(eventOf);
  const grants = index.get('SELECT COUNT(DISTINCT grant_id) AS grants FROM contexts');
  return {
    question: 'overdue-grants',
    overdue: events.map((event) => {
      const { id, expiresAtMs } = event.facts.grant!;
      return {
        grant: id,
        expires: expiresAtMs > 0 ? iso(expiresAtMs) : null,
        event: reference(event),
        type: event.facts.type,
        records: event.range?.delivered ?? 0,
      };
    }),
    grants: Number(grants?.['grants'] ?? 0),
    remarks: indexRemarks(index),
  };
}

/** Deliveries of one grant, and leases that none of them answers. */
function deliveriesOf(events: readonly IndexedEvent[]): readonly IndexedEvent[] {
  const batches = events.filter(({ facts, range }) => facts.type === 'session.batch' && range !== null);
  const redeemed = new Set(batches.map(rangeOf));
  const open = events.filter(
    (event) => event.facts.type === 'session.lease' && event.range !== null && !redeemed.has(rangeOf(event)),
  );
  return [...batches, ...open]
    .filter(({ range }) => range!.delivered > 0)
    .sort((a, b) => a.appendedMs - b.appendedMs);
}

function rangeOf({ range }: IndexedEvent): string {
  return `${range?.place} ${range?.first}-${range?.next}`;
}

function deliveryOf(index: AuditIndex, event: IndexedEvent): GrantDelivery {
  const { place, first, next, delivered } = event.range!;
  return {
    event: reference(event),
    ...placeName(index, place),
    first,
    next,
    records: delivered,
    isLeaseOnly: event.facts.phase === 'LEASE',
    isLate: event.appendedMs > event.facts.grant!.expiresAtMs,
  };
}

function personsOf(events: readonly IndexedEvent[]): number {
  const tokens = new Set<string>();
  for (const { tokens: mine } of events) {
    const bytes = Buffer.from(mine!);
    for (let at = 0; at < bytes.length; at += TOKEN_BYTES)
      tokens.add(bytes.toString('latin1', at, at + TOKEN_BYTES));
  }
  return tokens.size;
}
