/**
 * The signs of life of one instance, from a chain of its own: how many lanes and grants it works on, and how many of
 * the lanes are held, and how much memory it takes. Names and counts only.
 */
import { systemEvent } from '../audit/audit-chain.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { countsExt, HEARTBEAT, keepBeating } from '../audit/heartbeat.ts';
import { random } from '../platform/clock.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { LaneContext } from './lane-context.ts';

/** What an instance works on. */
export interface InstanceCounts {
  readonly lanes: number;
  readonly held: number;
  readonly grants: number;
}

/** Beats until `signal` aborts, then closes the chain. */
export async function beat(
  context: LaneContext,
  counts: () => InstanceCounts,
  signal: AbortSignal,
  onTrouble: (error: GauzeError) => void,
): Promise<void> {
  const { cluster, names, schemaIds, auditKey, principal } = context;
  const log = new AuditLog({
    cluster,
    topic: names.auditEvents,
    transactionalId: names.heartbeatTransactionalId(random(8).toString('hex')),
    schemaId: schemaIds.auditEvent,
    key: auditKey,
  });
  const by = { id: principal, role: auditKey.name };
  const write = async (): Promise<void> =>
    await log.write([systemEvent(HEARTBEAT, by, signOfLife(counts()))], signal);
  await keepBeating(write, signal, onTrouble);
  await log.close();
}

/** What `gauze status` tells of an instance. */
function signOfLife(counts: InstanceCounts): ReturnType<typeof countsExt> {
  return countsExt({ ...counts, memory_bytes: process.memoryUsage.rss() });
}
