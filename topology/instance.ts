/**
 * One running instance: a member of the topology group, the readers of the raw partitions it holds, and a lane for
 * each audience on each of them, and the grants that it holds. It starts and stops them; it never touches a record.
 */
import { sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { GroupMember } from '../kafka/group-member.ts';
import type { TopicPartition } from '../kafka/group-requests.ts';
import type { AppliedPolicy } from '../policy/policies-in-force.ts';
import { PolicyLog, laneKey } from '../policy/policy-log.ts';
import { grantProgressCodec } from '../schemas/access-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { controlSchemaIds } from './control-schemas.ts';
import { Dictionaries } from './dictionary-reader.ts';
import { GrantRunner } from './grant-runner.ts';
import { beat } from './instance-heartbeat.ts';
import type { InstanceCounts } from './instance-heartbeat.ts';
import { Lane } from './lane.ts';
import type { InstanceOptions, LaneStanding } from './instance-options.ts';
import type { LaneContext, LaneName } from './lane-context.ts';
import { PartitionReaders } from './partition-readers.ts';
import { PlanStore } from './plan-store.ts';
import { SampleRunner } from './sample-runner.ts';
import { rawTopicsOf, wantedLanes } from './wanted-lanes.ts';
import type { CoveredTopics } from './wanted-lanes.ts';

/** What the outputs of all lanes of an instance may take together, in bytes ... */
const ALL_BATCHES_BYTES = 128 * 1024 * 1024;
/** ... unless that is less than so much for each. */
const BATCH_BYTES_MIN = 256 * 1024;
/** How often the registry is asked for new versions of the schemas in use. */
const REGISTRY_REFRESH_MS = 30_000;

export class Instance {
  /** Resolves with the reason once this instance has given up everything and must end. */
  readonly failed: Promise<GauzeError>;
  private reportFailure: (error: GauzeError) => void = () => undefined;
  private readonly options: InstanceOptions;
  private readonly policyLog: PolicyLog;
  private readonly plans: PlanStore;
  private readonly lanes = new Map<string, Lane>();
  private readonly readers: PartitionReaders;
  private readonly background: Promise<void>[] = [];
  private readonly stopping = new AbortController();
  private member: GroupMember | null = null;
  private context: LaneContext | null = null;
  private grants: GrantRunner | null = null;
  private assigned: readonly TopicPartition[] = [];
  private hasAssignment = false;
  /** Lanes that somebody newer has taken over; started again only after a new assignment says so. */
  private readonly givenUp = new Set<string>();
  private readonly refusedTold = new Set<number>();

  constructor(options: InstanceOptions) {
    this.failed = new Promise((resolve) => {
      this.reportFailure = resolve;
    });
    this.options = options;
    const { registry, keyring, aliasLists, siteTags, cluster, names } = options;
    this.readers = new PartitionReaders(cluster, options.limits);
    this.policyLog = new PolicyLog(cluster, names.policies, names.access);
    this.plans = new PlanStore({ registry, keyring, aliasLists, siteTags, policyLog: this.policyLog });
  }

  /**
   * Reads the policy log to its end, joins the group and works from then on.
   * Throws what stands in the way of starting: connection, rights, missing topics, keys.
   */
  async start(): Promise<void> {
    const { cluster, names, events } = this.options;
    await cluster.start();
    await this.policyLog.readToEnd(this.stopping.signal);
    this.tellRefused();
    for (const audience of this.policyLog.state.policies.keys()) this.options.keyring.audience(audience);
    this.options.keyring.subjectTokens();
    this.context = await this.laneContext();
    this.grants = await this.grantRunner(this.context);
    this.background.push(
      this.followPolicies(),
      this.followRegistry(),
      this.beat(this.context),
      this.sampleRunner(this.context).run(this.stopping.signal),
    );
    this.member = new GroupMember(cluster, {
      ...this.options.member,
      group: names.topologyGroup,
      topics: () => [...rawTopicsOf(this.covered()), names.grants],
      lightTopics: [names.grants],
      onAssigned: (partitions) => {
        this.assigned = partitions;
        this.hasAssignment = true;
        this.givenUp.clear();
        events.assigned(partitions);
        const grants = partitions.filter(({ topic }) => topic === names.grants);
        this.grants?.assign(grants.map(({ partition }) => partition));
        this.reconcile();
      },
      onTrouble: (error) => events.instanceTrouble(error),
      onReplaced: (error) => this.fail(error),
    });
    this.member.start();
  }

  /** Has it got its partitions from the group, and does that still know of it? Otherwise it can do nothing. */
  get isAssigned(): boolean {
    return this.hasAssignment && this.member?.isConfirmed === true;
  }

  /** Grants that have a task here. */
  get grantCount(): number {
    return this.grants?.count ?? 0;
  }

  /** The policies in force, by audience. */
  policiesInForce(): ReadonlyMap<string, AppliedPolicy> {
    return this.policyLog.state.policies;
  }

  /** Where each lane stands now. */
  laneStandings(): readonly LaneStanding[] {
    return [...this.lanes.values()].map(({ name, isHeld, position }) => {
      const end = this.readers.end(name.topic, name.partition);
      const lag = position === null || end === null ? null : Math.max(0, end - position);
      return { lane: name, isHeld, lag };
    });
  }

  /** Drains: finishes transactions under way, closes sessions, ends the membership. What takes longer is dropped. */
  async stop(drainMs: number): Promise<void> {
    const lanes = [...this.lanes.values()];
    this.stopping.abort();
    const drained = Promise.all([...lanes.map(async (lane) => await lane.stop()), this.grants?.stop()]);
    const late = new AbortController();
    const timeout = sleep(drainMs, late.signal).then(
      async () => await Promise.all([...lanes.map(async (lane) => await lane.abort()), this.grants?.abort()]),
      () => undefined,
    );
    await Promise.race([drained, timeout]);
    late.abort();
    await this.member?.stop();
    this.readers.close();
    this.policyLog.close();
    await Promise.allSettled(this.background);
    await this.options.cluster.close();
  }

  private async beat(context: LaneContext): Promise<void> {
    const counts = (): InstanceCounts => ({
      lanes: this.lanes.size,
      held: [...this.lanes.values()].filter(({ isHeld }) => isHeld).length,
      grants: this.grants?.count ?? 0,
    });
    await beat(context, counts, this.stopping.signal, (error) => this.options.events.instanceTrouble(error));
  }

  private covered(): CoveredTopics {
    const audiences = [...this.policyLog.state.policies.keys()];
    return new Map(audiences.map((audience) => [audience, this.plans.policy(audience)?.topics ?? null]));
  }

  /** Starts lanes that should run and stops those that should not; the others go on untouched. */
  private reconcile(): void {
    const context = this.context;
    if (!context || this.stopping.signal.aborted) return;
    const wanted = new Map(wantedLanes(this.assigned, this.covered()).map((name) => [laneKey(name), name]));
    for (const [key, lane] of this.lanes) {
      if (wanted.has(key)) continue;
      // Whoever holds the partition now fences this lane; what it has under way would be lost anyway.
      void lane.abort();
    }
    for (const [key, name] of wanted) {
      if (!this.lanes.has(key) && !this.givenUp.has(key)) this.startLane(context, key, name);
    }
  }

  private startLane(context: LaneContext, key: string, name: LaneName): void {
    const lane = new Lane(context, name);
    this.lanes.set(key, lane);
    this.options.events.laneStarted(name);
    lane.start();
    void this.afterEnd(lane, key, name);
  }

  private async afterEnd(lane: Lane, key: string, name: LaneName): Promise<void> {
    await lane.finished();
    this.lanes.delete(key);
    if (lane.takenOver) {
      this.givenUp.add(key);
      this.options.events.laneTakenOver(name);
    }
    this.options.events.laneEnded(name);
    this.reconcile();
  }

  private async followPolicies(): Promise<void> {
    const { signal } = this.stopping;
    const following = this.policyLog.follow(signal, (error) => this.options.events.instanceTrouble(error));
    let seen = this.policyLog.state.rulesVersion;
    const react = async (): Promise<void> => {
      while (!signal.aborted) {
        await this.policyLog.changed(signal);
        if (this.policyLog.state.rulesVersion === seen) continue;
        seen = this.policyLog.state.rulesVersion;
        this.tellRefused();
        this.plans.invalidate();
        this.reconcile();
      }
    };
    try {
      await Promise.race([following, react()]);
    } catch (error) {
      this.fail(ownError(error));
    }
  }

  /** Policies that stand in the log without the decision they need: each is told once. */
  private tellRefused(): void {
    for (const [audience, { code, logOffset: offset }] of this.policyLog.state.versions.refused) {
      if (this.refusedTold.has(offset)) continue;
      this.refusedTold.add(offset);
      this.options.events.instanceTrouble(new GauzeError(code, { audience, offset }));
    }
  }

  /** What decides about everything cannot be known any more: nothing may go on. */
  private fail(error: GauzeError): void {
    for (const lane of this.lanes.values()) void lane.abort();
    void this.grants?.abort();
    this.stopping.abort();
    this.reportFailure(error);
  }

  private async followRegistry(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(REGISTRY_REFRESH_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.plans
        .refreshSubjects()
        .catch((error: unknown) => this.options.events.instanceTrouble(ownError(error)));
    }
  }

  private async laneContext(): Promise<LaneContext> {
    const { names, keyring, limits, registry } = this.options;
    return {
      ...this.options,
      auditKey: keyring.auditWriter('topology'),
      policyLog: this.policyLog,
      plans: this.plans,
      dictionaries: new Dictionaries(this.stopping.signal),
      schemaIds: await controlSchemaIds(registry, names),
      batchBytes: () =>
        Math.min(limits.batchBytes, Math.max(BATCH_BYTES_MIN, ALL_BATCHES_BYTES / this.lanes.size)),
      lingerMs: () => Math.max(limits.lingerMs, (this.lanes.size * 1000) / limits.transactionsPerSecond),
      reader: (topic, topicId, partition) => this.readers.of(topic, topicId, partition),
      stillHolds: async (topic, partition, signal) =>
        (await this.member?.stillHolds({ topic, partition }, signal)) ?? false,
    };
  }

  /** Samples of a topic are taken by whoever holds its first partition. */
  private sampleRunner(context: LaneContext): SampleRunner {
    const isOurs = (wanted: string): boolean =>
      this.assigned.some(({ topic, partition }) => topic === wanted && partition === 0);
    return new SampleRunner(context, isOurs, (error) => this.options.events.instanceTrouble(error));
  }

  private async grantRunner(context: LaneContext): Promise<GrantRunner> {
    const { registry, names, aliases, events, deleteTopic } = this.options;
    const subject = valueSubject(names.grantProgress);
    const grantProgress = await registry.register(subject, grantProgressCodec.schemaText);
    return new GrantRunner({
      ...context,
      aliases,
      schemaIds: { ...context.schemaIds, grantProgress },
      events,
      deleteTopic,
      trouble: (error) => events.instanceTrouble(error),
    });
  }
}
