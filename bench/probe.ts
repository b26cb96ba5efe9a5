/**
 * An independent consumer that says when committed records became visible (LatencyProbe.java), and the match of what it
 * saw with when the raw records were appended: by count in each partition, which holds since order and partition are
 * kept and no record of the feed is withheld.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StackDescription } from '../stack/local-stack.ts';

const SOURCE = fileURLToPath(new URL('LatencyProbe.java', import.meta.url));
const START_MS = 240_000;

export interface ProbedPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Records that were appended, or became visible, at one moment: milliseconds of the machine's clock. */
interface Step {
  readonly records: number;
  readonly atMs: number;
}

export class Probe {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly seen: Step[][];
  private readonly counts: number[];
  private ready = false;

  private constructor(stack: StackDescription, partitions: readonly ProbedPartition[]) {
    const { username, password } = stack.logins['admin']! as { username: string; password: string };
    const places = partitions.flatMap(({ topic, partition }) => [topic, String(partition)]);
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-Dorg.apache.logging.log4j.level=OFF'];
    const args = [...options, '-cp', `${stack.kafkaLibs}/*`, SOURCE, stack.brokers.join(','), username];
    this.child = spawn(stack.java, [...args, ...places], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.child.stdin.write(`${password}\n`);
    this.seen = partitions.map(() => []);
    this.counts = partitions.map(() => 0);
    createInterface({ input: this.child.stdout }).on('line', (line) => this.take(line));
  }

  /** Resolves once it waits for records. */
  static async start(stack: StackDescription, partitions: readonly ProbedPartition[]): Promise<Probe> {
    const probe = new Probe(stack, partitions);
    const until = performance.now() + START_MS;
    while (!probe.ready) {
      if (performance.now() > until) throw new Error('the probe did not start');
      await sleep(50);
    }
    return probe;
  }

  /** Records seen of each partition. */
  get records(): readonly number[] {
    return this.counts;
  }

  /** When the first record of any partition was seen from `sinceMs` on; null if there was none. */
  firstSince(sinceMs: number): number | null {
    const since = this.seen.flatMap((steps) => steps.filter(({ atMs }) => atMs >= sinceMs));
    return since.length === 0 ? null : Math.min(...since.map(({ atMs }) => atMs));
  }

  /**
   * Latencies in milliseconds of the records of partition `index` that were appended in [fromMs, toMs), each with how many
   * records it stands for.
   */
  latencies(
    index: number,
    appended: readonly Step[],
    fromMs: number,
    toMs: number,
  ): readonly { readonly ms: number; readonly records: number }[] {
    const found: { ms: number; records: number }[] = [];
    const seen = this.seen[index]!;
    let at = 0;
    let left = seen[0]?.records ?? 0;
    for (const { records, atMs } of appended) {
      for (let open = records; open > 0 && at < seen.length;) {
        const taken = Math.min(open, left);
        if (atMs >= fromMs && atMs < toMs) found.push({ ms: seen[at]!.atMs - atMs, records: taken });
        open -= taken;
        left -= taken;
        if (left === 0) left = seen[++at]?.records ?? 0;
      }
    }
    return found;
  }

  async end(): Promise<void> {
    const exit = once(this.child, 'exit', { signal: AbortSignal.timeout(10_000) });
    this.child.stdin.end();
    await exit.catch(() => this.child.kill('SIGKILL'));
  }

  private take(line: string): void {
    if (line === 'ready') this.ready = true;
    const [index, records, atMs] = line.split(' ').map(Number);
    if (atMs === undefined) return;
    this.seen[index!]!.push({ records: records!, atMs });
    this.counts[index!]! += records!;
  }
}
