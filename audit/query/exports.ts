/**
 * Did anybody get patient identifiers in clear on a day? A yes names the events. A no holds only as far as it is proved:
 * the checkpoints that bracket the day, and audited ranges that leave no gap between them. It never says no to a doubt.
 */
import { TAGS } from '../../schemas/tags.ts';
import type { TagName } from '../../schemas/tags.ts';
import type { AuditIndex } from './audit-index.ts';
import { distinct, indexRemarks, iso } from './answer.ts';
import type { EventReference, Period, Remarks } from './answer.ts';
import type { EventFacts } from './event-facts.ts';
import { placeOfRow } from './index-tables.ts';
import { dayProof } from './day-proof.ts';
import type { DayProof } from './day-proof.ts';
import type { SealBracket } from './seal-bracket.ts';

/** Deliveries of identifiers to one recipient under one policy or grant. */
export interface IdentifierDelivery {
  readonly through: 'audience' | 'grant' | 'export';
  readonly name: string;
  readonly recipient: string | null;
  readonly actor: string;
  readonly events: number;
  readonly records: number;
  readonly identifiers: readonly string[];
  readonly fieldsClear: readonly string[];
  readonly first: EventReference;
  readonly last: EventReference;
}

export interface ExportsAnswer {
  readonly question: 'exports';
  readonly from: string;
  readonly to: string;
  readonly answer: 'yes' | 'no';
  readonly deliveries: readonly IdentifierDelivery[];
  /** How far a "no" is proved; also given with a "yes", for what else is on record of the day. */
  readonly proof: DayProof;
  readonly remarks: Remarks;
}

/**
 * Direct identifiers, 45 CFR 164.514(e)(2): what no limited data set may hold. Dates, ages and ZIP codes are none;
 * free text may hold any.
 */
const DIRECT_IDENTIFIERS: ReadonlySet<string> = new Set(
  (Object.keys(TAGS) as TagName[]).filter(isDirectIdentifier),
);

function isDirectIdentifier(tag: TagName): boolean {
  const { letter } = TAGS[tag];
  return tag === 'PHI_FREE_TEXT' || (letter !== null && letter !== 'C' && tag !== 'PHI_ZIP');
}

/** `bracket`: the seals around the day; null where the site seals nothing. */
export function exportsOn(index: AuditIndex, day: Period, bracket: SealBracket | null): ExportsAnswer {
  const deliveries = identifierDeliveries(index, day);
  return {
    question: 'exports',
    from: iso(day.fromMs),
    to: iso(day.toMs),
    answer: deliveries.length > 0 ? 'yes' : 'no',
    deliveries,
    proof: dayProof(index, day, bracket),
    remarks: indexRemarks(index),
  };
}

function identifierDeliveries(index: AuditIndex, { fromMs, toMs }: Period): readonly IdentifierDelivery[] {
  const contexts = index.all(
    "SELECT id, facts FROM contexts WHERE type IN ('session.batch', 'session.lease', 'export.created')",
  );
  return contexts.flatMap((row) => {
    const facts = JSON.parse(String(row['facts'])) as EventFacts;
    const isExport = facts.type === 'export.created';
    const identifiers = facts.dataClasses.filter((tag) => DIRECT_IDENTIFIERS.has(tag));
    if (!isExport && (facts.recipient === null || identifiers.length === 0)) return [];
    const found = index.get(
      `SELECT COUNT(*) AS events, SUM(delivered) AS records, MIN(appended_ms) AS first_ms, MAX(appended_ms) AS last_ms,
         MIN(id) AS first_id, MAX(id) AS last_id
       FROM events AS e WHERE context = ? AND appended_ms >= ? AND appended_ms < ? AND (? OR delivered > 0)
         AND NOT ${REDEEMED}`,
      Number(row['id']),
      fromMs,
      toMs,
      isExport ? 1 : 0,
      facts.phase === 'LEASE' ? 1 : 0,
      facts.grant?.id ?? '',
    );
    if (Number(found?.['events']) === 0) return [];
    return [
      {
        through: isExport ? ('export' as const) : facts.grant ? ('grant' as const) : ('audience' as const),
        name: facts.grant?.id ?? facts.audience,
        recipient: facts.recipient,
        actor: facts.actor,
        events: Number(found?.['events']),
        records: Number(found?.['records'] ?? 0),
        identifiers: distinct(identifiers),
        fieldsClear: facts.fieldsClear,
        first: { ...placeOfRow(Number(found?.['first_id'])), appended: iso(Number(found?.['first_ms'])) },
        last: { ...placeOfRow(Number(found?.['last_id'])), appended: iso(Number(found?.['last_ms'])) },
      },
    ];
  });
}

/** A lease (first parameter 1) of a grant (second) whose delivery is on record: that one counts. */
const REDEEMED = `(? AND EXISTS (SELECT 1 FROM events AS d JOIN contexts AS c ON c.id = d.context
   WHERE d.place = e.place AND d.span = e.span AND d.first = e.first AND d.next = e.next
     AND c.type = 'session.batch' AND c.grant_id = ?))`;
