/**
 * Audit topics in memory, as a source of the verifier: tests build them, and change them as they like.
 */
import type {
  AuditSource,
  AuditTopicKind,
  CommittedPosition,
  CommittedWhen,
  ResumeOrder,
  SourcePartition,
  SourceRecord,
} from '../../audit/verify/audit-source.ts';

/** One partition; everything may be changed. */
export interface MemoryPartition {
  kind: AuditTopicKind;
  topic: string;
  topicId: string;
  partition: number;
  logStartOffset: number;
  /** Offset of the next record, markers counted. */
  endOffset: number;
  records: SourceRecord[];
}

/** What tests may change of a source. */
export interface MemoryAudit {
  clusterId: string;
  asOfMs: number;
  partitions: MemoryPartition[];
  committed: CommittedPosition[] | null;
  witnessNotes: string[] | null;
  /** Absent or null: the policy log is not at hand. */
  resumeOrders?: ResumeOrder[] | null;
}

/** A copy that can be changed without changing the original; bytes too. */
export function copyAudit(audit: MemoryAudit): MemoryAudit {
  return {
    ...audit,
    partitions: audit.partitions.map((partition) => ({
      ...partition,
      records: partition.records.map(({ key, value, ...rest }) => ({
        ...rest,
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
      })),
    })),
    committed: audit.committed && [...audit.committed],
    witnessNotes: audit.witnessNotes && [...audit.witnessNotes],
    resumeOrders: audit.resumeOrders ? [...audit.resumeOrders] : null,
  };
}

export class MemoryAuditSource implements AuditSource {
  readonly isLive = false;
  private readonly audit: MemoryAudit;
  /** Records that were handed out; says how much work a run was. */
  read = 0;

  constructor(audit: MemoryAudit) {
    this.audit = audit;
  }

  get clusterId(): string {
    return this.audit.clusterId;
  }

  get asOfMs(): number {
    return this.audit.asOfMs;
  }

  partitions(): Promise<readonly SourcePartition[]> {
    return Promise.resolve(this.audit.partitions);
  }

  async *records(place: SourcePartition, fromOffset: number): AsyncGenerator<readonly SourceRecord[]> {
    const found = this.audit.partitions.find(
      ({ topic, partition }) => topic === place.topic && partition === place.partition,
    );
    const wanted = found?.records.filter(({ offset }) => offset >= fromOffset) ?? [];
    for (let at = 0; at < wanted.length; at += 500) {
      const piece = wanted.slice(at, at + 500);
      this.read += piece.length;
      yield await Promise.resolve(piece);
    }
  }

  committed(_when: CommittedWhen): Promise<readonly CommittedPosition[] | null> {
    return Promise.resolve(this.audit.committed);
  }

  witnessNotes(): Promise<readonly string[] | null> {
    return Promise.resolve(this.audit.witnessNotes);
  }

  resumeOrders(): Promise<readonly ResumeOrder[] | null> {
    return Promise.resolve(this.audit.resumeOrders ?? null);
  }

  damage(): Promise<readonly { readonly place: string; readonly detail: string }[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
