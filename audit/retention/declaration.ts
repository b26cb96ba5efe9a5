/**
 * The event by which an admin declares that the beginning of an audit partition will be removed: up to where, under
 * which seal, and where and with which hash it is archived. Written by one side, read by verifier and sealer.
 */
import { accessEvent } from '../access-events.ts';
import type { EventBody } from '../audit-chain.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { RetentionWord } from './retention-time.ts';

export const RETENTION_DECLARED = 'retention.declared';

/** What is declared of one partition. */
export interface PruningDeclaration {
  readonly topic: string;
  readonly partition: number;
  /** All records below may be gone. */
  readonly upToOffset: number;
  /** Records of the tree below that offset. */
  readonly upToSize: number;
  /** Number of the seal at whose end it is cut. */
  readonly seal: number;
  readonly archive: {
    readonly uri: string;
    /** First offset that the archive holds. */
    readonly from: number;
    /** Hex, over the records from there up to the cut, in the form of segments. */
    readonly sha256: string;
  };
  readonly retention: RetentionWord;
  readonly reason: string;
}

/** The event of a declaration. */
export function declarationBody(
  declaration: PruningDeclaration,
  actor: AccessActor,
  nowMs: number,
): EventBody {
  const { topic, partition, upToOffset, upToSize, seal, archive, retention, reason } = declaration;
  const ext = {
    topic,
    partition: String(partition),
    up_to_offset: String(upToOffset),
    up_to_size: String(upToSize),
    seal: String(seal),
    archive_uri: archive.uri,
    archive_from: String(archive.from),
    archive_sha256: archive.sha256,
    retention,
    reason,
  };
  return accessEvent({ type: RETENTION_DECLARED, actor, action: 'D', ext }, nowMs);
}

/** What is read of a declaration; what it leaves out is null. */
export interface ReadDeclaration {
  readonly topic: string;
  readonly partition: number;
  readonly upToOffset: number;
  readonly upToSize: number | null;
  readonly archiveUri: string | null;
  readonly archiveFrom: number | null;
  readonly archiveSha256: string | null;
  readonly retention: string | null;
}

/** The declaration of an event; null where it is none, or names no partition and offset. */
export function readDeclaration({ type, ext }: Pick<PhiAuditEvent, 'type' | 'ext'>): ReadDeclaration | null {
  if (type !== RETENTION_DECLARED) return null;
  const word = (name: string): string | null => ext.find(({ k }) => k === name)?.v ?? null;
  const number = (name: string): number | null => {
    const text = word(name);
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
  };
  const [topic, partition, upToOffset] = [word('topic'), number('partition'), number('up_to_offset')];
  if (topic === null || partition === null || upToOffset === null) return null;
  return {
    topic,
    partition,
    upToOffset,
    upToSize: number('up_to_size'),
    archiveUri: word('archive_uri'),
    archiveFrom: number('archive_from'),
    archiveSha256: word('archive_sha256'),
    retention: word('retention'),
  };
}
