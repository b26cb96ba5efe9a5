/**
 * What many audit events have in common, as the local index keeps it, and one event read back from it.
 * Names, codes and counts of the events themselves; it adds nothing to them.
 */
import type { Accounting, PhiAuditEvent } from '../../schemas/control-codecs.ts';
import type { Cell, Row } from './audit-index.ts';
import { placeOfRow } from './index-tables.ts';
import type { RecordPlace } from './index-tables.ts';

export interface EventFacts {
  readonly type: string;
  readonly phase: PhiAuditEvent['phase'];
  readonly action: PhiAuditEvent['action'];
  readonly outcome: PhiAuditEvent['outcome'];
  readonly outcomeReason: string | null;
  readonly actor: string;
  readonly actorType: PhiAuditEvent['actor']['type'];
  readonly roles: readonly string[];
  readonly onBehalfOf: string | null;
  readonly recipient: string | null;
  readonly purpose: readonly string[];
  readonly accounting: Accounting;
  /** The policy's name: of a lane's event its audience, of an approval's the rule. */
  readonly audience: string;
  readonly policyVersion: number;
  /** Hash of the plan, or over those of all plans used; hex. */
  readonly plan: string | null;
  readonly group: string | null;
  readonly grant: {
    readonly id: string;
    /** 0: not active when the event was written. */
    readonly expiresAtMs: number;
    readonly approvedBy: readonly string[];
    readonly emergency: boolean;
  } | null;
  readonly requestId: string | null;
  /** Paths of the fields that were visible as they are; all others were masked by the plan. */
  readonly fieldsClear: readonly string[];
  /** Tags of those fields. */
  readonly dataClasses: readonly string[];
  readonly outputTopic: string | null;
}

/** An event as the index has it. */
export interface IndexedEvent {
  /** Row id, which orders events of one partition. */
  readonly id: number;
  /** Where it stands in gauze.audit.events. */
  readonly at: RecordPlace;
  /** The broker's time. */
  readonly appendedMs: number;
  readonly facts: EventFacts;
  /** What was read; `place` is an id of the index. */
  readonly range: {
    readonly place: number;
    readonly first: number;
    readonly next: number;
    readonly records: number;
    readonly delivered: number;
    readonly bitmap: Uint8Array | null;
  } | null;
  /** Tokens of those whom delivered records are about, 8 bytes each; of events of grants only. */
  readonly tokens: Uint8Array | null;
  readonly ext: Readonly<Record<string, string>>;
}

/** Columns that `eventOf` reads, of `events AS e JOIN contexts AS c`. */
export const EVENT_COLUMNS = `e.id, e.appended_ms, e.place, e.first, e.next, e.records, e.delivered, e.bitmap, e.tokens,
  e.ext, c.facts`;
export const EVENT_TABLES = 'events AS e JOIN contexts AS c ON c.id = e.context';

/** The event of a row with EVENT_COLUMNS. */
export function eventOf(row: Row): IndexedEvent {
  const id = Number(row['id']);
  const place = row['place'] ?? null;
  return {
    id,
    at: placeOfRow(id),
    appendedMs: Number(row['appended_ms']),
    facts: JSON.parse(String(row['facts'])) as EventFacts,
    range:
      place === null
        ? null
        : {
            place: Number(place),
            first: Number(row['first']),
            next: Number(row['next']),
            records: Number(row['records']),
            delivered: Number(row['delivered']),
            bitmap: bytes(row['bitmap']),
          },
    tokens: bytes(row['tokens']),
    ext: row['ext'] ? (JSON.parse(String(row['ext'])) as Record<string, string>) : {},
  };
}

function bytes(cell: Cell | undefined): Uint8Array | null {
  return cell instanceof Uint8Array ? cell : null;
}
