/**
 * The chains of all sessions: an opening by an enrolled writer, numbers without a gap, each event naming the one
 * before, signatures that reach the end, successors that name the true end of the session before them.
 * Memory: one small entry per open chain, and per writer whose last session has no successor yet.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { SealedChain } from '../../schemas/seal-codecs.ts';
import type { Findings } from './finding.ts';
import type { FindingPlace } from './finding.ts';
import { chainFrom, chainFromSeal, chainJson, isUnsignedAtEnd, newChain } from './chain-state.ts';
import type { ChainJson, ChainState } from './chain-state.ts';
import { silentChains, SILENT_PROCESS_MS } from './silence.ts';
import { eventSignatureHolds, extOf, isKnownSchema, openingKey, rotatedKey } from './signature-check.ts';
import type { Trust } from './trust.ts';

/** An event with its place and bytes. */
export interface PlacedEvent {
  readonly event: PhiAuditEvent;
  readonly value: Buffer;
  readonly leaf: Buffer;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly appendTimeMs: number;
}

/** A successor's word about where the chain before it ended. */
interface Pointer {
  readonly chain: string;
  readonly seq: number;
  readonly head: string;
  readonly by: FindingPlace;
}

export interface ChainsJson {
  readonly chains: readonly ChainJson[];
  readonly pointers: readonly Pointer[];
}

/**
 * Writers sign once a second while they write, and the last of what they commit together. So an event may be unsigned
 * so long after the last signature only if one follows in its own transaction; a writer that dies leaves no more behind.
 */
const UNSIGNED_MAX_MS = 5_000;
/** No transaction stays open for longer; what is appended later was not committed together. */
const TRANSACTION_MS = 10_000;
const SUCCEEDED_MAX = 2_000;
const NO_HASH = '0'.repeat(64);

export class ChainCheck {
  hasPrunedBegin = false;
  private readonly findings: Findings;
  private readonly trust: Trust | null;
  private readonly chains = new Map<string, ChainState>();
  private pointers: Pointer[] = [];
  /** Chains known from seals only, as of the last seal before what is here begins. */
  private readonly adopted = new Set<string>();
  /** Chains that need no successor any more; the latest are remembered, so that a late event of them is seen. */
  private readonly succeeded: string[] = [];

  constructor(findings: Findings, trust: Trust | null, json?: ChainsJson) {
    this.findings = findings;
    this.trust = trust;
    for (const each of json?.chains ?? []) this.chains.set(each.id, chainFrom(each));
    this.pointers = [...(json?.pointers ?? [])];
  }

  accept(placed: PlacedEvent): void {
    const id = placed.event.chain_id.toString('hex');
    this.adopted.delete(id);
    let chain = this.chains.get(id);
    if (!chain) {
      chain = newChain(id, placed);
      this.chains.set(id, chain);
      this.begin(chain, placed);
    } else this.follow(chain, placed);
    this.sign(chain, placed);
    this.advance(chain, placed);
  }

  /** Chains that were running where a pruned log begins, as a seal tells of them. */
  adopt(sealed: readonly SealedChain[], appendTimeMs: number): void {
    for (const each of sealed) {
      const id = each.chain_id.toString('hex');
      if (this.chains.has(id) && !this.adopted.has(id)) continue;
      this.chains.delete(id);
      this.adopted.delete(id);
      if (each.state === 'CLOSED') continue;
      this.adopted.add(id);
      this.chains.set(id, chainFromSeal(each, appendTimeMs));
    }
  }

  private begin(chain: ChainState, placed: PlacedEvent): void {
    const { event } = placed;
    const place = placeOf(placed);
    // Seals forget a chain that was lost for a day; it may have come back.
    if (event.seq !== 0 && this.hasPrunedBegin)
      return this.findings.once('PRUNED_BEFORE', place, 'the chain began before what is here');
    if (event.seq !== 0) this.findings.add('SEQ_GAP', place, `the chain begins with number ${event.seq}`);
    else if (event.prev_hash.toString('hex') !== NO_HASH)
      this.findings.add('PREV_HASH', place, 'the first event names one before it');
    if (event.type !== 'session.opened')
      this.findings.add('NO_OPENING', place, `it begins with ${event.type}`);
    const opening = openingKey(event, placed.appendTimeMs, this.trust);
    if (opening.verdict === 'unsigned') {
      if (event.seq === 0) this.unsigned(chain, placed);
    } else {
      chain.session = opening.session;
      chain.isAdmin = opening.verdict === 'enrolled' && opening.isAdmin;
      chain.epoch = 1;
      if (!isKnownSchema(event))
        this.findings.add('SCHEMA_OTHER', place, `schema ${extOf(event, 'schema_fp') ?? 'not named'}`);
      if (opening.verdict === 'unknown-writer')
        this.findings.add(
          'UNKNOWN_WRITER',
          place,
          `opened in the name of ${extOf(event, 'writer_key') ?? '?'}`,
        );
    }
    const before = extOf(event, 'prev_chain');
    if (before !== null && event.seq === 0) {
      const seq = Number(extOf(event, 'prev_seq') ?? Number.NaN);
      this.point({ chain: before, seq, head: extOf(event, 'prev_head') ?? '', by: place });
    }
  }

