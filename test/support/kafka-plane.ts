/**
 * The record batch plane on the real stack: topics under random names, transactions driven request by request
 * so that they can be left open or aborted, and everything that read_committed hands out, to compare with.
 */
import { BrokerConnections, Cluster } from '../../kafka/cluster.ts';
import type { Connection } from '../../kafka/connection.ts';
import type { KafkaEndpoint } from '../../kafka/endpoint.ts';
import { fetchRecords } from '../../kafka/fetch.ts';
import { parseAddress } from '../../kafka/login.ts';
import { produce } from '../../kafka/produce.ts';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { readRecordSet } from '../../kafka/record-set.ts';
import { endTxn, initProducerId, txnOffsetCommit } from '../../kafka/transaction-requests.ts';
import type { OffsetCommit, ProducerIdentity } from '../../kafka/transaction-requests.ts';
import type { TransactionOutput } from '../../kafka/sendings.ts';
import { recordsOf } from './read-records.ts';
import type { PlainRecord } from './read-records.ts';
import { loginOf, testStack, uniqueName, withAdmin } from './stack.ts';

const CONCURRENT_TRANSACTIONS = 51;
/** What a broker may answer about a topic, group or id that is only just there. */
const SOON = new Set([CONCURRENT_TRANSACTIONS, 3, 5, 6, 14, 15, 16, 100]);
const TIMEOUT_MS = 10_000;

/** Ends a loop that waits for something: call it in each round. */
export function patience(waitingFor: string, ms = 30_000): () => void {
  const deadline = performance.now() + ms;
  return () => {
    if (performance.now() > deadline) throw new Error(`waited too long for ${waitingFor}`);
  };
}

export interface TestTopic {
  readonly name: string;
  readonly id: string;
}

/** The stack as one of its users sees it. */
export function endpointOf(username = 'admin'): KafkaEndpoint {
  const brokers = testStack().brokers.map((text) => parseAddress(text)!);
  return { brokers, ssl: false, login: loginOf(username), role: 'topology' };
}

/** One cluster with the connections of a test file; closed at its end. */
export class TestPlane {
  readonly cluster: Cluster;
  readonly connections: BrokerConnections;

  constructor(username = 'admin') {
    this.cluster = new Cluster(endpointOf(username));
    this.connections = new BrokerConnections(this.cluster);
  }

  async start(): Promise<void> {
    await this.cluster.start();
  }

  async close(): Promise<void> {
    this.connections.close();
    await this.cluster.close();
  }

  /** A new topic, or one made again under `name`. Its records stay, whatever times they bear. */
  async topic(config: Readonly<Record<string, string>> = {}, partitions = 1, name = uniqueName('plane')) {
    await withAdmin(
      async (admin) =>
        await admin.createTopic({ topic: name, partitions, config: { 'retention.ms': '-1', ...config } }),
    );
    return await this.whenThere(name, partitions);
  }

  /** Deletes a topic and makes it again under its name. */
  async remake({ name }: TestTopic): Promise<TestTopic> {
    await withAdmin(async (admin) => await admin.deleteTopics([name]));
    const wait = patience('the end of a topic');
    while ((await this.cluster.refresh([name])).has(name)) wait();
    return await this.topic({}, 1, name);
  }

  /** What Kafka answers to a Produce to this very topic. */
  async produceError({ name, id }: TestTopic): Promise<number> {
    const { identity, transactionalId } = await this.openTransaction(uniqueName('raw'));
    const writer = batchOf([[null, 'x']]);
    const [batch] = writer.finish();
    const records = writer.stamp(batch!, identity.producerId, identity.epoch, 0);
    const partitions = [{ topic: name, topicId: id, partition: 0, records }];
    const connection = await this.leader({ name, id });
    const [answer] = await produce(connection, 13, transactionalId, partitions, TIMEOUT_MS);
    return answer!.error;
  }

  /** The connection to the leader of partition 0 of a topic: the stack has one broker. */
  async leader({ name }: TestTopic): Promise<Connection> {
    const metadata = await this.cluster.topic(name);
    return await this.connections.to(metadata!.leaders[0]!);
  }

  /** One fetch, as a lane does it; `position` is where the next one begins. */
  async fetch(
    topic: TestTopic,
    partition: number,
    offset: number,
    maxBytes = 1_048_576,
    readCommitted = true,
  ) {
    const answer = await fetchRecords(await this.leader(topic), {
      topicId: topic.id,
      partition,
      offset,
      maxBytes,
      maxWaitMs: 0,
      readCommitted,
    });
    const source = { topic: topic.name, partition, fetchOffset: offset, unpackedBytesMax: 10_000_000 };
    const { batches, nextOffset } = readRecordSet(answer.records, { ...source, aborted: answer.aborted });
    return { answer, records: recordsOf(batches).filter((record) => record.offset >= offset), nextOffset };
  }

