/**
 * The admin of a made audit log: declares in chains of its own, and removes the beginning of partitions, as Kafka would.
 */
import { createHash } from 'node:crypto';
import type { EventBody } from '../../audit/audit-chain.ts';
import { accessEvent } from '../../audit/access-events.ts';
import type { ChainPlace } from '../../audit/closed-chain.ts';
import { readDeclaration } from '../../audit/retention/declaration.ts';
import type { PruneCut, PruningHand } from '../../audit/retention/pruning.ts';
import { MADE_INTERVAL_MS } from './audit-log-maker.ts';
import type { AuditLogMaker } from './audit-log-maker.ts';
import { MadeChain } from './audit-log-chains.ts';

export const MADE_ADMIN = {
  kind: 'HUMAN',
  id: 'ada@example.org',
  roles: [],
  on_behalf_of: null,
  token_id: null,
} as const;

let chains = 0;

/** Writes a closed chain as `writer` into events partition 0. */
export function madeChain(maker: AuditLogMaker, bodies: readonly EventBody[], writer = 'admin'): ChainPlace {
  const id = createHash('md5').update(`${writer} ${chains++}`).digest();
  const chain = new MadeChain(id, `gauze.approvals.${writer}`, maker.writers.get(writer)!);
  const own = (type: string): EventBody => accessEvent({ type, actor: MADE_ADMIN }, maker.nowMs);
  const values = [
    chain.link(own('session.opened'), maker.nowMs, { signed: true, ext: chain.opening }),
    ...bodies.map((body) => chain.link(body, maker.nowMs, { signed: false })),
    chain.link(own('session.closed'), maker.nowMs, { signed: true }),
  ];
  const place = maker.partition('events', 0);
  for (const value of values)
    place.records.push({ offset: place.endOffset++, appendTimeMs: maker.nowMs, key: null, value });
  return { topic: place.topic, partition: 0, offset: place.endOffset - 1 };
}

/** Time goes on by one interval, every live session says so, and it is sealed. */
export function madeRound(maker: AuditLogMaker, how: { readonly witnessed?: boolean } = {}): void {
  maker.tick(MADE_INTERVAL_MS);
  for (const lane of maker.lanes) if (lane.session) maker.heartbeat(lane);
  maker.seal(how);
}

export function removeMade(maker: AuditLogMaker, cuts: readonly PruneCut[]): void {
  for (const { topic, partition, offset } of cuts) {
    const place = maker.audit.partitions.find(
      (each) => each.topic === topic && each.partition === partition,
    )!;
    place.records = place.records.filter((record) => record.offset >= offset);
    place.logStartOffset = offset;
  }
}

/** An admin whose declarations are sealed at once, unless `isSealed` says otherwise. */
export function madeHand(
  maker: AuditLogMaker,
  { isSealed = true } = {},
): PruningHand & { readonly cuts: PruneCut[]; readonly declarations: number } {
  const cuts: PruneCut[] = [];
  let declarations = 0;
  return {
    cuts,
    get declarations() {
      return declarations;
    },
    declare: async (bodies) => {
      declarations += bodies.length;
      const at = madeChain(maker, bodies);
      for (const body of bodies) {
        const { topic, partition, upToOffset: offset, upToSize } = readDeclaration(body)!;
        maker.declared.set(`${topic} ${partition}`, { size: upToSize!, offset });
      }
      if (isSealed) madeRound(maker);
      return await Promise.resolve(at);
    },
    remove: async (wanted) => {
      cuts.push(...wanted);
      removeMade(maker, wanted);
      await Promise.resolve();
    },
  };
}
