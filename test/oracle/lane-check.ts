/**
 * One lane against its raw partition: each raw record has one outcome, published or withheld; what is published is what
 * the reference makes of it; and each event counts what stands in its range.
 */
import type { Findings, FindingPlace } from './finding.ts';
import type { AuditedRange, LaneAccount } from './lane-account.ts';
import type { LogPartition, LogRecord, LogSource } from './log-source.ts';
import { RangeCounts, isSet, within } from './range-counts.ts';
import { explainDifference } from './record-difference.ts';
import { expectationOf, placeName, schemaIdOf, tombstoneExpectation, withheld } from './reference.ts';
import type { Expectation, Reference, ReferencePlan } from './reference.ts';
import { SequenceCheck } from './sequence.ts';
import type { WithheldLane } from './withheld-account.ts';

export interface LaneCheckInput {
  readonly account: LaneAccount;
  /** What was read again of what the lane has withheld; null where nothing was. */
  readonly redrive: LaneAccount | null;
  readonly raw: LogPartition;
  readonly logs: LogSource;
  readonly reference: Reference;
  readonly withheld: WithheldLane;
  /** Up to where the lane has committed. */
  readonly committed: number;
  /** A record of so many bytes may be too large for a sanitized topic. */
  readonly largeBytes: number;
  readonly findings: Findings;
}

export interface LaneCheckResult {
  /** By sanitized topic: more than one where a policy gave the topic a new version. */
  readonly sequences: ReadonlyMap<string, SequenceCheck>;
  readonly records: number;
  readonly withheld: number;
  /** Published records whose value the reference cannot tell. */
  readonly unchecked: number;
}

/** Compares; the sequences are ended, and what they missed or found too much is still to be judged. */
export async function checkLane(input: LaneCheckInput): Promise<LaneCheckResult> {
  return await new LaneCheck(input).run();
}

class LaneCheck {
  private readonly input: LaneCheckInput;
  private readonly place: FindingPlace & { readonly audience: string };
  private readonly sequences = new Map<string, SequenceCheck>();
  /** Lives of withheld records that the lane went over, as `offset era`. */
  private readonly passed = new Set<string>();
  /** How often the lane has begun anew so far. */
  private begun = 0;
  private records = 0;
  private withheld = 0;
  private unchecked = 0;

  constructor(input: LaneCheckInput) {
    this.input = input;
    const { audience, topic, partition } = input.account;
    this.place = { audience, topic, partition };
  }

  async run(): Promise<LaneCheckResult> {
    const { account } = this.input;
    const { segments } = account;
    await this.readAgain();
    const { begunAnew } = this.input.withheld;
    for (const [i, segment] of segments.entries()) {
      if (i > 0 && begunAnew[this.begun] === segment.from) this.begun += 1;
      const last = segment.ranges.at(-1);
      const to = i === segments.length - 1 ? this.input.committed : (last?.nextOffset ?? segment.from);
      await this.segment(segment.from, to, segment.ranges);
    }
    for (const offset of begunAnew.slice(this.begun))
      this.input.findings.add('BEGUN_ANEW_UNAUDITED', { ...this.place, offset });
    this.judgeEntries();
    for (const sequence of this.sequences.values()) sequence.end();
    const { sequences, records, unchecked } = this;
    return { sequences, records, withheld: this.withheld, unchecked };
  }

  /** Records that were withheld and published after all: they stand somewhere behind, in the order of the redrives. */
  private async readAgain(): Promise<void> {
    const { redrive, raw, logs, withheld: entries, findings } = this.input;
    const delivered = new Map<number, number>();
    for (const { from, ranges } of redrive?.segments ?? []) {
      const counted = new RangeCounts(ranges, { ...this.input, account: redrive! }, this.place);
      const to = ranges.at(-1)?.nextOffset ?? from;
      for (const record of within(logs.committed(raw), from, to)) {
        const { range, index } = counted.take(record);
        if (!range || index === null || !isSet(range.delivered, index)) continue;
        const { offset } = record;
        const times = delivered.get(offset) ?? 0;
        delivered.set(offset, times + 1);
        const era = entries.publishedIn(offset)[times];
        if (era === undefined) findings.add('REDRIVEN_UNTOLD', { ...this.place, offset });
        const { expectation } = await this.expectation(record, range, 'whatever was ordered');
        for (const late of expectation.records)
          this.sequence(range.outputTopic).late({ offset, era: era ?? 0, record: late, explain: null });
      }
      counted.finish();
    }
    for (const offset of entries.lives.keys())
      if (entries.publishedIn(offset).length > (delivered.get(offset) ?? 0))
        findings.add('REDRIVEN_UNAUDITED', { ...this.place, offset });
  }

