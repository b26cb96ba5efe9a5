/**
 * Two questions about people's decisions: whether one human counted twice in one request (must never be), and how long
 * it takes from an end ordered by people until nothing more is delivered.
 */
import type { AuditIndex } from './audit-index.ts';
import { indexRemarks, iso, reference } from './answer.ts';
import type { EventReference, Remarks } from './answer.ts';
import { EVENT_COLUMNS, EVENT_TABLES, eventOf } from './event-facts.ts';
import type { IndexedEvent } from './event-facts.ts';
import { rowIdOf } from './index-tables.ts';

export interface DoubleApprovalsAnswer {
  readonly question: 'double-approvals';
  /** Must be empty. */
  readonly doubles: readonly {
    readonly request: string;
    readonly human: string;
    readonly votes: number;
    readonly events: readonly EventReference[];
  }[];
  /** Requests with a vote. */
  readonly requests: number;
  readonly remarks: Remarks;
}

/** How long cut-offs took; milliseconds. */
export interface CutoffTimes {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

export interface CutoffsAnswer {
  readonly question: 'cutoffs';
  /** From the entry in gauze.access until the task noticed; null where there was none. */
  readonly untilNoticed: CutoffTimes | null;
  /** Until the last append to the grant topic; 0 where nothing was appended after the entry. */
  readonly untilLastAppend: CutoffTimes | null;
  readonly cutoffs: readonly {
    readonly grant: string;
    readonly entry: string;
    readonly entryOffset: number;
    readonly ordered: string;
    readonly noticedMs: number;
    readonly lastAppendMs: number;
    readonly event: EventReference;
  }[];
  /** Cut-offs whose cause is not in the access log. */
  readonly withoutCause: number;
  readonly remarks: Remarks;
}

const VOTES: ReadonlySet<string> = new Set(['decision.approved', 'decision.narrowed']);

export function doubleApprovals(index: AuditIndex): DoubleApprovalsAnswer {
  const events = index
    .all(
      `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
       WHERE c.type IN ('decision.approved', 'decision.narrowed', 'decision.vote_dropped')
         AND c.request_id IS NOT NULL ORDER BY e.id`,
    )
    .map(eventOf)
    .filter(({ facts }) => facts.outcome === 'SUCCESS');
  const byRequest = Map.groupBy(events, ({ facts }) => facts.requestId!);
  const doubles = [...byRequest].flatMap(([request, mine]) => {
    const votes = mine.filter(({ facts }) => VOTES.has(facts.type));
    const byHuman = Map.groupBy(votes, ({ facts }) => facts.onBehalfOf ?? facts.actor);
    const dropped = mine.length - votes.length;
    return [...byHuman].flatMap(([human, cast]) => {
      // One entry may both narrow and approve: one vote.
      const entries = new Set(cast.map(({ ext, id }) => ext['access_offset'] ?? `event ${id}`));
      if (entries.size <= 1 + dropped) return [];
      return [{ request, human, votes: entries.size, events: cast.map(reference) }];
    });
  });
  return {
    question: 'double-approvals',
    doubles: [...doubles, ...namedTwice(index)],
    requests: byRequest.size,
    remarks: indexRemarks(index),
  };
}

/** Grants whose list of approvers names somebody twice. */
function namedTwice(index: AuditIndex): DoubleApprovalsAnswer['doubles'] {
  const rows = index.all(
    `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
     WHERE c.grant_id IS NOT NULL AND json_array_length(c.facts, '$.grant.approvedBy') >
       (SELECT COUNT(DISTINCT value) FROM json_each(c.facts, '$.grant.approvedBy'))`,
  );
  const byGrant = Map.groupBy(rows.map(eventOf), ({ facts }) => facts.grant!.id);
  return [...byGrant.values()].map((mine) => {
    const { grant, requestId } = mine[0]!.facts;
    const human = grant!.approvedBy.find((each, at, all) => all.indexOf(each) !== at)!;
    return { request: requestId ?? grant!.id, human, votes: 2, events: mine.slice(0, 1).map(reference) };
  });
}

export function cutoffs(index: AuditIndex): CutoffsAnswer {
  const killed = index
    .all(`SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES} WHERE c.type = 'session.killed' ORDER BY e.id`)
    .map(eventOf);
  const found = killed.flatMap((event) => {
    const cutoff = cutoffOf(index, event);
    return cutoff ? [cutoff] : [];
  });
  return {
    question: 'cutoffs',
    untilNoticed: timesOf(found.map(({ noticedMs }) => noticedMs)),
    untilLastAppend: timesOf(found.map(({ lastAppendMs }) => lastAppendMs)),
    cutoffs: found,
    withoutCause: killed.length - found.length,
    remarks: indexRemarks(index),
  };
}

function cutoffOf(index: AuditIndex, event: IndexedEvent): CutoffsAnswer['cutoffs'][number] | null {
  const offset = Number(event.ext['access_offset']);
  if (!Number.isSafeInteger(offset) || offset < 0) return null;
  const entry = index.get(
    'SELECT kind, appended_ms FROM access_entries WHERE id = ?',
    rowIdOf({ partition: 0, offset }),
  );
  if (!entry) return null;
  const orderedMs = Number(entry['appended_ms']);
  const appended = event.ext['last_append_at'];
  return {
    grant: event.facts.grant?.id ?? '',
    entry: String(entry['kind']),
    entryOffset: offset,
    ordered: iso(orderedMs),
    noticedMs: Math.max(0, Number(event.ext['noticed_at']) - orderedMs),
    lastAppendMs:
      appended === undefined || appended === 'none' ? 0 : Math.max(0, Number(appended) - orderedMs),
    event: reference(event),
  };
}

function timesOf(times: readonly number[]): CutoffTimes | null {
  if (times.length === 0) return null;
  const rising = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    rising[Math.min(rising.length - 1, Math.ceil(share * rising.length) - 1)]!;
  return { count: rising.length, min: rising[0]!, median: at(0.5), p95: at(0.95), max: rising.at(-1)! };
}
