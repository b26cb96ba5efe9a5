/**
 * What the audit topic says of each lane: its events in order, as the segments that the lane went over between orders of
 * people; and whether its ranges tile. Also the hash chains of all writers, computed again from the bytes. Reads events
 * by the schema alone: no code of the writer or of the verifier.
 */
import { createHash } from 'node:crypto';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { Findings, FindingPlace } from './finding.ts';
import type { LogPartition, LogRecord, LogSource } from './log-source.ts';

/** What the oracle needs of one `session.batch`. */
export interface AuditedRange {
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly recordCount: number;
  readonly deliveredCount: number;
  /** One bit for each data record; null: all were delivered. */
  readonly delivered: Buffer | null;
  readonly bytes: number;
  readonly outputTopic: string;
  readonly policyVersion: number;
  /** Hex. */
  readonly policySha256: string;
  readonly keyEpoch: number;
  readonly policyLogOffset: number;
  /** Hash (hex) of the plan of a schema id; of any, where the event names one plan only. */
  readonly plans: ReadonlyMap<number, string> | string;
  /** Of an index lane: SHA-256 (hex) of the index of the range, and how many persons it names. */
  readonly indexSha256: string | null;
  readonly distinct: number;
  /** Where the event stands. */
  readonly at: { readonly partition: number; readonly offset: number };
}

/** What a lane went over in one go: from a start or an order of people to the next. */
export interface LaneSegment {
  /** Where it began. */
  readonly from: number;
  readonly ranges: AuditedRange[];
}

export interface LaneAccount {
  readonly group: string;
  /** The audience, or `index`. */
  readonly audience: string;
  readonly topic: string;
  /** Hex. */
  readonly topicId: string;
  readonly partition: number;
  readonly segments: LaneSegment[];
  /** Behind the last range. */
  position: number;
}

interface Chain {
  readonly writer: string;
  readonly partition: number;
  seq: number;
  hash: string;
}

/** Reads the audit topic once. Lanes of grants are left out: they have tiling domains of their own, in their leases. */
export class AuditAccount {
  /** By `laneName`. */
  readonly lanes = new Map<string, LaneAccount>();
  events = 0;
  private readonly findings: Findings;
  private readonly chains = new Map<string, Chain>();
  private readonly pointers: { chain: string; seq: number; head: string; by: FindingPlace }[] = [];

  constructor(findings: Findings) {
    this.findings = findings;
  }

  static read(logs: LogSource, topic: string, findings: Findings): AuditAccount {
    const account = new AuditAccount(findings);
    const partitions = logs.partitions(topic);
    if (partitions.length === 0) findings.add('TOPIC_MISSING', { topic });
    for (const at of partitions) for (const record of logs.committed(at)) account.take(at, record);
    account.finish();
    return account;
  }

  private take(at: LogPartition, record: LogRecord): void {
    const place = { topic: at.topic, partition: at.partition, offset: record.offset };
    let event: PhiAuditEvent;
    try {
      event = auditEventCodec.decode(record.value ?? Buffer.alloc(0));
    } catch {
      return this.findings.add('AUDIT_UNREADABLE', place);
    }
    this.events += 1;
    this.link(event, record.value!, place);
    if (event.range && event.group && !event.grant && isOfLane(event)) this.account(event, place);
  }

  // ---- chains

  private link(
    event: PhiAuditEvent,
    value: Buffer,
    place: FindingPlace & { readonly partition: number },
  ): void {
    const id = event.chain_id.toString('hex');
    const at = { ...place, part: id, detail: `number ${event.seq}` };
    let chain = this.chains.get(id);
    if (!chain) {
      chain = { writer: event.writer_id, partition: place.partition, seq: -1, hash: '0'.repeat(64) };
      this.chains.set(id, chain);
      if (event.type !== 'session.opened') this.findings.add('CHAIN_OPENING', at);
      const before = extOf(event, 'prev_chain');
      const seq = Number(extOf(event, 'prev_seq'));
      if (before !== null)
        this.pointers.push({ chain: before, seq, head: extOf(event, 'prev_head') ?? '', by: at });
    }
    if (chain.writer !== event.writer_id || chain.partition !== place.partition)
      this.findings.add('CHAIN_WRITER', at);
    if (event.seq !== chain.seq + 1) this.findings.add('CHAIN_SEQ', at);
    if (event.prev_hash.toString('hex') !== chain.hash) this.findings.add('CHAIN_HASH', at);
    chain.seq = event.seq;
    chain.hash = createHash('sha256').update('\0').update(value).digest('hex');
  }

