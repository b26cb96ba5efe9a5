/**
 * A lane: one audience on one raw partition. Opens sessions, waits out outages, holds where something disagrees,
 * and gives up when somebody newer has taken over. One lane's trouble stays its own.
 */
import type { LaneIdentity } from '../audit/lane-events.ts';
import { sleep } from '../platform/clock.ts';
import { GauzeError, errorRow, ownError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { assertMay } from '../kafka/topic-rights.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { lastAuditedPosition } from './audited-position.ts';
import { assertChainEnds } from './chain-end.ts';
import { controlTopics, topicNamed } from './control-topics.ts';
import { IndexLane } from './index-lane.ts';
import type { LaneContext, LaneName } from './lane-context.ts';
import { INDEX_AUDIENCE, outputTopicOf } from './lane-kind.ts';
import type { LaneKind } from './lane-kind.ts';
import type { SessionSetup } from './lane-ledger.ts';
import { LaneSession } from './lane-session.ts';
import { decideStart, latestOrder } from './lane-start.ts';
import { MaskingLane } from './masking-lane.ts';

const OUTAGE_WAIT_MIN_MS = 100;
const OUTAGE_WAIT_MAX_MS = 5_000;

export class Lane {
  readonly name: LaneName;
  /** True once the lane has ended because another instance owns it now. */
  takenOver = false;
  private readonly context: LaneContext;
  private readonly kind: LaneKind;
  private readonly drain = new AbortController();
  private readonly abandon = new AbortController();
  private ended: Promise<void> = Promise.resolve();
  private waitMs = OUTAGE_WAIT_MIN_MS;
  private heldCode: ErrorCode | null = null;
  private running: LaneSession | null = null;

  constructor(context: LaneContext, name: LaneName) {
    this.context = context;
    this.name = name;
    this.kind =
      name.audience === INDEX_AUDIENCE ? new IndexLane(context, name) : new MaskingLane(context, name);
  }

  /** Does it stand still until somebody mends what it waits for? */
  get isHeld(): boolean {
    return this.heldCode !== null || (this.running?.held ?? null) !== null;
  }

  /** The committed position; null while no session is open. */
  get position(): number | null {
    return this.running?.position ?? null;
  }

  start(): void {
    this.ended = this.run();
  }

  /** Resolves when the lane has ended, for whatever reason. */
  async finished(): Promise<void> {
    await this.ended;
  }

  /** Finishes the transaction under way, closes the session and ends. */
  async stop(): Promise<void> {
    this.drain.abort();
    await this.ended;
  }

  /** Drops everything at once: for a partition that is somebody else's now, or a drain that takes too long. */
  async abort(): Promise<void> {
    this.drain.abort();
    this.abandon.abort();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.drain.signal.aborted) {
      const error = await this.session();
      if (this.drain.signal.aborted) return;
      if (!error) continue;
      await this.wait(error);
      // Only a member in a live generation may take the id again, whatever has ended the session: one that has slept
      // for long and wakes up would fence whoever has taken its place.
      const holds = await this.stillHolds();
      if (this.drain.signal.aborted) return;
      this.takenOver = !holds;
      if (this.takenOver) return;
    }
  }

  private async stillHolds(): Promise<boolean> {
    const { topic, partition } = this.name;
    return await this.context.stillHolds(topic, partition, this.drain.signal);
  }

  /** Opens a session and works until it ends; gives the error that ended it, or null where it closed in order. */
  private async session(): Promise<GauzeError | null> {
    const { audience, topic, partition } = this.name;
    const { cluster, names } = this.context;
    const producer = new TransactionalProducer(
      cluster,
      names.laneTransactionalId(audience, topic, partition),
    );
    const hangUp = (): void => producer.close();
    this.abandon.signal.addEventListener('abort', hangUp);
    try {
      await producer.initialize(this.abandon.signal);
      const setup = await this.setUp(producer);
      const source = this.context.reader(topic, setup.rawTopicId, partition).lane(this.kind.subjectHash());
      try {
        const signals = { drain: this.drain.signal, abandon: this.abandon.signal };
        const session = new LaneSession(this.context, this.kind, setup, producer, source, signals);
        await session.open();
        this.opened();
        this.running = session;
        await session.run();
        return null;
      } finally {
        this.running = null;
        source.close();
      }
    } catch (error) {
      return ownError(error);
    } finally {
      this.abandon.signal.removeEventListener('abort', hangUp);
      producer.close();
    }
  }

  private opened(): void {
    this.waitMs = OUTAGE_WAIT_MIN_MS;
    if (this.heldCode) this.context.events.released(this.name);
    this.heldCode = null;
  }

  private async wait(error: GauzeError): Promise<void> {
    const { events, limits, cluster } = this.context;
    const { drain } = this;
    if (error.kind === 'hold') {
      if (this.heldCode !== error.code) events.held(this.name, error);
      this.heldCode = error.code;
      const needsPerson = errorRow(error.code).ends === 'resume';
      return needsPerson ? await this.waitForResume() : await this.waitForChange(limits.recheckMs);
    }
    events.trouble(this.name, error);
    await sleep(this.waitMs, drain.signal).catch(() => undefined);
    this.waitMs = Math.min(this.waitMs * 2, OUTAGE_WAIT_MAX_MS);
    await cluster.refresh([this.name.topic, this.outputTopic]).catch(() => undefined);
  }

  private async waitForResume(): Promise<void> {
    const { limits } = this.context;
    const seen = this.latestOrder();
    while (!this.drain.signal.aborted && this.latestOrder() === seen)
      await this.waitForChange(limits.recheckMs);
  }

  /** Until the policy log changes, or for `ms`. */
  private async waitForChange(ms: number): Promise<void> {
    await this.context.policyLog.changed(this.drain.signal, ms);
  }

  private latestOrder(): number {
    return latestOrder(this.context.policyLog.state, this.name);
  }

  /** Reads everything that must agree, and decides where to start. Throws the hold that applies. */
  private async setUp(producer: TransactionalProducer): Promise<SessionSetup> {
    const { topic, partition } = this.name;
    const { cluster, names, policyLog } = this.context;
    const identity = { ...this.identity(), rawTopicId: '' };
    await cluster.refresh([topic, identity.outputTopic, names.auditEvents, names.withheld, names.policies]);
    const raw = await topicNamed(this.context.cluster, topic, partition);
    const target = await topicNamed(this.context.cluster, identity.outputTopic, 0);
    assertMay('read', raw);
    assertMay('write', target);
    const targetPartition = this.kind.outputPartition(target.leaders.length);
    if (target.leaders[targetPartition] === undefined) {
      throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: target.name, partition: targetPartition });
    }
    const control = await controlTopics(this.context, this.name, identity.group);
    const connections = new BrokerConnections(cluster);
    try {
      const committed = await producer.committed(identity.group, topic, partition, this.abandon.signal);
      const start = await decideStart(
        {
          ...this.name,
          rawTopicId: raw.id,
          targetTopicId: target.id,
          committed,
          earliest: await listOffset(cluster, connections, topic, partition, 'earliest'),
          latest: await listOffset(cluster, connections, topic, partition, 'latest'),
          state: policyLog.state,
        },
        async () => await lastAuditedPosition(cluster, names.auditEvents, producer.transactionalId, raw.id),
      );
      if (start.previous && !start.order?.settles) {
        const { offset } = committed;
        const place = {
          cluster,
          connections,
          auditTopic: names.auditEvents,
          writerId: producer.transactionalId,
          lane: this.name,
        };
        await assertChainEnds(place, start.previous, offset);
      }
      return {
        lane: this.name,
        identity: { ...identity, rawTopicId: raw.id },
        start,
        rawTopicId: raw.id,
        targetTopicId: target.id,
        targetPartition,
        messageBytesMax: await this.messageBytesMax(identity.outputTopic),
        control,
      };
    } finally {
      connections.close();
    }
  }

  private async messageBytesMax(outputTopic: string): Promise<number> {
    const settings = await this.context.targetSettings(outputTopic);
    this.kind.assertFits(outputTopic, settings);
    return settings.messageBytesMax;
  }

  private get outputTopic(): string {
    return outputTopicOf(this.context.names, this.name, this.context.policyLog.state);
  }

  private identity(): Omit<LaneIdentity, 'rawTopicId'> {
    const { audience, topic, partition } = this.name;
    const { names, principal, cluster } = this.context;
    return {
      clusterId: cluster.clusterId,
      audience,
      group: names.audienceGroup(audience),
      rawTopic: topic,
      partition,
      outputTopic: this.outputTopic,
      principal,
      ...this.kind.purpose(),
    };
  }
}
