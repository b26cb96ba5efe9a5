/**
 * What is remembered of one chain while its events go by, and how it is written down. Positions, hashes and public
 * keys only.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { SealedChain } from '../../schemas/seal-codecs.ts';
import { sessionKeyFrom } from './signature-check.ts';
import type { SessionKey } from './signature-check.ts';

export interface ChainState {
  /** 32 hex digits. */
  readonly id: string;
  readonly writerId: string;
  readonly partition: number;
  seq: number;
  head: Buffer;
  epoch: number;
  session: SessionKey | null;
  /** Number of the last event with a valid signature. */
  signedSeq: number;
  /** When that was recorded, by the writer's clock. */
  signedAtMs: number;
  /** When the broker appended it. */
  signedAppendMs: number;
  /** When the broker appended the first event that should have come with a signature; null while none is missing. */
  overdueSinceMs: number | null;
  /** When the broker appended the last event. */
  lastAtMs: number;
  end: 'open' | 'closed' | 'succeeded';
  readonly isLane: boolean;
  /** It gives signs of life of a whole process. */
  beats: boolean;
  /** A signature was wrong or missing. */
  isFaulty: boolean;
  /** Signatures have stopped; told once. */
  isStripped: boolean;
  /** It has said that nothing more comes. */
  isQuiet: boolean;
  /** Opened with an admin's key. */
  isAdmin: boolean;
}

export interface ChainJson {
  readonly id: string;
  readonly writerId: string;
  readonly partition: number;
  readonly seq: number;
  readonly head: string;
  readonly epoch: number;
  readonly key: string | null;
  readonly signedSeq: number;
  readonly signedAtMs: number;
  readonly signedAppendMs?: number;
  readonly overdueSinceMs?: number | null;
  readonly lastAtMs: number;
  readonly end: ChainState['end'];
  readonly isLane: boolean;
  readonly beats: boolean;
  readonly isFaulty: boolean;
  readonly isStripped: boolean;
  readonly isQuiet?: boolean;
  readonly isAdmin: boolean;
}

/** The state before the first event of a chain. */
export function newChain(
  id: string,
  placed: { readonly event: PhiAuditEvent; readonly partition: number; readonly appendTimeMs: number },
): ChainState {
  const { event, partition, appendTimeMs } = placed;
  return {
    id,
    writerId: event.writer_id,
    partition,
    seq: -1,
    head: Buffer.alloc(32),
    epoch: 0,
    session: null,
    signedSeq: -1,
    signedAtMs: event.recorded_at / 1e3,
    signedAppendMs: appendTimeMs,
    overdueSinceMs: null,
    lastAtMs: appendTimeMs,
    end: 'open',
    isLane: event.group !== null && event.grant === null,
    beats: false,
    isFaulty: false,
    isStripped: false,
    isQuiet: false,
    isAdmin: false,
  };
}

export function chainJson({ session, head, ...rest }: ChainState): ChainJson {
  return { ...rest, head: head.toString('hex'), key: session?.text ?? null };
}

export function chainFrom({ key, head, isQuiet = false, ...rest }: ChainJson): ChainState {
  const session = key === null ? null : sessionKeyFrom(key);
  const { signedAppendMs = rest.lastAtMs, overdueSinceMs = null } = rest;
  return { ...rest, signedAppendMs, overdueSinceMs, isQuiet, head: Buffer.from(head, 'hex'), session };
}

/** The state of a chain whose events were pruned, as a seal has it. */
export function chainFromSeal(sealed: SealedChain, appendTimeMs: number): ChainState {
  return chainFrom({
    id: sealed.chain_id.toString('hex'),
    writerId: sealed.writer_id,
    partition: sealed.partition,
    seq: sealed.seq,
    head: sealed.head.toString('hex'),
    epoch: sealed.key_epoch,
    key: sealed.session_key && sealed.session_key.toString('base64'),
    signedSeq: sealed.seq,
    signedAtMs: appendTimeMs,
    lastAtMs: appendTimeMs,
    end: 'open',
    isLane: true,
    beats: false,
    isFaulty: false,
    isStripped: false,
    isAdmin: false,
  });
}

/** Do events at the end lack a signature that a writer would have given them? */
export function isUnsignedAtEnd({
  isFaulty,
  isStripped,
  overdueSinceMs,
  session,
  signedSeq,
  seq,
}: ChainState): boolean {
  if (!session || signedSeq >= seq) return false;
  return isFaulty || (overdueSinceMs !== null && !isStripped);
}
