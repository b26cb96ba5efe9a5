/**
 * The inner loop: walks the records of a span, masks each by its plan straight into the output batch, and notes
 * every record that is withheld. Stops where a plan is not at hand or the transaction is full.
 * Nothing of a raw record leaves this file but what its plan writes.
 */
import type { ErrorCode } from '../platform/errors.ts';
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import { RecordCursor } from '../kafka/record-cursor.ts';
import { GauzeError } from '../platform/errors.ts';
import { copyBytes } from '../processors/avro-bytes.ts';
import { faultCode } from '../processors/fault.ts';
import type { RecordPlace } from '../processors/method.ts';
import type { KeyMasker } from '../processors/transcoder.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import type { CompiledPlan } from './plan-store.ts';
import type { Span } from './held-span.ts';
import type { SpanSubjects } from './span-subjects.ts';
import type { TopicRules } from './topic-rules.ts';
import { writeHeaders } from './output-headers.ts';
import type { TransactionWork } from './transaction-work.ts';
import { walkSpan } from './span-walk.ts';
import type { StopReason, WalkEnd } from './span-walk.ts';
import type { WantedOffsets } from './wanted-offsets.ts';
import { schemaIdOf } from './value-framing.ts';

const FULL: StopReason = { kind: 'full' };
const END: StopReason = { kind: 'end' };

/** Which records are wanted, for readers that may not have all of them. */
export interface RecordSelection {
  /** False: nothing from this offset on. */
  reaches(offset: number): boolean;
  /**
   * About the record under the cursor, whose value is under `plan`'s schema: `take` it, `pass` over it, or `stop`
   * before it.
   */
  decide(cursor: RecordCursor, plan: CompiledPlan): 'take' | 'pass' | 'stop';
  /** The record decided about last has been written. */
  taken(): void;
}

export interface SpanMaskerOptions {
  readonly writer: RecordBatchWriter;
  readonly rules: TopicRules;
  /** The raw partition. */
  readonly source: Omit<RecordPlace, 'offset'>;
  /** Plans by schema id; a missing one stops the walk. */
  readonly plans: ReadonlyMap<number, CompiledPlan>;
  /** Offsets that a person has ordered to withhold. */
  readonly ordered: ReadonlySet<number>;
  /** Output at which a transaction closes. */
  readonly outputBytesMax: number;
  /** Records at which a transaction closes, so that a run of withheld ones stays bounded too. */
  readonly recordsMax: number;
  /** Largest record that the sanitized topic takes. */
  readonly recordBytesMax: number;
  /** Default: every record is wanted. */
  readonly selection?: RecordSelection;
  /** Default: every record is. All others are counted, and passed over whatever they are. */
  readonly wanted?: WantedOffsets;
  /** Told the raw offset of each record that has been written. */
  readonly written?: (offset: number) => void;
}

export class SpanMasker {
  private readonly cursor = new RecordCursor();
  private readonly options: SpanMaskerOptions;
  private readonly place: RecordPlace;
  private plan: CompiledPlan | null = null;
  private subjects: SpanSubjects | null = null;

  constructor(options: SpanMaskerOptions) {
    this.options = options;
    this.place = { ...options.source, offset: -1 };
  }

  /** Masks records from `position` on. `position` in the answer is where to go on: after the last record done. */
  run(span: Span, position: number, work: TransactionWork): WalkEnd {
    this.subjects = span.subjects ?? null;
    const end = walkSpan(
      this.cursor,
      span,
      position,
      () => this.record(work) ?? (this.isFull(work) ? FULL : null),
    );
    if (end.position >= span.nextOffset && end.stop.kind === 'end') span.subjects?.walked();
    return end;
  }

  private isFull(work: TransactionWork): boolean {
    const { writer, outputBytesMax, recordsMax } = this.options;
    return writer.bytesWritten >= outputBytesMax || work.recordCount >= recordsMax;
  }

  /** One record: null when done, or why it cannot be done now. */
  private record(work: TransactionWork): StopReason | null {
    const { cursor, options } = this;
    const { valueStart, valueEnd, offset } = cursor;
    const { selection, wanted } = options;
    if (wanted && !wanted.has(offset)) return offset > wanted.last ? END : this.pass(work);
    if (selection && !selection.reaches(offset)) return END;
    if (options.ordered.has(offset)) return this.withhold(work, 'ERR_WITHHELD_BY_PERSON');
    // A record without a value names nobody, and reveals nothing to whom its key is a stand-in.
    if (valueStart < 0) return selection ? this.pass(work) : this.tombstone(work);
    const schemaId = schemaIdOf(cursor);
    if (schemaId < 0) return this.withhold(work, 'ERR_DECODE_MAGIC');
    if (this.plan?.plan.schemaId !== schemaId) {
      this.plan = options.plans.get(schemaId) ?? null;
      if (!this.plan) return { kind: 'plan', schemaId, offset };
    }
    const decision = selection?.decide(cursor, this.plan) ?? 'take';
    if (decision === 'stop') return END;
    if (decision === 'pass') return this.pass(work);
    const code = this.write(this.plan);
    if (code) return this.withhold(work, code);
    const { person } = this.plan.transcoder;
    if (this.subjects && person)
      this.subjects.note(offset, person, cursor.timestampMs, valueEnd - valueStart);
    selection?.taken();
    work.count(cursor.timestampMs, valueEnd - valueStart);
    if (!work.plans.has(schemaId)) work.plans.set(schemaId, this.plan);
    return null;
  }

