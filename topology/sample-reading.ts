/**
 * Takes records through the plans of a sample and counts what came of them. A masked record lives until the next one;
 * nothing of it is written anywhere.
 */
import { RecordCursor } from '../kafka/record-cursor.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { RecordPlace } from '../processors/method.ts';
import { faultCode } from '../processors/fault.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { GroupSizes } from './group-sizes.ts';
import type { Span } from './held-span.ts';
import type { SamplePlan } from './sample-plans.ts';
import { TransactionWork } from './transaction-work.ts';
import { walkSpan } from './span-walk.ts';
import type { StopReason, WalkEnd } from './span-walk.ts';
import { schemaIdOf } from './value-framing.ts';

const FIRST_ROOM_BYTES = 64 * 1024;

export class SampleReading {
  readonly plans = new Map<number, SamplePlan>();
  readonly withheld = new Map<ErrorCode, number>();
  readonly groups = new GroupSizes();
  recordCount = 0;
  publishedCount = 0;
  private readonly cursor = new RecordCursor();
  private readonly token = Buffer.alloc(SUBJECT_TOKEN_BYTES);
  private out = Buffer.alloc(FIRST_ROOM_BYTES);

  /** Takes in records of [position, end); says where it stopped and why. */
  run(span: Span, position: number, end: number, place: RecordPlace, work: TransactionWork): WalkEnd {
    return walkSpan(this.cursor, span, position, () => this.record(end, place, work));
  }

  private record(end: number, place: RecordPlace, work: TransactionWork): StopReason | null {
    const { valueStart, valueEnd, offset, timestampMs } = this.cursor;
    if (offset >= end) return { kind: 'end' };
    const body = valueStart + REGISTRY_PREFIX_BYTES;
    const schemaId = valueStart < 0 ? -1 : schemaIdOf(this.cursor);
    const plan = this.plans.get(schemaId);
    if (schemaId >= 0 && !plan) return { kind: 'plan', schemaId, offset };
    this.recordCount += 1;
    work.count(timestampMs, Math.max(0, valueEnd - valueStart));
    work.pass();
    if (!plan) {
      this.withhold(valueStart < 0 ? 'ERR_MASK_NULL_VALUE' : 'ERR_DECODE_MAGIC');
      return null;
    }
    place.offset = offset;
    const masked = this.mask(plan, body, place);
    if (masked < 0) this.withhold(faultCode(masked));
    else {
      this.publishedCount += 1;
      this.groups.add(this.groupOf(plan, masked), this.personOf(plan, body));
    }
    return null;
  }

  /** Where the masked record ends in `out`, or a fault. */
  private mask({ transcoder }: SamplePlan, body: number, place: RecordPlace): number {
    const { bytes, valueEnd, timestampMs } = this.cursor;
    for (;;) {
      const end = transcoder.mask(bytes, body, valueEnd, this.out, 0, timestampMs, place);
      if (end <= this.out.length) return end;
      this.out = Buffer.alloc(2 * end);
    }
  }

  /** The values that make a group, as one text: each with its place in the list and its length before it. */
  private groupOf({ finder }: SamplePlan, end: number): string {
    const { out } = this;
    const count = finder.find(out, 0, end);
    let group = '';
    for (let i = 0; i < count; i += 1) {
      const at = i * 3;
      const [leaf, from, to] = [finder.spans[at]!, finder.spans[at + 1]!, finder.spans[at + 2]!];
      group += `${leaf}:${to - from}:${out.toString('latin1', from, to)}`;
    }
    return group;
  }

  private personOf({ tokenizer }: SamplePlan, body: number): string | null {
    const { bytes, valueEnd } = this.cursor;
    return tokenizer.tokenInto(bytes, body, valueEnd, this.token, 0) ? this.token.toString('latin1') : null;
  }

  private withhold(code: ErrorCode): void {
    this.withheld.set(code, (this.withheld.get(code) ?? 0) + 1);
  }
}
