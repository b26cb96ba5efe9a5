/**
 * Everything that one principal or person did or was given, by kind of event: as the one who acted, on whose behalf,
 * as the recipient, or seen from outside as a reader. Counts and places of events only.
 */
import type { AuditIndex, Row } from './audit-index.ts';
import { indexRemarks, iso } from './answer.ts';
import type { EventReference, Remarks } from './answer.ts';
import type { EventFacts } from './event-facts.ts';
import { placeOfRow } from './index-tables.ts';

/** Events of one kind. */
export interface PrincipalActs {
  readonly as: 'actor' | 'on behalf of' | 'recipient' | 'possible reader';
  readonly type: string;
  /** Audience, rule, or grant that it was under. */
  readonly under: string;
  readonly outcome: string;
  readonly events: number;
  readonly records: number;
  readonly fieldsClear: readonly string[];
  readonly first: EventReference;
  readonly last: EventReference;
}

export interface PrincipalAnswer {
  readonly question: 'principal';
  readonly principal: string;
  readonly acts: readonly PrincipalActs[];
  readonly remarks: Remarks;
}

const TOTALS = `COUNT(*) AS events, SUM(e.delivered) AS records, MIN(e.id) AS first_id, MAX(e.id) AS last_id,
  MIN(e.appended_ms) AS first_ms, MAX(e.appended_ms) AS last_ms, c.facts`;

/** `principal` as it stands in events: `User:alice`, or a person's id. */
export function principalActs(index: AuditIndex, principal: string): PrincipalAnswer {
  const rows = index.all(
    `SELECT ${TOTALS} FROM contexts AS c JOIN events AS e ON e.context = c.id
     WHERE c.actor = ?1 OR c.on_behalf_of = ?1 OR c.recipient = ?1 GROUP BY c.id`,
    principal,
  );
  // The watcher's evidence is weaker: who may use a group, not who did.
  const observed = index.all(
    `SELECT ${TOTALS} FROM contexts AS c JOIN events AS e ON e.context = c.id
     WHERE c.type = 'session.observed'
       AND instr(' ' || json_extract(e.ext, '$.may_use_group') || ' ', ' ' || ?1 || ' ') > 0 GROUP BY c.id`,
    principal,
  );
  const acts = [
    ...rows.map((row) => actsOf(row, principal)),
    ...observed.map((row) => ({ ...actsOf(row, principal), as: 'possible reader' as const })),
  ];
  return {
    question: 'principal',
    principal,
    acts: merged(acts).sort((a, b) => (a.first.appended < b.first.appended ? -1 : 1)),
    remarks: indexRemarks(index),
  };
}

function actsOf(row: Row, principal: string): PrincipalActs {
  const facts = JSON.parse(String(row['facts'])) as EventFacts;
  const { type, outcome, outcomeReason, grant, audience, fieldsClear } = facts;
  return {
    as: facts.actor === principal ? 'actor' : facts.onBehalfOf === principal ? 'on behalf of' : 'recipient',
    type,
    under: grant ? `grant ${grant.id}` : audience,
    outcome: outcomeReason ? `${outcome} ${outcomeReason}` : outcome,
    events: Number(row['events']),
    records: Number(row['records'] ?? 0),
    fieldsClear,
    first: { ...placeOfRow(Number(row['first_id'])), appended: iso(Number(row['first_ms'])) },
    last: { ...placeOfRow(Number(row['last_id'])), appended: iso(Number(row['last_ms'])) },
  };
}

/** Events that differ only in what the answer does not show are one line. */
function merged(acts: readonly PrincipalActs[]): PrincipalActs[] {
  const groups = Map.groupBy(acts, ({ as, type, under, outcome, fieldsClear }) =>
    JSON.stringify([as, type, under, outcome, fieldsClear]),
  );
  return [...groups.values()].map((mine) => {
    const byTime = mine.toSorted((a, b) => (a.first.appended < b.first.appended ? -1 : 1));
    const last = mine.reduce((late, each) => (each.last.appended > late.last.appended ? each : late));
    return {
      ...byTime[0]!,
      events: mine.reduce((sum, { events }) => sum + events, 0),
      records: mine.reduce((sum, { records }) => sum + records, 0),
      last: last.last,
    };
  });
}