  /** Each entry about a withheld record is about one time that the lane went over it. */
  private judgeEntries(): void {
    const { withheld: entries, raw, redrive, findings } = this.input;
    for (const [offset, lives] of entries.lives)
      for (const [era, { codes }] of lives) {
        if (offset < raw.startOffset || codes.length === 0) continue;
        const place = { ...this.place, offset };
        if (!this.passed.has(`${offset} ${era}`)) findings.add('WITHHELD_NO_RECORD', place);
        // A redrive that finds another reason says so; a lane does not come by again.
        else if (codes.length > 1 && !redrive) findings.add('WITHHELD_TWICE', place);
      }
  }

  /** Why the record was withheld when the lane went over it now; null where it was not. */
  private codeOf({ offset }: LogRecord): string | null {
    const { withheld: entries } = this.input;
    const era = entries.eraOf(offset, this.begun);
    const code = entries.lives.get(offset)?.get(era)?.codes[0] ?? null;
    if (code !== null) this.passed.add(`${offset} ${era}`);
    return code;
  }

  /** The raw records of [from, to), with those that were aborted as shadows. */
  private async segment(from: number, to: number, ranges: readonly AuditedRange[]): Promise<void> {
    const { raw, logs } = this.input;
    const counted = new RangeCounts(ranges, this.input, this.place);
    for (const gone of counted.before(raw.startOffset)) this.skip(gone.range, gone.count);
    const aborted = within(logs.others(raw), from, Math.min(to, raw.stableOffset));
    let shadow = aborted.next();
    for (const record of within(logs.committed(raw), from, to)) {
      const { range, index } = counted.take(record);
      for (; !shadow.done && shadow.value.offset < record.offset; shadow = aborted.next())
        await this.shadow(shadow.value, range);
      this.records += 1;
      if (range) await this.outcome(record, range, index);
    }
    for (; !shadow.done; shadow = aborted.next()) await this.shadow(shadow.value, ranges.at(-1) ?? null);
    counted.finish();
  }

  /** Raw records that are gone had outcomes too: so many, whatever they were. */
  private skip(range: AuditedRange, count: number): void {
    const sequence = this.sequence(range.outputTopic);
    for (let i = 0; i < count; i += 1)
      sequence.expect({ offset: range.firstOffset, era: 0, record: null, explain: null });
  }

  private async shadow(record: LogRecord, range: AuditedRange | null): Promise<void> {
    if (!range) return;
    const { expectation } = await this.expectation(record, range, 'whatever was ordered');
    for (const expected of expectation.records)
      this.sequence(range.outputTopic).shadow({
        offset: record.offset,
        code: 'ABORTED_PUBLISHED',
        record: expected,
      });
  }

  private async outcome(raw: LogRecord, range: AuditedRange, index: number | null): Promise<void> {
    const { findings } = this.input;
    const place = { ...this.place, offset: raw.offset };
    const code = this.codeOf(raw);
    const isAudited = index !== null;
    const isDelivered = !isAudited || isSet(range.delivered, index);
    const { expectation, plan } = await this.expectation(raw, range, 'as ordered', code);
    if (plan && !plan.isNamed && isAudited && isDelivered && code === null)
      findings.add('PLAN_OTHER', { ...place, part: `schema ${plan.plan.schemaId}` });
    const sequence = this.sequence(range.outputTopic);
    if (code !== null) {
      this.withheld += 1;
      if (!isAudited || isDelivered) findings.add('WITHHELD_UNAUDITED', { ...place, detail: code });
      await this.judgeCode(raw, range, code, expectation);
    } else if (expectation.code !== null) {
      findings.add(isDelivered ? 'WITHHOLD_MISSED' : 'OUTCOME_MISSING', {
        ...place,
        detail: expectation.code,
      });
    } else if (isAudited && !isDelivered) findings.add('OUTCOME_MISSING', place);
    // What was withheld is awaited nowhere, but for the tombstone of a compacted topic.
    const isPublished = code === null && expectation.code === null && isDelivered;
    if (!isPublished && expectation.code === null) {
      for (const record of expectation.records)
        sequence.shadow({ offset: raw.offset, code: 'WITHHELD_PUBLISHED', record });
      return;
    }
    for (const record of expectation.records) {
      if (record.value === 'any') this.unchecked += 1;
      const explain = explainDifference({ findings, raw, record, plan, range });
      const era = this.input.withheld.eraOf(raw.offset, this.begun);
      sequence.expect({ offset: raw.offset, era, record, explain });
    }
  }

