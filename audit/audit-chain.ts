/**
 * The hash chain of one session of one writer: each event names the one before it, so a removed, changed or
 * moved event shows, and signatures show who wrote it. Nothing moves before the transaction that carries an event
 * has committed; no chain begins without the writer's key having vouched for it.
 */
import { createHash } from 'node:crypto';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { monotonicMs, nowMs, uuidV7 } from '../platform/clock.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import { SessionKey, SIGNATURE_BYTES } from './session-key.ts';

/** An event before the chain has given it its place. */
export type EventBody = Omit<
  PhiAuditEvent,
  'event_id' | 'recorded_at' | 'writer_id' | 'chain_id' | 'seq' | 'prev_hash' | 'key_epoch' | 'sig'
>;

/** Where a chain ends. */
export interface ChainHead {
  /** 32 hex digits. */
  readonly chainId: string;
  /** Sequence of the last event; -1 before the first. */
  readonly seq: number;
  /** SHA-256 of the last event, hex; zeros before the first. */
  readonly head: string;
}

/** An encoded event, the head that the chain has once it is committed, and how the chain goes on from there. */
export interface ChainedEvent {
  readonly value: Buffer;
  readonly head: ChainHead;
  readonly state: ChainState;
}

/** What moves when events are accepted. */
interface ChainState {
  readonly seq: number;
  readonly hash: Buffer;
  readonly key: SessionKey;
  /** When an event was last signed. */
  readonly signedMs: number;
}

export interface ChainOptions {
  /** The transactional id. */
  readonly writerId: string;
  /** Registry id of PhiAuditEvent. */
  readonly schemaId: number;
  /** The key that vouches for this chain. */
  readonly key: AuditWriterKey;
  /** Where the writer's chain before this one ended; said by an opening event that the chain makes itself. */
  readonly previous?: ChainHead | null;
  /** A clock that never runs backwards, in milliseconds. */
  readonly clockMs?: () => number;
  /** Age at which a session key is replaced. */
  readonly rotateMs?: number;
}

/** Forward security has this grain: a key is never older. */
export const ROTATE_MS = 15 * 60_000;
/** At most one signature in this time, beside first and last: the chain carries it to the events before. */
const SIGN_EVERY_MS = 1_000;
const HASH_BYTES = 32;
/** Domain separation between leaves and nodes of a Merkle tree, RFC 6962 section 2.1. */
const LEAF = Buffer.from([0]);
const NO_SIGNATURE = Buffer.alloc(SIGNATURE_BYTES);
const OPENING = 'session.opened';
/** With these a session says that it ends, so that nothing signed comes after them. */
const CLOSING: ReadonlySet<string> = new Set(['session.closed', 'session.killed', 'grant.stopped']);

export class AuditChain {
  private readonly options: ChainOptions;
  private readonly clockMs: () => number;
  private readonly chainId = uuidV7();
  private state: ChainState;

  constructor(options: ChainOptions) {
    this.options = options;
    this.clockMs = options.clockMs ?? monotonicMs;
    const key = new SessionKey(1, this.clockMs());
    this.state = { seq: -1, hash: Buffer.alloc(HASH_BYTES), key, signedMs: 0 };
  }

  get head(): ChainHead {
    return this.headOf(this.state);
  }

  /** Is the session key old enough to be replaced? The next events do so; where there is no work, write some. */
  get isRotationDue(): boolean {
    const { rotateMs = ROTATE_MS } = this.options;
    return this.clockMs() - this.state.key.madeMs >= rotateMs;
  }

  /**
   * Encodes events that follow the head in this order; before them an opening where the chain has none, and a
   * rotation where the key is due for one. Nothing moves until `accept`.
   */
  link(bodies: readonly EventBody[]): readonly ChainedEvent[] {
    if (this.state.seq >= 0)
      return this.isRotationDue ? this.rotated(bodies) : this.follow(this.state, bodies);
    const [first, ...rest] = bodies[0]?.type === OPENING ? bodies : [this.opening(), ...bodies];
    const opened = this.event(this.state, this.enrolled(first!), 'sign');
    return [opened, ...this.follow(opened.state, rest)];
  }

  /** Moves the head to the last of `events`, which have been committed. */
  accept(events: readonly ChainedEvent[]): void {
    this.state = events.at(-1)?.state ?? this.state;
  }

