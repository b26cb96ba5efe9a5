/**
 * Membership in the group that spreads raw partitions over instances. Partitions that stay with a member go on
 * undisturbed through a rebalance; only those that move are started and stopped. Positions are not kept here:
 * they belong to the lanes.
 */
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Connection } from './connection.ts';
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './group-requests.ts';
import type { JoinAnswer, TopicPartition } from './group-requests.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { assignKinds } from './sticky-assignment.ts';

export interface GroupMemberOptions {
  readonly group: string;
  /** The topics to spread, asked for at each join. */
  topics(): readonly string[];
  /** Those of them that are light work: spread by themselves, so that they weigh nothing against the others. */
  readonly lightTopics?: readonly string[];
  /** Called with everything this member holds from now on; must return quickly. */
  onAssigned(partitions: readonly TopicPartition[]): void;
  /** Called when membership is in doubt and after each failure; the member goes on by itself. */
  onTrouble(error: GauzeError): void;
  readonly sessionTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
}

const REBALANCE_TIMEOUT_MS = 10_000;
const REBALANCE_IN_PROGRESS = 27;
const UNKNOWN_MEMBER_ID = 25;
const MEMBER_ID_REQUIRED = 79;
const FENCED_INSTANCE_ID = 82;
const RETRY_MS = 250;
const STOP_WAIT_MS = 1_000;

export class GroupMember {
  private readonly cluster: Cluster;
  private readonly options: GroupMemberOptions;
  private readonly connections: BrokerConnections;
  private readonly asking: BrokerConnections;
  private memberId = '';
  private generation = -1;
  private owned: readonly TopicPartition[] = [];
  private spread = '';
  /** How many partitions each topic had when it was seen last. */
  private readonly counts = new Map<string, number>();
  private refusedTold = '';
  private lastConfirmedMs = 0;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(cluster: Cluster, options: GroupMemberOptions) {
    this.cluster = cluster;
    this.options = options;
    this.connections = new BrokerConnections(cluster);
    this.asking = new BrokerConnections(cluster);
  }

  start(): void {
    this.running = this.run();
  }

  /** Leaves the group and ends. */
  async stop(): Promise<void> {
    this.stopping.abort();
    // A JoinGroup under way waits for the other members; it is cut off so that a drain need not.
    const ended = this.running ?? Promise.resolve();
    await Promise.race([ended, sleep(STOP_WAIT_MS)]);
    this.connections.close();
    this.asking.close();
    await ended;
    try {
      if (this.memberId !== '') await leaveGroup(await this.connection(), this.options.group, this.memberId);
    } catch {
      // The session then ends by its time-out.
    }
    this.connections.close();
  }

  /**
   * Asks the coordinator whether this member still holds the partition in a live generation: what an instance
   * must know before it takes a transactional id over again. Where nobody can say at the moment, because the
   * coordinator moves or the next generation is being made, it asks again until somebody can, this member gives up
   * what it holds, or `signal` aborts: a "no" out of mere doubt would leave the partition without a worker for as
   * long as the group stays as it is.
   */
  async stillHolds(partition: TopicPartition, signal?: AbortSignal): Promise<boolean> {
    const held = (): boolean =>
      this.owned.some((own) => own.topic === partition.topic && own.partition === partition.partition);
    const enough = AbortSignal.any([this.stopping.signal, ...(signal ? [signal] : [])]);
    while (this.generation >= 0 && !enough.aborted && held()) {
      const error = await this.askedHeartbeat();
      if (error === 0 || error === REBALANCE_IN_PROGRESS) return held();
      if (error === UNKNOWN_MEMBER_ID || error === FENCED_INSTANCE_ID) return false;
      await sleep(RETRY_MS, enough).catch(() => undefined);
    }
    return false;
  }

