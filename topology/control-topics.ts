/**
 * The topics that a lane reads and writes, as they are now: which partition of gauze's own a lane keeps to depends on
 * its name alone, so what it has written stands in one place, in order.
 */
import type { Cluster, TopicMetadata } from '../kafka/cluster.ts';
import { spread } from '../kafka/spread.ts';
import { assertMay } from '../kafka/topic-rights.ts';
import { GauzeError } from '../platform/errors.ts';
import type { LaneContext, LaneName } from './lane-context.ts';
import type { ControlTopics } from './lane-ledger.ts';

/** Of a lane whose positions are in `group`. Throws ERR_KAFKA_TOPIC_MISSING. */
export async function controlTopics(
  { names, cluster }: Pick<LaneContext, 'names' | 'cluster'>,
  { topic, partition }: Pick<LaneName, 'topic' | 'partition'>,
  group: string,
): Promise<ControlTopics> {
  const audit = await topicNamed(cluster, names.auditEvents, 0);
  const withheld = await topicNamed(cluster, names.withheld, 0);
  const policies = await topicNamed(cluster, names.policies, 0);
  // Before a session is open: else each attempt would open one, on record, only to see the first commit refused.
  for (const written of [audit, withheld, policies]) assertMay('write', written);
  return {
    audit: { topicId: audit.id, partition: spread(`${group}/${topic}/${partition}`, audit.leaders.length) },
    withheld: { topicId: withheld.id, partition: spread(`${topic}/${partition}`, withheld.leaders.length) },
    policies: { topicId: policies.id, partition: 0 },
  };
}

/** Throws ERR_KAFKA_TOPIC_MISSING where the topic, or that partition of it, is not there. */
export async function topicNamed(cluster: Cluster, name: string, partition: number): Promise<TopicMetadata> {
  const found = await cluster.topic(name);
  if (!found || found.leaders[partition] === undefined) {
    throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: name, partition });
  }
  return found;
}
