/**
 * Disclosures for export: what was delivered to somebody outside of gauze, from events as they are read, or from the
 * deliveries about one person that the index found. Whom records are about is known to the index alone; of a person it
 * passes on the id that the asker gave, and nothing else.
 */
import type { AuditIndex } from '../query/audit-index.ts';
import { placeName } from '../query/answer.ts';
import type { EventFacts } from '../query/event-facts.ts';
import { factsOf } from '../query/index-rows.ts';
import type { PersonDeliveries } from '../query/who-saw.ts';
import type { ExportedEvent } from './exported-events.ts';

/** One delivery to one recipient; of one person where `person` says so. */
export interface ExportedDisclosure {
  /** Where its event stands. */
  readonly at: { readonly topic: string; readonly partition: number; readonly offset: number };
  /** The broker's time of the event. */
  readonly appendedMs: number;
  readonly facts: EventFacts;
  /** What was read of the raw topic; `delivered` of these records went out. */
  readonly range: {
    readonly topic: string;
    readonly partition: number;
    readonly first: number;
    readonly next: number;
    readonly delivered: number;
  };
  readonly person: { readonly id: string; readonly records: number } | null;
  /** False: at most this; see `Delivery` of the questions. */
  readonly isCertain: boolean;
}

const READS: ReadonlySet<string> = new Set(['session.batch', 'session.lease']);

/**
 * Disclosures among events. A lease is held back until its delivery is met, which says it better; those without one
 * come last, as what they are: upper bounds.
 */
export async function* disclosuresOf(
  events: AsyncIterable<ExportedEvent>,
): AsyncGenerator<ExportedDisclosure> {
  const leases = new Map<string, ExportedDisclosure>();
  const delivered = new Set<string>();
  for await (const exported of events) {
    const found = disclosureOf(exported);
    if (!found) continue;
    const key = found.facts.grant && leaseKey(found);
    if (found.facts.phase === 'LEASE' && key !== null) {
      if (!delivered.delete(key)) leases.set(key, found);
      continue;
    }
    // The lease may stand in another partition, and so come later.
    if (key !== null && !leases.delete(key)) delivered.add(key);
    if (found.range.delivered > 0) yield found;
  }
  yield* leases.values();
}

/** Deliveries about one person, as the index found them. `topic` is that of the events. */
export function personDisclosures(
  index: AuditIndex,
  { toOthers }: PersonDeliveries,
  topic: string,
  personId: string,
): readonly ExportedDisclosure[] {
  return toOthers.map(({ place, delivery: { event, offsets, isCertain } }) => ({
    at: { topic, ...event.at },
    appendedMs: event.appendedMs,
    facts: event.facts,
    range: {
      ...placeName(index, place),
      first: event.range!.first,
      next: event.range!.next,
      delivered: event.range!.delivered,
    },
    person: { id: personId, records: offsets.length },
    isCertain,
  }));
}

function disclosureOf({ event, appendedMs, ...at }: ExportedEvent): ExportedDisclosure | null {
  const { range } = event;
  if (!range || !event.recipient || !READS.has(event.type)) return null;
  return {
    at,
    appendedMs,
    facts: factsOf(event),
    range: {
      topic: range.topic,
      partition: range.partition,
      first: range.first_offset,
      next: range.next_offset,
      delivered: range.delivered_count,
    },
    person: null,
    isCertain: event.phase !== 'LEASE',
  };
}

function leaseKey({ facts, range }: ExportedDisclosure): string {
  return JSON.stringify([facts.grant?.id, range.topic, range.partition, range.first, range.next]);
}
