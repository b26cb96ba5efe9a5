/**
 * The raw topics of policies as the cluster has them: what sanitized topics are made after. It reads their settings and
 * never a record.
 */
import type { KafkaAdmin } from '../kafka/admin.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { RawTopic } from './desired-state.ts';
import type { Policy } from './policy.ts';

/** How far long work is: what is done, how many of how many. */
export type Progress = (what: string, done: number, total: number) => void;

interface RawTopicsInput {
  readonly policies: readonly Policy[];
  readonly admin: Pick<KafkaAdmin, 'describeTopics' | 'describeConfigs'>;
}

/**
 * The raw topics that policies cover, as they are.
 * @throws GauzeErrors of ERR_POLICY_RAW_TOPIC_MISSING and ERR_POLICY_COMPACTION
 */
export async function rawTopics(
  { policies, admin }: RawTopicsInput,
  progress: Progress,
): Promise<Map<string, RawTopic>> {
  const wanted = [...new Set(policies.flatMap((policy) => [...policy.topics.keys()]))].sort();
  const found = new Map((await admin.describeTopics(wanted)).map((topic) => [topic.topic, topic]));
  const missing = wanted.filter((topic) => !found.has(topic));
  if (missing.length > 0) {
    throw new GauzeErrors(missing.map((topic) => new GauzeError('ERR_POLICY_RAW_TOPIC_MISSING', { topic })));
  }
  const raw = new Map<string, RawTopic>();
  for (const [at, topic] of wanted.entries()) {
    progress('looking at raw topics', at, wanted.length);
    const config = await admin.describeConfigs(topic);
    raw.set(topic, {
      topic,
      partitions: found.get(topic)!.partitions,
      retentionMs: config.get('retention.ms')?.value ?? '-1',
      messageBytesMax: config.get('max.message.bytes')?.value ?? '1048588',
      isCompacted: isCompacted(config.get('cleanup.policy')?.value),
    });
  }
  assertCompaction(policies, raw);
  return raw;
}

/** Of `cleanup.policy`, which may name both. */
export function isCompacted(cleanupPolicy = ''): boolean {
  return cleanupPolicy.split(',').includes('compact');
}

/** A sanitized topic is compacted only where the raw one is: else records would go that the raw topic still has. */
function assertCompaction(policies: readonly Policy[], raw: ReadonlyMap<string, RawTopic>): void {
  const wrong = policies.flatMap((policy) =>
    [...policy.topics]
      .filter(([topic, { compact }]) => compact && !raw.get(topic)?.isCompacted)
      .map(([topic]) => {
        const line = policy.lineOf('topics', topic, 'compact');
        return new GauzeError('ERR_POLICY_COMPACTION', { file: policy.file, line, topic });
      }),
  );
  if (wrong.length > 0) throw new GauzeErrors(wrong);
}
