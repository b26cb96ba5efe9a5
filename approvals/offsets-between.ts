/**
 * Where the records of a topic begin and end, now or between two times: what freezes the range of a request. Asks the
 * brokers for positions alone; no record is read.
 */
import { GauzeError } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import type { ScopePartition } from '../schemas/access-codecs.ts';

export class RawOffsets {
  private readonly cluster: Cluster;
  private readonly connections: BrokerConnections;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.connections = new BrokerConnections(cluster);
  }

  /** The topic's present id, 32 hex digits. Throws ERR_ACCESS_TOPIC_UNKNOWN where there is none. */
  async topicId(topic: string): Promise<string> {
    const found = (await this.cluster.refresh([topic])).get(topic);
    if (!found) throw new GauzeError('ERR_ACCESS_TOPIC_UNKNOWN', {});
    return found.id;
  }

  /**
   * For every partition what is there from `fromMs` (null: the beginning) to before `toMs` (null: the end as it is
   * now). By the times of the records: where producers set them and they do not rise, it begins at the first record
   * as young as that, and ends before the first as young as the other. Throws Kafka's errors.
   */
  async between(
    topic: string,
    fromMs: number | null,
    toMs: number | null,
  ): Promise<readonly ScopePartition[]> {
    const found = await this.cluster.topic(topic);
    if (!found) throw new GauzeError('ERR_ACCESS_TOPIC_UNKNOWN', {});
    return await Promise.all(
      found.leaders.map(async (_leader, partition) => {
        const at = async (which: Parameters<typeof listOffset>[4]): Promise<number> =>
          await listOffset(this.cluster, this.connections, topic, partition, which);
        const [earliest, latest] = await Promise.all([at('earliest'), at('latest')]);
        const since = async (ms: number | null, otherwise: number): Promise<number> => {
          if (ms === null) return otherwise;
          const offset = await at({ atMs: Math.max(0, ms) });
          return offset < 0 ? latest : offset;
        };
        const first = Math.max(earliest, await since(fromMs, earliest));
        const next = Math.min(latest, await since(toMs, latest));
        return { partition, first_offset: first, next_offset: Math.max(first, next) };
      }),
    );
  }

  close(): void {
    this.connections.close();
  }
}
