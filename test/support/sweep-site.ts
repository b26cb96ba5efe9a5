/**
 * A small site whose instance runs in this very process and reaches broker and registry only by way of proxies that
 * fail one call of it. What has become of the records is told by Kafka's Java consumer, which does not pass there.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Site } from '../../cli/site.ts';
import { runTopology } from '../../cli/run-topology.ts';
import { encodeRecord } from '../../examples/hospital/clinical-codecs.ts';
import type { PatientValue } from '../../examples/hospital/clinical-values.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import type { OrdinaryProducer } from '../../kafka/kafkajs-client.ts';
import { createLogger } from '../../platform/log.ts';
import { ownError } from '../../platform/errors.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { canaryText } from './canaries.ts';
import { API_KEYS } from './fault-proxy/fault-rule.ts';
import type { FaultRule } from './fault-proxy/fault-rule.ts';
import { FaultProxy } from './fault-proxy/fault-proxy.ts';
import { RegistryFault } from './fault-proxy/registry-fault.ts';
import type { RegistryRule } from './fault-proxy/registry-fault.ts';
import { connectionOf, testStack } from './stack.ts';
import { TestSite } from './test-site.ts';
import { TopicWatch } from './topic-watch.ts';
import type { WatchedRecord } from './topic-watch.ts';
import { siteTruth } from './verify-site.ts';

const TOPIC = 'clinical.patients';
const AUDIENCE = 'research';
/** Records in front of an instance when it starts, and those that come while it works. */
const BACKLOG = 6;
const WHILE_WORKING = 4;
const PATIENCE_MS = 60_000;
const COMMITTING = new Set<number>([API_KEYS.Produce, API_KEYS.TxnOffsetCommit, API_KEYS.EndTxn]);
/** Small transactions, closed at once. */
const LIMITS = 'limits: { batchBytes: 2048, lingerMs: 5, transactionsPerSecond: 1000 }';

/** What fails in one life. */
export type Fault =
  | { readonly kafka: FaultRule; readonly registry?: undefined }
  | { readonly registry: RegistryRule; readonly kafka?: undefined };

/** How a life ends; see `live`. */
export type Ending = 'is stopped' | 'dies';

/** How one life with a fault in it went. */
export interface Life {
  /** False: the call that was to fail never came. */
  readonly fired: boolean;
  /** How the instance ended by itself; each time another one was started. */
  readonly halts: readonly Halt[];
  readonly durationMs: number;
}

/** An instance that has ended by itself: with a code, or null for none. */
export interface Halt {
  readonly code: string | null;
  /** Had it read all it needs and begun to work? From then on it must wait out whatever comes. */
  readonly hadStarted: boolean;
}

/** One start of the instance. */
interface Run {
  readonly ended: Promise<Halt>;
  readonly stop: () => void;
}

export class SweepSite {
  readonly site: TestSite;
  readonly proxy: FaultProxy;
  readonly registry: RegistryFault;
  /** Stands in a name of every raw record, and may stand nowhere else. */
  readonly canary = canaryText();
  /** What the instances of this site have logged. */
  readonly log: string[] = [];
  fed = 0;
  readonly #watch: TopicWatch;
  readonly #producer: OrdinaryProducer;
  readonly #patients: readonly PatientValue[];
  #schemaId = 0;

  private constructor(site: TestSite, proxy: FaultProxy, registry: RegistryFault) {
    this.site = site;
    this.proxy = proxy;
    this.registry = registry;
    this.#watch = new TopicWatch(site.namespace);
    this.#producer = ordinaryProducer(connectionOf('ehr-feed'));
    this.#patients = [...generateHospital({ patients: 40, seed: 5 })]
      .filter((record) => record.topic === TOPIC)
      .map(({ value }) => value);
  }

  /** One raw partition, one audience and the index; policies applied, nothing fed yet. */
  static async make(): Promise<SweepSite> {
    const { brokers, registryUrl } = testStack();
    const [proxy, registry] = [await FaultProxy.open(brokers), await RegistryFault.open(registryUrl)];
    const site = await TestSite.make({
      partitions: 1,
      topics: [TOPIC],
      audiences: [AUDIENCE],
      config: LIMITS,
    });
    const config = await readFile(join(site.directory, 'gauze.yaml'), 'utf8');
    const led = config
      .replace(JSON.stringify(brokers), JSON.stringify(proxy.addresses))
      .replace(registryUrl, registry.url);
    await writeFile(join(site.directory, 'led.yaml'), led);
    const sweep = new SweepSite(site, proxy, registry);
    await sweep.#open();
    return sweep;
  }

