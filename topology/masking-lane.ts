/**
 * The lane of an audience: records masked by its plans, into its sanitized topic. What it cannot mask it withholds;
 * nothing of a raw record reaches the output but what a plan writes.
 */
import { withDictionary } from '../audit/dictionary-events.ts';
import type { DictionaryPin } from '../audit/dictionary-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { GauzeError } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import type { Policy } from '../policy/policy.ts';
import { REGIMES } from '../policy/regimes.ts';
import { batchEvent } from './batch-event.ts';
import type { LaneContext, LaneName, TargetSettings } from './lane-context.ts';
import type { FinishedWork, LaneKind, LaneWork } from './lane-kind.ts';
import { tagsEntry } from './lane-ledger.ts';
import type { SessionSetup } from './lane-ledger.ts';
import type { DictionaryVersion } from './person-dictionary.ts';
import type { Span } from './held-span.ts';
import type { CompiledPlan, UnseenTags } from './plan-store.ts';
import { SpanMasker } from './span-masker.ts';
import { TransactionWork } from './transaction-work.ts';
import type { WalkEnd } from './span-walk.ts';
import type { WantedOffsets } from './wanted-offsets.ts';

/** Bytes that a record batch with one record takes beside the record. */
const BATCH_OVERHEAD_BYTES = 128;
/**
 * A broker keeps a request in one array, and its collector (G1, heaps under 4 GiB) sets one of 512 KiB or more aside in
 * memory of its own: a batch with all that is around it stays below.
 */
const BATCH_BYTES_GOAL = 480 * 1_024;

/** Records that are read once more, long after their lane has passed them. */
export interface ReadAgain {
  readonly wanted: WantedOffsets;
  /** Are orders to withhold set aside, because a person asks for just these records? */
  readonly overridesOrders: boolean;
  /** Told the raw offset of each record that has been written. */
  readonly written: (offset: number) => void;
}

export class MaskingLane implements LaneKind {
  readonly farBehindLingers = 5;
  private readonly context: LaneContext;
  private readonly lane: LaneName;

  constructor(context: LaneContext, lane: LaneName) {
    this.context = context;
    this.lane = lane;
  }

  outputPartition(): number {
    return this.lane.partition;
  }

  purpose(): ReturnType<LaneKind['purpose']> {
    const { purpose, accounting } = REGIMES[this.policy().regime];
    return { recipient: this.lane.audience, purpose, accounting };
  }

  /** A topic that keeps producers' times would take records without a time for very old ones and delete them. */
  assertFits(outputTopic: string, { appendTime }: TargetSettings): void {
    if (appendTime || this.policy().timestamp !== 'append') return;
    throw new GauzeError('ERR_LANE_TARGET_TIMESTAMPS', { topic: outputTopic, audience: this.lane.audience });
  }

  inForce(): PolicyInForce {
    return this.context.plans.inForce(this.lane);
  }

  subjectHash(): null {
    return null;
  }

  work(setup: SessionSetup): LaneWork {
    return new MaskingWork(this.context, setup, null);
  }

  /** The same work on some records that are read again. */
  workAgain(setup: SessionSetup, again: ReadAgain): LaneWork {
    return new MaskingWork(this.context, setup, again);
  }

  private policy(): Policy {
    const { audience, topic } = this.lane;
    const policy = this.context.plans.policy(audience);
    if (!policy) throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic });
    return policy;
  }
}

class MaskingWork implements LaneWork {
  private readonly context: LaneContext;
  private readonly setup: SessionSetup;
  private readonly again: ReadAgain | null;
  private readonly plans = new Map<number, CompiledPlan>();
  private writer: RecordBatchWriter;
  private masker: SpanMasker | null = null;
  private unseen: UnseenTags | null = null;
  private done = new TransactionWork();
  /** What the transaction under way masks by; null where none of its plans has a dictionary. */
  private dictionary: DictionaryVersion | null = null;

  constructor(context: LaneContext, setup: SessionSetup, again: ReadAgain | null) {
    this.context = context;
    this.setup = setup;
    this.again = again;
    this.writer = this.newWriter();
  }

  get isFull(): boolean {
    const { recordsPerTransaction } = this.context.limits;
    return (
      this.writer.bytesWritten >= this.context.batchBytes() || this.done.recordCount >= recordsPerTransaction
    );
  }

