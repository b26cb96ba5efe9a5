/**
 * Compares two accounts of each lane: the ranges that its events tell of, and the offset that its group has committed.
 * Both must come to the same. It knows only offsets; what a range says of its records is the verifier's to check.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { SealedCoverage } from '../../schemas/seal-codecs.ts';
import { isRedriveGroup } from '../../schemas/topic-names.ts';
import type { Alarms } from './alarms.ts';

/** A group's offset in a partition that it reads. */
export interface CommittedOffset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

interface Domain {
  readonly group: string;
  readonly topic: string;
  readonly topicId: Buffer | null;
  readonly partition: number;
  readonly mode: 'EXACT' | 'AT_LEAST';
  /** End of the ranges told of. */
  covered: number;
  /** As read for the seal before, -1 where there was none: events must reach it. */
  committed: number;
  /** Since when they do not; null while they do. */
  shortSinceMs: number | null;
  lastMs: number;
}

/**
 * Who dies in the middle of a transaction leaves it open: for ten seconds of its own, and until the broker looks for
 * such, every ten seconds. Until then nothing behind it in its partition can be read.
 */
const OPEN_MAX_MS = 30_000;
/** A domain without offset and without events for so long is over: a grant that has ended. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;

export class CoverageWatch {
  private readonly domains = new Map<string, Domain>();
  private readonly alarms: Alarms;

  constructor(alarms: Alarms) {
    this.alarms = alarms;
  }

  restore(sealed: readonly SealedCoverage[], sealedAtMs: number): void {
    for (const { group, topic, topic_id: topicId, partition, mode, ...offsets } of sealed) {
      this.domains.set(keyOf({ group, topic, partition }), {
        group,
        topic,
        topicId,
        partition,
        mode,
        covered: offsets.covered_offset,
        committed: offsets.committed_offset,
        shortSinceMs: null,
        lastMs: sealedAtMs,
      });
    }
  }

  /** The offsets of a later seal, where only those are wanted. */
  restoreCommitted(sealed: readonly SealedCoverage[]): void {
    for (const each of sealed) {
      const domain = this.domains.get(keyOf(each));
      if (domain) domain.committed = each.committed_offset;
    }
  }

  /** Topics that some lane reads: the raw ones. */
  get topics(): ReadonlySet<string> {
    return new Set([...this.domains.values()].map(({ topic }) => topic));
  }

  get places(): readonly { readonly topic: string; readonly partition: number }[] {
    return [...this.domains.values()];
  }

  /** Groups that had an offset at the seal before. */
  get groups(): ReadonlySet<string> {
    return new Set(
      [...this.domains.values()].filter(({ committed }) => committed >= 0).map(({ group }) => group),
    );
  }

  /** A lease is an upper bound of what the event after it tells, so it tells of nothing here. */
  take(event: PhiAuditEvent, appendTimeMs: number): void {
    const { range, group } = event;
    if (!range || !group || event.phase !== 'COMMITTED') return;
    const key = keyOf({ group: group.id, topic: range.topic, partition: range.partition });
    const known = this.domains.get(key);
    const isSame = known !== undefined && sameId(known.topicId, range.topic_id);
    if (!isSame) return this.begin(key, event, appendTimeMs);
    known.lastMs = appendTimeMs;
    // A person moved the position, on record.
    if (event.type === 'session.seek') known.covered = range.next_offset;
    else if (range.next_offset > range.first_offset) this.extend(known, range);
  }

  /** What a seal says of each domain, given offsets that were read before the ends of the partitions were. */
  sealed(
    committed: readonly CommittedOffset[],
    logEnds: ReadonlyMap<string, number>,
    nowMs: number,
  ): readonly SealedCoverage[] {
    const offsets = new Map(committed.map((each) => [keyOf(each), each.offset]));
    for (const each of committed) if (!this.domains.has(keyOf(each))) this.beginWithoutEvent(each, nowMs);
    const told: SealedCoverage[] = [];
    for (const [key, domain] of this.domains) {
      const now = offsets.get(key) ?? -1;
      this.compare(domain, now, nowMs);
      domain.committed = now;
      if (now < 0 && nowMs - domain.lastMs > FORGOTTEN_MS) this.domains.delete(key);
      told.push({
        group: domain.group,
        topic: domain.topic,
        topic_id: domain.topicId,
        partition: domain.partition,
        mode: domain.mode,
        committed_offset: now,
        covered_offset: domain.covered,
        log_end_offset: logEnds.get(placeKey(domain)) ?? -1,
      });
    }
    return told;
  }

  private begin(key: string, event: PhiAuditEvent, appendTimeMs: number): void {
    const { range, group } = event;
    this.domains.set(key, {
      group: group!.id,
      topic: range!.topic,
      topicId: range!.topic_id && Buffer.from(range!.topic_id),
      partition: range!.partition,
      mode: group!.coverage,
      covered: range!.next_offset,
      committed: -1,
      shortSinceMs: null,
      lastMs: appendTimeMs,
    });
  }

  /** An offset that no event has told of: one may stand behind the end that was read; the next seal knows. */
  private beginWithoutEvent({ group, topic, partition, offset }: CommittedOffset, nowMs: number): void {
    if (offset < 0) return;
    this.domains.set(keyOf({ group, topic, partition }), {
      group,
      topic,
      topicId: null,
      partition,
      mode: 'EXACT',
      covered: -1,
      committed: -1,
      shortSinceMs: null,
      lastMs: nowMs,
    });
  }

  private extend(domain: Domain, range: { first_offset: number; next_offset: number }): void {
    const { first_offset: first, next_offset: next } = range;
    const place = placeOf(domain);
    if (first > domain.covered) this.alarms.raise('COVERAGE_GAP', place, `${domain.covered}-${first}`);
    if (first < domain.covered && domain.mode === 'EXACT')
      this.alarms.raise('COVERAGE_OVERLAP', place, `${first}-${Math.min(next, domain.covered)}`);
    domain.covered = Math.max(domain.covered, next);
  }

  /** Against the offset of a seal before: events may be late by an open transaction in their partition. */
  private compare(domain: Domain, now: number, nowMs: number): void {
    const { committed, covered } = domain;
    if (committed <= covered || now !== committed) domain.shortSinceMs = null;
    else domain.shortSinceMs ??= nowMs;
    if (domain.shortSinceMs !== null && nowMs - domain.shortSinceMs > OPEN_MAX_MS)
      this.alarms.raise('COVERAGE_SHORT', placeOf(domain), `${covered}-${committed}`);
    // Nobody renews the offsets of a redrive that is over: the broker lets them go, and the next one begins anew.
    if (committed >= 0 && now < 0 && !isRedriveGroup(domain.group))
      this.alarms.raise('GROUP_OFFSETS_GONE', placeOf(domain), `${committed}`);
  }
}

/** `topic partition`: key of the ends of logs. */
export function placeKey({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic} ${partition}`;
}

function keyOf({ group, topic, partition }: Omit<CommittedOffset, 'offset'>): string {
  return `${group} ${topic} ${partition}`;
}

function placeOf({ group, topic, partition }: Domain): string {
  return `${group} ${topic} ${partition}`;
}

function sameId(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other);
}
