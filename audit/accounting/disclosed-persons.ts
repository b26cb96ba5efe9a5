/**
 * Whether disclosures of a kind concern at least so many persons, by the index of persons. It stops as soon as that is
 * known, and counts only what is certain: fewer than there are, never more. A person has a token for each id and key
 * epoch, so merged ids are counted once, and each epoch by itself.
 */
import type { AuditIndex } from '../query/audit-index.ts';
import { isWithin } from '../query/answer.ts';
import type { Period } from '../query/answer.ts';
import { Deliveries, spansIn } from '../query/deliveries.ts';
import type { Delivery } from '../query/deliveries.ts';
import { unpackRest } from '../query/index-tables.ts';

/** The token that stands for a person, by any token of theirs in a key epoch. */
export type PersonOf = (epoch: number, token: bigint) => bigint;

/** Were at least `persons` disclosed by deliveries of `period` that `isOfKind` takes? */
export function isToAtLeast(
  index: AuditIndex,
  persons: number,
  period: Period,
  personOf: PersonOf,
  isOfKind: (delivery: Delivery) => boolean,
): boolean {
  const deliveries = new Deliveries(index);
  const found = new Map<number, Set<bigint>>();
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
    const epoch = epochAt(index, Number(row['place']), offsets[0]!);
    const people = found.get(epoch) ?? new Set();
    found.set(epoch, people.add(personOf(epoch, BigInt.asUintN(64, token))));
    if (people.size >= persons) return true;
  }
  return false;
}

/** Key epoch of the tokens that the index has for an offset. */
function epochAt(index: AuditIndex, place: number, offset: number): number {
  for (const span of spansIn(index, 'subject_ranges', place)) {
    const row = index.get(
      `SELECT epoch FROM subject_ranges
       WHERE place = ? AND span = ? AND first > ? AND first <= ? AND next > ? LIMIT 1`,
      place,
      span,
      offset - 2 ** span,
      offset,
      offset,
    );
    if (row) return Number(row['epoch']);
  }
  return 0;
}
