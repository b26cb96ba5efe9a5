/**
 * Follows the chains of all writers as their events come: where each ends, with which key it goes on, and whether it
 * still lives. Keeps one small entry for each chain that is not over; never judges a chain by another.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { ChainState, SealedChain } from '../../schemas/seal-codecs.ts';
import { HEARTBEAT, HEARTBEAT_MS } from '../heartbeat.ts';
import { EXT_SESSION_KEY, SIGNATURE_BYTES, signedBytes } from '../session-key.ts';
import { strictBase64, verifyEd25519 } from '../signed-note.ts';
import type { Alarms } from './alarms.ts';

/** One audit event where it stands. */
export interface PlacedEvent {
  readonly event: PhiAuditEvent;
  /** As produced. */
  readonly value: Buffer;
  /** Its event hash. */
  readonly hash: Buffer;
  readonly partition: number;
  /** The broker's time. */
  readonly appendTimeMs: number;
}

interface Chain {
  readonly chainId: Buffer;
  readonly writerId: string;
  readonly partition: number;
  seq: number;
  head: Buffer;
  keyEpoch: number;
  sessionKey: Buffer | null;
  state: ChainState;
  /** Did it change since the seal before? */
  hasChanged: boolean;
  /** Does its writer beat in it, so that silence tells something soon? */
  beats: boolean;
  lastMs: number;
}

/** With these a session says that it ends. */
const CLOSING: ReadonlySet<string> = new Set(['session.closed', 'session.killed', 'grant.stopped']);
const BEATS_MISSED_MAX = 3;
/** A lane without work writes once an hour. */
const IDLE_MS = 60 * 60 * 1000;
/** A chain that is over is remembered for so long: a word after the end is told from an unknown chain. */
const REMEMBERED_MS = 2 * 60 * 1000;
/** A lost chain stays in the seals for so long, unless a successor names it. */
const LOST_TOLD_MS = 24 * 60 * 60 * 1000;

export class ChainWatch {
  private readonly chains = new Map<string, Chain>();
  private readonly alarms: Alarms;

  constructor(alarms: Alarms) {
    this.alarms = alarms;
  }

  /** Goes on from the chains of a seal. */
  restore(sealed: readonly SealedChain[], sealedAtMs: number): void {
    for (const { chain_id: chainId, writer_id: writerId, partition, seq, head, state, ...key } of sealed) {
      this.chains.set(chainId.toString('hex'), {
        chainId,
        writerId,
        partition,
        seq,
        head,
        state,
        keyEpoch: key.key_epoch,
        sessionKey: key.session_key,
        hasChanged: false,
        beats: false,
        lastMs: sealedAtMs,
      });
    }
  }

  take(placed: PlacedEvent): void {
    const { event, partition } = placed;
    const id = event.chain_id.toString('hex');
    const chain = this.chains.get(id) ?? this.begin(id, placed);
    const place = `${event.writer_id} ${id}`;
    if (chain.partition !== partition) this.alarms.raise('CHAIN_MOVED', place, `partition ${partition}`);
    if (event.seq !== chain.seq + 1) this.alarms.raise('SEQ_GAP', place, `${event.seq} after ${chain.seq}`);
    else if (!event.prev_hash.equals(chain.head)) this.alarms.raise('PREV_HASH', place, `${event.seq}`);
    this.checkSignature(chain, placed, place);
    // A signature stands for the key in force; the event's own key is the one for what comes after it.
    this.takeKey(chain, event);
    chain.seq = event.seq;
    chain.head = placed.hash;
    chain.state = CLOSING.has(event.type) ? 'CLOSED' : 'OPEN';
    chain.beats ||= event.type === HEARTBEAT && event.range === null;
    chain.hasChanged = true;
    chain.lastMs = placed.appendTimeMs;
    if (event.seq === 0) this.succeed(event);
  }

  /** The chains that a seal names: those that live, are lost, or ended since the seal before. */
  sealed(nowMs: number): readonly SealedChain[] {
    const told: SealedChain[] = [];
    for (const [id, chain] of this.chains) {
      const silentMs = nowMs - chain.lastMs;
      const patienceMs = BEATS_MISSED_MAX * (chain.beats ? HEARTBEAT_MS : IDLE_MS);
      if (chain.state === 'OPEN' && silentMs > patienceMs) chain.state = 'LOST';
      if (chain.state !== 'CLOSED' || chain.hasChanged) told.push(sealedChain(chain));
      chain.hasChanged = false;
      const isOver =
        (chain.state === 'CLOSED' && silentMs > REMEMBERED_MS) ||
        (chain.state === 'LOST' && silentMs > patienceMs + LOST_TOLD_MS);
      if (isOver) this.chains.delete(id);
    }
    return told;
  }

  private begin(id: string, { event, partition, appendTimeMs }: PlacedEvent): Chain {
    if (event.seq !== 0) this.alarms.raise('CHAIN_START_MISSING', `${event.writer_id} ${id}`, `${event.seq}`);
    const chain: Chain = {
      chainId: Buffer.from(event.chain_id),
      writerId: event.writer_id,
      partition,
      seq: event.seq - 1,
      head: Buffer.from(event.prev_hash),
      keyEpoch: event.key_epoch,
      sessionKey: event.seq === 0 ? sessionKeyOf(event) : null,
      state: 'OPEN',
      hasChanged: true,
      beats: false,
      lastMs: appendTimeMs,
    };
    this.chains.set(id, chain);
    return chain;
  }

  private takeKey(chain: Chain, event: PhiAuditEvent): void {
    if (event.type !== 'key.rotated') return;
    chain.sessionKey = sessionKeyOf(event);
    chain.keyEpoch = event.key_epoch + 1;
  }

  private checkSignature({ sessionKey }: Chain, { event, value }: PlacedEvent, place: string): void {
    if (!event.sig || !sessionKey) return;
    const signature = value.subarray(value.length - SIGNATURE_BYTES);
    if (!verifyEd25519(sessionKey, signedBytes(value), signature))
      this.alarms.raise('BAD_SIGNATURE', place, `${event.seq}`);
  }

  /** The pointer of a successor closes the chain before it, whose process may have been killed. */
  private succeed({ ext }: PhiAuditEvent): void {
    const before = this.chains.get(ext.find(({ k }) => k === 'prev_chain')?.v ?? '');
    if (!before || before.state === 'CLOSED') return;
    before.state = 'CLOSED';
    before.hasChanged = true;
  }
}

function sessionKeyOf({ ext }: PhiAuditEvent): Buffer | null {
  const key = strictBase64(ext.find(({ k }) => k === EXT_SESSION_KEY)?.v ?? '');
  return key?.length === 32 ? key : null;
}

function sealedChain(chain: Chain): SealedChain {
  return {
    chain_id: chain.chainId,
    writer_id: chain.writerId,
    partition: chain.partition,
    seq: chain.seq,
    head: chain.head,
    key_epoch: chain.keyEpoch,
    session_key: chain.sessionKey,
    state: chain.state,
  };
}
