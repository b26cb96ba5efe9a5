/**
 * Before a lane goes on, its audit chain must end where its offset says: the event that the offset's metadata names is
 * there, unchanged, its range ends at that offset, and it is the last that this writer has written. Offset and event are
 * committed together, so each is a witness of the other: a coordinator that gives an offset of yesterday is found out.
 * Looks only from the time of the last commit on, so the cost grows with what was audited since, not with the topic.
 */
import { eventHash } from '../audit/audit-chain.ts';
import type { BrokerConnections, Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import { monotonicMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { LaneName } from './lane-context.ts';
import type { LaneMetadata } from './lane-metadata.ts';

/** How far the clocks of writer and broker may lie apart before the search begins earlier than it need. */
const CLOCK_SKEW_MS = 60_000;
/** Open transactions of others are aborted before that: what hides the end for longer is a fault of the broker. */
const HIDDEN_MAX_MS = 30_000;
const OFFSET_OUT_OF_RANGE = 1;

/** Where the chains of a lane stand, and whose they are. */
export interface ChainPlace {
  readonly cluster: Cluster;
  readonly connections: BrokerConnections;
  readonly auditTopic: string;
  /** The transactional id under which the lane writes. */
  readonly writerId: string;
  readonly lane: LaneName;
  /** Only look: what transactions of others that are still open hide is not waited for. Default: false. */
  readonly isGlance?: boolean;
}

/**
 * Throws ERR_AUDIT_CHAIN where the event that the metadata names is not there, or is another one; ERR_LANE_OFFSET_MOVED
 * where it says that the lane got elsewhere than `offset`: somebody has moved the offset and left its metadata; and
 * ERR_LANE_OFFSET_BEHIND where the lane has written more since: what comes after `offset` is published already.
 */
export async function assertChainEnds(
  place: ChainPlace,
  { auditPartition, auditOffset, committedAtMs, chain }: LaneMetadata,
  offset: number,
): Promise<void> {
  const { cluster, connections, auditTopic, lane } = place;
  const { audience, topic, partition } = lane;
  const around = await listOffset(cluster, connections, auditTopic, auditPartition, {
    atMs: committedAtMs - CLOCK_SKEW_MS,
  });
  const where = { audience, topic, partition };
  for (const from of new Set([Math.max(around, auditOffset, 0), Math.max(auditOffset, 0)])) {
    const reader = new AuditReader(new LogReader(cluster, auditTopic, auditPartition, from), place);
    const found = await lookForward(reader, place.writerId, chain);
    if (found && found.hash !== chain.head) break;
    if (found && found.nextOffset !== offset)
      throw new GauzeError('ERR_LANE_OFFSET_MOVED', { ...where, offset });
    if (found && found.later > 0) throw new GauzeError('ERR_LANE_OFFSET_BEHIND', { ...where, offset });
    if (found) return;
    // It may be there, behind the open transaction of another; not where much later ones are to be seen.
    const isLate = reader.newestMs > committedAtMs + CLOCK_SKEW_MS;
    if (place.isGlance && reader.isHidden && !isLate) return;
  }
  throw new GauzeError('ERR_AUDIT_CHAIN', where);
}

/** Likewise, where the events are kept: what retention has taken was declared, and cannot be compared any more. */
export async function assertKeptChainEnds(
  place: ChainPlace,
  previous: LaneMetadata,
  offset: number,
): Promise<void> {
  const { cluster, connections, auditTopic } = place;
  const kept = await listOffset(cluster, connections, auditTopic, previous.auditPartition, 'earliest');
  if (kept === 0 || previous.auditOffset >= kept) await assertChainEnds(place, previous, offset);
}

interface FoundEvent {
  /** Hex. */
  readonly hash: string;
  /** Where its range ends; null where it is about none. */
  readonly nextOffset: number | null;
  /** How many the same writer has written after it. */
  later: number;
}

/** The event of this chain and sequence, and what its writer wrote after it; null where it is not there. */
async function lookForward(
  reader: AuditReader,
  writerId: string,
  chain: LaneMetadata['chain'],
): Promise<FoundEvent | null> {
  const found: FoundEvent[] = [];
  const writer = Buffer.from(writerId);
  await reader.readOn(({ value }) => {
    // Events of others are most of them: they are not worth decoding.
    if (!value?.includes(writer)) return;
    const { chain_id: id, seq, range, writer_id: by } = auditEventCodec.decode(value);
    if (by !== writerId) return;
    if (seq === chain.seq && id.toString('hex') === chain.chainId)
      found.push({
        hash: eventHash(value).toString('hex'),
        nextOffset: range?.next_offset ?? null,
        later: 0,
      });
    else if (found[0]) found[0].later += 1;
  });
  return found[0] ?? null;
}

/** Reads an audit partition on, to where it ends as that begins; in a glance to the first open transaction. */
class AuditReader {
  /** Has the last reading ended before the log did? */
  isHidden = false;
  /** When the newest of what was read was appended. */
  newestMs = 0;
  private readonly reader: LogReader;
  private readonly isGlance: boolean;

  constructor(reader: LogReader, { isGlance = false }: ChainPlace) {
    this.reader = reader;
    this.isGlance = isGlance;
  }

  async readOn(visit: (record: LogRecord) => void): Promise<void> {
    const { reader } = this;
    const late = monotonicMs() + HIDDEN_MAX_MS;
    try {
      // Where a clock was wrong the search begins before what is kept.
      await reader.skipRemoved();
      for (let end: number | null = null; end === null || reader.position < end;) {
        const { highWatermark, lastStableOffset } = await reader.read(end === null ? 0 : 100, (record) => {
          this.newestMs = Math.max(this.newestMs, record.timestampMs);
          visit(record);
        });
        end ??= this.isGlance ? lastStableOffset : highWatermark;
        this.isHidden = lastStableOffset < highWatermark;
        if (reader.position < end && monotonicMs() > late)
          throw new GauzeError('ERR_KAFKA_UNSETTLED', {
            apiName: 'Fetch',
            topic: reader.topic,
            partition: reader.partition,
            limit: HIDDEN_MAX_MS,
          });
      }
    } catch (error) {
      // The topic ends before the event, or was made again: what should be there is not.
      if (error instanceof GauzeError && error.context.kafkaError === OFFSET_OUT_OF_RANGE) return;
      throw error;
    } finally {
      reader.close();
    }
  }
}
