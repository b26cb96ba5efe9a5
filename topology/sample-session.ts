/**
 * One sample: on record before it reads, takes the newest records of a topic through a policy that is in force for
 * nobody, and puts on record what it has read and what came of it, in counts. It writes to the audit topic and to the
 * policy log, and to nothing else; nothing that was read leaves it.
 */
import { AuditChain } from '../audit/audit-chain.ts';
import type { EventBody } from '../audit/audit-chain.ts';
import { sessionClosed, sessionOpened } from '../audit/lane-events.ts';
import type { LaneIdentity, PolicyInForce } from '../audit/lane-events.ts';
import { sampleRead, sampled, underSample } from '../audit/sample-events.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { TopicMetadata } from '../kafka/cluster.ts';
import { controlBatch } from '../kafka/control-batch.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { spread } from '../kafka/spread.ts';
import type { TransactionOutput } from '../kafka/sendings.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { OpenSample } from '../policy/sample-log.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { PolicyLogEntry, SampleResultEntry } from '../schemas/control-codecs.ts';
import { abortable } from './abortable.ts';
import { batchEvent } from './batch-event.ts';
import type { LaneContext } from './lane-context.ts';
import { PartitionReader } from './partition-reader.ts';
import { samplePlan } from './sample-plans.ts';
import { SampleReading } from './sample-reading.ts';
import { TransactionWork } from './transaction-work.ts';
import { methodCounts, noSample, sampleResult, standsInTheWay } from './sample-result.ts';

/** Offsets of one raw partition. */
interface SampleRange {
  readonly partition: number;
  readonly first: number;
  readonly next: number;
}

/** What was read of one partition. */
interface SampleRead extends SampleRange {
  readonly work: TransactionWork;
}

const FETCH_WAIT_MS = 100;
/** Answers without a record before the end of a range, after which the rest of it counts as markers. */
const EMPTY_FETCHES_MAX = 5;

export class SampleSession {
  private readonly context: LaneContext;
  private readonly sample: OpenSample;
  private readonly policy: Policy;
  private readonly producer: TransactionalProducer;
  private readonly signal: AbortSignal;
  private readonly chain: AuditChain;

  constructor(
    context: LaneContext,
    parts: {
      readonly sample: OpenSample;
      readonly policy: Policy;
      /** Initialised: whoever had the sample before is fenced. */
      readonly producer: TransactionalProducer;
      readonly signal: AbortSignal;
    },
  ) {
    this.context = context;
    this.sample = parts.sample;
    this.policy = parts.policy;
    this.producer = parts.producer;
    this.signal = parts.signal;
    this.chain = new AuditChain({
      writerId: parts.producer.transactionalId,
      schemaId: context.schemaIds.auditEvent,
      key: context.auditKey,
    });
  }