  /** The old key signs the new one in, and is not used again once this is accepted. */
  private rotated(bodies: readonly EventBody[]): readonly ChainedEvent[] {
    const { key } = this.state;
    const next = new SessionKey(key.epoch + 1, this.clockMs());
    const body = this.ownEvent('key.rotated', key.succeededBy(next, this.chainId));
    const last = this.event(this.state, body, 'sign');
    const rotated = { ...last, state: { ...last.state, key: next } };
    return [rotated, ...this.follow(rotated.state, bodies)];
  }

  private follow(from: ChainState, bodies: readonly EventBody[]): readonly ChainedEvent[] {
    const isDue = this.clockMs() - from.signedMs >= SIGN_EVERY_MS;
    const signs = isDue || bodies.some(({ type }) => CLOSING.has(type));
    let state = from;
    return bodies.map((body, at) => {
      const event = this.event(state, body, signs && at === bodies.length - 1 ? 'sign' : 'leave');
      ({ state } = event);
      return event;
    });
  }

  private event(after: ChainState, body: EventBody, how: 'sign' | 'leave'): ChainedEvent {
    const signs = how === 'sign';
    const seq = after.seq + 1;
    const event: PhiAuditEvent = {
      ...body,
      ext: body.ext.toSorted((a, b) => (a.k < b.k ? -1 : 1)),
      event_id: uuidV7(),
      recorded_at: nowMs() * 1000,
      writer_id: this.options.writerId,
      chain_id: this.chainId,
      seq,
      prev_hash: after.hash,
      key_epoch: after.key.epoch,
      sig: signs ? NO_SIGNATURE : null,
    };
    const value = auditEventCodec.encode(event, this.options.schemaId);
    if (signs) after.key.signEvent(value);
    const signedMs = signs ? this.clockMs() : after.signedMs;
    const state = { ...after, seq, hash: eventHash(value), signedMs };
    return { value, head: this.headOf(state), state };
  }

  private headOf({ seq, hash }: ChainState): ChainHead {
    return { chainId: this.chainId.toString('hex'), seq, head: hash.toString('hex') };
  }

  private enrolled(opening: EventBody): EventBody {
    const proof = this.state.key.enrolledBy(this.options.key, this.chainId);
    return { ...opening, ext: [...opening.ext, ...proof] };
  }

  private opening(): EventBody {
    const { previous } = this.options;
    return this.ownEvent(OPENING, previous ? previousExt(previous) : []);
  }

  /** What the chain says of itself: about no record, in nobody's name but the writer's. */
  private ownEvent(type: string, ext: EventBody['ext']): EventBody {
    return systemEvent(type, { id: this.options.writerId, role: this.options.key.name }, ext);
  }
}

/** How an opening names the end of the chain before. */
export function previousExt({ chainId, head, seq }: ChainHead): EventBody['ext'] {
  return [
    { k: 'prev_chain', v: chainId },
    { k: 'prev_head', v: head },
    { k: 'prev_seq', v: String(seq) },
  ];
}

/** An event of a process about itself: no record was read, nobody received anything. */
export function systemEvent(
  type: string,
  by: { readonly id: string; readonly role: string },
  ext: EventBody['ext'],
): EventBody {
  const at = nowMs() * 1000;
  return {
    type,
    action: 'E',
    outcome: 'SUCCESS',
    outcome_reason: null,
    phase: 'COMMITTED',
    occurred_from: at,
    occurred_to: at,
    actor: {
      type: 'SYSTEM',
      id: by.id,
      display: null,
      idp: null,
      org_id: null,
      roles: [by.role],
      on_behalf_of: null,
      assurance: null,
      token_id: null,
      session_id: null,
      client_id: null,
      network_address: null,
    },
    recipient: null,
    purpose: [],
    accounting: 'NOT_PHI',
    grant: null,
    policy: { id: by.role, version: 0, sha256: Buffer.alloc(HASH_BYTES) },
    plan: null,
    range: null,
    view: null,
    subjects: null,
    group: null,
    trace_id: null,
    request_id: null,
    ext,
    output_sha256: null,
  };
}

/** SHA-256(0x00 || value bytes exactly as produced): chain link and Merkle leaf in one. */
export function eventHash(value: Buffer): Buffer {
  return createHash('sha256').update(LEAF).update(value).digest();
}
