/**
 * Mutations of export directories: an export is read, changed as a log in memory, and written as an export again, its
 * manifest made to fit, as somebody would who wants it believed.
 */
import { ExportSource, writeRawExport } from '../../../audit/raw-export.ts';
import type { AuditSource } from '../../../audit/verify/audit-source.ts';
import { MemoryAuditSource } from '../memory-audit-source.ts';
import type { MemoryAudit } from '../memory-audit-source.ts';
import type { Mutation } from './mutation.ts';
import { NO_KEYS, TamperLog } from './tamper-log.ts';
import type { StolenKeys } from './tamper-log.ts';

/** All that a source has, in memory. */
export async function auditOf(source: AuditSource): Promise<MemoryAudit> {
  const partitions: MemoryAudit['partitions'] = [];
  for (const place of await source.partitions()) {
    const records: MemoryAudit['partitions'][number]['records'] = [];
    for await (const piece of source.records(place, place.logStartOffset)) {
      for (const { key, value, ...rest } of piece)
        records.push({ ...rest, key: key && Buffer.from(key), value: value && Buffer.from(value) });
    }
    const { kind, topic, topicId, partition, logStartOffset, endOffset } = place;
    partitions.push({ kind, topic, topicId, partition, logStartOffset, endOffset, records });
  }
  const committed = await source.committed('after');
  const notes = await source.witnessNotes();
  const orders = await source.resumeOrders?.();
  return {
    clusterId: source.clusterId,
    asOfMs: source.asOfMs,
    partitions,
    committed: committed && [...committed],
    witnessNotes: notes && [...notes],
    resumeOrders: orders ? [...orders] : null,
  };
}

/** Writes the export `from` to the new directory `to`, changed. */
export async function tamperExport(
  from: string,
  to: string,
  mutation: Mutation,
  keys: StolenKeys = NO_KEYS,
): Promise<void> {
  const log = new TamperLog(await auditOf(await ExportSource.open(from)), keys);
  mutation(log);
  await writeRawExport(new MemoryAuditSource(log.audit), to);
}
