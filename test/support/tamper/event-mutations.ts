/**
 * Mutations of single events and chains: changed, re-linked, re-signed, removed, moved, doubled, invented.
 * Each needs no more than its means say; what is not theirs to make anew stays as it was.
 */
import type { PhiAuditEvent } from '../../../schemas/control-codecs.ts';
import { by } from './mutation.ts';
import type { Mutation } from './mutation.ts';
import { eventBytes, leafOf, newKey, publicBytes, sessionKeySignature } from './plain-hashes.ts';
import { relinkAfter } from './remaking.ts';
import {
  isBatch,
  sealedBatch,
  sealedLinks,
  sealedNeighbours,
  succeededChain,
  unsealedBatches,
} from './targets.ts';
import { located, required, schemaIdOf } from './tamper-log.ts';
import type { LocatedEvent, TamperLog } from './tamper-log.ts';

/** The same event in another person's name. */
export function withOtherActor(event: PhiAuditEvent): PhiAuditEvent {
  return { ...event, actor: { ...event.actor, id: 'mallory@example.org' } };
}

/** Flips a bit of the byte `back` bytes before the end of a signed event: 70 is in its sequence fields. */
export function bitFlipAt(back: number, bit = 0): Mutation {
  return by('storage', (log) => {
    const { place, record } = sealedBatch(log, true);
    const value = Buffer.from(record.value!);
    const at = value.length - 1 - (back % value.length);
    value.writeUInt8(value.readUInt8(at) ^ (1 << bit), at);
    log.put(place, record, value);
  });
}

/** Case 1: a bit of the middle of the signature's message. */
export const changeBit: Mutation = by('storage', (log) => {
  const { place, record, event } = sealedBatch(log, true);
  const value = Buffer.from(record.value!);
  const at = value.indexOf(event.event_id);
  value.writeUInt8(value.readUInt8(at) ^ 1, at);
  log.put(place, record, value);
});

/** Case 2. */
export const changeActor: Mutation = by('storage', (log) => {
  const at = sealedBatch(log, true);
  log.putEvent(at, withOtherActor(at.event));
});

/** Case 2, of an event without a signature of its own. */
export const changeActorUnsigned: Mutation = by('storage', (log) => {
  const at = sealedBatch(log, false);
  log.putEvent(at, withOtherActor(at.event));
});

/** Case 3. */
export const changeAndRelink: Mutation = by('storage', (log) => {
  const at = sealedBatch(log, true);
  log.putEvent(at, withOtherActor(at.event));
  relinkAfter(log, at.chain, at.event.seq);
});

/** Case 4. */
export const changeAndResign: Mutation = by('session key', (log) => {
  const at = sealedBatch(log, true);
  const key = required(log.keys.sessions.get(at.chain), 'session key of this chain');
  log.putEvent(at, withOtherActor(at.event), key);
  relinkAfter(log, at.chain, at.event.seq, key);
});

/** Case 6. */
export const deleteEvent: Mutation = by('storage', (log) => {
  const { place, record } = sealedBatch(log);
  log.remove(place, record);
});

/** Case 7. */
export const deleteChain: Mutation = by('storage', (log) => {
  for (const { place, record } of log.eventsOf(succeededChain(log))) log.remove(place, record);
});

/** Case 8: the writer goes on behind what is removed. */
export const deleteUnsealedWriterAlive: Mutation = by('storage', (log) => {
  const batches = unsealedBatches(log);
  required(batches[1], 'second batch of this session after the last seal');
  log.remove(batches[0]!.place, batches[0]!.record);
});

/** Case 9: nothing of the session is left behind what is removed. */
export const deleteUnsealedWriterDead: Mutation = by('storage', (log) => {
  const { chain, event } = required(unsealedBatches(log).at(-1), 'batch after the last seal');
  for (const each of log.eventsOf(chain).filter((one) => one.event.seq >= event.seq))
    log.remove(each.place, each.record);
});

/** Case 13. */
export const swapInChain: Mutation = by('storage', (log) => log.swap(...sealedLinks(log)));

/** Case 14. */
export const swapAcrossChains: Mutation = by('storage', (log) => log.swap(...sealedNeighbours(log, false)));

/** Case 15: once more at the end of its partition. */
export const duplicateEvent: Mutation = by('storage', (log) => {
  const live = required(unsealedBatches(log)[0], 'batch after the last seal').chain;
  const { place, record } = required(log.eventsOf(live).find(isBatch), 'batch of this session');
  log.append(place, record.value!, place.records.at(-1)!.appendTimeMs);
});

