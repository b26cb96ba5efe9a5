/**
 * How lanes stand, seen from outside through committed offsets and topics alone, so that it is true whoever runs
 * them and even when nobody does. Reads no record.
 */
import type { KafkaAdmin } from '../kafka/admin.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster, TopicsSeen } from '../kafka/cluster.ts';
import { assertMay } from '../kafka/topic-rights.ts';
import { nowMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { assertChainEnds } from './chain-end.ts';
import type { LaneName } from './lane-context.ts';
import { OffsetsByTime, delaySeconds } from './lane-delay.ts';
import { INDEX_AUDIENCE, outputTopicOf } from './lane-kind.ts';
import { decodeLaneMetadata } from './lane-metadata.ts';
import type { LaneMetadata } from './lane-metadata.ts';
import { decideStart } from './lane-start.ts';
import type { LaneFacts } from './lane-start.ts';

export interface LaneReport {
  readonly audience: string;
  readonly topic: string;
  readonly partition: number;
  /** `new`: never started; `held`: stands still, see `code`; `ok`: nothing is in its way. */
  readonly state: 'new' | 'ok' | 'held';
  /** Committed position; null where there is none. */
  readonly position: number | null;
  /** Offsets between the position and the end of the raw partition; markers count too. */
  readonly lag: number | null;
  /** How long the first record waits that the lane has not reached, see lane-delay.ts; 0 without a lag. */
  readonly lagSeconds: number | null;
  /** Topic that it writes to: the sanitized topic in the version that the policies have come to. */
  readonly target: string;
  /** That version; null of an index lane, whose topic has none. */
  readonly targetVersion: number | null;
  readonly code: ErrorCode | null;
  /** Field path in the schema, where the hold is about one. */
  readonly path: string | null;
  /** Milliseconds since the epoch at which it was held, where known. */
  readonly sinceMs: number | null;
}

/** How often, and after how long, an offset that seems to be behind is read again. */
const LOOKS_AGAIN = 4;
const LOOK_AGAIN_MS = 250;

export interface ReportInput {
  readonly cluster: Cluster;
  readonly admin: KafkaAdmin;
  readonly names: TopicNames;
  /**
   * The policy log as it is now. Asked for after the offsets have been read: a lane that starts in between would
   * otherwise seem to have an offset that nobody's start explains.
   */
  state(): Promise<PolicyState>;
  /** Raw topics by audience, as the policies in force say. */
  readonly topics: ReadonlyMap<string, readonly string[]>;
}

/** What one look at the lanes shares. */
interface Look extends ReportInput {
  readonly delay: (lane: LaneName, position: number | null, lag: number | null) => Promise<number | null>;
}

/**
 * One report for each lane that the policies in force ask for, index lanes included, in order of audience, topic and
 * partition.
 */
export async function laneReports(input: ReportInput): Promise<readonly LaneReport[]> {
  const reports: LaneReport[] = [];
  const indexed = [...new Set([...input.topics.values()].flat())].sort();
  const lanes: [string, readonly string[]][] = [...input.topics, [INDEX_AUDIENCE, indexed]];
  const audiences = lanes.sort(([a], [b]) => (a < b ? -1 : 1));
  const connections = new BrokerConnections(input.cluster);
  const look = { ...input, delay: delays(input.cluster, connections) };
  try {
    for (const [audience, topics] of audiences) {
      for (const topic of topics) reports.push(...(await topicReports(look, audience, topic)));
    }
  } finally {
    connections.close();
  }
  return reports;
}

function delays(cluster: Cluster, connections: BrokerConnections): Look['delay'] {
  const times = new OffsetsByTime(cluster, connections);
  const atMs = nowMs();
  return async ({ topic, partition }, position, lag) => {
    if (position === null || lag === null) return null;
    return lag === 0 ? 0 : await delaySeconds(position, atMs, times.of(topic, partition));
  };
}

async function topicReports(input: Look, audience: string, topic: string): Promise<readonly LaneReport[]> {
  const { cluster, admin, names } = input;
  const policies = await input.state();
  const target = outputTopicOf(names, { audience, topic }, policies);
  const version = policies.versions.topicVersion(audience, topic)?.version ?? 1;
  const targetVersion = audience === INDEX_AUDIENCE ? null : version;
  const seen = await cluster.look([topic, target, ...writtenTopics(names)]);
  const raw = seen.found.get(topic);
  const missing = {
    audience,
    topic,
    partition: 0,
    state: 'held' as const,
    position: null,
    lag: null,
    lagSeconds: null,
    target,
    targetVersion,
  } as const;
  if (!raw) {
    const code = seen.refused.get(topic)?.code ?? 'ERR_KAFKA_TOPIC_MISSING';
    return [{ ...missing, code, path: null, sinceMs: null }];
  }
  const offsets = await admin.fetchGroupOffsets(names.audienceGroup(audience), [topic]);
  const ranges = await admin.topicEndOffsets(topic);
  const state = await input.state();
  const reports: LaneReport[] = [];
  for (const range of ranges) {
    const committed = offsets.find(({ partition }) => partition === range.partition);
    const metadata = decodeLaneMetadata(committed?.metadata ?? null);
    const offset = Number(committed?.offset ?? -1n);
    const [earliest, latest] = [Number(range.low), Number(range.high)];
    const lane = { audience, topic, partition: range.partition };
    const position = offset < 0 ? null : offset;
    const lag = position === null ? null : Math.max(0, latest - position);
    const code =
      obstacle(names, seen, lane, target) ??
      (await standstill(input, metadata, {
        ...lane,
        rawTopicId: raw.id,
        targetTopicId: seen.found.get(target)!.id,
        committed: { offset, metadata: committed?.metadata ?? null },
        earliest,
        latest,
        state,
      }));
    const held = metadata?.held ?? null;
    const why = code ?? held?.code ?? null;
    const started = state.started.has(laneKey(lane));
    reports.push({
      ...lane,
      state: why ? 'held' : started ? 'ok' : 'new',
      position,
      lag,
      lagSeconds: await input.delay(lane, position, lag),
      target,
      targetVersion,
      code: why,
      path: code ? null : (held?.path ?? null),
      sinceMs: code ? null : (held?.sinceMs ?? null),
    });
  }
  return reports;
}

/** What every lane writes beside its own topic. */
function writtenTopics({ auditEvents, withheld, policies }: TopicNames): readonly string[] {
  return [auditEvents, withheld, policies];
}

/** What a lane with this log-in lacks among topics, partitions and rights; null where nothing. */
function obstacle(
  names: TopicNames,
  { found, refused }: TopicsSeen,
  { audience, topic, partition }: LaneName,
  target: string,
): ErrorCode | null {
  try {
    for (const name of [target, ...writtenTopics(names)]) {
      const error = refused.get(name);
      if (error) throw error;
      const there = found.get(name);
      // The index of persons has one topic for all, with partitions of its own.
      const needed = name === target && audience !== INDEX_AUDIENCE ? partition : 0;
      if (there?.leaders[needed] === undefined)
        throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: name, partition: needed });
      assertMay('write', there);
    }
    assertMay('read', found.get(topic)!);
    return null;
  } catch (error) {
    return holdOf(error);
  }
}

