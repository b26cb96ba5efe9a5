/**
 * A whole site on the test stack: raw topics of its own, a config, policies, keys, and `gauze run` as real child
 * processes. Everything has a random name, and everything is ended and removed by `close`.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { makeAuditTrust } from '../../audit/trust-maker.ts';
import { CLINICAL_TOPICS } from '../../examples/hospital/clinical-values.ts';
import type { ClinicalRecord, ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { feedHospital } from '../../examples/hospital/feed.ts';
import { allow } from '../../kafka/acl.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import { sanitizedTopic, topicNames } from '../../schemas/topic-names.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { inTime, waitedFor } from './in-time.ts';
import { connectionOf, eventually, loginOf, testStack, uniqueName, withAdmin } from './stack.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
const POLICIES = fileURLToPath(new URL('../../examples/hospital/policies/', import.meta.url));
export const AUDIENCES = ['analytics', 'billing', 'research'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** A drain takes 8 s at most, and a log that is hidden by a transaction is waited for half a minute. */
const END_MAX_MS = 60_000;
const STATUS_MAX_MS = 60_000;
const VERB_MAX_MS = 120_000;
/** Far more than any test feeds. */
const FEED_MAX_MS = 100_000;

export interface SiteOptions {
  readonly partitions?: number;
  /** Audiences with a policy; default: all. */
  readonly audiences?: readonly Audience[];
  readonly topics?: readonly ClinicalTopic[];
  /** Lines added to the config, such as limits. */
  readonly config?: string;
  /** Settings added to those of `audit`, each with a comma in front. */
  readonly audit?: string;
}

/** A policy file as parsed YAML. */
export interface PolicyText {
  topics: Record<string, unknown>;
  methods: Record<string, unknown>;
  fields?: Record<string, Record<string, unknown>>;
  examples?: { topic: string }[];
}

/** What a verb printed and how it ended. */
export interface VerbResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A verb that has not ended yet. */
export interface RunningVerb {
  readonly process: ChildProcess;
  readonly ended: Promise<VerbResult>;
  /** What it has printed so far, on both streams. */
  output(): string;
}

/** One running `gauze run`. */
export class RunningInstance {
  readonly process: ChildProcess;
  log = '';

  constructor(process: ChildProcess) {
    this.process = process;
    process.stderr!.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
  }

  /** Ends it with `signal` and gives the exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const ended = new Promise<number | null>((resolve) => this.process.once('exit', (code) => resolve(code)));
    this.process.kill(signal);
    const shown = (): string => this.log.split('\n').slice(-30).join('\n');
    return await inTime(ended, END_MAX_MS, `an instance ends at ${signal}`, shown);
  }
}

export class TestSite {
  readonly directory: string;
  readonly namespace: string;
  readonly names: TopicNames;
  readonly topics: readonly ClinicalTopic[];
  /** Checks the site's trust file, `trust.note` in its directory. */
  rootVkey = '';
  private readonly instances: RunningInstance[] = [];

  private constructor(directory: string, namespace: string, topics: readonly ClinicalTopic[]) {
    this.directory = directory;
    this.namespace = namespace;
    this.names = topicNames(namespace);
    this.topics = topics;
  }

  /** Makes raw topics, rights of the feed, secrets, keyring, policies and config; applies nothing yet. */
  static async make(options: SiteOptions = {}): Promise<TestSite> {
    const directory = await mkdtemp(join(tmpdir(), 'gauze-test-site-'));
    const site = new TestSite(directory, uniqueName('gz'), options.topics ?? CLINICAL_TOPICS);
    await mkdir(join(directory, 'policies'));
    for (const role of [
      'gauze-admin',
      'gauze-topology',
      'gauze-approvals',
      'gauze-provisioner',
      'gauze-sealer',
      'gauze-auditor',
    ]) {
      await writeFile(join(directory, role), loginOf(role).password, { mode: 0o600 });
    }
    await createKeyringFile(site.keyringFile, [...AUDIENCES]);
    const keyring = await loadKeyring(site.keyringFile);
    const { origin, names } = site;
    site.rootVkey = (await makeAuditTrust(directory, { keyring, origin, names })).rootVkey;
    for (const file of await readdir(POLICIES)) {
      if (!(options.audiences ?? AUDIENCES).some((audience) => file === `${audience}.yaml`)) continue;
      const text = await readFile(join(POLICIES, file), 'utf8');
      await writeFile(join(directory, 'policies', file), site.localPolicy(text));
    }
    await writeFile(
      join(directory, 'gauze.yaml'),
      site.configText(options.config ?? '', options.audit ?? ''),
    );
    await withAdmin(async (admin) => {
      for (const topic of site.topics) {
        await admin.createTopic({ topic: site.raw(topic), partitions: options.partitions ?? 2, config: {} });
        await admin.createAcls(allow('User:ehr-feed', ['write', 'describe'], 'topic', site.raw(topic)));
      }
      await eventually(async () => {
        const there = new Set((await admin.describeAcls('User:ehr-feed')).map(({ name }) => name));
        if (!site.topics.every((topic) => there.has(site.raw(topic))))
          throw new Error('the feed has no right yet');
      });
    });
    return site;
  }

