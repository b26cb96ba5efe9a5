/**
 * Who leads which partition and who coordinates which group or transactional id, for clusters of any size.
 * Metadata is asked for by ourselves because kafkajs knows no topic ids (KIP-516), and a topic that was
 * deleted and made again under its name must be seen as another topic.
 */
import { sleep } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { Connection, request } from './connection.ts';
import type { ApiSpec } from './connection.ts';
import type { KafkaEndpoint } from './endpoint.ts';
import { kafkaError, kafkaErrorClass } from './kafka-errors.ts';
import type { KafkaAddress } from './login.ts';
import { askMetadata } from './metadata.ts';
import { ProtocolWriter } from './protocol-writer.ts';

export interface TopicMetadata {
  readonly name: string;
  /** 32 hex digits; another one when the topic was deleted and made again. */
  readonly id: string;
  /** Node id of each partition's leader, by partition; -1 where there is none now. */
  readonly leaders: readonly number[];
  /** What this log-in may do with it, as the broker says; see topic-rights.ts. */
  readonly operations: number;
}

/** What a cluster shows of the topics that it was asked for; those that do not exist are in neither. */
export interface TopicsSeen {
  readonly found: ReadonlyMap<string, TopicMetadata>;
  /** Those that the broker does not show to this log-in, or cannot show now. */
  readonly refused: ReadonlyMap<string, GauzeError>;
}

const API_VERSIONS: ApiSpec = { key: 18, version: 3, name: 'ApiVersions', flexible: true };
const FIND_COORDINATOR: ApiSpec = { key: 10, version: 4, name: 'FindCoordinator', flexible: true };
const REQUEST_TIMEOUT_MS = 10_000;
/** Versions without which there is no transactions protocol v2 (KIP-890) and no fetch by topic id. */
const NEEDED: readonly (readonly [key: number, name: string, version: number])[] = [
  [0, 'Produce', 12],
  [1, 'Fetch', 15],
  [9, 'OffsetFetch', 9],
  [22, 'InitProducerId', 5],
  [26, 'EndTxn', 5],
  [28, 'TxnOffsetCommit', 5],
];
const TRANSACTION_VERSION_MIN = 2;

export class Cluster {
  readonly endpoint: KafkaEndpoint;
  /** Produce v13 names topics by id, so that a record can never land in a topic made again (KIP-516). */
  produceVersion: 12 | 13 = 12;
  /** The cluster's own id; known after `start`. */
  clusterId = '';
  private control: Promise<Connection> | null = null;
  private brokers = new Map<number, KafkaAddress>();
  private readonly topics = new Map<string, TopicMetadata>();
  private readonly coordinators = new Map<string, number>();
  private nextBootstrap = 0;
  private closed = false;

  constructor(endpoint: KafkaEndpoint) {
    this.endpoint = endpoint;
  }

  /**
   * Connects and checks what the cluster can do.
   * Throws ERR_KAFKA_TRANSACTIONS_TOO_OLD or ERR_KAFKA_API_TOO_OLD, and connection errors.
   */
  async start(): Promise<void> {
    const connection = await this.controlConnection();
    const { versions, features } = await apiVersions(connection);
    for (const [key, apiName, version] of NEEDED) {
      const offered = versions.get(key) ?? -1;
      if (offered < version) {
        throw new GauzeError('ERR_KAFKA_API_TOO_OLD', {
          apiName,
          actual: `v${offered}`,
          expected: `v${version}`,
        });
      }
    }
    const transactions = features.get('transaction.version') ?? 0;
    if (transactions < TRANSACTION_VERSION_MIN) {
      throw new GauzeError('ERR_KAFKA_TRANSACTIONS_TOO_OLD', {
        actual: String(transactions),
        expected: String(TRANSACTION_VERSION_MIN),
      });
    }
    this.produceVersion = (versions.get(0) ?? 0) >= 13 ? 13 : 12;
    await this.refresh([]);
  }

  /** The topic as last seen, asked for when not yet known; null when it does not exist. */
  async topic(name: string): Promise<TopicMetadata | null> {
    return this.topics.get(name) ?? (await this.refresh([name])).get(name) ?? null;
  }

  /** Asks anew for these topics; those that do not exist are missing from the answer. Throws where one is refused. */
  async refresh(names: readonly string[]): Promise<ReadonlyMap<string, TopicMetadata>> {
    const { found, refused } = await this.look(names);
    for (const error of refused.values()) throw error;
    return found;
  }

  /** Asks anew for these topics, where one that is refused must not hide the others. */
  async look(names: readonly string[]): Promise<TopicsSeen> {
    const connection = await this.controlConnection();
    const answer = await askMetadata(connection, names);
    this.brokers = new Map(answer.brokers.map(({ id, host, port }) => [id, { host, port }]));
    this.clusterId = answer.clusterId;
    const found = new Map<string, TopicMetadata>();
    const refused = new Map<string, GauzeError>();
    for (const { error, name, id, partitions, operations } of answer.topics) {
      this.topics.delete(name);
      if (error !== 0) {
        if (kafkaErrorClass(error) !== 'missing')
          refused.set(name, kafkaError('Metadata', error, { topic: name }));
        continue;
      }
      const leaders: number[] = [];
      for (const { index, leader } of partitions) leaders[index] = leader;
      found.set(name, { name, id, leaders, operations });
    }
    for (const [name, topic] of found) this.topics.set(name, topic);
    return { found, refused };
  }

