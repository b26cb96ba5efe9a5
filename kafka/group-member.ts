/**
 * Membership in the group that spreads raw partitions over instances. Partitions that stay with a member go on
 * undisturbed through a rebalance; only those that move are started and stopped. Positions are not kept here:
 * they belong to the lanes. With an instance id (KIP-345) the group waits for a member that goes away, as long as a
 * session lasts, and gives it back what it had; two members of one id are never both in the group.
 */
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { BrokerConnections } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { Connection } from './connection.ts';
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './group-requests.ts';
import type { Assignment, JoinAnswer, Membership, TopicPartition } from './group-requests.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import { spread } from './spread.ts';
import { assignKinds } from './sticky-assignment.ts';

export interface GroupMemberOptions {
  readonly group: string;
  /** `group.instance.id`: stays through restarts of the same process, and no two have the same. */
  readonly instanceId?: string | null;
  /** The topics to spread, asked for at each join. */
  topics(): readonly string[];
  /** Those of them that are light work: spread by themselves, so that they weigh nothing against the others. */
  readonly lightTopics?: readonly string[];
  /** Called with everything this member holds from now on; must return quickly. */
  onAssigned(partitions: readonly TopicPartition[]): void;
  /** Called when membership is in doubt and after each failure; the member goes on by itself. */
  onTrouble(error: GauzeError): void;
  /** Called once where somebody else has joined under the same instance id: this member holds nothing and has ended. */
  onReplaced?(error: GauzeError): void;
  /** How long the group waits for a member that is silent; the broker has a least and a greatest. Default 10 s. */
  readonly sessionTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
}

const REBALANCE_TIMEOUT_MS = 10_000;
const REBALANCE_IN_PROGRESS = 27;
const UNKNOWN_MEMBER_ID = 25;
const MEMBER_ID_REQUIRED = 79;
const FENCED_INSTANCE_ID = 82;
/** Hashes of what is spread have 32 bits. */
const SPREAD_HASHES = 2 ** 32;
const RETRY_MS = 250;
const STOP_WAIT_MS = 1_000;

export class GroupMember {
  private readonly cluster: Cluster;
  private readonly options: GroupMemberOptions;
  private connections: BrokerConnections;
  private readonly asking: BrokerConnections;
  private memberId = '';
  private generation = -1;
  private owned: readonly TopicPartition[] = [];
  /** How many partitions each topic had when it was seen last. */
  private readonly counts = new Map<string, number>();
  private refusedTold = '';
  /** What the leader has spread, as a hash; null for those who do not lead. */
  private spreadHash: number | null = null;
  private isReplaced = false;
  private lastConfirmedMs = 0;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(cluster: Cluster, options: GroupMemberOptions) {
    this.cluster = cluster;
    this.options = options;
    this.connections = new BrokerConnections(cluster);
    this.asking = new BrokerConnections(cluster);
  }

  /** Has the group confirmed this member within a session's time? Else others may have what it held. */
  get isConfirmed(): boolean {
    return this.generation >= 0 && monotonicMs() - this.lastConfirmedMs < this.sessionTimeoutMs;
  }

  start(): void {
    this.running = this.run();
  }

  /**
   * Ends, and leaves the group. One with an instance id stays in it until its session ends: whoever comes back under
   * that id in time goes on with what this one had.
   */
  async stop(): Promise<void> {
    this.stopping.abort();
    // A JoinGroup under way waits for the other members; it is cut off so that a drain need not.
    const ended = this.running ?? Promise.resolve();
    const inTime = new AbortController();
    await Promise.race([ended, sleep(STOP_WAIT_MS, inTime.signal).catch(() => undefined)]);
    // A timer that goes on would keep the process, and with it whoever is to come back under its name.
    inTime.abort();
    this.connections.close();
    this.asking.close();
    await ended;
    try {
      const { memberId, instanceId } = this.membership;
      this.connections = new BrokerConnections(this.cluster);
      if (memberId !== '' && instanceId === null) await leaveGroup(await this.connection(), this.membership);
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
      const error = await heartbeat(connection, this.membership, this.generation);
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
        if (this.isReplaced) return this.options.onReplaced?.(ownError(error));
        this.options.onTrouble(ownError(error));
        this.releaseIfExpired();
        await sleep(RETRY_MS, this.stopping.signal).catch(() => undefined);
      }
    }
  }

  private async joinAndSync(): Promise<void> {
    const joined = await this.join();
    const isAssigning = joined.isLeader && !joined.keepsAssignments;
    const synced = await syncGroup(
      await this.connection(),
      this.membership,
      joined.generation,
      isAssigning ? await this.assign(joined.members) : new Map(),
    );
    if (synced.error === REBALANCE_IN_PROGRESS) return await this.joinAndSync();
    this.check('SyncGroup', synced.error);
    this.generation = joined.generation;
    this.lastConfirmedMs = monotonicMs();
    // A leader that is back under its instance id finds in the note whether what there is to spread is still the same.
    this.spreadHash = joined.isLeader ? hashIn(synced.assigned.note) : null;
    this.take(synced.assigned.partitions);
  }

  private async assign(members: JoinAnswer['members']): Promise<Map<string, Assignment>> {
    const all = await this.allPartitions();
    const note = Buffer.alloc(4);
    note.writeUInt32BE(spreadOf(all));
    const { light = [], heavy = [] } = Object.groupBy(all, ({ topic }) =>
      this.options.lightTopics?.includes(topic) === true ? 'light' : 'heavy',
    );
    const assigned = [...assignKinds(members, [heavy, light])];
    return new Map(assigned.map(([memberId, partitions]) => [memberId, { partitions, note }]));
  }

  private async join(): Promise<JoinAnswer> {
    for (;;) {
      this.stopping.signal.throwIfAborted();
      const answer = await joinGroup(await this.connection(), {
        ...this.membership,
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
      const error = await heartbeat(await this.connection(), this.membership, this.generation);
      if (error === REBALANCE_IN_PROGRESS) return;
      this.check('Heartbeat', error);
      this.lastConfirmedMs = monotonicMs();
      if (this.spreadHash !== null && spreadOf(await this.allPartitions()) !== this.spreadHash) return;
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
    this.isReplaced = error === FENCED_INSTANCE_ID;
    if (this.isReplaced)
      throw new GauzeError('ERR_RUN_INSTANCE_REPLACED', { instance: this.options.instanceId ?? '' });
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

  private get membership(): Membership {
    const { group, instanceId = null } = this.options;
    return { group, memberId: this.memberId, instanceId };
  }

  private get sessionTimeoutMs(): number {
    return this.options.sessionTimeoutMs ?? 10_000;
  }
}

function spreadOf(partitions: readonly TopicPartition[]): number {
  return spread(partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(','), SPREAD_HASHES);
}

/** The hash that a leader has noted; -1, which is none, where it noted nothing. */
function hashIn(note: Buffer): number {
  return note.length === 4 ? note.readUInt32BE() : -1;
}
