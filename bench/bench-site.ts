/**
 * A site of gauze for one run of a benchmark: a prefix of its own, log-ins of the local stack, a keyring, policies over
 * one raw topic; and the real `gauze` commands on it.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeyringFile } from '../keys/keyring.ts';
import type { StackDescription } from '../stack/local-stack.ts';
import { isSanitizedTopic, sanitizedTopic, topicNames } from '../schemas/topic-names.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import type { BenchPolicy } from './end-to-end-policies.ts';
import type { Plane } from './plane.ts';
import { cpuSecondsOf, memoryOf } from './process-figures.ts';

const GAUZE = fileURLToPath(new URL('../cli/gauze.ts', import.meta.url));
/** What a stopped instance has to end in. */
const END_MS = 20_000;

export interface SiteOptions {
  /** Begins gauze's own topics and groups; the process id is put behind it, so that a stack may be used again. */
  readonly prefix: string;
  readonly topic: string;
  readonly policies: readonly BenchPolicy[];
}

export class BenchSite {
  readonly options: SiteOptions;
  private readonly plane: Plane;
  private readonly directory: string;
  private readonly instances: GauzeInstance[] = [];

  private constructor(plane: Plane, directory: string, options: SiteOptions) {
    this.plane = plane;
    this.directory = directory;
    this.options = options;
  }

  /** Writes the site and applies it. The raw topic and its schema must be there. */
  static async make(plane: Plane, options: SiteOptions): Promise<BenchSite> {
    const directory = await mkdtemp(join(tmpdir(), 'gauze-bench-'));
    const site = new BenchSite(plane, directory, { ...options, prefix: `${options.prefix}-${process.pid}` });
    try {
      await writeSite(plane.stack, directory, site.options);
      const child = spawn(process.execPath, [GAUZE, 'apply', '--config', site.config], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`gauze apply ended with ${code}: ${said.slice(-2_000)}`);
      return site;
    } catch (thrown) {
      await rm(directory, { recursive: true, force: true });
      throw thrown;
    }
  }

  get config(): string {
    return join(this.directory, 'gauze.yaml');
  }

  sanitized(audience: string): string {
    return sanitizedTopic(this.options.topic, audience);
  }

  /** Starts an instance of one thread. `imports`: modules to load before it (null writers). */
  async run(imports: readonly URL[] = []): Promise<GauzeInstance> {
    const loaded = imports.flatMap(({ href }) => ['--import', href]);
    const logFile = join(this.directory, `instance-${this.instances.length}.log`);
    const log = await open(logFile, 'w');
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...loaded, GAUZE, 'run', '--config', this.config], {
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    const instance = new GauzeInstance(child, logFile, startedMs);
    this.instances.push(instance);
    return instance;
  }

  /** Committed offsets of all lanes of all `audiences`, added up; markers of the raw topic count as well. */
  async committed(audiences: readonly string[]): Promise<number> {
    const { prefix, topic } = this.options;
    const names = topicNames(prefix);
    const ofGroup = async (audience: string): Promise<number> => {
      const offsets = await this.plane.admin.fetchGroupOffsets(names.audienceGroup(audience), [topic]);
      return offsets.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    };
    return (await Promise.all(audiences.map(ofGroup))).reduce((sum, done) => sum + done, 0);
  }

  /** The audiences of the policies, and the one of the index where it is on. */
  lanes(index: boolean): readonly string[] {
    const audiences = this.options.policies.map(({ audience }) => audience);
    return index ? [...audiences, INDEX_AUDIENCE] : audiences;
  }

  /** Ends what runs, and deletes what was written. */
  async close(): Promise<void> {
    for (const instance of this.instances) await instance.end();
    const { topic, prefix } = this.options;
    await this.plane.deleteTopics(
      (name) => name.startsWith(`${prefix}.`) || (name.startsWith(`${topic}.`) && isSanitizedTopic(name)),
    );
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A running `gauze run`. */
export class GauzeInstance {
  /** Of performance.now(). */
  readonly startedMs: number;
  private readonly child: ChildProcess;
  private readonly logFile: string;
  private readonly kill = (): boolean => this.child.kill('SIGKILL');

  constructor(child: ChildProcess, logFile: string, startedMs: number) {
    this.child = child;
    this.logFile = logFile;
    this.startedMs = startedMs;
    // A benchmark that ends by an error must not leave it running.
    process.once('exit', this.kill);
  }

  /** Throws, with the end of its log (which holds no values), if the process has ended. */
  async assertAlive(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) return;
    const log = await readFile(this.logFile, 'utf8');
    throw new Error(`gauze run ended with ${this.child.exitCode}: ${log.slice(-2_000)}`);
  }

  async cpuSeconds(): Promise<number> {
    return await cpuSecondsOf(this.child.pid!);
  }

  async memory(): ReturnType<typeof memoryOf> {
    return await memoryOf(this.child.pid!);
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exit = once(this.child, 'exit', { signal: AbortSignal.timeout(END_MS) });
      this.child.kill('SIGTERM');
      await exit.catch(this.kill);
    }
    process.off('exit', this.kill);
  }
}

async function writeSite(stack: StackDescription, directory: string, options: SiteOptions): Promise<void> {
  const { prefix, topic, policies } = options;
  await mkdir(join(directory, 'policies'));
  for (const role of ['gauze-admin', 'gauze-topology']) {
    await writeFile(join(directory, role), stack.logins[role]!.password, { mode: 0o600 });
  }
  for (const { audience, text } of policies) {
    await writeFile(join(directory, 'policies', `${audience}.yaml`), text.replaceAll('TOPIC', topic));
  }
  await createKeyringFile(
    join(directory, 'keyring.json'),
    policies.map(({ audience }) => audience),
  );
  const login = (name: string): string =>
    `{ mechanism: scram-sha-256, username: ${name}, passwordFile: ${name} }`;
  await writeFile(
    join(directory, 'gauze.yaml'),
    `kafka:
  brokers: ${JSON.stringify(stack.brokers)}
  roles: { admin: ${login('gauze-admin')}, topology: ${login('gauze-topology')} }
registry: { url: '${stack.registryUrl}' }
keys: { file: keyring.json }
topics: { prefix: ${prefix} }
`,
  );
}
