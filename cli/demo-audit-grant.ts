/**
 * What the audit topic tells of one grant: who asked, who decided, what was leased before it was delivered, how it
 * ended. It counts by itself, from the events alone.
 */
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import type { ReadEvent } from './demo-audit.ts';
import { checkMark } from './demo-totals.ts';

export interface GrantStory {
  /** `type by whom`, in the order in which it was recorded; repeated ones once. */
  readonly steps: readonly string[];
  readonly leased: number;
  readonly delivered: number;
  /** Does each delivery follow a lease of the same range? */
  readonly leasedFirst: boolean;
}

export function grantStory(events: readonly ReadEvent[], grantId: string): GrantStory {
  const own = events
    .map(({ event }) => event)
    .filter(({ grant, request_id }) => grant?.id === grantId || request_id === grantId)
    .toSorted((a, b) => a.recorded_at - b.recorded_at);
  const leases = own.filter(({ phase }) => phase === 'LEASE');
  const batches = own.filter(({ type, phase }) => type === 'session.batch' && phase !== 'LEASE');
  const sum = (of: readonly PhiAuditEvent[]): number =>
    of.reduce((total, { range }) => total + (range?.delivered_count ?? 0), 0);
  return {
    steps: [...new Set(own.map(({ type, actor }) => `${type} by ${actor.id}`))],
    leased: sum(leases),
    delivered: sum(batches),
    leasedFirst: batches.every((batch) =>
      leases.some((lease) => rangeOf(lease) === rangeOf(batch) && lease.recorded_at <= batch.recorded_at),
    ),
  };
}

export function grantStoryLines({ steps, leased, delivered, leasedFirst }: GrantStory): string[] {
  return [
    ...steps.map((step) => `  ${step}`),
    `${checkMark(leasedFirst && leased >= delivered)} ${delivered} records delivered under the grant, each range leased before`,
  ];
}

function rangeOf({ range }: PhiAuditEvent): string {
  return `${range?.partition}:${range?.first_offset}-${range?.next_offset}`;
}
