/**
 * Completeness: the ranges that events tell of must tile what each group has read, without gap and overlap, up to the
 * position that the group has committed. Events of phase LEASE are intentions and count for nothing here; a jump is
 * allowed where a person ordered it on record. Memory: one interval per domain while all is well.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { SealedCoverage } from '../../schemas/seal-codecs.ts';
import { isRedriveGroup } from '../../schemas/topic-names.ts';
import type { CommittedPosition } from './audit-source.ts';
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import { extOf } from './signature-check.ts';
import type { FindingPlace, Findings } from './finding.ts';

interface Domain {
  readonly group: string;
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  /** Where the first session began. */
  start: number;
  /** Disjoint and rising; one where all is well. */
  intervals: [from: number, to: number][];
  /** Ordered jumps so far. */
  jumps: number;
  /** Known from seals only, where the events themselves were pruned. */
  isAdopted?: boolean;
}

/** A position that a seal saw, and that later seals' events must reach. */
interface Due {
  readonly key: string;
  readonly committed: number;
  readonly seal: number;
  /** When that was sealed. */
  readonly atMs?: number;
  /** What events told of by the newest seal. */
  readonly covered: number;
  readonly jumps: number;
}

export interface TilingJson {
  readonly domains: readonly Domain[];
  readonly due: readonly Due[];
}

/**
 * Who dies in the middle of a transaction leaves it open: for ten seconds of its own, and until the broker looks for
 * such, every ten seconds. Nobody reads what was committed behind it in the partition before that, a sealer neither.
 */
const OPEN_MAX_MS = 30_000;

export class TilingCheck {
  private readonly findings: Findings;
  private readonly domains = new Map<string, Domain>();
  /** The domain of the newest topic by that name. */
  private readonly latest = new Map<string, Domain>();
  private due: readonly Due[] = [];

  constructor(findings: Findings, json?: TilingJson) {
    this.findings = findings;
    for (const { intervals, ...rest } of json?.domains ?? []) {
      const domain = { ...rest, intervals: intervals.map(([from, to]): [number, number] => [from, to]) };
      this.domains.set(keyOf(domain, domain.topicId), domain);
      this.latest.set(keyOf(domain), domain);
    }
    this.due = json?.due ?? [];
  }

  get size(): number {
    return this.domains.size;
  }

  accept(placed: PlacedEvent): void {
    const { event } = placed;
    const { range, group } = event;
    if (!range || group?.coverage !== 'EXACT' || event.phase !== 'COMMITTED') return;
    const { first_offset: from, next_offset: to } = range;
    const isSound = from >= 0 && to >= from && range.record_count <= to - from;
    if (!isSound || range.delivered_count > range.record_count) {
      const detail = `${range.record_count} records in ${from} to ${to}`;
      this.findings.add('RANGE_MALFORMED', placeOf(placed), detail);
      return;
    }
    const domain = this.domainOf(event, range, group.id);
    if (event.type === 'session.seek') this.jump(domain, placed, from);
    else if (to > from) this.cover(domain, placed, from, to);
  }

  private domainOf(event: PhiAuditEvent, range: NonNullable<PhiAuditEvent['range']>, group: string): Domain {
    const topicId = range.topic_id?.toString('hex') ?? '';
    const place = { group, topic: range.topic, partition: range.partition };
    const key = keyOf(place, topicId);
    let domain = this.domains.get(key);
    if (!domain) {
      domain = { ...place, topicId, start: range.first_offset, intervals: [], jumps: 0 };
      this.domains.set(key, domain);
    }
    domain.isAdopted = false;
    if (event.type === 'session.opened') this.latest.set(keyOf(place), domain);
    else if (!this.latest.has(keyOf(place))) this.latest.set(keyOf(place), domain);
    return domain;
  }

