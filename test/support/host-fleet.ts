/**
 * Several `gauze run` processes on one site, as several hosts: started, killed, frozen, woken, taken out in order, and
 * asked what lanes they have. What it knows of them comes from their logs and from the brokers.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestSite } from './test-site.ts';
import type { RunningInstance } from './test-site.ts';

/** `audience/topic/partition`. */
export type LaneKey = string;

interface LogLine {
  readonly msg?: string;
  readonly audience?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly count?: number;
  readonly error?: { readonly code?: string };
}

/** One running host. */
export class Host {
  readonly instance: RunningInstance;
  readonly number: number;
  /** Lanes that it has started and not ended. */
  readonly lanes = new Set<LaneKey>();
  /** Every lane that it has started, in order. */
  private readonly begun: LaneKey[] = [];
  private endedLanes = new Set<LaneKey>();
  /** How often each message, and each code of an error, stands in its log. */
  readonly counts = new Map<string, number>();
  /** Raw partitions assigned last; null before the first assignment. */
  partitions: number | null = null;
  state: 'up' | 'frozen' | 'down' = 'up';
  private rest = '';

  constructor(instance: RunningInstance, number: number) {
    this.instance = instance;
    this.number = number;
    instance.process.stderr!.on('data', (chunk: Buffer) => this.hear(chunk.toString()));
  }

  count(messageOrCode: string): number {
    return this.counts.get(messageOrCode) ?? 0;
  }

  /** How many lanes it has started so far; `startedSince` tells the later ones. */
  get startedCount(): number {
    return this.begun.length;
  }

  startedSince(count: number): readonly LaneKey[] {
    return this.begun.slice(count);
  }

  endedSinceWake(lane: LaneKey): boolean {
    return this.endedLanes.has(lane);
  }

  async kill(): Promise<void> {
    this.state = 'down';
    await this.instance.end('SIGKILL');
  }

  /** In order; gives the exit code. */
  async leave(): Promise<number | null> {
    this.state = 'down';
    return await this.instance.end('SIGTERM');
  }

  freeze(): void {
    this.state = 'frozen';
    this.instance.process.kill('SIGSTOP');
  }

  wake(): void {
    this.state = 'up';
    this.endedLanes = new Set();
    this.instance.process.kill('SIGCONT');
  }

  private hear(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) if (line.startsWith('{')) this.take(JSON.parse(line) as LogLine);
  }

  private take({ msg = '', audience, topic, partition, count, error }: LogLine): void {
    for (const word of [msg, error?.code]) if (word) this.counts.set(word, this.count(word) + 1);
    const lane = `${audience}/${topic}/${partition}`;
    if (msg === 'lane started') {
      this.lanes.add(lane);
      this.begun.push(lane);
    } else if (msg === 'lane ended') {
      this.lanes.delete(lane);
      this.endedLanes.add(lane);
    }
    if (msg === 'partitions assigned') this.partitions = count ?? 0;
  }
}

export class HostFleet {
  readonly hosts: Host[] = [];
  readonly site: TestSite;
  /** Hosts that had to be started a second time. */
  startedAgain = 0;

  constructor(site: TestSite) {
    this.site = site;
  }

  get up(): readonly Host[] {
    return this.hosts.filter(({ state }) => state === 'up');
  }

  /** Hosts that work on lanes at the moment. */
  get working(): readonly Host[] {
    return this.up.filter(({ lanes }) => lanes.size > 0);
  }

  add(nodeOptions: readonly string[] = []): Host {
    const host = new Host(this.site.run('topology', nodeOptions), this.hosts.length);
    this.hosts.push(host);
    return host;
  }

  /** How often a message or a code stands in all logs together. */
  count(messageOrCode: string): number {
    return this.hosts.reduce((sum, host) => sum + host.count(messageOrCode), 0);
  }

  /**
   * Fails where a host has ended that nobody ended. One that found no broker when it started may end, with an error that
   * says so: whatever supervises it starts it again, and so does this.
   */
  assertNoneEnded(): void {
    for (const host of this.hosts) {
      const { exitCode } = host.instance.process;
      if (host.state !== 'up' || exitCode === null || exitCode === 0) continue;
      if (host.partitions !== null || !/^ERR_KAFKA_CON/m.test(host.instance.log)) continue;
      host.state = 'down';
      this.startedAgain++;
      this.add();
    }
    const gone = this.hosts.filter(
      ({ state, instance: { process } }) =>
        state !== 'down' && (process.exitCode !== null || process.signalCode !== null),
    );
    if (gone.length > 0) throw new Error(`host ${gone[0]!.number} ended: ${tail(gone[0]!)}`);
  }

  /** Waits for something to be so; `waitingFor` is named where it takes too long. */
  async until(
    waitingFor: string,
    condition: () => boolean | Promise<boolean>,
    timeoutMs = 240_000,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      this.assertNoneEnded();
      if (performance.now() > deadline)
        throw new Error(`waited too long for ${waitingFor}\n${this.hosts.map(tail).join('\n')}`);
      await sleep(20);
    }
  }

  async close(): Promise<void> {
    for (const host of this.hosts) {
      const { process } = host.instance;
      if (process.exitCode !== null || process.signalCode !== null) continue;
      host.state = 'down';
      const ended = once(process, 'exit');
      process.kill('SIGKILL');
      await ended;
    }
  }
}

function tail({ number, state, partitions, lanes, instance }: Host): string {
  const lines = instance.log.trimEnd().split('\n').slice(-6).join('\n');
  return `host ${number} (${state}, ${partitions} partitions, ${lanes.size} lanes):\n${lines}`;
}
