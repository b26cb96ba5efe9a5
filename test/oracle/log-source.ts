/**
 * Logs as the oracle reads them: partitions in order, one record at a time, whoever has read them. Records of a
 * partition come from a file or from memory; nothing here may keep more than one of them.
 */

export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: number;
  /** Was the time given by the broker? */
  readonly isAppendTime: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/** Where one partition begins and ends. */
export interface LogPartition {
  readonly topic: string;
  /** Kafka's id of the topic, 32 hex digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly startOffset: number;
  /** Behind the last record that is decided. */
  readonly stableOffset: number;
  /** Behind the last record. */
  readonly endOffset: number;
}

export interface LogSource {
  /** Of a topic that is not there: none. */
  partitions(topic: string): readonly LogPartition[];
  /** In offset order; each call begins anew. */
  committed(at: LogPartition): Iterable<LogRecord>;
  /** Records that were aborted, and those whose transaction is still open. */
  others(at: LogPartition): Iterable<LogRecord>;
  /** The committed offset of a group; null where it has none. */
  groupOffset(group: string, topic: string, partition: number): number | null;
}