  /** A chain without keys: from before writers signed, or one that nobody signed. */
  private unsigned(chain: ChainState, placed: PlacedEvent): void {
    const from = this.trust && Math.min(...this.trust.writers.map(({ notBeforeMs }) => notBeforeMs));
    if (from !== null && placed.appendTimeMs >= from) {
      this.findings.add('UNKNOWN_WRITER', placeOf(placed), 'the opening has no key of its session');
      chain.isFaulty = true;
    } else this.findings.once('NOT_SIGNED', placeOf(placed), 'this chain is the first of them');
  }

  private follow(chain: ChainState, placed: PlacedEvent): void {
    const { event } = placed;
    const place = placeOf(placed);
    if (placed.partition !== chain.partition)
      this.findings.add('CHAIN_IN_TWO_PARTITIONS', place, `the chain is in partition ${chain.partition}`);
    if (event.writer_id !== chain.writerId)
      this.findings.add('UNKNOWN_WRITER', place, `the chain is of ${chain.writerId}`);
    if (chain.end !== 'open')
      this.findings.add('CHAIN_AFTER_END', place, `it was ${chain.end} at ${chain.seq}`);
    if (event.seq > chain.seq + 1)
      this.findings.add('SEQ_GAP', place, `number ${event.seq} follows ${chain.seq}`);
    else if (event.seq <= chain.seq)
      this.findings.add('SEQ_DUPLICATE', place, `number ${event.seq} stands after ${chain.seq}`);
    if (!event.prev_hash.equals(chain.head))
      this.findings.add('PREV_HASH', place, `it does not name the event that stands before it`);
  }

  private sign(chain: ChainState, placed: PlacedEvent): void {
    const { event } = placed;
    if (!chain.session) {
      // Of a chain whose opening is missing nobody knows the key; the missing opening is a finding already.
      return;
    }
    if (event.key_epoch !== chain.epoch)
      this.findings.add('KEY_EPOCH', placeOf(placed), `epoch ${event.key_epoch} where ${chain.epoch} signs`);
    if (event.sig === null) {
      if (event.seq === 0 || event.type === 'key.rotated') this.bad(chain, placed, 'there is none');
      else this.late(chain, placed);
      return;
    }
    if (!eventSignatureHolds(placed.value, event.sig, chain.session.key))
      this.bad(chain, placed, 'it is wrong');
    else {
      chain.signedSeq = event.seq;
      chain.signedAtMs = event.recorded_at / 1000;
      chain.signedAppendMs = placed.appendTimeMs;
      chain.overdueSinceMs = null;
    }
    if (event.type === 'key.rotated') this.rotate(chain, placed);
  }

  private rotate(chain: ChainState, placed: PlacedEvent): void {
    const next = rotatedKey(placed.event, chain.epoch + 1, chain.session!.key);
    if (!next) return this.bad(chain, placed, 'the next key is not signed by the one before');
    chain.session = next;
    chain.epoch += 1;
  }

  private bad(chain: ChainState, placed: PlacedEvent, detail: string): void {
    chain.isFaulty = true;
    this.findings.add('BAD_SIGNATURE', placeOf(placed), detail);
  }

  /** By both clocks: one that was set says nothing. */
  private late(chain: ChainState, placed: PlacedEvent): void {
    const { appendTimeMs } = placed;
    const byWriterMs = placed.event.recorded_at / 1000 - chain.signedAtMs;
    if (Math.min(byWriterMs, appendTimeMs - chain.signedAppendMs) <= UNSIGNED_MAX_MS) return;
    chain.overdueSinceMs ??= appendTimeMs;
    if (chain.isStripped || appendTimeMs - chain.overdueSinceMs <= TRANSACTION_MS) return;
    chain.isStripped = true;
    this.findings.add('UNSIGNED_TAIL', placeOf(placed), `no signature after number ${chain.signedSeq}`);
  }

