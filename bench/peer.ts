/**
 * The rival, where it is there: a Kafka Streams application that does the same job (`peer` builds and runs it). It is
 * no part of this repository; by default it is looked for beside the checkout.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { StackDescription } from '../stack/local-stack.ts';
import { findJavas } from '../stack/prerequisites.ts';
import { cpuSecondsOf } from './process-figures.ts';

const DEFAULT_FOLDER = resolve(import.meta.dirname, '../../shared/peers/kafka-streams');
const LEAST_JAVA = 17;

/** One pass over the records: from the first one seen to the last one processed, as the peer itself counts it. */
export interface PeerPass {
  readonly recordsPerSecond: number;
  readonly cpuMicrosPerRecord: number;
  /** Processor time of the process from its start to the end of this pass, over the records of this pass. */
  readonly cpuSinceStartMicrosPerRecord: number;
}

/** Why there is no rival here; null where there is one. */
export function peerMissing(folder = DEFAULT_FOLDER): string | null {
  if (!existsSync(join(folder, 'peer')))
    return 'no rival: ../shared/peers/kafka-streams is not there (--peer=FOLDER)';
  if ((findJavas()[0]?.version ?? 0) < LEAST_JAVA)
    return `no rival: a JDK of version ${LEAST_JAVA} or later is missing`;
  if (spawnSync('mvn', ['-v']).error) return 'no rival: mvn is missing';
  return null;
}

export class Peer {
  private readonly folder: string;
  private readonly directory: string;
  private readonly variables: readonly string[];

  private constructor(stack: StackDescription, folder: string, directory: string) {
    this.folder = folder;
    this.directory = directory;
    this.variables = [
      `BOOTSTRAP=${stack.brokers.join(',')}`,
      `CLIENT_CONFIG=${join(directory, 'client.properties')}`,
      // Where it keeps its state: goes with the directory.
      `JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=${directory}`,
      `JAVA_HOME=${findJavas()[0]!.path}`,
    ];
  }

  static async make(stack: StackDescription, folder = DEFAULT_FOLDER): Promise<Peer> {
    const directory = await mkdtemp(join(tmpdir(), 'gauze-bench-peer-'));
    const { username, password } = stack.logins['admin']! as { username: string; password: string };
    const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
    const settings = `security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-256
sasl.jaas.config=${scram} username="${username}" password="${password}";
`;
    await writeFile(join(directory, 'client.properties'), settings, { mode: 0o600 });
    return new Peer(stack, folder, directory);
  }

  /** The schema that its records are written by. */
  async schema(): Promise<string> {
    return await readFile(join(this.folder, 'encounter.avsc'), 'utf8');
  }

  /** Fills raw-encounters; builds the rival first where that was never done. */
  async generate(records: number): Promise<void> {
    await this.spawn(['gen'], { N: records }, () => {});
  }

  /** Masks `records` of raw-encounters `passes` times in one process; each pass begins at the start of the topic. */
  async streams(options: { records: number; threads: number; passes: number }): Promise<readonly PeerPass[]> {
    const { records, threads, passes } = options;
    const found: PeerPass[] = [];
    let cpuAtEnd: Promise<number> = Promise.resolve(0);
    await this.spawn(
      ['streams', 'exactly_once_v2', String(threads)],
      { N: records, PASSES: passes },
      async (line, pid) => {
        if (line.startsWith(`tick ${records} `)) cpuAtEnd = cpuSecondsOf(pid);
        const result = /^RESULT n \d+ span_s \S+ rate (\S+) span_cpu_s (\S+)/.exec(line);
        if (!result) return;
        const perRecord = (seconds: number): number => (seconds * 1e6) / records;
        const [recordsPerSecond, cpuSeconds] = [Number(result[1]), Number(result[2])];
        const sinceStart = perRecord(await cpuAtEnd);
        const cpuMicrosPerRecord = perRecord(cpuSeconds);
        found.push({ recordsPerSecond, cpuMicrosPerRecord, cpuSinceStartMicrosPerRecord: sinceStart });
      },
    );
    if (found.length !== passes) throw new Error(`the rival finished ${found.length} of ${passes} passes`);
    return found;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  private async spawn(
    verb: readonly string[],
    settings: Readonly<Record<string, number>>,
    onLine: (line: string, pid: number) => void | Promise<void>,
  ): Promise<void> {
    const variables = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    const child = spawn('env', [...this.variables, ...variables, join(this.folder, 'peer'), ...verb], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
    const exit = once(child, 'exit') as Promise<[number | null]>;
    for await (const line of createInterface({ input: child.stdout })) await onLine(line, child.pid!);
    const [code] = await exit;
    if (code !== 0) throw new Error(`the rival ended with ${code}: ${said}`);
  }
}
