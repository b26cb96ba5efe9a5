/**
 * Who saw whom, counted the slow way: every raw record, every audit event, one by one, as the Java consumer reads them.
 * avsc decodes; ranges and bitmaps are read by code of its own. Shares the schema of events with gauze, nothing else.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { AuditedEvent } from './audit-oracle.ts';
import type { ExpectedToken } from './index-oracle.ts';

/** `event partition/offset raw topic/partition offset`, of every delivery of a record about a person; by person. */
export function sightingsByPerson(
  records: readonly ExpectedToken[],
  events: readonly AuditedEvent[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const byPlace = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`);
  const found = new Map<string, Set<string>>();
  for (const { event, record } of events) {
    if (!isRead(event) || event.recipient === null || isRedeemed(event, events)) continue;
    const { topic, partition, first_offset: first, next_offset: next, delivered } = event.range!;
    const read = (byPlace.get(`${topic}/${partition}`) ?? [])
      .filter(({ offset }) => offset >= first && offset < next)
      .sort((a, b) => a.offset - b.offset);
    for (const [i, { person, offset }] of read.entries()) {
      const isDelivered = delivered === null || ((delivered[Math.floor(i / 8)]! >> (i % 8)) & 1) === 1;
      if (!isDelivered || person === null) continue;
      const mine = found.get(person) ?? new Set();
      found.set(person, mine);
      mine.add(`${record.partition}/${record.offset} ${topic}/${partition} ${offset}`);
    }
  }
  return found;
}

function isRead({ type, range }: PhiAuditEvent): boolean {
  return (
    (type === 'session.batch' || type === 'session.lease') && range !== null && range.delivered_count > 0
  );
}

/** A lease that the delivery of the same range answers. */
function isRedeemed(lease: PhiAuditEvent, events: readonly AuditedEvent[]): boolean {
  if (lease.phase !== 'LEASE') return false;
  const key = rangeKey(lease);
  return events.some(({ event }) => event.type === 'session.batch' && rangeKey(event) === key);
}

function rangeKey({ grant, range }: PhiAuditEvent): string {
  return `${grant?.id} ${range?.topic}/${range?.partition} ${range?.first_offset}-${range?.next_offset}`;
}