  /** A person's order: what lies between is passed over, or read again, on record. */
  private jump(domain: Domain, placed: PlacedEvent, to: number): void {
    const end = endOf(domain);
    const how = extOf(placed.event, 'how') ?? '?';
    domain.jumps += 1;
    if (to > end) addInterval(domain, passedOverFrom(placed.event, how, end), to);
    else {
      domain.intervals = domain.intervals
        .filter(([from]) => from < to)
        .map(([from, until]) => [from, Math.min(until, to)]);
      domain.start = Math.min(domain.start, to);
    }
    const place = { ...placeOf(placed), ...sourcePlace(domain), from: end, to };
    const name = isRedriveGroup(domain.group) ? 'DECLARED_REDRIVE' : 'DECLARED_JUMP';
    this.findings.add(name, place, `from ${end} to ${to}, ordered as ${how}`);
  }

  private cover(domain: Domain, placed: PlacedEvent, from: number, to: number): void {
    const told = addInterval(domain, from, to);
    if (!told) return;
    const place = { ...placeOf(placed), ...sourcePlace(domain), from: told[0], to: told[1] };
    this.findings.add('COVERAGE_OVERLAP', place, `${from} to ${to} is told of a second time`);
  }

  /** Where groups stood before a pruned log begins, as a seal tells: what follows must go on from there. */
  adopt(coverage: readonly SealedCoverage[]): void {
    this.due = [];
    for (const { group, topic, topic_id: id, partition, mode, covered_offset: start } of coverage) {
      if (mode !== 'EXACT' || start < 0) continue;
      const place = { group, topic, partition };
      const topicId = id?.toString('hex') ?? '';
      const known = this.domains.get(keyOf(place, topicId));
      if (known && known.isAdopted !== true) continue;
      const domain: Domain = { ...place, topicId, start, intervals: [], jumps: 0, isAdopted: true };
      this.domains.set(keyOf(place, topicId), domain);
      this.latest.set(keyOf(place), domain);
    }
  }

  /** The positions that seal `n` saw. Events may be late: by an open transaction in their partition. */
  seal(n: number, coverage: readonly SealedCoverage[], atMs: number): void {
    const before = new Map(this.due.map((due) => [due.key, due]));
    const next: Due[] = [];
    for (const { group, topic, partition, mode, topic_id: id, committed_offset: committed } of coverage) {
      if (mode !== 'EXACT' || committed < 0) continue;
      const key = keyOf({ group, topic, partition }, id?.toString('hex'));
      const domain = this.find(key);
      const [covered, jumps] = [domain ? endOf(domain) : -1, domain?.jumps ?? 0];
      const last = before.get(key);
      before.delete(key);
      if (last && last.jumps === jumps && committed < last.covered) {
        const place = { group, source: topic, sourcePartition: partition, from: committed, to: last.covered };
        const detail = `committed ${committed}, while the seal before had events up to ${last.covered}`;
        this.findings.add('COVERAGE_BEYOND', { ...place, seal: n }, detail);
      }
      const isOpen = last !== undefined && this.isOpen(last, n, atMs);
      next.push(isOpen ? { ...last, covered } : { key, committed, seal: n, atMs, covered, jumps });
    }
    // Of groups that this seal does not know.
    for (const due of before.values()) if (this.isOpen(due, n, atMs)) next.push(due);
    this.due = next;
  }

  /** Is it still to be covered? Where that has taken too long it is told, and no more. */
  private isOpen({ key, committed, seal, atMs: sinceMs = 0, jumps }: Due, n: number, atMs: number): boolean {
    const domain = this.find(key);
    if (domain && domain.jumps !== jumps) return false;
    // Events that begin behind it do not cover it.
    const covered = domain && domain.start <= committed ? endOf(domain) : -1;
    if (covered >= committed) return false;
    if (atMs - sinceMs <= OPEN_MAX_MS) return true;
    const [group = '', source = '', partition = ''] = key.split('\n');
    const place = { group, source, sourcePartition: Number(partition), from: covered, to: committed, seal };
    const detail = `committed ${committed}, and by seal ${n} events tell of no more than ${covered}`;
    this.findings.add('COVERAGE_SHORT', place, detail);
    return false;
  }

  private find(key: string): Domain | undefined {
    return this.domains.get(key) ?? this.latest.get(key);
  }

