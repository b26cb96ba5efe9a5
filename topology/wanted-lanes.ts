/**
 * Which lanes an instance should run: what the policies cover, of the raw partitions that it holds.
 * Pure; it must never look at a record.
 */
import type { TopicPartition } from '../kafka/group-requests.ts';
import { INDEX_AUDIENCE } from './lane-kind.ts';
import type { LaneName } from './lane-context.ts';

/** The topics of a policy in force, by audience; null for one that cannot be read here. */
export type CoveredTopics = ReadonlyMap<string, ReadonlyMap<string, unknown> | null>;

/** The raw topics that any policy covers. */
export function rawTopicsOf(covered: CoveredTopics): readonly string[] {
  return [...new Set([...covered.values()].flatMap((topics) => [...(topics?.keys() ?? [])]))].sort();
}

/** One lane for each audience of a raw partition, and one for its index. */
export function wantedLanes(
  assigned: readonly TopicPartition[],
  covered: CoveredTopics,
): readonly LaneName[] {
  return assigned.flatMap(({ topic, partition }) => {
    const audiences = [...covered].filter(([, topics]) => topics?.has(topic)).map(([audience]) => audience);
    const lanes = audiences.length > 0 ? [...audiences, INDEX_AUDIENCE] : [];
    return lanes.map((audience) => ({ audience, topic, partition }));
  });
}