  get notesSubjects(): boolean {
    return [...this.plans.values()].some(({ transcoder }) => transcoder.person !== null);
  }

  run(span: Span, position: number): WalkEnd {
    // Plans are shared with other lanes of this instance: each brings its own version, and takes it away again.
    const using = [...this.plans.values()].filter(({ plan }) => plan.dictionary !== undefined);
    for (const { transcoder } of using) transcoder.pin?.(this.dictionary);
    try {
      return this.currentMasker().run(span, position, this.done);
    } finally {
      for (const { transcoder } of using) transcoder.pin?.(null);
    }
  }

  async learn(schemaId: number): Promise<void> {
    const { audience, topic } = this.setup.lane;
    const { plans } = this.context;
    const plan = await plans.plan(audience, topic, schemaId);
    this.unseen = await plans.unseenTags(topic);
    const { dictionary } = plan.plan;
    if (dictionary !== undefined)
      this.dictionary ??= await this.context.dictionaries.of(this.context, dictionary).upToNow();
    this.plans.set(schemaId, plan);
  }

  refresh(): void {
    this.plans.clear();
    this.dropDictionary();
    this.writer = this.newWriter();
    this.masker = null;
  }

  finish(policy: PolicyInForce, firstOffset: number, nextOffset: number): FinishedWork {
    return {
      event: withDictionary(
        batchEvent(this.setup.identity, policy, this.done, firstOffset, nextOffset),
        this.pin(),
      ),
      output: this.writer,
      withheld: this.done.withheld,
      entries: this.unseen ? [tagsEntry(this.context.principal, this.unseen)] : [],
    };
  }

  clear(): void {
    this.unseen = null;
    this.dropDictionary();
    this.done = new TransactionWork();
    this.writer.reset();
  }

  shrink(): void {
    this.writer.shrink();
  }

  /** Where the dictionary stood, if any record was masked by it. */
  private pin(): DictionaryPin | null {
    const topic = [...this.done.plans.values()].find(({ plan }) => plan.dictionary !== undefined)?.plan
      .dictionary;
    if (topic === undefined || !this.dictionary) return null;
    return { topic, offsets: this.dictionary.offsets, sha256: this.dictionary.sha256 };
  }

  /** The next transaction begins with the dictionary as it is then: its plans are learnt anew. */
  private dropDictionary(): void {
    if (!this.dictionary) return;
    this.dictionary.release();
    this.dictionary = null;
    for (const [schemaId, { plan }] of this.plans)
      if (plan.dictionary !== undefined) this.plans.delete(schemaId);
    this.masker = null;
  }

  private currentMasker(): SpanMasker {
    if (this.masker) return this.masker;
    const { lane, messageBytesMax, rawTopicId } = this.setup;
    const { limits, policyLog, plans } = this.context;
    const { again } = this;
    const rules = plans.topicRules(lane.audience, lane.topic);
    const ordered = policyLog.state.withhold.get(laneKey(lane)) ?? new Set<number>();
    this.masker = new SpanMasker({
      writer: this.writer,
      source: { topicId: rawTopicId, partition: lane.partition },
      // Read again, a record that stays withheld has taken its key's older record away already.
      rules: again ? { ...rules, compacted: false } : rules,
      plans: this.plans,
      ordered: again?.overridesOrders ? new Set() : ordered,
      outputBytesMax: this.context.batchBytes(),
      recordsMax: limits.recordsPerTransaction,
      recordBytesMax: messageBytesMax - BATCH_OVERHEAD_BYTES,
      ...(again ? { wanted: again.wanted, written: again.written } : {}),
    });
    return this.masker;
  }

  private newWriter(): RecordBatchWriter {
    const policy = this.context.plans.policy(this.setup.lane.audience);
    return new RecordBatchWriter({
      batchBytesMax: this.setup.messageBytesMax,
      batchBytesGoal: BATCH_BYTES_GOAL,
      keepTimestamps: policy !== null && policy.timestamp !== 'append',
      // A buffer that doubles as it grows is at most twice of what a full transaction writes.
      keptBytesMax: 2 * this.context.limits.batchBytes,
    });
  }
}
