/**
 * The lane of an audience: records masked by its plans, into its sanitized topic. What it cannot mask it withholds;
 * nothing of a raw record reaches the output but what a plan writes.
 */
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
import type { Span } from './partition-reader.ts';
import type { CompiledPlan, UnseenTags } from './plan-store.ts';
import { SpanMasker, TransactionWork } from './span-masker.ts';
import type { WalkEnd } from './span-walk.ts';

/** Bytes that a record batch with one record takes beside the record. */
const BATCH_OVERHEAD_BYTES = 128;

export class MaskingLane implements LaneKind {
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

  work(setup: SessionSetup): LaneWork {
    return new MaskingWork(this.context, setup);
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
  private readonly plans = new Map<number, CompiledPlan>();
  private writer: RecordBatchWriter;
  private masker: SpanMasker | null = null;
  private unseen: UnseenTags | null = null;
  private done = new TransactionWork();

  constructor(context: LaneContext, setup: SessionSetup) {
    this.context = context;
    this.setup = setup;
    this.writer = this.newWriter();
  }

  get isFull(): boolean {
    const { batchBytes, recordsPerTransaction } = this.context.limits;
    return this.writer.bytesWritten >= batchBytes || this.done.recordCount >= recordsPerTransaction;
  }

  run(span: Span, position: number): WalkEnd {
    return this.currentMasker().run(span, position, this.done);
  }

  async learn(schemaId: number): Promise<void> {
    const { audience, topic } = this.setup.lane;
    const { plans } = this.context;
    const plan = await plans.plan(audience, topic, schemaId);
    this.unseen = await plans.unseenTags(topic);
    this.plans.set(schemaId, plan);
  }

  refresh(): void {
    this.plans.clear();
    this.writer = this.newWriter();
    this.masker = null;
  }

  finish(policy: PolicyInForce, firstOffset: number, nextOffset: number): FinishedWork {
    return {
      event: batchEvent(this.setup.identity, policy, this.done, firstOffset, nextOffset),
      output: this.writer,
      withheld: this.done.withheld,
      entries: this.unseen ? [tagsEntry(this.context.principal, this.unseen)] : [],
    };
  }

  clear(): void {
    this.unseen = null;
    this.done = new TransactionWork();
    this.writer.reset();
  }

  shrink(): void {
    this.writer.shrink();
  }

  private currentMasker(): SpanMasker {
    const { lane, messageBytesMax, rawTopicId } = this.setup;
    const { limits, policyLog, plans } = this.context;
    this.masker ??= new SpanMasker({
      writer: this.writer,
      source: { topicId: rawTopicId, partition: lane.partition },
      rules: plans.topicRules(lane.audience, lane.topic),
      plans: this.plans,
      ordered: policyLog.state.withhold.get(laneKey(lane)) ?? new Set(),
      outputBytesMax: limits.batchBytes,
      recordsMax: limits.recordsPerTransaction,
      recordBytesMax: messageBytesMax - BATCH_OVERHEAD_BYTES,
    });
    return this.masker;
  }

  private newWriter(): RecordBatchWriter {
    const policy = this.context.plans.policy(this.setup.lane.audience);
    return new RecordBatchWriter({
      batchBytesMax: this.setup.messageBytesMax,
      keepTimestamps: policy?.timestamp === 'keep',
    });
  }
}
