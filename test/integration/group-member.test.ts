/**
 * Spreading partitions over instances on a real broker: each partition has one owner, whoever comes, leaves or dies.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster } from '../../kafka/cluster.ts';
import { GroupMember } from '../../kafka/group-member.ts';
import { TestPlane, endpointOf, patience } from '../support/kafka-plane.ts';
import type { TestTopic } from '../support/kafka-plane.ts';
import { uniqueName } from '../support/stack.ts';

const PARTITIONS = 6;
/** The least that the broker takes. */
const SESSION_MS = 6_000;
const PROCESS = fileURLToPath(new URL('../support/group-member-process.ts', import.meta.url));

let plane: TestPlane;
let topic: TestTopic;
let group: string;
let members: Instance[] = [];
let children: ChildInstance[] = [];

beforeAll(async () => {
  plane = new TestPlane();
  await plane.start();
  topic = await plane.topic({}, PARTITIONS);
});

afterEach(async () => {
  for (const child of children) child.process.kill('SIGKILL');
  await Promise.all(members.map(async (member) => await member.stop()));
  members = [];
  children = [];
});

afterAll(async () => {
  await plane.close();
});

/** What both kinds of instance have: what they were given last. */
interface Assigned {
  held: readonly number[];
}

class Instance implements Assigned {
  held: readonly number[] = [];
  /** Everything given so far, one entry for each change. */
  readonly history: (readonly number[])[] = [];
  readonly troubles: string[] = [];
  topics: readonly string[] = [topic.name];
  readonly member: GroupMember;
  private readonly cluster = new Cluster(endpointOf());
  private stopped: Promise<void> | null = null;

  constructor() {
    members.push(this);
    this.member = new GroupMember(this.cluster, {
      group,
      topics: () => this.topics,
      onAssigned: (partitions) => {
        this.held = partitions.filter((own) => own.topic === topic.name).map(({ partition }) => partition);
        this.history.push(this.held);
      },
      onTrouble: ({ code }) => this.troubles.push(code),
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: 200,
    });
    this.member.start();
  }

  async stop(): Promise<void> {
    this.stopped ??= this.member.stop().then(async () => await this.cluster.close());
    await this.stopped;
  }
}

class ChildInstance implements Assigned {
  held: readonly number[] = [];
  readonly answers = new Map<number, boolean>();
  readonly process: ChildProcess;

  constructor() {
    children.push(this);
    this.process = spawn(process.execPath, [PROCESS, group, topic.name], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.process.stdin!.write(`${JSON.stringify(endpointOf())}\n`);
    createInterface(this.process.stdout!).on('line', (line) => {
      const said = JSON.parse(line) as { assigned?: number[]; partition?: number; holds?: boolean };
      if (said.assigned) this.held = said.assigned;
      else this.answers.set(said.partition!, said.holds!);
    });
  }

  ask(partition: number): void {
    this.process.stdin!.write(`${partition}\n`);
  }
}

/** Waits until these share all partitions among them, none twice, as evenly as can be. */
async function shared(among: readonly Assigned[], ms = 30_000): Promise<void> {
  const wait = patience('an even share', ms);
  const even = (): boolean => {
    const all = among.flatMap(({ held }) => held);
    const counts = among.map(({ held }) => held.length);
    const whole = all.length === PARTITIONS && new Set(all).size === PARTITIONS;
    return whole && Math.max(...counts) - Math.min(...counts) <= 1;
  };
  await until(even, wait);
}

async function until(condition: () => boolean, wait = patience('a condition')): Promise<void> {
  while (!condition()) {
    wait();
    await pause(10);
  }
}

const partition = (index: number): { topic: string; partition: number } => ({
  topic: topic.name,
  partition: index,
});

describe('a group', () => {
  test('shares all partitions, none twice; who stays keeps what evenness lets them keep', async () => {
    group = uniqueName('gauze.topology');
    const first = new Instance();
    await shared([first]);
    const second = new Instance();
    await shared([first, second]);
    const before = [new Set(first.held), new Set(second.held)];
    const third = new Instance();
    await shared([first, second, third]);
    expect(first.held.filter((index) => before[0]!.has(index))).toHaveLength(2);
    expect(second.held.filter((index) => before[1]!.has(index))).toHaveLength(2);
    // Nobody was without its partitions in between: a rebalance stops only what moves.
    for (const { history } of [first, second]) expect(history.every((held) => held.length >= 2)).toBe(true);
    expect(first.troubles).toEqual([]);

    const kept = [new Set(first.held), new Set(third.held)];
    await second.stop();
    await shared([first, third], SESSION_MS);
    expect([...kept[0]!].every((index) => first.held.includes(index))).toBe(true);
    expect([...kept[1]!].every((index) => third.held.includes(index))).toBe(true);
  });

  test('spreads the partitions of a topic that comes to be wanted', async () => {
    group = uniqueName('gauze.topology');
    const other = await plane.topic({}, 1);
    const only = new Instance();
    only.topics = [other.name];
    await until(() => only.history.length > 0 && only.held.length === 0);
    only.topics = [other.name, topic.name];
    await shared([only]);
  });

  test('tells who holds a partition, by asking the coordinator', async () => {
    group = uniqueName('gauze.topology');
    const [first, second] = [new Instance(), new Instance()];
    await shared([first, second]);
    const [mine] = first.held;
    const [theirs] = second.held;
    expect(await first.member.stillHolds(partition(mine!))).toBe(true);
    expect(await first.member.stillHolds(partition(theirs!))).toBe(false);
    expect(await first.member.stillHolds({ topic: 'another', partition: mine! })).toBe(false);
    await first.stop();
    expect(await first.member.stillHolds(partition(mine!))).toBe(false);
  });

  test('takes over what a killed member held, once its session has timed out', async () => {
    group = uniqueName('gauze.topology');
    const [left, killed] = [new Instance(), new ChildInstance()];
    await shared([left, killed]);
    expect(killed.held).toHaveLength(PARTITIONS / 2);
    const dead = performance.now();
    killed.process.kill('SIGKILL');
    await shared([left]);
    expect(performance.now() - dead).toBeGreaterThan(SESSION_MS / 2);
  });

  test('tells a member that slept through its session that it holds nothing any more', async () => {
    group = uniqueName('gauze.topology');
    const [awake, asleep] = [new Instance(), new ChildInstance()];
    await shared([awake, asleep]);
    const before = asleep.held;
    expect(before).toHaveLength(PARTITIONS / 2);
    asleep.ask(before[0]!);
    await until(() => asleep.answers.has(before[0]!));
    expect(asleep.answers.get(before[0]!)).toBe(true);

    asleep.process.kill('SIGSTOP');
    await shared([awake]);
    asleep.answers.clear();
    for (const index of before) asleep.ask(index);
    asleep.process.kill('SIGCONT');
    await until(() => asleep.answers.size === before.length);
    expect([...asleep.answers.values()]).toEqual(before.map(() => false));
    // And it comes back as a new member.
    await shared([awake, asleep]);
  });
});
