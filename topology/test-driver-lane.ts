/**
 * One audience on one topic in the test driver: the real masker over one record at a time, and what it has written, read
 * back as a reader would. It keeps what came out until it is asked for, and nothing of what went in.
 */
import type { EventBody } from '../audit/audit-chain.ts';
import type { LaneIdentity, PolicyInForce } from '../audit/lane-events.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import { readRecordSet } from '../kafka/record-set.ts';
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { Policy } from '../policy/policy.ts';
import { REGIMES } from '../policy/regimes.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { readableDecoder } from '../schemas/readable-json.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import { batchEvent } from './batch-event.ts';
import type { Span } from './held-span.ts';
import type { CompiledPlan } from './plan-store.ts';
import { SpanMasker } from './span-masker.ts';
import { TransactionWork } from './transaction-work.ts';
import { topicRulesOf } from './topic-rules.ts';

const BATCH_BYTES_MAX = 64 * 1024 * 1024;
const TOPIC_ID = '0'.repeat(32);

/** A record as a reader of the audience finds it. */
export interface ReadRecord {
  readonly key: string | null;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** 0 where the policy lets no time pass: the broker stamps such records. */
  readonly timestampMs: number;
}

export interface WithheldRecord {
  readonly audience: string;
  readonly topic: string;
  readonly offset: number;
  readonly code: ErrorCode;
}

/** A lane of the driver. */
export class DriverLane {
  readonly topic: string;
  readonly output: ReadRecord[] = [];
  readonly withheld: WithheldRecord[] = [];
  readonly events: EventBody[] = [];
  outcomes = 0;
  readonly #policy: Policy;
  readonly #plans: ReadonlyMap<number, CompiledPlan>;
  readonly #writer: RecordBatchWriter;
  readonly #masker: SpanMasker;

  constructor(
    policy: Policy,
    topic: string,
    plans: ReadonlyMap<number, CompiledPlan>,
    keys: Parameters<typeof topicRulesOf>[2],
  ) {
    this.topic = topic;
    this.#policy = policy;
    this.#plans = plans;
    this.#writer = new RecordBatchWriter({
      batchBytesMax: BATCH_BYTES_MAX,
      keepTimestamps: policy.timestamp !== 'append',
    });
    this.#masker = new SpanMasker({
      writer: this.#writer,
      rules: topicRulesOf(policy, topic, keys, []),
      source: { topicId: TOPIC_ID, partition: 0 },
      plans,
      ordered: new Set(),
      outputBytesMax: Number.POSITIVE_INFINITY,
      recordsMax: Number.POSITIVE_INFINITY,
      recordBytesMax: BATCH_BYTES_MAX,
    });
  }

  get newestSchema(): string {
    return [...this.#plans.values()].at(-1)?.plan.derivedSchema ?? '';
  }

  take(offset: number, span: Span): void {
    const { audience } = this.#policy;
    const work = new TransactionWork();
    const { stop } = this.#masker.run(span, offset, work);
    // A real lane would hold here until somebody mends it: no version of the topic's schema has that id.
    if (stop.kind === 'plan') throw new GauzeError('ERR_SCHEMA_UNKNOWN', { schemaId: stop.schemaId });
    for (const { code } of work.withheld) this.withheld.push({ audience, topic: this.topic, offset, code });
    this.events.push(batchEvent(this.#identity(), this.#inForce(), work, offset, offset + 1));
    const read = this.#read();
    this.output.push(...read);
    this.outcomes += work.withheld.length + work.deliveredCount;
    this.#writer.reset();
  }

  #read(): readonly ReadRecord[] {
    const found: ReadRecord[] = [];
    const cursor = new RecordCursor();
    for (const written of this.#writer.finish()) {
      const bytes = this.#writer.stamp(written, -1n, -1, -1);
      const source = { topic: this.topic, partition: 0, fetchOffset: 0, aborted: [] };
      for (const batch of readRecordSet(bytes, { ...source, unpackedBytesMax: BATCH_BYTES_MAX }).batches) {
        cursor.open(batch);
        while (cursor.next()) found.push(this.#record(cursor));
      }
    }
    return found;
  }

  #record(cursor: RecordCursor): ReadRecord {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd, timestampMs } = cursor;
    const headers: Record<string, string> = {};
    cursor.headers((nameStart, nameEnd, start, end) => {
      headers[bytes.toString('utf8', nameStart, nameEnd)] =
        start < 0 ? '' : bytes.toString('utf8', start, end);
    });
    return {
      key: keyStart < 0 ? null : bytes.toString('utf8', keyStart, keyEnd),
      value: valueStart < 0 ? null : this.#decoded(bytes.subarray(valueStart, valueEnd)),
      headers,
      timestampMs,
    };
  }

  #decoded(value: Buffer): unknown {
    const plan = this.#plans.get(value.readInt32BE(1))!;
    return readableDecoder(plan.plan.derivedSchema)(value.subarray(REGISTRY_PREFIX_BYTES));
  }

  #identity(): LaneIdentity {
    const { audience, regime } = this.#policy;
    const { purpose, accounting } = REGIMES[regime];
    return {
      clusterId: 'none',
      audience,
      recipient: audience,
      group: '',
      rawTopic: this.topic,
      rawTopicId: TOPIC_ID,
      partition: 0,
      outputTopic: sanitizedTopic(this.topic, audience),
      principal: 'User:policy-driver',
      purpose,
      accounting,
    };
  }

  #inForce(): PolicyInForce {
    const { sha256, keys } = this.#policy;
    return { version: 1, sha256, policyLogOffset: 0, keyEpoch: keys.epoch };
  }
}