  /** Name of the log of seals. */
  get origin(): string {
    return `gauze.test/${this.namespace}`;
  }

  get keyringFile(): string {
    return join(this.directory, 'keyring.json');
  }

  /** The raw topic of this site for one of the example's. */
  raw(topic: ClinicalTopic): string {
    return `${this.namespace}-${topic}`;
  }

  sanitized(topic: ClinicalTopic, audience: Audience): string {
    return sanitizedTopic(this.raw(topic), audience);
  }

  /** An example policy with this site's topics, without what is about topics that the site does not have. */
  private localPolicy(text: string): string {
    const policy = parse(text) as PolicyText;
    for (const topic of CLINICAL_TOPICS) {
      if (this.topics.includes(topic)) continue;
      delete policy.topics[topic];
      delete policy.fields?.[topic];
    }
    policy.examples = policy.examples?.filter(({ topic }) => topic in policy.topics) ?? [];
    return stringify(policy).replaceAll('clinical.', `${this.namespace}-clinical.`);
  }

  /** Changes a policy file; `gauze apply` makes it count. */
  async editPolicy(audience: Audience, edit: (policy: PolicyText) => void): Promise<void> {
    const file = join(this.directory, 'policies', `${audience}.yaml`);
    const policy = parse(await readFile(file, 'utf8')) as PolicyText;
    edit(policy);
    await writeFile(file, stringify(policy));
  }

  /** Registers the schemas and sends `records` with the feed's log-in. */
  async feed(records: Iterable<ClinicalRecord> | AsyncIterable<ClinicalRecord>): Promise<number> {
    const producer = ordinaryProducer(connectionOf('ehr-feed'));
    await inTime(producer.connect(), END_MAX_MS, 'the feed connects');
    try {
      const feeding = feedHospital({
        producer,
        registryUrl: testStack().registryUrl,
        records: only(records, new Set(this.topics)),
        topicName: (topic) => this.raw(topic),
      });
      const counts = await inTime(feeding, FEED_MAX_MS, 'the feed has sent its records');
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    } finally {
      await inTime(producer.disconnect(), END_MAX_MS, 'the feed disconnects');
    }
  }

  /** Runs a verb to its end. */
  async gauze(...args: readonly string[]): Promise<VerbResult> {
    return await endOf(this.start(...args), args.join(' '));
  }

  /** Runs a verb that the test may send signals to. */
  start(...args: readonly string[]): RunningVerb {
    const child = this.spawn(args);
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<VerbResult>((resolve) =>
      child.once('close', (code) => resolve({ code, stdout, stderr })),
    );
    return { process: child, ended, output: () => stdout + stderr };
  }

  async apply(): Promise<void> {
    const { code, stderr } = await this.gauze('apply');
    if (code !== 0) throw new Error(`gauze apply ended with ${code}: ${stderr}`);
  }

  /** Starts `gauze run` in a role; `nodeOptions` go before the program, such as a module to load first, `more` after. */
  run(role = 'topology', nodeOptions: readonly string[] = [], more: readonly string[] = []): RunningInstance {
    const args = ['run', '--role', role, '--verbose', ...more];
    const instance = new RunningInstance(this.spawn(args, nodeOptions));
    this.instances.push(instance);
    return instance;
  }

  lastInstance(): RunningInstance {
    return this.instances.at(-1)!;
  }