  /**
   * One life: records wait, an instance starts, works, gets more records, and is stopped, while one call fails.
   * With `dies`, it can commit nothing any more from its last record on: what it has not committed by then is lost.
   * Throws where a record is not published once for each time it was fed, or the instance does not go on.
   */
  async live(fault: Fault | null, ending: Ending = 'is stopped'): Promise<Life> {
    const startedMs = performance.now();
    const halts: Halt[] = [];
    this.log.length = 0;
    this.proxy.set(fault?.kafka ?? null);
    this.registry.set(fault?.registry ?? null);
    await this.feed(BACKLOG);
    let run = this.#start();
    const caughtUp = async (): Promise<void> => {
      for (const late = performance.now() + PATIENCE_MS; !this.#isPublished();) {
        const halt = await Promise.race([run.ended, tick()]);
        if (halt) {
          halts.push(halt);
          if (halts.length > 3) throw new Error(`the instance does not stay up: ${JSON.stringify(halts)}`);
          run = this.#start();
        }
        if (performance.now() > late) throw new Error(`not published in time: ${this.standing()}`);
      }
    };
    await caughtUp();
    await this.feed(WHILE_WORKING);
    await caughtUp();
    if (fault?.kafka?.apiKey === API_KEYS.Heartbeat) await this.#heartbeat(fault.kafka, caughtUp);
    if (ending === 'dies') this.proxy.refused = COMMITTING;
    run.stop();
    const end = await run.ended;
    if (end.code !== null) halts.push(end);
    await this.#leftNothing();
    const fired = this.proxy.fired !== null || this.registry.fired > 0;
    return { fired, halts, durationMs: performance.now() - startedMs };
  }

  /** Sends so many more records, past the proxy. */
  async feed(count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => {
      const patient = this.#patients[this.fed++ % this.#patients.length]!;
      const value = { ...patient, name: { ...patient.name, family: this.canary }, feedSequence: this.fed };
      return { key: patient.patientId, value: encodeRecord(TOPIC, this.#schemaId, value) };
    });
    await this.#producer.send({ topic: this.site.raw(TOPIC), acks: -1, messages });
  }

  /** Everything that must be true of the site by now; empty where it is. The index must have caught up. */
  async faults(): Promise<readonly string[]> {
    const lanes = await this.site.caughtUp();
    const truth = await siteTruth(this.site, lanes);
    const short = truth.compared === this.fed ? [] : [`${truth.compared} records in place of ${this.fed}`];
    return [
      ...truth.sequenceFaults,
      ...truth.auditFaults,
      ...truth.indexFaults,
      ...short,
      ...this.#canaries(),
    ];
  }

  /** Counts only. */
  standing(): string {
    return `${this.#published} of ${this.fed} published, indexed to ${this.#indexed}`;
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
    await this.proxy.close();
    await this.registry.close();
    await this.#watch.close();
    await this.site.close();
  }

  async #open(): Promise<void> {
    await this.#producer.connect();
    const { registryUrl } = testStack();
    const ids = await registerClinicalSchemas(registryUrl, (topic) => this.site.raw(topic));
    this.#schemaId = ids.get(TOPIC)!;
    await this.feed(1);
    await this.site.apply();
  }

  #start(): Run {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const lines: string[] = [];
    const write = (line: string): number => lines.push(line) + this.log.push(line);
    const log = createLogger({ level: 'debug', destination: { write } });
    const ended = Site.load(join(this.site.directory, 'led.yaml'))
      .then(async (site) => await runTopology({ site, log, stopped }))
      .then(
        () => null,
        (error: unknown) => ownError(error).code,
      )
      .then((code) => ({ code, hadStarted: lines.some((line) => line.includes('"instance started"')) }));
    return { ended, stop };
  }

  get #published(): number {
    return this.#watch.committed.get(this.site.sanitized(TOPIC, AUDIENCE))?.length ?? 0;
  }

  /** The position after the last range that the index tells of. */
  get #indexed(): number {
    const last = this.#watch.committed.get(this.site.names.auditSubjects)?.at(-1);
    return last?.value ? subjectIndexCodec.decode(last.value).next_offset : 0;
  }

  #isPublished(): boolean {
    if (this.#published > this.fed) throw new Error(`more than was fed: ${this.standing()}`);
    return this.#published === this.fed && this.#indexed >= this.fed;
  }

  /** Heartbeats come by the second: this one is waited for, and work after it. */
  async #heartbeat({ apiKey, nth }: FaultRule, caughtUp: () => Promise<void>): Promise<void> {
    const late = performance.now() + 5_000 * nth;
    while (this.proxy.seen(apiKey) < nth && performance.now() < late) await tick();
    await this.feed(1);
    await caughtUp();
  }

  /** An instance that has ended leaves no connection. */
  async #leftNothing(): Promise<void> {
    const late = performance.now() + 5_000;
    while (this.proxy.openConnections > 0) {
      if (performance.now() > late) throw new Error(`${this.proxy.openConnections} connections are left`);
      await tick();
    }
  }

  #canaries(): readonly string[] {
    const raw = this.site.raw(TOPIC);
    const holds = ({ key, value }: WatchedRecord): boolean =>
      (value?.includes(this.canary) ?? false) || (key?.includes(this.canary) ?? false);
    const found = [...this.#watch.records]
      .filter(([topic, records]) => topic !== raw && records.some(holds))
      .map(([topic]) => `a canary in ${topic}`);
    const seen = this.#watch.records.get(raw)?.some(holds) === true;
    const logged = this.log.some((line) => line.includes(this.canary)) ? ['a canary in the log'] : [];
    return [...found, ...logged, ...(seen ? [] : ['no canary in the raw topic'])];
  }
}

/** A moment in which everything else goes on; undefined. */
async function tick(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 2));
  return undefined;
}
