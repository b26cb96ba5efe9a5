/**
 * Carries a fault plan out on real processes: hosts are killed, frozen and woken, brokers are killed and started again,
 * instances come and go, while records keep coming. It breaks things and counts what it hit; what came of it is for
 * whoever reads the topics to say.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { BrokerConnections } from '../../kafka/cluster.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import type { Stack } from '../../stack/local-stack.ts';
import { faultPlan } from './fault-plan.ts';
import type { Fault, FaultCounts } from './fault-plan.ts';
import { HostFleet } from './host-fleet.ts';
import type { Host, LaneKey } from './host-fleet.ts';
import { openTransactions } from './open-transactions.ts';
import { clusterOf } from './raw-log.ts';
import type { TestSite } from './test-site.ts';

export interface FaultRunOptions {
  readonly site: TestSite;
  readonly stack: Stack;
  readonly seed: number;
  readonly counts: FaultCounts;
  /** Fed in equal parts, one before each fault; about so many. */
  readonly records: number;
  readonly hosts: number;
  /** No fault begins after so long. */
  readonly minutes: number;
  /** Called before every tenth fault. */
  readonly plant: () => Promise<void>;
  readonly tell: (line: string) => void;
}

/** What was hit. */
export interface FaultTally {
  fed: number;
  /** Carried out, of those planned. */
  faults: number;
  planned: number;
  kills: number;
  /** Kills that left transactions open, and how many. */
  killsInside: number;
  transactionsLeftByKills: number;
  freezes: number;
  freezesInside: number;
  transactionsLeftByFreezes: number;
  /** Frozen hosts that came back, and lanes that they then gave up because others had them. */
  woken: number;
  lanesGivenUp: number;
  restarts: number;
  transactionsOpenAtRestarts: number;
  joined: number;
  left: number;
}

/** About so many records come of one patient on the sites of fault runs. */
const RECORDS_PER_PATIENT = 18;
const FEED_PATIENCE_MS = 300_000;
const PLANT_EVERY = 10;

export class FaultRun {
  readonly tally: FaultTally = {
    fed: 0,
    faults: 0,
    planned: 0,
    kills: 0,
    killsInside: 0,
    transactionsLeftByKills: 0,
    freezes: 0,
    freezesInside: 0,
    transactionsLeftByFreezes: 0,
    woken: 0,
    lanesGivenUp: 0,
    restarts: 0,
    transactionsOpenAtRestarts: 0,
    joined: 0,
    left: 0,
  };
  readonly fleet: HostFleet;
  private readonly options: FaultRunOptions;
  private readonly waking: Promise<void>[] = [];
  private cluster!: Cluster;
  private connections!: BrokerConnections;
  private fedParts = 0;

  constructor(options: FaultRunOptions) {
    this.options = options;
    this.fleet = new HostFleet(options.site);
  }

