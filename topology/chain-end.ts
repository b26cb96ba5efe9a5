/**
 * Before a lane goes on, its audit chain must end where its offset says: the last event is there, unchanged.
 * Looks only around the time of the last commit, so the cost does not grow with the audit topic.
 */
import { eventHash } from '../audit/audit-chain.ts';
import type { BrokerConnections, Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { GauzeError } from '../platform/errors.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { LaneName } from './lane-context.ts';
import type { LaneMetadata } from './lane-metadata.ts';

/** How far the clocks of writer and broker may lie apart before the search begins earlier than it need. */
const CLOCK_SKEW_MS = 60_000;
const OFFSET_OUT_OF_RANGE = 1;

/** Throws ERR_AUDIT_CHAIN where the event that the metadata names is not there, or is another one. */
export async function assertChainEnds(
  cluster: Cluster,
  connections: BrokerConnections,
  auditTopic: string,
  previous: LaneMetadata,
  lane: LaneName,
): Promise<void> {
  const { auditPartition, auditOffset, committedAtMs, chain } = previous;
  const around = await listOffset(cluster, connections, auditTopic, auditPartition, {
    atMs: committedAtMs - CLOCK_SKEW_MS,
  });
  for (const from of new Set([Math.max(around, auditOffset, 0), Math.max(auditOffset, 0)])) {
    const hash = await findEvent(new LogReader(cluster, auditTopic, auditPartition, from), chain);
    if (hash === chain.head) return;
    if (hash !== null) break;
  }
  throw new GauzeError('ERR_AUDIT_CHAIN', { ...lane });
}

/** Hash of the event of this chain and sequence, hex; null where it is not between `reader` and the end. */
async function findEvent(reader: LogReader, chain: LaneMetadata['chain']): Promise<string | null> {
  const hashes: string[] = [];
  try {
    let end: number | null = null;
    while (hashes.length === 0 && (end === null || reader.position < end)) {
      const { highWatermark } = await reader.read(end === null ? 0 : 100, ({ value }) => {
        if (!value) return;
        const { chain_id: id, seq } = auditEventCodec.decode(value);
        if (seq === chain.seq && id.toString('hex') === chain.chainId)
          hashes.push(eventHash(value).toString('hex'));
      });
      end ??= highWatermark;
    }
    return hashes[0] ?? null;
  } catch (error) {
    // The topic ends before the event, or was made again: what should be there is not.
    if (error instanceof GauzeError && error.context.kafkaError === OFFSET_OUT_OF_RANGE) return null;
    throw error;
  } finally {
    reader.close();
  }
}
