/**
 * What is legal beside all that is not: an admin declares that the beginning of the audit topics goes, the declaration
 * is sealed, and only then the beginning goes. Played on a made log at its end.
 */
import { createHash } from 'node:crypto';
import { accessEvent } from '../../../audit/access-events.ts';
import type { EventBody } from '../../../audit/audit-chain.ts';
import { MADE_INTERVAL_MS } from '../audit-log-maker.ts';
import type { AuditLogMaker } from '../audit-log-maker.ts';
import { MadeChain } from '../audit-log-chains.ts';

const FRONTIER_EVERY = 100;
const ADMIN = {
  kind: 'HUMAN',
  id: 'ada@example.org',
  roles: [],
  on_behalf_of: null,
  token_id: null,
} as const;

/** Seals until one carries a frontier, and one more, with every session alive. */
export function sealPastFrontier(maker: AuditLogMaker): void {
  while (maker.seals.length <= FRONTIER_EVERY + 1) {
    maker.tick(MADE_INTERVAL_MS);
    for (const lane of maker.lanes) if (lane.session) maker.heartbeat(lane);
    maker.seal();
  }
}

/** Declares, seals, and removes all that is below the seal that carries a frontier. `isDeclared`: or only removes. */
export function pruneAtFrontier(maker: AuditLogMaker, { isDeclared }: { isDeclared: boolean }): void {
  const { seal } = maker.seals[FRONTIER_EVERY]!;
  const upTo = seal.partitions.map((each) => ({
    ...each,
    place: placeOf(maker, each.topic, each.partition),
  }));
  if (isDeclared) {
    const chain = new MadeChain(
      createHash('md5').update('admin').digest(),
      'gauze.admin.one',
      maker.writers.get('admin')!,
    );
    const values = [
      chain.link(body(maker, 'session.opened'), maker.nowMs, { signed: true, ext: chain.opening }),
      ...upTo.map(({ topic, partition, next_offset: offset }) =>
        chain.link(body(maker, 'retention.declared'), maker.nowMs, {
          signed: true,
          ext: { topic, partition: String(partition), up_to_offset: String(offset) },
        }),
      ),
      chain.link(body(maker, 'session.closed'), maker.nowMs, { signed: true }),
    ];
    const place = maker.partition('events', 0);
    for (const value of values)
      place.records.push({ offset: place.endOffset++, appendTimeMs: maker.nowMs, key: null, value });
  }
  maker.seal();
  for (const { place, next_offset: offset } of upTo) {
    place.records = place.records.filter((record) => record.offset >= offset);
    place.logStartOffset = offset;
  }
}

function placeOf(
  maker: AuditLogMaker,
  topic: string,
  partition: number,
): ReturnType<AuditLogMaker['partition']> {
  return maker.audit.partitions.find((each) => each.topic === topic && each.partition === partition)!;
}

function body(maker: AuditLogMaker, type: string): EventBody {
  return accessEvent({ type, actor: ADMIN }, maker.nowMs);
}
