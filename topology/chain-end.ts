/**
 * Before a lane goes on, its audit chain must end where its offset says: the last event is there, unchanged, and its
 * range ends at that offset.
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

/**
 * Throws ERR_AUDIT_CHAIN where the event that the metadata names is not there, or is another one, and
 * ERR_LANE_OFFSET_MOVED where it says that the lane got elsewhere than `offset`: somebody has moved the offset and left
 * its metadata.
 */
export async function assertChainEnds(
  cluster: Cluster,
  connections: BrokerConnections,
  auditTopic: string,
  previous: LaneMetadata,
  { audience, topic, partition }: LaneName,
  offset: number,
): Promise<void> {
  const { auditPartition, auditOffset, committedAtMs, chain } = previous;
  const around = await listOffset(cluster, connections, auditTopic, auditPartition, {
    atMs: committedAtMs - CLOCK_SKEW_MS,
  });
  const where = { audience, topic, partition };
  for (const from of new Set([Math.max(around, auditOffset, 0), Math.max(auditOffset, 0)])) {
    const found = await findEvent(new LogReader(cluster, auditTopic, auditPartition, from), chain);
    if (found && found.hash !== chain.head) break;
    if (found && found.nextOffset !== offset)
      throw new GauzeError('ERR_LANE_OFFSET_MOVED', { ...where, offset });
    if (found) return;
  }
  throw new GauzeError('ERR_AUDIT_CHAIN', where);
}

interface FoundEvent {
  /** Hex. */
  readonly hash: string;
  /** Where its range ends; null where it is about none. */
  readonly nextOffset: number | null;
}

/** The event of this chain and sequence; null where it is not between `reader` and the end. */
async function findEvent(reader: LogReader, chain: LaneMetadata['chain']): Promise<FoundEvent | null> {
  const found: FoundEvent[] = [];
  try {
    // Where a clock was wrong the search begins before what is kept.
    await reader.skipRemoved();
    let end: number | null = null;
    while (found.length === 0 && (end === null || reader.position < end)) {
      const { highWatermark } = await reader.read(end === null ? 0 : 100, ({ value }) => {
        if (!value) return;
        const { chain_id: id, seq, range } = auditEventCodec.decode(value);
        if (seq === chain.seq && id.toString('hex') === chain.chainId)
          found.push({ hash: eventHash(value).toString('hex'), nextOffset: range?.next_offset ?? null });
      });
      end ??= highWatermark;
    }
    return found[0] ?? null;
  } catch (error) {
    // The topic ends before the event, or was made again: what should be there is not.
    if (error instanceof GauzeError && error.context.kafkaError === OFFSET_OUT_OF_RANGE) return null;
    throw error;
  } finally {
    reader.close();
  }
}
