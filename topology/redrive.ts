/**
 * Redrives what an audience has had withheld of a raw topic, partition by partition: finds out what is withheld now,
 * puts on record who asked for what, and has it read again. What an interrupted run has committed is withheld no more,
 * so the next one goes on where it ended.
 */
import { BrokerConnections } from '../kafka/cluster.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import { assertKeptChainEnds } from './chain-end.ts';
import { controlTopics, topicNamed } from './control-topics.ts';
import type { LaneContext, LaneName } from './lane-context.ts';
import { outputTopicOf } from './lane-kind.ts';
import type { SessionSetup } from './lane-ledger.ts';
import { decodeLaneMetadata } from './lane-metadata.ts';
import { LaterKeys } from './later-keys.ts';
import { MaskingLane } from './masking-lane.ts';
import { PartitionReader } from './partition-reader.ts';
import type { RedriveOutcome, RedriveParts } from './redrive-parts.ts';
import { RedriveSession } from './redrive-session.ts';
import { RedriveTurn } from './redrive-turn.ts';
import { WantedRecords } from './wanted-offsets.ts';
import { WithheldLog } from './withheld-log.ts';
import type { Standing } from './withheld-log.ts';

/** Which withheld records, and who asks. */
export interface RedriveRequest {
  readonly audience: string;
  readonly topic: string;
  /** Only those withheld with this code; null: all but those that a person had withheld. */
  readonly code: string | null;
  /** Only those withheld in [fromMs, toMs), by the broker's clock. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** The person who asks, or a Kafka principal. */
  readonly by: string;
  readonly reason: string;
}

/** What is withheld of one raw partition, and asked for. */
export interface RedrivePlan {
  readonly partition: number;
  /** Records by the code that they are withheld with. */
  readonly wanted: ReadonlyMap<string, number>;
  /** Of them no longer in the raw topic: below its first offset. */
  readonly gone: number;
}

export type OutcomeListener = (
  partition: number,
  outcome: RedriveOutcome,
  code: string,
  count: number,
) => void;

/** Only a person who asks for just these gets back what a person had withheld. */
const BY_PERSON = 'ERR_WITHHELD_BY_PERSON';
const ATTEMPTS_MAX = 10;
const RETRY_MS = 500;
const FETCH_WAIT_MS = 100;

export class Redrive {
  private readonly context: LaneContext;
  private readonly request: RedriveRequest;
  private readonly rawTopicId: string;
  private readonly log: WithheldLog;

  private constructor(context: LaneContext, request: RedriveRequest, rawTopicId: string) {
    this.context = context;
    this.request = request;
    this.rawTopicId = rawTopicId;
    const { audience, topic } = request;
    this.log = new WithheldLog(context.cluster, context.names.withheld, {
      audience,
      topic,
      topicId: rawTopicId,
    });
  }

  /** Throws ERR_POLICY_ABSENT and ERR_KAFKA_TOPIC_MISSING. */
  static async of(context: LaneContext, request: RedriveRequest): Promise<Redrive> {
    const { audience, topic } = request;
    if (!context.plans.policy(audience)?.topics.has(topic))
      throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    await context.cluster.refresh([topic, context.names.withheld]);
    return new Redrive(context, request, (await topicNamed(context.cluster, topic, 0)).id);
  }

  /** What is withheld now and asked for, in order of partitions; reads no raw record and changes nothing. */
  async plan(signal?: AbortSignal): Promise<readonly RedrivePlan[]> {
    const { cluster } = this.context;
    const { topic } = this.request;
    const { leaders } = await topicNamed(cluster, topic, 0);
    const connections = new BrokerConnections(cluster);
    const plans: RedrivePlan[] = [];
    try {
      for (const partition of leaders.keys()) {
        const codes = this.asked(await this.log.upToNow(partition, signal));
        if (codes.size === 0) continue;
        const earliest = await listOffset(cluster, connections, topic, partition, 'earliest');
        const wanted = new Map<string, number>();
        let gone = 0;
        for (const [offset, code] of codes) {
          wanted.set(code, (wanted.get(code) ?? 0) + 1);
          if (offset < earliest) gone++;
        }
        plans.push({ partition, wanted, gone });
      }
      return plans;
    } finally {
      connections.close();
    }
  }

