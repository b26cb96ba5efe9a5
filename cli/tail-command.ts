/**
 * `gauze tail`: what an audience sees, live, with that audience's own log-in. It reads the sanitized topic and nothing
 * else: who may not read it there sees nothing here.
 */
import { BrokerConnections, Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import type { LogRecord } from '../kafka/log-reader.ts';
import type { LoginMechanism } from '../kafka/login.ts';
import { readSecret } from '../platform/config.ts';
import { GauzeError } from '../platform/errors.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { readableDecoder } from '../schemas/readable-json.ts';
import type { ReadableDecoder } from '../schemas/readable-json.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import { wholeNumberOf } from './option-values.ts';
import { Site } from './site.ts';
import { EXIT, note, print, styled } from './terminal.ts';

export interface TailOptions {
  readonly config: string;
  readonly json: boolean;
  readonly audience: string;
  readonly username: string;
  readonly passwordFile: string;
  readonly mechanism: string;
  readonly fromBeginning: boolean;
  readonly max?: string;
  readonly topicVersion: string;
}

const MECHANISMS: readonly string[] = ['scram-sha-256', 'scram-sha-512', 'plain'];
/** How long one look at a partition waits for records. */
const WAIT_MS = 500;

/** Until `--max` records, or Ctrl-C. */
export async function tailCommand(rawTopic: string, options: TailOptions): Promise<number> {
  const site = await Site.load(options.config);
  const max = options.max === undefined ? Infinity : wholeNumberOf('--max', options.max);
  const cluster = await audienceCluster(site, options);
  const version = wholeNumberOf('--topic-version', options.topicVersion);
  const topic = sanitizedTopic(rawTopic, options.audience, version);
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    await cluster.start();
    const tail = new Tail(await site.registry(), options.json, max, interrupted.signal);
    await tail.run(cluster, topic, options.fromBeginning);
    return interrupted.signal.aborted ? EXIT.interrupted : EXIT.ok;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop);
    await cluster.close();
  }
}

/** The cluster as the audience sees it. */
async function audienceCluster(site: Site, options: TailOptions): Promise<Cluster> {
  const { audience, username, passwordFile, mechanism } = options;
  if (!MECHANISMS.includes(mechanism))
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--mechanism', expected: MECHANISMS.join(' or ') });
  const password = await readSecret(passwordFile);
  const login = { mechanism: mechanism as LoginMechanism, username, password };
  return new Cluster(await site.endpointOf(audience, login));
}

class Tail {
  readonly #registry: RegistryClient;
  readonly #asJson: boolean;
  readonly #max: number;
  readonly #interrupted: AbortSignal;
  readonly #decoders = new Map<number, ReadableDecoder>();
  #shown = 0;

  constructor(registry: RegistryClient, asJson: boolean, max: number, interrupted: AbortSignal) {
    this.#registry = registry;
    this.#asJson = asJson;
    this.#max = max;
    this.#interrupted = interrupted;
  }

  async run(cluster: Cluster, topic: string, fromBeginning: boolean): Promise<void> {
    const found = await cluster.topic(topic);
    if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic });
    const readers = await readersOf(cluster, topic, [...found.leaders.keys()], fromBeginning);
    try {
      note(`${topic}: ${readers.length} partitions${fromBeginning ? '' : ', from now on'}. Ctrl-C ends it.`);
      await Promise.all(readers.map(async (reader) => await this.#follow(reader)));
    } finally {
      for (const reader of readers) reader.close();
    }
  }

  get #isOver(): boolean {
    return this.#shown >= this.#max || this.#interrupted.aborted;
  }

  async #follow(reader: LogReader): Promise<void> {
    while (!this.#isOver) {
      const records: LogRecord[] = [];
      await reader.read(WAIT_MS, ({ key, value, ...rest }) => {
        records.push({ ...rest, key: key && Buffer.from(key), value: value && Buffer.from(value) });
      });
      for (const record of records) if (!this.#isOver) await this.#show(reader.partition, record);
    }
  }

  async #show(partition: number, { offset, timestampMs, key, value }: LogRecord): Promise<void> {
    const shown = value === null ? null : await this.#decoded(value);
    if (this.#isOver) return;
    this.#shown += 1;
    const keyText = key === null ? null : key.toString('utf8');
    if (this.#asJson)
      return print(JSON.stringify({ partition, offset, timestampMs, key: keyText, value: shown }));
    print(
      `${styled('dim', `${partition}/${offset}`)}  ${styled('cyan', keyText ?? '-')}  ${JSON.stringify(shown)}`,
    );
  }

  async #decoded(value: Buffer): Promise<unknown> {
    const id = value.readInt32BE(1);
    const decode = this.#decoders.get(id) ?? readableDecoder((await this.#registry.schemaText(id)).text);
    this.#decoders.set(id, decode);
    return decode(value.subarray(REGISTRY_PREFIX_BYTES));
  }
}

async function readersOf(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  fromBeginning: boolean,
): Promise<readonly LogReader[]> {
  const connections = new BrokerConnections(cluster);
  try {
    const which = fromBeginning ? 'earliest' : 'latest';
    return await Promise.all(
      partitions.map(async (partition) => {
        const from = await listOffset(cluster, connections, topic, partition, which);
        return new LogReader(cluster, topic, partition, from);
      }),
    );
  } finally {
    connections.close();
  }
}
