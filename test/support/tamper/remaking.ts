/**
 * Makes the chains, seals and checkpoints of a changed log anew, as far as keys go: by somebody who holds them later,
 * or as they would have been made had the log been so from the beginning. Own code throughout (plain-hashes.ts).
 */
import type { KeyObject } from 'node:crypto';
import type { PhiAuditEvent } from '../../../schemas/control-codecs.ts';
import { checkpointCodec, readSealRecord, sealCodec } from '../../../schemas/seal-codecs.ts';
import type { PhiAuditSeal, SealedChain, SealedPartition } from '../../../schemas/seal-codecs.ts';
import {
  checkpointNote,
  eventBytes,
  leafOf,
  newKey,
  publicBytes,
  sessionKeySignature,
  subtreeRoots,
  treeRoot,
} from './plain-hashes.ts';
import { extOf, required, schemaIdOf } from './tamper-log.ts';
import type { LocatedEvent, TamperLog } from './tamper-log.ts';

/** Links the events of a chain after number `seq` anew; with `key` those that were signed are signed again. */
export function relinkAfter(log: TamperLog, chain: string, seq: number, key: KeyObject | null = null): void {
  let head: Buffer | null = null;
  for (const each of log.eventsOf(chain)) {
    let value = each.record.value!;
    if (each.event.seq > seq && head)
      value = log.putEvent(each, { ...each.event, prev_hash: head }, each.event.sig ? key : null);
    head = leafOf(value);
  }
}

interface RemadeChain {
  seq: number;
  head: Buffer;
  epoch: number;
  key: KeyObject;
}

/** Makes all chains anew: numbers, links, session keys, signatures, and the pointers of successors. */
export function remakeChains(log: TamperLog): void {
  const chains = new Map<string, RemadeChain>();
  for (const each of log.events) {
    const chain = chains.get(each.chain) ?? { seq: -1, head: Buffer.alloc(32), epoch: 1, key: newKey() };
    chains.set(each.chain, chain);
    chain.seq += 1;
    const next = each.event.type === 'key.rotated' ? newKey() : null;
    const before = chains.get(extOf(each.event, 'prev_chain') ?? '');
    const event = {
      ...each.event,
      seq: chain.seq,
      prev_hash: chain.head,
      key_epoch: chain.epoch,
      ext: remadeExt(log, each.event, chain, next, before),
    };
    const isSigned = each.event.sig !== null || chain.seq === 0;
    const value = eventBytes(event, schemaIdOf(each.record), isSigned ? chain.key : null);
    log.put(each.place, each.record, value);
    chain.head = leafOf(value);
    if (next) {
      chain.key = next;
      chain.epoch += 1;
    }
  }
}

function remadeExt(
  log: TamperLog,
  event: PhiAuditEvent,
  chain: RemadeChain,
  next: KeyObject | null,
  before: RemadeChain | undefined,
): PhiAuditEvent['ext'] {
  const changed = new Map(event.ext.map(({ k, v }) => [k, v]));
  // A grant task opens each of its partitions, in one chain: the first event alone has keys.
  const opener = event.type === 'session.opened' ? extOf(event, 'writer_key') : null;
  if (opener !== null) {
    const writer = required(log.keys.writers.get(opener), 'key of this writer');
    changed.set('session_key', publicBytes(chain.key).toString('base64'));
    changed.set('session_key_sig', sessionKeySignature(writer, event.chain_id, 1, chain.key));
  }
  if (next) {
    const signature = sessionKeySignature(chain.key, event.chain_id, chain.epoch + 1, next);
    changed.set('session_key', publicBytes(next).toString('base64'));
    changed.set('session_key_sig', signature);
  }
  if (before) {
    changed.set('prev_seq', String(before.seq));
    changed.set('prev_head', before.head.toString('hex'));
  }
  return [...changed].map(([k, v]) => ({ k, v }));
}

/**
 * Makes all seals and checkpoints anew over what is in the log, with the sealer's key. `isCosigned`: the witness saw
 * nothing else, so this is what its note says too; otherwise it remembers what it saw before.
 */
export function reseal(log: TamperLog, { isCosigned }: { isCosigned: boolean }): void {
  const sealer = required(log.keys.sealer, 'key of its sealer');
  const witness = isCosigned ? log.keys.witness : null;
  const leaves: Buffer[] = [];
  let origin = '';
  let atSeconds = 0;
  for (const record of log.sealPlace.records) {
    const read = readSealRecord(record.key, record.value);
    if (read.kind === 'seal') {
      const value = sealCodec.encode(resealed(log, read.seal, leaves), schemaIdOf(record));
      leaves.push(leafOf(value));
      ({ origin } = read.seal);
      atSeconds = Math.floor(read.seal.sealed_at / 1_000_000);
      log.put(log.sealPlace, record, value);
      continue;
    }
    const head = { origin, size: leaves.length, root: treeRoot(leaves) };
    const note = checkpointNote(head, sealer, witness, atSeconds);
    if (witness) log.audit.witnessNotes = [note];
    log.put(log.sealPlace, record, checkpointCodec.encode({ note }, schemaIdOf(record)));
  }
}

function resealed(log: TamperLog, seal: PhiAuditSeal, before: readonly Buffer[]): PhiAuditSeal {
  return {
    ...seal,
    partitions: seal.partitions.map((each) => resealedPartition(log, each)),
    chains: seal.chains.map((each) => resealedChain(log, seal, each)),
    prev_seal_hash: before.at(-1) ?? Buffer.alloc(32),
    seals_frontier: seal.seals_frontier && subtreeRoots(before),
  };
}

function resealedPartition(log: TamperLog, sealed: SealedPartition): SealedPartition {
  const place = log.audit.partitions.find(
    ({ topic, partition }) => topic === sealed.topic && partition === sealed.partition,
  );
  const leaves = (place?.records ?? [])
    .filter(({ offset }) => offset < sealed.next_offset)
    .map(({ value }) => leafOf(value!));
  const frontier = sealed.frontier && subtreeRoots(leaves);
  return { ...sealed, tree_size: leaves.length, root: treeRoot(leaves), frontier };
}

function resealedChain(log: TamperLog, seal: PhiAuditSeal, sealed: SealedChain): SealedChain {
  const chain = sealed.chain_id.toString('hex');
  const last = log
    .eventsOf(chain)
    .findLast(({ place, record }) => record.offset < log.sealedUntil(place, seal));
  if (!last) return sealed;
  const keys = log.eventsOf(chain).filter(({ event }) => extOf(event, 'session_key') !== null);
  const key = keys.findLast(({ event }) => event.seq <= last.event.seq)?.event;
  return {
    ...sealed,
    seq: last.event.seq,
    head: leafOf(last.record.value!),
    session_key: key ? Buffer.from(extOf(key, 'session_key')!, 'base64') : sealed.session_key,
  };
}

/** Everything anew, as the writers, the sealer and the witness would have made it had it been so at the time. */
export function asIfWrittenSo(log: TamperLog): void {
  remakeChains(log);
  reseal(log, { isCosigned: true });
}

/** An event changed by its writer before it was written. */
export function lie(log: TamperLog, at: LocatedEvent, event: PhiAuditEvent): void {
  log.putEvent(at, event);
  asIfWrittenSo(log);
}