  private async judgeCode(
    raw: LogRecord,
    range: AuditedRange,
    code: string,
    expected: Expectation,
  ): Promise<void> {
    const { findings } = this.input;
    const place = { ...this.place, offset: raw.offset };
    if (expected.code === null) {
      // Bytes that avsc reads and nobody writes: over-long numbers, text that is no UTF-8.
      if (code.startsWith('ERR_DECODE') && !(await this.isCanonical(raw, range))) return;
      findings.add('WITHHELD_WITHOUT_CAUSE', { ...place, detail: code });
    } else if (expected.code !== code && !(expected.code === 'ERR_DECODE' && code.startsWith('ERR_DECODE')))
      findings.add('WITHHELD_OTHER_CODE', { ...place, detail: `${code}, not ${expected.code}` });
  }

  private async isCanonical(raw: LogRecord, range: AuditedRange): Promise<boolean> {
    const plan = await this.plan(range, schemaIdOf(raw) ?? -1);
    if (!plan || !raw.value) return true;
    const { writer } = plan.types;
    return writer.toBuffer(writer.fromBuffer(raw.value.subarray(5))).equals(raw.value.subarray(5));
  }

  private async expectation(
    raw: LogRecord,
    range: AuditedRange,
    orders: 'as ordered' | 'whatever was ordered' = 'as ordered',
    code: string | null = null,
  ): Promise<{ readonly expectation: Expectation; readonly plan: ReferencePlan | null }> {
    const { reference, account, raw: at } = this.input;
    const applied = reference.version(account.audience, range.policyVersion);
    if (!applied) return { expectation: { code: 'ERR_POLICY_ABSENT', records: [] }, plan: null };
    const { policy } = applied;
    const schemaId = schemaIdOf(raw);
    const plan = schemaId === null || raw.value === null ? null : await this.plan(range, schemaId);
    const keys = plan?.keys ?? reference.keys(policy, range.keyEpoch);
    const older = plan?.older ?? reference.olderKeys(policy, account.topic);
    const view = { policy, keys, older, topic: account.topic };
    const isOrdered = reference.ordered.get(placeName(account))?.has(raw.offset) ?? false;
    const told = (expectation: Expectation) => ({ expectation, plan });
    if (isOrdered && orders === 'as ordered') return told(withheld('ERR_WITHHELD_BY_PERSON', raw, view));
    // How large it would have become is not made again: a large one may be said to be too large.
    const isLarge = (raw.value?.length ?? 0) + (raw.key?.length ?? 0) >= this.input.largeBytes;
    if (code === 'ERR_PUBLISH_TOO_LARGE' && isLarge) return told(withheld(code, raw, view));
    if (raw.value === null) return told(tombstoneExpectation(raw, view));
    if (schemaId === null) return told(withheld('ERR_DECODE_MAGIC', raw, view));
    if (!plan) return told({ code: 'ERR_SCHEMA_UNKNOWN', records: [] });
    return told(expectationOf(plan, raw, at));
  }

  private async plan(range: AuditedRange, schemaId: number): Promise<ReferencePlan | null> {
    const { reference, account } = this.input;
    const known = reference.planAtHand(account.audience, account.topic, range, schemaId);
    return known === undefined
      ? await reference.makePlan(account.audience, account.topic, range, schemaId)
      : known;
  }

  private sequence(topic: string): SequenceCheck {
    let sequence = this.sequences.get(topic);
    if (sequence) return sequence;
    const { logs, findings, account } = this.input;
    const { audience, partition } = account;
    const at = logs.partitions(topic).find((each) => each.partition === partition);
    if (!at) findings.add('TOPIC_MISSING', { audience, topic, partition });
    sequence = new SequenceCheck(findings, { audience, topic, partition }, at ? logs.committed(at) : []);
    this.sequences.set(topic, sequence);
    return sequence;
  }
}
