/**
 * Where a lane got to according to the audit topic alone: for a lane whose committed offset is lost.
 * Reads the whole audit topic once; done only when a person has ordered a resume from it.
 */
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';

/**
 * The position after the last range that this writer audited on this very topic; null where it audited none.
 * Throws Kafka's errors.
 */
export async function lastAuditedPosition(
  cluster: Cluster,
  auditTopic: string,
  writerId: string,
  rawTopicId: string,
): Promise<number | null> {
  const topic = await cluster.topic(auditTopic);
  let position: number | null = null;
  for (let partition = 0; partition < (topic?.leaders.length ?? 0); partition++) {
    const reader = new LogReader(cluster, auditTopic, partition);
    try {
      await reader.skipRemoved();
      await reader.readToEnd(({ value }) => {
        if (!value) return;
        const { writer_id: writer, range } = auditEventCodec.decode(value);
        if (writer !== writerId || range?.topic_id?.toString('hex') !== rawTopicId) return;
        // One writer's events stand in one partition in order, so the last one read is the last one written.
        position = range.next_offset;
      });
    } finally {
      reader.close();
    }
  }
  return position;
}
