/**
 * Mutations of whole logs: ends and beginnings cut off, seals and notes changed, removed or made anew, topics made
 * again, faults of the broker, and a sealer that stands still.
 */
import { checkpointCodec, readSealRecord, sealCodec } from '../../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../../schemas/seal-codecs.ts';
import type { MemoryPartition } from '../memory-audit-source.ts';
import { withOtherActor } from './event-mutations.ts';
import { by } from './mutation.ts';
import type { Mutation } from './mutation.ts';
import { checkpointNote, leafOf, newKey, treeRoot } from './plain-hashes.ts';
import { remakeChains, reseal } from './remaking.ts';
import { middleSeal, sealedBatch } from './targets.ts';
import { required, schemaIdOf } from './tamper-log.ts';
import type { LocatedSeal, TamperLog } from './tamper-log.ts';

/** Case 5: history, chains, successors' pointers, seals and notes; the witness remembers what it saw. */
export const remakeHistory: Mutation = by('all keys of the owner', (log) => {
  const at = sealedBatch(log);
  log.putEvent(at, withOtherActor(at.event));
  remakeChains(log);
  reseal(log, { isCosigned: false });
});

/** Case 10: as by a cut file; the log simply ends earlier. */
export const deleteSealedTail: Mutation = by('storage', (log) => {
  const place = busiest(log);
  const sealed = place.records.filter(({ offset }) => offset < log.sealedUntil(place));
  cutFrom(place, required(sealed.at(-3), 'sealed event').offset);
});

/** Case 10, by an admin: the topic deleted and made again, with its later events in it. */
export const recreateTopic: Mutation = by('admin', (log) => {
  for (const place of log.eventPlaces) {
    const rest = place.records.filter(({ offset }) => offset >= log.sealedUntil(place));
    place.topicId = 'f'.repeat(32);
    place.records = rest.map((record, offset) => ({ ...record, offset }));
    place.endOffset = rest.length;
  }
});

/** Case 11: to the state of two seals ago, committed positions too; for the newest only the witness knows. */
export const rollBackTogether: Mutation = by('storage', (log) => {
  const kept = required(log.seals.at(-3), 'seal before the last two').seal;
  for (const place of log.audit.partitions.filter(({ kind }) => kind !== 'seals'))
    cutFrom(place, log.sealedUntil(place, kept));
  dropSealsAfter(log, kept.n);
  log.audit.committed = kept.coverage.map(({ group, topic, partition, covered_offset: offset }) => ({
    group,
    topic,
    partition,
    offset,
  }));
});

/** Case 12: the last seal told otherwise to this reader, with a note over as many seals as the witness cosigned. */
export const splitView: Mutation = by('sealer key', (log) => {
  const last = required(log.seals.at(-1), 'seal');
  log.put(
    log.sealPlace,
    last.record,
    sealBytes(last, { ...last.seal, interval_ms: last.seal.interval_ms + 1 }),
  );
  const record = required(log.notes.at(-1), 'note').record;
  const leaves = log.seals.map((each) => leafOf(each.record.value!));
  const head = { origin: last.seal.origin, size: leaves.length, root: treeRoot(leaves) };
  const note = checkpointNote(head, required(log.keys.sealer, 'key of its sealer'), null, 0);
  log.put(log.sealPlace, record, checkpointCodec.encode({ note }, schemaIdOf(record)));
});

/** Case 18: deleteRecords, or retention, in the middle of what is sealed. */
export const undeclaredTruncation: Mutation = by('admin', (log) => {
  const place = busiest(log);
  const middle = place.records[Math.floor(place.records.length / 3)]!;
  place.records = place.records.filter(({ offset }) => offset >= middle.offset);
  place.logStartOffset = middle.offset;
});

/** Case 18, with the beginning of the log said to be where it was. */
export const hiddenTruncation: Mutation = by('storage', (log) => {
  const place = busiest(log);
  undeclaredTruncation(log);
  place.logStartOffset = 0;
});

