/**
 * The index lane: whom the records of a raw partition are about, as one subject token each, to gauze.audit.subjects.
 * What previews, filters and caps by person stand on. It writes nothing of a record but tokens, reads for no
 * audience, and withholds nothing: a record that names nobody has zeros.
 */
import { createHash } from 'node:crypto';
import { indexBatch } from '../audit/lane-events.ts';
import type { PolicyInForce } from '../audit/lane-events.ts';
import { subjectsRoot } from '../audit/membership-tree.ts';
import type { KeyedHash } from '../keys/audience-keys.ts';
import { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import { spread } from '../kafka/spread.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { laneKey } from '../policy/policy-log.ts';
import { SUBJECT_TOKEN_BYTES, subjectIndexCodec } from '../schemas/access-codecs.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import type { LaneContext, LaneName, TargetSettings } from './lane-context.ts';
import type { FinishedWork, LaneKind, LaneWork } from './lane-kind.ts';
import type { SessionSetup } from './lane-ledger.ts';
import type { Span } from './held-span.ts';
import { walkSpan } from './span-walk.ts';
import type { StopReason, WalkEnd } from './span-walk.ts';
import { SubjectRange } from './subject-range.ts';
import type { SpanSubjects } from './span-subjects.ts';
import { PERSON_SPACE } from './subject-tokenizer.ts';
import type { SubjectTokenizer } from './subject-tokenizer.ts';
import { schemaIdOf } from './value-framing.ts';

/** It works by no policy: what it does is the same for all. */
const NO_POLICY = { version: 0, sha256: '0'.repeat(64) };
const FULL: StopReason = { kind: 'full' };
const END: StopReason = { kind: 'end' };
/** A token, and a distance to the record before. */
const RECORD_BYTES = SUBJECT_TOKEN_BYTES + 1;
/** Room for what an index has beside tokens and distances: names, and numbers. */
const HEAD_BYTES = 1_024;
const INITIAL_BYTES = 4_096;

export class IndexLane implements LaneKind {
  /** It writes a fiftieth of what lanes that mask do: as often as they, it would commit next to nothing. */
  readonly farBehindLingers = 10;
  private readonly context: LaneContext;
  private readonly lane: LaneName;

  constructor(context: LaneContext, lane: LaneName) {
    this.context = context;
    this.lane = lane;
  }

  outputPartition(partitions: number): number {
    return spread(`${this.lane.topic}/${this.lane.partition}`, partitions);
  }

  /** HL7 v3-ActReason: health system administration. Tokens go to gauze itself, to no recipient. */
  purpose(): ReturnType<LaneKind['purpose']> {
    return { recipient: null, purpose: ['HSYSADMIN'], accounting: 'NOT_PHI' };
  }

  /** Batches carry no time, so the broker must give them one. */
  assertFits(outputTopic: string, { appendTime }: TargetSettings): void {
    if (appendTime) return;
    throw new GauzeError('ERR_LANE_TARGET_TIMESTAMPS', { topic: outputTopic, audience: this.lane.audience });
  }

  /** Throws ERR_KEY_MISSING. */
  inForce(): PolicyInForce {
    const { keyring, policyLog } = this.context;
    const { epoch } = keyring.subjectTokens();
    return { ...NO_POLICY, policyLogOffset: policyLog.state.endOffset, keyEpoch: epoch };
  }

  subjectHash(): KeyedHash {
    return this.context.keyring.subjectTokens().hash(PERSON_SPACE);
  }

  work(setup: SessionSetup): LaneWork {
    return new IndexWork(this.context, setup);
  }
}

class IndexWork implements LaneWork {
  private readonly context: LaneContext;
  private readonly setup: SessionSetup;
  private readonly cursor = new RecordCursor();
  private readonly tokenizers = new Map<number, SubjectTokenizer>();
  private readonly range = new SubjectRange();
  private readonly writer: RecordBatchWriter;
  /** Where the index is put together before it is written: larger after each that did not fit. */
  private room = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** Half of what the topic takes: the last record may go over it, and the index has a head. */
  private readonly bytesMax: number;
  readonly notesSubjects = false;
  private ordered: ReadonlySet<number>;
  /** What tokens are made by. */
  private hash: KeyedHash;
  /** Whom records are about, as other lanes have noted. */
  private noted: SpanSubjects | null = null;

  constructor(context: LaneContext, setup: SessionSetup) {
    this.context = context;
    this.setup = setup;
    this.bytesMax = Math.min(context.batchBytes(), Math.floor(setup.messageBytesMax / 2));
    this.writer = new RecordBatchWriter({
      batchBytesMax: setup.messageBytesMax,
      initialBytes: INITIAL_BYTES,
      keptBytesMax: setup.messageBytesMax,
    });
    this.ordered = this.orders();
    this.hash = context.keyring.subjectTokens().hash(PERSON_SPACE);
  }

  get isFull(): boolean {
    const { size, recordCount } = this.range;
    return size >= this.bytesMax || recordCount >= this.context.limits.recordsPerTransaction;
  }

  run(span: Span, position: number): WalkEnd {
    this.noted = span.subjects ?? null;
    const known = this.takeNoted(position);
    if (this.isFull) return { position: known, stop: FULL };
    if (known >= span.nextOffset) return { position: known, stop: END };
    return walkSpan(this.cursor, span, known, () => this.record());
  }

  /** Takes the records from `position` on of which all is noted, without looking at them; gives where it has come to. */
  private takeNoted(position: number): number {
    const { noted, range, ordered } = this;
    if (!noted || ordered.size > 0) return position;
    const room = Math.ceil((this.bytesMax - range.size) / RECORD_BYTES);
    const most = Math.min(room, this.context.limits.recordsPerTransaction - range.recordCount);
    const count = noted.run(position, most, this.hash);
    if (count > 0) range.addNoted(noted, position, count);
    return position + count;
  }

  async learn(schemaId: number): Promise<void> {
    const { plans, keyring } = this.context;
    const tokens = keyring.subjectTokens();
    this.tokenizers.set(schemaId, await plans.tokenizer(this.setup.lane.topic, schemaId, tokens));
  }

  refresh(): void {
    this.tokenizers.clear();
    this.ordered = this.orders();
    this.hash = this.context.keyring.subjectTokens().hash(PERSON_SPACE);
  }

  finish(policy: PolicyInForce, firstOffset: number, nextOffset: number): FinishedWork {
    const { range, setup, context } = this;
    const { topic, partition } = setup.lane;
    const { recordCount, bytes } = range;
    const value = subjectIndexCodec.encode(
      {
        topic,
        topic_id: setup.rawTopicId,
        partition,
        first_offset: firstOffset,
        next_offset: nextOffset,
        record_count: recordCount,
        key_epoch: policy.keyEpoch,
        offsets: range.offsets(firstOffset),
        tokens: range.tokens,
      },
      context.schemaIds.subjectIndex,
      this.roomFor(range.size + HEAD_BYTES),
    );
    const now = nowMs();
    const [fromMs, toMs] = recordCount > 0 ? [range.fromMs, range.toMs] : [now, now];
    const read = { firstOffset, nextOffset, recordCount, bytes, fromMs, toMs };
    const event = indexBatch(setup.identity, policy, now, {
      ...read,
      distinct: range.distinct(),
      tokenBytes: SUBJECT_TOKEN_BYTES,
      indexSha256: createHash('sha256').update(value).digest(),
      subjectsRoot: context.membershipRoots ? subjectsRoot(range.tokens) : null,
    });
    if (this.writer.record(null, value) !== 'ok')
      throw new GauzeError('ERR_INTERNAL', { causeName: 'IndexTooLarge' });
    return { event, output: this.writer, withheld: [], entries: [] };
  }

  clear(): void {
    this.range.clear();
    this.writer.reset();
  }

  shrink(): void {
    this.range.shrink();
    this.writer.shrink();
    if (this.room.length > INITIAL_BYTES) this.room = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }

  private roomFor(bytes: number): Buffer {
    if (bytes > this.room.length) this.room = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.room.length));
    return this.room;
  }

  /** One record: null when done, or why to stop. What has no readable value is about nobody who could be told. */
  private record(): StopReason | null {
    const { cursor, range } = this;
    const { bytes, valueStart, valueEnd, offset, timestampMs } = cursor;
    const isOrdered = this.ordered.has(offset);
    const isNoted = !isOrdered && this.noted?.knows(offset, this.hash) === true;
    const schemaId = isOrdered || isNoted || valueStart < 0 ? -1 : schemaIdOf(cursor);
    const tokenizer = this.tokenizers.get(schemaId) ?? null;
    if (schemaId >= 0 && !tokenizer) return { kind: 'plan', schemaId, offset };
    const at = range.add(offset, timestampMs, Math.max(0, valueEnd - valueStart));
    if (isNoted) this.noted!.tokensInto(offset, 1, range.room, at);
    else tokenizer?.tokenInto(bytes, valueStart + REGISTRY_PREFIX_BYTES, valueEnd, range.room, at);
    return this.isFull ? FULL : null;
  }

  /** Records that a person has ordered to pass over. */
  private orders(): ReadonlySet<number> {
    return this.context.policyLog.state.withhold.get(laneKey(this.setup.lane)) ?? new Set();
  }
}