  /** Holes between ranges: looked for when all that was there has been read. */
  gaps(): void {
    for (const domain of this.domains.values()) {
      for (const [at, [from]] of domain.intervals.entries()) {
        const end = at === 0 ? domain.start : domain.intervals[at - 1]![1];
        if (from <= end) continue;
        const place = { ...sourcePlace(domain), from: end, to: from };
        this.findings.add('COVERAGE_GAP', place, `no event tells of ${end} to ${from}`);
      }
    }
  }

  /** Positions read before the events must be covered; events must not go beyond positions read after them. */
  compare(before: readonly CommittedPosition[] | null, after: readonly CommittedPosition[] | null): void {
    if (!before && !after) {
      if (this.domains.size > 0)
        this.findings.once('COMMITTED_UNKNOWN', {}, 'no right, or not in the export');
      return;
    }
    for (const { group, topic, partition, offset } of before ?? []) {
      const domain = this.latest.get(keyOf({ group, topic, partition }));
      const covered = domain ? endOf(domain) : -1;
      if (covered >= offset) continue;
      const place = { group, source: topic, sourcePartition: partition, from: covered, to: offset };
      const detail = `committed ${offset}, events tell of ${covered < 0 ? 'nothing' : `no more than ${covered}`}`;
      this.findings.add('COVERAGE_SHORT', place, detail);
    }
    for (const { group, topic, partition, offset } of after ?? []) {
      const domain = this.latest.get(keyOf({ group, topic, partition }));
      if (!domain || endOf(domain) <= offset) continue;
      const place = { group, source: topic, sourcePartition: partition, from: offset, to: endOf(domain) };
      this.findings.add('COVERAGE_BEYOND', place, `committed ${offset}, events tell of ${endOf(domain)}`);
    }
  }

  /** Do events tell of more than one of these positions? */
  isBeyond(after: readonly CommittedPosition[]): boolean {
    return after.some((position) => {
      const domain = this.latest.get(keyOf(position));
      return domain !== undefined && endOf(domain) > position.offset;
    });
  }

  toJSON(): TilingJson {
    return { domains: [...this.domains.values()], due: this.due };
  }
}

/** Orders to go on from the committed offset, wherever somebody had moved it. */
const FROM_COMMITTED: ReadonlySet<string> = new Set(['COMMITTED', 'WITHHOLD']);

/** Where a jump began: what is missing before that is no part of it, unless a person took the offset as it was found. */
function passedOverFrom(event: PhiAuditEvent, how: string, end: number): number {
  const from = Number(extOf(event, 'from_offset') ?? Number.NaN);
  return Number.isSafeInteger(from) && !FROM_COMMITTED.has(how) ? Math.max(from, end) : end;
}

function endOf({ intervals, start }: Domain): number {
  return intervals.at(-1)?.[1] ?? start;
}

/** Adds a range; what of it was covered before, null where nothing was. */
function addInterval(domain: Domain, from: number, to: number): [number, number] | null {
  const { intervals } = domain;
  const last = intervals.at(-1);
  if (last?.[1] === from) {
    last[1] = to;
    return null;
  }
  domain.start = Math.min(domain.start, from);
  let overlap: [number, number] | null = null;
  for (const [start, end] of intervals) {
    const [a, b] = [Math.max(start, from), Math.min(end, to)];
    if (a < b) overlap = overlap ? [Math.min(overlap[0], a), Math.max(overlap[1], b)] : [a, b];
  }
  const all = [...intervals, [from, to] as [number, number]].sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [start, end] of all) {
    const previous = merged.at(-1);
    if (previous && start <= previous[1]) previous[1] = Math.max(previous[1], end);
    else merged.push([start, end]);
  }
  domain.intervals = merged;
  return overlap;
}

function sourcePlace({ group, topic, partition }: Domain): FindingPlace {
  return { group, source: topic, sourcePartition: partition };
}

function keyOf(
  { group, topic, partition }: Pick<Domain, 'group' | 'topic' | 'partition'>,
  topicId = '',
): string {
  return `${group}\n${topic}\n${partition}\n${topicId}`;
}
