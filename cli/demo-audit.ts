/**
 * Reads the demo's audit topic with the auditor's log-in and checks what it says against where the lanes stand:
 * ranges that tile, chains without a break, heads that match. It decides by itself, from the events alone.
 */
import { eventHash } from '../audit/audit-chain.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import { checkMark } from './demo-totals.ts';
import { words } from './demo-live-view.ts';

/** An event with the hash of its bytes, in the order of its audit partition. */
export interface ReadEvent {
  readonly event: PhiAuditEvent;
  readonly hash: Buffer;
}

/** Where a lane stands, by its committed offset. */
export interface LanePosition {
  readonly audience: string;
  readonly topic: string;
  readonly partition: number;
  /** Whose events are this lane's: `writer_id` and the id of the raw topic. */
  readonly writer: string;
  readonly topicId: string;
  /** First offset of the raw partition, and its end. */
  readonly first: number;
  readonly end: number;
  /** Committed position. */
  readonly committed: number;
  /** Chain and head in the commit's metadata; null where there are none. */
  readonly chain: { readonly chainId: string; readonly seq: number; readonly head: string } | null;
}

export interface AuditFindings {
  readonly batches: number;
  readonly lanes: number;
  readonly chains: number;
  /** Records that the events say were read, and delivered. */
  readonly read: number;
  readonly delivered: number;
  /** Lanes whose ranges leave a gap, overlap, or do not end where the lane stands: `audience topic/partition`. */
  readonly untiled: readonly string[];
  /** Events that do not name the one before them. */
  readonly broken: number;
  /** Lanes whose commit names another last event than the topic has. */
  readonly headless: readonly string[];
  readonly ok: boolean;
}

const NO_HASH = Buffer.alloc(32);

/** Every event of the topic, partition by partition. */
export async function readAuditEvents(cluster: Cluster, topic: string): Promise<readonly ReadEvent[]> {
  const found = await cluster.topic(topic);
  const events: ReadEvent[] = [];
  for (const partition of found?.leaders.keys() ?? []) {
    const reader = new LogReader(cluster, topic, partition);
    try {
      await reader.readToEnd(({ value }) => {
        // The bytes belong to the fetch; the event must outlive it.
        const bytes = Buffer.from(value ?? []);
        events.push({ event: auditEventCodec.decode(bytes), hash: eventHash(bytes) });
      });
    } finally {
      reader.close();
    }
  }
  return events;
}

export function checkAudit(events: readonly ReadEvent[], lanes: readonly LanePosition[]): AuditFindings {
  const batches = events.filter(({ event }) => event.type === 'session.batch' && event.grant === null);
  const byLane = Map.groupBy(batches, ({ event }) => laneOf(event));
  const chains = Map.groupBy(events, ({ event }) => event.chain_id.toString('hex'));
  const untiled = lanes.filter((lane) => !tiles(byLane.get(keyOf(lane)) ?? [], lane)).map(nameOf);
  const headless = lanes.filter((lane) => !endsAtHead(chains, lane)).map(nameOf);
  const known = new Set(lanes.map(keyOf));
  const strange = [...byLane.keys()].filter((lane) => !known.has(lane));
  const broken = [...chains.values()].reduce((sum, chain) => sum + breaks(chain), 0);
  const total = (column: 'record_count' | 'delivered_count', of: readonly ReadEvent[]): number =>
    of.reduce((sum, { event }) => sum + (event.range?.[column] ?? 0), 0);
  // The index lanes read too, but deliver to nobody.
  const toSomebody = batches.filter(({ event }) => event.recipient !== null);
  return {
    batches: batches.length,
    lanes: lanes.length,
    chains: chains.size,
    read: total('record_count', batches),
    delivered: total('delivered_count', toSomebody),
    untiled: [...untiled, ...strange],
    broken,
    headless,
    ok: untiled.length + strange.length + broken + headless.length === 0 && batches.length > 0,
  };
}

export function auditLines(findings: AuditFindings): string[] {
  const { batches, lanes, chains, read, delivered, untiled, broken, headless } = findings;
  return [
    `${words(batches)} session.batch events of ${lanes} lanes: ${words(read)} records read, ${words(delivered)} delivered`,
    `${checkMark(untiled.length === 0)} ${
      untiled.length === 0
        ? 'the audited ranges of every lane tile [first offset, committed offset): no gap, no overlap'
        : `ranges do not tile: ${some(untiled)}`
    }`,
    `${checkMark(broken === 0)} ${
      broken === 0
        ? `${chains} hash chains, each event names the one before it`
        : `${broken} breaks in the hash chains`
    }`,
    `${checkMark(headless.length === 0)} ${
      headless.length === 0
        ? "each lane's committed offset names the last event of its chain"
        : `committed offsets and last events differ: ${some(headless)}`
    }`,
  ];
}

/** Enough names to begin looking. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 2).join(', ');
  return names.length > 2 ? `${shown} and ${names.length - 2} more` : shown;
}

/** From the first raw offset to the last, each range beginning where the one before it ended. */
function tiles(batches: readonly ReadEvent[], { first, end, committed }: LanePosition): boolean {
  let next = first;
  for (const { event } of batches) {
    if (event.range?.first_offset !== next) return false;
    next = event.range.next_offset;
  }
  return next === committed && committed >= end;
}

function breaks(chain: readonly ReadEvent[]): number {
  return chain.filter(({ event }, at) => {
    const before = at === 0 ? NO_HASH : chain[at - 1]!.hash;
    return event.seq !== at || !event.prev_hash.equals(before);
  }).length;
}

function endsAtHead(chains: ReadonlyMap<string, readonly ReadEvent[]>, { chain }: LanePosition): boolean {
  if (chain === null) return false;
  const last = chains.get(chain.chainId)?.at(-1);
  return last?.event.seq === chain.seq && last.hash.toString('hex') === chain.head;
}

/** Whose event it is, and about which partition of which very topic. */
function laneOf({ writer_id: writer, range }: PhiAuditEvent): string {
  return `${writer} ${range?.topic_id?.toString('hex')}/${range?.partition}`;
}

function keyOf({ writer, topicId, partition }: LanePosition): string {
  return `${writer} ${topicId}/${partition}`;
}

function nameOf({ audience, topic, partition }: LanePosition): string {
  return `${audience} ${topic}/${partition}`;
}