  /**
   * Redrives one partition; outages are waited out, unless another redrive of it began meanwhile. Throws
   * ERR_REDRIVE_TAKEN_OVER, ERR_REDRIVE_LANE_MOVED, and what stands in the way of the whole partition. `drain` ends it
   * after the transaction at hand.
   */
  async run(partition: number, tell: OutcomeListener, drain: AbortSignal): Promise<void> {
    const { audience, topic } = this.request;
    const turn = new RedriveTurn(this.context.policyLog, { audience, topic, partition });
    for (let attempt = 1; !drain.aborted; attempt++) {
      try {
        return await this.attempt(partition, turn, tell, drain);
      } catch (thrown) {
        // Asked to end before anything is under way, such as while it waits for a coordinator.
        if (drain.aborted && !(thrown instanceof GauzeError)) return;
        const error = ownError(thrown);
        if (error.code === 'ERR_KAFKA_FENCED')
          throw new GauzeError('ERR_REDRIVE_TAKEN_OVER', { audience, topic, partition });
        // A lane that was faster with a later record of the same key: what is left is looked at anew.
        const isPassing = error.kind === 'outage' || error.code === 'ERR_REDRIVE_SUPERSEDED';
        const isUnknown = error.code === 'ERR_KAFKA_OUTCOME_UNKNOWN';
        if ((!isPassing && !isUnknown) || attempt >= ATTEMPTS_MAX) throw error;
        await sleep(RETRY_MS * attempt, drain).catch(() => undefined);
        await this.context.cluster.refresh([topic]).catch(() => undefined);
      }
    }
  }

  close(): void {
    this.log.close();
  }

  private async attempt(
    partition: number,
    turn: RedriveTurn,
    tell: OutcomeListener,
    drain: AbortSignal,
  ): Promise<void> {
    const { cluster, names, limits } = this.context;
    const { audience, topic, code } = this.request;
    const id = names.redriveTransactionalId(audience, topic, partition);
    const producer = new TransactionalProducer(cluster, id);
    const connections = new BrokerConnections(cluster);
    const options = {
      topic,
      topicId: this.rawTopicId,
      partition,
      fetchBytes: limits.fetchBytes,
      unpackedBytesMax: limits.unpackedBytes,
      maxWaitMs: FETCH_WAIT_MS,
    };
    const reader = new PartitionReader(cluster, options);
    let laterKeys: LaterKeys | null = null;
    try {
      await turn.before(drain);
      await producer.initialize(drain);
      await turn.taken(drain);
      // Only now: nothing of a redrive before this one is still under way.
      const wanted = new WantedRecords(this.asked(await this.log.upToNow(partition, drain)));
      const first = wanted.next(0);
      if (first === null) return;
      const lane = { audience, topic, partition };
      const setup = await this.setUp(lane, producer, connections, first, drain);
      const kind = new MaskingLane(this.context, lane);
      kind.assertFits(
        setup.identity.outputTopic,
        await this.context.targetSettings(setup.identity.outputTopic),
      );
      if (this.context.plans.topicRules(audience, topic).compacted)
        laterKeys = new LaterKeys(cluster, { ...options, maxWaitMs: 0 }, wanted, first);
      const parts: RedriveParts = {
        context: this.context,
        kind,
        setup,
        producer,
        facts: {
          logOffset: await this.order(producer, turn, setup, wanted.size, drain),
          by: this.request.by,
        },
        turn,
        wanted,
        earliest: await listOffset(cluster, connections, topic, partition, 'earliest'),
        reader,
        connections,
        laterKeys,
        overridesOrders: code === BY_PERSON,
        outcome: (outcome, why, count) => tell(partition, outcome, why, count),
        drain,
      };
      await new RedriveSession(parts).run();
    } finally {
      laterKeys?.close();
      reader.close();
      connections.close();
      producer.close();
    }
  }