  /** Throws outages; what stands in the way of a sample is its answer. */
  async run(): Promise<void> {
    const { cluster } = this.context;
    const { topic } = this.sample;
    const raw = (await cluster.refresh([topic])).get(topic);
    if (!raw) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic });
    const connections = new BrokerConnections(cluster);
    try {
      const ranges = await this.ranges(raw, connections);
      const at = { nowMs: nowMs(), position: ranges[0]?.first ?? 0, previous: null };
      const opened = sessionOpened(this.identity(raw, 0), this.inForce(), at);
      await this.commit([underSample(opened, this.facts())], []);
      const reading = new SampleReading();
      const reads: SampleRead[] = [];
      let failure: GauzeError | null = null;
      for (const range of ranges) {
        const read = { ...range, work: new TransactionWork() };
        failure = await this.read(raw, connections, reading, read);
        reads.push(failure ? { ...read, next: read.first + read.work.recordCount } : read);
        if (failure) break;
      }
      await this.tell(raw, reads, failure ? noSample(this.sample, failure) : this.resultOf(reading));
    } finally {
      connections.close();
    }
  }

  /** The newest offsets of each partition, an equal share of each. */
  private async ranges(raw: TopicMetadata, connections: BrokerConnections): Promise<readonly SampleRange[]> {
    const { cluster } = this.context;
    const { topic, records } = this.sample;
    const share = Math.ceil(records / raw.leaders.length);
    const ranges: SampleRange[] = [];
    for (const partition of raw.leaders.keys()) {
      const earliest = await listOffset(cluster, connections, topic, partition, 'earliest');
      const next = await listOffset(cluster, connections, topic, partition, 'latest');
      ranges.push({ partition, first: Math.max(earliest, next - share), next });
    }
    return ranges;
  }

  /** Reads and masks one range; gives what stands in the way of a plan. Throws outages. */
  private async read(
    raw: TopicMetadata,
    connections: BrokerConnections,
    reading: SampleReading,
    { partition, first, next, work }: SampleRead,
  ): Promise<GauzeError | null> {
    const { cluster, limits, plans } = this.context;
    const { topic, atMs, quasi_identifiers: quasiIdentifiers } = this.sample;
    const { fetchBytes, unpackedBytes: unpackedBytesMax } = limits;
    const options = { topic, topicId: raw.id, partition, fetchBytes, unpackedBytesMax };
    const reader = new PartitionReader(cluster, { ...options, maxWaitMs: FETCH_WAIT_MS });
    const place = { topicId: raw.id, partition, offset: -1 };
    try {
      const keys = plans.maskingKeys.audience(this.policy);
      const sampledPolicy = { policy: this.policy, keys, atMs, quasiIdentifiers };
      let empty = 0;
      for (let position = first; position < next && empty < EMPTY_FETCHES_MAX;) {
        const span = await abortable(reader.fetch(connections, position), this.signal);
        this.signal.throwIfAborted();
        if (!span) {
          empty += 1;
          continue;
        }
        for (let done = false; !done;) {
          const { position: at, stop } = reading.run(span, position, next, place, work);
          position = at;
          if (stop.kind === 'corrupt') return stop.error;
          done = stop.kind !== 'plan';
          if (stop.kind !== 'plan') continue;
          reading.plans.set(
            stop.schemaId,
            await samplePlan(this.context, sampledPolicy, topic, stop.schemaId),
          );
        }
      }
      return null;
    } catch (thrown) {
      return standsInTheWay(thrown);
    } finally {
      reader.close();
    }
  }

  private async tell(
    raw: TopicMetadata,
    reads: readonly SampleRead[],
    result: SampleResultEntry,
  ): Promise<void> {
    const batches = reads
      .filter(({ first, next }) => next > first)
      .map(({ partition, first, next, work }) => {
        const batch = batchEvent(this.identity(raw, partition), this.inForce(), work, first, next);
        return sampleRead(batch, this.facts());
      });
    const about = sessionClosed(this.identity(raw, 0), this.inForce(), nowMs(), reads[0]?.next ?? 0);
    const closed = underSample(about, this.facts());
    const entry: PolicyLogEntry = {
      kind: 'SAMPLE_DONE',
      at: nowMs(),
      by: this.context.principal,
      policy: null,
      tags: null,
      lane: null,
      resume: null,
      sample_result: result,
    };
    await this.commit([...batches, sampled(closed, result), closed], [entry]);
  }

  private resultOf(reading: SampleReading): SampleResultEntry {
    return sampleResult(this.sample, {
      records: reading.recordCount,
      published: reading.publishedCount,
      withheld: reading.withheld,
      methods: methodCounts([...reading.plans.values()].map(({ plan }) => plan)),
      groups: reading.groups.counts(),
    });
  }

  private async commit(events: readonly EventBody[], entries: readonly PolicyLogEntry[]): Promise<void> {
    const { names, schemaIds } = this.context;
    const linked = this.chain.link(events);
    const audit = await topicNamed(this.context, names.auditEvents);
    const policies = await topicNamed(this.context, names.policies);
    const outputs: TransactionOutput[] = [
      {
        topic: names.auditEvents,
        topicId: audit.id,
        partition: spread(this.sample.id, audit.leaders.length),
        writer: controlBatch(
          linked.map(({ value }) => value),
          Buffer.from(this.chain.head.chainId),
        ),
      },
    ];
    if (entries.length > 0) {
      const values = entries.map((entry) => policyLogCodec.encode(entry, schemaIds.policyLog));
      const writer = controlBatch(values, null);
      outputs.push({ topic: names.policies, topicId: policies.id, partition: 0, writer });
    }
    await this.producer.commit(outputs, null, this.signal);
    this.chain.accept(linked);
  }

  private facts() {
    const { id, by, logOffset } = this.sample;
    return { id, by, logOffset };
  }

  /** Nobody gets anything; purpose is HL7's health system administration. */
  private identity(raw: TopicMetadata, partition: number): LaneIdentity {
    const { audience, topic } = this.sample;
    return {
      clusterId: this.context.cluster.clusterId,
      audience,
      recipient: null,
      group: '',
      rawTopic: topic,
      rawTopicId: raw.id,
      partition,
      outputTopic: '',
      principal: this.context.principal,
      purpose: ['HSYSADMIN'],
      accounting: 'NOT_PHI',
    };
  }

  /** Version 0: in force for nobody. */
  private inForce(): PolicyInForce {
    const { policyLog } = this.context;
    return {
      version: 0,
      sha256: this.policy.sha256,
      policyLogOffset: policyLog.state.endOffset,
      keyEpoch: this.policy.keys.epoch,
    };
  }
}

async function topicNamed({ cluster }: LaneContext, name: string): Promise<TopicMetadata> {
  const found = await cluster.topic(name);
  if (!found) throw new GauzeError('ERR_KAFKA_TOPIC_MISSING', { topic: name });
  return found;
}