/** Case 16: a chain in an enrolled writer's name, with a key that nobody enrolled. */
export const unenrolledWriter: Mutation = by('produce', (log) => {
  const template = required(
    log.events.find(({ event }) => event.type === 'session.opened'),
    'opening',
  );
  const writer = newKey();
  const session = newKey();
  const chainId = Buffer.alloc(16, 0xee);
  const said = new Map(template.event.ext.map(({ k, v }) => [k, v]));
  said.set('session_key', publicBytes(session).toString('base64'));
  said.set('session_key_sig', sessionKeySignature(writer, chainId, 1, session));
  for (const k of ['prev_chain', 'prev_seq', 'prev_head']) said.delete(k);
  const { place, record, event } = template;
  const opened = { ...event, chain_id: chainId, ext: [...said].map(([k, v]) => ({ k, v })) };
  const atMs = log.audit.asOfMs;
  const first = { ...opened, seq: 0, prev_hash: Buffer.alloc(32), recorded_at: atMs * 1000 };
  log.append(place, eventBytes(first, schemaIdOf(record), session), atMs);
});

/** Case 17: to the place of a marker, where another partition has room. */
export const moveToOtherPartition: Mutation = by('storage', (log) => {
  const at = sealedBatch(log);
  const other = required(
    log.eventPlaces.find((place) => place !== at.place),
    'second partition',
  );
  const before = required(
    other.records.findLast(
      ({ offset }, index) =>
        offset + 1 < log.sealedUntil(other) && other.records[index + 1]?.offset !== offset + 1,
    ),
    'free offset in another partition',
  );
  log.remove(at.place, at.record);
  other.records = [...other.records, { ...at.record, offset: before.offset + 1 }].toSorted(
    (a, b) => a.offset - b.offset,
  );
});

/** Case 32: the thief writes the next number first; the honest writer, who knows nothing of it, goes on. */
export const stolenKeyFalseEvent: Mutation = by('session key', (log) => {
  const [first] = unsealedBatches(log);
  const at = required(first, 'batch after the last seal');
  const key = required(log.keys.sessions.get(at.chain), 'session key of this chain');
  log.insertBefore(at, falseEvent(at, key, { seq: at.event.seq, prev_hash: at.event.prev_hash }));
});

/** Limit L1: whoever controls a live writer adds what it likes, from then on. */
export const liveWriterFalseEvent: Mutation = by('process', (log) => {
  const { chain } = required(unsealedBatches(log)[0], 'batch after the last seal');
  const key = required(log.keys.sessions.get(chain), 'session key of this chain');
  const last = required(log.eventsOf(chain).at(-1), 'event of this session');
  const next = { seq: last.event.seq + 1, prev_hash: leafOf(last.record.value!) };
  log.append(last.place, falseEvent(last, key, next), log.audit.asOfMs);
});

/** Somebody else's hand: an event that says a thing that did not happen, and no range. */
function falseEvent(
  at: LocatedEvent,
  key: Parameters<typeof eventBytes>[2],
  next: Pick<PhiAuditEvent, 'seq' | 'prev_hash'>,
): Buffer {
  const event = { ...withOtherActor(at.event), ...next, range: null, subjects: null, type: 'access.denied' };
  return eventBytes(event, schemaIdOf(at.record), key ?? null);
}

/** Case 27: tokens in the index, changed where they are kept. */
export const alterTokenList: Mutation = by('storage', (log) => {
  const { place, record } = indexRecord(log);
  const value = Buffer.from(record.value!);
  value.writeUInt8(value.readUInt8(value.length - 1) ^ 0xff, value.length - 1);
  log.put(place, record, value);
});

/** Case 27, of tokens that stand in the event itself. */
export const alterInlineTokens: Mutation = by('storage', (log) => {
  const at = required(
    log.events.find((each) => each.event.subjects?.tokens && each.event.sig && log.isSealed(each)),
    'signed event with tokens in it',
  );
  const subjects = { ...at.event.subjects!, tokens: Buffer.alloc(8, 9) };
  log.putEvent(at, { ...at.event, subjects });
});

function indexRecord(log: TamperLog): Pick<LocatedEvent, 'place' | 'record'> {
  const place = log.audit.partitions.find(({ kind, records }) => kind === 'subjects' && records.length > 1);
  const record = required(place, 'index of persons').records[1]!;
  return { place: place!, record };
}

/** The events of a partition, decoded: for callers that add cases. */
export function eventsOfPlace(log: TamperLog, at: number): readonly LocatedEvent[] {
  const place = required(log.eventPlaces[at], 'partition');
  return place.records.map((record) => located(place, record));
}