  async status(): Promise<readonly LaneReport[]> {
    const { stdout, stderr } = await endOf(this.start('status', '--json'), 'status', STATUS_MAX_MS);
    if (stdout === '') throw new Error(`gauze status printed no lane: ${stderr}`);
    return (JSON.parse(stdout) as { lanes: readonly LaneReport[] }).lanes;
  }

  /** Waits until the lanes look as `wanted` says; fails with what they looked like last. */
  async until(
    wanted: (lanes: readonly LaneReport[]) => boolean,
    timeoutMs = 60_000,
  ): Promise<readonly LaneReport[]> {
    return await inTime(this.look(wanted, timeoutMs), timeoutMs + STATUS_MAX_MS, 'lanes look as they should');
  }

  private async look(
    wanted: (lanes: readonly LaneReport[]) => boolean,
    timeoutMs: number,
  ): Promise<readonly LaneReport[]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const lanes = await this.status();
      if (wanted(lanes)) return lanes;
      if (Date.now() > deadline) {
        const running = this.instances.at(-1)?.log.split('\n').slice(-15).join('\n');
        throw new Error(`lanes did not get there: ${JSON.stringify(lanes)}\n${running}`);
      }
    }
  }

  /** Waits until every lane has read everything that is in its raw partition now. */
  async caughtUp(timeoutMs?: number): Promise<readonly LaneReport[]> {
    return await this.until(
      (lanes) => lanes.every(({ lag, state }) => lag === 0 && state === 'ok'),
      timeoutMs,
    );
  }

  /** Lines that instances of this site have logged. */
  logLines(pattern: RegExp): readonly string[] {
    return this.instances.flatMap(({ log }) => log.split('\n').filter((line) => pattern.test(line)));
  }

  /** Waits until instances of this site have logged at least `count` such lines. */
  async logged(pattern: RegExp, count: number, timeoutMs = 60_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (this.logLines(pattern).length < count) {
      if (Date.now() > deadline) throw new Error(`the instances did not log ${pattern.source}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async close(): Promise<void> {
    for (const wait of waitedFor()) process.stderr.write(`long wait: ${wait}\n`);
    for (const instance of this.instances) await instance.end('SIGKILL');
    await withAdmin(async (admin) => {
      const mine = (await admin.listTopics()).filter((topic) => topic.startsWith(this.namespace));
      if (mine.length > 0) await admin.deleteTopics(mine);
    });
    await rm(this.directory, { recursive: true, force: true });
  }

  private spawn(args: readonly string[], nodeOptions: readonly string[] = []): ChildProcess {
    const config = ['--config', join(this.directory, 'gauze.yaml')];
    const all = [...nodeOptions, GAUZE, ...args, ...config];
    return spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  private auditText(more: string): string {
    return `audit: { origin: '${this.origin}', trustFile: trust.note, rootVkey: '${this.rootVkey}', folder: audit-work${more} }`;
  }

  private configText(more: string, audit: string): string {
    const { brokers, registryUrl } = testStack();
    const login = (name: string): string =>
      `{ mechanism: scram-sha-256, username: ${name}, passwordFile: ${join(this.directory, name)} }`;
    return `kafka:
  brokers: ${JSON.stringify(brokers)}
  roles:
    admin: ${login('gauze-admin')}
    topology: ${login('gauze-topology')}
    approvals: ${login('gauze-approvals')}
    provisioner: ${login('gauze-provisioner')}
    sealer: ${login('gauze-sealer')}
    auditor: ${login('gauze-auditor')}
registry: { url: '${registryUrl}' }
keys: { file: ${this.keyringFile} }
policies: policies/
topics: { prefix: ${this.namespace} }
${/^audit:/m.test(more) ? '' : this.auditText(audit)}
${more}
`;
  }
}

/** What a verb that ends by itself has printed; one that does not is killed. */
async function endOf(verb: RunningVerb, name: string, limitMs = VERB_MAX_MS): Promise<VerbResult> {
  const shown = (): string => `${verb.output()} (exit code ${verb.process.exitCode})`;
  try {
    return await inTime(verb.ended, limitMs, `gauze ${name} ends`, shown);
  } finally {
    verb.process.kill('SIGKILL');
  }
}

async function* only(
  records: Iterable<ClinicalRecord> | AsyncIterable<ClinicalRecord>,
  topics: ReadonlySet<ClinicalTopic>,
): AsyncGenerator<ClinicalRecord> {
  for await (const record of records) if (topics.has(record.topic)) yield record;
}
