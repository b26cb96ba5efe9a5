/**
 * Checks the audit topic from outside: ranges tile, chains hold, every start is declared. Reads with the Java
 * consumer; shares only the schema of events with gauze.
 */
import { createHash } from 'node:crypto';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { DumpedRecord } from './topic-dump.ts';

export interface AuditedEvent {
  readonly event: PhiAuditEvent;
  readonly record: DumpedRecord;
}

export function auditedEvents(dump: readonly DumpedRecord[]): readonly AuditedEvent[] {
  return dump.map((record) => ({ event: auditEventCodec.decode(record.value!), record }));
}

/** Every fault found: a gap, an overlap, a broken link, a missing sequence number; empty where all is sound. */
export function auditFaults(
  events: readonly AuditedEvent[],
  committed: ReadonlyMap<string, number>,
): string[] {
  return [...chainFaults(events), ...tilingFaults(events, committed)];
}

/** Every break in the chains: a broken link, a missing number, a chain that does not begin. */
export function chainFaults(events: readonly AuditedEvent[]): string[] {
  const faults: string[] = [];
  for (const [chain, linked] of Map.groupBy(events, ({ event }) => event.chain_id.toString('hex'))) {
    let previous: Buffer = Buffer.alloc(32);
    linked.forEach(({ event, record }, seq) => {
      if (event.seq !== seq) faults.push(`chain ${chain}: ${event.seq} stands where ${seq} should`);
      if (!event.prev_hash.equals(previous))
        faults.push(`chain ${chain}: event ${seq} does not follow the one before`);
      previous = createHash('sha256')
        .update(Buffer.from([0]))
        .update(record.value!)
        .digest();
    });
    if (linked[0]?.event.type !== 'session.opened')
      faults.push(`chain ${chain}: does not begin with session.opened`);
  }
  return faults;
}

/** `committed`: offset by `audience/topic/partition`. Ranges must tile [first session's position, committed). */
function tilingFaults(events: readonly AuditedEvent[], committed: ReadonlyMap<string, number>): string[] {
  const faults: string[] = [];
  // What a chain says of itself is about no range; of no group is what moves no position.
  const reading = events.filter(({ event }) => event.range !== null && event.group !== null);
  for (const [lane, mine] of Map.groupBy(reading, laneOf)) {
    let position: number | null = null;
    for (const { event } of mine) {
      const { first_offset: first, next_offset: next } = event.range!;
      if (event.type === 'session.seek') position = first;
      position ??= first;
      if (first !== position)
        faults.push(`${lane}: a range begins at ${first}, the one before ended at ${position}`);
      position = next;
    }
    const end = committed.get(lane);
    if (end !== undefined && end !== position)
      faults.push(`${lane}: audited up to ${position}, committed ${end}`);
  }
  for (const lane of committed.keys()) {
    if (!mineOf(events, lane)) faults.push(`${lane}: committed without any event`);
  }
  return faults;
}

function mineOf(events: readonly AuditedEvent[], lane: string): boolean {
  return events.some((event) => laneOf(event) === lane);
}

/**
 * `audience/topic/partition`, or `index/topic/partition`: the index lane has no recipient. What reads withheld records
 * again is a lane of its own.
 */
function laneOf({ event }: AuditedEvent): string {
  const redrive = event.group?.id.endsWith('.redrive') ? ' redrive' : '';
  return `${event.policy.id}${redrive}/${event.range?.topic}/${event.range?.partition}`;
}