  /** Whoever went on from a chain has named its end: nothing may have been cut off since. */
  private finish(): void {
    for (const { chain: id, seq, head, by } of this.pointers) {
      const chain = this.chains.get(id);
      if (chain?.seq !== seq || chain.hash !== head) this.findings.add('CHAIN_CUT', { ...by, part: id });
    }
  }

  // ---- ranges

  private account(
    event: PhiAuditEvent,
    place: FindingPlace & { readonly partition: number; readonly offset: number },
  ): void {
    const range = event.range!;
    const topicId = range.topic_id?.toString('hex') ?? '';
    const name = laneName(event.group!.id, range.topic, topicId, range.partition);
    let lane = this.lanes.get(name);
    if (!lane) {
      lane = {
        group: event.group!.id,
        audience: event.policy.id,
        topic: range.topic,
        topicId,
        partition: range.partition,
        segments: [{ from: range.first_offset, ranges: [] }],
        position: range.first_offset,
      };
      this.lanes.set(name, lane);
    }
    if (event.type === 'session.seek') {
      lane.segments.push({ from: range.first_offset, ranges: [] });
      lane.position = range.first_offset;
      return;
    }
    this.tile(lane, event, place);
    // Only a redrive may leave out what it has no reason to read.
    if (event.type === 'redrive.passed' && !lane.group.endsWith('.redrive'))
      this.findings.add('AUDIT_GAP', { ...place, audience: lane.audience, detail: event.type });
    if (event.type === 'session.batch') lane.segments.at(-1)!.ranges.push(rangeOf(event, place));
  }

  private tile(lane: LaneAccount, event: PhiAuditEvent, place: FindingPlace): void {
    const { first_offset: first, next_offset: next } = event.range!;
    const { audience, position } = lane;
    const at = {
      ...place,
      audience,
      part: `${lane.topic}/${lane.partition}`,
      detail: `${first} after ${position}`,
    };
    if (first > position) this.findings.add('AUDIT_GAP', at);
    if (first < position || next < first) this.findings.add('AUDIT_OVERLAP', at);
    lane.position = Math.max(position, next);
  }
}

/** Of tiling domains: one group on one raw partition of one life of its topic. */
export function laneName(group: string, topic: string, topicId: string, partition: number): string {
  return `${group} ${topic} ${topicId} ${partition}`;
}

/** Events about what a session read or where it stood; those that speak of an order alone move nothing. */
function isOfLane({ type }: PhiAuditEvent): boolean {
  return [
    'session.opened',
    'session.batch',
    'session.seek',
    'session.closed',
    'heartbeat',
    'lane.held',
    'redrive.passed',
  ].includes(type);
}

function rangeOf(
  event: PhiAuditEvent,
  at: { readonly partition?: number; readonly offset?: number },
): AuditedRange {
  const { range, plan, policy, view, subjects } = event;
  const several = event.ext.filter(({ k }) => k.startsWith('plan.'));
  return {
    firstOffset: range!.first_offset,
    nextOffset: range!.next_offset,
    recordCount: range!.record_count,
    deliveredCount: range!.delivered_count,
    delivered: range!.delivered,
    bytes: range!.bytes,
    outputTopic: view?.output_topic ?? '',
    policyVersion: policy.version,
    policySha256: policy.sha256.toString('hex'),
    keyEpoch: plan?.masking_key_epoch ?? 0,
    policyLogOffset: plan?.policy_log_offset ?? 0,
    plans:
      several.length > 0
        ? new Map(several.map(({ k, v }) => [Number(k.slice('plan.'.length)), v]))
        : (plan?.hash.toString('hex') ?? ''),
    indexSha256: subjects?.index_sha256?.toString('hex') ?? null,
    distinct: subjects?.distinct ?? 0,
    at: { partition: at.partition!, offset: at.offset! },
  };
}

function extOf(event: PhiAuditEvent, key: string): string | null {
  return event.ext.find(({ k }) => k === key)?.v ?? null;
}
