/**
 * Codecs of the topic of seals: seals and the checkpoint notes over them, told apart by the record's key.
 * A seal holds names, offsets and hashes, never a value or token.
 */
import { controlCodec, schemaFile } from './control-codec.ts';
import type { ControlCodec } from './control-codec.ts';

export interface SealedPartition {
  readonly topic: string;
  readonly topic_id: Buffer;
  readonly partition: number;
  readonly tree_size: number;
  readonly root: Buffer;
  readonly next_offset: number;
  readonly log_start_offset: number;
  readonly pruned_size: number;
  readonly pruned_offset: number;
  /** Roots of the complete subtrees, largest first; only in every hundredth seal. */
  readonly frontier: readonly Buffer[] | null;
}

export type ChainState = 'OPEN' | 'CLOSED' | 'LOST';

export interface SealedChain {
  readonly chain_id: Buffer;
  readonly writer_id: string;
  readonly partition: number;
  readonly seq: number;
  readonly head: Buffer;
  readonly key_epoch: number;
  /** Ed25519 public key, 32 bytes; null where the chain is not signed. */
  readonly session_key: Buffer | null;
  readonly state: ChainState;
}

export interface SealedCoverage {
  readonly group: string;
  readonly topic: string;
  readonly topic_id: Buffer | null;
  readonly partition: number;
  readonly mode: 'EXACT' | 'AT_LEAST';
  /** Each of the three: -1 where there is none. */
  readonly committed_offset: number;
  readonly covered_offset: number;
  readonly log_end_offset: number;
}

export interface SealAlarm {
  readonly code: string;
  readonly place: string;
  readonly detail: string | null;
}

/** schemas/control/audit-seal.avsc; times in microseconds since the epoch. */
export interface PhiAuditSeal {
  readonly n: number;
  readonly sealed_at: number;
  readonly interval_ms: number;
  readonly cluster_id: string;
  readonly origin: string;
  readonly partitions: readonly SealedPartition[];
  readonly chains: readonly SealedChain[];
  readonly coverage: readonly SealedCoverage[];
  readonly topic_config_sha256: Buffer;
  readonly alarms: readonly SealAlarm[];
  readonly prev_seal_hash: Buffer;
  /** Of the log of seals 0 to n - 1; only in every hundredth seal. */
  readonly seals_frontier: readonly Buffer[] | null;
}

/** schemas/control/audit-checkpoint.avsc */
export interface AuditCheckpoint {
  /** C2SP signed note. */
  readonly note: string;
}

/** Key of the records that hold checkpoints. The key of a seal is its origin, which is another word. */
export const CHECKPOINT_KEY = 'checkpoint';

export const sealCodec: ControlCodec<PhiAuditSeal> = controlCodec(schemaFile('audit-seal'));
export const checkpointCodec: ControlCodec<AuditCheckpoint> = controlCodec(schemaFile('audit-checkpoint'));

/** The registry subject of checkpoints; that of seals is the topic's ordinary one for values. */
export function checkpointSubject(sealsTopic: string): string {
  return `${sealsTopic}-checkpoint`;
}

/** A record of the topic of seals. `value` is what the leaf hash of a seal is over. */
export type SealRecord =
  | { readonly kind: 'seal'; readonly seal: PhiAuditSeal; readonly value: Buffer }
  | { readonly kind: 'checkpoint'; readonly note: string };

/** Decodes a record of the topic of seals. Throws RangeError where it is none. */
export function readSealRecord(key: Buffer | null, value: Buffer | null): SealRecord {
  // Nothing at all is no seal either.
  const bytes = key && value ? value : Buffer.alloc(0);
  if (key?.toString('utf8') === CHECKPOINT_KEY) {
    return { kind: 'checkpoint', note: checkpointCodec.decode(bytes).note };
  }
  return { kind: 'seal', seal: sealCodec.decode(bytes), value: bytes };
}