  /** Everything in the plan, one after another; hosts that are frozen sleep through what comes meanwhile. */
  async run(): Promise<FaultTally> {
    const { seed, counts, hosts, tell } = this.options;
    const plan = faultPlan(seed, counts);
    this.tally.planned = plan.length;
    this.cluster = await clusterOf('admin');
    this.connections = new BrokerConnections(this.cluster);
    try {
      for (let n = 0; n < hosts; n++) this.fleet.add();
      await this.hostsWork('the first lanes');
      const start = performance.now();
      for (const [n, fault] of plan.entries()) {
        const began = performance.now();
        if (began - start > this.options.minutes * 60_000) break;
        if (n % PLANT_EVERY === 0) await again(this.options.plant);
        // Records come while things break.
        const feeding = this.feed(plan.length);
        feeding.catch(() => undefined);
        await this.hostsWork('work before the next fault');
        await sleep(fault.delayMs);
        await this.carryOut(fault);
        await feeding;
        this.tally.faults++;
        tell(`${n + 1}/${plan.length} ${fault.kind}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
        this.fleet.assertNoneEnded();
      }
      await Promise.all(this.waking);
      return this.tally;
    } finally {
      this.connections.close();
      await this.cluster.close();
    }
  }

  async close(): Promise<void> {
    await this.fleet.close();
    await Promise.allSettled(this.waking);
  }

  private async carryOut({ kind, choice, delayMs }: Fault): Promise<void> {
    if (kind === 'kill') await this.kill(await this.chosen(choice));
    else if (kind === 'freeze') await this.freeze(await this.chosen(choice));
    else if (kind === 'restart') await this.restart(choice, delayMs);
    else await this.reassign(choice);
  }

  private async chosen(choice: number): Promise<Host> {
    await this.hostsWork('a host with lanes');
    const { working } = this.fleet;
    return working[choice % working.length]!;
  }

  private async kill(host: Host): Promise<void> {
    await this.inTransaction(host);
    await host.kill();
    const left = await this.leftOpen(host.lanes);
    this.tally.kills++;
    if (left > 0) this.tally.killsInside++;
    this.tally.transactionsLeftByKills += left;
    this.fleet.add();
  }

  private async freeze(host: Host): Promise<void> {
    await this.inTransaction(host);
    host.freeze();
    const had = new Set(host.lanes);
    const left = await this.leftOpen(had);
    this.tally.freezes++;
    if (left > 0) this.tally.freezesInside++;
    this.tally.transactionsLeftByFreezes += left;
    this.fleet.add();
    const givenUpBefore = host.count('lane is taken over by another instance');
    const begun = new Map(this.fleet.hosts.map((each) => [each, each.startedCount]));
    this.waking.push(this.wakeOnceReplaced(host, had, begun, givenUpBefore));
  }

  /** Wakes a frozen host once others have begun on every lane that it had. */
  private async wakeOnceReplaced(
    host: Host,
    had: ReadonlySet<LaneKey>,
    begun: ReadonlyMap<Host, number>,
    givenUpBefore: number,
  ): Promise<void> {
    await this.fleet.until(
      `others to take over from host ${host.number}`,
      () => {
        const others = this.fleet.hosts.filter((each) => each !== host);
        const since = new Set(others.flatMap((each) => each.startedSince(begun.get(each) ?? 0)));
        return [...had].every((lane) => since.has(lane));
      },
      600_000,
    );
    host.wake();
    this.tally.woken++;
    await this.fleet.until(
      `host ${host.number} to see that it was replaced`,
      () => host.state === 'down' || [...had].every((lane) => host.endedSinceWake(lane)),
    );
    this.tally.lanesGivenUp += host.count('lane is taken over by another instance') - givenUpBefore;
    // Another one came in its place; it has come back as a member like any other, and goes.
    if (host.state === 'up') await host.leave();
  }

  private async restart(choice: number, delayMs: number): Promise<void> {
    const { stack } = this.options;
    const broker = choice % stack.brokers.length;
    this.tally.transactionsOpenAtRestarts += (await this.open()).size;
    await stack.killBroker(broker);
    await sleep(delayMs * 4);
    await stack.startBroker(broker);
    this.tally.restarts++;
  }

  /** By turns one host more, and one host fewer. */
  private async reassign(choice: number): Promise<void> {
    if (this.fleet.up.length <= this.options.hosts) {
      const host = this.fleet.add();
      await this.fleet.until(
        'a new host to be given partitions',
        () => host.state === 'down' || (host.partitions ?? 0) > 0,
      );
      this.tally.joined++;
      return;
    }
    const code = await (await this.chosen(choice)).leave();
    if (code !== 0) throw new Error(`a host that was to leave in order ended with ${code}`);
    this.tally.left++;
  }

  /** Until a transaction of this host is under way, so that what comes now comes into it; not for ever. */
  private async inTransaction(host: Host): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline && (await this.openOf(host.lanes)) === 0) await sleep(1);
  }

  /** Transactions that are open, and stay so: nobody ends them but who takes the lane over. */
  private async leftOpen(lanes: ReadonlySet<LaneKey>): Promise<number> {
    await sleep(150);
    return await this.openOf(lanes);
  }

  private async openOf(lanes: ReadonlySet<LaneKey>): Promise<number> {
    const { names } = this.options.site;
    const open = await this.open();
    return [...lanes].filter((lane) => {
      const [audience, topic, partition] = lane.split('/');
      return open.has(names.laneTransactionalId(audience!, topic!, Number(partition)));
    }).length;
  }

  private async open(): Promise<ReadonlySet<string>> {
    return await openTransactions(this.cluster, this.connections);
  }

  private async hostsWork(what: string): Promise<void> {
    await this.fleet.until(what, () => this.fleet.working.length > 0);
  }

  /** One part of the records. What is sent again stands in the raw topics twice: there may be more than was asked for. */
  private async feed(parts: number): Promise<void> {
    const patients = Math.ceil(this.options.records / parts / RECORDS_PER_PATIENT);
    const seed = this.options.seed + this.fedParts++;
    this.tally.fed += await again(
      async () => await this.options.site.feed(generateHospital({ patients, seed })),
    );
  }
}

/** Sends again as a whole where a broker was away. */
async function again<T>(send: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + FEED_PATIENCE_MS;
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}