  /**
   * A heartbeat's answer; null where there was none. Over connections of its own: a broker answers the requests of a
   * connection one after another, and a JoinGroup waits for the other members.
   */
  private async askedHeartbeat(): Promise<number | null> {
    const { group } = this.options;
    try {
      const connection = await this.connection(this.asking);
      const error = await heartbeat(connection, group, this.generation, this.memberId);
      if (kafkaErrorClass(error) === 'coordinator') this.cluster.forgetCoordinator('group', group);
      return error;
    } catch {
      return null;
    }
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.joinAndSync();
        await this.beat();
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.options.onTrouble(ownError(error));
        this.releaseIfExpired();
        await sleep(RETRY_MS, this.stopping.signal).catch(() => undefined);
      }
    }
  }

  private async joinAndSync(): Promise<void> {
    const joined = await this.join();
    const assignments = new Map<string, readonly TopicPartition[]>();
    if (joined.isLeader) {
      const all = await this.allPartitions();
      this.spread = spreadOf(all);
      const { light = [], heavy = [] } = Object.groupBy(all, ({ topic }) =>
        this.options.lightTopics?.includes(topic) === true ? 'light' : 'heavy',
      );
      for (const [id, mine] of assignKinds(joined.members, [heavy, light])) assignments.set(id, mine);
    }
    const synced = await syncGroup(
      await this.connection(),
      this.options.group,
      joined.generation,
      this.memberId,
      assignments,
    );
    if (synced.error === REBALANCE_IN_PROGRESS) return await this.joinAndSync();
    this.check('SyncGroup', synced.error);
    this.generation = joined.generation;
    this.lastConfirmedMs = monotonicMs();
    if (!joined.isLeader) this.spread = '';
    this.take(synced.assigned);
  }

  private async join(): Promise<JoinAnswer> {
    for (;;) {
      this.stopping.signal.throwIfAborted();
      const answer = await joinGroup(await this.connection(), {
        group: this.options.group,
        memberId: this.memberId,
        topics: this.options.topics(),
        owned: this.owned,
        sessionTimeoutMs: this.sessionTimeoutMs,
        rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      });
      if (answer.memberId !== '') this.memberId = answer.memberId;
      if (answer.error === MEMBER_ID_REQUIRED) continue;
      this.check('JoinGroup', answer.error);
      return answer;
    }
  }

  /** Heartbeats until the group wants everybody to join again, or the partitions to spread have changed. */
  private async beat(): Promise<void> {
    for (;;) {
      await sleep(this.options.heartbeatIntervalMs ?? 1_000, this.stopping.signal);
      const error = await heartbeat(
        await this.connection(),
        this.options.group,
        this.generation,
        this.memberId,
      );
      if (error === REBALANCE_IN_PROGRESS) return;
      this.check('Heartbeat', error);
      this.lastConfirmedMs = monotonicMs();
      if (this.spread !== '' && spreadOf(await this.allPartitions()) !== this.spread) return;
    }
  }

  private take(assigned: readonly TopicPartition[]): void {
    this.owned = assigned;
    this.options.onAssigned(assigned);
  }

  /** After a session time-out without an answer others own our partitions: stop working on them. */
  private releaseIfExpired(): void {
    if (this.owned.length === 0 || monotonicMs() - this.lastConfirmedMs < this.sessionTimeoutMs) return;
    this.generation = -1;
    this.take([]);
  }

  /** A topic that is not shown any more stays as it was: what is wrong with one must not move or stop the others. */
  private async allPartitions(): Promise<readonly TopicPartition[]> {
    const topics = this.options.topics();
    if (topics.length === 0) return [];
    const { found, refused } = await this.cluster.look(topics);
    this.tellRefused([...refused.values()]);
    for (const topic of topics.filter((name) => !refused.has(name)))
      this.counts.set(topic, found.get(topic)?.leaders.length ?? 0);
    return topics.flatMap((topic) =>
      Array.from({ length: this.counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
    );
  }

  /** Each time that others are refused than before. */
  private tellRefused(errors: readonly GauzeError[]): void {
    const refused = errors.map(({ context }) => context.topic ?? '').join(',');
    if (refused === this.refusedTold) return;
    this.refusedTold = refused;
    for (const error of errors) this.options.onTrouble(error);
  }

  private check(apiName: string, error: number): void {
    if (error === 0) return;
    const cls = kafkaErrorClass(error);
    if (cls === 'coordinator') this.cluster.forgetCoordinator('group', this.options.group);
    else if (cls !== 'right') {
      // Unknown member, illegal generation, fenced: what we held may be somebody else's now.
      this.memberId = '';
      this.generation = -1;
      this.take([]);
    }
    throw kafkaError(apiName, error);
  }

  private async connection(connections = this.connections): Promise<Connection> {
    const node = await this.cluster.coordinator('group', this.options.group);
    try {
      return await connections.to(node);
    } catch (error) {
      // A broker that is gone does not say that the group has moved.
      this.cluster.forgetCoordinator('group', this.options.group);
      throw error;
    }
  }

  private get sessionTimeoutMs(): number {
    return this.options.sessionTimeoutMs ?? 10_000;
  }
}

function spreadOf(partitions: readonly TopicPartition[]): string {
  return partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(',');
}
