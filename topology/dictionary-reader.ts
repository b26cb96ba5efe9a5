/**
 * Reads a raw topic into a person dictionary, up to where it ends or to given offsets: a task of its own, on record
 * before it reads, and no version is handed out before the event of its read is committed. What was read stays in
 * memory; it writes to the audit topic and to nothing else.
 */
import { AuditChain } from '../audit/audit-chain.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { dictionaryRead, forDictionary } from '../audit/dictionary-events.ts';
import { sessionClosed, sessionOpened } from '../audit/lane-events.ts';
import type { LaneIdentity, PolicyInForce } from '../audit/lane-events.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { TopicMetadata } from '../kafka/cluster.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { spread } from '../kafka/spread.ts';
import { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { nowMs, random } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { abortable } from './abortable.ts';
import { batchEvent } from './batch-event.ts';
import { DictionaryRecords } from './dictionary-records.ts';
import type { ControlSchemaIds, LaneContext } from './lane-context.ts';
import { PartitionReader } from './partition-reader.ts';
import { PersonDictionary } from './person-dictionary.ts';
import type { DictionaryChange, DictionaryVersion } from './person-dictionary.ts';
import { TransactionWork } from './transaction-work.ts';

/** What a reader needs of its instance. */
export interface DictionaryContext extends Pick<
  LaneContext,
  'auditKey' | 'cluster' | 'keyring' | 'limits' | 'names' | 'plans' | 'policyLog' | 'principal'
> {
  readonly schemaIds: Pick<ControlSchemaIds, 'auditEvent'>;
}

/** It works by no policy: what it reads is the same for all. */
const NO_POLICY = { version: 0, sha256: '0'.repeat(64) };
const FETCH_WAIT_MS = 100;
/** Answers with nothing before the end of a range, after which the read is given up: a transaction may stand open there. */
const EMPTY_FETCHES_MAX = 20;
const ID_BYTES = 8;

export class DictionaryReader {
  private readonly context: DictionaryContext;
  private readonly topic: string;
  /** Ends reads under way. */
  private readonly signal: AbortSignal;
  private readonly id = `dictionary-${Buffer.from(random(ID_BYTES)).toString('hex')}`;
  private readonly records: DictionaryRecords;
  private dictionary: PersonDictionary | null = null;
  private topicId = '';
  private reading: Promise<PersonDictionary> | null = null;

  constructor(context: DictionaryContext, topic: string, signal: AbortSignal) {
    this.context = context;
    this.topic = topic;
    this.signal = signal;
    this.records = new DictionaryRecords(context, topic);
  }

  /**
   * A version that holds at least everything that stands in the topic now. Those who ask at the same time share a read,
   * but nobody gets one that began before the question. Throws holds and outages.
   */
  async upToNow(): Promise<DictionaryVersion> {
    await this.reading?.catch(() => undefined);
    this.reading ??= this.read(null).finally(() => {
      this.reading = null;
    });
    return (await this.reading).hold();
  }

  /** The version at exactly these offsets; null where the topic has no such partitions any more. Throws as above. */
  async upTo(offsets: readonly number[]): Promise<DictionaryVersion | null> {
    const raw = await this.rawTopic();
    if (raw.leaders.length !== offsets.length) return null;
    return (await this.read(offsets)).hold();
  }

  private async rawTopic(): Promise<TopicMetadata> {
    const { topic } = this;
    const raw = (await this.context.cluster.refresh([topic])).get(topic);
    if (!raw) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic });
    return raw;
  }

  private async read(until: readonly number[] | null): Promise<PersonDictionary> {
    const { cluster } = this.context;
    const raw = await this.rawTopic();
    const connections = new BrokerConnections(cluster);
    try {
      const ends = until ?? (await this.offsets(raw, connections, 'latest'));
      const known = this.dictionary;
      const isSameTopic = this.topicId === raw.id && known?.offsets.length === ends.length;
      const isSound = (await this.records.isCurrent()) && known !== null && isSameTopic;
      if (isSound && known.offsets.every((offset, partition) => offset === ends[partition])) return known;
      const starts = isSound ? known.offsets : await this.offsets(raw, connections, 'earliest');
      // Built anew where it is not sound any more: versions that are held stay as they are.
      const dictionary = isSound ? known : new PersonDictionary(this.topic, starts);
      // Whatever goes wrong from here on, nothing half read is kept.
      this.dictionary = null;
      const changes = await this.onRecord(raw, connections, { starts, ends });
      dictionary.apply(changes, ends);
      this.dictionary = dictionary;
      this.topicId = raw.id;
      return dictionary;
    } finally {
      connections.close();
    }
  }

  private async offsets(
    raw: TopicMetadata,
    connections: BrokerConnections,
    which: 'earliest' | 'latest',
  ): Promise<number[]> {
    const offsets: number[] = [];
    for (const partition of raw.leaders.keys())
      offsets.push(await listOffset(this.context.cluster, connections, this.topic, partition, which));
    return offsets;
  }

  /** Opens a session, reads the ranges, puts the reads on record and closes; gives what was read only then. */
  private async onRecord(
    raw: TopicMetadata,
    connections: BrokerConnections,
    { starts, ends }: { readonly starts: readonly number[]; readonly ends: readonly number[] },
  ): Promise<readonly DictionaryChange[]> {
    const { signal } = this;
    const { cluster, names, auditKey, schemaIds } = this.context;
    const producer = new TransactionalProducer(cluster, names.taskTransactionalId(this.id));
    const chain = new AuditChain({
      writerId: producer.transactionalId,
      schemaId: schemaIds.auditEvent,
      key: auditKey,
    });
    try {
      await producer.initialize(signal);
      const first = { nowMs: nowMs(), position: starts[0] ?? 0, previous: null };
      const opened = sessionOpened(this.identity(raw, 0), this.inForce(), first);
      await this.commit(producer, chain, [forDictionary(opened)]);
      const changes: DictionaryChange[] = [];
      const events: EventBody[] = [];
      for (const [partition, next] of ends.entries()) {
        const from = Math.min(starts[partition]!, next);
        const work = new TransactionWork();
        await this.readRange(raw, connections, { partition, from, next, work, changes });
        if (next > from)
          events.push(
            dictionaryRead(batchEvent(this.identity(raw, partition), this.inForce(), work, from, next)),
          );
      }
      const closed = sessionClosed(this.identity(raw, 0), this.inForce(), nowMs(), ends[0] ?? 0);
      await this.commit(producer, chain, [...events, forDictionary(closed)]);
      return changes;
    } finally {
      producer.close();
    }
  }

  private async readRange(
    raw: TopicMetadata,
    connections: BrokerConnections,
    range: {
      readonly partition: number;
      readonly from: number;
      readonly next: number;
      readonly work: TransactionWork;
      readonly changes: DictionaryChange[];
    },
  ): Promise<void> {
    const { cluster, limits } = this.context;
    const { fetchBytes, unpackedBytes: unpackedBytesMax } = limits;
    const { partition, from, next, work, changes } = range;
    const reader = new PartitionReader(cluster, {
      topic: this.topic,
      topicId: raw.id,
      partition,
      fetchBytes,
      unpackedBytesMax,
      maxWaitMs: FETCH_WAIT_MS,
    });
    try {
      let empty = 0;
      for (let position = from; position < next;) {
        const span = await abortable(reader.fetch(connections, position), this.signal);
        this.signal.throwIfAborted();
        if (span) position = await this.records.take(span, position, { partition, next, work, changes });
        else if (++empty === EMPTY_FETCHES_MAX)
          // Whoever masked now would mask by less than the topic says.
          throw new GauzeError('ERR_DICTIONARY_BEHIND', { topic: this.topic, partition });
      }
    } finally {
      reader.close();
    }
  }

  private async commit(
    producer: TransactionalProducer,
    chain: AuditChain,
    events: readonly EventBody[],
  ): Promise<void> {
    const { cluster, names } = this.context;
    const audit = await cluster.topic(names.auditEvents);
    if (!audit) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: names.auditEvents });
    const linked = chain.link(events);
    const values = linked.map(({ value }) => value);
    const output = {
      topic: names.auditEvents,
      topicId: audit.id,
      partition: spread(this.id, audit.leaders.length),
      writer: controlBatch(values, Buffer.from(chain.head.chainId)),
    };
    await producer.commit([output], null, this.signal);
    chain.accept(linked);
  }

  /** Nobody gets anything; purpose is HL7's health system administration. */
  private identity(raw: TopicMetadata, partition: number): LaneIdentity {
    return {
      clusterId: this.context.cluster.clusterId,
      audience: 'dictionary',
      recipient: null,
      group: '',
      rawTopic: this.topic,
      rawTopicId: raw.id,
      partition,
      outputTopic: '',
      principal: this.context.principal,
      purpose: ['HSYSADMIN'],
      accounting: 'NOT_PHI',
    };
  }

  private inForce(): PolicyInForce {
    const { keyring, policyLog } = this.context;
    const { epoch } = keyring.subjectTokens();
    return { ...NO_POLICY, policyLogOffset: policyLog.state.endOffset, keyEpoch: epoch };
  }
}

/** The dictionaries of one instance, one for each topic. */
export class Dictionaries {
  private readonly readers = new Map<string, DictionaryReader>();
  private readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  of(context: DictionaryContext, topic: string): DictionaryReader {
    const known = this.readers.get(topic) ?? new DictionaryReader(context, topic, this.signal);
    this.readers.set(topic, known);
    return known;
  }

  /** One that has read nothing yet, for a point in the past. */
  anew(context: DictionaryContext, topic: string): DictionaryReader {
    return new DictionaryReader(context, topic, this.signal);
  }
}
