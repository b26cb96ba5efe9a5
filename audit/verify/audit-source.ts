/**
 * Where the verifier reads from: live topics, a raw export, or memory all look like this.
 * A source hands out bytes as they are found and judges nothing; it never leaves a record out without saying so
 * by its offsets.
 */

/** Which of the audit topics a partition belongs to. */
export type AuditTopicKind = 'events' | 'subjects' | 'seals';

export interface SourcePartition {
  readonly kind: AuditTopicKind;
  readonly topic: string;
  /** 32 hex digits; another one where the topic was deleted and made again. */
  readonly topicId: string;
  readonly partition: number;
  /** The first offset that is still there. */
  readonly logStartOffset: number;
  /** Where the topic itself begins, where what was removed before is read from an archive. */
  readonly removedBelow?: number;
  /** All that is below this offset is handed out: what was settled when the source was looked at. */
  readonly endOffset: number;
}

/** One committed record, as the topic has it. */
export interface SourceRecord {
  readonly offset: number;
  /** The broker's time of appending, in milliseconds since the epoch. */
  readonly appendTimeMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** The position that a group has committed. */
export interface CommittedPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Read before the events (they must reach it), or after them (they must not go beyond it). */
export type CommittedWhen = 'before' | 'after';

/** A person's order to one lane, or all of a topic, to go on from elsewhere, as an entry of the policy log. */
export interface ResumeOrder {
  /** Of the entry. */
  readonly offset: number;
  readonly audience: string;
  readonly topic: string;
  /** null: every partition of the topic, once each. */
  readonly partition: number | null;
  /** From where; `how` of the seek that carries it out. */
  readonly from: string;
}

export interface AuditSource {
  readonly clusterId: string;
  /** When the source was looked at: now for live topics, the time of the export for an export; milliseconds. */
  readonly asOfMs: number;
  /** Writers go on while it is read: positions may need a moment to settle. */
  readonly isLive: boolean;
  /** Partitions of all audit topics that there are. */
  partitions(): Promise<readonly SourcePartition[]>;
  /**
   * Committed records from an offset on, up to the end offset, in offset order and in pieces of any size. The bytes
   * stay as they are until the next piece is asked for.
   */
  records(place: SourcePartition, fromOffset: number): AsyncIterable<readonly SourceRecord[]>;
  /** Committed positions of gauze's groups; null where they may not or cannot be read. */
  committed(when: CommittedWhen): Promise<readonly CommittedPosition[] | null>;
  /** The latest notes of witnesses, asked of themselves; null where none was asked. */
  witnessNotes(): Promise<readonly string[] | null>;
  /** Orders to lanes to jump; null, or no such method, where the policy log is not at hand. Asked after partitions(). */
  resumeOrders?(): Promise<readonly ResumeOrder[] | null>;
  /** Where reading had to stop at a transaction that does not end; known when all has been read. */
  unsettled?(): readonly { readonly topic: string; readonly partition: number; readonly offset: number }[];
  /** SHA-256, hex, over archived records; null where they are not all there. Only of sources with an archive. */
  archivedSha256?(
    place: SourcePartition,
    range: { readonly from: number; readonly to: number },
  ): Promise<string | null>;
  /** Damage of the source's own making, such as a file that is not as its manifest says; names and offsets only. */
  damage(): Promise<readonly { readonly place: string; readonly detail: string }[]>;
  close(): Promise<void>;
}
