/**
 * Whether the events of a stretch of time are all there are: committed positions in the seals before and after it, read
 * by the sealer independently of the writers, must be joined by audited ranges without a gap. Whatever is missing makes
 * it unproved, in words.
 */
import type { PhiAuditSeal, SealedCoverage } from '../../schemas/seal-codecs.ts';
import type { AuditIndex, Row } from './audit-index.ts';
import { iso } from './answer.ts';
import type { Period } from './answer.ts';
import { spansIn } from './deliveries.ts';
import type { FoundSeal, SealBracket } from './seal-bracket.ts';

/** A seal as an answer names it. */
export interface SealReference {
  readonly n: number;
  readonly offset: number;
  readonly sealed: string;
  readonly origin: string;
  /** The C2SP note, to be given to any verifier. */
  readonly checkpoint: string | null;
}

export interface DayProof {
  /** Proved as far as these seals go; `gauze audit verify` checks the seals themselves. */
  readonly isProved: boolean;
  readonly before: SealReference | null;
  readonly after: SealReference | null;
  /** Tiling domains looked at, and the ranges that tile them. */
  readonly domains: number;
  readonly ranges: number;
  /** Why it is not proved. */
  readonly missing: readonly string[];
}

export function dayProof(index: AuditIndex, day: Period, bracket: SealBracket | null): DayProof {
  const missing: string[] = [];
  const { before, after } = bracket ?? { before: null, after: null };
  if (!bracket) missing.push('this site has no seals');
  else {
    if (!before) missing.push(`there is no seal before ${iso(day.fromMs)}`);
    if (!after) missing.push(`there is no seal after ${iso(day.toMs)} yet`);
    if (before?.checkpoint === null) missing.push('the seal before has no checkpoint');
    if (after?.checkpoint === null) missing.push('the seal after has no checkpoint');
    missing.push(...bracket.alarms.map((alarm) => `a seal in between raises an alarm: ${alarm}`));
  }
  const tiled = after ? tiling(index, before?.seal ?? null, after.seal) : { ranges: 0, gaps: [] };
  missing.push(...tiled.gaps);
  return {
    isProved: missing.length === 0,
    before: before && sealReference(before),
    after: after && sealReference(after),
    domains: after?.seal.coverage.length ?? 0,
    ranges: tiled.ranges,
    missing,
  };
}

function sealReference({ seal, offset, checkpoint }: FoundSeal): SealReference {
  return { n: seal.n, offset, sealed: iso(seal.sealed_at / 1000), origin: seal.origin, checkpoint };
}

function tiling(
  index: AuditIndex,
  before: PhiAuditSeal | null,
  after: PhiAuditSeal,
): { readonly ranges: number; readonly gaps: readonly string[] } {
  const from = new Map(before?.coverage.map((each) => [domainOf(each), each.committed_offset]) ?? []);
  let ranges = 0;
  const gaps: string[] = [];
  for (const domain of after.coverage) {
    if (domain.mode !== 'EXACT' || domain.committed_offset < 0) continue;
    const found = tile(index, domain, from.get(domainOf(domain)) ?? -1);
    ranges += found.ranges;
    if (found.gap !== null)
      gaps.push(
        `${domain.group} ${domain.topic}/${domain.partition}: nothing audits from offset ${found.gap} on`,
      );
  }
  return { ranges, gaps };
}

/** `position`: committed before; -1: the domain began in between, and its first range begins it. */
function tile(
  index: AuditIndex,
  { group, topic, topic_id, partition, committed_offset: end }: SealedCoverage,
  position: number,
): { readonly ranges: number; readonly gap: number | null } {
  const place = index.get(
    'SELECT id FROM places WHERE topic = ? AND partition = ? AND topic_id = ?',
    topic,
    partition,
    topic_id?.toString('hex') ?? '',
  );
  const rows = rangesOf(index, Number(place?.['id'] ?? -1), group, position, end);
  let next = position;
  for (const row of rows) {
    const { first, next: after, isDeclared } = row;
    if (next >= 0 && first > next && !isDeclared) return { ranges: rows.length, gap: next };
    next = Math.max(next, after);
  }
  return { ranges: rows.length, gap: next >= end ? null : Math.max(0, next) };
}

interface AuditedRange {
  readonly first: number;
  readonly next: number;
  /** A person moved the position here, on record. */
  readonly isDeclared: boolean;
}

/** Audited ranges of a group in [position, end), and declared moves, in order. */
function rangesOf(
  index: AuditIndex,
  place: number,
  group: string,
  position: number,
  end: number,
): readonly AuditedRange[] {
  const read = spansIn(index, 'events', place).flatMap((span) =>
    index.all(
      `SELECT e.first, e.next FROM events AS e JOIN contexts AS c ON c.id = e.context
       WHERE e.place = ? AND e.span = ? AND e.first > ? AND e.first < ? AND e.next > ?
         AND json_extract(c.facts, '$.group') = ? AND json_extract(c.facts, '$.phase') <> 'LEASE'`,
      place,
      span,
      position - 2 ** span,
      end,
      position,
      group,
    ),
  );
  const moved = index.all(
    `SELECT e.first, e.next FROM contexts AS c JOIN events AS e ON e.context = c.id
     WHERE c.type = 'session.seek' AND e.place = ? AND json_extract(c.facts, '$.group') = ?`,
    place,
    group,
  );
  const range =
    (isDeclared: boolean) =>
    (row: Row): AuditedRange => ({ first: Number(row['first']), next: Number(row['next']), isDeclared });
  return [...read.map(range(false)), ...moved.map(range(true))].sort(
    (a, b) => a.first - b.first || Number(b.isDeclared) - Number(a.isDeclared) || a.next - b.next,
  );
}

function domainOf({ group, topic, topic_id, partition }: SealedCoverage): string {
  return `${group} ${topic} ${topic_id?.toString('hex') ?? ''}/${partition}`;
}