  private write(plan: CompiledPlan): ErrorCode | null {
    const { writer } = this.options;
    const { cursor } = this;
    const valueBytes = cursor.valueEnd - cursor.valueStart;
    const timeMs = this.outputTime(plan);
    if (timeMs < 0 && this.shiftsTimes) return faultCode(timeMs);
    for (;;) {
      writer.beginRecord(timeMs, valueBytes + 64);
      this.key();
      writer.beginField(valueBytes);
      const fault = this.value(plan);
      if (fault) {
        writer.takeBack();
        return fault;
      }
      writer.endField();
      writeHeaders(this.cursor, writer, this.options.rules.headers);
      const ended = writer.endRecord();
      if (ended === 'too-large') return 'ERR_PUBLISH_TOO_LARGE';
      if (ended !== 'ok') continue;
      this.options.written?.(cursor.offset);
      return null;
    }
  }

  /** The time that the record leaves with, where times leave at all; of shifted ones a fault is below 0. */
  private outputTime({ transcoder }: CompiledPlan): number {
    const { bytes, valueStart, valueEnd, timestampMs } = this.cursor;
    if (!this.shiftsTimes) return timestampMs;
    // The policy shifts, and a plan that does not is of another one: no time is better than a raw one.
    if (!transcoder.shiftTime) throw new GauzeError('ERR_INTERNAL', { causeName: 'PlanWithoutShift' });
    return transcoder.shiftTime(bytes, valueStart + REGISTRY_PREFIX_BYTES, valueEnd, timestampMs);
  }

  private get shiftsTimes(): boolean {
    return this.options.rules.shiftsTimes && this.options.writer.keepTimestamps;
  }

  private value(plan: CompiledPlan): ErrorCode | null {
    const { writer, recordBytesMax } = this.options;
    const { cursor } = this;
    const from = writer.position;
    this.place.offset = cursor.offset;
    for (;;) {
      copyBytes(plan.prefix, 0, REGISTRY_PREFIX_BYTES, writer.buffer, writer.position);
      const end = plan.transcoder.mask(
        cursor.bytes,
        cursor.valueStart + REGISTRY_PREFIX_BYTES,
        cursor.valueEnd,
        writer.buffer,
        writer.position + REGISTRY_PREFIX_BYTES,
        cursor.timestampMs,
        this.place,
      );
      if (end < 0) return faultCode(end);
      if (end <= writer.buffer.length) {
        writer.position = end;
        return null;
      }
      if (end - from > recordBytesMax) return 'ERR_PUBLISH_TOO_LARGE';
      writer.reserve(end - writer.position);
    }
  }

  private key(mask = this.options.rules.maskKey): void {
    const { writer } = this.options;
    const { cursor } = this;
    if (cursor.keyStart < 0 || mask === null) return writer.nullField();
    writer.beginField(32);
    for (;;) {
      const end = mask(cursor.bytes, cursor.keyStart, cursor.keyEnd, writer.buffer, writer.position);
      if (end <= writer.buffer.length) {
        writer.position = end;
        break;
      }
      writer.reserve(end - writer.position);
    }
    writer.endField();
  }

  /** A record without a value tells only its key: it goes out where the audience gets keys. */
  private tombstone(work: TransactionWork): StopReason | null {
    const { maskKey } = this.options.rules;
    if (maskKey === null || this.cursor.keyStart < 0) return this.withhold(work, 'ERR_MASK_NULL_VALUE');
    if (this.shiftsTimes) return this.withhold(work, 'ERR_MASK_PERSON_MISSING');
    if (!this.writeTombstone(maskKey, 'headers')) return this.withhold(work, 'ERR_PUBLISH_TOO_LARGE');
    this.writeOlderTombstones();
    work.count(this.cursor.timestampMs, 0);
    return null;
  }

  /** In a compacted topic, what the key stood for before must not stay when its newer record is withheld. */
  private removeOlder(): void {
    const { rules } = this.options;
    if (!rules.compacted || rules.maskKey === null || this.cursor.keyStart < 0) return;
    this.writeTombstone(rules.maskKey, 'no headers');
    this.writeOlderTombstones();
  }

  private writeOlderTombstones(): void {
    for (const mask of this.options.rules.olderKeys) this.writeTombstone(mask, 'no headers');
  }

  /** False where the topic does not take even that. */
  private writeTombstone(mask: KeyMasker, headers: 'headers' | 'no headers'): boolean {
    const { writer, written } = this.options;
    for (;;) {
      writer.beginRecord(this.cursor.timestampMs, 64);
      this.key(mask);
      writer.nullField();
      if (headers === 'headers') writeHeaders(this.cursor, writer, this.options.rules.headers);
      else writer.number(0);
      const ended = writer.endRecord();
      if (ended === 'too-large') return false;
      if (ended !== 'ok') continue;
      written?.(this.cursor.offset);
      return true;
    }
  }

  private withhold(work: TransactionWork, code: ErrorCode): null {
    this.removeOlder();
    this.count(work);
    work.withhold(this.cursor.offset, code);
    return null;
  }

  private pass(work: TransactionWork): null {
    this.count(work);
    work.pass();
    return null;
  }

  private count(work: TransactionWork): void {
    work.count(this.cursor.timestampMs, Math.max(0, this.cursor.valueEnd - this.cursor.valueStart));
  }
}
