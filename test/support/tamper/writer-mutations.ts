/**
 * Mutations that were there from the beginning: a writer that lies, or a transaction that Kafka tore apart. Chains,
 * seals and cosignatures are made anew over them, as honest parts of the system would have made them at the time.
 */
import { createHash } from 'node:crypto';
import { subjectIndexCodec } from '../../../schemas/access-codecs.ts';
import type { AuditRange } from '../../../schemas/control-codecs.ts';
import { by } from './mutation.ts';
import type { Mutation } from './mutation.ts';
import { eventBytes } from './plain-hashes.ts';
import { asIfWrittenSo, lie, reseal } from './remaking.ts';
import { sealedBatch, unsealedBatches } from './targets.ts';
import { required, schemaIdOf } from './tamper-log.ts';
import type { LocatedEvent, TamperLog } from './tamper-log.ts';

/** Case 21: the markers of one transaction: the group's position moved, the event was lost, and the writer goes on. */
export const tornAuditLost: Mutation = by('broker', (log) => {
  const { place, record } = sealedBatch(log);
  log.remove(place, record);
  reseal(log, { isCosigned: true });
});

/** Case 22: the event is there, the group's position was lost: the range is read again. */
export const tornOffsetsLost: Mutation = by('broker', (log) => {
  const [at] = unsealedBatches(log);
  const again = required(at, 'batch after the last seal');
  log.insertBefore(again, eventBytes(again.event, schemaIdOf(again.record)));
  asIfWrittenSo(log);
});

/** Case 23. */
export const skippedBatch: Mutation = by('writer', (log) => {
  const { place, record } = sealedBatch(log);
  log.remove(place, record);
  asIfWrittenSo(log);
});

/** Case 24: the first record of a batch is not told of. */
export const narrowerRange: Mutation = by('writer', (log) => {
  const at = sealedBatch(log);
  const { first_offset: first } = at.event.range!;
  lie(log, at, { ...at.event, range: { ...fewer(at.event.range!), first_offset: first + 1 } });
});

/** Case 25: the range is right, its count is one short. */
export const underCount: Mutation = by('writer', (log) => {
  const at = sealedBatch(log);
  lie(log, at, { ...at.event, range: fewer(at.event.range!) });
});

function fewer(range: AuditRange): AuditRange {
  const { record_count: records, delivered_count: delivered } = range;
  return { ...range, record_count: records - 1, delivered_count: Math.min(delivered, records - 1) };
}

/** Case 26: another person's token in the place of one; event and index agree. */
export const onePatientLeftOut: Mutation = by('writer', (log) => {
  for (const place of log.audit.partitions.filter(({ kind }) => kind === 'subjects')) {
    for (const record of place.records) {
      const index = subjectIndexCodec.decode(record.value!);
      if (index.record_count < 2) continue;
      const sha256 = createHash('sha256').update(record.value!).digest();
      const at = log.events.find(({ event }) => event.subjects?.index_sha256?.equals(sha256));
      if (!at) continue;
      const tokens = Buffer.from(index.tokens);
      tokens.copy(tokens, 0, tokens.length - 8);
      const value = subjectIndexCodec.encode({ ...index, tokens }, schemaIdOf(record));
      log.put(place, record, value);
      const subjects = { ...at.event.subjects!, index_sha256: createHash('sha256').update(value).digest() };
      return lie(log, at, { ...at.event, subjects });
    }
  }
  throw new Error('this log has no index of persons');
});

/** A writer whose clock was set back by an hour for one event. */
export const clockSetBack: Mutation = by('operator', (log) => {
  const at = sealedBatch(log);
  lie(log, at, { ...at.event, recorded_at: at.event.recorded_at - 3_600_000_000 });
});

/** Case 36: delivered first, and never leased. */
export const leaseSkipped: Mutation = by('writer', (log) => {
  const { place, record } = ofGrant(log, 'LEASE');
  log.remove(place, record);
  asIfWrittenSo(log);
});

/** Case 37: a grant task goes on behind records that no event of it tells of. */
export const grantBatchSkipped: Mutation = by('writer', (log) => {
  const { place, record } = ofGrant(log, 'COMMITTED');
  log.remove(place, record);
  asIfWrittenSo(log);
});

/** Case 38: the schema in the registry was exchanged before a session began. */
export const otherSchema: Mutation = by('writer', (log) => {
  const opened = log.events.find(({ event }) => event.ext.some(({ k }) => k === 'schema_fp'));
  const at = required(opened, 'opening that names its schema');
  const ext = at.event.ext.map(({ k, v }) => ({ k, v: k === 'schema_fp' ? 'f'.repeat(64) : v }));
  lie(log, at, { ...at.event, ext });
});

/** The first lease, or delivery, of a grant that is sealed and goes on. */
function ofGrant(log: TamperLog, phase: 'LEASE' | 'COMMITTED'): LocatedEvent {
  const batches = log.events.filter(
    ({ event }) => event.grant !== null && event.phase === phase && (event.range?.delivered_count ?? 0) > 0,
  );
  required(batches[1], 'second batch of a grant');
  return required(batches[0], 'batch of a grant');
}
