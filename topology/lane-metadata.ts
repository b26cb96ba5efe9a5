/**
 * What a lane writes beside its committed offset: where its audit chain ends, which topics it reads and writes,
 * how far it has read the policy log, and why it is held. It commits with the outputs, so it is never ahead
 * or behind them. At most 4,096 bytes (`offset.metadata.max.bytes`); no value ever stands in it.
 */
import { ERRORS } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { ChainHead } from '../audit/audit-chain.ts';

export interface LaneMetadata {
  readonly chain: ChainHead;
  /** Partition of the audit topic that this lane's chain is in. */
  readonly auditPartition: number;
  /** Offset in it of the event before the last; -1 where there is none. */
  readonly auditOffset: number;
  readonly rawTopicId: string;
  readonly targetTopicId: string;
  /** Position of the policy log up to which the lane had read it. */
  readonly policyLogOffset: number;
  readonly policyVersion: number;
  /** The writer's clock when it committed, in milliseconds; says about where in the audit topic to look. */
  readonly committedAtMs: number;
  readonly held: LaneHold | null;
}

/** Why a lane stands still. */
export interface LaneHold {
  readonly code: ErrorCode;
  readonly sinceMs: number;
  /** Coordinates for the reader of `gauze status`, made of schema names and numbers. */
  readonly path: string | null;
  readonly schemaId: number | null;
}

const VERSION = 1;
const HEX_16_BYTES = /^[0-9a-f]{32}$/;
const HEX_32_BYTES = /^[0-9a-f]{64}$/;
/** Longest field path that is kept; longer ones are cut so that the metadata stays within its bound. */
const PATH_CHARACTERS_MAX = 512;

/** One line of text, stable for the same input. */
export function encodeLaneMetadata(metadata: LaneMetadata): string {
  const { chain, held } = metadata;
  return JSON.stringify({
    v: VERSION,
    chain: chain.chainId,
    seq: chain.seq,
    head: chain.head,
    ap: metadata.auditPartition,
    ao: metadata.auditOffset,
    raw: metadata.rawTopicId,
    target: metadata.targetTopicId,
    log: metadata.policyLogOffset,
    policy: metadata.policyVersion,
    at: metadata.committedAtMs,
    ...(held ? { held: { ...held, path: held.path?.slice(0, PATH_CHARACTERS_MAX) ?? null } } : {}),
  });
}

/** Reads it back; null where the text was not written by a lane. */
export function decodeLaneMetadata(text: string | null): LaneMetadata | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const fields = parsed as Record<string, unknown>;
  const { v, chain, seq, head, ap, ao, raw, target, log, policy, at } = fields;
  const numbers = [seq, ap, ao, log, policy, at];
  if (v !== VERSION || !numbers.every((n) => Number.isSafeInteger(n))) return null;
  if (![chain, raw, target].every((id) => typeof id === 'string' && HEX_16_BYTES.test(id))) return null;
  if (typeof head !== 'string' || !HEX_32_BYTES.test(head)) return null;
  return {
    chain: { chainId: chain as string, seq: seq as number, head },
    auditPartition: ap as number,
    auditOffset: ao as number,
    rawTopicId: raw as string,
    targetTopicId: target as string,
    policyLogOffset: log as number,
    policyVersion: policy as number,
    committedAtMs: at as number,
    held: decodeHold(fields['held']),
  };
}

function decodeHold(value: unknown): LaneHold | null {
  if (typeof value !== 'object' || value === null) return null;
  const { code, sinceMs, path, schemaId } = value as Record<string, unknown>;
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code) || typeof sinceMs !== 'number') return null;
  return {
    code: code as ErrorCode,
    sinceMs,
    path: typeof path === 'string' ? path : null,
    schemaId: typeof schemaId === 'number' ? schemaId : null,
  };
}
