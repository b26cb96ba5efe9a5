/**
 * Whether disclosures of a kind concern at least so many persons, by the index of persons. It stops as soon as that is
 * known, and counts only what is certain: fewer than there are, never more.
 */
import type { AuditIndex } from '../query/audit-index.ts';
import { isWithin } from '../query/answer.ts';
import type { Period } from '../query/answer.ts';
import { Deliveries } from '../query/deliveries.ts';
import type { Delivery } from '../query/deliveries.ts';
import { unpackRest } from '../query/index-tables.ts';

/** Were at least `persons` disclosed by deliveries of `period` that `isOfKind` takes? */
export function isToAtLeast(
  index: AuditIndex,
  persons: number,
  period: Period,
  isOfKind: (delivery: Delivery) => boolean,
): boolean {
  const deliveries = new Deliveries(index);
  let found = 0;
  let counted: bigint | null = null;
  for (const row of index.each(
    'SELECT token, place, first, more FROM postings ORDER BY token, place, first',
  )) {
    const token = row['token'] as bigint;
    if (token === counted) continue;
    const more = row['more'];
    const offsets = unpackRest(Number(row['first']), more instanceof Uint8Array ? more : null);
    const isDisclosed = deliveries
      .of(Number(row['place']), offsets)
      .some(
        (delivery) => delivery.isCertain && isWithin(delivery.event.appendedMs, period) && isOfKind(delivery),
      );
    if (!isDisclosed) continue;
    counted = token;
    found++;
    if (found >= persons) return true;
  }
  return false;
}
