/**
 * Brings the local index up to date with the audit topics: read with the auditor's log-in, committed records only,
 * from where the index stands. Position and rows go into the file together, so a kill at any moment costs nothing
 * but the work since. A topic that was made anew is never taken for the old one.
 */
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import { listOffset } from '../../kafka/list-offsets.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import type { LogRecord } from '../../kafka/log-reader.ts';
import { GauzeError } from '../../platform/errors.ts';
import type { AuditArchive } from '../retention/audit-archive.ts';
import { accessEntryCodec, subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import type { AuditIndex } from './audit-index.ts';
import { IndexRows } from './index-rows.ts';
import type { RecordPlace } from './index-tables.ts';

/** How far a build has come: offsets, of all partitions together. */
export interface IndexProgress {
  readonly read: number;
  readonly of: number;
}

interface Source {
  readonly topic: string;
  readonly take: (
    rows: IndexRows,
    at: RecordPlace,
    record: LogRecord & { readonly value: Buffer },
  ) => boolean;
}

interface Part {
  readonly source: Source;
  readonly topicId: string;
  readonly partition: number;
  from: number;
  /** Where the topic begins; what is before comes from the archive. */
  readonly begin: number;
  readonly end: number;
}

type ReadRecord = LogRecord & { readonly value: Buffer };

/** Bytes of records between two commits of the index: what a kill costs, and what memory holds. */
const COMMIT_BYTES = 8 * 1024 * 1024;
const WAIT_MS = 100;

/**
 * Reads everything that is in the topics when it begins; with an archive, what was removed from them before too.
 * Throws ERR_AUDIT_ARCHIVE (a file of it is not as it was archived), ERR_AUDIT_INDEX_STALE (a topic was made anew), ERR_KAFKA_TOPIC_MISSING, rights and connection errors.
 */
export async function refreshIndex(
  index: AuditIndex,
  cluster: Cluster,
  names: TopicNames,
  onProgress: (progress: IndexProgress) => void = () => undefined,
  archive: AuditArchive | null = null,
): Promise<void> {
  const parts = await partsOf(index, cluster, sources(names), archive);
  const total = parts.reduce((sum, { from, end }) => sum + Math.max(0, end - from), 0);
  let read = 0;
  for (const part of parts) {
    const begun = part.from;
    const base = read;
    if (archive && part.from < part.begin) await readArchived(index, archive, part);
    await readPart(index, cluster, part, (position) => {
      read = base + Math.min(position, part.end) - begun;
      onProgress({ read, of: total });
    });
  }
}

function sources(names: TopicNames): readonly Source[] {
  return [
    {
      topic: names.auditEvents,
      take: (rows, at, { value, timestampMs }) => {
        rows.event(at, timestampMs, auditEventCodec.decode(value));
        return true;
      },
    },
    {
      topic: names.auditSubjects,
      take: (rows, at, { value }) => rows.subjects(at, subjectIndexCodec.decode(value)),
    },
    {
      topic: names.access,
      take: (rows, at, { value, timestampMs }) => {
        rows.access(at, timestampMs, accessEntryCodec.decode(value));
        return true;
      },
    },
  ];
}

async function partsOf(
  index: AuditIndex,
  cluster: Cluster,
  all: readonly Source[],
  archive: AuditArchive | null,
): Promise<readonly Part[]> {
  const found = await cluster.refresh(all.map(({ topic }) => topic));
  const connections = new BrokerConnections(cluster);
  try {
    const parts: Part[] = [];
    for (const source of all) {
      const { topic } = source;
      const metadata = found.get(topic);
      if (!metadata) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic, partition: 0 });
      for (const partition of metadata.leaders.keys()) {
        const known = positionOf(index, topic, partition);
        if (known && known.topicId !== metadata.id)
          throw new GauzeError('ERR_AUDIT_INDEX_STALE', { topic, partition, file: index.file });
        const [earliest, end] = [
          await listOffset(cluster, connections, topic, partition, 'earliest'),
          await listOffset(cluster, connections, topic, partition, 'latest'),
        ];
        const position = known?.next ?? 0;
        if (end < position)
          throw new GauzeError('ERR_AUDIT_INDEX_STALE', { topic, partition, file: index.file });
        const archived = archive?.find({ topic, partition });
        const isArchived =
          archived?.topicId === metadata.id &&
          archived.firstOffset <= position &&
          archived.nextOffset >= earliest;
        if (earliest > position && !isArchived) noteGap(index, topic, partition, position, earliest);
        const from = isArchived ? position : Math.max(position, earliest);
        parts.push({ source, topicId: metadata.id, partition, from, begin: earliest, end });
      }
    }
    return parts;
  } finally {
    connections.close();
  }
}