/** Case 19: of what is sealed only the last record of each key is left, and the key is the chain. */
export const compaction: Mutation = by('admin', (log) => {
  const { events } = log;
  for (const place of log.eventPlaces) {
    const here = events.filter((each) => each.place === place);
    const last = new Map(
      here.filter((each) => log.isSealed(each)).map((each) => [each.chain, each.record.offset]),
    );
    place.records = here
      .filter((each) => !log.isSealed(each) || last.get(each.chain) === each.record.offset)
      .map(({ record }) => record);
  }
});

/** Case 19, where the sealer puts on record that a setting changed. */
export const compactionSeen: Mutation = by('admin', (log) => {
  const last = required(log.seals.at(-1), 'seal');
  log.put(
    log.sealPlace,
    last.record,
    sealBytes(last, { ...last.seal, topic_config_sha256: Buffer.alloc(32, 1) }),
  );
  reseal(log, { isCosigned: true });
  compaction(log);
});

/** Case 20: a replica that lags becomes leader; the end of a partition is gone, offsets are given anew. */
export const uncleanElection: Mutation = by('broker', (log) => {
  const place = busiest(log);
  const sealed = place.records.filter(({ offset }) => offset < log.sealedUntil(place));
  cutFrom(place, required(sealed.at(-2), 'sealed event').offset);
});

/** Case 28. */
export const deleteSeal: Mutation = by('storage', (log) => log.remove(log.sealPlace, middleSeal(log).record));

/** Case 29. */
export const lowerCommittedInSeal: Mutation = by('storage', (log) => {
  const { record, seal } = middleSeal(log);
  const [first, ...rest] = seal.coverage;
  const lowered = { ...required(first, 'position in this seal'), committed_offset: 0 };
  log.put(log.sealPlace, record, sealBytes({ record, seal }, { ...seal, coverage: [lowered, ...rest] }));
});

/** Case 30: of the right log, and over what is there. */
export const noteByWrongKey: Mutation = by('storage', (log) => {
  const { record } = required(log.notes.at(-1), 'note');
  const { seals } = log;
  const { origin } = seals.at(-1)!.seal;
  const leaves = seals.map((each) => leafOf(each.record.value!));
  const head = { origin, size: leaves.length, root: treeRoot(leaves) };
  const note = checkpointNote(head, { name: origin, privateKey: newKey() }, null, 0);
  log.put(log.sealPlace, record, checkpointCodec.encode({ note }, schemaIdOf(record)));
});

/** Case 31: the last seals were never made, nor seen by the witness; writers go on. */
export const sealerStopped: Mutation = by('operator', (log) => {
  dropSealsAfter(log, middleSeal(log).seal.n);
  log.audit.witnessNotes &&= [required(log.notes.at(-1), 'note').note];
  log.audit.asOfMs += 60_000;
});

/** A group's position set back, or forward, by whoever may commit for it. */
export function moveCommitted(by_: number): Mutation {
  return by('admin', (log) => {
    const [first, ...rest] = required(log.audit.committed, 'committed position');
    const moved = required(first, 'committed position');
    log.audit.committed = [...rest, { ...moved, offset: moved.offset + by_ }];
  });
}

function busiest(log: TamperLog): MemoryPartition {
  return log.eventPlaces.toSorted((a, b) => b.records.length - a.records.length)[0]!;
}

function cutFrom(place: MemoryPartition, offset: number): void {
  place.records = place.records.filter((record) => record.offset < offset);
  place.endOffset = offset;
}

function dropSealsAfter(log: TamperLog, n: number): void {
  const place = log.sealPlace;
  const next = place.records.find(({ key, value }) => {
    const read = readSealRecord(key, value);
    return read.kind === 'seal' && read.seal.n > n;
  });
  if (next) cutFrom(place, next.offset);
}

function sealBytes({ record }: LocatedSeal, seal: PhiAuditSeal): Buffer {
  return sealCodec.encode(seal, schemaIdOf(record));
}