  /** Node ids of the brokers that are up, in order. */
  async brokerIds(): Promise<readonly number[]> {
    await this.refresh([]);
    return [...this.brokers.keys()].toSorted((one, other) => one - other);
  }

  /** Where the broker with this node id listens. */
  async address(nodeId: number): Promise<KafkaAddress> {
    if (!this.brokers.has(nodeId)) await this.refresh([]);
    const address = this.brokers.get(nodeId);
    if (!address) throw kafkaError('Metadata', 8);
    return address;
  }

  /** Node id of the coordinator of a group or transactional id; waits while the cluster elects one. */
  async coordinator(type: 'group' | 'transaction', key: string, signal?: AbortSignal): Promise<number> {
    const known = this.coordinators.get(`${type}:${key}`);
    if (known !== undefined) return known;
    for (let attempt = 0; ; attempt++) {
      const connection = await this.controlConnection();
      const body = new ProtocolWriter().int8(type === 'group' ? 0 : 1);
      body.compactArray([key], (name) => body.compactString(name)).noTags();
      const found = await request(connection, FIND_COORDINATOR, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
        r.int32();
        const [first] = r.compactArray(() => {
          r.compactString();
          const node = { id: r.int32(), host: r.compactString(), port: r.int32(), error: r.int16() };
          r.compactNullableString();
          r.tags();
          return node;
        });
        return first;
      });
      if (found?.error === 0) {
        this.brokers.set(found.id, { host: found.host, port: found.port });
        this.coordinators.set(`${type}:${key}`, found.id);
        return found.id;
      }
      const error = found?.error ?? 15;
      if (kafkaErrorClass(error) !== 'coordinator' || attempt >= 100)
        throw kafkaError('FindCoordinator', error);
      await sleep(50, signal);
    }
  }

  /** The answer of a broker has shown that this coordinator moved. */
  forgetCoordinator(type: 'group' | 'transaction', key: string): void {
    this.coordinators.delete(`${type}:${key}`);
  }

  async close(): Promise<void> {
    this.closed = true;
    const control = this.control;
    this.control = null;
    (await control?.catch(() => null))?.close();
  }

  /** One connection for metadata, made again when it ends, over whichever known broker answers. */
  private async controlConnection(): Promise<Connection> {
    const before = this.control;
    const current = await before?.catch(() => null);
    if (current?.alive) return current;
    if (this.closed) throw new GauzeError('ERR_KAFKA_CONNECTION_LOST', {});
    // Another caller may have made one meanwhile: two would leave one open for ever.
    if (this.control === before) this.control = this.connectAny();
    return await (this.control ?? this.controlConnection());
  }

  private async connectAny(): Promise<Connection> {
    const candidates = [...this.endpoint.brokers, ...this.brokers.values()];
    let last: GauzeError | null = null;
    for (let i = 0; i < candidates.length; i++) {
      const address = candidates[this.nextBootstrap++ % candidates.length]!;
      try {
        return await Connection.open(address, this.endpoint);
      } catch (error) {
        last = ownError(error, 'ERR_KAFKA_CONNECT', { host: address.host, port: address.port });
      }
    }
    throw last ?? new GauzeError('ERR_KAFKA_CONNECT', { causeName: 'no broker' });
  }
}

/** Connections of one user of the cluster (a lane, a reader): made when needed, one per broker. */
export class BrokerConnections {
  private readonly cluster: Cluster;
  private readonly open = new Map<number, { opening: Promise<Connection>; connection: Connection | null }>();
  private isClosed = false;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  /**
   * The connection to a broker; callers at the same time share one attempt. Throws ERR_KAFKA_CONNECTION_LOST after
   * `close`: whoever asks then has been waiting for something else, and nobody would close a new one.
   */
  async to(nodeId: number): Promise<Connection> {
    if (this.isClosed) throw new GauzeError('ERR_KAFKA_CONNECTION_LOST', {});
    const known = this.open.get(nodeId);
    if (known && (known.connection === null || known.connection.alive)) return await known.opening;
    const opening = this.cluster
      .address(nodeId)
      .then((address) => Connection.open(address, this.cluster.endpoint));
    const entry: { opening: Promise<Connection>; connection: Connection | null } = {
      opening,
      connection: null,
    };
    this.open.set(nodeId, entry);
    try {
      entry.connection = await opening;
      return entry.connection;
    } catch (error) {
      if (this.open.get(nodeId) === entry) this.open.delete(nodeId);
      throw error;
    }
  }

  close(): void {
    this.isClosed = true;
    for (const { opening } of this.open.values()) {
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      );
    }
    this.open.clear();
  }
}

async function apiVersions(
  connection: Connection,
): Promise<{ versions: Map<number, number>; features: Map<string, number> }> {
  const body = new ProtocolWriter().compactString('gauze').compactString('1').noTags();
  return await request(connection, API_VERSIONS, [body.done()], REQUEST_TIMEOUT_MS, (r) => {
    const error = r.int16();
    if (error !== 0) throw kafkaError('ApiVersions', error);
    const versions = new Map<number, number>();
    r.compactArray(() => {
      const key = r.int16();
      r.int16();
      versions.set(key, r.int16());
      r.tags();
    });
    r.int32();
    const features = new Map<string, number>();
    const finalizedFeaturesTag = 2;
    r.tags((tag) => {
      if (tag !== finalizedFeaturesTag) return;
      r.compactArray(() => {
        const name = r.compactString();
        features.set(name, r.int16());
        r.int16();
        r.tags();
      });
    });
    return { versions, features };
  });
}
