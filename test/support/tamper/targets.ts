/**
 * Which event, chain or seal of a log a mutation is played on: chosen by what it is, so that the same cases run on a
 * made log and on one of a real site. Throws where there is none.
 */
import { extOf, required } from './tamper-log.ts';
import type { LocatedEvent, LocatedSeal, TamperLog } from './tamper-log.ts';

/** A session that died or closed and is named by its successor; hex. */
export function succeededChain(log: TamperLog): string {
  return required(succeededChains(log)[0], 'session with a successor');
}

/** Those first that rotated their key: they have more to get wrong. */
function succeededChains(log: TamperLog): readonly string[] {
  const { events } = log;
  const present = new Set(events.map(({ chain }) => chain));
  const rotated = new Set(
    events.filter(({ event }) => event.type === 'key.rotated').map(({ chain }) => chain),
  );
  const named = events
    .map(({ event }) => extOf(event, 'prev_chain'))
    .filter((chain) => chain !== null && present.has(chain))
    .map((chain) => chain!);
  return [...named.filter((chain) => rotated.has(chain)), ...named];
}

/** A batch in the middle of the sealed past: of a session with a successor, where the log has one. */
export function sealedBatch(log: TamperLog, isSigned: boolean | null = null): LocatedEvent {
  const fits = (each: LocatedEvent): boolean =>
    isBatch(each) && log.isSealed(each) && (isSigned === null || (each.event.sig !== null) === isSigned);
  const chains = new Set([...succeededChains(log), ...log.events.map(({ chain }) => chain)]);
  for (const chain of chains) {
    const all = log.eventsOf(chain);
    const lastEpoch = all.at(-1)?.event.key_epoch;
    const found = all.slice(2, -2).findLast((each) => fits(each) && each.event.key_epoch === lastEpoch);
    if (found) return found;
  }
  throw new Error('this log has no sealed batch');
}

/** Batches after the last seal, of the session that has most of them. */
export function unsealedBatches(log: TamperLog): readonly LocatedEvent[] {
  const unsealed = log.events.filter((each) => isBatch(each) && !log.isSealed(each));
  const byChain = Map.groupBy(unsealed, ({ chain }) => chain);
  const most = [...byChain.values()].toSorted((a, b) => b.length - a.length)[0];
  return required(most, 'batch after the last seal');
}

export function isBatch({ event }: LocatedEvent): boolean {
  const { range, phase } = event;
  return (
    range !== null &&
    range.next_offset - range.first_offset > 2 &&
    event.type === 'session.batch' &&
    phase === 'COMMITTED' &&
    event.subjects === null
  );
}

/** Two events next to each other among the sealed ones of a partition. */
export function sealedNeighbours(log: TamperLog, isOneChain: boolean): readonly [LocatedEvent, LocatedEvent] {
  for (const place of log.eventPlaces) {
    const events = log.events.filter((each) => each.place === place);
    for (const [at, second] of events.entries()) {
      const first = events[at - 1];
      if (!first || !isBatch(first) || !isBatch(second) || !isSealedTogether(log, first, second)) continue;
      if ((first.chain === second.chain) === isOneChain) return [first, second];
    }
  }
  throw new Error('this log has no such neighbours');
}

/** Neighbours of one chain need not stand next to each other. */
export function sealedLinks(log: TamperLog): readonly [LocatedEvent, LocatedEvent] {
  for (const chain of new Set(log.events.map((each) => each.chain))) {
    const events = log.eventsOf(chain);
    for (const [at, second] of events.entries()) {
      const first = events[at - 1];
      if (first && isBatch(first) && isBatch(second) && log.isSealed(second)) return [first, second];
    }
  }
  throw new Error('this log has no two batches of one session');
}

function isSealedTogether(log: TamperLog, first: LocatedEvent, second: LocatedEvent): boolean {
  const roundOf = ({ place, record }: LocatedEvent): number =>
    log.seals.findIndex(({ seal }) => record.offset < log.sealedUntil(place, seal));
  return roundOf(second) >= 0 && roundOf(first) === roundOf(second);
}

/** A seal that is neither the first nor the last. */
export function middleSeal(log: TamperLog): LocatedSeal {
  const { seals } = log;
  return required(seals.length > 2 ? seals[Math.floor(seals.length / 2)] : null, 'seal in the middle');
}
