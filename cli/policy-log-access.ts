/**
 * The policy log for verbs that read it and end: opened once, read to its end as often as the verb asks, closed whatever
 * happens.
 */
import type { Cluster } from '../kafka/cluster.ts';
import { PolicyLog } from '../policy/policy-log.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import type { Site } from './site.ts';

/**
 * Runs `work` with a function that gives the state as of now. Throws ERR_KAFKA_TOPIC_MISSING from that function where
 * there is no log yet.
 */
export async function withPolicyLog<T>(
  site: Site,
  role: 'admin' | 'topology',
  work: (read: () => Promise<PolicyState>, cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await site.cluster(role);
  const log = new PolicyLog(cluster, site.names.policies, site.names.access);
  const read = async (): Promise<PolicyState> => {
    await log.readToEnd();
    return log.state;
  };
  try {
    await cluster.start();
    return await work(read, cluster);
  } finally {
    log.close();
    await cluster.close();
  }
}