  private advance(chain: ChainState, placed: PlacedEvent): void {
    const { event, leaf, appendTimeMs } = placed;
    chain.head = leaf;
    if (event.seq > chain.seq) chain.seq = event.seq;
    chain.lastAtMs = Math.max(chain.lastAtMs, appendTimeMs);
    if (event.type === 'heartbeat' && event.group === null) chain.beats = true;
    if (event.type === 'session.killed' || event.type === 'grant.stopped') chain.isQuiet = true;
    if (event.type === 'session.closed' && !isOneOfMany(event)) this.close(chain, placed);
    if (this.pointers.length > 0) this.pointers = this.pointers.filter((pointer) => !this.settle(pointer));
  }

  private close(chain: ChainState, placed: PlacedEvent): void {
    chain.end = 'closed';
    if (chain.session && chain.signedSeq !== chain.seq && !chain.isStripped)
      this.findings.add('UNSIGNED_TAIL', placeOf(placed), 'the closing event has no valid signature');
  }

  private point(pointer: Pointer): void {
    if (!this.settle(pointer)) this.pointers.push(pointer);
  }

  /** Does the chain before end where its successor says? False while it has not got there. */
  private settle({ chain: id, seq, head, by }: Pointer): boolean {
    const chain = this.chains.get(id);
    if (!chain || chain.seq < seq) return false;
    if (chain.seq !== seq || chain.head.toString('hex') !== head)
      this.findings.add(
        'PREV_CHAIN_TRUNCATED',
        by,
        `the chain ${id} ends at ${chain.seq}, not as named at ${seq}`,
      );
    if (isUnsignedAtEnd(chain)) this.unsignedTail(chain);
    chain.end = 'succeeded';
    this.succeeded.push(id);
    if (this.succeeded.length > SUCCEEDED_MAX) this.chains.delete(this.succeeded.shift()!);
    return true;
  }

  private unsignedTail(chain: ChainState): void {
    const { id, partition, seq, signedSeq } = chain;
    this.findings.add(
      'UNSIGNED_TAIL',
      { chain: id, partition, seq },
      `the last valid one is at ${signedSeq}`,
    );
  }

  /** What can be said only when everything has been read. */
  finish(asOfMs: number, hasPrunedBegin: boolean = this.hasPrunedBegin): void {
    for (const { chain, seq, by } of this.pointers) {
      const found = this.chains.get(chain);
      if (found)
        this.findings.add(
          'PREV_CHAIN_TRUNCATED',
          by,
          `the chain ${chain} ends at ${found.seq}, not at ${seq}`,
        );
      else if (hasPrunedBegin)
        this.findings.once('REFERS_TO_PRUNED', by, `the chain ${chain} is from before`);
      else this.findings.add('PREV_CHAIN_MISSING', by, `the chain ${chain} should end at ${seq}`);
    }
    for (const chain of this.chains.values()) {
      if (chain.end !== 'open') continue;
      const silentMs = asOfMs - chain.lastAtMs;
      // What is being committed while this is read may lack its end.
      if (isUnsignedAtEnd(chain) && (chain.isFaulty || silentMs > SILENT_PROCESS_MS))
        this.unsignedTail(chain);
    }
    for (const chain of silentChains([...this.chains.values()], asOfMs)) {
      const place = { chain: chain.id, seq: chain.seq, writer: chain.writerId, partition: chain.partition };
      const silentMs = asOfMs - chain.lastAtMs;
      this.findings.add('CHAIN_SILENT', place, `for ${Math.round(silentMs / 1000)} s`);
    }
  }

  /** Was this chain opened with a key that may declare things? Without a trust file everybody may. */
  isAdmin(chainId: string): boolean {
    return this.trust === null || this.chains.get(chainId)?.isAdmin === true;
  }

  get openChains(): number {
    return [...this.chains.values()].filter(({ end }) => end === 'open').length;
  }

  /** Forgets chains that nothing can follow any more. */
  toJSON(): ChainsJson {
    const chains = [...this.chains.values()].filter(({ end }) => end !== 'succeeded').map(chainJson);
    return { chains, pointers: this.pointers };
  }
}

/** A grant task closes each partition by itself: none of them ends the chain. */
function isOneOfMany({ grant }: PhiAuditEvent): boolean {
  return grant !== null;
}

export function placeOf({ event, topic, partition, offset }: PlacedEvent): FindingPlace {
  const chain = event.chain_id.toString('hex');
  return { topic, partition, offset, chain, seq: event.seq, writer: event.writer_id };
}