/** What was removed from the topic, piece by piece. */
async function readArchived(index: AuditIndex, archive: AuditArchive, part: Part): Promise<void> {
  const { source, partition, begin } = part;
  const rows = new IndexRows(index);
  for await (const piece of archive.records({ topic: source.topic, partition }, part.from, begin)) {
    const batch = piece.flatMap(({ offset, key, value, appendTimeMs: timestampMs }): ReadRecord[] =>
      value ? [{ offset, key, value, timestampMs }] : [],
    );
    part.from = commitBatch(index, rows, part, batch, piece.at(-1)!.offset + 1);
  }
  const [damage] = archive.damage;
  if (damage) throw new GauzeError('ERR_AUDIT_ARCHIVE', { file: damage.place });
  part.from = commitBatch(index, rows, part, [], begin);
}

async function readPart(
  index: AuditIndex,
  cluster: Cluster,
  part: Part,
  onPosition: (position: number) => void,
): Promise<void> {
  const { source, partition, end } = part;
  const reader = new LogReader(cluster, source.topic, partition, part.from);
  const rows = new IndexRows(index);
  let batch: ReadRecord[] = [];
  let bytes = 0;
  try {
    while (reader.position < end) {
      await reader.read(WAIT_MS, (record) => {
        if (!record.value) return;
        // The bytes belong to the fetch, and the batch outlives it.
        batch.push({ ...record, value: Buffer.from(record.value) });
        bytes += record.value.length;
      });
      if (bytes < COMMIT_BYTES && reader.position < end) continue;
      part.from = commitBatch(index, rows, part, batch, reader.position);
      // Somebody else has brought the index further meanwhile.
      if (part.from !== reader.position) reader.position = part.from;
      onPosition(part.from);
      batch = [];
      bytes = 0;
    }
  } finally {
    reader.close();
  }
}

/** Gives the position that the index has afterwards. */
function commitBatch(
  index: AuditIndex,
  rows: IndexRows,
  { source, topicId, partition, from }: Part,
  batch: readonly ReadRecord[],
  next: number,
): number {
  const { topic } = source;
  try {
    return index.atOnce(() => {
      const known = positionOf(index, topic, partition);
      if (known && known.next > from) return known.next;
      for (const record of batch) {
        const at = { partition, offset: record.offset };
        if (!isTaken(source, rows, at, record)) {
          index.run(
            'INSERT OR IGNORE INTO unreadable (topic, partition, offset) VALUES (?, ?, ?)',
            topic,
            partition,
            record.offset,
          );
        }
      }
      rows.flush();
      index.run(
        'INSERT OR REPLACE INTO positions (topic, partition, topic_id, next_offset) VALUES (?, ?, ?, ?)',
        topic,
        partition,
        topicId,
        next,
      );
      return next;
    });
  } catch (error) {
    rows.forget();
    throw error;
  }
}

/** False for what is no record of its topic: it is counted, and every answer says so. */
function isTaken(
  source: Source,
  rows: IndexRows,
  at: RecordPlace,
  record: LogRecord & { readonly value: Buffer },
): boolean {
  try {
    return source.take(rows, at, record);
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

function positionOf(
  index: AuditIndex,
  topic: string,
  partition: number,
): { readonly topicId: string; readonly next: number } | null {
  const row = index.get(
    'SELECT topic_id, next_offset FROM positions WHERE topic = ? AND partition = ?',
    topic,
    partition,
  );
  return row ? { topicId: String(row['topic_id']), next: Number(row['next_offset']) } : null;
}

/** Records that retention took before the index had read them: every answer says so. */
function noteGap(index: AuditIndex, topic: string, partition: number, first: number, next: number): void {
  index.run(
    'INSERT OR REPLACE INTO gaps (topic, partition, first, next) VALUES (?, ?, ?, ?)',
    topic,
    partition,
    first,
    next,
  );
}