  /**
   * Everything committed from `offset` on, by as many fetches as it takes. Waits for the markers of transactions
   * that have ended, so none may be open.
   */
  async readAll(topic: TestTopic, partition = 0, offset = 0, maxBytes = 1_048_576): Promise<ReadAll> {
    const records: PlainRecord[] = [];
    const wait = patience('the end of open transactions');
    for (let position = offset; ;) {
      wait();
      const fetched = await this.fetch(topic, partition, position, maxBytes);
      if (SOON.has(fetched.answer.error)) continue;
      if (fetched.answer.error !== 0) throw new Error(`fetch answered ${fetched.answer.error}`);
      records.push(...fetched.records);
      position = fetched.nextOffset;
      if (position >= fetched.answer.highWatermark) return { records, position };
    }
  }

  /** The values of everything committed, as text. */
  async values(topic: TestTopic, partition = 0): Promise<readonly string[]> {
    const { records } = await this.readAll(topic, partition);
    return records.map(({ value }) => Buffer.from(value ?? '', 'hex').toString());
  }

  /** Takes a transactional id, like a producer that begins. */
  async openTransaction(transactionalId: string, transactionTimeoutMs = TIMEOUT_MS): Promise<RawTransaction> {
    const node = await this.cluster.coordinator('transaction', transactionalId);
    const connection = await this.connections.to(node);
    const wait = patience('InitProducerId');
    for (;;) {
      wait();
      const answer = await initProducerId(connection, transactionalId, transactionTimeoutMs, TIMEOUT_MS);
      if (answer.error === 0) return new RawTransaction(this, connection, transactionalId, answer);
      if (!SOON.has(answer.error)) throw new Error(`InitProducerId answered ${answer.error}`);
    }
  }

  private async whenThere(name: string, partitions: number): Promise<TestTopic> {
    const wait = patience('a new topic');
    for (;;) {
      wait();
      const found = (await this.cluster.refresh([name])).get(name);
      if (found?.leaders.length === partitions && found.leaders.every((leader) => leader >= 0)) {
        return { name, id: found.id };
      }
    }
  }
}

export interface ReadAll {
  readonly records: readonly PlainRecord[];
  readonly position: number;
}

/** A producer whose transactions end when the test says so, and how. */
export class RawTransaction {
  identity: ProducerIdentity;
  readonly transactionalId: string;
  private readonly plane: TestPlane;
  private readonly connection: Connection;
  private sequences = new Map<string, number>();

  constructor(plane: TestPlane, connection: Connection, transactionalId: string, identity: ProducerIdentity) {
    this.plane = plane;
    this.connection = connection;
    this.transactionalId = transactionalId;
    this.identity = identity;
  }

  /** Appends one batch to the open transaction; gives the offset of its first record. */
  async write(
    topic: TestTopic,
    records: readonly (readonly [key: Buffer | null, value: string])[],
    partition = 0,
  ): Promise<number> {
    const writer = batchOf(records);
    const place = `${topic.name}/${partition}`;
    const sequence = this.sequences.get(place) ?? 0;
    const { producerId, epoch } = this.identity;
    const [batch] = writer.finish();
    const bytes = writer.stamp(batch!, producerId, epoch, sequence);
    const connection = await this.plane.leader(topic);
    const wait = patience('Produce');
    for (;;) {
      wait();
      const [answer] = await produce(
        connection,
        13,
        this.transactionalId,
        [{ topic: topic.name, topicId: topic.id, partition, records: bytes }],
        TIMEOUT_MS,
      );
      if (SOON.has(answer!.error)) continue;
      if (answer!.error !== 0) throw new Error(`Produce answered ${answer!.error}`);
      this.sequences.set(place, sequence + records.length);
      return answer!.baseOffset;
    }
  }

  async addOffset(commit: OffsetCommit): Promise<void> {
    const node = await this.plane.cluster.coordinator('group', commit.group);
    const connection = await this.plane.connections.to(node);
    const wait = patience('TxnOffsetCommit');
    for (;;) {
      wait();
      const error = await txnOffsetCommit(
        connection,
        this.transactionalId,
        this.identity,
        commit,
        TIMEOUT_MS,
      );
      if (error === 0) return;
      if (!SOON.has(error)) throw new Error(`TxnOffsetCommit answered ${error}`);
    }
  }

  /** Ends the transaction and takes the next identity over. */
  async end(how: 'commit' | 'abort'): Promise<ProducerIdentity> {
    const wait = patience('EndTxn');
    for (;;) {
      wait();
      const answer = await endTxn(
        this.connection,
        this.transactionalId,
        this.identity,
        how === 'commit',
        TIMEOUT_MS,
      );
      if (answer.error === CONCURRENT_TRANSACTIONS) continue;
      if (answer.error !== 0) throw new Error(`EndTxn answered ${answer.error}`);
      this.identity = { producerId: answer.producerId, epoch: answer.epoch };
      this.sequences = new Map();
      return this.identity;
    }
  }
}

/** A batch of these records, as large as it must be. */
export function batchOf(
  records: readonly (readonly [key: Buffer | null, value: string])[],
): RecordBatchWriter {
  const writer = new RecordBatchWriter({ batchBytesMax: 10_000_000 });
  for (const [key, value] of records) writer.record(key, Buffer.from(value));
  return writer;
}

/** What a transaction writes to one partition. */
export function outputOf(
  { name, id }: TestTopic,
  values: readonly string[],
  partition = 0,
): TransactionOutput {
  return { topic: name, topicId: id, partition, writer: batchOf(values.map((value) => [null, value])) };
}
