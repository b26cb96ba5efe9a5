/**
 * What an event says of its range, against what stands there: how many records, of how many bytes, how many of them
 * delivered; under a policy and into a topic that there are.
 */
import type { Findings, FindingPlace } from './finding.ts';
import type { AuditedRange, LaneAccount } from './lane-account.ts';
import type { LogPartition, LogRecord, LogSource } from './log-source.ts';
import type { Reference } from './reference.ts';

/** The lane whose ranges are counted. */
export interface CountedLane {
  readonly account: LaneAccount;
  readonly raw: LogPartition;
  readonly logs: LogSource;
  readonly reference: Reference;
  readonly findings: Findings;
}

/** Counts what really stands in each range, and finds the event of a record. */
export class RangeCounts {
  private readonly ranges: readonly AuditedRange[];
  private readonly input: CountedLane;
  private readonly place: FindingPlace;
  private readonly gone = new Map<AuditedRange, number>();
  private at = 0;
  private count = 0;
  private bytes = 0;

  constructor(ranges: readonly AuditedRange[], input: CountedLane, place: FindingPlace) {
    this.ranges = ranges;
    this.input = input;
    this.place = place;
    for (const range of ranges) this.saysOfItself(range);
  }

  /** Of ranges whose raw records retention has deleted, wholly or at their beginning: how many were published. */
  *before(startOffset: number): Generator<{ readonly range: AuditedRange; readonly count: number }> {
    for (const range of this.ranges) {
      if (range.firstOffset >= startOffset) return;
      const here = within(this.input.logs.committed(this.input.raw), range.firstOffset, range.nextOffset);
      let present = 0;
      while (!here.next().done) present += 1;
      const gone = Math.max(0, range.recordCount - present);
      this.gone.set(range, gone);
      let count = 0;
      for (let i = 0; i < gone; i += 1) if (isSet(range.delivered, i)) count += 1;
      yield { range, count };
    }
  }

  /** The range that covers a record and its number in it; the nearest range, without a number, where none does. */
  take(record: LogRecord): { readonly range: AuditedRange | null; readonly index: number | null } {
    while (this.at < this.ranges.length && this.ranges[this.at]!.nextOffset <= record.offset) this.leave();
    const range = this.ranges[this.at];
    if (!range || range.firstOffset > record.offset)
      return { range: range ?? this.ranges.at(-1) ?? null, index: null };
    this.bytes += record.value?.length ?? 0;
    this.count += 1;
    return { range, index: (this.gone.get(range) ?? 0) + this.count - 1 };
  }

  finish(): void {
    while (this.at < this.ranges.length) this.leave();
  }

  private leave(): void {
    const range = this.ranges[this.at]!;
    const gone = this.gone.get(range) ?? 0;
    const isCounted = range.recordCount === this.count + gone && (gone > 0 || range.bytes === this.bytes);
    if (!isCounted)
      this.input.findings.add('AUDIT_COUNT', {
        ...this.of(range),
        detail: `${range.recordCount} of ${range.bytes} bytes, not ${this.count + gone} of ${this.bytes}`,
      });
    this.at += 1;
    this.count = 0;
    this.bytes = 0;
  }

  private saysOfItself(range: AuditedRange): void {
    const { account, reference, findings } = this.input;
    const isIndex = account.audience === 'index';
    const applied = isIndex ? null : reference.version(account.audience, range.policyVersion);
    if (!isIndex && applied?.sha256 !== range.policySha256)
      findings.add('POLICY_UNKNOWN', { ...this.of(range), detail: `version ${range.policyVersion}` });
    let bits = range.recordCount;
    if (range.delivered) {
      bits = 0;
      for (let i = 0; i < range.recordCount; i += 1) if (isSet(range.delivered, i)) bits += 1;
    }
    const isFull = range.delivered === null || range.delivered.length === Math.ceil(range.recordCount / 8);
    if (bits !== range.deliveredCount || !isFull)
      findings.add('AUDIT_DELIVERED', { ...this.of(range), detail: `${range.deliveredCount}, not ${bits}` });
    if (!isOutputOf(account, range.outputTopic)) findings.add('AUDIT_OTHER', this.of(range));
  }

  private of(range: AuditedRange): FindingPlace {
    const event = `event ${range.at.partition}/${range.at.offset}`;
    return { ...this.place, offset: range.firstOffset, part: event };
  }
}

/** One bit for each record, lowest first; without bits all were delivered. */
export function isSet(bits: Buffer | null, index: number): boolean {
  return bits === null || ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

/** Those of [from, to). */
export function* within(
  records: Iterable<LogRecord>,
  from: number,
  to: number,
): Generator<LogRecord, undefined> {
  for (const record of records) {
    if (record.offset >= to) return;
    if (record.offset >= from) yield record;
  }
}

function isOutputOf({ audience, topic }: LaneAccount, output: string): boolean {
  if (audience === 'index') return output.endsWith('.audit.subjects');
  const first = `${topic}.for-${audience}`;
  return (
    output === first || (output.startsWith(`${first}.v`) && /^[0-9]+$/.test(output.slice(first.length + 2)))
  );
}
