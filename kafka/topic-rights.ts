/**
 * What a log-in may do with a topic, as the broker says beside the topic's metadata (KIP-430): so a right that is
 * missing is seen before anything is tried with it. It only reads the answer; the broker alone decides.
 */
import type { TopicMetadata } from './cluster.ts';
import { kafkaError } from './kafka-errors.ts';

/** Numbers of the operations in the protocol, and the request that needs each. */
const OPERATIONS = { read: [3, 'Fetch'], write: [4, 'Produce'] } as const;
/** What a broker answers that does not say. */
const UNSAID = -2_147_483_648;
const TOPIC_AUTHORIZATION_FAILED = 29;

/** Throws ERR_KAFKA_RIGHT_MISSING where the broker says that this log-in may not; nothing where it does not say. */
export function assertMay(
  operation: keyof typeof OPERATIONS,
  { name, operations }: Pick<TopicMetadata, 'name' | 'operations'>,
): void {
  const [bit, apiName] = OPERATIONS[operation];
  if (operations === UNSAID || (operations & (1 << bit)) !== 0) return;
  throw kafkaError(apiName, TOPIC_AUTHORIZATION_FAILED, { topic: name });
}