  /** The order stands in the policy log before anything is read; gives its offset. */
  private async order(
    producer: TransactionalProducer,
    turn: RedriveTurn,
    { control, lane }: SessionSetup,
    records: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { names, schemaIds, principal } = this.context;
    const { code, fromMs: from, toMs: to, by, reason } = this.request;
    const order = { ...lane, topic_id: this.rawTopicId, records, code, from, to, by, reason };
    const entry = policyLogCodec.encode(turn.order(order, principal), schemaIds.policyLog);
    const output = { topic: names.policies, ...control.policies, writer: controlBatch([entry], null) };
    const [appended] = await producer.commit([output], null, signal);
    return appended!.baseOffset;
  }

  /** Everything that must agree before anything is read. Throws the hold that the lane itself would be under. */
  private async setUp(
    lane: LaneName,
    producer: TransactionalProducer,
    connections: BrokerConnections,
    first: number,
    signal: AbortSignal,
  ): Promise<SessionSetup> {
    const { cluster, names, policyLog, principal } = this.context;
    const { topic, partition, audience } = lane;
    await policyLog.readToEnd(signal);
    this.context.plans.invalidate();
    const outputTopic = outputTopicOf(names, lane, policyLog.state);
    await cluster.refresh([topic, outputTopic, names.auditEvents, names.withheld, names.policies]);
    const raw = await topicNamed(cluster, topic, partition);
    const target = await topicNamed(cluster, outputTopic, partition);
    const started = policyLog.state.started.get(laneKey(lane));
    if (raw.id !== this.rawTopicId || (started && started.topic_id !== raw.id))
      throw new GauzeError('ERR_LANE_RAW_RECREATED', { ...lane });
    // Also where a new version of the topic waits for its lane: first the lane, then what it left out.
    if (started?.target_topic_id !== target.id)
      throw new GauzeError('ERR_LANE_TARGET_RECREATED', { ...lane });
    const group = names.redriveGroup(audience);
    const control = await controlTopics(this.context, lane, group);
    const committed = await producer.committed(group, topic, partition, signal);
    const metadata = committed.offset < 0 ? null : decodeLaneMetadata(committed.metadata);
    const previous = metadata?.rawTopicId === raw.id ? metadata : null;
    const logs = { cluster, connections, auditTopic: names.auditEvents };
    if (previous)
      await assertKeptChainEnds(
        { ...logs, writerId: producer.transactionalId, lane },
        previous,
        committed.offset,
      );
    const from = previous ? committed.offset : null;
    return {
      lane,
      identity: {
        clusterId: cluster.clusterId,
        audience,
        group,
        rawTopic: topic,
        rawTopicId: raw.id,
        partition,
        outputTopic,
        principal,
        ...new MaskingLane(this.context, lane).purpose(),
      },
      start: { position: from ?? first, from, previous, started: false, order: null, ordersSeen: -1 },
      rawTopicId: raw.id,
      targetTopicId: target.id,
      targetPartition: partition,
      messageBytesMax: (await this.context.targetSettings(outputTopic)).messageBytesMax,
      control,
    };
  }

  private asked(standing: ReadonlyMap<number, Standing>): ReadonlyMap<number, string> {
    const { code, fromMs, toMs } = this.request;
    const asked = new Map<number, string>();
    for (const [offset, each] of standing) {
      const isCode = code === null ? each.code !== BY_PERSON : each.code === code;
      if (isCode && each.atMs >= (fromMs ?? 0) && each.atMs < (toMs ?? Infinity))
        asked.set(offset, each.code);
    }
    return asked;
  }
}