/** The code of what is thrown where it is a hold; throws it again where it is not. */
function holdOf(error: unknown): ErrorCode {
  if (error instanceof GauzeError && error.kind === 'hold') return error.code;
  throw error;
}

/** The hold that a lane would begin with; the same decision that the lane itself takes. */
async function standstill(
  input: ReportInput,
  metadata: LaneMetadata | null,
  facts: LaneFacts,
): Promise<ErrorCode | null> {
  const { cluster, names } = input;
  const connections = new BrokerConnections(cluster);
  const { audience, topic, partition } = facts;
  try {
    const { order } = await decideStart(facts, async () => await Promise.resolve(facts.committed.offset));
    const place = {
      cluster,
      connections,
      auditTopic: names.auditEvents,
      writerId: names.laneTransactionalId(audience, topic, partition),
      lane: facts,
      isGlance: true,
    };
    if (metadata && !order?.settles) await assertChainEnds(place, metadata, facts.committed.offset);
    return null;
  } catch (error) {
    const code = holdOf(error);
    // A lane at work has written more since its offset was read.
    return code === 'ERR_LANE_OFFSET_BEHIND' && (await movesOn(input, facts)) ? null : code;
  } finally {
    connections.close();
  }
}

/** Does the committed offset become another one, if not at once? */
async function movesOn({ admin, names }: ReportInput, facts: LaneFacts): Promise<boolean> {
  const { audience, topic, partition, committed } = facts;
  for (let look = 0; look < LOOKS_AGAIN; look++) {
    const offsets = await admin.fetchGroupOffsets(names.audienceGroup(audience), [topic]);
    const now = offsets.find((offset) => offset.partition === partition);
    if (Number(now?.offset ?? -1n) !== committed.offset) return true;
    await sleep(LOOK_AGAIN_MS);
  }
  return false;
}
